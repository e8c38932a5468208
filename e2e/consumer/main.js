// What someone who installed the package writes: run programs, show what they said.
import { Sandbox } from "porthole";
import { archive, hello } from "./hello.js";

try {
	const sandbox = await Sandbox.create();
	const said = [];
	for (const source of [hello, await archive()]) {
		const { code, stdout } = await sandbox.command(await sandbox.load(source)).output();
		said.push(`${code}: ${new TextDecoder().decode(stdout).trim()}`);
	}
	document.title = said.join(", ");
	await sandbox.close();
} catch (error) {
	document.title = `failed: ${error.message}`;
}

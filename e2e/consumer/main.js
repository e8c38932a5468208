// What someone who installed the package writes: run a program, show what it said.
import { Sandbox } from "porthole";
import { hello } from "./hello.js";

try {
	const sandbox = await Sandbox.create();
	await sandbox.load(hello);
	const { code, stdout } = await sandbox.command("main").output();
	document.title = `${code}: ${new TextDecoder().decode(stdout).trim()}`;
	await sandbox.close();
} catch (error) {
	document.title = `failed: ${error.message}`;
}

/** A worker of the page's that uses the library: with addresses that are relative to its own. */
import { HTTPDirectory, Sandbox } from "../dist/index.js";

addEventListener("message", async () => {
	try {
		const sandbox = await Sandbox.create({
			workerUrl: "../dist/guest.js",
			packages: ["../packages/sqlite.webc"],
			mounts: { "/words": new HTTPDirectory(".", { index: "./words.txt" }) },
		});
		const { text } = await sandbox.command("sqlite", [":memory:", "select 6 * 7"]).output();
		const files = await sandbox.fs.readdir("/words");
		await sandbox.close();
		postMessage([text(), ...files.map(({ name }) => name)]);
	} catch (error) {
		postMessage([`${error.name} ${error.code}: ${error.message}`]);
	}
});

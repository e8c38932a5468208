/**
 * What a consumer's compiler sees of the types: checked with the oldest library that is promised, and
 * with the declarations of the package themselves (`npm run publishable`).
 */
import {
	type ExitStatus,
	IndexedDBDirectory,
	MemoryDirectory,
	OPFSDirectory,
	type Process,
	Sandbox,
} from "porthole";
import type { PortholeElements, PortholeTerminal } from "porthole/element";
import { Sandbox as Inline } from "porthole/inline";
import { offline } from "porthole/service-worker";
import { readPackage } from "porthole/webc";

export const element = (
	<porthole-terminal src="/python.webc" command="python" args="-i" label="Python" data-mine="1" />
);
// @ts-expect-error: there is no such attribute.
export const wrong = <porthole-terminal scr="/python.webc" />;
export const names: keyof PortholeElements = "porthole-terminal";

export function hear(terminal: PortholeTerminal): void {
	terminal.src = "/python.webc";
	terminal.command = "python";
	terminal.args = "-i";
	terminal.options = { mounts: { "/d": new MemoryDirectory({ a: "b" }) } };
	terminal.addEventListener("start", ({ detail }) => {
		const process: Process = detail;
		process.kill();
	});
	terminal.addEventListener("exit", ({ detail }) => {
		const status: ExitStatus = detail;
		return status.code;
	});
	terminal.addEventListener("failure", ({ detail }) => String(detail));
	terminal.addEventListener("click", (event) => event.clientX);
	// @ts-expect-error: the detail of an exit is no process.
	terminal.addEventListener("exit", ({ detail }) => detail.kill());
	const found: PortholeTerminal | null = document.querySelector("porthole-terminal");
	found?.focus();
}

export async function run(trusted: { toJSON(): string; toString(): string }): Promise<string> {
	const sandbox = await Sandbox.create({
		workerUrl: trusted,
		mounts: { "/a": new IndexedDBDirectory("a"), "/b": new OPFSDirectory() },
	});
	const { text } = await sandbox.command("python").output();
	await sandbox.close();
	return text();
}

export { Inline, offline, readPackage };

/**
 * The page of the bench: runs one job on one contestant and says how long it took.
 *
 * Ours goes through the public API, so that its figures hold all that a user of it pays for. The
 * others run in a worker of their own each, as a page would use them.
 */
import { type Package, Sandbox } from "../src/index.ts";
import { readPackage } from "../src/webc/index.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import type { Contestant, FromHost, HostJob, Job, Outcome } from "./job.ts";

const WORKER = "/guest.js";
const INSERTS = 100_000;

const scripts = {
	inserts(): Uint8Array {
		const lines = ["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, value INTEGER);", "BEGIN;"];
		for (let i = 0; i < INSERTS; i++) {
			lines.push(`INSERT INTO t VALUES (${i}, 'a name of some length, number ${i}', ${i * 7});`);
		}
		lines.push("COMMIT;", "SELECT count(*), sum(value) FROM t;");
		return new TextEncoder().encode(lines.join("\n"));
	},
};

async function run(who: Contestant, job: Job): Promise<Outcome> {
	const bytes = await fetchBytes(job.program);
	return who === "ours" ? runOurs(bytes, job) : runOther(who, bytes, job);
}

// --- ours ---

async function runOurs(bytes: Uint8Array, job: Job): Promise<Outcome> {
	const files = job.script === undefined ? {} : { "/script": scripts[job.script]() };
	let start = performance.now();
	const sandbox = await Sandbox.create({ workerUrl: WORKER, files });
	try {
		const pkg = await sandbox.load(bytes);
		const command = sandbox.command(pkg, [...job.args]);
		if (job.from === "compiled") {
			// A run that fails at once, for its arguments; by then the module is compiled.
			if (job.script !== undefined) await sandbox.command(pkg, ["-version"]).output();
			start = performance.now();
		}
		if (job.printed === "text") {
			const { code, stdout, stderr } = await command.output();
			const text = new TextDecoder().decode(stdout);
			const complaint = new TextDecoder().decode(stderr);
			return { code, text: text || complaint, carried: 0, ms: performance.now() - start };
		}
		const process = await command.spawn();
		// The guest is about to start, as the others are when they are told to go.
		start = performance.now();
		let carried = 0;
		for await (const chunk of process.stdout) carried += chunk.length;
		const { code } = await process.status;
		return { code, text: "", carried, ms: performance.now() - start };
	} finally {
		await sandbox.close();
	}
}

// --- the others ---

async function runOther(
	who: Exclude<Contestant, "ours">,
	bytes: Uint8Array,
	job: Job,
): Promise<Outcome> {
	const { wasm, files } = await unpacked(job.program, bytes);
	if (job.script !== undefined) files.set("/script", scripts[job.script]());
	const task: HostJob = { who, wasm, files, printed: job.printed, args: ["program", ...job.args] };
	let start = performance.now();
	const worker = new Worker("/host.js", { type: "module" });
	let carried = 0;
	try {
		return await new Promise<Outcome>((resolve, reject) => {
			worker.onerror = (event) => reject(new Error(event.message));
			worker.onmessage = ({ data }: MessageEvent<FromHost>) => {
				switch (data.kind) {
					case "ready":
						if (job.from === "compiled") start = performance.now();
						worker.postMessage("go");
						break;
					case "output":
						carried += data.chunk.length;
						break;
					case "failed":
						reject(new Error(data.why));
						break;
					case "done":
						resolve({ ...data, carried, ms: performance.now() - start });
				}
			};
			worker.postMessage(task);
		});
	} finally {
		worker.terminate();
	}
}

interface Unpacked {
	readonly wasm: Uint8Array;
	readonly files: Map<string, Uint8Array>;
}

const packages = new Map<string, Promise<Unpacked>>();

/** The module and the files of a package: the others are spared the reading of it. */
async function unpacked(url: string, bytes: Uint8Array): Promise<Unpacked> {
	if (url.endsWith(".wasm")) return { wasm: bytes, files: new Map() };
	const known = packages.get(url) ?? unpack(bytes);
	packages.set(url, known);
	const { wasm, files } = await known;
	return { wasm, files: new Map(files) };
}

async function unpack(bytes: Uint8Array): Promise<Unpacked> {
	const found = await readPackage(bytes);
	const [atom] = found.atoms.values();
	if (atom === undefined) throw new Error("the package has no program");
	const read = async ({ start, length }: { start: number; length: number }) =>
		(await found.source.read(start, length)).slice();
	const files = new Map<string, Uint8Array>();
	type Tree = (typeof found.volumes)[number]["tree"];
	const walk = async (tree: Tree, at: string): Promise<void> => {
		for (const [name, child] of tree) {
			if (typeof child === "string") continue;
			if (child instanceof Map) await walk(child as Tree, `${at}${name}/`);
			else files.set(at + name, await read(child as { start: number; length: number }));
		}
	};
	for (const { tree, mountPath } of found.volumes) {
		await walk(tree, mountPath.endsWith("/") ? mountPath : `${mountPath}/`);
	}
	return { wasm: await read(atom), files };
}

// --- the same worker again ---

let held: { sandbox: Sandbox; pkg: Package } | null = null;

/** Starts a worker of ours and keeps it. */
async function open(program: string): Promise<void> {
	const sandbox = await Sandbox.create({ workerUrl: WORKER });
	held = { sandbox, pkg: await sandbox.load(await fetchBytes(program)) };
}

async function again(args: string[]): Promise<void> {
	const output = await held?.sandbox.command(held.pkg, args).output();
	if (output?.success !== true) throw new Error(`the program failed: ${output?.text()}`);
}

async function close(): Promise<void> {
	await held?.sandbox.close();
	held = null;
}

declare global {
	var bench: Readonly<{
		run: typeof run;
		open: typeof open;
		again: typeof again;
		close: typeof close;
	}>;
}
globalThis.bench = { run, open, again, close };

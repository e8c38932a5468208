/**
 * The page of the bench of interruption: runs programs that are metered and that are not, and stops such as
 * never end. All through the public API, on a page as any other.
 */
import { type Package, type Process, Sandbox } from "../src/index.ts";
import { rewrite } from "../src/rewrite/rewrite.ts";
import { readPackage } from "../src/webc/index.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import type { Computed, Computing, Passes, Starting, Variant } from "./interrupt-job.ts";

const WORKER = "/guest.js";
const SPINNERS = 6;
const HINTS = new TextEncoder().encode("metadata.code.branch_hint");

let sandbox: Sandbox | null = null;
const packages = new Map<Variant, Package>();

/** Starts a worker and loads a program in the variants that are wanted. */
async function open({ program, files }: Computing, variants: readonly Variant[]): Promise<void> {
	sandbox = await Sandbox.create({
		workerUrl: WORKER,
		bridge: "suspending",
		...(files && { files }),
	});
	const bytes = await fetchBytes(program);
	const plain = await sandbox.load(bytes);
	for (const variant of variants) {
		const isOwn = variant === "hinted" || variant === "unhinted";
		packages.set(variant, isOwn ? await sandbox.load(rewritten(bytes, variant)) : plain);
	}
}

function rewritten(bytes: Uint8Array, variant: Variant): Uint8Array {
	// With all loops: in those that count, a check costs most.
	const { bytes: metered } = rewrite(bytes, { meter: "all" });
	if (variant === "hinted") return metered;
	const at = metered.findIndex((_, start) => HINTS.every((byte, i) => metered[start + i] === byte));
	if (at < 0) throw new Error("the module has no hints");
	metered[at] = 0x78;
	return metered;
}

async function compute({ args }: Computing, variant: Variant): Promise<Computed> {
	const pkg = packages.get(variant);
	if (sandbox === null || pkg === undefined) throw new Error("not open");
	const interruptible = variant === "metered";
	const process = await sandbox.command(pkg, [...args], { interruptible }).spawn();
	const text = await new Response(process.stdout).text();
	const { code } = await process.status;
	if (code !== 0)
		throw new Error(`exits with ${code}: ${await new Response(process.stderr).text()}`);
	return { ms: (await process.usage()).time, text };
}

async function close(): Promise<void> {
	await sandbox?.close();
	sandbox = null;
	packages.clear();
}

/** Milliseconds of each pass over the first atom of a package. */
async function passes(program: string): Promise<Passes> {
	const found = await readPackage(await fetchBytes(program));
	const [atom] = found.atoms.values();
	if (atom === undefined) throw new Error("the package has no program");
	const bytes = (await found.source.read(atom.start, atom.length)).slice();
	const worker = new Worker("/interrupt-worker.js", { type: "module" });
	try {
		return await new Promise<Passes>((resolve, reject) => {
			worker.onmessage = ({ data }) => resolve(data);
			worker.onerror = (event) => reject(new Error(event.message));
			worker.postMessage(bytes);
		});
	} finally {
		worker.terminate();
	}
}

/** Milliseconds from a program's bytes, or from its address, to its end, in a worker that has rewritten `warm` before. */
async function start({ job, warm, from: source, interruptible }: Starting): Promise<number> {
	const other = await fetchBytes(warm.program);
	const content =
		source === "bytes" ? await fetchBytes(job.program) : new URL(job.program, location.href);
	// What is loaded is compiled as the sandbox says, before it is known how it will be started.
	const fresh = await Sandbox.create({ workerUrl: WORKER, bridge: "suspending", interruptible });
	const run = async (of: Computing, content: Uint8Array | URL, how: boolean) => {
		const pkg = await fresh.load(content);
		return fresh.command(pkg, [...of.args], { interruptible: how }).output();
	};
	try {
		await run(warm, other, true);
		const from = performance.now();
		const { success } = await run(job, content, interruptible);
		if (!success) throw new Error("the program failed");
		return performance.now() - from;
	} finally {
		await fresh.close();
	}
}

/** Milliseconds until one of six endless programs is over that is killed, and until a file is read meanwhile. */
async function spin(
	{ program }: Computing,
	count: number,
): Promise<{ kills: number[]; reads: number[] }> {
	const busy = await Sandbox.create({ workerUrl: WORKER, bridge: "suspending" });
	try {
		const pkg = await busy.load(await fetchBytes(program));
		await busy.fs.writeFile("/tmp/read", "content");
		const begin = async () => {
			const process = await busy.command(pkg, ["spin"]).spawn();
			await process.stdout.getReader().read();
			return process;
		};
		const spinners: Process[] = [];
		for (let i = 0; i < SPINNERS; i++) spinners.push(await begin());
		const kills: number[] = [];
		const reads: number[] = [];
		for (let i = 0; i < count; i++) {
			await pause(i);
			let from = performance.now();
			await busy.fs.readTextFile("/tmp/read");
			reads.push(performance.now() - from);
			await pause(i);
			const process = spinners.shift();
			from = performance.now();
			process?.kill("SIGKILL");
			await process?.status;
			kills.push(performance.now() - from);
			spinners.push(await begin());
		}
		return { kills, reads };
	} finally {
		await busy.close();
	}
}

/** Not always as long, or each would come at the same moment of a slice; and longer than a page's word counts. */
function pause(i: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 120 + ((i * 7) % 13)));
}

declare global {
	var interruptBench: Readonly<{
		open: typeof open;
		compute: typeof compute;
		close: typeof close;
		passes: typeof passes;
		start: typeof start;
		spin: typeof spin;
	}>;
}
globalThis.interruptBench = { open, compute, close, passes, start, spin };

/**
 * `npm run bench -- --check`: the hot paths in Node, in nanoseconds and in bytes of garbage per call.
 *
 * Each row is a system call as the guest makes it, less the wasm: decode, delegate, encode. The
 * best of several rounds counts, because other work on the machine only ever adds. Garbage is what
 * the heap grew by while nothing was collected; the rule is that reads, writes and seeks make none,
 * so a row that promises none and makes some fails the run.
 */
import { exit } from "node:process";
import { SuspendingBridge } from "../src/bridge/suspending.ts";
import { Namespace } from "../src/fs/namespace.ts";
import { type INode, Node } from "../src/fs/node.ts";
import { Overlay } from "../src/fs/overlay.ts";
import { Tmp } from "../src/fs/tmp.ts";
import { OpenFile } from "../src/process/descriptors.ts";
import { Process } from "../src/process/process.ts";
import { Thread } from "../src/process/thread.ts";
import { preview1 } from "../src/wasi/table.ts";

const ROUNDS = 7;
const CALLS = 200_000;
/** Measuring the heap makes a little garbage itself; divided by the calls it is next to nothing. */
const NOISE = 0.5;
const ALL_RIGHTS = 0x1fffffff;
const SET = 0;

/** Where in guest memory the arguments of the calls lie. */
const IOVECS = 0;
const RESULT = 64;
const PATH = 128;
const BUFFER = 4096;

interface Row {
	readonly name: string;
	readonly call: () => number | undefined;
	/** Whether the rules promise that it makes no garbage. */
	readonly clean: boolean;
}

const rows = [...fileRows("tmp", onTmp()), ...fileRows("overlay over tmp", onOverlay())];
console.log(`| call | ns | bytes |\n| --- | ---: | ---: |`);
let broken = 0;
for (const row of rows) {
	const [time, bytes] = measure(row);
	const dirty = row.clean && bytes > NOISE;
	if (dirty) broken += 1;
	console.log(`| ${row.name} | ${time.toFixed(1)} | ${bytes.toFixed(1)}${dirty ? " !" : ""} |`);
}
if (broken > 0) console.log(`${broken} rows make garbage that the rules forbid`);
exit(broken > 0 ? 1 : 0);

function measure({ call }: Row): [nanoseconds: number, bytes: number] {
	for (let i = 0; i < CALLS; i++) call();
	let best = Number.POSITIVE_INFINITY;
	let least = Number.POSITIVE_INFINITY;
	for (let round = 0; round < ROUNDS; round++) {
		globalThis.gc?.();
		const heap = process.memoryUsage().heapUsed;
		const start = performance.now();
		for (let i = 0; i < CALLS; i++) call();
		best = Math.min(best, performance.now() - start);
		least = Math.min(least, process.memoryUsage().heapUsed - heap);
	}
	return [(best * 1e6) / CALLS, Math.max(0, least) / CALLS];
}

function fileRows(name: string, tree: Namespace): Row[] {
	const thread = threadOn(tree);
	const calls = preview1(thread);
	const directory = thread.process.descriptors.add(
		new OpenFile(tree.root, 0, ALL_RIGHTS, ALL_RIGHTS, "/"),
	);
	const node = fileIn(tree);
	const file = thread.process.descriptors.add(new OpenFile(node, 0, ALL_RIGHTS, ALL_RIGHTS));
	const call = (of: string, ...args: number[]) => {
		const fn = calls[of];
		if (!fn) throw new Error(`There is no call ${of}.`);
		if (fn(...args) !== 0) throw new Error(`${of} failed`);
		return () => fn(...args);
	};
	const path = new TextEncoder().encode("usr/lib/deep/file");
	thread.memory.u8.set(path, PATH);
	iovec(thread, 16);
	const [iovecs, count] = [IOVECS, 1];
	return [
		row(name, "fd_pread 16 B", call("fd_pread", file, iovecs, count, 0, 0, RESULT), true),
		row(name, "fd_pwrite 16 B", call("fd_pwrite", file, iovecs, count, 0, 0, RESULT), true),
		row(name, "fd_seek", call("fd_seek", file, 0, 0, SET, RESULT), true),
		row(name, "fd_tell", call("fd_tell", file, RESULT), true),
		row(name, "fd_fdstat_get", call("fd_fdstat_get", file, RESULT), true),
		row(name, "fd_filestat_get", call("fd_filestat_get", file, RESULT), false),
		row(
			name,
			"path_filestat_get, 4 components",
			call("path_filestat_get", directory, 1, PATH, path.length, RESULT),
			false,
		),
	];
}

function row(tree: string, name: string, call: Row["call"], clean: boolean): Row {
	return { name: `\`${name}\` on ${tree}`, call, clean };
}

function onTmp(): Namespace {
	return new Namespace(filled());
}

/** The file lies in the lower; writing it copies it up, so reads after that are of the upper. */
function onOverlay(): Namespace {
	return new Namespace(new Overlay(emptyTmp(), [filled()]));
}

function emptyTmp(): Tmp {
	return new Tmp({ now: () => 1_700_000_000_000_000_000n });
}

function filled(): Tmp {
	const fs = emptyTmp();
	let at: INode = fs.root;
	for (const name of ["usr", "lib", "deep"]) at = made(at.create(name, "directory"));
	const file = made(at.create("file", "file"));
	file.write(new Uint8Array(65536).fill(7), 0, 65536, 0);
	return fs;
}

function fileIn(tree: Namespace): INode {
	let at = tree.root;
	for (const name of ["usr", "lib", "deep", "file"]) at = made(at.lookup(name));
	return at;
}

function made(node: INode | number): INode {
	if (node instanceof Node) return node;
	throw new Error(`The bench cannot build its tree: ${node}`);
}

function iovec(thread: Thread, length: number): void {
	thread.memory.setU32(IOVECS, BUFFER);
	thread.memory.setU32(IOVECS + 4, length);
}

function threadOn(tree: Namespace): Thread {
	const thread = new Thread(
		new Process({
			args: [],
			env: [],
			tree,
			bridge: new SuspendingBridge(() => Promise.reject(new Error("there is nobody to ask"))),
			clock: { realtime: Date.now, monotonic: () => performance.now(), resolution: () => 1000 },
			fillRandom: (bytes) => void crypto.getRandomValues(bytes),
		}),
	);
	thread.memory.attach(new WebAssembly.Memory({ initial: 2 }));
	return thread;
}

/**
 * How a thread is entered whose stack may be taken away and put back (`stack.ts`).
 *
 *     again:  start(arguments)      the program's export
 *             if settle() goto again
 *
 * The loop is a module, so that one stack of the browser's serves all of it: a shell takes its stack away several times
 * for each command, and entering anew costs a stack and a turn each time.
 */
import { functionType, leb, name, section } from "../bridge/adapter.ts";

const I32 = 0x7f;

function loopBytes(count: number): Uint8Array<ArrayBuffer> {
	const params = new Array<number>(count).fill(I32);
	const pushes = params.flatMap((_, index) => [0x20, ...leb(index)]);
	const body = [
		...[0, 0x03, 0x40], // no locals; loop
		...[...pushes, 0x10, 0], // start(arguments)
		...[0x10, 1, 0x0d, 0], // if settle() again
		...[0x0b, 0x0b],
	];
	return new Uint8Array([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [functionType(params, []), functionType([], [I32])]),
		...section(2, [
			[...name("thread"), ...name("start"), 0x00, 0],
			[...name("thread"), ...name("settle"), 0x00, 1],
		]),
		...section(3, [[0]]),
		...section(7, [[...name("run"), 0x00, 2]]),
		...section(10, [[...leb(body.length), ...body]]),
	]);
}

const modules = new Map<number, WebAssembly.Module>();

/** The loop around `start`, which takes `count` numbers of 32 bits. `start` itself where it has another type: the
 *  tree looks for `settle` after each entry then. */
export function loopOf(start: () => unknown, count: number, settle: () => number): () => unknown {
	const module = modules.get(count) ?? new WebAssembly.Module(loopBytes(count));
	modules.set(count, module);
	try {
		const { run } = new WebAssembly.Instance(module, { thread: { start, settle } }).exports;
		return run as () => unknown;
	} catch (error) {
		if (error instanceof WebAssembly.LinkError) return start;
		throw error;
	}
}

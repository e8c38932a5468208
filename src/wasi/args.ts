/**
 * Arguments and environment: two lists of strings, handed over the same way.
 * The guest asks for the sizes first, then gives room for the pointers and for the bytes.
 */
import { type Done, EFAULT } from "../abi/errno.ts";
import type { Memory } from "../abi/memory.ts";
import type { Thread } from "../process/thread.ts";

export function argsCalls(thread: Thread) {
	const { memory } = thread;
	const { args, env } = thread.process;
	return {
		args_get: (pointers: number, bytes: number) => give(memory, args, pointers >>> 0, bytes >>> 0),
		args_sizes_get: (count: number, size: number) => sizes(memory, args, count >>> 0, size >>> 0),
		environ_get: (pointers: number, bytes: number) =>
			give(memory, env, pointers >>> 0, bytes >>> 0),
		environ_sizes_get: (count: number, size: number) => sizes(memory, env, count >>> 0, size >>> 0),
	};
}

function total(list: readonly Uint8Array[]): number {
	return list.reduce((sum, item) => sum + item.length, 0);
}

function sizes(memory: Memory, list: readonly Uint8Array[], count: number, size: number): Done {
	if (!memory.has(count, 4) || !memory.has(size, 4)) return EFAULT;
	memory.setU32(count, list.length);
	memory.setU32(size, total(list));
	return 0;
}

function give(memory: Memory, list: readonly Uint8Array[], pointers: number, bytes: number): Done {
	if (!memory.has(pointers, list.length * 4) || !memory.has(bytes, total(list))) return EFAULT;
	let at = bytes;
	list.forEach((item, index) => {
		memory.setU32(pointers + index * 4, at);
		memory.u8.set(item, at);
		at += item.length;
	});
	return 0;
}

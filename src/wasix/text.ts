/**
 * Strings and lists of strings as WASIX programs hand them over.
 *
 * A list is one string whose items end with a newline; older programs put a newline between them only. Newer calls
 * take an array of pointers instead, so that items may hold newlines.
 */
import { E2BIG, EFAULT, EILSEQ, ENAMETOOLONG, type Errno } from "../abi/errno.ts";
import { type Memory, utf8 } from "../abi/memory.ts";

const MOST_PATH = 4096;
/** Bytes of arguments and environment together. */
const MOST_LIST = 1 << 20;
const MOST_ITEMS = 1 << 16;
const NEWLINE = 10;

/** A name or path. Errors: EFAULT, ENAMETOOLONG, EILSEQ. */
export function textAt(memory: Memory, at: number, size: number): string | Errno {
	const length = size >>> 0;
	if (!memory.has(at >>> 0, length)) return EFAULT;
	if (length > MOST_PATH) return ENAMETOOLONG;
	return memory.string(at >>> 0, length) ?? EILSEQ;
}

/** The items of a list in one string, each with a NUL behind it. Errors: EFAULT, E2BIG. */
export function listAt(memory: Memory, at: number, size: number): Uint8Array[] | Errno {
	const length = size >>> 0;
	if (!memory.has(at >>> 0, length)) return EFAULT;
	if (length > MOST_LIST) return E2BIG;
	const bytes = memory.u8.slice(at >>> 0, (at >>> 0) + length);
	const items: Uint8Array[] = [];
	let start = 0;
	for (let end = 0; end < length; end++) {
		if (bytes[end] !== NEWLINE) continue;
		items.push(terminated(bytes.subarray(start, end)));
		start = end + 1;
		if (items.length > MOST_ITEMS) return E2BIG;
	}
	if (start < length) items.push(terminated(bytes.subarray(start)));
	return items;
}

/** The strings that `count` pointers lead to, or as many as there are up to a null pointer, each with its NUL. Errors:
 *  EFAULT, E2BIG. */
export function arrayAt(memory: Memory, at: number, count: number): Uint8Array[] | Errno {
	const items: Uint8Array[] = [];
	const [first, most] = [at >>> 0, count >>> 0];
	if (most > MOST_ITEMS) return E2BIG;
	if (!memory.has(first, most * 4)) return EFAULT;
	let total = 0;
	for (let i = 0; i < most; i++) {
		const start = memory.u32(first + 4 * i);
		if (start === 0) break;
		const end = memory.has(start, 1) ? memory.u8.indexOf(0, start) : -1;
		if (end < 0) return EFAULT;
		total += end + 1 - start;
		if (total > MOST_LIST) return E2BIG;
		items.push(memory.u8.slice(start, end + 1));
	}
	return items;
}

function terminated(bytes: Uint8Array): Uint8Array {
	const item = new Uint8Array(bytes.length + 1);
	item.set(bytes);
	return item;
}

/** The text of an item. */
export function textOf(item: Uint8Array): string {
	return new TextDecoder().decode(item.subarray(0, -1));
}

export function itemOf(text: string): Uint8Array {
	return utf8(`${text}\0`);
}

/** A path without `.`, `..` and doubled slashes, from the directory `cwd`. */
export function absolutePath(cwd: string, path: string): string {
	const parts: string[] = [];
	for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
		if (part === "..") parts.pop();
		else if (part !== "" && part !== ".") parts.push(part);
	}
	return `/${parts.join("/")}`;
}

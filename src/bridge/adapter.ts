/**
 * The module between guest and calls, generated at load.
 *
 * A suspending import costs 70 ns in Chromium and more than 1 µs in Firefox even when nothing waits;
 * a plain one 5 to 15. So the guest imports wasm functions from here, and each does this:
 *
 *     again:  r = call(arguments)            a plain import; an i64 goes over as two i32
 *             if r < 0
 *               if r == PENDING              what it needs is on its way
 *                 if wait() trap             the one suspending import; not 0: the guest is over
 *                 goto again                 the call runs again, from its start
 *               if r == ENDED trap           proc_exit: a trap cannot be caught, an exception can
 *             fuel = fuel - 1
 *             if fuel == 0                   every 256 calls: is it time to let messages in?
 *               fuel = 256
 *               if shouldYield() if wait() trap
 *             return 0 - r                   the errno
 *
 * The fast path costs one nanosecond more than a plain import. A 64-bit argument that stays a BigInt
 * would cost ten and garbage; that is why even calls that never wait go through here.
 */
import { ENDED, PENDING } from "../abi/errno.ts";

/** One import of the guest. `params` has a letter for each: `i` for i32, `I` for i64. */
export interface Signature {
	readonly name: string;
	readonly params: string;
	/** `errno` is an i32; `none` marks a call that does not return, such as `proc_exit`. */
	readonly result: "errno" | "none";
}

/** What an instance of the module imports under `call`: plain functions by name. */
export type PlainCall = (...args: number[]) => number;

const I32 = 0x7f;
const I64 = 0x7e;
const EMPTY = 0x40;
const FUEL = 256;

const enc = new TextEncoder();

export function leb(value: number): number[] {
	const out: number[] = [];
	let rest = value >>> 0;
	do {
		const byte = rest & 0x7f;
		rest >>>= 7;
		out.push(rest === 0 ? byte : byte | 0x80);
	} while (rest !== 0);
	return out;
}

export function signedLeb(value: number): number[] {
	const out: number[] = [];
	let rest = value;
	for (;;) {
		const byte = rest & 0x7f;
		rest >>= 7;
		if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
			out.push(byte);
			return out;
		}
		out.push(byte | 0x80);
	}
}

export function name(text: string): number[] {
	const bytes = enc.encode(text);
	return [...leb(bytes.length), ...bytes];
}

export function section(id: number, items: number[][]): number[] {
	const body = [...leb(items.length), ...items.flat()];
	return [id, ...leb(body.length), ...body];
}

export function functionType(params: number[], results: number[]): number[] {
	return [0x60, ...leb(params.length), ...params, ...leb(results.length), ...results];
}

const trapIfWaitSaysSo = (wait: number): number[] => [
	0x10,
	...leb(wait),
	0x04, // if
	EMPTY,
	0x00, // unreachable
	0x0b, // end
];

/** Pushes the guest's arguments, each i64 as its low and its high half. */
export function pushArguments(params: string): number[] {
	return [...params].flatMap((kind, index) => {
		const get = [0x20, ...leb(index)];
		if (kind === "i") return get;
		// i32.wrap_i64; i64.const 32, i64.shr_u, i32.wrap_i64
		return [...get, 0xa7, ...get, 0x42, 32, 0x88, 0xa7];
	});
}

function body(signature: Signature, call: number, wait: number, shouldYield: number): number[] {
	const invoke = [...pushArguments(signature.params), 0x10, ...leb(call)];
	if (signature.result === "none") {
		const code = [0, ...invoke, 0x1a, 0x00, 0x0b]; // drop, unreachable
		return [...leb(code.length), ...code];
	}
	const r = leb(signature.params.length);
	const is = (answer: number) => [0x20, ...r, 0x41, ...signedLeb(answer), 0x46, 0x04, EMPTY];
	const code = [
		...[1, 1, I32], // one local: r
		...[0x03, EMPTY], // loop again
		...[...invoke, 0x22, ...r], // r = call()
		...[0x41, 0, 0x48, 0x04, EMPTY], // if r < 0
		...[...is(PENDING), ...trapIfWaitSaysSo(wait), 0x0c, 2, 0x0b], // br again
		...[...is(ENDED), 0x00, 0x0b],
		...[0x0b, 0x0b], // end if, end loop
		...[0x23, 0, 0x41, 1, 0x6b, 0x24, 0], // fuel = fuel - 1
		...[0x23, 0, 0x45, 0x04, EMPTY], // if fuel == 0
		...[0x41, ...signedLeb(FUEL), 0x24, 0],
		...[0x10, ...leb(shouldYield), 0x04, EMPTY, ...trapIfWaitSaysSo(wait), 0x0b],
		0x0b,
		...[0x41, 0, 0x20, ...r, 0x6b], // 0 - r
		0x0b,
	];
	return [...leb(code.length), ...code];
}

/**
 * The bytes of the module. It imports `call.<name>` for each signature, `bridge.wait` and
 * `bridge.shouldYield` (both `() -> i32`), and exports each name with the guest's own signature.
 */
export function adapterModule(signatures: readonly Signature[]): Uint8Array<ArrayBuffer> {
	const types: number[][] = [functionType([], [I32])];
	const imports: number[][] = [];
	const functions: number[][] = [];
	const exports: number[][] = [];
	const bodies: number[][] = [];
	const wait = signatures.length;
	const shouldYield = wait + 1;
	signatures.forEach((signature, index) => {
		const kinds = [...signature.params];
		const inner = kinds.flatMap((kind) => (kind === "I" ? [I32, I32] : [I32]));
		const outer = kinds.map((kind) => (kind === "I" ? I64 : I32));
		types.push(functionType(inner, [I32]));
		types.push(functionType(outer, signature.result === "none" ? [] : [I32]));
		imports.push([...name("call"), ...name(signature.name), 0x00, ...leb(1 + 2 * index)]);
		functions.push(leb(2 + 2 * index));
		exports.push([...name(signature.name), 0x00, ...leb(shouldYield + 1 + index)]);
		bodies.push(body(signature, index, wait, shouldYield));
	});
	for (const bridgeCall of ["wait", "shouldYield"]) {
		imports.push([...name("bridge"), ...name(bridgeCall), 0x00, ...leb(0)]);
	}
	const fuel = [I32, 1, 0x41, ...signedLeb(FUEL), 0x0b]; // a mutable global
	return new Uint8Array([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, types),
		...section(2, imports),
		...section(3, functions),
		...section(6, [fuel]),
		...section(7, exports),
		...section(10, bodies),
	]);
}

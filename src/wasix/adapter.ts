/**
 * The module between a WASIX program and its calls: as `bridge/adapter.ts`, and with what signals and
 * asyncify need. It is generated from the types that the program imports.
 *
 *     again:  if state                       rarely: a signal is pending, or the stack is being rewound into a handler
 *               signals()                    runs the handlers, with no JavaScript frame between: they may wait
 *               if state is UNWINDING return
 *             r = call(arguments)
 *             if r < 0
 *               if r == PENDING
 *                 if w == 2                  made again after a signal, it would still wait
 *                   r = interrupted()        EINTR, or 0 for a call that goes on waiting
 *                   if r return -r
 *                 w = wait()                 1: the program is over; 2: a signal came
 *                 if w == 1 trap
 *                 if w == 2
 *                   signals()
 *                   if state is UNWINDING return
 *                 goto again
 *               if r == ENDED trap           this stack is over: the process, the thread, or its program
 *               if r == UNWINDING return     asyncify takes the stack away; the entry returns soon
 *             fuel = fuel - 1 …              as in the plain adapter
 *             return 0 - r
 *
 *     signals:  n = next(); if n == 0 return; handler(n) through the table; if state is UNWINDING return; goto signals
 *
 * `state` has a bit for each reason to look; the host sets it. Calls whose name is in RAW answer with a value and not
 * with an errno.
 */
import { ENDED, type Errno, PENDING } from "../abi/errno.ts";
import { functionType, leb, name, pushArguments, section, signedLeb } from "../bridge/adapter.ts";

/** "Asyncify takes the stack away": the adapter returns at once. Never reaches the guest. */
export const UNWINDING = -1002 as Errno;

/** Bits of `state`. */
export const SIGNALLED = 1;
export const IN_HANDLER = 2;
export const UNWINDS = 4;

/** One function that a program imports. `params` has a letter for each parameter, `i` or `I`. */
export interface Imported {
	/** What the call is known by, and exported as. */
	readonly name: string;
	readonly params: string;
	readonly returns: boolean;
}

/** Calls that answer with a value. */
const RAW = new Set(["thread-spawn", "notify", "wait32", "wait64"]);

const I32 = 0x7f;
const I64 = 0x7e;
const EMPTY = 0x40;
const FUEL = 256;
const FUNCREF = 0x70;

const IF = 0x04;
const LOOP = 0x03;
const END = 0x0b;
const BR = 0x0c;
const RETURN = 0x0f;
const CALL = 0x10;
const UNREACHABLE = 0x00;

/** Globals. */
const FUEL_LEFT = 0;
const STATE = 1;

/** Types that come before those of the calls. */
const NOTHING_TO_I32 = 0;
const NOTHING = 1;
const HANDLER = 2;

const host = ["wait", "shouldYield", "next", "interrupted"] as const;

/** What the host gives to the adapter besides the calls. */
export type AdapterHost = Readonly<Record<(typeof host)[number], WebAssembly.ImportValue>>;

/** What an instance of the module exports besides the calls. */
export interface AdapterExports extends WebAssembly.Exports {
	readonly state: WebAssembly.Global;
	/** Slot 0 is the handler of signals: `(i32) -> ()`. */
	readonly handler: WebAssembly.Table;
}

const constant = (value: number): number[] => [0x41, ...signedLeb(value)];
const equals = (local: number[], value: number) => [0x20, ...local, ...constant(value), 0x46];
const ifUnwinding = [0x23, STATE, ...constant(UNWINDS), 0x71];

interface Functions {
	readonly wait: number;
	readonly shouldYield: number;
	readonly next: number;
	readonly interrupted: number;
	readonly signals: number;
}

function body({ name: of, params, returns }: Imported, call: number, at: Functions): number[] {
	const r = leb(params.length);
	const w = leb(params.length + 1);
	const answer = RAW.has(of) ? [0x20, ...r] : [...constant(0), 0x20, ...r, 0x6b];
	const leave = returns ? [...answer, RETURN] : [RETURN];
	const leaveAtOnce = returns ? [...constant(0), RETURN] : [RETURN];
	const runHandlers = [CALL, ...leb(at.signals), ...ifUnwinding, IF, EMPTY, ...leaveAtOnce, END];
	const trapIfOver = [0x22, ...w, ...constant(1), 0x46, IF, EMPTY, UNREACHABLE, END];
	const code = [
		...[1, 2, I32], // two locals: r and w
		...[LOOP, EMPTY],
		...[0x23, STATE, IF, EMPTY, ...runHandlers, END],
		...[...pushArguments(params), CALL, ...leb(call), 0x22, ...r],
		...[...constant(0), 0x48, IF, EMPTY], // if r < 0
		...[...equals(r, PENDING), IF, EMPTY],
		...[...equals(w, 2), IF, EMPTY],
		...[CALL, ...leb(at.interrupted), 0x22, ...r, IF, EMPTY, ...leave, END, END],
		...[CALL, ...leb(at.wait), ...trapIfOver],
		...[...equals(w, 2), IF, EMPTY, ...runHandlers, END],
		...[BR, 2, END],
		...[...equals(r, ENDED), IF, EMPTY, UNREACHABLE, END],
		...[...equals(r, UNWINDING), IF, EMPTY, ...leaveAtOnce, END],
		...[END, END], // if, loop
		...[0x23, FUEL_LEFT, ...constant(1), 0x6b, 0x24, FUEL_LEFT],
		...[0x23, FUEL_LEFT, 0x45, IF, EMPTY],
		...[...constant(FUEL), 0x24, FUEL_LEFT],
		...[CALL, ...leb(at.shouldYield), IF, EMPTY, CALL, ...leb(at.wait), ...trapIfOver, END],
		END,
		...(returns ? answer : []),
		END,
	];
	return [...leb(code.length), ...code];
}

/** Runs the handler for each pending signal. */
function signalsBody({ next }: Functions): number[] {
	const code = [
		...[1, 1, I32],
		...[LOOP, EMPTY],
		...[CALL, ...leb(next), 0x22, 0, 0x45, IF, EMPTY, RETURN, END],
		...[0x20, 0, ...constant(0), 0x11, HANDLER, 0], // call_indirect
		...[...ifUnwinding, IF, EMPTY, RETURN, END],
		...[BR, 0, END],
		END,
	];
	return [...leb(code.length), ...code];
}

const modules = new Map<string, WebAssembly.Module>();

/** The adapter for these imports, each name once. It imports `call.<name>` and what `AdapterHost` has under `host`. */
export function adapterFor(imported: readonly Imported[]): WebAssembly.Module {
	const key = imported.map(({ name: of, params, returns }) => `${of} ${params} ${returns}`).join();
	const module = modules.get(key) ?? new WebAssembly.Module(adapterBytes(imported));
	modules.set(key, module);
	return module;
}

function adapterBytes(imported: readonly Imported[]): Uint8Array<ArrayBuffer> {
	const types = [functionType([], [I32]), functionType([], []), functionType([I32], [])];
	const first = types.length;
	const count = imported.length;
	const [wait, shouldYield, next, interrupted, signals] = [0, 1, 2, 3, 4].map((n) => count + n);
	const at = { wait, shouldYield, next, interrupted, signals } as Functions;
	const imports: number[][] = [];
	const functions: number[][] = [leb(NOTHING)];
	const exports: number[][] = [
		[...name("state"), 0x03, STATE],
		[...name("handler"), 0x01, 0],
	];
	const bodies: number[][] = [signalsBody(at)];
	imported.forEach((one, index) => {
		const kinds = [...one.params];
		const inner = kinds.flatMap((kind) => (kind === "I" ? [I32, I32] : [I32]));
		const outer = kinds.map((kind) => (kind === "I" ? I64 : I32));
		types.push(functionType(inner, [I32]), functionType(outer, one.returns ? [I32] : []));
		imports.push([...name("call"), ...name(one.name), 0x00, ...leb(first + 2 * index)]);
		functions.push(leb(first + 2 * index + 1));
		exports.push([...name(one.name), 0x00, ...leb(at.signals + 1 + index)]);
		bodies.push(body(one, index, at));
	});
	for (const of of host) imports.push([...name("host"), ...name(of), 0x00, NOTHING_TO_I32]);
	const global = (value: number) => [I32, 1, ...constant(value), END];
	return new Uint8Array([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, types),
		...section(2, imports),
		...section(3, functions),
		...section(4, [[FUNCREF, 0, 1]]),
		...section(6, [global(FUEL), global(0)]),
		...section(7, exports),
		...section(10, bodies),
	]);
}

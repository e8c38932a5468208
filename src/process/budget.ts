/**
 * The limits of a process: where each is checked, and how the process ends. Loaded with the first process that has some.
 *
 *     fuel     as its meter asks: a grant is never more than what is left
 *     time     as its meter asks, about once a millisecond
 *     memory   the rewritten module's own maximum: `memory.grow` answers -1
 *     files    around each call: while it runs, memory has no more room than what is left
 *     output   as it prints
 *
 * A sandbox has limits for the sums over its processes. Those of memory and time are looked at as any of its
 * programs asks, so they can be over by what a program does in a millisecond.
 */
import { ENDED, ENOSPC } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import type { Account } from "../fs/chunks.ts";
import type { Limit, Limits, WireLimits } from "../protocol/sandbox.ts";
import type { Ending, Holder } from "./process.ts";
import type { Thread } from "./thread.ts";

const PAGE = 65_536;
/** Bytes that a C library may ask for at once. */
const LAST = 2 * 1024 * 1024;

/** What is counted over all programs of a sandbox. */
type Sums = Record<Limit, number>;

/** Files in memory, whose room can be lowered. */
export type Memory = { -readonly [K in keyof Account]: Account[K] };

/** The limits of a sandbox, and what its processes have used together. */
export class SandboxBudget {
	readonly limits: Limits;
	readonly #running = new Set<Thread>();
	/** What those have used that are over. */
	readonly #gone: Sums = { fuel: 0, time: 0, memory: 0, files: 0, output: 0 };

	constructor(limits: Limits) {
		this.limits = limits;
	}

	add(thread: Thread): void {
		this.#running.add(thread);
	}

	remove(thread: Thread): void {
		if (!this.#running.delete(thread)) return;
		for (const limit of ["fuel", "time", "files", "output"] as const) {
			this.#gone[limit] += usedOf(thread, limit);
		}
	}

	left(limit: Limit): number {
		const most = this.limits[limit];
		if (most === undefined) return Number.POSITIVE_INFINITY;
		let used = this.#gone[limit];
		for (const thread of this.#running) used += usedOf(thread, limit);
		return most - used;
	}
}

function usedOf(thread: Thread, limit: Limit): number {
	const { used } = thread.process;
	switch (limit) {
		case "fuel":
			return thread.reported?.fuel ?? thread.fuel();
		case "time":
			return thread.time;
		case "memory":
			return thread.reported?.memory ?? thread.memory.size;
		case "files":
			return used.files;
		case "output":
			return used.printed;
	}
}

/** How a process is started. */
interface Began {
	readonly request: { readonly limits?: WireLimits | undefined };
	readonly program: { readonly name: string; readonly bytes: unknown };
	readonly budget: SandboxBudget | undefined;
	readonly tree: { readonly memory: Memory };
	readonly interruptible: boolean;
}

/** Holds a process to its limits. Errors: `"not-supported"` for fuel and time of a program that counts neither, and for
 *  memory of one whose module the page has compiled. */
export function hold(
	thread: Thread,
	{ request: { limits }, program, budget, tree, interruptible }: Began,
): void {
	const { fuel, time } = { ...budget?.limits, ...limits };
	if (!interruptible && (fuel ?? time) !== undefined) {
		throw new PortholeError(
			"not-supported",
			`limits.${fuel === undefined ? "time" : "fuel"} needs a program that is interruptible, and ` +
				`${program.name} is not: give \`interruptible: true\`, and its bytes where it is a WebAssembly.Module`,
		);
	}
	if (program.bytes === null && (limits?.memory ?? budget?.limits.memory) !== undefined) {
		throw new PortholeError(
			"not-supported",
			`limits.memory cannot hold for ${program.name}, which is a WebAssembly.Module: give its bytes`,
		);
	}
	thread.process.budget = new Budget(thread, limits, budget, tree.memory);
}

export class Budget implements Holder {
	readonly timeout: number | undefined;
	readonly #thread: Thread;
	readonly #limits: Limits;
	readonly #all: SandboxBudget | undefined;
	readonly #memory: Memory | undefined;

	/** `memory` is where files in memory take their room from, where they are in this thread. */
	constructor(thread: Thread, limits: WireLimits = {}, all?: SandboxBudget, memory?: Memory) {
		this.#thread = thread;
		this.#limits = limits;
		this.timeout = limits.timeout;
		this.#all = all;
		this.#memory = memory;
		all?.add(thread);
	}

	fuelLeft(): number {
		return this.#left("fuel");
	}

	isOver(): boolean {
		if (this.#left("fuel") <= 0) return this.#end("fuel");
		if (this.#left("time") < 0) return this.#end("time");
		return this.#left("memory") < 0 && this.#end("memory");
	}

	/** What is left of what a program counts itself, for a worker of its own; undefined where there is no limit. */
	handOver(): Limits | undefined {
		const [fuel, time] = [this.#left("fuel"), this.#left("time")];
		const memory = this.#most();
		if (fuel === Infinity && time === Infinity && memory === undefined) return undefined;
		return { fuel, time, ...(memory !== undefined && { memory }) };
	}

	/** How many of `length` bytes may be printed; where not all of them, the process ends. */
	print(length: number): number {
		const { used } = this.#thread.process;
		const count = Math.min(length, Math.max(0, this.#left("output")));
		used.printed += count;
		if (count < length) this.#end("output");
		return count;
	}

	/** Makes a call with as much room in memory as is left. ENDED where that was not enough. */
	during(call: () => number): number {
		const memory = this.#memory;
		if (memory === undefined) return call();
		const { used } = this.#thread.process;
		const before = memory.used;
		const { limit } = memory;
		memory.limit = Math.min(limit, before + this.#left("files"));
		try {
			const answer = call();
			if (answer !== ENOSPC || memory.limit === limit) return answer;
			this.#end("files");
			return ENDED;
		} finally {
			memory.limit = limit;
			used.files += memory.used - before;
		}
	}

	/** The calls of its program, each within its room. */
	calls(calls: Readonly<Record<string, PlainCall>>): Readonly<Record<string, PlainCall>> {
		if (this.#left("files") === Number.POSITIVE_INFINITY) return calls;
		const within = ([name, call]: [string, PlainCall]): [string, PlainCall] => [
			name,
			(...args) => this.during(() => call(...args)),
		];
		return Object.fromEntries(Object.entries(calls).map(within));
	}

	/** What was refused memory traps, in most languages. A rewritten program has noted how much it was refused last. */
	ending({ exports }: WebAssembly.Instance): Ending | null {
		const most = this.#most();
		if (most === undefined) return null;
		const refused = exports["porthole:refused"];
		const wanted = typeof refused === "function" ? Number(refused()) * PAGE : this.#wanted(most);
		if (wanted > most) this.#end("memory");
		return this.#thread.process.ending;
	}

	over(): void {
		this.#all?.remove(this.#thread);
	}

	/** Bytes of memory that it may have, where there is a limit. */
	#most(): number | undefined {
		const most = Math.min(this.#limits.memory ?? Infinity, this.#all?.limits.memory ?? Infinity);
		return most === Infinity ? undefined : most;
	}

	/** How many bytes of memory a program wanted that has noted nothing: one with less to go than a C library asks for at
	 *  once is taken to have wanted that. */
	#wanted(most: number): number {
		return this.#thread.memory.size + Math.max(LAST, most / 8);
	}

	#left(limit: Limit): number {
		const own = this.#limits[limit];
		const left = own === undefined ? Number.POSITIVE_INFINITY : own - usedOf(this.#thread, limit);
		return Math.min(left, this.#all?.left(limit) ?? Number.POSITIVE_INFINITY);
	}

	#end(limit: Limit): true {
		const code = limit === "fuel" || limit === "time" ? 152 : 137;
		this.#thread.process.end({ code, reason: "limit", limit });
		return true;
	}
}

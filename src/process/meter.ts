/**
 * The meter of a guest that was made interruptible (`rewrite`): how long it may compute until it asks again,
 * and what it has used. Loaded with the first such guest.
 *
 * A rewritten module counts its loops' rounds in *units* and, when its grant is used up, calls a function
 * in a table, which this file puts there:
 *
 *     again:  r = grant(0)           a plain import: the next grant; 0: wait for a turn; -1: end
 *             if r > 0 return r
 *             if r < 0 trap          nothing that the guest catches holds a trap
 *             if wait() trap         the suspending import; not 0: the guest is over
 *             goto again
 *
 * Grants are sized so that a guest asks about once a millisecond, whatever its rounds cost. Asking takes
 * a fifth of a microsecond.
 *
 * A guest with a JavaScript frame below it cannot be suspended: `wait` throws. That is caught, and the
 * guest goes on until it asks again.
 *
 * Units are exact. A grant of g is used up by g + 1 units, so what a program has used depends on what it
 * does and not on how its grants were cut.
 */
import { PortholeError } from "../abi/error.ts";
import { functionType, leb, name, section } from "../bridge/adapter.ts";
import type { GuestBridge } from "../bridge/bridge.ts";
import type { Thread } from "./thread.ts";

/** Units of the first grant: as few as can be, until it is known what they cost. */
const FIRST = 1;
const MOST = 1 << 20;
/** Milliseconds between two questions beyond which grants are cut. */
const TOO_LONG = 2;

const I32 = 0x7f;

/** `wait: () -> i32` and `grant: (i32) -> i32` as the one function of the table. */
function askModule(canFail: boolean): Uint8Array<ArrayBuffer> {
	const waiting = [
		...[0x10, 0, 0x04, 0x40, 0x00, 0x0b], // if wait() unreachable
	];
	const ask = [
		...[1, 1, I32], // one local: r
		...[0x03, 0x40], // loop again
		...[0x41, 0, 0x10, 1, 0x22, 0], // r = grant(0)
		...[0x41, 0, 0x4a, 0x04, 0x40, 0x20, 0, 0x0f, 0x0b], // if r > 0 return r
		...[0x20, 0, 0x04, 0x40, 0x00, 0x0b], // if r unreachable
		...(canFail
			? [
					...[0x02, 0x40], // block stuck
					...[0x1f, 0x40, 1, 2, 0], // try_table (catch_all stuck)
					...[...waiting, 0x0c, 2, 0x0b], // br again
					0x0b,
					...[0x41, 1, 0x10, 1, 0x22, 0], // r = grant(1)
					...[0x41, 0, 0x48, 0x04, 0x40, 0x00, 0x0b], // if r < 0 unreachable
					...[0x20, 0, 0x0f], // return r
				]
			: [...waiting, 0x0c, 0]), // br again
		0x0b,
		...[0x00, 0x0b],
	];
	return new Uint8Array([
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [functionType([], [I32]), functionType([I32], [I32])]),
		...section(2, [
			[...name("bridge"), ...name("wait"), 0x00, 0],
			[...name("bridge"), ...name("grant"), 0x00, 1],
		]),
		...section(3, [[0]]),
		...section(7, [[...name("ask"), 0x00, 2]]),
		...section(10, [[...leb(ask.length), ...ask]]),
	]);
}

const modules = new Map<boolean, WebAssembly.Module>();

function asking(canFail: boolean): WebAssembly.Module {
	const module = modules.get(canFail) ?? new WebAssembly.Module(askModule(canFail));
	modules.set(canFail, module);
	return module;
}

export class Meter {
	readonly #thread: Thread;
	readonly #bridge: GuestBridge;
	readonly #left: () => number;
	/** Units of the grants that are used up. */
	#used = 0;
	/** What was granted last; -1 while nothing is. */
	#granted = -1;
	#pace = FIRST;
	#asked: number;
	/** Questions since the last turn began, halved as grants grow. */
	#questions = 0;
	#turn: number;

	/** Connects `instance`, if it was rewritten, to its thread's bridge. Errors: `"invalid-module"` for one that only
	 *  looks so. */
	static connect(instance: WebAssembly.Instance, thread: Thread, bridge: GuestBridge): void {
		const { exports } = instance;
		// The pass has made them; `isMetered` has looked at their kinds.
		const table = exports["porthole:breathe"] as WebAssembly.Table;
		const setFuel = exports["porthole:fuel"] as (units: number) => void;
		const meter = new Meter(thread, bridge, exports["porthole:left"] as () => number);
		const wait = bridge.waitImport(thread);
		const grant = (stuck: number) => meter.#grant(stuck !== 0);
		// Only what suspends can fail to.
		const module = asking(typeof wait !== "function");
		const { ask } = new WebAssembly.Instance(module, { bridge: { wait, grant } }).exports;
		try {
			table.set(0, ask);
			setFuel(meter.#next());
		} catch (cause) {
			throw new PortholeError(
				"invalid-module",
				"the program's exports that begin with `porthole:` are not those of one that was made interruptible: " +
					"pack the original again",
				{ cause },
			);
		}
		thread.fuel = () => meter.#fuel();
	}

	private constructor(thread: Thread, bridge: GuestBridge, left: () => number) {
		this.#thread = thread;
		this.#bridge = bridge;
		this.#left = left;
		this.#asked = this.#turn = performance.now();
	}

	#fuel(): number {
		return this.#granted < 0 ? this.#used : this.#used + this.#granted - this.#left();
	}

	#grant(stuck: boolean): number {
		const now = performance.now();
		this.#used += this.#granted + 1;
		// After a turn that was waited for there is nothing to learn from the time.
		if (this.#granted < 0) {
			this.#turn = now;
			this.#questions = 0;
		} else this.#learn(now);
		this.#asked = now;
		this.#granted = -1;
		if (this.#thread.ended || this.#thread.process.budget?.isOver()) return -1;
		if (!stuck && this.#bridge.shouldYield(this.#thread)) return 0;
		return this.#next();
	}

	/** Sizes the grants to come by how long the last one took. Clocks may show whole milliseconds only, so grants
	 *  that seem to take none grow by what all of a turn have taken. */
	#learn(now: number): void {
		const took = now - this.#asked;
		this.#questions += 1;
		if (took > TOO_LONG) this.#pace = Math.max(1, Math.floor(this.#pace / took));
		else if (now - this.#turn < this.#questions) {
			this.#pace = Math.min(this.#pace * 2, MOST);
			this.#questions >>= 1;
		}
	}

	#next(): number {
		const left = this.#thread.process.budget?.fuelLeft() ?? MOST;
		this.#granted = Math.max(0, Math.min(this.#pace, left - 1));
		return this.#granted;
	}
}

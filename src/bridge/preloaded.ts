/**
 * The preloaded bridge, the last choice: for browsers in which a guest can neither be suspended nor sleep while
 * somebody else works for it.
 *
 * A guest is entered by a plain call, and until it returns this thread hears nothing: no message, no
 * timer, no answer. What a guest needs is therefore brought here before it starts, and what it writes
 * to a store is asked of the store at once and answered after its end. `wait` can do two things:
 *
 *     sleep     until the next alarm: this thread can sleep without anybody's help
 *     refuse    all else. The call runs again, as one that has waited does, and where it says that
 *               it cannot go on it gets EIO for an answer instead of PENDING.
 *
 * No ticket is answered falsely: what a store says later still holds. The page is warned of each
 * refusal, with the name of the call and of what it lacked.
 */
import { EIO, type Errno, PENDING } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { PlainCall } from "./adapter.ts";
import type { Far, GuestBridge, PageBridge, StopHandle, Ticket } from "./bridge.ts";
import { type Ask, LoopBridge } from "./loop.ts";
import { sleep } from "./sleep.ts";
import { LocalTicket } from "./ticket.ts";

/** Milliseconds of uninterrupted calls after which output is shown and alarms ring. */
const BREATH = 10;
/** Different warnings that one guest can cause. */
const MOST_WARNINGS = 20;

const STREAMS = ["standard input", "standard output", "standard error"];

const ADVICE =
	"Here a program cannot wait: what it needs has to be there before it starts, such as input as " +
	"`stdin: text`. Waiting takes a browser with WebAssembly.Suspending (JSPI) or a cross-origin " +
	"isolated page";

/** When a guest is to end, and how. */
interface Deadline {
	readonly time: number;
	readonly end: () => void;
}

export class PreloadedBridge extends LoopBridge implements GuestBridge, PageBridge {
	/** Whether a guest runs, so that nothing can be answered. */
	urgent = false;
	readonly #warn: (message: string) => void;
	/** Where stores are mounted, by their number. */
	readonly #places = new Map<number, string>();
	/** What was asked for with a ticket. */
	readonly #asked = new WeakMap<Ticket<unknown>, string>();
	readonly #alarms = new Map<LocalTicket<void>, number>();
	readonly #warned = new Set<string>();
	readonly #deadlines = new WeakMap<StopHandle, Deadline>();
	/** The running call has been refused. */
	#refused = false;
	/** The last call that was PENDING. */
	#call = "";
	#breath = 0;

	constructor(ask: Ask, warn: (message: string) => void) {
		super(ask);
		this.#warn = warn;
	}

	/** Notes where a store is mounted, so that its files can be named; the root is "". */
	place(store: Far<unknown>, path: string): void {
		this.#places.set(store.id, path);
	}

	// --- what calls ask for ---

	override ask<T, K extends keyof T & string>(
		far: Far<T>,
		method: K,
		...args: unknown[]
	): Ticket<never> {
		const ticket = super.ask(far, method, ...args);
		const [path] = args;
		const place = this.#places.get(far.id) ?? "";
		this.#asked.set(ticket, `${method} ${place}${typeof path === "string" ? path : ""}`);
		return ticket;
	}

	override alarm(time: number): Ticket<void> {
		const ticket = new LocalTicket<void>();
		this.#alarms.set(ticket, time);
		if (!this.urgent) this.#arm(ticket, time);
		return ticket;
	}

	override pending(ticket: Ticket<unknown>): Errno {
		return this.#refused ? EIO : super.pending(ticket);
	}

	override nextTurn(): Ticket<void> {
		if (!this.urgent) return super.nextTurn();
		const ticket = new LocalTicket<void>();
		ticket.answer();
		return ticket;
	}

	// --- guests ---

	/** The calls of a guest, which say which of them it was that could not go on. */
	calls(calls: Readonly<Record<string, PlainCall>>): Record<string, PlainCall> {
		const named = ([name, call]: [string, PlainCall]): [string, PlainCall] => [
			name,
			(...args) => {
				const answer = call(...args);
				if (answer === PENDING) this.#call = described(name, args);
				else this.#refused = false;
				return answer;
			},
		];
		return Object.fromEntries(Object.entries(calls).map(named));
	}

	/** Ends a guest by `end` when its time is over, for it could not be told to end. */
	expire(guest: StopHandle, time: number, end: () => void): void {
		this.#deadlines.set(guest, { time, end });
	}

	waitImport(guest: StopHandle): WebAssembly.ImportValue {
		return () => this.#wait(guest);
	}

	shouldYield(guest: StopHandle): number {
		const now = performance.now();
		if (now - this.#breath < BREATH) return 0;
		this.#breath = now;
		guest.flush();
		this.#ring(guest);
		return 0;
	}

	async enter(_guest: StopHandle, f: () => unknown): Promise<unknown> {
		this.sendUnsent();
		this.urgent = true;
		this.#warned.clear();
		try {
			return f();
		} finally {
			this.urgent = false;
			this.#refused = false;
			for (const [ticket, time] of this.#alarms) this.#arm(ticket, time);
		}
	}

	pageFunction(): WebAssembly.ImportValue {
		throw new PortholeError("not-supported", `a program imports a function of the page. ${ADVICE}`);
	}

	#wait(guest: StopHandle): number {
		const tickets = this.notes.splice(0);
		const from = performance.now();
		guest.flush();
		if (!this.#sleepFor(guest, tickets)) this.#refuse(tickets);
		guest.waited += performance.now() - from;
		return guest.ended ? 1 : 0;
	}

	/** Sleeps until one of the tickets is done, or the guest's time is over; false where no alarm is among them. */
	#sleepFor(guest: StopHandle, tickets: readonly Ticket<unknown>[]): boolean {
		const end = this.#deadlines.get(guest)?.time ?? Number.POSITIVE_INFINITY;
		const alarms: readonly Ticket<unknown>[] = [...this.#alarms.keys()];
		const rings = tickets.some((ticket) => alarms.includes(ticket));
		while (rings && !guest.ended && !tickets.some((ticket) => ticket.done)) {
			// Others ring in between: what files have gathered is sent when its time has come.
			sleep(Math.min(end, ...this.#alarms.values()) - performance.now());
			this.#ring(guest);
		}
		return guest.ended || tickets.some((ticket) => ticket.done);
	}

	#refuse(tickets: readonly Ticket<unknown>[]): void {
		this.#refused = true;
		const asked = tickets.flatMap((ticket) => this.#asked.get(ticket) ?? []);
		const lacked = asked.length > 0 ? ` for \`${asked[0]}\` of a mounted directory` : "";
		const message = `${this.#call} would have to wait${lacked}, and got EIO. ${ADVICE}`;
		if (this.#warned.has(message) || this.#warned.size === MOST_WARNINGS) return;
		this.#warned.add(message);
		this.#warn(message);
	}

	#ring(guest: StopHandle): void {
		const now = performance.now();
		const deadline = this.#deadlines.get(guest);
		if (deadline !== undefined && deadline.time <= now) deadline.end();
		for (const [ticket, time] of this.#alarms) {
			if (time > now) continue;
			this.#alarms.delete(ticket);
			ticket.answer();
		}
	}

	/** Lets a timer answer, for nobody blocks the thread. */
	#arm(ticket: LocalTicket<void>, time: number): void {
		super.alarm(time).watch(() => {
			this.#alarms.delete(ticket);
			ticket.answer();
		});
	}
}

/** A call as people would name it. */
function described(name: string, [first]: readonly number[]): string {
	const stream = name.startsWith("fd_") && first !== undefined ? STREAMS[first] : undefined;
	return stream === undefined ? `\`${name}\`` : `\`${name}\` of ${stream}`;
}

/**
 * How a call that must wait does so: tickets, and the bridge that hands them out.
 *
 * Everything behind a system call is synchronous. What is not in memory yet is asked for, and the
 * question is a *ticket*. The call that needs it says `return bridge.pending(ticket)`, which notes
 * the ticket and is PENDING; every caller passes that up like an error. At the top the bridge waits
 * until one of the noted tickets is done, and the call runs again from its start: now the data is
 * there. Whoever asks keeps the ticket until it is done, so that the call which runs again finds its
 * own answer, or its own error.
 */
import type { Done, Errno } from "../abi/errno.ts";
import type { PlainCall } from "./adapter.ts";

/** A question that has been asked, as the one who waits sees it. */
export interface Ticket<T> {
	readonly done: boolean;
	readonly value: T | undefined;
	/** 0, or why there is no value. */
	readonly error: Done;
	/** Calls `wake` once when the ticket is done. */
	watch(wake: () => void): void;
	unwatch(wake: () => void): void;
}

/** A question, as the one who answers it sees it. */
export interface OpenTicket<T> extends Ticket<T> {
	answer(value: T): void;
	fail(error: Errno): void;
}

/** The typed name of an object that lives in another thread. */
export interface Far<T> {
	readonly id: number;
	readonly is?: T;
}

type Args<T, K extends keyof T> = T[K] extends (...args: infer A) => Promise<unknown> ? A : never;
type Answer<T, K extends keyof T> = T[K] extends (...args: never) => Promise<infer R> ? R : never;

/** One who sends what has been promised. */
export interface Sender {
	sendAll(): void;
}

/** The only code that knows how this thread waits. */
export interface Bridge {
	/** Whether nothing can be answered now, because a guest runs that cannot wait: whoever can find
	 *  an answer on the spot should. Undefined where guests can always wait. */
	readonly urgent?: boolean;
	/** Who has something that was promised and is yet to be sent. It goes before a guest is entered, for
	 *  that may never give the thread back. Undefined where guests have threads of their own. */
	readonly unsent?: Set<Sender>;
	/** A ticket that somebody in this thread will answer. */
	ticket<T>(): OpenTicket<T>;
	/** A ticket that is done at `time`, in milliseconds of the monotonic clock (`performance.now`). */
	alarm(time: number): Ticket<void>;
	/** Puts a question to `far` and returns at once. Questions to one object are answered in the
	 *  order in which they were asked. */
	ask<T, K extends keyof T & string>(
		far: Far<T>,
		method: K,
		...args: Args<T, K>
	): Ticket<Answer<T, K>>;
	/** Notes that the running call cannot go on before `ticket` is done. Answers PENDING. */
	pending(ticket: Ticket<unknown>): Errno;
	/** Drops what the running call has noted, for it found an answer after all. */
	dropNotes(): void;
	/** Resolves when one of the noted tickets is done: for code that is no guest and may wait. */
	anyNoted(): Promise<void>;
	/** A ticket that is done once waiting messages, and the guests they wake, have had their turn. */
	nextTurn(): Ticket<void>;
}

/** One guest, as the one who makes it wait sees it. */
export interface StopHandle {
	readonly ended: boolean;
	/** Done when the guest is to end. */
	readonly stopped: Ticket<void>;
	/** Milliseconds spent waiting, which are not processor time. */
	waited: number;
	/** Since when it waits, on the monotonic clock; -1 while it runs. */
	waitingSince?: number;
	/** The guest is about to give way: what it has printed should be seen. */
	flush(): void;
}

/** Calls a function of the page, and resolves with what it returns. */
export type PageFunction = (...args: unknown[]) => Promise<unknown>;

/** The bridge of a kernel, whose guests may call functions of the page. */
export interface PageBridge extends Bridge {
	/** Has all that was promised sent. */
	sendUnsent(): void;
	/** The page has said something: more may follow, so guests that compute give way sooner. */
	heard(): void;
	/** A function of the page as an import of a guest, which waits for the answer. */
	pageFunction(guest: StopHandle, f: PageFunction): WebAssembly.ImportValue;
}

/** A bridge for guests: how those of this worker are entered, and made to wait. */
export interface GuestBridge extends Bridge {
	/** For the adapter: `() -> i32`, which returns 0 when something that was noted is done, and 1 when
	 *  the guest is over. */
	waitImport(guest: StopHandle): WebAssembly.ImportValue;
	/** For the adapter: 1 where the guest should give way now, and its next turn has been noted for `wait`. */
	shouldYield(guest: StopHandle): number;
	/** The calls as a guest is to make them, for a bridge that watches them. */
	calls?(calls: Readonly<Record<string, PlainCall>>): Record<string, PlainCall>;
	/** Calls an entry of a guest, and settles as it returns or throws. */
	enter(guest: StopHandle, f: (...args: never[]) => unknown, ...args: unknown[]): Promise<unknown>;
}

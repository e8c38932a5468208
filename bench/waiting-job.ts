/**
 * What is measured of programs that wait, and who takes part: the messages between the driver, its page
 * and the worker of the others.
 */

/**
 * Ours, and what there is below it: a worker that does nothing but sleep on shared memory (`atomics`), or
 * by a timer of its event loop (`timer`), or answer a message (`message`).
 */
export type Waiter = "ours" | "atomics" | "timer" | "message";

export type WaitTask =
	/** Sleeps of so many milliseconds: by how much each ended late. */
	| { readonly task: "sleep"; readonly ms: number; readonly count: number }
	/** Keys that are typed one after the other: how long until the program's answer is in the page,
	 *  while so many timers are underway. */
	| { readonly task: "keys"; readonly timers: number; readonly count: number };

/** To the worker of the others; it answers with microseconds, or to a number with the same. */
export interface SleepJob {
	readonly who: "atomics" | "timer";
	readonly ms: number;
	readonly count: number;
}

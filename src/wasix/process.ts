/**
 * A process of a WASIX program: a place in the tree of processes, around the `Process` that system calls know.
 *
 * The page knows the root of a tree only; children have no half there. A process that is over keeps its number and its
 * status until its parent has asked for it. One without a parent keeps nothing.
 */
import { SIGNALS } from "../abi/signals.ts";
import type { OpenTicket, Ticket } from "../bridge/bridge.ts";
import type { Ending, Process } from "../process/process.ts";
import type { Usage } from "../protocol/sandbox.ts";
import type { DescriptorTable } from "./descriptors.ts";
import type { Image } from "./image.ts";
import { giveMemory } from "./memories.ts";
import type { ProcessTree } from "./process-tree.ts";
import type { WasixThread } from "./thread.ts";

const SIGKILL = 9;
export const SIGPIPE = 13;
export const SIGCHLD = 17;
const SIGCONT = 18;
const SIGURG = 23;
const SIGWINCH = 28;
export const MOST_SIGNAL = 31;

/** What does nothing to a program that has no handler: the stops too, for no shell could continue it. */
const HARMLESS = new Set([0, SIGCHLD, SIGCONT, 19, 20, 21, 22, SIGURG, SIGWINCH]);
/** The newest C library traps on these where its program has no handler. */
const NEVER_HANDED = new Set([SIGCHLD, SIGURG, SIGWINCH]);

/** In the place of the memory of a process that is over. */
export const NO_MEMORY = { buffer: new ArrayBuffer(0) } as WebAssembly.Memory;

/** What is added up of what processes have used. */
export type Sum = { -readonly [K in keyof Usage]: Usage[K] };

/** The program that a process becomes once its stack is gone. */
export interface Successor {
	readonly image: Image;
	readonly args: readonly Uint8Array[];
	readonly env: readonly Uint8Array[];
}

export class WasixProcess {
	readonly pid: number;
	readonly tree: ProcessTree;
	readonly process: Process;
	/** Null for the root, and for one whose parent is over. */
	parent: WasixProcess | null;
	image: Image;
	memory: WebAssembly.Memory;
	/** Absolute, without `.` and `..`. */
	cwd: string;
	readonly threads = new Set<WasixThread>();
	readonly children = new Set<WasixProcess>();
	/** How it ended; null while it runs. */
	status: Ending | null = null;
	/** The child that runs in its place; see `stand-in.ts`. */
	standIn: WasixProcess | null = null;
	/** What exec has found, while the old program's stack is taken away. */
	successor: Successor | null = null;
	/** The export that is called for signals; null where none is registered, `""` where it is not exported. */
	handler: string | null = null;
	/** Signals that its C library is to treat as ignored from the start. */
	readonly ignored = new Set<number>();
	/** SIGCHLD was delivered to make a program look again that waits without calling. */
	looksAgain = false;
	/** The last key of a thread-local that was made. */
	lastLocal = 0;
	readonly #pending = new Set<number>();
	readonly #alarms = new Map<number, ReturnType<typeof setTimeout>>();
	#childEnded: OpenTicket<void> | null = null;
	readonly #whenOver: (() => void)[] = [];

	constructor(
		tree: ProcessTree,
		pid: number,
		parent: WasixProcess | null,
		process: Process,
		image: Image,
		memory: WebAssembly.Memory,
		cwd: string,
	) {
		this.tree = tree;
		this.pid = pid;
		this.parent = parent;
		this.process = process;
		this.image = image;
		this.memory = memory;
		this.cwd = cwd;
		parent?.children.add(this);
	}

	/** The table that `process` has; it was given one of these. */
	get descriptors(): DescriptorTable {
		return this.process.descriptors as DescriptorTable;
	}

	/** Whether its C library handles signals by name and traps on those it does not know. */
	get #isNew(): boolean {
		return this.image.ours.some(({ call }) => call === "proc_signals_get");
	}

	/** Whether SIGCHLD may be handed to it. */
	get hearsOfChildren(): boolean {
		return !!this.handler && !this.#isNew;
	}

	/** Whether a signal ends it, as it is now. */
	endsBy(number: number): boolean {
		if (number === SIGKILL) return true;
		return this.handler === null && !HARMLESS.has(number) && !this.ignored.has(number);
	}

	/** Delivers a signal: to its handler, or what it does by default. */
	signal(number: number): void {
		if (this.status !== null || number === 0) return;
		if (this.endsBy(number)) {
			this.process.end({ code: 128 + number, signal: nameOf(number) });
			return;
		}
		if (this.handler === null || (NEVER_HANDED.has(number) && this.#isNew)) return;
		this.#pending.add(number);
		for (const thread of this.threads) thread.noticeSignals();
	}

	/** Whether a signal waits that could be handled now. */
	get hasSignals(): boolean {
		return this.#pending.size > 0 && !!this.handler;
	}

	/** The next signal that is to be handled; 0 for none. */
	takeSignal(): number {
		if (!this.handler) return 0;
		for (const number of this.#pending) {
			this.#pending.delete(number);
			return number;
		}
		return 0;
	}

	/** Signals that were pending when a child was made are not the child's; its handler and what it ignores are. */
	inheritSignals(from: WasixProcess): void {
		this.handler = from.handler;
		this.inheritIgnored(from);
	}

	/** What a parent ignores its children ignore, also those that are other programs. */
	inheritIgnored(from: WasixProcess): void {
		for (const number of from.ignored) this.ignored.add(number);
	}

	ignore(number: number, on: boolean): void {
		if (on) this.ignored.add(number);
		else this.ignored.delete(number);
	}

	/** Sends a signal to itself after so many milliseconds, again and again if it `repeats`; 0 takes it back. */
	setAlarm(number: number, milliseconds: number, repeats: boolean): void {
		clearTimeout(this.#alarms.get(number));
		this.#alarms.delete(number);
		if (milliseconds <= 0) return;
		const ring = () => {
			if (repeats && this.status === null) this.setAlarm(number, milliseconds, true);
			else this.#alarms.delete(number);
			this.signal(number);
		};
		this.#alarms.set(number, setTimeout(ring, Math.min(milliseconds, 2 ** 31 - 1)));
	}

	/** Done when a child ends. */
	get childEnded(): Ticket<void> {
		this.#childEnded ??= this.process.bridge.ticket<void>();
		return this.#childEnded;
	}

	/** Another of its children has ended. */
	tellOfChild(): void {
		this.#childEnded?.answer();
		this.#childEnded = null;
		if (this.hearsOfChildren) this.signal(SIGCHLD);
	}

	/** Calls `tell` when it is over, before its parent hears of it. */
	whenOver(tell: () => void): void {
		this.#whenOver.push(tell);
	}

	/** It is over: its stacks are gone. */
	over(ending: Ending): void {
		// What a stand-in has in its hands is this process's.
		if (this.standIn !== null) this.standIn.over(ending);
		this.status = ending;
		// Of one that is over its parent wants the status only.
		this.dropMemory();
		for (const alarm of this.#alarms.values()) clearTimeout(alarm);
		this.#alarms.clear();
		this.process.descriptors.closeAll();
		for (const child of this.children) {
			child.parent = null;
			if (child.status !== null) this.tree.forget(child);
		}
		this.children.clear();
		for (const tell of this.#whenOver) tell();
		this.tree.kernel.changed(this.tree);
		if (this.parent === null) this.tree.forget(this);
		else this.parent.tellOfChild();
	}

	/** Adds what it has used to a sum; of its threads, those that run. */
	addUsage(sum: Sum): void {
		const { descriptors, used } = this.process;
		sum.memory += this.memory.buffer.byteLength;
		sum.files += [...descriptors.files()].length;
		sum.read += used.read;
		sum.written += used.written;
		for (const thread of this.threads) {
			sum.fuel += thread.fuel();
			sum.time += thread.time;
		}
	}

	/** Its program is over: another may have the memory. */
	dropMemory(): void {
		const { memory } = this.image;
		if (memory !== null && this.memory !== NO_MEMORY) giveMemory(this.memory, memory.maximum);
		this.memory = NO_MEMORY;
	}

	/** Its parent has heard of its end. */
	reap(): void {
		this.parent?.children.delete(this);
		this.tree.forget(this);
	}
}

/** The name of a signal, also of one that has no name at the API. */
export function nameOf(number: number): string {
	for (const [name, known] of SIGNALS) if (known === number) return name;
	return `SIG${number}`;
}

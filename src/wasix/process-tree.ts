/**
 * The processes that began as one: their numbers, and how they are linked, entered, copied, exchanged and ended.
 *
 *     fork:   unwind the parent ─> copy memory, globals, descriptors ─> rewind both, each with its own answer
 *     exec:   find and compile ─> the old stack is trapped away ─> a new memory and instance, entered at _start
 *     spawn:  find and compile ─> copy descriptors ─> a new memory and instance
 *
 * All run in this worker, each on a stack of its own that the browser suspends where it waits.
 */
import { type Done, EAGAIN, type Errno } from "../abi/errno.ts";
import { NOTHING_USED } from "../abi/usage.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { OpenFile } from "../process/descriptors.ts";
import { TRAPPED, trapped } from "../process/instantiate.ts";
import { type Ending, Process } from "../process/process.ts";
import type { Usage, WireStatus } from "../protocol/sandbox.ts";
import { loopOf } from "./entry.ts";
import type { Image } from "./image.ts";
import type { Kernel } from "./kernel.ts";
import { link, makeMemory, notStarted } from "./link.ts";
import { NO_MEMORY, nameOf, type Successor, type Sum, WasixProcess } from "./process.ts";
import { type Entry, WasixThread } from "./thread.ts";

const MOST_PROCESSES = 512;
const START: Entry = { name: "_start", args: [] };

/** How a process ended, with its trap. */
type Outcome = Ending & Pick<WireStatus, "trap">;

export class ProcessTree {
	readonly kernel: Kernel;
	readonly #processes = new Map<number, WasixProcess>();
	/** What threads and processes had used that are over. */
	readonly #past: Sum = { ...NOTHING_USED };
	readonly #running = new Set<Promise<void>>();
	#lastPid = 0;
	#root: WasixProcess | null = null;

	constructor(kernel: Kernel) {
		this.kernel = kernel;
	}

	get(pid: number): WasixProcess | undefined {
		return this.#processes.get(pid);
	}

	/** A number that no process or thread has had. */
	nextPid(): number {
		this.#lastPid += 1;
		return this.#lastPid;
	}

	forget(process: WasixProcess): void {
		this.#processes.delete(process.pid);
	}

	/** Links the root. Errors: those of linking. */
	begin(process: Process, image: Image, cwd: string, entry = START.name): WasixThread {
		const root = this.#add(null, process, image, makeMemory(image), cwd);
		this.#root = root;
		return link(this.kernel, new WasixThread(root, root.pid, { name: entry, args: [] }));
	}

	/** Runs the root to its end. */
	run(thread: WasixThread): Promise<Outcome> {
		return this.#runProcess(thread);
	}

	/** The processes that the root has started, and that run. */
	children(): WasixProcess[] {
		return [...this.#processes.values()].filter((one) => one !== this.#root && one.status === null);
	}

	/** What all processes have used, those that are over included; of memory and files what they have now. */
	usage(): Usage {
		const sum = { ...this.#past };
		for (const process of this.#processes.values()) {
			if (process.status === null) process.addUsage(sum);
		}
		return sum;
	}

	/** A thread is over: what it has used stays counted. */
	#count(thread: WasixThread): void {
		this.#past.fuel += thread.fuel();
		this.#past.time += thread.time;
	}

	/** Delivers a signal to the root and all that it started: first to those that it ends, and once they are over to the
	 *  others. So a shell whose child a Ctrl-C ends finds it ended, as where each has a processor of its own. */
	signalAll(number: number): void {
		const all = [...this.#processes.values()].filter(({ status }) => status === null);
		const ending = all.filter((process) => process.endsBy(number));
		const others = all.filter((process) => !ending.includes(process));
		let left = ending.length;
		const tell = () => {
			if (left === 0) for (const process of others) process.signal(number);
		};
		for (const process of ending) {
			process.whenOver(() => {
				left -= 1;
				tell();
			});
			process.signal(number);
		}
		tell();
	}

	/** Ends all that still runs but the root. */
	endAll(ending: Ending): void {
		for (const process of this.#processes.values()) {
			if (process !== this.#root) process.process.end(ending);
		}
	}

	/** Whether nothing runs that the root has started. */
	get isOver(): boolean {
		return this.#running.size === 0;
	}

	/** Resolves when all that the root has started is over, and holds no file any more. */
	async settled(): Promise<void> {
		while (!this.isOver) await Promise.all(this.#running);
	}

	/** What its processes have open, and the directories that they are in. */
	*files(): Iterable<OpenFile> {
		for (const { status, descriptors } of this.#processes.values()) {
			if (status !== null) continue;
			yield* descriptors.files();
			yield* descriptors.begins.values();
		}
	}

	/** Copies a process whose thread has been unwound. Errors: EAGAIN where there is no room for one more. */
	fork(thread: WasixThread): number {
		const parent = thread.owner;
		return this.#make(parent, parent.image, parent.memory.buffer.byteLength, (child) => {
			new Uint8Array(child.memory.buffer).set(new Uint8Array(parent.memory.buffer));
			child.process.args = parent.process.args;
			child.process.env = parent.process.env;
			child.inheritSignals(parent);
			const copy = link(
				this.kernel,
				new WasixThread(child, child.pid, thread.entry, thread.bounds),
			);
			copy.stack.setGlobals(thread.stack.globals());
			copy.stack.inherit(thread.stack);
			copy.handling = thread.handling;
			copy.restarts = thread.restarts;
			for (const [key, value] of thread.locals) copy.locals.set(key, value);
			this.bindHandler(copy);
			copy.stack.goBack(0);
			copy.intoHandler();
			return copy;
		});
	}

	/** Starts a program as a child. `prepare` changes its descriptors and directory before. Errors: EAGAIN, ENOEXEC. */
	spawn(
		parent: WasixProcess,
		{ image, args, env }: Successor,
		prepare: (child: WasixProcess) => Done,
	): number {
		return this.#make(parent, image, 0, (child) => {
			child.process.args = args;
			child.process.env = env;
			const done = prepare(child);
			if (done !== 0) return done;
			child.descriptors.closeMarked();
			return link(this.kernel, new WasixThread(child, child.pid, START));
		});
	}

	/** A child that has no memory and runs nothing yet. Errors: EAGAIN. */
	prepareChild(parent: WasixProcess): WasixProcess | Errno {
		if (this.#processes.size >= MOST_PROCESSES) return EAGAIN;
		const child = this.#child(parent, parent.image, NO_MEMORY);
		child.inheritSignals(parent);
		return child;
	}

	/** Starts a program in a child that runs nothing yet. Errors: EAGAIN, ENOEXEC; the child is as it was then. */
	startPrepared(child: WasixProcess, successor: Successor): Done {
		const { image, handler } = child;
		try {
			const thread = this.#give(child, successor);
			child.descriptors.closeMarked();
			this.#start(thread);
			return 0;
		} catch (error) {
			child.dropMemory();
			child.image = image;
			child.handler = handler;
			child.threads.clear();
			return notStarted(error);
		}
	}

	/** Gives a process that has no memory a program, and links its first thread. Errors: those of `link`. */
	#give(owner: WasixProcess, { image, args, env }: Successor): WasixThread {
		owner.image = image;
		owner.process.args = args;
		owner.process.env = env;
		owner.handler = null;
		this.kernel.changed(this);
		owner.memory = makeMemory(image);
		return link(this.kernel, new WasixThread(owner, owner.pid, START));
	}

	/** Makes a child and starts the thread that `fill` makes of it; of one that cannot be started nothing is left. Errors:
	 *  EAGAIN, ENOEXEC, those of `fill`. */
	#make(
		parent: WasixProcess,
		image: Image,
		bytes: number,
		fill: (child: WasixProcess) => WasixThread | Errno,
	): number {
		if (this.#processes.size >= MOST_PROCESSES) return EAGAIN;
		let child: WasixProcess | undefined;
		try {
			child = this.#child(parent, image, makeMemory(image, bytes));
			const filled = fill(child);
			if (typeof filled !== "number") {
				this.#start(filled);
				return child.pid;
			}
			this.#undo(child);
			return filled;
		} catch (error) {
			if (child) this.#undo(child);
			return notStarted(error);
		}
	}

	/** Starts one more thread of a process. Errors: EAGAIN. */
	spawnThread(
		owner: WasixProcess,
		entry: (tid: number) => Entry,
		bounds?: readonly [number, number],
	): number {
		const tid = this.nextPid();
		const thread = new WasixThread(owner, tid, entry(tid), bounds);
		try {
			this.bindHandler(link(this.kernel, thread));
			this.#start(thread);
			return tid;
		} catch (error) {
			thread.gone();
			if (error instanceof RangeError) return EAGAIN;
			throw error;
		}
	}

	/** Connects the export that handles signals with a thread. */
	bindHandler(thread: WasixThread): void {
		const { handler } = thread.owner;
		const f = handler ? thread.instance.exports[handler] : undefined;
		if (f !== undefined) thread.setHandler(f);
	}

	#add(
		parent: WasixProcess | null,
		process: Process,
		image: Image,
		memory: WebAssembly.Memory,
		cwd: string,
	): WasixProcess {
		const added = new WasixProcess(this, this.nextPid(), parent, process, image, memory, cwd);
		this.#processes.set(added.pid, added);
		this.kernel.changed(this);
		return added;
	}

	#child(parent: WasixProcess, image: Image, memory: WebAssembly.Memory): WasixProcess {
		const from = parent.process;
		// The tree of a process in this worker is a namespace.
		const own = (from.tree as Namespace).view();
		own.current = (from.tree as Namespace).current;
		const process = new Process({ ...this.kernel.setup, args: [], env: [], tree: own });
		process.descriptors = parent.descriptors.copy();
		process.terminal = from.terminal;
		process.outputs = from.outputs;
		process.flush = from.flush;
		process.guessed = from.guessed;
		process.budget = from.budget;
		process.tracer = from.tracer;
		return this.#add(parent, process, image, memory, parent.cwd);
	}

	#undo(child: WasixProcess): void {
		child.descriptors.closeAll();
		child.status = { code: 0 };
		child.reap();
	}

	/** Starts a thread in a task of its own, once the one that asked for it gives way. */
	#start(thread: WasixThread): void {
		const isFirst = thread.tid === thread.owner.pid;
		const run = () => (isFirst ? this.#runProcess(thread) : this.#runThread(thread));
		const over = Promise.resolve()
			.then(run)
			.catch((error) => {
				const message = error instanceof Error ? error.message : String(error);
				this.kernel.warn(`process ${thread.owner.pid} could not be brought to an end: ${message}`);
				thread.owner.process.end({ code: TRAPPED });
			});
		const done = over.then(() => {
			this.#running.delete(done);
		});
		this.#running.add(done);
	}

	/** Runs a process from its first thread to the end of its last. */
	async #runProcess(first: WasixThread): Promise<Outcome> {
		const { owner } = first;
		let thread = first;
		let status = await this.#runThread(thread);
		for (;;) {
			const { successor } = owner;
			// Other threads of the old program, or of one that goes on without its first.
			while (owner.threads.size > 0) {
				const [other] = owner.threads;
				if (other === undefined) break;
				if (successor !== null) other.end();
				await new Promise<void>((resolve) => other.finished.watch(() => resolve()));
			}
			if (successor === null || owner.process.ending !== null) break;
			owner.successor = null;
			const linked = this.#become(owner, successor);
			if (linked === null) break;
			thread = linked;
			status = await this.#runThread(thread);
		}
		const ending: Outcome = { ...status, ...owner.process.ending };
		owner.process.ending ??= { code: ending.code };
		if (ending.trap && owner.parent) this.kernel.warn(trapMessage(owner, ending));
		this.#past.read += owner.process.used.read;
		this.#past.written += owner.process.used.written;
		owner.over(ending);
		return ending;
	}

	/** A process goes on as another program. Null where that cannot be linked: it ends with 126. */
	#become(owner: WasixProcess, successor: Successor): WasixThread | null {
		owner.descriptors.closeMarked();
		owner.dropMemory();
		try {
			return this.#give(owner, successor);
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			this.kernel.warn(`${successor.image.name} cannot be started: ${why}`);
			owner.process.end({ code: 126 });
			return null;
		}
	}

	/** Runs a thread to its end; how its process ends if it was the last, or trapped. */
	async #runThread(thread: WasixThread): Promise<Outcome> {
		const { owner, entry } = thread;
		const f = thread.instance.exports[entry.name];
		thread.began = performance.now();
		try {
			if (typeof f !== "function") return { code: 45 };
			if (thread.ended) return { code: 0 };
			const run = loopOf(f as () => unknown, entry.args.length, () => thread.settle());
			do await this.kernel.bridge.enter(thread, run, ...entry.args);
			while (thread.settle() !== 0);
			return { code: 0 };
		} catch (error) {
			if (thread.ended || owner.successor !== null) return { code: 0 };
			if (thread.handling !== 0) {
				// A C library ends its program by a trap where a signal has no handler.
				const { handling } = thread;
				owner.process.end({ code: 128 + handling, signal: nameOf(handling) });
				return { code: 128 + handling };
			}
			const status = trapped(error);
			const limit = owner.process.budget?.ending(thread.instance);
			owner.process.end({ code: status.code, ...limit });
			return { ...status, ...limit };
		} finally {
			this.#count(thread);
			thread.gone();
		}
	}
}

function trapMessage({ pid, image }: WasixProcess, { trap }: Outcome): string {
	return `process ${pid} (${image.name}) has trapped: ${trap?.message}`;
}

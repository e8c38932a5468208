/**
 * The kernel's side of guests in workers of their own, for browsers that cannot suspend them.
 *
 * The kernel makes the worker, by its own script under another name, so that whoever embeds Porthole has
 * to know of one script only. It answers the guest's messages when its event loop gets to them, and
 * is never blocked itself: the page, other guests and slow stores are served meanwhile.
 *
 * A guest that is to end is told through shared memory, and wakes if it sleeps. One that computes without
 * calling does not look there; its worker is ended, and nobody else's.
 */
import { ENDED, PENDING } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import type { PageBridge, PageFunction, StopHandle, Ticket } from "../bridge/bridge.ts";
import { fromWire } from "../bridge/far.ts";
import { type Ask, LoopBridge } from "../bridge/loop.ts";
import type { Role } from "../bridge/make-worker.ts";
import { trusted } from "../bridge/trusted.ts";
import { refused } from "../bridge/worker-refused.ts";
import type { ExtraImports, LoneProgram, Prepare } from "../process/instantiate.ts";
import type { Unfit } from "../process/page-value.ts";
import type { Thread } from "../process/thread.ts";
import type { WireStatus } from "../protocol/sandbox.ts";
import type { ChannelServer } from "./channel-server.ts";
import type { Message } from "./message.ts";
import { makeRing, RingEnd } from "./output-ring.ts";
import {
	type FromGuestWorker,
	FUNCTION_ANSWER,
	type GuestImport,
	type GuestStart,
	type ToGuestWorker,
} from "./protocol.ts";
import { ServiceWorkerServer } from "./service-worker-server.ts";
import { makeSharedMemory, SharedMemoryServer } from "./shared-memory-channel.ts";
import { CALL } from "./tree-calls.ts";
import { TreeServer } from "./tree-server.ts";

/** What a worker of this script is to be. */
const GUEST: Role = "porthole-guest";
/** Milliseconds that a guest has to end by itself. */
const PATIENCE = 500;
/** Milliseconds that what a guest has printed may wait for more. */
const FLUSH = 5;

/** The bridge of a kernel whose guests are elsewhere. */
export class HostBridge extends LoopBridge implements PageBridge {
	/** The guest's worker makes an import of it. */
	pageFunction(_guest: StopHandle, f: PageFunction): WebAssembly.ImportValue {
		return f;
	}

	/** Takes what the last call has noted. */
	take(): Ticket<unknown>[] {
		return this.notes.splice(0);
	}
}

/** The kernel's bridge, and how its guests are prepared. Where the page is not `isolated` a service
 *  worker carries their messages. */
export function ownWorkers(ask: Ask, isolated: boolean): { bridge: PageBridge; prepare: Prepare } {
	const bridge = new HostBridge(ask);
	return {
		bridge,
		prepare: async (module, thread, entry, extra = new Map(), lone) => {
			const worker = new GuestHost(thread, bridge, extra, isolated, lone);
			await worker.start(module, entry);
			return () => worker.run();
		},
	};
}

class GuestHost {
	readonly #thread: Thread;
	readonly #bridge: HostBridge;
	readonly #server: TreeServer;
	readonly #functions: PageFunction[] = [];
	readonly #imports: GuestImport[] = [];
	readonly #address: SharedArrayBuffer | string;
	readonly #channel: ChannelServer;
	readonly #rings: RingEnd[] = [];
	readonly #worker = startGuest();
	readonly #ready: Promise<void>;
	readonly #over: Promise<WireStatus>;
	readonly #lone: LoneProgram | undefined;
	#isReady!: () => void;
	#exit!: (status: WireStatus) => void;
	#fail!: (error: Error) => void;
	#patience: ReturnType<typeof setTimeout> | undefined;
	#flush: ReturnType<typeof setTimeout> | undefined;
	/** Whether the guest waits for a function of the page. */
	#calling = false;

	constructor(
		thread: Thread,
		bridge: HostBridge,
		extra: ExtraImports,
		isolated: boolean,
		lone: LoneProgram | undefined,
	) {
		if (isolated) {
			this.#address = makeSharedMemory();
			this.#channel = new SharedMemoryServer(this.#address);
		} else {
			this.#address = crypto.randomUUID();
			this.#channel = new ServiceWorkerServer(this.#address, () => this.#answer());
		}
		this.#thread = thread;
		this.#bridge = bridge;
		this.#lone = lone;
		this.#server = new TreeServer(thread.process);
		for (const [module, fields] of extra) {
			for (const [name, value] of fields) this.#addImport(module, name, value);
		}
		this.#over = new Promise((resolve, reject) => {
			this.#exit = resolve;
			this.#fail = reject;
		});
		this.#ready = new Promise((resolve, reject) => {
			this.#isReady = resolve;
			this.#over.then(() => resolve(), reject);
		});
	}

	/** Resolves when the program is linked. Errors: those of `prepare` in process/instantiate.ts. */
	async start(module: WebAssembly.Module, entry: string): Promise<void> {
		const { process, stopped } = this.#thread;
		const start: GuestStart = {
			kind: "start",
			module,
			entry,
			args: process.args.map(unterminated),
			env: process.env.map(unterminated).map(splitVariable),
			address: this.#address,
			limits: process.budget?.handOver(),
			trace: process.tracer?.pid,
			rings: typeof this.#address === "string" ? [] : this.#makeRings(),
			...this.#server.handOver(),
			imports: this.#imports,
			lone: this.#handOverLone(),
		};
		this.#worker.onmessage = ({ data }: MessageEvent<FromGuestWorker>) =>
			this.#receive(data, start);
		this.#worker.onerror = (event) => {
			event.preventDefault();
			const why = event.message
				? `: ${event.message}`
				: " to start; a Content-Security-Policy (worker-src) that is sent with the worker's script may forbid it";
			this.#fail(new PortholeError("worker-failed", `the program's worker failed${why}`));
		};
		stopped.watch(() => this.#stop());
		const clear = () => this.#clear();
		this.#over.then(clear, clear);
		await this.#ready;
	}

	#handOverLone(): GuestStart["lone"] {
		if (this.#lone === undefined) return undefined;
		const { process } = this.#thread;
		const { directory, terminal } = process;
		process.tree.absolute = true;
		const { image } = this.#lone;
		return { image, directory, terminal: terminal && this.#server.facts(terminal) };
	}

	run(): Promise<WireStatus> {
		this.#post({ kind: "run" });
		return this.#over;
	}

	#receive(message: FromGuestWorker, start: GuestStart): void {
		switch (message.kind) {
			case "message":
				this.#answer();
				break;
			case "ring":
				this.#drain();
				break;
			case "call":
				this.#call(message.function, message.args);
				break;
			case "used":
				this.#thread.reported = message.usage;
				this.#thread.process.budget?.isOver();
				break;
			case "trace":
				this.#thread.process.tracer?.tell(message.lines);
				break;
			case "warning":
				this.#lone?.warn(message.message);
				break;
			case "guessed":
				this.#thread.process.guessed(message.name);
				break;
			case "hello":
				this.#post(start);
				break;
			case "ready":
				this.#isReady();
				break;
			case "exit":
				this.#exit(this.#thread.process.ending ?? message.status);
				break;
			case "failed":
				if (this.#thread.process.ending) this.#exit(this.#thread.process.ending);
				else this.#fail(fromWire(message.error));
				break;
		}
	}

	#answer(): void {
		const { message } = this.#channel;
		const { numbers } = message;
		const writes = numbers[0] === CALL.write;
		// It was printed before this was asked.
		this.#drain();
		this.#channel.opened();
		this.#bridge.dropNotes();
		// The guest may have looked at its clock, and no file is to be older than that.
		this.#thread.process.clock.realtime();
		try {
			if (this.#thread.ended) numbers[0] = ENDED;
			else this.#answerWithin(message);
		} catch (error) {
			this.#fail(error as Error);
			return;
		}
		const notes = this.#bridge.take();
		if (numbers[0] === PENDING) {
			this.#channel.watch(notes);
			this.#thread.flush();
		} else if (writes) this.#flushSoon();
		this.#channel.answered();
	}

	/** Answers, with as much room for files as the guest has left. */
	#answerWithin(message: Message): void {
		const { numbers } = message;
		const answer = () => {
			this.#server.answer(message);
			return numbers[0] as number;
		};
		const { budget } = this.#thread.process;
		if (budget === null) answer();
		else numbers[0] = budget.during(answer);
	}

	/** Rings for what the guest prints, before its descriptors are handed over. */
	#makeRings(): GuestStart["rings"] {
		const nodes = [...this.#thread.process.descriptors.files()].map(({ node }) => node);
		return this.#thread.process.outputs.flatMap((output) => {
			const descriptor = nodes.indexOf(output.node);
			if (descriptor < 0) return [];
			const memory = makeRing();
			this.#rings.push(new RingEnd(memory, output, () => this.#channel.wake()));
			return [{ descriptor, memory }];
		});
	}

	/** Hands on what has been printed. */
	readonly #drain = (): void => {
		for (const ring of this.#rings) {
			if (ring.drain() === 1) this.#bridge.pending(this.#bridge.nextTurn());
			for (const ticket of this.#bridge.take()) ticket.watch(this.#drain);
		}
		if (this.#rings.length > 0) this.#flushSoon();
	};

	/** Calls a function of the page. The guest sleeps until the message is answered. */
	async #call(index: number, args: readonly unknown[]): Promise<void> {
		const f = this.#functions[index];
		if (f === undefined) return;
		this.#calling = true;
		try {
			this.#return(await f(...args));
		} catch (error) {
			this.#throw(error instanceof Error ? error.message : String(error));
		}
	}

	#return(value: unknown): void {
		if (!this.#calling) return;
		const { numbers, times } = this.#channel.message;
		if (typeof value === "bigint") {
			numbers[0] = FUNCTION_ANSWER.bigint;
			times[1] = BigInt.asUintN(64, value);
		} else if (typeof value === "number" || typeof value === "boolean") {
			numbers[0] = FUNCTION_ANSWER.number;
			numbers[1] = Number(value);
		} else if (value === undefined) numbers[0] = FUNCTION_ANSWER.nothing;
		else {
			// It fits nothing; `process/page-value.ts` made it an object of its type.
			this.#channel.message.put((value as Unfit).returned);
			numbers[0] = FUNCTION_ANSWER.unfit;
		}
		this.#calling = false;
		this.#channel.answered();
	}

	#throw(why: string): void {
		if (!this.#calling) return;
		const { message } = this.#channel;
		message.put(why.slice(0, 4096));
		message.numbers[0] = FUNCTION_ANSWER.failed;
		this.#calling = false;
		this.#channel.answered();
	}

	#stop(): void {
		this.#channel.stop();
		this.#throw("the program has been ended");
		this.#patience = setTimeout(
			() => this.#exit(this.#thread.process.ending ?? { code: 0 }),
			PATIENCE,
		);
	}

	#flushSoon(): void {
		this.#flush ??= setTimeout(() => {
			this.#flush = undefined;
			this.#thread.flush();
		}, FLUSH);
	}

	#clear(): void {
		clearTimeout(this.#patience);
		clearTimeout(this.#flush);
		for (const ring of this.#rings) ring.empty();
		this.#calling = false;
		this.#channel.close();
		this.#worker.onmessage = null;
		this.#worker.terminate();
	}

	#post(message: ToGuestWorker): void {
		this.#worker.postMessage(message);
	}

	#addImport(module: string, name: string, value: WebAssembly.ImportValue): void {
		if (typeof value === "number") {
			this.#imports.push({ module, name, value });
			return;
		}
		this.#imports.push({ module, name, value: { function: this.#functions.length } });
		// What is no number was made by `pageFunction`.
		this.#functions.push(value as PageFunction);
	}
}

function startGuest(): Worker {
	try {
		return new Worker(trusted(location.href), { type: "module", name: GUEST });
	} catch (cause) {
		throw refused(cause);
	}
}

function unterminated(bytes: Uint8Array): string {
	return new TextDecoder().decode(bytes.subarray(0, -1));
}

function splitVariable(variable: string): readonly [string, string] {
	const at = variable.indexOf("=");
	return [variable.slice(0, at), variable.slice(at + 1)];
}

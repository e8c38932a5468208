/**
 * A process as the page holds it: three streams, a status, and the messages behind them.
 */
import { PortholeError } from "../abi/error.ts";
import { NOTHING_USED } from "../abi/usage.ts";
import type { ExitStatus, FromGuest, ToGuest, Usage, WireStatus } from "../protocol/sandbox.ts";
import type { ChildProcess } from "./children.ts";
import { signalNumber } from "./options.ts";
import { Collector, InputEnd, OutputEnd } from "./process-streams.ts";

/** A running guest. */
export interface Process {
	readonly pid: number;
	readonly stdin: WritableStream<Uint8Array>;
	readonly stdout: ReadableStream<Uint8Array>;
	readonly stderr: ReadableStream<Uint8Array>;
	/** Settles when output is complete and mounts have synced; rejects only when the fault is ours. A program of
	 *  WASIX may leave others behind that it has started: `status` does not wait for them, `stdout` and `stderr`
	 *  do as long as they can print, and `kill` reaches them. */
	readonly status: Promise<ExitStatus>;
	/** Ends it: at its next call, or within a second where it makes none. Default: `"SIGTERM"`. */
	kill(signal?: string): void;
	resize(columns: number, rows: number): void;
	/** The processes that it has started and that still run; as of some hundredths of a second ago. */
	readonly children: readonly ChildProcess[];
	/** What it has used so far; once it is over, what it has used in all. */
	usage(): Promise<Usage>;
}

/** What the streams of a process do with its output. */
export type OutputMode = "stream" | "collect";

export class ProcessEnd implements Process {
	readonly pid: number;
	readonly stdin: WritableStream<Uint8Array>;
	readonly stdout: ReadableStream<Uint8Array>;
	readonly stderr: ReadableStream<Uint8Array>;
	readonly status: Promise<ExitStatus>;
	/** `spawn` has resolved on the page, or is about to. */
	started = false;
	/** What its module is remembered by, should the worker have to be ended to stop it; "" for a program that
	 *  can be interrupted. */
	key = "";
	/** Asks the kernel what it has used. */
	measure: (child?: number) => Promise<Usage | undefined> = async () => undefined;
	children: readonly ChildProcess[] = [];
	/** Hears of its calls. */
	trace: ((line: string) => void) | undefined;
	#usage = NOTHING_USED;
	readonly collected = { stdout: new Collector(), stderr: new Collector() };
	readonly #modes: readonly [OutputMode, OutputMode];
	readonly #send: (message: ToGuest, give?: Transferable[]) => void;
	readonly #onKill: (process: ProcessEnd) => void;
	readonly #input: InputEnd;
	readonly #outputs: readonly [OutputEnd, OutputEnd];
	#resolve!: (status: ExitStatus) => void;
	#reject!: (error: Error) => void;
	/** Callbacks that wait until the guest has received the last signal. */
	#listeners: (() => void)[] = [];
	#over = false;
	#lastKill: { code: number; signal: string } | null = null;
	/** The reason of the first kill. */
	#reason: ExitStatus["reason"];
	/** Whether keys may send signals. */
	#signals: boolean;
	/** Resolves when it is over, and all that it has started. */
	readonly gone: Promise<void>;
	#leave!: () => void;
	/** Resolves when nothing can be printed any more. */
	readonly printed: Promise<unknown>;
	/** What must be over before the status settles: output that is being poured elsewhere. */
	readonly #before: Promise<unknown>[] = [];
	/** Lets the status settle without that. */
	release!: () => void;
	readonly #released = new Promise<void>((resolve) => {
		this.release = resolve;
	});

	constructor(
		pid: number,
		modes: readonly [OutputMode, OutputMode],
		send: (message: ToGuest, give?: Transferable[]) => void,
		onKill: (process: ProcessEnd) => void,
		terminal = false,
	) {
		this.pid = pid;
		this.#modes = modes;
		this.#send = send;
		this.#onKill = onKill;
		this.#signals = terminal;
		this.#input = new InputEnd(
			(chunk) => this.#type(chunk, this.#signals ? interruptIn(chunk) : null),
			(failed) => send({ to: pid, kind: "end", failed }),
		);
		const output = (fd: 1 | 2) =>
			new OutputEnd(
				(bytes) => send({ to: pid, kind: "taken", fd, bytes }),
				() => send({ to: pid, kind: "hangup", fd }),
			);
		this.#outputs = [output(1), output(2)];
		this.stdin = this.#input.stream;
		this.stdout = this.#outputs[0].stream;
		this.stderr = this.#outputs[1].stream;
		this.status = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
		this.gone = new Promise((resolve) => {
			this.#leave = resolve;
		});
		this.printed = Promise.all(this.#outputs.map(({ ended }) => ended));
		// A page that ignores the status gets no unhandled rejection.
		this.status.catch(() => {});
	}

	/** Resolves once the guest has received the last signal, or has ended. */
	acknowledged(): Promise<void> {
		return new Promise((resolve) => {
			this.#listeners.push(resolve);
		});
	}

	get over(): boolean {
		return this.#over;
	}

	get lastKill(): { code: number; signal: string } | null {
		return this.#lastKill;
	}

	kill(signal = "SIGTERM", reason: ExitStatus["reason"] = "kill"): void {
		const code = 128 + signalNumber(signal);
		if (this.#over) return;
		this.#reason ??= reason;
		this.#send({ to: this.pid, kind: "kill", signal, code });
		this.#awaitEnd(signal);
	}

	/** Sends keys. The terminal turns a key into a signal, if it does, and in the worker; but where a
	 *  guest keeps the worker busy only the page can end it. */
	#type(chunk: Uint8Array, signal: string | null): void {
		const urgent = signal !== null;
		this.#send({ to: this.pid, kind: "stdin", chunk, urgent }, [chunk.buffer]);
		if (urgent) this.#awaitEnd(signal);
	}

	#awaitEnd(signal: string): void {
		this.#lastKill = { code: 128 + signalNumber(signal), signal };
		this.#onKill(this);
	}

	resize(columns: number, rows: number): void {
		if (!this.#over) this.#send({ to: this.pid, kind: "resize", columns, rows });
	}

	async usage(): Promise<Usage> {
		const now = this.#over ? undefined : await this.measure();
		return now ?? this.#usage;
	}

	/** The status waits for `promise` too. */
	waitFor(promise: Promise<unknown>): void {
		this.#before.push(promise.catch(() => {}));
	}

	receive(message: FromGuest): void {
		switch (message.kind) {
			case "output":
				this.#output(message.fd, message.chunk);
				break;
			case "taken":
				this.#input.taken(message.bytes);
				break;
			case "acknowledged":
				this.#wakeListeners();
				break;
			case "keys":
				this.#signals = message.signals;
				break;
			case "children":
				import("./children.ts").then(({ childrenOf }) => {
					if (!this.#over) this.children = childrenOf(this, message.children, this.#send);
				});
				break;
			case "trace":
				// What the page's function throws is reported where the page expects it.
				for (const line of message.lines) queueMicrotask(() => this.trace?.(line));
				break;
			case "exit":
				this.#usage = message.usage ?? NOTHING_USED;
				if (message.goesOn) this.#settle(message.status);
				else this.finish(message.status);
				break;
			case "ended":
				this.#outputs[message.fd - 1]?.close();
				break;
			case "broken":
				this.fail(new PortholeError(message.code, message.message));
				break;
			case "progress":
			case "event":
				break;
		}
	}

	finish(status: WireStatus): void {
		if (!this.#end()) return;
		for (const output of this.#outputs) output.close();
		const poured = Promise.race([Promise.all(this.#before), this.#released]);
		poured.then(() => this.#settle(status));
	}

	#settle(status: WireStatus): void {
		const reason = this.#reason ?? "terminal";
		exitStatus(status.signal ? { reason, ...status } : status).then(this.#resolve, this.#reject);
	}

	fail(error: Error): void {
		if (!this.#end()) return;
		for (const output of this.#outputs) output.fail(error);
		this.#reject(error);
	}

	#end(): boolean {
		if (this.#over) return false;
		this.#over = true;
		this.children = [];
		this.#leave();
		this.#wakeListeners();
		this.#input.over();
		return true;
	}

	#wakeListeners(): void {
		for (const listener of this.#listeners.splice(0)) listener();
	}

	#output(fd: 1 | 2, chunk: Uint8Array): void {
		if (this.#modes[fd - 1] === "stream") {
			this.#outputs[fd - 1]?.push(chunk);
			return;
		}
		this.collected[fd === 1 ? "stdout" : "stderr"].push(chunk);
		this.#send({ to: this.pid, kind: "taken", fd, bytes: chunk.length });
	}
}

/** The signal that keys may mean, if they are typed into a terminal: ^C, ^\. */
function interruptIn(keys: Uint8Array): string | null {
	if (keys.includes(3)) return "SIGINT";
	return keys.includes(28) ? "SIGQUIT" : null;
}

async function exitStatus({ trap, ...rest }: WireStatus): Promise<ExitStatus> {
	return {
		success: rest.code === 0 && rest.signal === undefined && trap === undefined,
		...rest,
		...(trap && { trap: (await import("./trap-error.ts")).trapError(trap) }),
	};
}

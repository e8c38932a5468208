/**
 * The page's end of one worker: the kernel behind it, the messages of its guests, and its death.
 *
 * A call to a worker that is ended would never be answered, so every call races with the worker's
 * end and is rejected by it.
 */
import { PortholeError } from "../abi/error.ts";
import { type Lent, offer, type Remote, reach } from "../bridge/far.ts";
import type { FromGuest, Kernel, ToGuest } from "./protocol.ts";

type Answer<K extends keyof Kernel> = Awaited<ReturnType<Kernel[K]>>;

export class Connection {
	readonly lent: Lent;
	readonly #worker: Worker;
	readonly #kernel: Remote<Kernel>;
	readonly #death: Promise<never>;
	#die!: (error: Error) => void;
	#over = false;

	/** `receive` hears every message of a guest; `onDeath` of a worker that failed by itself. */
	constructor(
		worker: Worker,
		lent: Lent,
		receive: (message: FromGuest) => void,
		onDeath: (error: PortholeError) => void,
	) {
		this.lent = lent;
		this.#worker = worker;
		this.#death = new Promise((_, reject) => {
			this.#die = reject;
		});
		this.#death.catch(() => {});
		worker.addEventListener("message", ({ data }: MessageEvent<FromGuest | { id: unknown }>) => {
			if (typeof data === "object" && data !== null && "from" in data) receive(data);
		});
		worker.addEventListener("error", (event) => {
			event.preventDefault();
			if (this.#over) return;
			const why = event.message
				? `${event.message}; files that were only in memory are gone`
				: "its script was not found; pass `workerUrl`, or use the build with the worker inside";
			const error = new PortholeError("worker-failed", `Porthole's worker failed: ${why}`);
			// What has thrown may be half changed.
			this.end(error);
			onDeath(error);
		});
		offer(
			{ ask: (id: number, method: string, args: unknown[]) => lent.ask(id, method, args) },
			worker,
		);
		this.#kernel = reach<Kernel>(worker);
	}

	/** Calls the kernel. Rejects with a PortholeError, also when the worker ends. */
	call<K extends keyof Kernel>(method: K, ...args: Parameters<Kernel[K]>): Promise<Answer<K>> {
		// Comlink gives each method of Kernel the same parameters, as a promise.
		const f = this.#kernel[method] as unknown as (...a: unknown[]) => Promise<Answer<K>>;
		return Promise.race([f(...args), this.#death]);
	}

	send(message: ToGuest, give: Transferable[] = []): void {
		this.#worker.postMessage(message, give);
	}

	/** Ends the worker at once. What was waited for is rejected with `error`. */
	end(error: Error): void {
		this.#over = true;
		this.#worker.terminate();
		this.#die(error);
	}
}

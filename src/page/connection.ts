/**
 * The page's end of one worker: the kernel behind it, the messages of its guests, and its death.
 *
 * A call to a worker that is ended would never be answered, so the end of the worker rejects every call
 * that is open. An open call is listed and not raced with a promise of that end: such a promise would keep
 * the answer of each call that was ever made.
 */
import { PortholeError } from "../abi/error.ts";
import { offer, type Remote, type RemoteObjects, reach, release } from "../bridge/far.ts";
import type { ScriptAddress } from "../bridge/make-worker.ts";
import type { FromGuest, Kernel, ToGuest } from "../protocol/sandbox.ts";

type Answer<K extends keyof Kernel> = Awaited<ReturnType<Kernel[K]>>;

export class Connection {
	readonly remoteObjects: RemoteObjects;
	readonly #worker: Worker;
	readonly #kernel: Remote<Kernel>;
	/** Rejects each call that has no answer yet. */
	readonly #open = new Set<(error: Error) => void>();
	/** Why the worker was ended. */
	#over: Error | null = null;

	/** `receive` is called with every message of a guest, `onDeath` when the worker fails by itself. The
	 *  worker's script is at `url`. */
	constructor(
		worker: Worker,
		url: ScriptAddress | undefined,
		remoteObjects: RemoteObjects,
		receive: (message: FromGuest) => void,
		onDeath: (error: PortholeError) => void,
	) {
		this.remoteObjects = remoteObjects;
		this.#worker = worker;
		worker.addEventListener("message", ({ data }: MessageEvent<FromGuest | { id: unknown }>) => {
			if (typeof data === "object" && data !== null && "from" in data) receive(data);
		});
		worker.addEventListener("error", async (event) => {
			event.preventDefault();
			if (this.#over) return;
			const error = await whyFailed(url, event.message);
			if (this.#over) return;
			// What has thrown may be half changed.
			this.end(error);
			onDeath(error);
		});
		offer(
			{ ask: (id: number, method: string, args: unknown[]) => remoteObjects.ask(id, method, args) },
			worker,
		);
		this.#kernel = reach<Kernel>(worker);
	}

	/** Calls the kernel. Rejects with a PortholeError, also when the worker ends. */
	call<K extends keyof Kernel>(method: K, ...args: Parameters<Kernel[K]>): Promise<Answer<K>> {
		// Comlink gives each method of Kernel the same parameters, as a promise.
		return new Promise((resolve, reject) => {
			if (this.#over) throw this.#over;
			this.#open.add(reject);
			const f = this.#kernel[method] as unknown as (...a: unknown[]) => Promise<Answer<K>>;
			f(...args)
				.catch(notSent)
				.then(resolve, reject)
				.finally(() => this.#open.delete(reject));
		});
	}

	send(message: ToGuest, give: Transferable[] = []): void {
		this.#worker.postMessage(message, give);
	}

	/** Ends the worker at once, and rejects every open call with `error`. */
	end(error: Error): void {
		if (this.#over) return;
		this.#over = error;
		this.#worker.terminate();
		release(this.#kernel);
		for (const reject of this.#open) reject(error);
	}
}

async function whyFailed(url: ScriptAddress | undefined, said: string): Promise<PortholeError> {
	const late = import("../bridge/worker-fault.ts");
	return late.then(({ explainFailure }) => explainFailure(url, said)).catch((error) => error);
}

/** What cannot be posted is the page's mistake, such as a buffer that it has transferred. */
function notSent(cause: unknown): never {
	if (!(cause instanceof DOMException) || cause.name !== "DataCloneError") throw cause;
	throw new PortholeError("invalid-option", cause.message, { cause });
}

export function closedError(): PortholeError {
	return new PortholeError("closed", "the sandbox has been closed");
}

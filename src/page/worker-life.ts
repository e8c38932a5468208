/**
 * The life of a sandbox's worker: it is started, replaced, and ended at last.
 *
 *     connect ───▶ ready ───▶ close
 *        ▲           │
 *        └── replace ┘        to end a guest that makes no call, or after the worker has failed
 *
 * A guest that computes without a call cannot be interrupted; only the end of its worker ends it. So the page
 * remembers what the sandbox was made of (packages, mounts, files) and makes it again in a new worker. Mounts
 * keep what programs wrote to them. Files in memory are lost, and so are the other guests of the worker.
 *
 * Every call to the worker passes through here, because every call has to ask whether the worker that it
 * began with is still the sandbox's worker.
 */
import { PortholeError } from "../abi/error.ts";
import { RemoteObjects } from "../bridge/far.ts";
import { makeWorker } from "../bridge/make-worker.ts";
import type { SandboxEventDetail } from "../protocol/events.ts";
import type {
	BridgeKind,
	Features,
	Files,
	FromGuest,
	Kernel,
	WireMount,
	WirePackage,
	WireStatus,
} from "../protocol/sandbox.ts";
import { Connection, closedError } from "./connection.ts";
import type { MountServices } from "./lend-store.ts";
import type { LoadOptions, Mounts, Progress, SandboxOptions } from "./options.ts";
import type { Loaded } from "./package.ts";
import type { ProcessEnd } from "./process-handle.ts";

/** Milliseconds for a killed guest to acknowledge the kill, before its worker is ended. */
const PATIENCE = 500;
/** The same, where all guests give way while they compute: only a machine at its limits takes that long. */
const MOST_PATIENCE = 5000;
/** Keys of modules that were found spinning, so that their worker had to be ended; for the life of the page. */
const spinning = new Set<string>();
export class WorkerLife {
	/** Directories and functions of the page that the worker may call. */
	readonly remoteObjects = new RemoteObjects();
	readonly running = new Map<number, ProcessEnd>();
	/** All packages, in the order of their loading. */
	readonly loaded: Loaded[] = [];
	readonly mounts: WireMount[] = [];
	/** Bytes on their way to each mount, by its path. */
	readonly pending = new Map<string, number>();
	/** Null until the first worker has started. */
	features: Features | null = null;
	readonly #options: SandboxOptions;
	readonly #kind: BridgeKind;
	/** Dispatches an event of the sandbox. */
	readonly emit: (event: SandboxEventDetail) => void;
	readonly #progress = new Map<number, (progress: Progress) => void>();
	/** What all mounts share; undefined while nothing is mounted. */
	#services: MountServices | undefined;
	/** The worker, or the one that is being started in its place. */
	connection: Promise<Connection>;
	/** Settles when the sandbox has been closed; null before `close`. */
	#closing: Promise<void> | null = null;

	/** Starts the first worker. `emit` is called with each event of the sandbox. */
	constructor(
		options: SandboxOptions,
		kind: BridgeKind,
		emit: (event: SandboxEventDetail) => void,
	) {
		this.#options = options;
		this.#kind = kind;
		this.emit = emit;
		this.connection = this.connect();
	}

	/** Errors: `"closed"`. */
	checkOpen(): void {
		if (this.#closing) throw closedError();
	}

	/** The worker, once it has all that the sandbox is made of. Errors: `"closed"`, and those of the start. */
	async ready(): Promise<Connection> {
		this.checkOpen();
		return this.connection;
	}

	/** Calls the kernel. Rejects with a PortholeError, also when the worker ends. */
	async call<K extends keyof Kernel>(
		method: K,
		...args: Parameters<Kernel[K]>
	): Promise<Awaited<ReturnType<Kernel[K]>>> {
		const connection = await this.ready();
		return connection.call(method, ...args);
	}

	/** Calls a method of the tree. An error that comes from a directory gets the directory's own as its cause. */
	async files<K extends keyof Files>(
		method: K,
		args: Parameters<Files[K]>,
	): Promise<Awaited<ReturnType<Files[K]>>> {
		const connection = await this.ready();
		try {
			// Comlink loses what relates method and answer.
			return (await connection.call("files", method, args)) as Awaited<ReturnType<Files[K]>>;
		} catch (error) {
			throw this.#services?.storeErrors.explain(error, args[0]) ?? error;
		}
	}

	get isClosing(): boolean {
		return this.#closing !== null;
	}

	/** Closing again waits for the same end. */
	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		// The spawn of a program that has not been started yet is rejected when the worker ends.
		const running = [...this.running.values()].filter(({ started }) => started);
		for (const process of running) {
			process.kill("SIGKILL");
			// A stream of the page that takes no output must not keep the sandbox open.
			process.release();
		}
		await Promise.allSettled(running.flatMap(({ gone, status }) => [gone, status]));
		const connection = await this.connection.catch(() => null);
		try {
			await connection?.call("close");
		} finally {
			connection?.end(closedError());
			this.remoteObjects.releaseAll();
			// No other worker will load them.
			this.loaded.length = 0;
		}
	}

	warn(message: string): void {
		this.emit({ type: "warning", detail: { message } });
	}

	// --- a worker ---

	/** Starts a worker, and makes in it what the sandbox is made of. */
	async connect(): Promise<Connection> {
		const { workerUrl } = this.#options;
		const connection = new Connection(
			await makeWorker(workerUrl),
			workerUrl,
			this.remoteObjects,
			(message) => this.#receive(message),
			// A worker that dies before it is ready has rejected the call that started it; that is report enough.
			(error) => this.connection.then(() => this.#replace(error)).catch(() => {}),
		);
		const again = this.features !== null;
		try {
			const { queue = false, interruptible = "auto", limits } = this.#options;
			this.features = await connection.call("start", {
				bridge: this.#kind,
				queue,
				interruptible,
				limits,
				spinning: [...spinning],
			});
			if (!again) this.mounts.push(...(await this.wireMounts(this.#options.mounts)));
			for (const mount of this.mounts) await connection.call("mount", mount);
			for (const [path, data] of Object.entries(this.#options.files ?? {})) {
				// Files in a mount were written at the first start, and may have changed since.
				if (again && this.mounts.some((mount) => path.startsWith(`${mount.path}/`))) continue;
				const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
				await connection.call("files", "mkdir", [
					path.slice(0, path.lastIndexOf("/")) || "/",
					true,
				]);
				await connection.call("files", "writeFile", [path, bytes, false]);
			}
			for (const loaded of this.loaded) await this.load(connection, loaded);
		} catch (error) {
			connection.end(closedError());
			throw error;
		}
		return connection;
	}

	async #replace(error: PortholeError, guilty?: ProcessEnd, signal?: WireStatus): Promise<void> {
		// Few workers are replaced.
		const { replaceWorker } = await import("./replace-worker.ts");
		await replaceWorker(this, error, guilty, signal);
	}

	/** Ends the worker of a killed guest, unless the guest acknowledges the kill in time. */
	watchKill(process: ProcessEnd): void {
		const last = process.lastKill;
		const interruptible = [...this.running.values()].every(({ key }) => key === "");
		let timer: ReturnType<typeof setTimeout>;
		const late = new Promise<boolean>((resolve) => {
			timer = setTimeout(() => resolve(true), interruptible ? MOST_PATIENCE : PATIENCE);
		});
		Promise.race([late, process.acknowledged().then(() => false)]).then((isLate) => {
			clearTimeout(timer);
			if (!isLate || process.over || last === null) return;
			if (process.key !== "") spinning.add(process.key);
			const why = new PortholeError("worker-replaced", "the worker had to be replaced");
			this.#replace(why, process, last);
		});
	}

	#receive(message: FromGuest): void {
		if (message.kind === "progress") {
			const { phase, loaded, total } = message;
			this.#progress.get(message.load)?.({ phase, loaded, total });
			return;
		}
		if (message.kind === "event") {
			const { event } = message;
			if (event.type === "mountpending") this.pending.set(event.detail.path, event.detail.bytes);
			this.emit(event);
			return;
		}
		if (message.kind === "refused") {
			const { path, code } = message;
			const refused = new PortholeError(code, message.message);
			// A PortholeError stays one.
			const error = this.#services?.storeErrors.explain(refused, path) as PortholeError;
			this.emit({ type: "mounterror", detail: { path, error } });
			return;
		}
		const process = this.running.get(message.from);
		const isOver = message.kind === "exit" ? !message.goesOn : message.kind === "broken";
		if (isOver) this.running.delete(message.from);
		process?.receive(message);
	}

	// --- loading and mounting ---

	async load(
		connection: Connection,
		loaded: Loaded,
		options: LoadOptions = {},
	): Promise<WirePackage> {
		const { id, source, how } = loaded;
		const abort = () => void connection.call("abort", id).catch(() => {});
		const { onProgress } = options;
		if (onProgress) {
			// Where the page has read the bytes, it has reported their progress already.
			const all = source.kind !== "blob" || source.reported !== true;
			this.#progress.set(id, (progress) => {
				if (all || progress.phase !== "reading") onProgress(progress);
			});
		}
		options.signal?.addEventListener("abort", abort, { once: true });
		try {
			return await connection.call("load", source, how);
		} catch (error) {
			throw options.signal?.aborted ? options.signal.reason : error;
		} finally {
			options.signal?.removeEventListener("abort", abort);
			this.#progress.delete(id);
		}
	}

	/** Mounts as the worker gets them. */
	async wireMounts(mounts: Mounts = {}): Promise<WireMount[]> {
		if (Object.keys(mounts).length === 0) return [];
		// A sandbox without mounts does not need it.
		const { mountServices, wireMounts } = await import("./lend-store.ts");
		this.#services ??= mountServices(this, this.#options.workerUrl);
		return wireMounts(mounts, this.#services);
	}
}

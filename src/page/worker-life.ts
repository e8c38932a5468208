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
import { Connection } from "./connection.ts";
import type { MountServices } from "./lend-store.ts";
import type { LoadOptions, Mounts, Progress, SandboxOptions } from "./options.ts";
import type { Loaded } from "./package.ts";
import type { ProcessEnd } from "./process-handle.ts";

/** Milliseconds for a killed guest to acknowledge the kill, before its worker is ended. */
const PATIENCE = 500;
/** Milliseconds in which all messages that the worker has sent arrive. */
const ARRIVAL = 10;
/** Milliseconds of silence after which the end of a worker no longer waits for a directory that is still
 *  writing; the directory goes on by itself. */
const SILENCE = 2000;

/** How a guest ends that shared its worker with a guest that had to be ended. */
const REPLACED: WireStatus = { code: 137, signal: "SIGKILL", reason: "replaced", lost: true };

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
	#connection: Promise<Connection>;
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
		this.#connection = this.#connect();
	}

	/** Errors: `"closed"`. */
	checkOpen(): void {
		if (this.#closing) throw closedError();
	}

	/** The worker, once it has all that the sandbox is made of. Errors: `"closed"`, and those of the start. */
	async ready(): Promise<Connection> {
		this.checkOpen();
		return this.#connection;
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
		await Promise.allSettled(running.map((process) => process.status));
		const connection = await this.#connection.catch(() => null);
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

	async #connect(): Promise<Connection> {
		const { workerUrl } = this.#options;
		const connection = new Connection(
			await makeWorker(workerUrl),
			workerUrl,
			this.remoteObjects,
			(message) => this.#receive(message),
			// A worker that dies before it is ready has rejected the call that started it; that is report enough.
			(error) => this.#connection.then(() => this.#replace(error)).catch(() => {}),
		);
		const again = this.features !== null;
		try {
			this.features = await connection.call("start", this.#kind, !!this.#options.queue);
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

	/** Ends the worker, and with it every guest, and makes the sandbox again in a new one. Where the worker was
	 *  ended because of a guest, all guests end by a signal; where the worker failed, by `error`. */
	async #replace(error: PortholeError, guilty?: ProcessEnd, signal?: WireStatus): Promise<void> {
		const connection = await this.#connection;
		// The worker has been replaced meanwhile, because of another guest.
		if (guilty?.over) return;
		const ending = this.#end(connection, this.#closing ? closedError() : error);
		// A sandbox that is being closed needs no other: there is nothing left to sync in this one.
		this.#connection = ending.then(() => {
			if (this.#closing) throw error;
			return this.#connect();
		});
		this.#connection.catch((why) => this.#failAll(why));
		await ending;
		// Bytes that the old worker had not sent are lost, and no others are on their way.
		for (const [path, bytes] of this.pending) {
			this.pending.delete(path);
			if (bytes > 0) this.emit({ type: "mountpending", detail: { path, bytes: 0 } });
		}
		const ended = [...this.running.keys()];
		for (const process of this.running.values()) {
			if (process === guilty && signal) process.finish({ ...signal, lost: true });
			else if (guilty) process.finish(REPLACED);
			else process.fail(error);
		}
		this.running.clear();
		this.emit({ type: "workerreplaced", detail: { guilty: guilty?.pid ?? 0, ended } });
	}

	/** Ends a worker once all messages that it has sent have arrived, and waits until the mounted directories
	 *  have made the changes. Changes that the worker has not sent are lost. */
	async #end(connection: Connection, error: PortholeError): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, ARRIVAL));
		connection.end(error);
		const { lines } = this.remoteObjects;
		if (lines.length > 0) await (await import("./batch-runner.ts")).allIdle(lines, SILENCE);
	}

	/** Ends the worker of a killed guest, unless the guest acknowledges the kill in time. */
	watchKill(process: ProcessEnd): void {
		const last = process.lastKill;
		let timer: ReturnType<typeof setTimeout>;
		const late = new Promise<boolean>((resolve) => {
			timer = setTimeout(() => resolve(true), PATIENCE);
		});
		Promise.race([late, process.acknowledged().then(() => false)]).then((isLate) => {
			clearTimeout(timer);
			if (!isLate || process.over || last === null) return;
			const why = new PortholeError("worker-replaced", "the sandbox's worker had to be replaced");
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
		if (message.kind === "exit" || message.kind === "broken") this.running.delete(message.from);
		process?.receive(message);
	}

	#failAll(error: Error): void {
		for (const process of this.running.values()) process.fail(error);
		this.running.clear();
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

function closedError(): PortholeError {
	return new PortholeError("closed", "the sandbox has been closed");
}

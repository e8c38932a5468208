/**
 * The page's half: a Sandbox is one worker, one file tree, any number of packages and processes.
 *
 * A guest that computes without calling cannot be interrupted; to end it is to end the worker. So the
 * page remembers what the sandbox was made of (packages, mounts, files) and makes it again in a new
 * worker. Mounts keep what was written; what was only in memory is gone, and the other guests with it.
 *
 * Starting, replacing and closing the worker, loading, mounting and spawning stand in one file, because
 * all of them ask whether the worker that they began with is still there.
 */
import { PortholeError } from "../abi/error.ts";
import { takeNoMore } from "../abi/options.ts";
import { isControlled, isOpaque, sharesMemory } from "../bridge/context.ts";
import { RemoteObjects } from "../bridge/far.ts";
import { makeWorker } from "../bridge/make-worker.ts";
import { type SandboxEventDetail, SandboxTarget } from "../protocol/events.ts";
import type {
	Features,
	Files,
	FromGuest,
	Kernel,
	WireCommand,
	WireImport,
	WireLoadOptions,
	WireMount,
	WirePackage,
	WireSource,
	WireSpawn,
	WireStatus,
} from "../protocol/sandbox.ts";
import type { AccessProfile } from "../webc/index.ts";
import type { Attachment } from "./attach-streams.ts";
import type { BridgeChoice } from "./choose-bridge.ts";
import { Command, type Start } from "./command.ts";
import { Connection } from "./connection.ts";
import type { Body } from "./function-command.ts";
import {
	type CommandOptions,
	checkLoadOptions,
	checkMountPath,
	checkSandboxOptions,
	type Directory,
	guestPath,
	type LoadOptions,
	type MountOptions,
	type Mounts,
	type Progress,
	type SandboxOptions,
	type Source,
} from "./options.ts";
import { type OutputMode, type Process, ProcessEnd } from "./process-handle.ts";
import { SandboxFS } from "./sandbox-fs.ts";
import { absolute, wireSource } from "./source.ts";
import type { StoreErrors } from "./store-errors.ts";

/** A loaded package. */
export interface Package {
	/** `namespace/name`, as far as the package says; `""` where it does not. */
	readonly name: string;
	readonly version: string;
	readonly format: 1 | 2 | 3 | "tar" | "wasm";
	readonly entrypoint?: string;
	readonly commands: readonly string[];
	/** The decoded manifest. */
	readonly manifest: unknown;
	readonly volumes: readonly { readonly name: string; readonly mountPath: string }[];
	/** Whether its entrypoint can be started, or, without one, any of its commands, as far as their imports
	 *  tell. Of a package that is read in parts only the entrypoint is looked at; others count as runnable. */
	readonly runnable: boolean;
	/** What its programs import and Porthole does not have, as `module.name`; `CommandOptions.imports` may
	 *  add it. */
	readonly missing: readonly string[];
	/** What has been read of it by now: `LoadOptions.profile` for later starts. Rejects with
	 *  `"not-supported"` for a package that was not read in parts. */
	profile(): Promise<AccessProfile>;
}

export interface MountState {
	readonly path: string;
	readonly readOnly: boolean;
	/** Bytes that programs have written and the directory has not; told ten times a second. */
	readonly pending: number;
}

/** What was found in this browser, and what follows from it. */
export interface Environment {
	readonly bridge: "suspending" | "blocking" | "preloaded";
	/** Why this bridge: sentences for people, which also say what was looked for and not found. */
	readonly why: string;
	/** What this browser lets this page do. */
	readonly features: {
		/** WebAssembly.Suspending: guests can wait on any page. */
		readonly jspi: boolean;
		/** Memory that can be posted to workers: the page is cross-origin isolated, and the browser has
		 *  SharedArrayBuffer there. */
		readonly sharedMemory: boolean;
		/** A service worker, of whomever, controls the page. */
		readonly serviceWorker: boolean;
		/** The origin's private file system. */
		readonly opfs: boolean;
		/** Folders of the user's can be picked. */
		readonly folders: boolean;
	};
	readonly crossOriginIsolated: boolean;
	/** Nanoseconds between two steps of the guests' clock. */
	readonly clockResolution: number;
}

interface Loaded {
	readonly id: number;
	readonly source: WireSource;
	readonly how: WireLoadOptions;
}

/** Milliseconds that a guest has to hear of a kill before its worker is ended. */
const PATIENCE = 500;

/** Milliseconds that are as good as for ever: 24 days. */
const FOREVER = 2 ** 31 - 1;
/** Milliseconds in which what the worker has sent arrives; and of silence after which nobody waits for a
 *  directory that was sent something: it goes on by itself. */
const ARRIVAL = 10;
const SILENCE = 2000;

/** Processes of one sandbox: six times as many suspended stacks would end the page without a word. */
const MOST_PROCESSES = 4000;

/** How a guest ends that had the worker in common with another. */
const REPLACED: WireStatus = { code: 137, signal: "SIGKILL", reason: "replaced", lost: true };

/** Which sandbox a Package belongs to, and how it was loaded. */
const origins = new WeakMap<Package, { sandbox: Sandbox; loaded: Loaded }>();

export class Sandbox extends SandboxTarget {
	static {
		takeNoMore(Sandbox, "unmount sync");
	}

	readonly fs: SandboxFS;
	readonly #options: SandboxOptions;
	readonly #choice: BridgeChoice;
	readonly #remoteObjects = new RemoteObjects();
	/** Why directories have failed; null while nothing is mounted. */
	#storeErrors: StoreErrors | null = null;
	readonly #running = new Map<number, ProcessEnd>();
	readonly #loaded: Loaded[] = [];
	readonly #mounts: WireMount[] = [];
	readonly #pending = new Map<string, number>();
	/** Bytes that commands are mapped to. */
	readonly #aliases = new WeakMap<object, Promise<Package>>();
	readonly #progress = new Map<number, (progress: Progress) => void>();
	#connection: Promise<Connection>;
	#features: Features | null = null;
	#nextLoad = 1;
	#nextPid = 1;
	/** Settles when the sandbox has been closed; null while nobody closes it. */
	#closed: Promise<void> | null = null;

	/** Use `Sandbox.create`. */
	private constructor(options: SandboxOptions, choice: BridgeChoice) {
		super();
		this.#options = options;
		this.#choice = choice;
		this.fs = new SandboxFS((method, ...args) => this.#files(method, args));
		this.#connection = this.#connect();
	}

	/**
	 * Starts the worker, attaches `mounts`, writes `files` and loads `packages`, in their order.
	 * Errors: `"invalid-option"`; `"not-supported"` in a browser without what it takes; those of `load`.
	 */
	static async create(options: SandboxOptions = {}): Promise<Sandbox> {
		checkSandboxOptions(options);
		options.signal?.throwIfAborted();
		const sandbox = new Sandbox(options, await choose(options));
		try {
			await sandbox.#connection;
			const { signal, onProgress } = options;
			for (const source of options.packages ?? []) {
				await sandbox.load(source, {
					...(signal && { signal }),
					...(onProgress && { onProgress }),
				});
			}
		} catch (error) {
			await sandbox.close().catch(() => {});
			throw error;
		}
		return sandbox;
	}

	get processes(): readonly Process[] {
		return [...this.#running.values()];
	}

	/** What is mounted for all processes, and how many bytes of each are on their way to it. */
	get mounts(): readonly MountState[] {
		return this.#mounts.map(({ path, readOnly }) => ({
			path,
			readOnly,
			pending: this.#pending.get(path) ?? 0,
		}));
	}

	get environment(): Environment {
		const { kind, why } = this.#choice;
		return {
			bridge: kind === "service-worker" ? "blocking" : kind,
			why,
			features: {
				jspi: "Suspending" in WebAssembly,
				sharedMemory: sharesMemory(),
				serviceWorker: isControlled(),
				opfs: !isOpaque() && !!navigator.storage?.getDirectory,
				folders: !isOpaque() && "showDirectoryPicker" in globalThis,
			},
			crossOriginIsolated: this.#features?.crossOriginIsolated ?? false,
			clockResolution: this.#features?.clockResolution ?? 0,
		};
	}

	/**
	 * Adds a package: its volumes to the tree, its commands to the path. A package that was loaded
	 * before comes first, in both. Rejects with the signal's reason when aborted, else with a
	 * PortholeError: `"network-error"`, `"http-error"`, `"integrity"`, or a code of `porthole/webc`.
	 */
	async load(source: Source | Package, options: LoadOptions = {}): Promise<Package> {
		checkLoadOptions(options);
		options.signal?.throwIfAborted();
		if (this.#closed) throw closedError();
		const origin = isPackage(source) ? origins.get(source) : undefined;
		if (origin?.sandbox === this) return source as Package;
		const wire = origin?.loaded.source ?? (await wireSource(source as Source, options));
		const { integrity, lazy, maxBytes, timeout } = options;
		const given = options.profile;
		const profile = typeof given === "string" || given instanceof URL ? absolute(given) : given;
		const command = options.name ?? origin?.loaded.how.command;
		const id = this.#nextLoad++;
		const how = { load: id, integrity, lazy, profile, maxBytes, timeout, command };
		const loaded: Loaded = { id, source: wire, how };
		const wired = await this.#loadNow(await this.#ready(), loaded, options);
		this.#loaded.push(loaded);
		const { id: _, entrypoint, ...rest } = wired;
		const found: Package = Object.freeze({
			...rest,
			...(entrypoint !== undefined && { entrypoint }),
			profile: () => this.#call("profile", loaded.id),
		});
		origins.set(found, { sandbox: this, loaded });
		return found;
	}

	/** Does not start anything. A Package means its entrypoint. */
	command(name: string | Package, args: string[] = [], options: CommandOptions = {}): Command {
		const start: Start = (...how) => this.#start(name, ...how);
		return new Command(start, args, options);
	}

	/** Mounts a directory for all processes. Errors: EBUSY where something is mounted already. */
	async mount(path: string, directory: Directory, options: MountOptions = {}): Promise<void> {
		checkMountPath(path);
		const wired = await this.#wireMounts({ [path]: { directory, ...options } });
		// One for each.
		const mount = wired[0] as WireMount;
		try {
			await this.#call("mount", mount);
		} catch (error) {
			this.#remoteObjects.release(mount.store);
			throw error;
		}
		this.#mounts.push(mount);
	}

	/** Syncs a mount and takes it away. Errors: EBUSY while a process has files open in it; EINVAL
	 *  where nothing is mounted. */
	async unmount(path: string): Promise<void> {
		const at = guestPath(path);
		const store = await this.#call("unmount", at);
		this.#remoteObjects.release(store);
		const index = this.#mounts.findIndex((mount) => mount.path === at);
		if (index >= 0) this.#mounts.splice(index, 1);
	}

	/** Resolves when every change is durable in its mount. */
	sync(): Promise<void> {
		return this.#call("sync");
	}

	/** Kills what runs, syncs the mounts, ends the worker. Closing again waits for the same end. */
	close(): Promise<void> {
		this.#closed ??= this.#close();
		return this.#closed;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}

	// --- the worker ---

	async #close(): Promise<void> {
		// A program that has not been started yet is refused when the worker ends.
		const running = [...this.#running.values()].filter(({ started }) => started);
		for (const process of running) {
			process.kill("SIGKILL");
			// A stream of the page's that takes no output must not keep the sandbox.
			process.release();
		}
		await Promise.allSettled(running.map((process) => process.status));
		const connection = await this.#connection.catch(() => null);
		try {
			await connection?.call("close");
		} finally {
			connection?.end(closedError());
			this.#remoteObjects.releaseAll();
			// There will be no other worker that they are loaded into.
			this.#loaded.length = 0;
		}
	}

	async #ready(): Promise<Connection> {
		if (this.#closed) throw closedError();
		return this.#connection;
	}

	async #call<K extends keyof Kernel>(
		method: K,
		...args: Parameters<Kernel[K]>
	): Promise<Awaited<ReturnType<Kernel[K]>>> {
		const connection = await this.#ready();
		return connection.call(method, ...args);
	}

	async #files<K extends keyof Files>(
		method: K,
		args: Parameters<Files[K]>,
	): Promise<Awaited<ReturnType<Files[K]>>> {
		const connection = await this.#ready();
		try {
			// Comlink loses what relates method and answer.
			return (await connection.call("files", method, args)) as Awaited<ReturnType<Files[K]>>;
		} catch (error) {
			throw this.#storeErrors?.explain(error, args[0]) ?? error;
		}
	}

	async #connect(): Promise<Connection> {
		const { workerUrl } = this.#options;
		const connection = new Connection(
			await makeWorker(workerUrl),
			workerUrl,
			this.#remoteObjects,
			(message) => this.#receive(message),
			// One that dies before it is ready has rejected what it was asked, and that is told there.
			(error) => this.#connection.then(() => this.#replace(error)).catch(() => {}),
		);
		const again = this.#features !== null;
		try {
			this.#features = await connection.call("start", this.#choice.kind, !!this.#options.queue);
			if (!again) this.#mounts.push(...(await this.#wireMounts(this.#options.mounts)));
			for (const mount of this.#mounts) await connection.call("mount", mount);
			for (const [path, data] of Object.entries(this.#options.files ?? {})) {
				// What a mount keeps has been written already, and may have changed since.
				if (again && this.#mounts.some((mount) => path.startsWith(`${mount.path}/`))) continue;
				const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
				await connection.call("files", "mkdir", [
					path.slice(0, path.lastIndexOf("/")) || "/",
					true,
				]);
				await connection.call("files", "writeFile", [path, bytes, false]);
			}
			for (const loaded of this.#loaded) await this.#loadNow(connection, loaded);
		} catch (error) {
			connection.end(closedError());
			throw error;
		}
		return connection;
	}

	/** Ends the worker and with it every guest, and makes the sandbox again in a new one. The guests
	 *  end by a signal where the worker was ended for one of them, and by `error` where it failed. */
	async #replace(error: PortholeError, guilty?: ProcessEnd, signal?: WireStatus): Promise<void> {
		const connection = await this.#connection;
		// Another guest has been the reason meanwhile.
		if (guilty?.over) return;
		const ending = this.#end(connection, this.#closed ? closedError() : error);
		// A sandbox that is being closed needs no other: there is nothing left to sync in this one.
		this.#connection = ending.then(() => {
			if (this.#closed) throw error;
			return this.#connect();
		});
		this.#connection.catch((why) => this.#failAll(why));
		await ending;
		// What was not sent is gone, and nothing else is on its way.
		for (const [path, bytes] of this.#pending) {
			this.#pending.delete(path);
			if (bytes > 0) this.#emit({ type: "mountpending", detail: { path, bytes: 0 } });
		}
		const ended = [...this.#running.keys()];
		for (const process of this.#running.values()) {
			if (process === guilty && signal) process.finish({ ...signal, lost: true });
			else if (guilty) process.finish(REPLACED);
			else process.fail(error);
		}
		this.#running.clear();
		this.#emit({ type: "workerreplaced", detail: { guilty: guilty?.pid ?? 0, ended } });
	}

	/** Ends a worker once all has arrived that it has sent, and waits until the mounted directories have
	 *  it. What the worker has not sent is lost. */
	async #end(connection: Connection, error: PortholeError): Promise<void> {
		await new Promise((resolve) => setTimeout(resolve, ARRIVAL));
		connection.end(error);
		const { lines } = this.#remoteObjects;
		if (lines.length > 0) await (await import("./batch-runner.ts")).allIdle(lines, SILENCE);
	}

	#emit({ type, detail }: SandboxEventDetail): void {
		this.dispatchEvent(new CustomEvent(type, { detail }));
	}

	#receive(message: FromGuest): void {
		if (message.kind === "progress") {
			const { phase, loaded, total } = message;
			this.#progress.get(message.load)?.({ phase, loaded, total });
			return;
		}
		if (message.kind === "event") {
			const { event } = message;
			if (event.type === "mountpending") this.#pending.set(event.detail.path, event.detail.bytes);
			this.#emit(event);
			return;
		}
		if (message.kind === "refused") {
			const { path, code } = message;
			const refused = new PortholeError(code, message.message);
			// A PortholeError stays one.
			const error = this.#storeErrors?.explain(refused, path) as PortholeError;
			this.#emit({ type: "mounterror", detail: { path, error } });
			return;
		}
		const process = this.#running.get(message.from);
		if (message.kind === "exit" || message.kind === "broken") this.#running.delete(message.from);
		process?.receive(message);
	}

	#failAll(error: Error): void {
		for (const process of this.#running.values()) process.fail(error);
		this.#running.clear();
	}

	// --- loading and mounting ---

	async #loadNow(
		connection: Connection,
		loaded: Loaded,
		options: LoadOptions = {},
	): Promise<WirePackage> {
		const { id, source, how } = loaded;
		const abort = () => void connection.call("abort", id).catch(() => {});
		const { onProgress } = options;
		if (onProgress) {
			// Bytes that the page has read are not told again when the worker gets them.
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

	async #wireMounts(mounts: Mounts = {}): Promise<WireMount[]> {
		if (Object.keys(mounts).length === 0) return [];
		// Only who mounts something needs it.
		const { StoreErrors, wireMounts } = await import("./lend-store.ts");
		this.#storeErrors ??= new StoreErrors();
		return wireMounts(mounts, {
			remoteObjects: this.#remoteObjects,
			workerUrl: this.#options.workerUrl,
			storeErrors: this.#storeErrors,
			changed: (store, paths) => {
				this.#call("changed", store, paths).catch(() => {});
			},
			conflict: (path, kept) => this.#emit({ type: "conflict", detail: { path, kept } }),
			damaged: (path, error) => this.#emit({ type: "mounterror", detail: { path, error } }),
		});
	}

	// --- processes ---

	async #start(
		name: string | Package,
		args: readonly string[],
		options: CommandOptions,
		output: OutputMode,
		stdin: "pipe" | "null",
	): Promise<ProcessEnd> {
		options.signal?.throwIfAborted();
		if (this.#running.size >= MOST_PROCESSES) {
			throw new PortholeError(
				"too-many-processes",
				`${MOST_PROCESSES} processes run already; end some, or use another sandbox`,
			);
		}
		// Most commands name no stream and no input.
		const { stdin: input = stdin, stdout, stderr } = options;
		const plain = [input, stdout, stderr].every(
			(way) => way === undefined || way === "pipe" || way === "null",
		);
		const attachment = plain
			? null
			: await (await import("./attach-streams.ts")).Attachment.take(options);
		try {
			return await this.#startAttached(attachment, name, args, options, output, stdin);
		} catch (error) {
			attachment?.drop();
			throw error;
		}
	}

	async #startAttached(
		attachment: Attachment | null,
		name: string | Package,
		args: readonly string[],
		options: CommandOptions,
		output: OutputMode,
		stdin: "pipe" | "null",
	): Promise<ProcessEnd> {
		for (const other of options.injectedPackages ?? []) await this.load(other);
		const connection = await this.#ready();
		const pid = this.#nextPid++;
		// What goes to a stream of the page's is not collected.
		const modeOf = (to: unknown): OutputMode => (to instanceof WritableStream ? "stream" : output);
		const modes = [modeOf(options.stdout), modeOf(options.stderr)] as const;
		const mapped = typeof name === "string" ? mappedTo(name, options) : undefined;
		if (typeof mapped === "function") {
			const { startFunction } = await import("./function-command.ts");
			// Of what may stand there, only this is a function.
			const host = Object.fromEntries(await this.#hostEnv(options));
			const env = { ...host, ...this.#options.env, ...options.env };
			const process = await startFunction(pid, modes, mapped as Body, args, env, options.terminal);
			this.#running.set(pid, process);
			if ((options.stdin ?? stdin) === "null") process.stdin.close();
			this.#begin(process, attachment, false, () => this.#running.delete(pid));
			limit(process, options);
			return process;
		}
		const preloaded =
			this.#choice.kind === "preloaded"
				? new (await import("./preloaded-input.ts")).PreloadedInput(options, connection)
				: undefined;
		const link = preloaded ?? connection;
		const process = new ProcessEnd(
			pid,
			modes,
			(message, give) => link.send(message, give),
			(killed) => killed.started && this.#watch(killed),
			options.terminal !== undefined,
		);
		const command = await this.#commandOf(mapped ?? name, String(name));
		const argv0 = mapped !== undefined && typeof mapped !== "string" ? String(name) : undefined;
		const given = attachment?.input ?? ((options.stdin ?? stdin) === "null" ? "null" : "pipe");
		const request = await this.#request(pid, command, argv0, args, options, given);
		this.#running.set(pid, process);
		const clear = () => {
			for (const { store } of request.mounts) this.#remoteObjects.release(store);
			for (const { value } of request.imports) {
				if (typeof value !== "number") this.#remoteObjects.release(value);
			}
		};
		// In the line, too, it is ended by its signal and when its time is over.
		const { queue } = this.#options;
		if (queue) limit(process, options);
		try {
			await connection.call("spawn", request);
		} catch (error) {
			this.#running.delete(pid);
			process.fail(error as Error);
			clear();
			throw error;
		}
		preloaded?.spawned(process);
		this.#begin(process, attachment, true, clear);
		if (!queue) limit(process, options);
		// It was linked just then.
		else if (process.lastKill) process.kill(process.lastKill.signal);
		return process;
	}

	/** Connects a process that has started; `clear` is called when it is over. `given` says that a guest
	 *  has been started with its input. */
	#begin(
		process: ProcessEnd,
		attachment: Attachment | null,
		given: boolean,
		clear: () => void,
	): void {
		process.started = true;
		if (attachment) {
			const warn = (message: string) => this.#emit({ type: "warning", detail: { message } });
			process.waitFor(attachment.attach(process, given, warn));
		}
		process.status.then(clear, clear);
	}

	/** Gives a killed guest some time to hear of it, and then its worker none. */
	#watch(process: ProcessEnd): void {
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

	/** What is to be run, as the worker knows it. A source of bytes is loaded, once, as `alias`. */
	async #commandOf(
		what: Package | WebAssembly.Module | Source,
		alias: string,
	): Promise<WireCommand> {
		if (typeof what === "string") return what;
		if (what instanceof WebAssembly.Module) return { module: what, name: alias };
		if (!isPackage(what)) return this.#commandOf(await this.#loadOnce(what, alias), alias);
		const origin = origins.get(what);
		if (origin?.sandbox === this) return origin.loaded.id;
		throw new PortholeError(
			"missing-command",
			`the package ${what.name || "given"} is not loaded in this sandbox; \`load\` it first`,
		);
	}

	#loadOnce(source: Exclude<Source, string>, name: string): Promise<Package> {
		// What is no source is refused by `load`.
		if (Object(source) !== source) return this.load(source, { name });
		let loading = this.#aliases.get(source);
		if (loading === undefined) {
			loading = this.load(source, { name });
			this.#aliases.set(source, loading);
			loading.catch(() => this.#aliases.delete(source));
		}
		return loading;
	}

	async #request(
		pid: number,
		command: WireCommand,
		argv0: string | undefined,
		args: readonly string[],
		options: CommandOptions,
		stdin: WireSpawn["stdin"],
	): Promise<WireSpawn> {
		const sandbox = this.#options;
		const hostEnv = await this.#hostEnv(options);
		const own = Object.entries(sandbox.env ?? {});
		return {
			pid,
			command,
			argv0,
			args,
			hostEnv,
			env: [...own, ...Object.entries(options.env ?? {})],
			currentDir: options.currentDir,
			entryFunction: options.entryFunction,
			mounts: await this.#wireMounts(options.mounts),
			imports: this.#wireImports(options),
			stdin,
			stdout: options.stdout === "null" ? "null" : "pipe",
			stderr: options.stderr === "null" ? "null" : "pipe",
			terminal: options.terminal,
		};
	}

	/** What a program is told of the page, and of its terminal. */
	async #hostEnv({ forwardHostEnv, terminal }: CommandOptions): Promise<[string, string][]> {
		const sandbox = this.#options;
		const forward = forwardHostEnv ?? sandbox.forwardHostEnv ?? false;
		if (!forward && terminal === undefined) return [];
		return (await import("./host-env.ts")).hostEnv(forward, terminal, sandbox.hostEnv ?? {});
	}

	#wireImports(options: CommandOptions): WireImport[] {
		return Object.entries(options.imports ?? {}).flatMap(([module, values]) =>
			Object.entries(values).map(([name, value]) => ({
				module,
				name,
				value:
					typeof value === "number"
						? value
						: this.#remoteObjects.lend({
								call: async (...args: unknown[]) => wired(await value(...(args as number[]))),
							}),
			})),
		);
	}
}

/** Kills a process by its signal, and when its time is over. */
function limit(process: ProcessEnd, { timeout, signal }: CommandOptions): void {
	const abort = () => process.kill("SIGTERM", "abort");
	const expire = () => process.kill("SIGTERM", "timeout");
	// A timer counts no more than 31 bits of milliseconds, and would ring at once.
	const timer = (timeout ?? FOREVER) < FOREVER ? setTimeout(expire, timeout) : undefined;
	signal?.addEventListener("abort", abort, { once: true });
	if (signal?.aborted) abort();
	const finish = () => {
		clearTimeout(timer);
		signal?.removeEventListener("abort", abort);
	};
	process.status.then(finish, finish);
}

function isPackage(source: Source | Package): source is Package {
	return typeof source === "object" && origins.has(source as Package);
}

/** What a name is mapped to: another command, a function, or nothing. */
function mappedTo(name: string, options: CommandOptions) {
	const mapped = options.mappedCommands ?? {};
	return Object.hasOwn(mapped, name) ? mapped[name] : undefined;
}

/** What a function of the page has returned, as it is posted: see `process/page-value.ts`. */
function wired(value: unknown): unknown {
	const fits = /number|bigint|boolean|undefined/.test(typeof value);
	return fits ? value : { returned: value === null ? "null" : `a value of type ${typeof value}` };
}

function closedError(): PortholeError {
	return new PortholeError("closed", "the sandbox has been closed");
}

/** How guests are to wait. Most browsers can suspend them; what the others do is loaded late. */
async function choose({ bridge = "auto" }: SandboxOptions): Promise<BridgeChoice> {
	if (
		"Suspending" in WebAssembly &&
		globalThis.Worker &&
		(bridge === "auto" || bridge === "suspending")
	) {
		const why = "WebAssembly.Suspending (JSPI) is there: guests wait without blocking the worker";
		return { kind: "suspending", why };
	}
	return (await import("./choose-bridge.ts")).chooseBridge(bridge);
}

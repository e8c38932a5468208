/**
 * The sandbox behind the page: one package at a time, one program at a time, no DOM.
 *
 * A package gets a sandbox of its own, so that nothing of the one before is in its way; the old one
 * is closed only when the new one is ready, so a failed load leaves what was there. The visitor's
 * own files are in the saved mounts, which every sandbox gets: they outlive the sandbox, and also the
 * worker of a program that had to be ended by force. A directory that cannot be mounted is left out, with a notice.
 *
 * A load takes a while, and the visitor goes on meanwhile: mounts, unmounts, runs a program. So the
 * new sandbox takes the place of the old one in a turn between two changes of the mounts, and first
 * gets what has changed since it was made; and a program that runs goes on in its own sandbox, which
 * is closed when the program has ended.
 */
import {
	type Directory,
	type ExitStatus,
	type Package,
	type Process,
	type Progress,
	Sandbox,
	type Source,
} from "../index.ts";
import { directoryOf, type SavedMount } from "./saved-mounts.ts";
import { PlainText } from "./strip-escapes.ts";

export interface Plan {
	readonly command: string;
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
	/** Given at once and then ended; empty means that lines are typed. */
	readonly stdin: string;
	readonly directory: string;
	/** Milliseconds. */
	readonly timeout: number | undefined;
	/** Whether one terminal takes the place of the three streams. */
	readonly terminal: boolean;
}

/** A terminal for a program. */
export interface Screen {
	readonly size: { readonly columns: number; readonly rows: number };
	/** Takes over the streams; types `typed`. Done when all output is shown. */
	attach(process: Process, typed: string): Promise<void>;
}

export type Stream = "stdout" | "stderr";

/** What the session reports to the page during a run. */
export interface RunListener {
	started(): void;
	/** The terminal, for a plan with one. */
	screen(): Promise<Screen>;
	/** The next piece of a stream is read when the promise is done. */
	output(stream: Stream, text: string): Promise<void>;
}

export interface Ending {
	readonly status: ExitStatus;
	readonly milliseconds: number;
	/** Who ended it: itself, the visitor, or the clock. */
	readonly by: "itself" | "stop" | "timeout";
}

/** What a session makes. */
export interface Factories {
	sandbox(): Promise<Sandbox>;
	directory(mount: SavedMount): Promise<Directory>;
}

const BROWSER: Factories = {
	// Escape and Ctrl-C end a program, and cost no file.
	sandbox: () => Sandbox.create({ interruptible: true }),
	directory: directoryOf,
};

/** The mounts that a sandbox was to get, each with the reason why it could not be mounted, or null. */
type MountAttempts = Map<SavedMount, string | null>;

export class Session {
	#sandbox: Sandbox;
	#package: Package | null = null;
	#loading: AbortController | null = null;
	#stopping: AbortController | null = null;
	#input: WritableStreamDefaultWriter<Uint8Array> | null = null;
	#savedMounts: readonly SavedMount[];
	/** The same object for each sandbox, as far as it could be made. */
	readonly #directories = new WeakMap<SavedMount, Directory>();
	#unmounted: ReadonlyMap<string, string> = new Map();
	readonly #sandboxListeners: ((sandbox: Sandbox) => void)[] = [];
	readonly #factories: Factories;
	/** The last queued task: a mount, an unmount, or a new sandbox that replaces the old one. */
	#lastTask: Promise<unknown> = Promise.resolve();
	/** Settles when the program that runs has ended. */
	#ended: Promise<unknown> = Promise.resolve();
	/** Whether anything was ever to be loaded into this sandbox. */
	#used = false;
	/** Called with a mount that failed, and with the mounts to be remembered. */
	onUnmountable: (mount: SavedMount, error: unknown) => void = () => {};
	onSavedMounts: (savedMounts: readonly SavedMount[]) => void = () => {};

	private constructor(sandbox: Sandbox, savedMounts: readonly SavedMount[], makers: Factories) {
		this.#sandbox = sandbox;
		this.#savedMounts = savedMounts;
		this.#factories = makers;
	}

	static async create(
		savedMounts: readonly SavedMount[],
		makers: Factories = BROWSER,
	): Promise<Session> {
		const session = new Session(await makers.sandbox(), savedMounts, makers);
		const tried: MountAttempts = new Map();
		await session.#mountSaved(session.#sandbox, tried);
		session.#unmounted = failuresIn(tried);
		return session;
	}

	/** `listen` is called with each sandbox, this one and those to come. */
	onSandbox(listen: (sandbox: Sandbox) => void): void {
		this.#sandboxListeners.push(listen);
		listen(this.#sandbox);
	}

	get savedMounts(): readonly SavedMount[] {
		return this.#savedMounts;
	}

	/** Why a saved mount is not mounted, by its path. */
	get unmounted(): ReadonlyMap<string, string> {
		return this.#unmounted;
	}

	/** Mounts one more, and in all sandboxes to come. */
	mount(mount: SavedMount): Promise<void> {
		return this.#queued(async () => {
			const directory = await this.#factories.directory(mount);
			// An address is easily wrong, and would only be noticed when somebody looks.
			if (mount.kind === "http") await directory.list("/");
			await this.#sandbox.mount(mount.path, directory);
			this.#directories.set(mount, directory);
			this.#savedMounts = [...this.#savedMounts, mount];
			this.onSavedMounts(this.#savedMounts);
		});
	}

	unmount(path: string): Promise<void> {
		return this.#queued(async () => {
			if (!this.#unmounted.has(path)) await this.#sandbox.unmount(path);
			this.#unmounted = new Map([...this.#unmounted].filter(([other]) => other !== path));
			this.#savedMounts = this.#savedMounts.filter((mount) => mount.path !== path);
			this.onSavedMounts(this.#savedMounts);
		});
	}

	#queued<T>(work: () => Promise<T>): Promise<T> {
		const answer = this.#lastTask.then(work);
		this.#lastTask = answer.catch(() => {});
		return answer;
	}

	get sandbox(): Sandbox {
		return this.#sandbox;
	}

	get package(): Package | null {
		return this.#package;
	}

	get running(): boolean {
		return this.#stopping !== null;
	}

	/** Whether a program gets only input that is there before it starts: this browser cannot wait. */
	get inputBeforeStart(): boolean {
		return this.#sandbox.environment.bridge === "preloaded";
	}

	get typing(): boolean {
		return this.#input !== null;
	}

	/** Loads a package in place of the one before; a load that is under way is given up. */
	async load(source: Source, onProgress: (progress: Progress) => void): Promise<Package> {
		this.cancel();
		const loading = new AbortController();
		this.#loading = loading;
		const { signal } = loading;
		// A load that was given up may have left its package in the first sandbox.
		const fresh = this.#used;
		this.#used = true;
		try {
			return fresh
				? await this.#loadFresh(source, signal, onProgress)
				: await this.#loadInto(this.#sandbox, source, signal, onProgress);
		} catch (error) {
			throw signal.aborted ? signal.reason : error;
		} finally {
			if (this.#loading === loading) this.#loading = null;
		}
	}

	async #loadInto(
		sandbox: Sandbox,
		source: Source,
		signal: AbortSignal,
		onProgress: (progress: Progress) => void,
	): Promise<Package> {
		const loaded = await sandbox.load(source, { signal, onProgress });
		signal.throwIfAborted();
		this.#package = loaded;
		return loaded;
	}

	async #loadFresh(
		source: Source,
		signal: AbortSignal,
		onProgress: (progress: Progress) => void,
	): Promise<Package> {
		const sandbox = await this.#factories.sandbox();
		try {
			for (const listen of this.#sandboxListeners) listen(sandbox);
			const tried: MountAttempts = new Map();
			await this.#mountSaved(sandbox, tried);
			const loaded = await sandbox.load(source, { signal, onProgress });
			await this.#queued(async () => {
				// Once more, for what the visitor has mounted and unmounted meanwhile.
				await this.#mountSaved(sandbox, tried);
				signal.throwIfAborted();
				const before = this.#sandbox;
				this.#ended.finally(() => before.close()).catch(() => {});
				this.#sandbox = sandbox;
				this.#unmounted = failuresIn(tried);
				this.#package = loaded;
			});
			return loaded;
		} catch (error) {
			sandbox.close().catch(() => {});
			throw error;
		}
	}

	/** Mounts in a sandbox all saved mounts that were not `tried`, and unmounts those that were removed. */
	async #mountSaved(sandbox: Sandbox, tried: MountAttempts): Promise<void> {
		for (const [mount, failure] of tried) {
			if (this.#savedMounts.includes(mount)) continue;
			tried.delete(mount);
			if (failure === null) await sandbox.unmount(mount.path);
		}
		for (const mount of this.#savedMounts) {
			if (tried.has(mount)) continue;
			tried.set(mount, null);
			try {
				const directory = this.#directories.get(mount) ?? (await this.#factories.directory(mount));
				await sandbox.mount(mount.path, directory);
				this.#directories.set(mount, directory);
			} catch (error) {
				tried.set(mount, error instanceof Error ? error.message : String(error));
				this.onUnmountable(mount, error);
			}
		}
	}

	/** Gives up the load that is under way. */
	cancel(): boolean {
		this.#loading?.abort();
		return this.#loading !== null;
	}

	/** Runs a program to its end. Rejects when it cannot be started. */
	run(plan: Plan, listener: RunListener): Promise<Ending> {
		const ending = this.#perform(this.#sandbox, plan, listener);
		this.#ended = ending.catch(() => {});
		return ending;
	}

	async #perform(sandbox: Sandbox, plan: Plan, listener: RunListener): Promise<Ending> {
		const stopping = new AbortController();
		this.#stopping = stopping;
		try {
			const { args, env, stdin, directory, timeout } = plan;
			const screen = plan.terminal ? await listener.screen() : null;
			const command = sandbox.command(plan.command, [...args], {
				env,
				signal: stopping.signal,
				...(screen ? { terminal: screen.size } : stdin !== "" && { stdin }),
				...(directory !== "" && { currentDir: directory }),
				...(timeout !== undefined && { timeout }),
			});
			const process = await command.spawn();
			const start = performance.now();
			const typed = stdin === "" && screen === null && !this.inputBeforeStart;
			this.#input = typed ? process.stdin.getWriter() : null;
			listener.started();
			const shown = screen ? [screen.attach(process, stdin)] : listenToAll(process, listener);
			const [status] = await Promise.all([process.status, ...shown]);
			const milliseconds = performance.now() - start;
			return { status, milliseconds, by: endedBy(stopping.signal, status, milliseconds, timeout) };
		} finally {
			this.#stopping = null;
			this.#input = null;
		}
	}

	/** Ends the program, or the start of one. */
	stop(): void {
		this.#stopping?.abort();
	}

	/** Writes to the running program's standard input. */
	send(text: string): void {
		this.#input?.write(new TextEncoder().encode(text)).catch(() => {});
	}

	/** The program reads the end of its input. */
	endInput(): void {
		this.#input?.close().catch(() => {});
		this.#input = null;
	}
}

function failuresIn(tried: MountAttempts): Map<string, string> {
	const failed = new Map<string, string>();
	for (const [{ path }, why] of tried) if (why !== null) failed.set(path, why);
	return failed;
}

function endedBy(
	stop: AbortSignal,
	{ signal }: ExitStatus,
	milliseconds: number,
	timeout: number | undefined,
): Ending["by"] {
	if (signal === undefined) return "itself";
	if (stop.aborted) return "stop";
	return timeout !== undefined && milliseconds >= timeout ? "timeout" : "itself";
}

function listenToAll({ stdout, stderr }: Process, listener: RunListener): Promise<void>[] {
	return [
		listen(stdout, (text) => listener.output("stdout", text)),
		listen(stderr, (text) => listener.output("stderr", text)),
	];
}

/** Reads a stream as plain text, a piece at a time. */
async function listen(
	stream: ReadableStream<Uint8Array>,
	onText: (text: string) => Promise<void>,
): Promise<void> {
	const decoder = new TextDecoder();
	const plain = new PlainText();
	const reader = stream.getReader();
	for (;;) {
		const { done, value } = await reader.read();
		const text = plain.take(done ? decoder.decode() : decoder.decode(value, { stream: true }));
		if (text !== "") await onText(text);
		if (done) return;
	}
}

/**
 * The sandbox behind the page: one package at a time, one program at a time, no DOM.
 *
 * A package gets a sandbox of its own, so that nothing of the one before is in its way; the old one
 * is closed only when the new one is ready, so a failed load leaves what was there. The visitor's
 * own files are in the places that every sandbox mounts: they outlive the sandbox, and also the
 * worker of a program that had to be ended by force. One that cannot be mounted is left out and told.
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
import { directoryOf, type Place } from "./saved-mounts.ts";
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

/** What the page hears of a run. */
export interface Ears {
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
export interface Makers {
	sandbox(): Promise<Sandbox>;
	directory(place: Place): Promise<Directory>;
}

const REAL: Makers = { sandbox: () => Sandbox.create(), directory: directoryOf };

/** The places that a sandbox was to mount, each with why it could not, or null. */
type Tried = Map<Place, string | null>;

export class Session {
	#sandbox: Sandbox;
	#package: Package | null = null;
	#loading: AbortController | null = null;
	#stopping: AbortController | null = null;
	#input: WritableStreamDefaultWriter<Uint8Array> | null = null;
	#places: readonly Place[];
	/** The same object for each sandbox, as far as it could be made. */
	readonly #directories = new WeakMap<Place, Directory>();
	#unmounted: ReadonlyMap<string, string> = new Map();
	readonly #heard: ((sandbox: Sandbox) => void)[] = [];
	readonly #makers: Makers;
	/** The last of what takes turns: a mount, an unmount, a new sandbox in place of the old one. */
	#turn: Promise<unknown> = Promise.resolve();
	/** Settles when the program that runs has ended. */
	#ended: Promise<unknown> = Promise.resolve();
	/** Whether anything was ever to be loaded into this sandbox. */
	#used = false;
	/** Told of a place that could not be mounted, and of those that are to be remembered. */
	onUnmountable: (place: Place, error: unknown) => void = () => {};
	onPlaces: (places: readonly Place[]) => void = () => {};

	private constructor(sandbox: Sandbox, places: readonly Place[], makers: Makers) {
		this.#sandbox = sandbox;
		this.#places = places;
		this.#makers = makers;
	}

	static async create(places: readonly Place[], makers: Makers = REAL): Promise<Session> {
		const session = new Session(await makers.sandbox(), places, makers);
		const tried: Tried = new Map();
		await session.#furnish(session.#sandbox, tried);
		session.#unmounted = failuresIn(tried);
		return session;
	}

	/** `listen` is called with each sandbox, this one and those to come. */
	hear(listen: (sandbox: Sandbox) => void): void {
		this.#heard.push(listen);
		listen(this.#sandbox);
	}

	get places(): readonly Place[] {
		return this.#places;
	}

	/** Why a place is not mounted, by its path. */
	get unmounted(): ReadonlyMap<string, string> {
		return this.#unmounted;
	}

	/** Mounts one more, and in all sandboxes to come. */
	mount(place: Place): Promise<void> {
		return this.#inTurn(async () => {
			const directory = await this.#makers.directory(place);
			// An address is easily wrong, and would only be noticed when somebody looks.
			if (place.kind === "http") await directory.list("/");
			await this.#sandbox.mount(place.path, directory);
			this.#directories.set(place, directory);
			this.#places = [...this.#places, place];
			this.onPlaces(this.#places);
		});
	}

	unmount(path: string): Promise<void> {
		return this.#inTurn(async () => {
			if (!this.#unmounted.has(path)) await this.#sandbox.unmount(path);
			this.#unmounted = new Map([...this.#unmounted].filter(([other]) => other !== path));
			this.#places = this.#places.filter((place) => place.path !== path);
			this.onPlaces(this.#places);
		});
	}

	#inTurn<T>(work: () => Promise<T>): Promise<T> {
		const answer = this.#turn.then(work);
		this.#turn = answer.catch(() => {});
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
	get givenAhead(): boolean {
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
		const sandbox = await this.#makers.sandbox();
		try {
			for (const listen of this.#heard) listen(sandbox);
			const tried: Tried = new Map();
			await this.#furnish(sandbox, tried);
			const loaded = await sandbox.load(source, { signal, onProgress });
			await this.#inTurn(async () => {
				// Once more, for what the visitor has mounted and unmounted meanwhile.
				await this.#furnish(sandbox, tried);
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

	/** Mounts in a sandbox all places that were not `tried`, and unmounts those that are no more. */
	async #furnish(sandbox: Sandbox, tried: Tried): Promise<void> {
		for (const [place, failure] of tried) {
			if (this.#places.includes(place)) continue;
			tried.delete(place);
			if (failure === null) await sandbox.unmount(place.path);
		}
		for (const place of this.#places) {
			if (tried.has(place)) continue;
			tried.set(place, null);
			try {
				const directory = this.#directories.get(place) ?? (await this.#makers.directory(place));
				await sandbox.mount(place.path, directory);
				this.#directories.set(place, directory);
			} catch (error) {
				tried.set(place, error instanceof Error ? error.message : String(error));
				this.onUnmountable(place, error);
			}
		}
	}

	/** Gives up the load that is under way. */
	cancel(): boolean {
		this.#loading?.abort();
		return this.#loading !== null;
	}

	/** Runs a program to its end. Rejects when it cannot be started. */
	run(plan: Plan, ears: Ears): Promise<Ending> {
		const ending = this.#perform(this.#sandbox, plan, ears);
		this.#ended = ending.catch(() => {});
		return ending;
	}

	async #perform(sandbox: Sandbox, plan: Plan, ears: Ears): Promise<Ending> {
		const stopping = new AbortController();
		this.#stopping = stopping;
		try {
			const { args, env, stdin, directory, timeout } = plan;
			const screen = plan.terminal ? await ears.screen() : null;
			const command = sandbox.command(plan.command, [...args], {
				env,
				signal: stopping.signal,
				...(screen ? { terminal: screen.size } : stdin !== "" && { stdin }),
				...(directory !== "" && { currentDir: directory }),
				...(timeout !== undefined && { timeout }),
			});
			const process = await command.spawn();
			const start = performance.now();
			const typed = stdin === "" && screen === null && !this.givenAhead;
			this.#input = typed ? process.stdin.getWriter() : null;
			ears.started();
			const shown = screen ? [screen.attach(process, stdin)] : listenToAll(process, ears);
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

function failuresIn(tried: Tried): Map<string, string> {
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

function listenToAll({ stdout, stderr }: Process, ears: Ears): Promise<void>[] {
	return [
		listen(stdout, (text) => ears.output("stdout", text)),
		listen(stderr, (text) => ears.output("stderr", text)),
	];
}

/** Reads a stream as plain text, a piece at a time. */
async function listen(
	stream: ReadableStream<Uint8Array>,
	hear: (text: string) => Promise<void>,
): Promise<void> {
	const decoder = new TextDecoder();
	const plain = new PlainText();
	const reader = stream.getReader();
	for (;;) {
		const { done, value } = await reader.read();
		const text = plain.take(done ? decoder.decode() : decoder.decode(value, { stream: true }));
		if (text !== "") await hear(text);
		if (done) return;
	}
}

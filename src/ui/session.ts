/**
 * The sandbox behind the page: one package at a time, one program at a time, no DOM.
 *
 * A package gets a sandbox of its own, so that nothing of the one before is in its way; the old one
 * is closed only when the new one is ready, so a failed load leaves what was there. The visitor's
 * own files are in the places that every sandbox mounts: they outlive the sandbox, and also the
 * worker of a program that had to be ended by force. One that cannot be mounted is left out and told.
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
import { directoryOf, type Place } from "./places.ts";
import { PlainText } from "./plain.ts";

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

export class Session {
	#sandbox: Sandbox;
	#package: Package | null = null;
	#loading: AbortController | null = null;
	#stopping: AbortController | null = null;
	#input: WritableStreamDefaultWriter<Uint8Array> | null = null;
	#places: readonly Place[];
	/** The same object for each sandbox, as far as it could be made. */
	readonly #directories = new Map<string, Directory>();
	/** Why a place is not mounted, by its path. */
	readonly unmounted = new Map<string, string>();
	readonly #heard: ((sandbox: Sandbox) => void)[] = [];
	/** Told of a place that could not be mounted, and of those that are to be remembered. */
	onUnmountable: (place: Place, error: unknown) => void = () => {};
	onPlaces: (places: readonly Place[]) => void = () => {};

	private constructor(sandbox: Sandbox, places: readonly Place[]) {
		this.#sandbox = sandbox;
		this.#places = places;
	}

	static async create(places: readonly Place[]): Promise<Session> {
		const session = new Session(await Sandbox.create(), places);
		await session.#furnish(session.#sandbox);
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

	/** Mounts one more, and in all sandboxes to come. */
	async mount(place: Place): Promise<void> {
		const directory = await directoryOf(place);
		// An address is easily wrong, and would only be noticed when somebody looks.
		if (place.kind === "http") await directory.list("/");
		await this.#sandbox.mount(place.path, directory);
		this.#directories.set(place.path, directory);
		this.#places = [...this.#places, place];
		this.onPlaces(this.#places);
	}

	async unmount(path: string): Promise<void> {
		if (!this.unmounted.has(path)) await this.#sandbox.unmount(path);
		this.unmounted.delete(path);
		this.#directories.delete(path);
		this.#places = this.#places.filter((place) => place.path !== path);
		this.onPlaces(this.#places);
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
		const fresh = this.#package !== null;
		const sandbox = fresh ? await Sandbox.create() : this.#sandbox;
		try {
			if (fresh) {
				for (const listen of this.#heard) listen(sandbox);
				await this.#furnish(sandbox);
			}
			const loaded = await sandbox.load(source, {
				signal: loading.signal,
				onProgress,
			});
			loading.signal.throwIfAborted();
			if (fresh) this.#sandbox.close().catch(() => {});
			this.#sandbox = sandbox;
			this.#package = loaded;
			return loaded;
		} catch (error) {
			if (fresh) sandbox.close().catch(() => {});
			throw loading.signal.aborted ? loading.signal.reason : error;
		} finally {
			if (this.#loading === loading) this.#loading = null;
		}
	}

	/** Mounts all places in a new sandbox. */
	async #furnish(sandbox: Sandbox): Promise<void> {
		for (const place of this.#places) {
			try {
				const directory = this.#directories.get(place.path) ?? (await directoryOf(place));
				await sandbox.mount(place.path, directory);
				this.#directories.set(place.path, directory);
				this.unmounted.delete(place.path);
			} catch (error) {
				this.unmounted.set(place.path, error instanceof Error ? error.message : String(error));
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
	async run(plan: Plan, ears: Ears): Promise<Ending> {
		const stopping = new AbortController();
		this.#stopping = stopping;
		try {
			const { args, env, stdin, directory, timeout } = plan;
			const screen = plan.terminal ? await ears.screen() : null;
			const command = this.#sandbox.command(plan.command, [...args], {
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

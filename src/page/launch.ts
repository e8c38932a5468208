/**
 * Starts processes: a command's options become a request to the worker, or a call of a function of the page.
 *
 *     Command ──▶ start ──▶ attach the streams of the options
 *                             ├─ mapped to a function     function-command.ts, no guest
 *                             └─ a program                request ──▶ worker ──▶ ProcessEnd
 *
 * The streams are locked before the start and released where it fails. Directories and functions that a
 * request names stay callable by the worker until the process is over.
 */
import { PortholeError } from "../abi/error.ts";
import type { BridgeKind, WireCommand, WireSpawn } from "../protocol/sandbox.ts";
import type { Attachment } from "./attach-streams.ts";
import type { Start } from "./command.ts";
import { CROWD, MOST_PROCESSES } from "./crowd-limits.ts";
import type { Body } from "./function-command.ts";
import type { CommandOptions, LoadOptions, SandboxOptions, Source } from "./options.ts";
import { isPackage, origins, type Package } from "./package.ts";
import type { Link } from "./preloaded-input.ts";
import { type OutputMode, ProcessEnd } from "./process-handle.ts";
import type { WorkerLife } from "./worker-life.ts";

/** Milliseconds that are as good as for ever: 24 days. */
const FOREVER = 2 ** 31 - 1;

/** A command's name or package, and how it is started. */
type StartOf = [name: string | Package, ...how: Parameters<Start>];

export class Launcher {
	readonly #life: WorkerLife;
	readonly #options: SandboxOptions;
	readonly #kind: BridgeKind;
	readonly #load: (source: Source | Package, options?: LoadOptions) => Promise<Package>;
	/** Bytes that commands are mapped to → the package that they were loaded as. */
	readonly #aliases = new WeakMap<object, Promise<Package>>();
	#nextPid = 1;

	/** `load` loads a package into the sandbox. */
	constructor(
		life: WorkerLife,
		options: SandboxOptions,
		kind: BridgeKind,
		load: (source: Source | Package, options?: LoadOptions) => Promise<Package>,
	) {
		this.#life = life;
		this.#options = options;
		this.#kind = kind;
		this.#load = load;
	}

	/** Resolves when the guest is about to start. `output` says what becomes of output, and `stdin` of input,
	 *  where the options name no stream. */
	async start(...start: StartOf): Promise<ProcessEnd> {
		const [, , options, , stdin] = start;
		options.signal?.throwIfAborted();
		if (this.#life.running.size >= MOST_PROCESSES) {
			(await import("./crowd.ts")).refuse();
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
			return await this.#startAttached(attachment, ...start);
		} catch (error) {
			attachment?.drop();
			throw error;
		}
	}

	async #startAttached(
		attachment: Attachment | null,
		...[name, args, options, output, stdin]: StartOf
	): Promise<ProcessEnd> {
		for (const other of options.injectedPackages ?? []) await this.#load(other);
		const connection = await this.#life.ready();
		const pid = this.#nextPid++;
		// Output that goes to a stream of the page is not collected.
		const modeOf = (to: unknown): OutputMode => (to instanceof WritableStream ? "stream" : output);
		const modes = [modeOf(options.stdout), modeOf(options.stderr)] as const;
		const mapped = typeof name === "string" ? mappedTo(name, options) : undefined;
		if (typeof mapped === "function") {
			const { startFunction } = await import("./function-command.ts");
			const env = [await this.#hostEnv(options), this.#options.env, options.env] as const;
			// Of all values that `mappedCommands` may hold, only a Body is a function.
			const process = await startFunction(pid, modes, mapped as Body, args, env, options.terminal);
			this.#life.running.set(pid, process);
			if ((options.stdin ?? stdin) === "null") process.stdin.close();
			this.#begin(process, attachment, false, () => this.#life.running.delete(pid));
			limit(process, options);
			return process;
		}
		const preloaded =
			this.#kind === "preloaded"
				? new (await import("./preloaded-input.ts")).PreloadedInput(options, connection)
				: undefined;
		const link: Link = preloaded ?? connection;
		const process = new ProcessEnd(
			pid,
			modes,
			(message, give) => link.send(message, give),
			(killed) => killed.started && this.#life.watchKill(killed),
			options.terminal !== undefined,
		);
		const command = await this.#commandOf(mapped ?? name, String(name));
		const argv0 = mapped !== undefined && typeof mapped !== "string" ? String(name) : undefined;
		const given = attachment?.input ?? ((options.stdin ?? stdin) === "null" ? "null" : "pipe");
		const request = await this.#request(pid, command, argv0, args, options, given);
		process.trace = options.trace;
		process.measure = (child) => this.#life.call("usage", pid, child);
		this.#life.running.set(pid, process);
		const clear = () => {
			for (const { store } of request.mounts) this.#life.remoteObjects.release(store);
			if (request.mapped) this.#life.remoteObjects.release(request.mapped.page);
			for (const { value } of request.imports) {
				if (typeof value !== "number") this.#life.remoteObjects.release(value);
			}
		};
		// `signal` and `timeout` also end a program that waits for memory.
		const { queue } = this.#options;
		if (queue) limit(process, options);
		try {
			const ask = () => link.call("spawn", request);
			process.key = await (this.#life.running.size > CROWD && !queue
				? (await import("./crowd.ts")).inTurn(this.#life, ask)
				: ask());
		} catch (error) {
			this.#life.running.delete(pid);
			process.fail(error as Error);
			clear();
			throw error;
		}
		preloaded?.spawned(process);
		this.#begin(process, attachment, true, clear);
		if (!queue) limit(process, options);
		// The kill came while the program was being linked.
		else if (process.lastKill) process.kill(process.lastKill.signal);
		return process;
	}

	/** Connects a process that has started; `clear` is called when the process is over. `given` means that the
	 *  worker has the input already. */
	#begin(
		process: ProcessEnd,
		attachment: Attachment | null,
		given: boolean,
		clear: () => void,
	): void {
		process.started = true;
		if (attachment) {
			const warn = (message: string) => this.#life.warn(message);
			process.waitFor(attachment.attach(process, given, warn));
		}
		process.gone.then(clear);
	}

	/** The program to run, as the worker knows it. A source of bytes is loaded as `alias`, once. */
	async #commandOf(
		what: Package | WebAssembly.Module | Source,
		alias: string,
	): Promise<WireCommand> {
		if (typeof what === "string") return what;
		if (what instanceof WebAssembly.Module) return { module: what, name: alias };
		if (!isPackage(what)) return this.#commandOf(await this.#loadOnce(what, alias), alias);
		const origin = origins.get(what);
		if (origin?.life === this.#life) return origin.loaded.id;
		throw new PortholeError(
			"missing-command",
			`the package ${what.name || "given"} is not loaded here; \`load\` it first`,
		);
	}

	#loadOnce(source: Exclude<Source, string>, name: string): Promise<Package> {
		// `load` refuses a value that is no source.
		if (Object(source) !== source) return this.#load(source, { name });
		let loading = this.#aliases.get(source);
		if (loading === undefined) {
			loading = this.#load(source, { name });
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
			mounts: await this.#life.wireMounts(options.mounts),
			imports: options.imports
				? (await import("./wire-imports.ts")).wireImports(options.imports, this.#life.remoteObjects)
				: [],
			stdin,
			stdout: options.stdout === "null" ? "null" : "pipe",
			stderr: options.stderr === "null" ? "null" : "pipe",
			terminal: options.terminal,
			network:
				sandbox.capabilities?.network ??
				options.capabilities?.network ??
				(sandbox.network &&
					(await import("./network-provider.ts")).lendNetwork(
						sandbox.network,
						this.#life.remoteObjects,
					)),
			threads:
				sandbox.threads !== "none" &&
				!(sandbox.capabilities?.threads === false || options.capabilities?.threads === false),
			interruptible: options.interruptible ?? "auto",
			limits: options.limits,
			mapped:
				options.mappedCommands &&
				(await import("./mapped-commands.ts")).lendMapped(
					options.mappedCommands,
					(what, alias) => this.#commandOf(what, alias),
					this.#life.remoteObjects,
				),
			trace: options.trace !== undefined,
		};
	}

	/** Variables that describe the page and the terminal to a program. */
	async #hostEnv({ forwardHostEnv, terminal }: CommandOptions): Promise<[string, string][]> {
		const sandbox = this.#options;
		const forward = forwardHostEnv ?? sandbox.forwardHostEnv ?? false;
		if (!forward && terminal === undefined) return [];
		return (await import("./host-env.ts")).hostEnv(forward, terminal, sandbox.hostEnv ?? {});
	}
}

/** Kills a process by its signal, and when its time is over. */
function limit(process: ProcessEnd, { timeout, signal }: CommandOptions): void {
	const abort = () => process.kill("SIGTERM", "abort");
	const expire = () => process.kill("SIGTERM", "timeout");
	// A timer counts no more than 31 bits of milliseconds, and would ring at once. What is undefined is not below anything.
	const timer = (timeout as number) < FOREVER ? setTimeout(expire, timeout) : undefined;
	signal?.addEventListener("abort", abort, { once: true });
	if (signal?.aborted) abort();
	const finish = () => {
		clearTimeout(timer);
		signal?.removeEventListener("abort", abort);
	};
	process.gone.then(finish);
}

/** What a name is mapped to: another command, a function, or nothing. */
function mappedTo(name: string, options: CommandOptions) {
	const mapped = options.mappedCommands ?? {};
	return Object.hasOwn(mapped, name) ? mapped[name] : undefined;
}

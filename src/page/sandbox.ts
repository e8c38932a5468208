/**
 * The public class. A Sandbox is one worker, one file tree, any number of packages and processes.
 *
 *     Sandbox ── what pages call
 *       ├─ WorkerLife   worker-life.ts   the worker: started, replaced, ended; loads and mounts
 *       ├─ Launcher     launch.ts        processes
 *       └─ SandboxFS    sandbox-fs.ts    files
 */
import { takeNoMore } from "../abi/options.ts";
import { isControlled, isOpaque, sharesMemory } from "../bridge/context.ts";
import { SandboxTarget } from "../protocol/events.ts";
import type { WireMount } from "../protocol/sandbox.ts";
import type { BridgeChoice } from "./choose-bridge.ts";
import { Command, type Output, type Start } from "./command.ts";
import type { SandboxConnection } from "./connect.ts";
import { Launcher } from "./launch.ts";
import {
	type CommandOptions,
	checkLoadOptions,
	checkMountPath,
	checkSandboxOptions,
	type Directory,
	guestPath,
	type LoadOptions,
	type MountOptions,
	type SandboxOptions,
	type Source,
} from "./options.ts";
import { isPackage, type Loaded, origins, type Package } from "./package.ts";
import type { Process } from "./process-handle.ts";
import { SandboxFS } from "./sandbox-fs.ts";
import type { ShellValue } from "./shell.ts";
import { absolute, wireSource } from "./source.ts";
import { WorkerLife } from "./worker-life.ts";

export interface MountState {
	readonly path: string;
	readonly readOnly: boolean;
	/** Bytes that programs have written and the directory has not; updated ten times a second. */
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
		/** Any service worker controls the page. */
		readonly serviceWorker: boolean;
		/** The origin's private file system. */
		readonly opfs: boolean;
		/** Folders of the user's can be picked. */
		readonly folders: boolean;
	};
	readonly crossOriginIsolated: boolean;
	/** Whether programs can be stopped, and give way to others, while they compute. `why` says more. */
	readonly interruptible: boolean;
	/** Nanoseconds between two steps of the guests' clock. */
	readonly clockResolution: number;
}

export class Sandbox extends SandboxTarget {
	static {
		takeNoMore(Sandbox, "unmount sync connect");
	}

	readonly fs: SandboxFS;
	readonly #choice: BridgeChoice;
	readonly #life: WorkerLife;
	readonly #launcher: Launcher;
	readonly #interruptible: boolean;
	#nextLoad = 1;

	/** Use `Sandbox.create`. */
	private constructor(options: SandboxOptions, choice: BridgeChoice) {
		super();
		this.#choice = choice;
		this.#interruptible = options.interruptible !== false;
		const { kind } = choice;
		this.#life = new WorkerLife(options, kind, ({ type, detail }) => {
			this.dispatchEvent(new CustomEvent(type, { detail }));
		});
		this.#launcher = new Launcher(this.#life, options, kind, (...of) => this.load(...of));
		this.fs = new SandboxFS((method, ...args) => this.#life.files(method, args));
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
			await sandbox.#life.ready();
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
		return [...this.#life.running.values()];
	}

	/** What is mounted for all processes, and how many bytes of each are on their way to it. */
	get mounts(): readonly MountState[] {
		const { mounts, pending } = this.#life;
		return mounts.map(({ path, readOnly }) => ({
			path,
			readOnly,
			pending: pending.get(path) ?? 0,
		}));
	}

	get environment(): Environment {
		const { kind, why } = this.#choice;
		const { features } = this.#life;
		const interruptible = kind !== "preloaded" && this.#interruptible;
		return {
			bridge: kind === "service-worker" ? "blocking" : kind,
			why: `${why}, ${interruptible ? "" : "not "}interruptible`,
			features: {
				jspi: "Suspending" in WebAssembly,
				sharedMemory: sharesMemory(),
				serviceWorker: isControlled(),
				opfs: !isOpaque() && !!navigator.storage?.getDirectory,
				folders: !isOpaque() && "showDirectoryPicker" in globalThis,
			},
			interruptible,
			crossOriginIsolated: features?.crossOriginIsolated ?? false,
			clockResolution: features?.clockResolution ?? 0,
		};
	}

	/**
	 * Adds a package: its volumes to the tree, its commands to the path. A package that was loaded
	 * before comes first, in both. Rejects with the signal's reason when aborted, else with a
	 * PortholeError: `"network-error"`, `"content-policy"`, `"http-error"`, `"integrity"`, or a code of
	 * `porthole/webc`.
	 */
	async load(source: Source | Package, options: LoadOptions = {}): Promise<Package> {
		checkLoadOptions(options);
		options.signal?.throwIfAborted();
		this.#life.checkOpen();
		const origin = isPackage(source) ? origins.get(source) : undefined;
		if (origin?.life === this.#life) return source as Package;
		const wire = origin?.loaded.source ?? (await wireSource(source as Source, options));
		const { integrity, lazy, maxBytes, timeout } = options;
		const given = options.profile;
		const profile = typeof given === "string" || given instanceof URL ? absolute(given) : given;
		const command = options.name ?? origin?.loaded.how.command;
		const id = this.#nextLoad++;
		const how = { load: id, integrity, lazy, profile, maxBytes, timeout, command };
		const loaded: Loaded = { id, source: wire, how };
		const wired = await this.#life.load(await this.#life.ready(), loaded, options);
		this.#life.loaded.push(loaded);
		const { id: _, entrypoint, ...rest } = wired;
		const found: Package = Object.freeze({
			...rest,
			...(entrypoint !== undefined && { entrypoint }),
			profile: () => this.#life.call("profile", loaded.id),
		});
		origins.set(found, { life: this.#life, loaded });
		return found;
	}

	/** Does not start anything. A Package means its entrypoint. */
	command(name: string | Package, args: string[] = [], options: CommandOptions = {}): Command {
		const start: Start = (...how) => this.#launcher.start(name, ...how);
		return new Command(start, args, options);
	}

	/**
	 * Runs a line of a shell to its end: `` await sandbox.sh`ls ${dir} | wc -l` ``. Values are quoted, each as one
	 * word, and an array as several; backslashes are the shell's. It takes `dash`, `bash`, then `sh`, whichever runs.
	 * As with `Command.output`, another exit code than 0 is no rejection. Errors: `"missing-command"` where no package
	 * with a shell is loaded; `"invalid-option"` for a value that is neither text nor a number, or that stands within
	 * quotes of the line's own.
	 */
	async sh(line: TemplateStringsArray, ...values: (ShellValue | ShellValue[])[]): Promise<Output> {
		return (await import("./shell.ts")).runShell(this, line, values);
	}

	/** Mounts a directory for all processes. Errors: EBUSY where something is mounted already. */
	async mount(path: string, directory: Directory, options: MountOptions = {}): Promise<void> {
		checkMountPath(path);
		const life = this.#life;
		const wired = await life.wireMounts({ [path]: { directory, ...options } });
		// One for each.
		const mount = wired[0] as WireMount;
		try {
			await life.call("mount", mount);
		} catch (error) {
			life.remoteObjects.release(mount.store);
			throw error;
		}
		life.mounts.push(mount);
	}

	/** Syncs a mount and takes it away. Errors: EBUSY while a process has files open in it; EINVAL
	 *  where nothing is mounted. */
	async unmount(path: string): Promise<void> {
		const at = guestPath(path);
		const { mounts, remoteObjects } = this.#life;
		const store = await this.#life.call("unmount", at);
		remoteObjects.release(store);
		const index = mounts.findIndex((mount) => mount.path === at);
		if (index >= 0) mounts.splice(index, 1);
	}

	/**
	 * Connects to the port at which a program of this sandbox listens (event `listen`). Writing waits for the program to
	 * read; `readable` ends where the program has closed the connection or said that it sends no more. Errors:
	 * ECONNREFUSED where nothing listens, ENOBUFS where too many sockets are open, `"invalid-option"`.
	 */
	async connect(port: number): Promise<SandboxConnection> {
		return (await import("./connect.ts")).connect(this.#life, port);
	}

	/** Resolves when every change is durable in its mount. */
	sync(): Promise<void> {
		return this.#life.call("sync");
	}

	/** Kills what runs, syncs the mounts, ends the worker. Closing again waits for the same end. */
	close(): Promise<void> {
		return this.#life.close();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}
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

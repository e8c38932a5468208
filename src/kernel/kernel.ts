/**
 * The worker's half of a sandbox: one tree, the loaded packages, the running guests.
 */
import { PortholeError } from "../abi/error.ts";
import type { Far, PageBridge } from "../bridge/bridge.ts";
import { giveAway, offer, type Remote, reach } from "../bridge/far.ts";
import type { Ask } from "../bridge/loop.ts";
import { SuspendingBridge } from "../bridge/suspending.ts";
import type { Report } from "../http/http-range.ts";
import { whyNotRewritten } from "../load/compile.ts";
import { loadPackage } from "../load/load-package.ts";
import type { SandboxBudget } from "../process/budget.ts";
import { nowNanoseconds, worldClock } from "../process/clock.ts";
import { isMetered, type Prepare, prepare } from "../process/instantiate.ts";
import { fillRandom } from "../process/random.ts";
import type {
	Features,
	Files,
	FromGuest,
	Kernel,
	PageServices,
	ToGuest,
	Usage,
	WireLoadOptions,
	WireMount,
	WirePackage,
	WireSource,
	WireSpawn,
	WireStart,
	WorkerScope,
} from "../protocol/sandbox.ts";
import type { Store, StoreChange } from "../store/store.ts";
import { preview1Modules } from "../wasi/table.ts";
import type { AccessProfile } from "../webc/index.ts";
import { Rewriting } from "./choose-rewriting.ts";
import type { MemoryQueue } from "./memory-queue.ts";
import { Packages } from "./packages.ts";
import type { Preloaded } from "./preload.ts";
import { Tree } from "./sandbox-tree.ts";
import { GuestProcess, type Start } from "./start-process.ts";

/** The first programs, which are started without the memory queue. */
const UNCOUNTED = 8;

export class SandboxKernel implements Kernel {
	readonly #scope: WorkerScope;
	readonly #page: Remote<PageServices>;
	readonly #clock = worldClock();
	/** These are made by `start`. */
	#bridge!: PageBridge;
	#prepare!: Prepare;
	#tree!: Tree;
	#packages!: Packages;
	#preloaded: Preloaded | undefined;
	#queue = false;
	#rewriting!: Rewriting;
	#budget: SandboxBudget | undefined;
	#spawned = 0;
	#memoryQueue: Promise<MemoryQueue> | undefined;
	readonly #guests = new Map<number, GuestProcess>();
	readonly #loads = new Map<number, AbortController>();

	constructor(scope: WorkerScope) {
		this.#scope = scope;
		this.#page = reach<PageServices>(scope);
	}

	async start(options: WireStart): Promise<Features> {
		const { bridge: kind, queue, limits: most } = options;
		this.#queue = queue;
		this.#rewriting = new Rewriting(options);
		// Few sandboxes have limits.
		if (most) this.#budget = new (await import("../process/budget.ts")).SandboxBudget(most);
		const ask: Ask = (id, method, args) =>
			this.#page.ask(id, method, method === "land" ? giveAway(args, buffersOf(args)) : args);
		const { bridge, prepare } = await this.#chooseBridge(kind, ask);
		this.#bridge = bridge;
		this.#prepare = prepare;
		const post = (message: FromGuest) => this.#post(message);
		const limits = this.#preloaded?.limits;
		this.#tree = new Tree(this.#bridge, nowNanoseconds, fillRandom, post, limits);
		this.#packages = new Packages(
			this.#tree,
			(message) => this.#warn(message),
			(program) => this.#rewriting.of(program),
		);
		return {
			crossOriginIsolated: globalThis.crossOriginIsolated === true,
			clockResolution: this.#clock.resolution(),
		};
	}

	/** How guests wait; what few browsers need is loaded late. */
	async #chooseBridge(
		kind: WireStart["bridge"],
		ask: Ask,
	): Promise<{ bridge: PageBridge; prepare: Prepare }> {
		if (kind === "suspending") return suspending(ask);
		if (kind !== "preloaded") {
			return (await import("../guestworker/host.ts")).ownWorkers(ask, kind === "blocking");
		}
		const { Preloaded } = await import("./preload.ts");
		this.#preloaded = new Preloaded(ask, (message) => this.#warn(message));
		return this.#preloaded;
	}

	// --- packages and mounts ---

	async load(source: WireSource, options: WireLoadOptions): Promise<WirePackage> {
		const abort = new AbortController();
		const { load } = options;
		this.#loads.set(load, abort);
		let most = 0;
		/** `loaded` never falls, and never passes `total`: what a server says of that is a hint. */
		const report: Report = (phase, loaded, hint = 0) => {
			most = Math.max(most, loaded);
			const total = hint === 0 || hint < most ? undefined : hint;
			// What guests read later belongs to no load.
			if (this.#loads.has(load)) {
				this.#post({ from: 0, kind: "progress", load, phase, loaded: most, total });
			}
		};
		const warn = (why: string) => this.#warn(why);
		const attempt = async (how: WireLoadOptions) => {
			const loaded = await loadPackage(source, how, this.#bridge, abort.signal, report, warn);
			if (!loaded.profile) report("compiling", most, most);
			const wired = await this.#packages.add(load, loaded);
			report("ready", most, most);
			return wired;
		};
		try {
			return await attempt(options).catch((error) => {
				// The parts that its server sends do not make one file.
				if (!/^changed$|^bad-range$/.test(error?.code)) throw error;
				import("../load/errors.ts").then(({ unfit }) => warn(unfit(error)));
				return attempt({ ...options, lazy: false });
			});
		} finally {
			this.#loads.delete(load);
		}
	}

	async abort(load: number): Promise<void> {
		this.#loads.get(load)?.abort(new PortholeError("aborted", "the load was aborted"));
	}

	async profile(load: number): Promise<AccessProfile> {
		return this.#packages.profile(load);
	}

	async mount(mount: WireMount): Promise<void> {
		await (await this.#tree.mountTable()).mount(mount);
	}

	changed(store: number, paths: readonly string[]): Promise<void> {
		return this.#tree.changed(store, paths);
	}

	async unmount(path: string): Promise<Far<Store>> {
		return (await this.#tree.mountTable()).unmount(path, (root) =>
			[...this.#guests.values()].some((guest) => guest.uses(root.dev)),
		);
	}

	// --- processes ---

	async spawn(request: WireSpawn): Promise<string> {
		try {
			return await this.#spawn(request);
		} catch (error) {
			this.#left(request.pid);
			throw error;
		}
	}

	async usage(pid: number, child?: number): Promise<Usage | undefined> {
		return this.#guests.get(pid)?.usage(child);
	}

	async #spawn(request: WireSpawn): Promise<string> {
		// In the line from now on, and killed there if need be.
		const prepare = await this.#linker(request);
		const program = await this.#packages.program(request.command);
		const how = this.#rewriting.of(program, request, this.#guests.size === 0);
		const module = await program.module(how);
		const post: Start["post"] = (message, give = []) => this.#post(message, give);
		const link = isWasix(module)
			? (await import("./wasix.ts")).prepareWasix(
					this.#packages,
					program,
					how,
					prepare,
					request,
					post,
					this.#page,
				)
			: prepare;
		const interruptible = isInterruptible(module, program.key !== "" && how?.meter !== undefined);
		const process = await GuestProcess.create({
			request,
			program,
			module,
			how,
			interruptible,
			budget: this.#budget,
			tree: this.#tree,
			bridge: this.#bridge,
			prepare: link,
			clock: this.#clock,
			ahead: this.#preloaded,
			fillRandom,
			post,
		});
		this.#guests.set(request.pid, process);
		// In a task of its own, so that the page first hears that the guest is about to start.
		const start = () => process.run().finally(() => this.#left(request.pid));
		if (this.#preloaded) this.#preloaded.startOnBegin(request.pid, start);
		else setTimeout(start, 0);
		return interruptible ? "" : program.key;
	}

	async connect(port: number, channel: MessagePort): Promise<void> {
		const { connectPage } = await import("./wasix.ts");
		return connectPage(this.#packages, this.#bridge, port, channel);
	}

	receive(message: ToGuest): void {
		const guest = this.#guests.get(message.to);
		if (guest !== undefined) guest.receive(message);
		else this.#memoryQueue?.then((queue) => queue.receive(message)).catch(() => {});
		this.#preloaded?.receive(message);
	}

	/** The page has said something. */
	heard(): void {
		this.#bridge?.heard();
	}

	async sync(): Promise<void> {
		await this.#tree.sync();
	}

	async close(): Promise<void> {
		// What waits for memory shall not begin when the others end.
		this.#prepare = () =>
			Promise.reject(new PortholeError("closed", "the sandbox has been closed"));
		for (const guest of this.#guests.values()) guest.kill("SIGKILL", 137);
		await this.#tree.sync(true);
	}

	// --- files ---

	async files<K extends keyof Files>(
		method: K,
		args: Parameters<Files[K]>,
	): Promise<Awaited<ReturnType<Files[K]>>> {
		// A page that only runs programs does not need it.
		const { KernelFiles } = await import("./file-calls.ts");
		const files: Files = new KernelFiles(
			this.#bridge,
			() => this.#tree.namespace,
			(path, call) => this.#tree.awaitCall(path, call),
		);
		// The method's own type relates its arguments and its answer; the union of all does not.
		const call = files[method] as (...of: unknown[]) => Promise<Awaited<ReturnType<Files[K]>>>;
		const answer = await call.apply(files, args);
		// What the page is told to be written depends on no guest.
		this.#bridge.sendUnsent();
		return answer instanceof Uint8Array ? giveAway(answer, [answer.buffer as ArrayBuffer]) : answer;
	}

	#warn(message: string): void {
		this.#post({ from: 0, kind: "event", event: { type: "warning", detail: { message } } });
	}

	#post(message: FromGuest, give: Transferable[] = []): void {
		this.#scope.postMessage(message, give);
	}

	/** How a program is linked, in turn with others where there are many. */
	async #inMemoryQueue(pid: number): Promise<Prepare> {
		this.#spawned += 1;
		if (this.#spawned <= UNCOUNTED && !this.#queue) return this.#prepare;
		this.#memoryQueue ??= import("./memory-queue.ts").then(
			({ MemoryQueue }) =>
				new MemoryQueue(
					(...of) => this.#prepare(...of),
					() => this.#guests.size,
					this.#queue,
				),
			(error) => {
				// The next program tries again.
				this.#memoryQueue = undefined;
				throw error;
			},
		);
		return (await this.#memoryQueue).join(pid);
	}

	#left(pid: number): void {
		this.#guests.delete(pid);
		this.#memoryQueue?.then((queue) => queue.left(pid)).catch(() => {});
	}

	/** How a program is linked. */
	async #linker({ pid, imports }: WireSpawn): Promise<Prepare> {
		const prepare = await this.#inMemoryQueue(pid);
		if (imports.length === 0) return prepare;
		const { withImports } = await import("./page-imports.ts");
		const call = (far: number, args: unknown[]) => this.#page.ask(far, "call", args);
		return withImports(prepare, imports, this.#bridge, call);
	}
}

/** The buffers of a list of changes; each is a copy that was made to be sent. */
function buffersOf([changes]: unknown[]): ArrayBuffer[] {
	return (changes as StoreChange[]).flatMap((change) =>
		change.call === "write" ? (change.bytes.buffer as ArrayBuffer) : [],
	);
}

/** Whether a module gives way while it computes: it was rewritten here or before, or has nothing to rewrite. */
function isInterruptible(module: WebAssembly.Module, asked: boolean): boolean {
	if (asked && whyNotRewritten(module) === undefined) return true;
	return isMetered(WebAssembly.Module.exports(module));
}

/** Whether a module is a WASIX program: it imports calls of WASIX, or a memory. */
function isWasix(module: WebAssembly.Module): boolean {
	return WebAssembly.Module.imports(module).some(
		({ module: of, kind }) => kind === "memory" || of === "wasix_32v1",
	);
}

/** Guests in this very thread. */
function suspending(ask: Ask) {
	const bridge = new SuspendingBridge(ask);
	const linking = { bridge, modules: preview1Modules };
	const own: Prepare = (module, thread, entry, extra) =>
		prepare(linking, module, thread, entry, extra);
	return { bridge, prepare: own };
}

/** Serves a sandbox on the worker's own channel. */
export function serve(scope: WorkerScope): void {
	const kernel = new SandboxKernel(scope);
	scope.addEventListener("message", (event) => {
		kernel.heard();
		const { data } = event as MessageEvent<ToGuest | { id: unknown }>;
		if (typeof data === "object" && data !== null && "to" in data) kernel.receive(data);
	});
	offer(kernel, scope);
}

/**
 * A process inside the worker: a guest, its standard streams, its descriptors, its end.
 */
import {
	RIGHT_FD_READ,
	RIGHT_FD_WRITE,
	RIGHTS_ALL,
	RIGHTS_DIRECTORY,
	RIGHTS_STREAM,
} from "../abi/constants.ts";
import { ENOENT } from "../abi/errno.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { Input, NullDevice } from "../fs/devices.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import * as tree from "../fs/operations.ts";
import type { SandboxBudget } from "../process/budget.ts";
import { OpenFile } from "../process/descriptors.ts";
import { faultOf } from "../process/fault.ts";
import type { Prepare } from "../process/instantiate.ts";
import { OutputBuffer } from "../process/output-buffer.ts";
import { type Clock, Process } from "../process/process.ts";
import { Thread } from "../process/thread.ts";
import type { FromGuest, ToGuest, Usage, WireSpawn, WireStatus } from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import type { Terminal } from "../tty/terminal.ts";
import type { Program } from "./packages.ts";
import type { Preloaded } from "./preload.ts";
import type { Mounted, Tree } from "./sandbox-tree.ts";
import { argumentsOf, directoryOf, environmentOf } from "./start-arguments.ts";
import type { startTerminal as StartTerminalFunction } from "./start-terminal.ts";

export interface Start {
	readonly request: WireSpawn;
	readonly program: Program;
	readonly module: WebAssembly.Module;
	/** How the module was rewritten. */
	readonly how: RewriteOptions | undefined;
	/** Whether it gives way while it computes. */
	readonly interruptible: boolean;
	/** What all processes of the sandbox may use together. */
	readonly budget: SandboxBudget | undefined;
	readonly tree: Tree;
	readonly bridge: Bridge;
	readonly prepare: Prepare;
	readonly clock: Clock;
	readonly ahead: Preloaded | undefined;
	readonly fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void;
	readonly post: (message: FromGuest, give?: Transferable[]) => void;
}

type StartTerminal = typeof StartTerminalFunction;

export class GuestProcess {
	readonly #begun: Start;
	readonly #process: Process;
	readonly #thread: Thread;
	readonly #bridge: Bridge;
	readonly #tree: Tree;
	readonly #namespace: Namespace;
	readonly #leave: (killed: boolean) => Promise<void>;
	readonly #post: Start["post"];
	readonly #pid: number;
	readonly #input: Input | Terminal;
	readonly #terminal: Terminal | null;
	readonly #outputs: readonly [OutputBuffer, OutputBuffer];
	#start: () => Promise<WireStatus> = async () => ({ code: 0 });
	#fed = 0;
	#reported = 0;

	/** Assembles and links a process. Errors: those of the tree, of the directory, of `prepare`. */
	static async create(start: Start): Promise<GuestProcess> {
		const { request, program, tree: base } = start;
		const { namespace, mounts } = await base.forProcess(request.mounts);
		await start.ahead?.read(mounts, (path, call) => base.awaitCall(path, call));
		const paths = mounts.map(({ mount }) => mount.path);
		const directory = directoryOf(program.info, request.currentDir, paths);
		const leave = (killed: boolean) => base.leave(mounts, killed);
		const late = request.terminal && (await import("./start-terminal.ts"));
		const process = new GuestProcess(start, namespace, leave, late?.startTerminal);
		if (request.limits || start.budget) {
			(await import("../process/budget.ts")).hold(process.#thread, start);
		}
		if (request.trace) {
			const { pid } = request;
			const tell = (lines: string[]) => start.post({ from: pid, kind: "trace", lines });
			(await import("../process/trace.ts")).trace(process.#process, pid, tell);
		}
		await process.#openStandard(request);
		await process.#openDirectories(directory, mounts, request.currentDir !== undefined);
		process.#start = await start.prepare(
			start.module,
			process.#thread,
			request.entryFunction ?? "_start",
		);
		return process;
	}

	private constructor(
		start: Start,
		namespace: Namespace,
		leave: (killed: boolean) => Promise<void>,
		startTerminal: StartTerminal | undefined,
	) {
		const { request, program, bridge, post } = start;
		this.#begun = start;
		this.#bridge = bridge;
		this.#tree = start.tree;
		this.#namespace = namespace;
		this.#leave = leave;
		this.#post = post;
		this.#pid = request.pid;
		this.#process = new Process({
			args: argumentsOf(request.argv0 ?? program.name, program.info, request.args),
			env: environmentOf(program.info, request),
			tree: namespace,
			bridge,
			clock: start.clock,
			fillRandom: start.fillRandom,
		});
		this.#thread = new Thread(this.#process);
		const allow = (length: number) => this.#process.budget?.print(length) ?? length;
		const buffer = (fd: 1 | 2) =>
			new OutputBuffer(
				bridge,
				(chunk) => post({ from: request.pid, kind: "output", fd, chunk }, [chunk.buffer]),
				start.ahead?.output,
				allow,
			);
		this.#outputs = [buffer(1), buffer(2)];
		this.#process.outputs = this.#outputs;
		this.#terminal =
			(request.terminal &&
				startTerminal?.(request.terminal, {
					bridge,
					screen: this.#outputs[0],
					kill: (...signal) => this.kill(...signal),
					onRead: () => this.#reportTaken(),
					onSignals: (signals) => post({ from: request.pid, kind: "keys", signals }),
				})) ??
			null;
		this.#process.terminal = this.#terminal;
		this.#input =
			this.#terminal ??
			new Input(bridge, "pipe", start.ahead ? undefined : () => this.#reportTaken());
		this.#process.guessed = async (name) => {
			const { tellGuess } = await import("./tell-guess.ts");
			const message = await tellGuess(this.#process, program.name, name, this.#process.directory);
			if (message)
				post({ from: 0, kind: "event", event: { type: "warning", detail: { message } } });
		};
		this.#process.flush = () => {
			for (const output of this.#outputs) output.flush();
		};
	}

	/** Whether the guest has something open on the file system `dev`. */
	uses(dev: number): boolean {
		for (const file of this.#process.openFiles()) if (file.node.dev === dev) return true;
		return false;
	}

	async run(): Promise<void> {
		try {
			const status = await this.#start().catch(async (error) => {
				// It holds nothing any more: no file, and no mount.
				await this.#end().catch(() => {});
				throw error;
			});
			this.#process.ending ??= { code: status.code };
			await this.#end();
			const told = status.trap
				? await (await import("./original-trap.ts")).originalTrap(status, this.#begun)
				: status;
			this.#post({ from: this.#pid, kind: "exit", status: told, usage: this.#thread.usage() });
		} catch (error) {
			const { code, message } = faultOf(error);
			this.#post({ from: this.#pid, kind: "broken", code, message });
		}
	}

	/** What it has used so far. */
	usage(child?: number): Usage | undefined {
		return child ? this.#process.family?.usage(child) : this.#thread.usage();
	}

	receive(message: ToGuest): void {
		switch (message.kind) {
			case "stdin":
				this.#hear(message.chunk, message.urgent ?? false);
				break;
			case "end":
				this.#input.end(message.failed);
				break;
			case "taken":
				this.#outputs[message.fd - 1]?.taken(message.bytes);
				break;
			case "hangup":
				this.#outputs[message.fd - 1]?.hangUp();
				break;
			case "kill":
				if (message.child) this.#process.family?.signal(message.child, message.signal);
				else this.kill(message.signal, message.code);
				break;
			case "resize":
				this.#terminal?.resize(message);
				break;
		}
	}

	kill(signal: string, code: number): void {
		this.#post({ from: this.#pid, kind: "acknowledged" });
		if (!this.#process.signalled?.(signal)) this.#process.end({ code, signal });
	}

	async #end(): Promise<void> {
		this.#process.budget?.over();
		this.#process.flush();
		this.#process.descriptors.closeAll();
		await this.#leave(this.#process.ending?.signal !== undefined);
	}

	#hear(chunk: Uint8Array, urgent: boolean): void {
		this.#fed += chunk.length;
		this.#input.feed(chunk);
		if (urgent) this.#post({ from: this.#pid, kind: "acknowledged" });
		// While the program computes or waits, only this shows the echo.
		if (this.#terminal !== null) this.#outputs[0].flush();
		// A terminal takes keys for itself, and a program that has closed its input takes none.
		this.#reportTaken();
	}

	#reportTaken(): void {
		const taken = this.#fed - this.#input.held;
		// A line that was being typed may become readable again.
		if (taken <= this.#reported) return;
		this.#post({ from: this.#pid, kind: "taken", bytes: taken - this.#reported });
		this.#reported = taken;
	}

	async #openStandard(request: WireSpawn): Promise<void> {
		if (request.stdin !== "pipe") {
			// What is given ahead can be read, and polled for, by the first call.
			if (request.stdin !== "null") this.#hear(request.stdin, false);
			this.#input.end();
		}
		const output = (to: "pipe" | "null", buffer: OutputBuffer) =>
			to === "null" ? new NullDevice() : (this.#terminal ?? buffer.node);
		this.#open(this.#input, RIGHTS_STREAM & ~RIGHT_FD_WRITE);
		this.#open(output(request.stdout, this.#outputs[0]), RIGHTS_STREAM & ~RIGHT_FD_READ);
		this.#open(output(request.stderr, this.#outputs[1]), RIGHTS_STREAM & ~RIGHT_FD_READ);
	}

	/**
	 * Opens `/`, `.` and, where the process starts at `/`, each mount that was written as a relative
	 * path, under that spelling: programs that look for a directory by name find it.
	 */
	async #openDirectories(
		directory: string,
		mounts: readonly Mounted[],
		chosen: boolean,
	): Promise<void> {
		const namespace = this.#namespace;
		this.#process.directory = directory;
		this.#preopen(namespace.root, "/");
		if (!mounts.some(({ written }) => written === ".")) {
			this.#preopen(await this.#directory(directory, true, chosen), ".");
		}
		if (directory !== "/") return;
		for (const { written, mount } of mounts) {
			if (written.startsWith("/") || written === "." || mount.path === "/") continue;
			const node = await this.#directory(mount.path);
			this.#preopen(node, written);
		}
	}

	/** The directory at `path`; the process works in it if `enters`. Where it is missing it is made, unless
	 *  the page has `chosen` it. */
	async #directory(path: string, enters = false, chosen = false): Promise<INode> {
		const namespace = this.#namespace;
		const find = () => {
			const found = tree.find(namespace, namespace.root, path.replace(/^\/+/, "") || ".", true);
			if (enters && typeof found !== "number") namespace.enter(found);
			return found;
		};
		let node = await this.#tree.awaitCall(path, find);
		if (node === ENOENT) {
			const { KernelFiles } = await import("./file-calls.ts");
			const files = new KernelFiles(
				this.#bridge,
				() => namespace,
				(at, call) => this.#tree.awaitCall(at, call),
			);
			if (chosen) throw await (await import("./no-directory.ts")).noDirectory(files, path);
			await files.mkdir(path, true);
			node = await this.#tree.awaitCall(path, find);
		}
		if (typeof node !== "number" && node.type === "directory") return node;
		throw (await import("./no-directory.ts")).notDirectory(node, path);
	}

	#open(node: INode, rights: number): void {
		this.#process.descriptors.add(new OpenFile(node, 0, rights, 0));
	}

	#preopen(node: INode, name: string): void {
		const file = new OpenFile(node, 0, RIGHTS_DIRECTORY, RIGHTS_ALL, name);
		const { root } = this.#namespace;
		if (name === "." && node !== root) file.beyond = root;
		this.#process.descriptors.add(file);
	}
}

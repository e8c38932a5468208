/**
 * Commands that the page has mapped, as programs find them that start others: files in `/bin` and `/usr/bin`. Loaded
 * with the first WASIX program whose page maps some.
 *
 * A function of the page is a process as any other, around a program of one call. The call runs the function, which
 * reads and writes the descriptors of the process through a port of its own:
 *
 *     function on the page                                   process in the worker
 *     stdin.read()     ── read ──────────────────────────>   fd_read of 0, once there is something
 *     stdout.write()   ── write ─────────────────────────>   fd_write to 1, until all of it has gone
 *     returns          ── exit ──────────────────────────>   proc_exit
 *     signal           <───────────────────────── ended ──   killed, or a write without a reader
 *
 * So a function takes from a pipe what it asks for and no more, waits where a program would, and ends by the
 * signals that would end a program.
 */
import { ENDED, ENOENT, type Errno, PENDING } from "../abi/errno.ts";
import { PortholeError } from "../abi/error.ts";
import { utf8 } from "../abi/memory.ts";
import type { PlainCall } from "../bridge/adapter.ts";
import { giveAway, offer, type Remote } from "../bridge/far.ts";
import type { SuspendingBridge } from "../bridge/suspending.ts";
import { CommandDirectory, CommandFile, cover } from "../fs/command-directory.ts";
import type { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import * as fs from "../fs/operations.ts";
import { failure } from "../process/errno-errors.ts";
import type {
	FunctionStreams,
	PageServices,
	WireCommand,
	WireMapped,
	WireTerminal,
} from "../protocol/sandbox.ts";
import type { Terminal } from "../tty/terminal.ts";
import type { Image } from "../wasix/image.ts";
import type { FoundProgram } from "../wasix/kernel.ts";
import type { WasixThread } from "../wasix/thread.ts";
import type { Packages, Program } from "./packages.ts";

/** From the root. */
const DIRECTORIES = ["bin", "usr/bin"];

/** A module whose `_start` calls `p.r`, which it imports. */
const CALLS_ONE = Uint8Array.of(
	...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
	...[1, 4, 1, 0x60, 0, 0], // a type
	...[2, 7, 1, 1, 0x70, 1, 0x72, 0, 0], // the import
	...[3, 2, 1, 0], // a function
	...[7, 10, 1, 6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 1], // its export
	...[10, 6, 1, 4, 0, 0x10, 0, 0x0b], // its body
);

/** Each descriptor has a page of the memory: a vector, the count that comes back, and the bytes. */
const PAGE = 65536;
const PAGES = 3;
const COUNT = 8;
const BYTES = 16;
/** What a shell answers for what is there and cannot be run. */
const CANNOT_RUN = 126;

/** What of the WASIX room is needed. It is handed in, for it is in the file that loads this one. */
export interface Parts {
	readonly bridge: SuspendingBridge;
	readonly page: Remote<PageServices>;
	readonly imageOf: (name: string, bytes: Uint8Array, module: WebAssembly.Module) => Image | null;
	readonly callsOf: (thread: WasixThread) => Readonly<Record<string, PlainCall>>;
	readonly packages: Packages;
	/** A program, as it is started. */
	readonly found: (program: Program) => Promise<FoundProgram | Errno>;
}

export class MappedCommands {
	readonly #mapped: WireMapped;
	readonly #parts: Parts;
	readonly #files: ReadonlyMap<string, CommandFile>;
	readonly #images = new Map<string, Image>();

	constructor(mapped: WireMapped, parts: Parts) {
		this.#mapped = mapped;
		this.#parts = parts;
		this.#files = new Map(mapped.names.map((name) => [name, new CommandFile(name)]));
	}

	/** Puts the commands into the directories of commands, in this view and in those that are made of it. */
	async appearIn(view: Namespace): Promise<void> {
		const covered = new Map<INode, CommandDirectory>();
		for (const path of DIRECTORIES) {
			const look = () => fs.find(view, view.root, path, true);
			const node = await this.#parts.packages.tree.awaitCall(path, look);
			if (typeof node === "number" || node.type !== "directory") continue;
			covered.set(node, new CommandDirectory(node, this.#files));
		}
		cover(view, covered);
	}

	/** The program that a file stands for; undefined for one that is no mapped command. */
	find(node: INode): Promise<FoundProgram | Errno> | undefined {
		return node instanceof CommandFile && this.#files.get(node.name) === node
			? this.#find(node.name)
			: undefined;
	}

	/** Errors: ENOENT where the page has no such program. */
	async #find(name: string): Promise<FoundProgram | Errno> {
		const { page, packages, found } = this.#parts;
		try {
			const answer = await page.ask(this.#mapped.page.id, "resolve", [name]);
			// The page's half says what it is: null for a function.
			const command = answer as WireCommand | null;
			if (command === null) {
				return { image: this.#functionImage(name), arguments: (args) => args, env: [] };
			}
			const program = await packages.program(command);
			const started = await found(program);
			// The name of another command is no more than that; the page's own programs are called as it says.
			if (typeof started === "number" || typeof command !== "string") return started;
			const named = utf8(`${program.name}\0`);
			return { ...started, arguments: ([, ...rest]) => started.arguments([named, ...rest]) };
		} catch (error) {
			this.#warn(name, error);
			return ENOENT;
		}
	}

	#warn(name: string, error: unknown): void {
		const why = error instanceof Error ? error.message : String(error);
		this.#parts.packages.warn(`${name}, which the page has mapped, cannot be started: ${why}`);
	}

	/** A function of the page as a program. */
	#functionImage(name: string): Image {
		let image = this.#images.get(name);
		if (image === undefined) {
			const { bridge, imageOf } = this.#parts;
			const made = imageOf(name, CALLS_ONE, new WebAssembly.Module(CALLS_ONE)) as Image;
			const memory = { minimum: PAGES, maximum: PAGES, shared: false, wide: false };
			const body = (thread: WasixThread) =>
				bridge.pageFunction(thread, () => this.#run(name, thread));
			image = { ...made, memory: { ...memory, module: "", name: "" }, body };
			this.#images.set(name, image);
		}
		return image;
	}

	/** Runs a function of the page until its process is over. */
	async #run(name: string, thread: WasixThread): Promise<void> {
		const { bridge, page, callsOf } = this.#parts;
		const { process } = thread;
		const { port1, port2 } = new MessageChannel();
		const over = new Promise<void>((resolve) => thread.stopped.watch(resolve));
		const calls = () => process.around(callsOf(thread), thread.memory, thread.owner.pid);
		offer(new Streams(bridge, thread, calls(), calls(), over), port1);
		const text = (item: Uint8Array) => new TextDecoder().decode(item.subarray(0, -1));
		const args = [
			name,
			process.args.slice(1).map(text),
			process.env.map(text),
			port2,
			sizeOf(thread),
		];
		thread.waitingSince = performance.now();
		try {
			await page.ask(this.#mapped.page.id, "start", giveAway(args, [port2]));
			await over;
		} catch (error) {
			this.#warn(name, error);
			process.end({ code: CANNOT_RUN });
			port1.close();
		} finally {
			thread.waited += performance.now() - thread.waitingSince;
			thread.waitingSince = -1;
		}
	}
}

/** The size of the terminal that a process prints to. */
function sizeOf({ process }: WasixThread): WireTerminal | undefined {
	const { terminal } = process;
	// What `terminal` is in this worker.
	return terminal !== null && process.descriptors.get(1)?.node === terminal
		? { ...(terminal as Terminal).window }
		: undefined;
}

/** The descriptors of a process, for the function that it runs. */
class Streams implements FunctionStreams {
	readonly #bridge: SuspendingBridge;
	readonly #thread: WasixThread;
	readonly #reading: Readonly<Record<string, PlainCall>>;
	readonly #writing: Readonly<Record<string, PlainCall>>;
	readonly #over: Promise<void>;

	/** A call that has to wait keeps what it has found out; so reads and writes, which may wait side by side, have calls
	 *  of their own. */
	constructor(
		bridge: SuspendingBridge,
		thread: WasixThread,
		reading: Readonly<Record<string, PlainCall>>,
		writing: Readonly<Record<string, PlainCall>>,
		over: Promise<void>,
	) {
		this.#bridge = bridge;
		this.#thread = thread;
		this.#reading = reading;
		this.#writing = writing;
		this.#over = over;
	}

	async read(): Promise<Uint8Array | null> {
		const { memory } = this.#thread;
		const count = await this.#transfer(this.#reading.fd_read, "read", 0, PAGE - BYTES);
		if (count === 0) return null;
		const bytes = memory.u8.slice(BYTES, BYTES + count);
		return giveAway(bytes, [bytes.buffer]);
	}

	async write(fd: 1 | 2, bytes: Uint8Array): Promise<void> {
		const { memory } = this.#thread;
		for (let at = 0; at < bytes.length; ) {
			const part = bytes.subarray(at, at + PAGE - BYTES);
			// The memory of a process that is over may be another's by now.
			if (this.#thread.ended) throw gone();
			memory.u8.set(part, fd * PAGE + BYTES);
			at += await this.#transfer(this.#writing.fd_write, "write", fd, part.length);
		}
		// The page may not write again soon.
		this.#thread.flush();
		this.#bridge.sendUnsent();
	}

	/** The function reads or writes no more. */
	async close(fd: 0 | 1 | 2): Promise<void> {
		if (!this.#thread.ended) this.#writing.fd_close?.(fd);
	}

	/** The function has returned. */
	async exit(code: number): Promise<void> {
		this.#thread.process.end({ code });
	}

	/** Resolves when the process is over. */
	ended(): Promise<void> {
		return this.#over;
	}

	/** Makes a call that moves bytes, again until it need not wait. How many it has moved. */
	async #transfer(
		call: PlainCall | undefined,
		name: string,
		fd: number,
		length: number,
	): Promise<number> {
		const thread = this.#thread;
		const base = fd * PAGE;
		for (;;) {
			if (thread.ended || call === undefined) throw gone();
			thread.memory.setU32(base, base + BYTES);
			thread.memory.setU32(base + 4, length);
			const answer = call(fd, base, 1, base + COUNT);
			if (answer === 0) return thread.memory.u32(base + COUNT);
			if (answer === ENDED) throw gone();
			if (answer !== PENDING) throw failure(answer, name, `the descriptor ${fd}`);
			thread.flush();
			this.#bridge.pending(thread.stopped);
			await this.#bridge.anyNoted();
		}
	}
}

function gone(): PortholeError {
	return new PortholeError("ESRCH", "ESRCH: the process of the function is over");
}

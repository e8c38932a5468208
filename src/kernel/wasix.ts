/**
 * WASIX programs: what the kernel does for a tree of processes. It finds programs by their paths, compiles them, and
 * stands between the page's half of the root and the tree. Loaded with the first WASIX program.
 */

import { EACCES, ELOOP, ENOENT, ENOEXEC, type Errno } from "../abi/errno.ts";
import type { Remote } from "../bridge/far.ts";
import { SuspendingBridge } from "../bridge/suspending.ts";
import type { Namespace } from "../fs/namespace.ts";
import { emptyStat, type INode } from "../fs/node.ts";
import * as fs from "../fs/operations.ts";
import { compile } from "../load/compile.ts";
import { missingImports, noEntry, unknownMemory } from "../load/errors.ts";
import type { ExtraImports, Prepare } from "../process/instantiate.ts";
import type { Process } from "../process/process.ts";
import type {
	FromGuest,
	PageServices,
	WireMapped,
	WireSpawn,
	WireStatus,
} from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import type { Network } from "../sockets/network.ts";
import { begin } from "../wasix/begin.ts";
import { wasixCalls } from "../wasix/calls.ts";
import { type Image, imageOf } from "../wasix/image.ts";
import type { FoundProgram, Kernel } from "../wasix/kernel.ts";
import type { ProcessTree } from "../wasix/process-tree.ts";
import { itemOf } from "../wasix/text.ts";
import type { WasixThread } from "../wasix/thread.ts";
import { networkFor } from "./connect.ts";
import type { MappedCommands } from "./mapped-commands.ts";
import type { Packages, Program } from "./packages.ts";
import { toldOfChildren } from "./tell-children.ts";

export { connectPage } from "./connect.ts";

/** The pass clears the shared flag and makes waits calls; what it exports besides is copied at fork. */
const WASIX_PASS = { unshare: true, hookWaits: true, exportHidden: true } as const;
const MOST_BYTES = 1 << 30;
const MOST_INTERPRETERS = 4;
/** Bytes of a script's first line that are looked at. */
const FIRST_LINE = 256;
const COMMAND = /^\/(?:usr\/)?bin\/([^/]+)$/;
const MAGIC = {
	wasm: [0, 0x61, 0x73, 0x6d],
	container: [0, 0x77, 0x65, 0x62, 0x63],
	script: [0x23, 0x21],
};

const images = new WeakMap<WebAssembly.Module, Image>();
/** Programs that were read from files, by their nodes; the state in which the file was, and how it was compiled. */
const files = new WeakMap<
	INode,
	{ readonly state: string; readonly found: Promise<FoundProgram | Errno> }
>();

/** Links a WASIX program as the root of a tree; where guests cannot be suspended, as one process. */
export function prepareWasix(
	packages: Packages,
	program: Program,
	how: RewriteOptions | undefined,
	prepare: Prepare,
	request: WireSpawn,
	post: (message: FromGuest) => void,
	page: Remote<PageServices>,
): Prepare {
	return async (_, thread, entry, extra) => {
		const { bridge } = thread;
		const image = await imageOfProgram(program, how);
		if (image === null) throw unknownMemory(program.name);
		const missing = missingOf(image, extra);
		if (missing.length > 0) throw missingImports(missing);
		const has = ({ name, kind }: WebAssembly.ModuleExportDescriptor) =>
			name === entry && kind === "function";
		if (!WebAssembly.Module.exports(image.module).some(has)) throw noEntry(image.module, entry);
		if (!(bridge instanceof SuspendingBridge)) {
			const warn = (message: string) => packages.warn(message);
			return prepare(image.module, thread, entry, extra, { image, warn });
		}
		const kernel = new WasixKernel(packages, bridge, thread.process, how, extra);
		if (request.network !== false) {
			kernel.network = await networkFor(packages, bridge, page, request.network);
		}
		kernel.threads = request.threads;
		kernel.changed = toldOfChildren((children) => {
			post({ from: request.pid, kind: "children", children });
		});
		kernel.listens = (port) => {
			const detail = { port, pid: request.pid };
			post({ from: 0, kind: "event", event: { type: "listen", detail } });
		};
		if (request.mapped) await kernel.map(request.mapped, page, thread.process.tree as Namespace);
		const began = { how, program };
		const outlived = async (tree: ProcessTree, status: WireStatus) => {
			const { outlive } = await import("./orphans.ts");
			const sync = () => packages.tree.sync();
			await outlive({ pid: request.pid, process: thread.process, tree, status, began, post, sync });
		};
		return begin(kernel, image, thread, entry, outlived).run;
	};
}

/** What JSPI adds to `WebAssembly`; its types are not in the standard library yet. */
interface Jspi {
	Suspending: new (f: (...args: never[]) => unknown) => WebAssembly.ImportValue;
}

class WasixKernel implements Kernel {
	readonly bridge: SuspendingBridge;
	readonly setup: Kernel["setup"];
	network: Network | null = null;
	threads = true;
	changed: Kernel["changed"] = () => {};
	listens: (port: number) => void = () => {};
	readonly #packages: Packages;
	readonly #how: RewriteOptions | undefined;
	readonly #extra: ExtraImports;
	#mapped: MappedCommands | undefined;

	constructor(
		packages: Packages,
		bridge: SuspendingBridge,
		{ clock, fillRandom }: Process,
		how: RewriteOptions | undefined,
		extra: ExtraImports = new Map(),
	) {
		this.bridge = bridge;
		this.setup = { bridge, clock, fillRandom };
		this.#packages = packages;
		this.#how = how;
		this.#extra = extra;
	}

	/** Has the commands that the page has mapped appear in a view of the tree. */
	async map(mapped: WireMapped, page: Remote<PageServices>, view: Namespace): Promise<void> {
		const { MappedCommands } = await import("./mapped-commands.ts");
		this.#mapped = new MappedCommands(mapped, {
			bridge: this.bridge,
			packages: this.#packages,
			page,
			imageOf,
			callsOf: wasixCalls,
			found: (program) => this.#ofProgram(program),
		});
		await this.#mapped.appearIn(view);
	}

	warn(message: string): void {
		this.#packages.warn(message);
	}

	other(module: string, name: string): WebAssembly.ImportValue | undefined {
		return this.#extra.get(module)?.get(name);
	}

	waitImport(
		thread: WasixThread,
		before: () => number,
		after: (over: number) => number,
	): WebAssembly.ImportValue {
		const wait = () => before() || this.bridge.wait(thread).then(after);
		return new (WebAssembly as unknown as Jspi).Suspending(wait);
	}

	async find(path: string, tree: Namespace): Promise<FoundProgram | Errno> {
		return this.#find(path, tree, MOST_INTERPRETERS);
	}

	async #find(path: string, tree: Namespace, left: number): Promise<FoundProgram | Errno> {
		const look = () => fs.find(tree, tree.root, path.replace(/^\/+/, "") || ".", true);
		const node = await this.#packages.tree.awaitCall(path, look);
		if (typeof node === "number") return node as Errno;
		if (node.type !== "file") return EACCES;
		const mapped = this.#mapped?.find(node);
		if (mapped !== undefined) return mapped;
		const size = await this.#packages.tree.awaitCall(path, () => node.size());
		if (size < 0) return size as Errno;
		const command = COMMAND.exec(path)?.[1];
		const program = command && (await this.#packages.program(command).catch(() => undefined));
		// A file of that name may have been put over the command.
		if (program && program.size === size) return this.#ofProgram(program);
		const head = await this.#read(path, node, Math.min(size, FIRST_LINE));
		if (typeof head === "number") return head;
		if (startsWith(head, MAGIC.script)) return this.#script(path, head, tree, left);
		const isContainer = startsWith(head, MAGIC.container);
		if (!(isContainer || startsWith(head, MAGIC.wasm)) || size > MOST_BYTES) return ENOEXEC;
		return this.#ofFile(path, node, size, isContainer);
	}

	async #ofProgram(program: Program): Promise<FoundProgram | Errno> {
		const image = await imageOfProgram(program, this.#how).catch(() => null);
		if (image === null || !this.#isWhole(image)) return ENOEXEC;
		const { mainArgs, env, execName } = program.info;
		return {
			image,
			arguments: ([first, ...rest]) => [
				...(execName === undefined ? (first ? [first] : []) : [itemOf(execName)]),
				...mainArgs.map(itemOf),
				...rest,
			],
			env: env.map(([name, value]) => itemOf(`${name}=${value}`)),
		};
	}

	async #ofFile(
		path: string,
		node: INode,
		size: number,
		isContainer: boolean,
	): Promise<FoundProgram | Errno> {
		const stat = emptyStat();
		await this.#packages.tree.awaitCall(path, () => node.stat(stat));
		const state = `${size} ${stat.modified} ${stat.changed} ${JSON.stringify(this.#how)}`;
		let known = files.get(node);
		if (known?.state !== state) {
			const found = isContainer
				? this.#ofContainer(path, node, size)
				: this.#ofModule(path, node, size);
			known = { state, found };
			files.set(node, known);
		}
		const found = await known.found.catch(() => ENOEXEC);
		if (typeof found !== "number" && this.#isWhole(found.image)) return found;
		files.delete(node);
		return ENOEXEC;
	}

	async #ofModule(path: string, node: INode, size: number): Promise<FoundProgram | Errno> {
		const bytes = await this.#read(path, node, size);
		if (typeof bytes === "number") return bytes;
		const how = { ...this.#how, ...WASIX_PASS };
		const module = await compile(bytes, path, how);
		const image = imageOf(path, bytes, module, pagesOf(this.#how));
		return image === null ? ENOEXEC : { image, arguments: (args) => args, env: [] };
	}

	/** A package's container: its entrypoint. */
	async #ofContainer(path: string, node: INode, size: number): Promise<FoundProgram | Errno> {
		const bytes = await this.#read(path, node, size);
		if (typeof bytes === "number") return bytes;
		try {
			const { programInContainer } = await import("./container-file.ts");
			const warn = (message: string) => this.warn(message);
			return await this.#ofProgram(await programInContainer(path, bytes, this.bridge, warn));
		} catch (error) {
			this.#warnOf(path, error);
			return ENOEXEC;
		}
	}

	/** A script: its interpreter, with the script's path before its arguments. */
	async #script(
		path: string,
		head: Uint8Array,
		tree: Namespace,
		left: number,
	): Promise<FoundProgram | Errno> {
		if (left === 0) return ELOOP;
		const [line = ""] = new TextDecoder().decode(head.subarray(MAGIC.script.length)).split("\n");
		const [, interpreter, argument] = /^\s*(\S+)(?:\s+(.*\S))?\s*$/.exec(line) ?? [];
		if (interpreter === undefined) return ENOEXEC;
		const found = await this.#find(interpreter, tree, left - 1);
		if (typeof found === "number") return found === ENOENT ? ENOEXEC : found;
		const before = [interpreter, ...(argument ? [argument] : []), path].map(itemOf);
		return {
			...found,
			arguments: ([, ...rest]) => found.arguments([...before, ...rest]),
		};
	}

	async #read(path: string, node: INode, size: number): Promise<Uint8Array | Errno> {
		const bytes = new Uint8Array(size);
		for (let done = 0; done < size; ) {
			const at = done;
			const n = await this.#packages.tree.awaitCall(path, () =>
				node.read(bytes, at, size - at, at),
			);
			if (n < 0) return n as Errno;
			if (n === 0) return bytes.subarray(0, done);
			done += n;
		}
		return bytes;
	}

	#isWhole(image: Image): boolean {
		const missing = missingOf(image, this.#extra);
		if (missing.length > 0) this.#warnOf(image.name, missingImports(missing));
		return missing.length === 0;
	}

	#warnOf(name: string, error: unknown): void {
		const why = error instanceof Error ? error.message : String(error);
		this.warn(`${name} cannot be started: ${why}`);
	}
}

/** The imports of a program that neither we nor the page have. */
function missingOf(
	{ others }: Image,
	extra: ExtraImports = new Map(),
): WebAssembly.ModuleImportDescriptor[] {
	return others
		.filter(({ module, name }) => extra.get(module)?.get(name) === undefined)
		.map(({ module, name, memory }) => ({ module, name, kind: memory ? "memory" : "function" }));
}

async function imageOfProgram(
	program: Program,
	how: RewriteOptions | undefined,
): Promise<Image | null> {
	const module = await program.module({ ...how, ...WASIX_PASS });
	const known = images.get(module);
	if (known !== undefined) return known;
	const image = imageOf(program.name, (await program.bytes?.()) ?? null, module, pagesOf(how));
	if (image !== null) images.set(module, image);
	return image;
}

function pagesOf(how: RewriteOptions | undefined): number | undefined {
	return how?.maximumPages;
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
	return magic.every((byte, index) => bytes[index] === byte);
}

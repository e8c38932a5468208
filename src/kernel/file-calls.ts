/**
 * The worker's half of `Sandbox.fs`: operations on the tree that wait where they must.
 */
import {
	EEXIST,
	EFBIG,
	EINVAL,
	EISDIR,
	ENOENT,
	ENOTDIR,
	type Errno,
	ESTALE,
} from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import { awaitCall } from "../bridge/await-call.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Namespace } from "../fs/namespace.ts";
import { emptyEntry, emptyStat, type INode } from "../fs/node.ts";
import * as tree from "../fs/operations.ts";
import { check, failure } from "../process/errno-errors.ts";
import type { Files, WireEntry, WireStat } from "../protocol/sandbox.ts";

const NS_PER_MS = 1000000n;
/** How often a file that is changed meanwhile is read before it is given as it was found. */
const ATTEMPTS = 64;
/** Milliseconds since 1970 that a time must be below: its nanoseconds have 64 bits. */
const LATEST = 2 ** 64 / 1e6;
/** The most bytes that are read into memory at once. */
const MOST_BYTES = 2 ** 31;

type Wait = <T>(path: string, call: () => T) => Promise<T>;

export class KernelFiles implements Files {
	readonly #namespace: () => Namespace;
	readonly #wait: Wait;

	/** `wait` runs a call for what is at a path until it answers. */
	constructor(
		bridge: Bridge,
		namespace: () => Namespace,
		wait: Wait = (_, call) => awaitCall(bridge, call),
	) {
		this.#namespace = namespace;
		this.#wait = wait;
	}

	readFile(path: string): Promise<Uint8Array> {
		return this.#read("readFile", path);
	}

	readPart(path: string, position: number, length: number, ino?: number): Promise<Uint8Array> {
		return this.#read("readPart", path, position, length, ino);
	}

	/** A file that others change, or put another in the place of, is read again from its beginning: what
	 *  comes back is of one version. Errors: ESTALE where that never comes to an end. */
	async #read(
		call: string,
		path: string,
		position = 0,
		length = Number.POSITIVE_INFINITY,
		ino?: number,
	): Promise<Uint8Array> {
		for (let attempt = 1; ; attempt++) {
			try {
				const node = await this.#find(call, path, true);
				if (ino !== undefined && node.ino !== ino) {
					throw new PortholeError("changed", `another file has come to ${path} while it was read`);
				}
				const last = attempt === ATTEMPTS;
				const bytes = await this.#readOnce(call, path, node, position, length, last);
				if (bytes !== null) return bytes;
			} catch (error) {
				const replaced = error instanceof PortholeError && error.code === "ESTALE";
				if (!replaced || attempt === ATTEMPTS) throw error;
			}
		}
	}

	/** Null where the file was changed in the middle, unless it is the `last` attempt. */
	async #readOnce(
		call: string,
		path: string,
		node: INode,
		position: number,
		length: number,
		last: boolean,
	): Promise<Uint8Array | null> {
		if (node.type === "directory") throw failure(EISDIR, call, path);
		const before = await this.#stateOf(call, path, node);
		const left = (await this.#run(call, path, () => node.size())) - position;
		const size = Math.max(0, Math.min(length, left));
		const bytes = room(size, call, path);
		let done = 0;
		while (done < size) {
			const at = done;
			const n = await this.#run(call, path, () => node.read(bytes, at, size - at, position + at));
			if (n === 0) break;
			done += n;
		}
		if (!last && (await this.#stateOf(call, path, node)) !== before) return null;
		if (done < size) throw failure(ESTALE, call, path, "it became shorter while it was read");
		return bytes;
	}

	/** Another text when a file has been changed since, or removed. */
	async #stateOf(call: string, path: string, node: INode): Promise<string> {
		const stat = emptyStat();
		await this.#run(call, path, () => node.stat(stat));
		return `${stat.size} ${stat.modified} ${stat.links}`;
	}

	writeFile(path: string, bytes: Uint8Array, append: boolean): Promise<void> {
		return this.#write(append ? "appendFile" : "writeFile", path, bytes, append);
	}

	async #write(call: string, path: string, bytes: Uint8Array, append = false): Promise<void> {
		const flags = tree.CREATE | (append ? 0 : tree.TRUNCATE);
		const node = await this.#node(call, path, (ns) =>
			tree.open(ns, ns.root, relative(path), true, flags, true),
		);
		const start = append ? await this.#run(call, path, () => node.size()) : 0;
		let done = 0;
		while (done < bytes.length) {
			const at = done;
			done += await this.#run(call, path, () =>
				node.write(bytes, at, bytes.length - at, start + at),
			);
		}
	}

	async readdir(path: string): Promise<WireEntry[]> {
		const node = await this.#find("readdir", path, true);
		if (node.type !== "directory") throw failure(ENOTDIR, "readdir", path);
		const entries: WireEntry[] = [];
		const entry = emptyEntry();
		const until = await this.#run("readdir", path, () => node.listing());
		let cursor = 0;
		for (;;) {
			const from = cursor;
			cursor = await this.#run("readdir", path, () => node.readdir(from, entry, until));
			if (cursor === 0) return entries;
			entries.push({ name: entry.name, type: entry.type });
		}
	}

	async stat(path: string, follow: boolean): Promise<WireStat> {
		const call = follow ? "stat" : "lstat";
		const node = await this.#find(call, path, follow);
		const stat = emptyStat();
		await this.#run(call, path, () => node.stat(stat));
		return {
			type: stat.type,
			size: stat.size,
			links: stat.links,
			ino: stat.ino,
			atimeMs: Number(stat.accessed / NS_PER_MS),
			mtimeMs: Number(stat.modified / NS_PER_MS),
			ctimeMs: Number(stat.changed / NS_PER_MS),
		};
	}

	async look(path: string, recursive: boolean): Promise<(readonly [string, string])[]> {
		const top = await this.#found(path);
		if (top === null) return [];
		if (top.type !== "directory") return [[path, stateOf(top)]];
		const seen: (readonly [string, string])[] = [];
		const directories = [path];
		for (const directory of directories) {
			// What goes while it is looked at is gone.
			const names = this.readdir(directory).catch((error) => goneOr(error) ?? []);
			for (const { name } of await names) {
				const at = below(directory, name);
				const found = await this.#found(at);
				if (found === null) continue;
				// A directory is not modified by what is in it, which is told by itself.
				const inside = recursive && found.type === "directory";
				seen.push([at, inside ? String(found.ino) : stateOf(found)]);
				if (inside) directories.push(at);
			}
		}
		return seen;
	}

	async #found(path: string): Promise<WireStat | null> {
		return this.stat(path, false).catch(goneOr);
	}

	async mkdir(path: string, recursive: boolean): Promise<void> {
		if (!recursive) {
			await this.#run("mkdir", path, (ns) => tree.mkdir(ns, ns.root, relative(path)));
			return;
		}
		const parts = path.split("/").filter((part) => part !== "");
		for (let count = 1; count <= parts.length; count++) {
			const part = `/${parts.slice(0, count).join("/")}`;
			const done = await this.#wait(part, () => {
				const ns = this.#namespace();
				return tree.mkdir(ns, ns.root, relative(part));
			});
			if (done === 0) continue;
			// A directory may be there, also as a mount or behind a symlink; anything else is in the way.
			const there = done === EEXIST ? await this.#find("mkdir", part, true) : null;
			if (there?.type !== "directory") throw failure(there === null ? done : EEXIST, "mkdir", part);
		}
	}

	async rm(path: string, recursive: boolean, force: boolean): Promise<void> {
		const found = await this.#wait(path, () => {
			const ns = this.#namespace();
			return tree.find(ns, ns.root, relative(path), false);
		});
		if (found === ENOENT && force) return;
		if (typeof found === "number") throw failure(found, "rm", path);
		if (found.type !== "directory") {
			await this.#run("rm", path, (ns) => tree.unlink(ns, ns.root, relative(path)));
			return;
		}
		if (!recursive) {
			throw failure(EISDIR, "rm", path, "pass { recursive: true } to remove a directory");
		}
		for (const { name } of await this.readdir(path)) {
			await this.rm(below(path, name), true, force);
		}
		await this.#run("rm", path, (ns) => tree.rmdir(ns, ns.root, relative(path)));
	}

	async rename(from: string, to: string): Promise<void> {
		await this.#run("rename", `${from} → ${to}`, (ns) =>
			tree.rename(ns, ns.root, relative(from), ns.root, relative(to)),
		);
	}

	async copyFile(from: string, to: string): Promise<void> {
		await this.#write("copyFile", to, await this.#read("copyFile", from));
	}

	async symlink(target: string, path: string): Promise<void> {
		await this.#run("symlink", path, (ns) => tree.symlink(ns, target, ns.root, relative(path)));
	}

	async readlink(path: string): Promise<string> {
		const target = await this.#wait(path, () => {
			const ns = this.#namespace();
			return tree.readlink(ns, ns.root, relative(path));
		});
		if (typeof target === "number") throw failure(target, "readlink", path);
		return target;
	}

	async utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void> {
		const ns = (ms: number) => {
			if (ms >= 0 && ms < LATEST) return BigInt(Math.round(ms * 1000)) * 1000n;
			throw failure(EINVAL, "utimes", path, "a time is a valid Date or milliseconds since 1970");
		};
		const [accessed, modified] = [ns(atimeMs), ns(mtimeMs)];
		await this.#run("utimes", path, (namespace) =>
			tree.setTimes(namespace, namespace.root, relative(path), true, accessed, modified),
		);
	}

	#find(call: string, path: string, follow: boolean): Promise<INode> {
		return this.#node(call, path, (ns) => tree.find(ns, ns.root, relative(path), follow));
	}

	async #node(
		call: string,
		path: string,
		operation: (ns: Namespace) => INode | Errno,
	): Promise<INode> {
		absolute(call, path);
		const node = await this.#wait(path, () => operation(this.#namespace()));
		if (typeof node === "number") throw failure(node, call, path);
		return node;
	}

	async #run(call: string, path: string, operation: (ns: Namespace) => number): Promise<number> {
		absolute(call, path);
		const answer = await this.#wait(path, () => operation(this.#namespace()));
		check(answer, call, path);
		return answer;
	}
}

function absolute(call: string, path: string): void {
	if (!path.startsWith("/")) {
		throw new PortholeError("EINVAL", `EINVAL: ${call} ${path} (the path must begin with "/")`);
	}
}

/** Null for what cannot be looked at, or is there no more. Errors: the caller's own, and `"timeout"`, which
 *  says nothing of what is there. */
function goneOr(error: PortholeError): null {
	if (error.code === "EINVAL" || error.code === "timeout") throw error;
	return null;
}

function below(directory: string, name: string): string {
	return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

function stateOf({ ino, size, mtimeMs }: WireStat): string {
	return `${ino} ${size} ${mtimeMs}`;
}

/** The path as the tree takes it: from its root. */
function relative(path: string): string {
	return path.replace(/^\/+/, "") || ".";
}

function room(size: number, call: string, path: string): Uint8Array<ArrayBuffer> {
	if (size > MOST_BYTES) {
		const why = `${size} bytes are more than can be read at once, which is 2 GiB; exportArchive reads in parts`;
		throw failure(EFBIG, call, path, why);
	}
	try {
		return new Uint8Array(size);
	} catch {
		throw new PortholeError(errnoName(-48), `ENOMEM: ${call} ${path} (${size} bytes)`);
	}
}

/**
 * `porthole/shim`: what a page has built with `@bjorn3/browser_wasi_shim` goes on working.
 *
 *     mounts: { "/data": shimDirectory(directory) }
 *     command.run({ stdin: shimInput(keyboard), stdout: shimOutput(terminal) })
 *
 * Objects cannot cross into our worker. So a directory is mounted as a Store, which asks the nodes
 * that the same directory would have in a tree, and an Fd is connected as a stream. A page may wait,
 * which an Fd cannot: one that answers EAGAIN is asked again a little later, and nothing spins.
 */
import { EAGAIN, type Errno } from "../abi/errno.ts";
import { errnoName, errnoOf } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import { emptyEntry, emptyStat, type INode } from "../fs/node.ts";
import type { LinkingStore, Listing } from "../store/store.ts";
import { type Directory, type Fd, shimFileSystem } from "./shim.ts";

export { Symlink } from "./shim.ts";

const PIECE = 65536;
/** Milliseconds until an Fd that had nothing is asked again. */
const AGAIN = 10;

/** Throws for a failure, and gives back what is none. */
function checked<T>(answer: T | Errno, call: string, path: string): Exclude<T, Errno> {
	if (typeof answer === "number" && answer < 0) throw failure(answer, call, path);
	// What is left is no Errno: those are all negative.
	return answer as Exclude<T, Errno>;
}

function failure(error: number, call: string, path: string): PortholeError {
	const code = errnoName(error);
	return new PortholeError(code, `${code}: ${call} ${path}`);
}

/** `directory` as something to mount. What a program changes is changed in its `contents`. */
export function shimDirectory(directory: Directory): LinkingStore {
	const { root } = shimFileSystem(directory);

	function find(call: string, path: string): INode {
		let node = root;
		for (const name of path.split("/")) {
			if (name !== "") node = checked(node.lookup(name), call, path);
		}
		return node;
	}

	function parent(call: string, path: string): { directory: INode; name: string } {
		const slash = path.lastIndexOf("/");
		const name = path.slice(slash + 1);
		if (name === "") throw new PortholeError("EBUSY", `EBUSY: ${call} ${path}`);
		return { directory: find(call, path.slice(0, slash)), name };
	}

	return {
		async list(path) {
			const node = find("list", path);
			const entry = emptyEntry();
			const listings: Listing[] = [];
			for (let cursor = 0; ; ) {
				cursor = checked(node.readdir(cursor, entry), "list", path);
				if (cursor === 0) return listings;
				listings.push(...listing(entry.name, checked(node.lookup(entry.name), "list", path)));
			}
		},

		async read(path, offset, length) {
			const node = find("read", path);
			const bytes = new Uint8Array(Math.max(0, Math.min(length, node.size() - offset)));
			const count = checked(node.read(bytes, 0, bytes.length, offset), "read", path);
			return count === bytes.length ? bytes : bytes.slice(0, count);
		},

		async write(path, offset, bytes) {
			const node = find("write", path);
			for (let done = 0; done < bytes.length; ) {
				const written = node.write(bytes, done, bytes.length - done, offset + done);
				done += checked(written, "write", path);
				if (written === 0) throw new PortholeError("EIO", `EIO: write ${path}: it takes nothing`);
			}
		},

		async resize(path, size) {
			checked(find("resize", path).truncate(size), "resize", path);
		},

		async make(path, type) {
			const { directory: into, name } = parent("make", path);
			checked(into.create(name, type), "make", path);
		},

		async remove(path) {
			const { directory: from, name } = parent("remove", path);
			const node = checked(from.lookup(name), "remove", path);
			const type = node.type === "directory" ? "directory" : "file";
			checked(from.remove(name, type), "remove", path);
		},

		async rename(from, to) {
			const old = parent("rename", from);
			const next = parent("rename", to);
			checked(old.directory.rename(old.name, next.directory, next.name), "rename", from);
		},

		async symlink(path, target) {
			const { directory: into, name } = parent("symlink", path);
			checked(into.symlink(name, target), "symlink", path);
		},

		async link(path, newPath) {
			const node = find("link", path);
			const { directory: into, name } = parent("link", newPath);
			checked(into.link(name, node), "link", newPath);
		},

		async utimes(path, accessed, modified) {
			checked(find("utimes", path).setTimes(accessed, modified), "utimes", path);
		},
	};
}

/** A store lists no devices. */
function listing(name: string, node: INode): Listing[] {
	const { type } = node;
	if (type === "device" || type === "pipe") return [];
	const stat = emptyStat();
	checked(node.stat(stat), "list", name);
	const { size, accessed, modified } = stat;
	const common = {
		name,
		type,
		size: type === "directory" ? 0 : size,
		modified: Number(modified / 1_000_000n),
		times: { accessed, modified },
	};
	if (type === "directory") return [common];
	const file = { ...common, file: stat.ino, links: stat.links };
	return [type === "symlink" ? { ...file, target: String(node.readlink()) } : file];
}

function thrown(call: string, ret: number): PortholeError {
	return failure(errnoOf(errnoName(-ret)), call, "of an Fd of the shim");
}

/** `fd` as something that a program's output goes to; it is closed when the stream is. */
export function shimOutput(fd: Fd): WritableStream<Uint8Array> {
	return new WritableStream<Uint8Array>({
		async write(chunk) {
			for (let done = 0; done < chunk.length; ) {
				const { ret, nwritten } = fd.fd_write(chunk.slice(done));
				if (ret !== 0 && ret !== -EAGAIN) throw thrown("fd_write", ret);
				if (ret === 0) done += nwritten;
				if (ret !== 0 || nwritten === 0) await later();
			}
		},
		close() {
			fd.fd_close();
		},
		abort() {
			fd.fd_close();
		},
	});
}

/** `fd` as something that a program's input comes from. It ends where `fd_read` gives nothing, and
 *  the Fd is closed when it does, or when nobody wants more. */
export function shimInput(fd: Fd): ReadableStream<Uint8Array> {
	let cancelled = false;
	return new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				for (;;) {
					const { ret, data } = fd.fd_read(PIECE);
					if (ret === 0 && data.length > 0) {
						controller.enqueue(data.slice());
						return;
					}
					if (ret === 0) {
						fd.fd_close();
						controller.close();
						return;
					}
					if (ret !== -EAGAIN) throw thrown("fd_read", ret);
					await later();
					if (cancelled) return;
				}
			},
			cancel() {
				cancelled = true;
				fd.fd_close();
			},
		},
		// Nothing is read before somebody asks: the Fd may be a person at a keyboard.
		{ highWaterMark: 0 },
	);
}

function later(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, AGAIN));
}

/**
 * The table of descriptors: numbers to open files.
 *
 * Looking one up is an array access. A new descriptor takes the lowest free number, as POSIX
 * demands; the table remembers below which number nothing is free, so finding it rarely searches.
 */
import { type Done, EBADF, EMFILE, type Errno } from "../abi/errno.ts";
import type { OpenNode } from "../fs/node.ts";

/** More descriptors than any program needs, and few enough to bound a leaking one. */
const MOST = 1 << 16;

/** An open file description: what `dup` shares. */
export class OpenFile {
	readonly node: OpenNode;
	position = 0;
	flags: number;
	rights: number;
	inheriting: number;
	/** The name under which a directory was opened in advance; null for all others. */
	readonly preopen: string | null;
	/** Where paths that do not begin here may begin instead: the root, for a working directory. */
	beyond: OpenNode | null = null;
	/** When the listing of a directory began that is under way; 0 before the first. */
	listing = 0;
	/** How many descriptors share it. */
	uses = 0;

	constructor(
		node: OpenNode,
		flags: number,
		rights: number,
		inheriting: number,
		preopen: string | null = null,
	) {
		this.node = node;
		this.flags = flags;
		this.rights = rights;
		this.inheriting = inheriting;
		this.preopen = preopen;
	}

	/** One descriptor more. */
	hold(): void {
		this.uses += 1;
		if (this.uses === 1) this.node.handles += 1;
	}

	/** One descriptor less. Errors: why a write in the background has failed. */
	release(): Done {
		this.uses -= 1;
		if (this.uses > 0) return 0;
		this.node.handles -= 1;
		return this.node.handles > 0 ? 0 : this.node.closed();
	}
}

export class Descriptors {
	readonly #slots: (OpenFile | undefined)[] = [];
	#lowest = 0;

	/** The open file behind a number. `fd` is unsigned. */
	get(fd: number): OpenFile | undefined {
		return this.#slots[fd];
	}

	/** Where a path call on the number `fd` begins; perhaps no directory. */
	directory(fd: number): OpenFile | undefined {
		return this.get(fd);
	}

	/** Puts `file` at the lowest free number and returns it. Errors: EMFILE. */
	add(file: OpenFile): number {
		let fd = this.#lowest;
		while (this.#slots[fd] !== undefined) fd += 1;
		if (fd >= MOST) return EMFILE;
		this.#lowest = fd + 1;
		this.#put(fd, file);
		return fd;
	}

	/** Errors: EBADF, and why a write in the background has failed; it is closed all the same. */
	close(fd: number): 0 | Errno {
		const file = this.#slots[fd];
		if (file === undefined) return EBADF;
		this.#slots[fd] = undefined;
		if (fd < this.#lowest) this.#lowest = fd;
		return file.release();
	}

	/** Moves `from` to the number `to`, closing what was there. Errors: EBADF, for either. */
	renumber(from: number, to: number): 0 | Errno {
		const file = this.#slots[from];
		const old = this.#slots[to];
		if (file === undefined || old === undefined) return EBADF;
		if (from === to) return 0;
		this.#put(to, file);
		old.release();
		return this.close(from);
	}

	closeAll(): void {
		for (let fd = 0; fd < this.#slots.length; fd++) this.close(fd);
	}

	*files(): Iterable<OpenFile> {
		for (const file of this.#slots) if (file !== undefined) yield file;
	}

	#put(fd: number, file: OpenFile): void {
		file.hold();
		this.#slots[fd] = file;
	}
}

/**
 * The descriptors of a WASIX process: as `Descriptors`, with a close-on-exec mark for each number, copies for children,
 * and directories that path calls may begin in though they are no descriptors.
 *
 * A C library looks for `/` and `.` among its descriptors and keeps their numbers, 3 and 4, for ever. A shell takes
 * the same numbers for files (`exec 3>file`). So the two are not in the table: `get` finds them only where nothing
 * else is, and `directory` where no directory is.
 */
import { type Done, EBADF, EINVAL, EMFILE, type Errno } from "../abi/errno.ts";
import { Descriptors, type OpenFile } from "../process/descriptors.ts";

const MOST = 1 << 16;

export class DescriptorTable extends Descriptors {
	#slots: (OpenFile | undefined)[] = [];
	#closeOnExec = new Set<number>();
	/** Directories by the numbers under which path calls know them. */
	readonly begins: Map<number, OpenFile>;

	constructor(begins: ReadonlyMap<number, OpenFile>) {
		super();
		this.begins = new Map(begins);
	}

	override get(fd: number): OpenFile | undefined {
		return this.#slots[fd] ?? this.begins.get(fd);
	}

	override directory(fd: number): OpenFile | undefined {
		const file = this.#slots[fd];
		return file?.node.type === "directory" ? file : (this.begins.get(fd) ?? file);
	}

	/** What is open at a number. */
	file(fd: number): OpenFile | undefined {
		return this.#slots[fd];
	}

	override add(file: OpenFile): number {
		return this.addFrom(file, 0);
	}

	/** Puts `file` at the lowest free number from `least` on. Errors: EMFILE, EINVAL. */
	addFrom(file: OpenFile, least: number, closeOnExec = false): number {
		if (least >= MOST) return EINVAL;
		let fd = least;
		while (this.#slots[fd] !== undefined) fd += 1;
		if (fd >= MOST) return EMFILE;
		this.#put(fd, file, closeOnExec);
		return fd;
	}

	/** Puts `file` at a number, closing what was there. Errors: EBADF. */
	addAt(fd: number, file: OpenFile): Done {
		if (fd >= MOST) return EBADF;
		const old = this.#slots[fd];
		this.#put(fd, file, false);
		return old === undefined ? 0 : old.release();
	}

	override close(fd: number): 0 | Errno {
		const file = this.#slots[fd];
		if (file === undefined) return EBADF;
		this.#slots[fd] = undefined;
		this.#closeOnExec.delete(fd);
		return file.release();
	}

	/** `dup2`: `from` stays open, the offset is shared, the copy is kept at exec. Errors: EBADF. */
	override renumber(from: number, to: number): 0 | Errno {
		const file = this.#slots[from];
		if (file === undefined) return EBADF;
		if (from === to) return 0;
		return this.addAt(to, file);
	}

	override closeAll(): void {
		for (let fd = 0; fd < this.#slots.length; fd++) this.close(fd);
	}

	override *files(): Iterable<OpenFile> {
		for (const file of this.#slots) if (file !== undefined) yield file;
	}

	isClosedOnExec(fd: number): boolean {
		return this.#closeOnExec.has(fd);
	}

	setCloseOnExec(fd: number, on: boolean): void {
		if (on) this.#closeOnExec.add(fd);
		else this.#closeOnExec.delete(fd);
	}

	/** What exec closes. */
	closeMarked(): void {
		for (const fd of this.#closeOnExec) this.close(fd);
	}

	/** The same open files at the same numbers, for a child. */
	copy(): DescriptorTable {
		const copy = new DescriptorTable(this.begins);
		this.#slots.forEach((file, fd) => {
			if (file !== undefined) copy.#put(fd, file, this.#closeOnExec.has(fd));
		});
		return copy;
	}

	/** Exchanges what both have, under calls that hold on to one of them. */
	exchange(other: DescriptorTable): void {
		const [slots, closeOnExec] = [this.#slots, this.#closeOnExec];
		this.#slots = other.#slots;
		this.#closeOnExec = other.#closeOnExec;
		other.#slots = slots;
		other.#closeOnExec = closeOnExec;
	}

	#put(fd: number, file: OpenFile, closeOnExec: boolean): void {
		file.hold();
		this.#slots[fd] = file;
		this.setCloseOnExec(fd, closeOnExec);
	}
}

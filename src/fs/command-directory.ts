/**
 * A directory with commands in it that the page has named, and that are no files of its own: `/bin`, as a program
 * sees it whose page maps commands, and what that program starts. All else goes through to the directory below.
 *
 *     CommandDirectory ──┬─ a command's name     CommandFile, which cannot be changed
 *                        └─ any other name       the directory below
 */
import { type Done, EEXIST, EROFS, type Errno } from "../abi/errno.ts";
import { utf8 } from "../abi/memory.ts";
import { copyBytes } from "./bytes.ts";
import type { Namespace } from "./namespace.ts";
import { type Entry, type INode, Node, nextDev, type Stat } from "./node.ts";

const DEV = nextDev();
/** One second after the epoch: some programs take a time of 0 for "none". */
const LONG_AGO = 1_000_000_000n;
const TEXT = utf8("a command of the page\n");

/** What a program finds under the name of such a command. */
export class CommandFile extends Node {
	/** What the page calls it. */
	readonly name: string;

	constructor(name: string) {
		super(DEV, "file");
		this.name = name;
	}

	override stat(out: Stat): Done {
		out.dev = this.dev;
		out.ino = this.ino;
		out.type = this.type;
		out.size = TEXT.length;
		out.links = 1;
		out.accessed = LONG_AGO;
		out.modified = LONG_AGO;
		out.changed = LONG_AGO;
		return 0;
	}

	override size(): number {
		return TEXT.length;
	}

	override readable(): number {
		return TEXT.length;
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		const count = Math.min(length, TEXT.length - position);
		if (count <= 0) return 0;
		copyBytes(TEXT, position, into, at, count);
		return count;
	}
}

export class CommandDirectory extends Node {
	readonly #below: INode;
	readonly #files: ReadonlyMap<string, CommandFile>;
	readonly #names: readonly string[];

	/** `below` is a directory; a command hides what it has under the same name. */
	constructor(below: INode, files: ReadonlyMap<string, CommandFile>) {
		super(below.dev, "directory");
		this.#below = below;
		this.#files = files;
		this.#names = [...files.keys()];
	}

	override stat(out: Stat): Done {
		return this.#below.stat(out);
	}

	override setTimes(accessed: bigint | null, modified: bigint | null): Done {
		return this.#below.setTimes(accessed, modified);
	}

	override sync(): Done {
		return this.#below.sync();
	}

	override lookup(name: string): INode | Errno {
		return this.#files.get(name) ?? this.#below.lookup(name);
	}

	override create(name: string, type: "file" | "directory"): INode | Errno {
		return this.#files.has(name) ? EEXIST : this.#below.create(name, type);
	}

	override symlink(name: string, target: string): Done {
		return this.#files.has(name) ? EEXIST : this.#below.symlink(name, target);
	}

	override link(name: string, node: INode): Done {
		return this.#files.has(name) ? EEXIST : this.#below.link(name, node);
	}

	override remove(name: string, type: "file" | "directory"): Done {
		return this.#files.has(name) ? super.remove(name, type) : this.#below.remove(name, type);
	}

	override rename(name: string, to: INode, newName: string): Done {
		if (this.#files.has(name)) return EROFS;
		if (!(to instanceof CommandDirectory)) return this.#below.rename(name, to, newName);
		return to.#files.has(newName) ? EROFS : this.#below.rename(name, to.#below, newName);
	}

	override receive(from: INode, name: string, newName: string): Done {
		if (this.#files.has(newName)) return EROFS;
		const below = this.#below;
		return below instanceof Node ? below.receive(from, name, newName) : EROFS;
	}

	override listing(): number {
		return this.#below.listing();
	}

	/** The commands come first; the cursors of the directory below are moved behind them. */
	override readdir(cursor: number, out: Entry, until?: number): number {
		const count = this.#names.length;
		if (cursor < count) {
			const name = this.#names[cursor] as string;
			out.name = name;
			out.ino = this.#files.get(name)?.ino ?? 0;
			out.type = "file";
			return cursor + 1;
		}
		for (let at = cursor - count; ; ) {
			at = this.#below.readdir(at, out, until);
			if (at <= 0) return at;
			if (!this.#files.has(out.name)) return at + count;
		}
	}
}

/** Puts commands over directories of one view of a tree, and of the views that are made of it. */
export function cover(view: Namespace, commands: ReadonlyMap<INode, CommandDirectory>): void {
	const [over, another] = [view.over, view.view];
	view.over = (node) => {
		const top = over.call(view, node);
		return commands.get(top) ?? top;
	};
	view.view = () => {
		const made = another.call(view);
		cover(made, commands);
		return made;
	};
}

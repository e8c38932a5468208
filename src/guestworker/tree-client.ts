/**
 * The tree of a guest in a worker of its own: every operation is a message to the kernel, whose thread
 * has the real one.
 *
 * The guest knows a node only while it has it open, under the number the kernel gave it; a node that is
 * opened twice has one number, and so is one object here too. Type, ino and dev of a node never
 * change and are kept. Nothing else is, because other guests run at the same time: only the
 * entries of a directory are fetched many at once, as if they had been read by then. And what is printed
 * goes through a ring (`guestworker/output-ring.ts`) where there is one, in the order in which it was printed.
 */
import { type Done, ENAMETOOLONG, type Errno } from "../abi/errno.ts";
import type { Entry, FileType, OpenNode, Stat } from "../fs/node.ts";
import type { Operations, View } from "../fs/operations.ts";
import type { TtyState } from "../tty/terminal.ts";
import type { GuestChannel, Message } from "./message.ts";
import type { Ring } from "./output-ring.ts";
import {
	ACCESSED,
	CALL,
	ENTRY_HEAD,
	type FarFacts,
	GIVEN,
	MODIFIED,
	numberOf,
	TYPES,
	ttyFlags,
} from "./tree-calls.ts";

/** Instead of the moment at which a listing began: it begins now. */
const BEGINS = -1;

interface FarEntry {
	readonly name: string;
	readonly ino: number;
	readonly type: FileType;
	readonly cursor: number;
}

class FarNode implements OpenNode {
	readonly handle: number;
	readonly ino: number;
	readonly dev: number;
	readonly type: FileType;
	readonly descriptor: number;
	handles = 0;
	/** What carries what is written here, instead of messages. */
	ring: Ring | null = null;
	readonly #tree: TreeClient;
	/** Entries that have been fetched and not been asked for, the cursor before the first, and when the
	 *  listing began that they belong to. */
	#entries: FarEntry[] = [];
	#cursor = 0;
	#until = 0;

	constructor(tree: TreeClient, facts: FarFacts, descriptor: number) {
		this.#tree = tree;
		this.handle = facts.handle;
		this.ino = facts.ino;
		this.dev = facts.dev;
		this.type = facts.type;
		this.descriptor = descriptor;
	}

	stat(out: Stat): Done {
		const done = this.#send(CALL.stat) as Done;
		if (done === 0) takeStat(this.#tree.channel.message, out);
		return done;
	}

	setTimes(accessed: bigint | null, modified: bigint | null): Done {
		putTimes(this.#tree.channel.message, accessed, modified);
		return this.#send(CALL.setTimes) as Done;
	}

	sync(): Done {
		return this.#send(CALL.sync) as Done;
	}

	closed(): Done {
		this.#entries = [];
		this.#tree.forget(this.handle);
		return this.#send(CALL.close) as Done;
	}

	size(): number {
		return this.#send(CALL.size);
	}

	readable(): number {
		return this.#send(CALL.readable);
	}

	writable(): number {
		return this.ring?.room() ?? this.#send(CALL.writable);
	}

	truncate(size: number): Done {
		return this.#send(CALL.truncate, size) as Done;
	}

	read(into: Uint8Array, at: number, length: number, position: number): number {
		const { channel } = this.#tree;
		const { body } = channel.message;
		return this.#piecewise(length, (done, piece) => {
			const n = this.#send(CALL.read, position + done, piece);
			if (n > 0) into.set(body.subarray(0, n), at + done);
			return n;
		});
	}

	write(from: Uint8Array, at: number, length: number, position: number): number {
		const { ring } = this;
		// Where another stream's bytes are on their way a message takes them along first.
		if (ring !== null && this.#tree.mayFlow(ring)) return ring.put(from, at, length);
		const { message } = this.#tree.channel;
		return this.#piecewise(length, (done, piece) => {
			message.body.set(from.subarray(at + done, at + done + piece));
			message.length = piece;
			return this.#tree.send(CALL.write, this.handle, position + done);
		});
	}

	/** Moves `length` bytes in as many messages as it takes, or fewer where one moves less than it
	 *  could. A stream is asked once: it may have no more, and then would have to be waited for. */
	#piecewise(length: number, move: (done: number, piece: number) => number): number {
		const most = this.#tree.channel.message.body.length;
		let done = 0;
		do {
			const piece = Math.min(most, length - done);
			const n = move(done, piece);
			if (n < 0 && done > 0) {
				this.#tree.channel.dropNotes();
				return done;
			}
			if (n < 0) return n;
			done += n;
			if (n < piece) return done;
		} while (done < length && this.type === "file");
		return done;
	}

	/** The state of the terminal that this node is. */
	get tty(): TtyState {
		this.#send(CALL.tty);
		const [, columns = 0, rows = 0, flags = 0] = this.#tree.channel.message.numbers;
		return { columns, rows, width: 0, height: 0, ...ttyFlags(flags) };
	}

	set tty(state: TtyState) {
		this.#tree.channel.message.length = 0;
		this.#tree.send(CALL.setTty, this.handle, state.columns, state.rows, numberOf(state));
	}

	/** Fetches the first entries as well. */
	listing(): number {
		this.#entries = [];
		const count = this.#fetch(0, BEGINS);
		return count < 0 ? count : this.#until;
	}

	readdir(cursor: number, out: Entry, until = BEGINS): number {
		const same = until === this.#until || (until === BEGINS && cursor > 0);
		if (!same || cursor !== this.#cursor || this.#entries.length === 0) {
			const count = this.#fetch(cursor, until);
			if (count <= 0) return count;
		}
		const entry = this.#entries.pop() as FarEntry;
		out.name = entry.name;
		out.ino = entry.ino;
		out.type = entry.type;
		this.#cursor = entry.cursor;
		return entry.cursor;
	}

	/** How many entries follow `cursor` in the listing that began at `until`. */
	#fetch(cursor: number, until: number): number {
		const count = this.#send(CALL.readdir, cursor, until);
		if (count < 0) return count;
		const { message } = this.#tree.channel;
		this.#entries = takeEntries(message, count);
		this.#cursor = cursor;
		this.#until = message.numbers[1] as number;
		return count;
	}

	#send(call: number, first = 0, second = 0): number {
		this.#tree.channel.message.length = 0;
		return this.#tree.send(call, this.handle, first, second);
	}
}

/** Nobody asks a far tree for a node that is not one of its own. */
function handleOf(node: OpenNode): number {
	return (node as FarNode).handle;
}

export class TreeClient implements View, Operations {
	readonly channel: GuestChannel;
	readonly root: OpenNode;
	absolute = false;
	readonly #nodes = new Map<number, FarNode>();
	readonly #rings: Ring[] = [];

	/** `root` stays open for as long as the tree is there. */
	constructor(channel: GuestChannel, root: FarFacts) {
		this.channel = channel;
		this.root = this.node(root);
		this.root.handles += 1;
	}

	/** The object that stands for a node that the kernel has open. */
	node(facts: FarFacts, descriptor = -1): OpenNode {
		let node = this.#nodes.get(facts.handle);
		if (node === undefined) {
			node = new FarNode(this, facts, descriptor);
			if (descriptor < 0) this.#nodes.set(facts.handle, node);
		}
		return node;
	}

	/** From now on `ring` carries what is written to `node`. */
	flow(node: OpenNode, ring: Ring): void {
		(node as FarNode).ring = ring;
		this.#rings.push(ring);
	}

	/** Whether nothing waits in other rings that was written before. */
	mayFlow(ring: Ring): boolean {
		for (const other of this.#rings) if (other !== ring && !other.empty) return false;
		return true;
	}

	forget(handle: number): void {
		this.#nodes.delete(handle);
	}

	/** Sends a message with so many numbers; its body has been filled. */
	send(call: number, first: number, second = 0, third = 0, fourth = 0): number {
		const { numbers } = this.channel.message;
		numbers[1] = first;
		numbers[2] = second;
		numbers[3] = third;
		numbers[4] = fourth;
		return this.channel.send(call);
	}

	exists(_: View, from: OpenNode, path: string, follow: boolean): Done {
		if (!this.channel.message.put(path)) return ENAMETOOLONG;
		return this.send(CALL.exists, handleOf(from), Number(follow)) as Done;
	}

	stat(_: View, from: OpenNode, path: string, follow: boolean, out: Stat): Done {
		if (!this.channel.message.put(path)) return ENAMETOOLONG;
		const done = this.send(CALL.statAt, handleOf(from), Number(follow)) as Done;
		if (done === 0) takeStat(this.channel.message, out);
		return done;
	}

	open(
		_: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		flags: number,
		writes: boolean,
	): OpenNode | Errno {
		const { message } = this.channel;
		if (!message.put(path)) return ENAMETOOLONG;
		const handle = this.send(CALL.open, handleOf(from), Number(follow), flags, Number(writes));
		if (handle < 0) return handle as Errno;
		const [, ino = 0, dev = 0, type = 0, descriptor = -1] = message.numbers;
		return this.node({ handle, ino, dev, type: TYPES[type] ?? "file" }, descriptor);
	}

	setTimes(
		_: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		accessed: bigint | null,
		modified: bigint | null,
	): Done {
		const { message } = this.channel;
		if (!message.put(path)) return ENAMETOOLONG;
		putTimes(message, accessed, modified);
		return this.send(CALL.setTimesAt, handleOf(from), Number(follow)) as Done;
	}

	mkdir(_: View, from: OpenNode, path: string): Done {
		return this.#at(CALL.mkdir, from, path);
	}

	unlink(_: View, from: OpenNode, path: string): Done {
		return this.#at(CALL.unlink, from, path);
	}

	rmdir(_: View, from: OpenNode, path: string): Done {
		return this.#at(CALL.rmdir, from, path);
	}

	rename(_: View, from: OpenNode, path: string, to: OpenNode, newPath: string): Done {
		const middle = this.#putBoth(path, newPath);
		if (middle < 0) return middle as Errno;
		return this.send(CALL.rename, handleOf(from), handleOf(to), middle) as Done;
	}

	link(
		_: View,
		from: OpenNode,
		path: string,
		follow: boolean,
		to: OpenNode,
		newPath: string,
	): Done {
		const middle = this.#putBoth(path, newPath);
		if (middle < 0) return middle as Errno;
		return this.send(CALL.link, handleOf(from), Number(follow), handleOf(to), middle) as Done;
	}

	symlink(_: View, target: string, from: OpenNode, path: string): Done {
		const middle = this.#putBoth(target, path);
		if (middle < 0) return middle as Errno;
		return this.send(CALL.symlink, handleOf(from), middle) as Done;
	}

	readlink(_: View, from: OpenNode, path: string): string | Errno {
		const done = this.#at(CALL.readlink, from, path);
		const { message } = this.channel;
		return done === 0 ? message.text(0, message.length) : done;
	}

	#at(call: number, from: OpenNode, path: string): Done {
		if (!this.channel.message.put(path)) return ENAMETOOLONG;
		return this.send(call, handleOf(from)) as Done;
	}

	/** Puts two texts one after the other, and returns where the second begins. */
	#putBoth(first: string, second: string): number {
		const { message } = this.channel;
		if (!message.put(first)) return ENAMETOOLONG;
		const middle = message.length;
		return message.put(second, middle) ? middle : ENAMETOOLONG;
	}
}

function putTimes(message: Message, accessed: bigint | null, modified: bigint | null): void {
	message.times[ACCESSED] = accessed ?? 0n;
	message.times[MODIFIED] = modified ?? 0n;
	message.numbers[GIVEN] = (accessed === null ? 0 : 1) + (modified === null ? 0 : 2);
}

function takeStat({ numbers, times }: Message, out: Stat): void {
	const [, dev = 0, ino = 0, type = 0, size = 0, links = 0] = numbers;
	out.dev = dev;
	out.ino = ino;
	out.type = TYPES[type] ?? "file";
	out.size = size;
	out.links = links;
	out.accessed = times[6] as bigint;
	out.modified = times[7] as bigint;
	out.changed = times[8] as bigint;
}

/** The entries of an answer, the next one last. */
function takeEntries(message: Message, count: number): FarEntry[] {
	const bytes = message.body.slice(0, message.length);
	const view = new DataView(bytes.buffer);
	const entries: FarEntry[] = [];
	for (let at = 0, i = 0; i < count; i++) {
		const start = at + ENTRY_HEAD;
		const end = start + view.getUint32(at + 17, true);
		entries.push({
			cursor: view.getFloat64(at, true),
			ino: view.getFloat64(at + 8, true),
			type: TYPES[view.getUint8(at + 16)] ?? "file",
			name: message.text(start, end),
		});
		at = end;
	}
	return entries.reverse();
}

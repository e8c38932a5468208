/**
 * The kernel's end of a guest's tree, where the guest is in a worker of its own: messages in, answers out.
 *
 * The guest's descriptor table in the kernel's thread, which on other rungs the guest itself uses, is
 * here the list of the nodes that it has open, one each: their numbers are the descriptors'. So who asks
 * what a process has open, or closes all of it, need not know where the guest is.
 *
 * A guest cannot write messages of its own, since its worker's code is ours. They are read as if it
 * could: every number is checked before it is used, and every length cut to what is there.
 */
import {
	type Done,
	EBADF,
	EINVAL,
	ENAMETOOLONG,
	ENOTTY,
	type Errno,
	PENDING,
} from "../abi/errno.ts";
import { TtyDevice } from "../fs/devices.ts";
import { emptyEntry, emptyStat, type OpenNode, type Stat, type SyncRequest } from "../fs/node.ts";
import { operations, type View } from "../fs/operations.ts";
import { OpenFile } from "../process/descriptors.ts";
import type { Process } from "../process/process.ts";
import type { TtyState } from "../tty/terminal.ts";
import { BODY, type Message } from "./message.ts";
import type { FarDescriptor } from "./protocol.ts";
import {
	ACCESSED,
	CALL,
	ENTRIES,
	ENTRY_HEAD,
	type FarFacts,
	GIVEN,
	MODIFIED,
	numberOf,
	TYPES,
	ttyFlags,
} from "./tree-calls.ts";

const encoder = new TextEncoder();

/** Whose messages are answered. */
type Owner = Pick<Process, "descriptors" | "tree" | "terminal">;

export class TreeServer {
	readonly #process: Owner;
	readonly #tree: View;
	readonly #handles = new Map<OpenNode, number>();
	readonly #stat = emptyStat();
	readonly #entry = emptyEntry();
	#syncing: SyncRequest | undefined;

	constructor(process: Owner) {
		this.#process = process;
		this.#tree = process.tree;
	}

	/** The number under which the guest has `node` open from now on. Errors: EMFILE. */
	enter(node: OpenNode): number {
		let handle = this.#handles.get(node);
		if (handle === undefined) {
			handle = this.#process.descriptors.add(new OpenFile(node, 0, 0, 0));
			if (handle >= 0) this.#handles.set(node, handle);
		}
		return handle;
	}

	/** The same, and all that the guest has to know of it. */
	facts(node: OpenNode): FarFacts {
		return { handle: this.enter(node), ino: node.ino, dev: node.dev, type: node.type };
	}

	/** The root, and the descriptors that the guest begins with, which from now on are its own. */
	handOver(): { root: FarFacts; descriptors: FarDescriptor[] } {
		const { descriptors } = this.#process;
		const files = [...descriptors.files()];
		const root = this.facts(this.#tree.root);
		const handed = files.map((file) => ({
			node: this.facts(file.node),
			flags: file.flags,
			rights: file.rights,
			inheriting: file.inheriting,
			preopen: file.preopen,
			beyond: file.beyond !== null,
		}));
		// Nothing has been closed yet, so they have the lowest numbers. The nodes have others by now.
		files.forEach((_, fd) => {
			descriptors.close(fd);
		});
		return { root, descriptors: handed };
	}

	/** Answers the call in `message`, with its first number. */
	answer(message: Message): void {
		const { numbers } = message;
		const call = numbers[0] as number;
		const node = this.#node(numbers[1] as number);
		if (node === undefined) numbers[0] = EBADF;
		else if (call <= CALL.readdir) numbers[0] = this.#onNode(call, node, message);
		else numbers[0] = this.#onPath(call, node, message);
	}

	#node(handle: number): OpenNode | undefined {
		return this.#process.descriptors.get(handle)?.node;
	}

	#onNode(call: number, node: OpenNode, message: Message): number {
		const second = message.numbers[2] as number;
		switch (call) {
			case CALL.stat:
				return this.#answerStat(node.stat(this.#stat), message);
			case CALL.setTimes:
				return node.setTimes(timeIn(message, ACCESSED, 1), timeIn(message, MODIFIED, 2));
			case CALL.sync:
				return this.#sync(node);
			case CALL.close:
				this.#handles.delete(node);
				return this.#process.descriptors.close(message.numbers[1] as number);
			case CALL.size:
				return node.size();
			case CALL.readable:
				return node.readable();
			case CALL.writable:
				return node.writable();
			case CALL.truncate:
				return isCount(second) ? node.truncate(second) : EINVAL;
			case CALL.read:
				return this.#read(node, second, message);
			case CALL.write:
				return isCount(second) ? node.write(message.body, 0, message.length, second) : EINVAL;
			case CALL.readdir:
				return isCount(second) ? this.#list(node, second, message) : EINVAL;
			default:
				return EINVAL;
		}
	}

	/** The message comes again until it is answered, and stands for one call all the while. */
	#sync(node: OpenNode): Done {
		this.#syncing ??= {};
		const done = node.sync(this.#syncing);
		if (done !== PENDING) this.#syncing = undefined;
		return done;
	}

	#onPath(call: number, from: OpenNode, message: Message): number {
		const [, , second = 0, third = 0, fourth = 0] = message.numbers;
		const tree = this.#tree;
		const { length } = message;
		if (call <= CALL.rmdir) return this.#onOnePath(call, from, message);
		switch (call) {
			case CALL.rename: {
				const to = this.#node(second);
				if (to === undefined || !isCount(third)) return EBADF;
				const [path, newPath] = [message.text(0, third), message.text(third, length)];
				return operations.rename(tree, from, path, to, newPath);
			}
			case CALL.link: {
				const to = this.#node(third);
				if (to === undefined || !isCount(fourth)) return EBADF;
				const [path, newPath] = [message.text(0, fourth), message.text(fourth, length)];
				return operations.link(tree, from, path, second !== 0, to, newPath);
			}
			case CALL.symlink: {
				if (!isCount(second)) return EINVAL;
				const [target, path] = [message.text(0, second), message.text(second, length)];
				return operations.symlink(tree, target, from, path);
			}
			case CALL.readlink: {
				const target = operations.readlink(tree, from, message.text(0, length));
				if (typeof target === "number") return target;
				return message.put(target) ? 0 : ENAMETOOLONG;
			}
			case CALL.tty:
			case CALL.setTty:
				return this.#onTerminal(call, from, message);
			default:
				return EINVAL;
		}
	}

	#onTerminal(call: number, node: OpenNode, { numbers }: Message): number {
		if (node !== this.#process.terminal) return ENOTTY;
		// The page gives no other node as a terminal.
		const terminal = node as OpenNode & { tty: TtyState };
		const [, , columns = 0, rows = 0, flags = 0] = numbers;
		if (call === CALL.setTty) {
			if (!isCount(columns) || !isCount(rows)) return EINVAL;
			terminal.tty = { ...terminal.tty, columns, rows, ...ttyFlags(flags) };
			return 0;
		}
		const { tty } = terminal;
		numbers[1] = tty.columns;
		numbers[2] = tty.rows;
		numbers[3] = numberOf(tty);
		return 0;
	}

	#onOnePath(call: number, from: OpenNode, message: Message): number {
		const [, , second = 0, third = 0, fourth = 0] = message.numbers;
		const tree = this.#tree;
		const path = message.text(0, message.length);
		const follow = second !== 0;
		switch (call) {
			case CALL.statAt:
				return this.#answerStat(operations.stat(tree, from, path, follow, this.#stat), message);
			case CALL.exists:
				return operations.exists(tree, from, path, follow);
			case CALL.open:
				return this.#open(operations.open(tree, from, path, follow, third, fourth !== 0), message);
			case CALL.setTimesAt: {
				const [accessed, modified] = [timeIn(message, ACCESSED, 1), timeIn(message, MODIFIED, 2)];
				return operations.setTimes(tree, from, path, follow, accessed, modified);
			}
			case CALL.mkdir:
				return operations.mkdir(tree, from, path);
			case CALL.unlink:
				return operations.unlink(tree, from, path);
			default:
				return operations.rmdir(tree, from, path);
		}
	}

	/** A device that stands for one of the process's own descriptors is not opened at all. */
	#open(found: OpenNode | Errno, { numbers }: Message): number {
		if (typeof found === "number") return found;
		const node = found instanceof TtyDevice ? (this.#process.terminal ?? found) : found;
		const handle = node.descriptor >= 0 ? 0 : this.enter(node);
		numbers[1] = node.ino;
		numbers[2] = node.dev;
		numbers[3] = TYPES.indexOf(node.type);
		numbers[4] = node.descriptor;
		return handle;
	}

	#read(node: OpenNode, position: number, message: Message): number {
		const wanted = message.numbers[3] as number;
		if (!isCount(position) || !isCount(wanted)) return EINVAL;
		const most = Math.min(wanted, BODY);
		let total = node.read(message.body, 0, most, position);
		// A file gives less than is wanted at its end only. What is here is read again with the rest.
		while (node.type === "file" && total > 0 && total < most) {
			const n = node.read(message.body, total, most - total, position + total);
			if (n === PENDING) return PENDING;
			if (n <= 0) break;
			total += n;
		}
		message.length = Math.max(0, total);
		return total;
	}

	/** Entries of the listing that the message names, or of one that begins. */
	#list(node: OpenNode, cursor: number, message: Message): number {
		const named = message.numbers[3] as number;
		const until = isCount(named) ? named : node.listing();
		if (until < 0) return until;
		message.numbers[1] = until;
		return this.#readdir(node, cursor, until, message);
	}

	/** As many entries as are there and fit. What follows them is asked for when it is wanted. */
	#readdir(node: OpenNode, cursor: number, until: number, message: Message): number {
		const view = new DataView(message.body.buffer, message.body.byteOffset);
		let count = 0;
		let at = 0;
		let next = cursor;
		while (at < ENTRIES) {
			next = node.readdir(next, this.#entry, until);
			if (next <= 0) break;
			const name = encoder.encode(this.#entry.name);
			if (at + ENTRY_HEAD + name.length > BODY) {
				if (count === 0) return ENAMETOOLONG;
				break;
			}
			view.setFloat64(at, next, true);
			view.setFloat64(at + 8, this.#entry.ino, true);
			view.setUint8(at + 16, TYPES.indexOf(this.#entry.type));
			view.setUint32(at + 17, name.length, true);
			message.body.set(name, at + ENTRY_HEAD);
			at += ENTRY_HEAD + name.length;
			count += 1;
		}
		message.length = at;
		return count > 0 ? count : next;
	}

	#answerStat(looked: number, { numbers, times }: Message): number {
		if (looked !== 0) return looked;
		const stat: Stat = this.#stat;
		numbers[1] = stat.dev;
		numbers[2] = stat.ino;
		numbers[3] = TYPES.indexOf(stat.type);
		numbers[4] = stat.size;
		numbers[5] = stat.links;
		times[6] = stat.accessed;
		times[7] = stat.modified;
		times[8] = stat.changed;
		return 0;
	}
}

/** Whether it can be a position, a size, or a count of bytes. */
function isCount(value: number): boolean {
	return value >= 0 && Number.isSafeInteger(value);
}

function timeIn({ numbers, times }: Message, at: number, bit: number): bigint | null {
	return ((numbers[GIVEN] as number) & bit) === 0 ? null : (times[at] as bigint);
}

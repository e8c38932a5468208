/**
 * A guest's tree at the other end of a channel, held against the suite of all file systems.
 *
 * The suite walks by `lookup`, which a guest does not have; `Seen` does with a name in a directory what
 * the suite wants of a node, by the operations that a guest does have. The channel is the real one, whose
 * other end answers before the guest can fall asleep.
 */
import { expect, test, vi } from "vitest";
import {
	type Done,
	EBADF,
	EINVAL,
	ELOOP,
	EMFILE,
	ENAMETOOLONG,
	ENOENT,
	ENOTDIR,
	ENOTTY,
	type Errno,
	PENDING,
} from "../abi/errno.ts";
import { conformance, list, text } from "../fs/conformance.testkit.ts";
import type { Literal } from "../fs/model-fs.testkit.ts";
import {
	type Entry,
	emptyEntry,
	emptyStat,
	type FileSystem,
	type INode,
	type OpenNode,
	type Stat,
} from "../fs/node.ts";
import { CREATE, EXCLUSIVE } from "../fs/operations.ts";
import type { TtyState } from "../tty/terminal.ts";
import { BODY, type Message } from "./message.ts";
import {
	makeSharedMemory,
	SharedMemoryChannel,
	SharedMemoryServer,
} from "./shared-memory-channel.ts";
import { CALL } from "./tree-calls.ts";
import { TreeClient } from "./tree-client.ts";

// The operations use their variables again and again, because nothing in a thread calls them while they
// run. Here the suite's call the kernel's; so those are another copy, as in another thread.
vi.resetModules();
const { DelayedBridge, DelayedStore } = await import("../storefs/delayed-store.testkit.ts");
const { Namespace } = await import("../fs/namespace.ts");
const { StoreFileSystem } = await import("../storefs/store-fs.ts");
const { mkdirs, writeFile } = await import("../fs/host-files.ts");
const { Tmp } = await import("../fs/tmp.ts");
const { Descriptors } = await import("../process/descriptors.ts");
const { Terminal } = await import("../tty/terminal.ts");
const { TreeServer } = await import("./tree-server.ts");

let time = 1_000_000_000n;
const now = () => ++time;

/** A guest's end and its kernel's, over `fs`. */
function connect(fs: FileSystem) {
	const owner = { descriptors: new Descriptors(), tree: new Namespace(fs), terminal: null };
	const server = new TreeServer(owner);
	const memory = makeSharedMemory();
	const end = new SharedMemoryServer(memory);
	const { root } = server.handOver();
	const calls: number[] = [];
	const channel = new SharedMemoryChannel(memory, () => {
		calls.push(end.message.numbers[0] as number);
		end.opened();
		server.answer(end.message);
		end.answered();
	});
	return { tree: new TreeClient(channel, root), channel, end, server, owner, calls };
}

/** A node of a far tree as the suite knows nodes. All of them stay open. */
class Seen implements INode {
	handles = 0;
	readonly descriptor = -1;
	readonly ino: number;
	readonly dev: number;
	readonly type: INode["type"];
	readonly #tree: TreeClient;
	/** Null for a symlink, which cannot be opened. */
	readonly #node: OpenNode | null;
	/** Where it was seen last. */
	#in: Seen = this;
	#name = ".";
	readonly #known: Map<unknown, Seen>;

	constructor(tree: TreeClient, node: OpenNode | null, facts: Stat, known: Map<unknown, Seen>) {
		this.#tree = tree;
		this.#node = node;
		this.ino = facts.ino;
		this.dev = facts.dev;
		this.type = facts.type;
		this.#known = known;
	}

	get #open(): OpenNode {
		if (this.#node === null) throw new Error("a symlink was used as if it were open");
		return this.#node;
	}

	lookup(name: string): Seen | Errno {
		const tree = this.#tree;
		const node = tree.open(tree, this.#open, name, false, 0, false);
		if (typeof node !== "number") return this.#meet(node, node, name);
		if (node !== ELOOP) return node;
		const stat = emptyStat();
		const done = tree.stat(tree, this.#open, name, false, stat);
		return done === 0 ? this.#meet(null, stat, name) : done;
	}

	#meet(node: OpenNode | null, facts: Pick<Stat, "ino" | "dev" | "type">, name: string): Seen {
		const key = node ?? facts.ino;
		const seen =
			this.#known.get(key) ??
			new Seen(this.#tree, node, { ...emptyStat(), ...pick(facts) }, this.#known);
		if (!this.#known.has(key) && node !== null) node.handles += 1;
		this.#known.set(key, seen);
		seen.#in = this;
		seen.#name = name;
		return seen;
	}

	create(name: string, type: "file" | "directory"): Seen | Errno {
		const tree = this.#tree;
		if (type === "directory") {
			const done = tree.mkdir(tree, this.#open, name);
			return done === 0 ? this.lookup(name) : done;
		}
		const node = tree.open(tree, this.#open, name, true, CREATE | EXCLUSIVE, true);
		return typeof node === "number" ? node : this.#meet(node, node, name);
	}

	symlink(name: string, target: string): Done {
		return this.#tree.symlink(this.#tree, target, this.#open, name);
	}

	link(name: string, node: INode): Done {
		const old = node as Seen;
		return this.#tree.link(this.#tree, old.#in.#open, old.#name, false, this.#open, name);
	}

	remove(name: string, type: "file" | "directory"): Done {
		if (type === "file") return this.#tree.unlink(this.#tree, this.#open, name);
		return this.#tree.rmdir(this.#tree, this.#open, name);
	}

	rename(name: string, to: INode, newName: string): Done {
		return this.#tree.rename(this.#tree, this.#open, name, (to as Seen).#open, newName);
	}

	readlink(): string | Errno {
		return this.#tree.readlink(this.#tree, this.#in.#open, this.#name);
	}

	follow(): string | Errno {
		return this.readlink();
	}

	stat(out: Stat): Done {
		if (this.#node !== null) return this.#node.stat(out);
		return this.#tree.stat(this.#tree, this.#in.#open, this.#name, false, out);
	}

	setTimes(accessed: bigint | null, modified: bigint | null): Done {
		return this.#open.setTimes(accessed, modified);
	}

	sync(): Done {
		return this.#open.sync();
	}

	closed(): Done {
		return 0;
	}

	read(into: Uint8Array, at: number, length: number, position: number): number {
		return this.#open.read(into, at, length, position);
	}

	write(from: Uint8Array, at: number, length: number, position: number): number {
		return this.#open.write(from, at, length, position);
	}

	size(): number {
		return this.#open.size();
	}

	truncate(size: number): Done {
		return this.#open.truncate(size);
	}

	readable(): number {
		return this.#open.readable();
	}

	writable(): number {
		return this.#open.writable();
	}

	listing(): number {
		return this.#node === null ? ENOTDIR : this.#node.listing();
	}

	readdir(cursor: number, out: Entry, until?: number): number {
		return this.#node === null ? ENOTDIR : this.#node.readdir(cursor, out, until);
	}
}

function pick({ ino, dev, type }: Pick<Stat, "ino" | "dev" | "type">) {
	return { ino, dev, type };
}

function seen(fs: FileSystem): FileSystem {
	const { tree } = connect(fs);
	const { root } = tree;
	return {
		root: new Seen(tree, root, { ...emptyStat(), ...pick(root) }, new Map()),
		sync: () => 0,
	};
}

function each(tree: Literal, visit: (path: string, text: string | null) => void, path = ""): void {
	for (const [name, item] of Object.entries(tree)) {
		visit(`${path}/${name}`, typeof item === "string" ? item : null);
		if (typeof item !== "string") each(item, visit, `${path}/${name}`);
	}
}

function tmp(tree: Literal) {
	const fs = new Tmp({ now });
	each(tree, (path, content) => {
		if (content === null) mkdirs(fs.root, path);
		else writeFile(fs.root, path, new TextEncoder().encode(content));
	});
	return fs;
}

conformance("far from memory", { links: true, rounds: 4 }, (tree) => ({ fs: seen(tmp(tree)) }));

conformance("far from a late store", { links: true, rounds: 4 }, (tree) => {
	const store = new DelayedStore();
	each(tree, store.put);
	const bridge = new DelayedBridge(store);
	const extras = ["symlink", "link", "utimes"] as const;
	const fs = new StoreFileSystem(bridge, { id: 1 }, { now, extras });
	return { fs: seen(fs), run: (call) => bridge.run(call) };
});

test("contents larger than a message go in pieces", () => {
	const { tree, calls } = connect(tmp({}));
	const node = tree.open(tree, tree.root, "big", true, CREATE, true) as OpenNode;
	const bytes = Uint8Array.from({ length: BODY * 2 + 5 }, (_, i) => (i * 7) % 251);
	expect(node.write(bytes, 0, bytes.length, 3)).toBe(bytes.length);
	const back = new Uint8Array(bytes.length + 10);
	expect(node.read(back, 0, back.length, 3)).toBe(bytes.length);
	expect(back.subarray(0, bytes.length).every((byte, i) => byte === bytes[i])).toBe(true);
	expect(calls.filter((call) => call === CALL.write)).toHaveLength(3);
});

test("a directory is fetched many entries at once, and again from its start", () => {
	const files = Object.fromEntries(
		Array.from({ length: 3000 }, (_, i) => [`file number ${i}`, ""]),
	);
	const { tree, calls } = connect(tmp(files));
	const names = () => {
		const entry = emptyEntry();
		const found: string[] = [];
		for (let at = tree.root.readdir(0, entry); at > 0; at = tree.root.readdir(at, entry)) {
			found.push(entry.name);
		}
		return found;
	};
	expect(names().sort()).toEqual(Object.keys(files).sort());
	expect(calls.length).toBeLessThan(10);
	tree.unlink(tree, tree.root, "file number 0");
	expect(names()).toHaveLength(2999);
});

test("a node is open once in the kernel however often the guest opens it, and closed with the last", () => {
	const { tree, owner } = connect(tmp({ f: "text" }));
	const open = () => [...owner.descriptors.files()].length;
	const before = open();
	const first = tree.open(tree, tree.root, "f", true, 0, false) as OpenNode;
	const second = tree.open(tree, tree.root, "f", true, 0, false) as OpenNode;
	expect(second).toBe(first);
	expect(open()).toBe(before + 1);
	expect(tree.unlink(tree, tree.root, "f")).toBe(0);
	expect(text(first as INode)).toBe("text");
	first.closed();
	expect(open()).toBe(before);
	expect(first.size()).toBe(EBADF);
});

test("a guest that leaks descriptors gets EMFILE", () => {
	const fs = tmp({});
	const { tree } = connect(fs);
	let last = tree.open(tree, tree.root, "f0", true, CREATE, true);
	for (let i = 1; i < 70_000 && typeof last !== "number"; i += 1) {
		last = tree.open(tree, tree.root, `f${i}`, true, CREATE, true);
	}
	expect(last).toBe(EMFILE);
});

test("messages that no guest of ours writes are refused, and harm nobody", () => {
	const { server, end, tree } = connect(tmp({ f: "text" }));
	const { message } = end;
	const send = (call: number, ...numbers: number[]) => {
		message.numbers.fill(0);
		message.numbers.set([call, ...numbers]);
		server.answer(message);
		return message.numbers[0];
	};
	const node = tree.open(tree, tree.root, "f", true, 0, true) as OpenNode & { handle: number };
	for (const handle of [-1, 0.5, 77, Number.NaN, Number.POSITIVE_INFINITY]) {
		expect(send(CALL.size, handle), String(handle)).toBe(EBADF);
	}
	for (const wrong of [-1, 0.5, Number.NaN, 2 ** 60]) {
		for (const call of [CALL.read, CALL.write, CALL.truncate, CALL.readdir]) {
			expect(send(call, node.handle, wrong, 4), `${call} ${wrong}`).toBe(EINVAL);
		}
	}
	expect(send(0, node.handle)).toBe(EINVAL);
	expect(send(99, node.handle)).toBe(EINVAL);
	message.numbers.fill(0);
	lengthOf(message, 2 ** 40);
	expect(send(CALL.read, node.handle, 0, 2 ** 40)).toBe(4);
	expect(list(tmp({ f: "" }).root)).toEqual(["f"]);
});

function lengthOf(message: Message, bytes: number): void {
	message.length = bytes;
	expect(message.length).toBeLessThanOrEqual(BODY);
}

test("a path that no message holds is refused before it is sent", () => {
	const { tree, calls } = connect(tmp({}));
	const path = "x".repeat(BODY + 1);
	const before = calls.length;
	expect(tree.mkdir(tree, tree.root, path)).toBe(ENAMETOOLONG);
	expect(tree.rename(tree, tree.root, "x".repeat(BODY), tree.root, "yy")).toBe(ENAMETOOLONG);
	expect(calls.length).toBe(before);
});

test("what is pending there is pending here", () => {
	const bridge = new DelayedBridge(new DelayedStore());
	const fs = new StoreFileSystem(bridge, { id: 1 }, { now });
	const { tree } = connect(fs);
	expect(tree.exists(tree, tree.root, "f", true)).toBe(PENDING);
	expect(bridge.notes).toHaveLength(1);
	expect(bridge.run(() => tree.exists(tree, tree.root, "f", true))).toBe(ENOENT);
});

test("a guest reads and sets the terminal of its process, and no other node is one", () => {
	const { server, owner, tree } = connect(new Tmp({ now }));
	const screen = { room: () => 100, show: () => {} };
	const terminal = new Terminal(
		{ bridge: new DelayedBridge(), screen, onRead: () => {}, signal: () => false },
		{ columns: 80, rows: 24 },
	);
	Object.assign(owner, { terminal });
	const far = tree.node(server.facts(terminal)) as OpenNode & { tty: TtyState };
	expect(far.tty).toEqual(terminal.tty);
	far.tty = { ...far.tty, columns: 100, echo: false, lineBuffered: false };
	expect(terminal.tty).toMatchObject({ columns: 100, rows: 24, echo: false, lineBuffered: false });
	expect(far.tty).toEqual(terminal.tty);
	expect(tree.send(CALL.setTty, 0, 10, 10, 7)).toBe(ENOTTY);
	expect(tree.send(CALL.setTty, server.facts(terminal).handle, Number.NaN, 10, 7)).toBe(EINVAL);
	expect(tree.send(CALL.tty, 99)).toBe(EBADF);
});

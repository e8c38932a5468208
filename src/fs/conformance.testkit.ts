/**
 * The tests that every file system passes.
 *
 * A subject is a tree and a way to let time pass: where it answers PENDING, `run` answers one ticket
 * and calls again, so a call that changes something before it has everything it needs does so twice
 * and is found out. One file, because the directed tests and the random ones share their eyes.
 * The heart is a comparison with the simplest model that could work: random calls
 * go to both, and all that is visible must agree. A failure prints the seed: see
 * `random.testkit.ts`.
 */
import { expect, test } from "vitest";
import { ENOENT, EXDEV } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { ANY, type Literal, literal, ModelFs, type ModelNode } from "./model-fs.testkit.ts";
import { Namespace } from "./namespace.ts";
import { emptyEntry, emptyStat, type FileSystem, type INode } from "./node.ts";
import * as at from "./operations.ts";

export interface Subject {
	readonly fs: FileSystem;
	/** Lets time pass until the call has an answer; absent where nothing is ever late. */
	readonly run?: <T>(call: () => T) => T;
	/** Called at the end: whatever else must be true. `model` is what the tree holds. */
	readonly end?: (model: Literal) => void;
}

export interface Features {
	/** Whether it has symlinks and hard links; otherwise making one is EPERM. */
	readonly links: boolean;
	/** A directory that shows something of a lower cannot be moved: EXDEV. */
	readonly staying?: boolean;
	/** How many random sequences. */
	readonly rounds?: number;
}

/** What the tree holds before the random calls begin. */
const POPULATED: Literal = {
	a: { a: "low a", b: { c: "deep", d: "x".repeat(40) }, c: {} },
	b: "plain",
	c: { a: "", d: { a: { b: "far down" } } },
};

/** Drives the subject and the model with the same calls. */
class Pair {
	readonly ns: Namespace;
	readonly model: ModelFs;
	readonly roll: Dice;
	readonly #run: <T>(call: () => T) => T;
	readonly #staying: boolean;
	readonly #open: { real: INode; model: ModelNode }[] = [];
	/** What has been called, for whoever reads a failure. */
	readonly calls: string[] = [];

	constructor(subject: Subject, model: ModelFs, features: Features, roll: Dice) {
		this.#staying = features.staying ?? false;
		this.ns = new Namespace(subject.fs);
		this.model = model;
		this.roll = roll;
		this.#run = subject.run ?? ((call) => call());
	}

	step(): void {
		const path = this.#path();
		switch (this.roll(14)) {
			case 0:
			case 1:
				this.#opens(path, at.CREATE);
				break;
			case 2:
				this.#opens(path, [at.CREATE | at.EXCLUSIVE, at.TRUNCATE, 0][this.roll(3)] ?? 0);
				break;
			case 3:
			case 4:
				this.#done("mkdir", path, (ns) => at.mkdir(ns, ns.root, path), this.model.mkdir(path));
				break;
			case 5:
				this.#done("unlink", path, (ns) => at.unlink(ns, ns.root, path), this.model.unlink(path));
				break;
			case 6:
				this.#done("rmdir", path, (ns) => at.rmdir(ns, ns.root, path), this.model.rmdir(path));
				break;
			case 7:
			case 8:
				this.#moves(path, this.#path());
				break;
			case 9:
				this.#links(path, this.#path());
				break;
			case 10:
				this.#writes();
				break;
			case 11:
				this.#truncates();
				break;
			case 12:
				this.#abandons(path);
				break;
			default:
				this.#looks(path);
		}
	}

	/** Compares everything. */
	compare(): void {
		this.#compareTree(this.ns.root, this.model.root, "");
		for (const { real, model } of this.#open) this.#compareFile(real, model, "an open file");
	}

	literal(): Literal {
		return literal(this.model.root);
	}

	close(): void {
		for (const { real } of this.#open) {
			real.handles -= 1;
			if (real.handles === 0) real.closed();
		}
	}

	#path(): string {
		const depth = [1, 1, 2, 2, 2, 3, 3, 4][this.roll(8)] ?? 1;
		return Array.from({ length: depth }, () => "abcd"[this.roll(4)]).join("/");
	}

	#done(call: string, path: string, run: (ns: Namespace) => number, expected: number): void {
		this.calls.push(`${call} ${path} → ${errnoName(expected)}`);
		const answer = this.#run(() => run(this.ns));
		if (expected === ANY) expect(answer, call).toBeLessThan(0);
		else expect(errnoName(answer), `${call} ${path}`).toBe(errnoName(expected));
	}

	#opens(path: string, flags: number): void {
		const expected = this.model.open(path, flags);
		this.calls.push(`open ${path} ${flags} → ${show(expected)}`);
		const real = this.#run(() => at.open(this.ns, this.ns.root, path, false, flags, true));
		if (typeof expected === "number" || typeof real === "number") {
			expect(show(real), `open ${path} ${flags}`).toBe(show(expected));
			return;
		}
		this.#same(real, expected, path);
		if (this.#open.length < 4) {
			real.handles += 1;
			this.#open.push({ real, model: expected });
		}
	}

	#moves(path: string, newPath: string): void {
		if (this.#staying) {
			const { ns } = this;
			const answer = this.#run(() => at.rename(ns, ns.root, path, ns.root, newPath));
			this.calls.push(`rename ${path} ${newPath} → ${errnoName(answer)}`);
			const node = this.model.find(path);
			if (answer === EXDEV && typeof node !== "number" && node.type === "directory") return;
			const expected = this.model.rename(path, newPath);
			if (expected !== ANY) expect(errnoName(answer), "rename").toBe(errnoName(expected));
			return;
		}
		const expected = this.model.rename(path, newPath);
		const run = (ns: Namespace) => at.rename(ns, ns.root, path, ns.root, newPath);
		this.#done("rename", `${path} ${newPath}`, run, expected);
	}

	#links(path: string, newPath: string): void {
		if (this.roll(3) === 0) {
			const run = (ns: Namespace) => at.symlink(ns, "nowhere", ns.root, path);
			this.#done("symlink", path, run, this.model.symlink(path));
			return;
		}
		const expected = this.model.link(path, newPath);
		const run = (ns: Namespace) => at.link(ns, ns.root, path, false, ns.root, newPath);
		this.#done("link", `${path} ${newPath}`, run, expected);
	}

	#writes(): void {
		const open = this.#open[this.roll(4)];
		if (open === undefined) return;
		const length = this.roll(30);
		const position = this.roll(60);
		const bytes = Uint8Array.from({ length }, () => 65 + this.roll(26));
		this.calls.push(`write ${length} at ${position}`);
		let written = 0;
		while (written < length) {
			const from = written;
			const count = this.#run(() => open.real.write(bytes, from, length - from, position + from));
			expect(count, "write").toBeGreaterThan(0);
			written += count;
		}
		if (length === 0) return;
		const { bytes: held } = open.model;
		while (held.length < position + length) held.push(0);
		for (let i = 0; i < length; i++) held[position + i] = bytes[i] ?? 0;
	}

	/** Calls once and never again if the answer is late, as when a guest is interrupted. */
	#abandons(path: string): void {
		this.calls.push(`abandon ${path}`);
		const found = at.find(this.ns, this.ns.root, path, false);
		if (typeof found !== "number") found.readdir(0, emptyEntry());
		const open = this.#open[this.roll(4)];
		if (open === undefined) return;
		open.real.read(new Uint8Array(60), 0, 60, this.roll(40));
		const position = this.roll(60);
		if (open.real.write(Uint8Array.of(97), 0, 1, position) !== 1) return;
		while (open.model.bytes.length <= position) open.model.bytes.push(0);
		open.model.bytes[position] = 97;
	}

	#truncates(): void {
		const open = this.#open[this.roll(4)];
		if (open === undefined) return;
		const size = this.roll(50);
		this.calls.push(`truncate ${size}`);
		expect(this.#run(() => open.real.truncate(size))).toBe(0);
		open.model.bytes.length = Math.min(size, open.model.bytes.length);
		while (open.model.bytes.length < size) open.model.bytes.push(0);
	}

	#looks(path: string): void {
		if (this.#open.length > 0 && this.roll(2) === 0) {
			const [gone] = this.#open.splice(this.roll(this.#open.length), 1);
			this.calls.push("close");
			if (gone === undefined) return;
			this.#compareFile(gone.real, gone.model, "a file to be closed");
			gone.real.handles -= 1;
			if (gone.real.handles === 0) gone.real.closed();
			return;
		}
		const expected = this.model.find(path);
		this.calls.push(`find ${path} → ${show(expected)}`);
		const real = this.#run(() => at.find(this.ns, this.ns.root, path, false));
		expect(show(real), `find ${path}`).toBe(show(expected));
		if (typeof real === "number" || typeof expected === "number") return;
		this.#same(real, expected, path);
		if (expected.type === "file") this.#compareFile(real, expected, path);
	}

	/** One file is one object, for ever. */
	#same(real: INode, model: ModelNode, path: string): void {
		model.twin ??= real;
		expect(real === model.twin, `the node of ${path} stays the same object`).toBe(true);
	}

	#compareFile(real: INode, model: ModelNode, path: string): void {
		expect(
			this.#run(() => text(real)),
			path,
		).toBe(String.fromCharCode(...model.bytes));
		const stat = emptyStat();
		expect(this.#run(() => real.stat(stat))).toBe(0);
		expect([stat.size, stat.links, stat.ino], path).toEqual([
			model.bytes.length,
			model.links,
			real.ino,
		]);
	}

	#compareTree(real: INode, model: ModelNode, path: string): void {
		const names = this.#run(() => list(real));
		if (typeof names === "number") throw new Error(`listing ${path}: ${errnoName(names)}`);
		expect([...names].sort(), `the names in /${path}`).toEqual([...model.entries.keys()].sort());
		for (const [name, child] of model.entries) {
			const node = this.#run(() => real.lookup(name));
			expect(show(node), `${path}/${name}`).toBe(child.type);
			if (typeof node === "number") continue;
			this.#same(node, child, `${path}/${name}`);
			if (child.type === "directory") this.#compareTree(node, child, `${path}/${name}`);
			else if (child.type === "file") this.#compareFile(node, child, `${path}/${name}`);
			else expect(node.readlink()).toBe("nowhere");
		}
	}
}

function show(found: { type: string } | number): string {
	return typeof found === "number" ? errnoName(found) : found.type;
}

/** The whole of a file, or why it cannot be read yet. Latin letters only. */
export function text(node: INode): string | number {
	const size = node.size();
	const bytes = new Uint8Array(size);
	for (let done = 0; done < size; ) {
		const count = node.read(bytes, done, size - done, done);
		if (count < 0) return count;
		if (count === 0) return "it ended too early";
		done += count;
	}
	return String.fromCharCode(...bytes);
}

/** The names in a directory, checked against its nodes. */
export function list(directory: INode): string[] | number {
	const names: string[] = [];
	const entry = emptyEntry();
	let cursor = directory.readdir(0, entry);
	for (; cursor > 0; cursor = directory.readdir(cursor, entry)) {
		const { name, ino, type } = entry;
		const node = directory.lookup(name);
		if (typeof node === "number") return node;
		expect([ino, type], `the entry ${name}`).toEqual([node.ino, node.type]);
		names.push(name);
	}
	return cursor === 0 ? names : cursor;
}

/** What a tree holds. */
export function snapshot(directory: INode): Literal | number {
	const names = list(directory);
	if (typeof names === "number") return names;
	const tree: Literal = {};
	for (const name of names) {
		const node = directory.lookup(name);
		if (typeof node === "number") return node;
		const item = node.type === "directory" ? snapshot(node) : text(node);
		if (typeof item === "number") return item;
		tree[name] = item;
	}
	return tree;
}

/** Runs the suite on what `make` makes, which holds `tree`. Whatever is random in it has to roll the
 *  dice that it is given, or a failure could not be repeated. */
export function conformance(
	name: string,
	features: Features,
	make: (tree: Literal, roll: Dice) => Subject,
): void {
	const directed = (tree: Literal) => start(make(tree, dice(1)));
	for (const [state, tree] of Object.entries({ empty: {}, populated: POPULATED })) {
		test(`${name}, ${state}: random calls give what the plain model gives`, () => {
			for (const seed of seeds(features.rounds ?? 12)) {
				const subject = make(tree, dice(~seed));
				const model = new ModelFs(features.links, tree);
				playOut(new Pair(subject, model, features, dice(seed)), subject, seed);
			}
		});
	}

	test(`${name}: a file lives on while it is open`, () => {
		const { ns, run } = directed({ d: { f: "text" } });
		const f = run(() => at.open(ns, ns.root, "d/f", true, 0, true)) as INode;
		f.handles += 1;
		expect(run(() => at.unlink(ns, ns.root, "d/f"))).toBe(0);
		expect(run(() => at.rmdir(ns, ns.root, "d"))).toBe(0);
		expect(run(() => text(f))).toBe("text");
		expect(run(() => f.write(Uint8Array.of(84), 0, 1, 0))).toBe(1);
		expect(run(() => text(f))).toBe("Text");
	});

	test(`${name}: nothing is made in a directory that has been removed`, () => {
		const { ns, run } = directed({ d: {} });
		const d = run(() => at.find(ns, ns.root, "d", true)) as INode;
		expect(run(() => at.rmdir(ns, ns.root, "d"))).toBe(0);
		expect(run(() => d.create("x", "file"))).toBe(ENOENT);
		expect(run(() => at.mkdir(ns, d, "x"))).toBe(ENOENT);
		expect(run(() => list(d))).toEqual([]);
	});

	test(`${name}: what stays is listed once, whatever comes and goes in between`, () => {
		const stays = Array.from({ length: 40 }, (_, i) => `stay${i}`);
		const goes = Array.from({ length: 40 }, (_, i) => `go${i}`);
		const tree = Object.fromEntries([...stays, ...goes].sort().map((file) => [file, "x"]));
		const { ns, run } = directed(tree);
		const seen: string[] = [];
		const entry = emptyEntry();
		let cursor = run(() => ns.root.readdir(0, entry));
		for (let i = 0; cursor > 0; i++) {
			seen.push(entry.name);
			run(() => at.unlink(ns, ns.root, `go${i}`));
			run(() => at.open(ns, ns.root, `new${i}`, true, at.CREATE, true));
			const written = run(() => at.open(ns, ns.root, `stay${i}`, true, 0, true));
			if (typeof written !== "number") run(() => written.write(Uint8Array.of(89), 0, 1, 0));
			if (i > 200) break;
			cursor = run(() => ns.root.readdir(cursor, entry));
		}
		const listed = seen.filter((file) => file.startsWith("stay"));
		expect(listed.sort()).toEqual([...stays].sort());
	});

	test(`${name}: a listing ends at what was there when it began`, () => {
		for (const seed of seeds(features.rounds ?? 6)) {
			try {
				changeWhileListing(directed, dice(seed));
			} catch (cause) {
				throw withSeed(seed, cause);
			}
		}
	});

	test(`${name}: a write of nothing changes nothing`, () => {
		const { ns, run } = directed({ f: "text" });
		const f = run(() => at.open(ns, ns.root, "f", true, 0, true)) as INode;
		expect(run(() => f.setTimes(2_000_000_000n, 3_000_000_000n))).toBe(0);
		const before = emptyStat();
		expect(run(() => f.stat(before))).toBe(0);
		for (const position of [0, 2, 9]) {
			expect(run(() => f.write(Uint8Array.of(65), 0, 0, position))).toBe(0);
			const after = emptyStat();
			expect(run(() => f.stat(after))).toBe(0);
			expect(after).toEqual(before);
		}
		expect(run(() => text(f))).toBe("text");
	});

	test(`${name}: a gap reads as zeros, and what is cut off does not come back`, () => {
		const { ns, run } = directed({ f: "0123456789" });
		const f = run(() => at.open(ns, ns.root, "f", true, 0, true)) as INode;
		expect(run(() => f.truncate(4))).toBe(0);
		expect(run(() => f.write(Uint8Array.of(65), 0, 1, 8))).toBe(1);
		expect(run(() => text(f))).toBe("0123\0\0\0\0A");
		expect(run(() => f.truncate(0))).toBe(0);
		expect(run(() => f.truncate(3))).toBe(0);
		expect(run(() => text(f))).toBe("\0\0\0");
	});

	test(`${name}: times are never 0, and can be set`, () => {
		const { ns, run } = directed({ f: "x", d: {} });
		for (const path of ["f", "d"]) {
			const stat = emptyStat();
			expect(run(() => at.stat(ns, ns.root, path, true, stat))).toBe(0);
			expect(stat.modified).toBeGreaterThanOrEqual(1_000_000_000n);
			const set = () => at.setTimes(ns, ns.root, path, true, 5_000_000_001n, 6_000_000_002n);
			expect(run(set)).toBe(0);
			run(() => at.stat(ns, ns.root, path, true, stat));
			expect([stat.accessed, stat.modified]).toEqual([5_000_000_001n, 6_000_000_002n]);
		}
	});
}

/** Lists a directory and makes, removes, moves and replaces files in it meanwhile, more of them than are
 *  listed. What stays is listed once; what is made is not, and no name is listed twice. */
function changeWhileListing(world: (tree: Literal) => ReturnType<typeof start>, roll: Dice): void {
	const names = Array.from({ length: 30 }, (_, i) => `f${i}`);
	const { ns, run } = world(Object.fromEntries(names.map((file) => [file, "x"])));
	const there = [...names];
	const stays = new Set(names);
	const seen: string[] = [];
	const entry = emptyEntry();
	const until = run(() => ns.root.listing());
	let made = 0;
	for (let cursor = 0; ; ) {
		const from = cursor;
		cursor = run(() => ns.root.readdir(from, entry, until));
		if (cursor <= 0) break;
		seen.push(entry.name);
		expect(seen.length).toBeLessThanOrEqual(names.length);
		for (let i = roll(4); i > 0; i--) {
			const one = there[roll(there.length)] ?? "";
			const other = [there[roll(there.length)] ?? "", `new${made++}`, names[roll(30)] ?? ""][
				roll(3)
			];
			if (other === undefined || other === one) continue;
			if (roll(4) === 0) {
				expect(run(() => at.unlink(ns, ns.root, one))).toBe(0);
			} else if (roll(2) === 0) {
				expect(run(() => at.rename(ns, ns.root, one, ns.root, other))).toBe(0);
			} else {
				expect(typeof run(() => at.open(ns, ns.root, other, true, at.CREATE, true))).toBe("object");
				if (!there.includes(other)) there.push(other);
				continue;
			}
			there.splice(there.indexOf(one), 1);
			stays.delete(one);
			if (
				typeof run(() => at.find(ns, ns.root, other, true)) !== "number" &&
				!there.includes(other)
			) {
				there.push(other);
			}
		}
	}
	expect(new Set(seen).size, "no name twice").toBe(seen.length);
	expect(seen.filter((file) => !names.includes(file))).toEqual([]);
	expect([...stays].filter((file) => !seen.includes(file))).toEqual([]);
}

function start(subject: Subject) {
	const run: <T>(call: () => T) => T = subject.run ?? ((call) => call());
	return { ns: new Namespace(subject.fs), run };
}

function playOut(pair: Pair, subject: Subject, seed: number): void {
	try {
		for (let i = 0; i < 120; i++) {
			pair.step();
			if (i % 30 === 29) pair.compare();
		}
		pair.compare();
		pair.close();
		subject.end?.(pair.literal());
	} catch (cause) {
		const calls = pair.calls.join("\n");
		throw new Error(`SEED=${seed}\n${calls}\n${String(cause)}`, { cause });
	}
}

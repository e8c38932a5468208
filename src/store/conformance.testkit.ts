/**
 * The tests that every Store passes.
 *
 * They are plain functions with an `equal` of their own, because they also run in a page, where the
 * real stores are. What a store can do beyond the seven methods is found in it; tests of what it
 * cannot do are not run. Random calls are compared with the memory store, which is the model, and
 * has directed tests below like all others. A failure prints the seed.
 */
import { type Answer, applyInTurn } from "./apply.ts";
import { MemoryStore } from "./memory.ts";
import type { FileId, LinkingStore, Listing, Store, StoreChange } from "./store.ts";

/** Gives a new, empty place; and a way to look at the same place again with nothing remembered. */
export interface Subject {
	readonly store: Store;
	readonly again: () => Promise<Store>;
}

export interface Case {
	readonly name: string;
	/** The extra methods that it needs. */
	readonly needs?: readonly ("symlink" | "link" | "utimes" | "apply" | "sync" | "watch")[];
	run(subject: Subject): Promise<void>;
}

const encoder = new TextEncoder();

function equal(found: unknown, wanted: unknown, what: string): void {
	const [a, b] = [show(found), show(wanted)];
	if (a !== b) throw new Error(`${what}: found ${a}, not ${b}`);
}

function show(value: unknown): string {
	return JSON.stringify(value, (_, part: unknown) =>
		typeof part === "bigint" ? `${part}n` : part,
	);
}

/** The code with which a call fails, and that its message names the path. */
async function fails(call: Promise<unknown>, code: string, path: string): Promise<void> {
	let error: unknown = null;
	try {
		await call;
	} catch (thrown) {
		error = thrown;
	}
	if (!(error instanceof Error)) throw new Error(`nothing failed at ${path}, but ${code} should`);
	equal(Reflect.get(error, "code"), code, `${path} (${error.message})`);
	equal(error.message.includes(path), true, `"${error.message}" names ${path}`);
}

async function put(store: Store, path: string, text: string): Promise<void> {
	await store.make(path, "file");
	await store.write(path, 0, encoder.encode(text));
}

async function text(store: Store, path: string): Promise<string> {
	return new TextDecoder().decode(await store.read(path, 0, 1 << 20));
}

/** Everything that is below a path: name → what it holds. */
async function tree(store: Store, path = ""): Promise<Record<string, unknown>> {
	const found: [string, unknown][] = [];
	for (const { name, type, size, target } of await store.list(path === "" ? "/" : path)) {
		const at = `${path}/${name}`;
		if (type === "directory") found.push([name, await tree(store, at)]);
		else if (type === "symlink") found.push([name, `→ ${target}`]);
		else found.push([name, await digest(store, at, size)]);
	}
	return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function digest(store: Store, path: string, size: number): Promise<string> {
	const bytes = await store.read(path, 0, size + 10);
	equal(bytes.length, size, `the size of ${path}`);
	let sum = 0;
	for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
	return `${size} bytes, ${sum}`;
}

async function entry(store: Store, path: string): Promise<Listing> {
	const at = path.lastIndexOf("/");
	const found = (await store.list(path.slice(0, at) || "/")).find(
		({ name }) => name === path.slice(at + 1),
	);
	if (found === undefined) throw new Error(`${path} is not listed`);
	return found;
}

/** A generator of random numbers that can be repeated. */
function dice(seed: number): Dice {
	let state = seed >>> 0;
	return (sides) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 2 ** 32) * sides);
	};
}

type Dice = (sides: number) => number;

function randomPath(roll: Dice): string {
	return `/${Array.from({ length: 1 + roll(3) }, () => "abc"[roll(3)]).join("/")}`;
}

/** Where stores begin to keep bytes in another way, and around. */
function randomOffset(roll: Dice): number {
	return [0, 1, 4096, 5000, 32768, 65530, 100_000, 524_280][roll(8)] ?? 0;
}

function randomBytes(roll: Dice): Uint8Array {
	const length = [70_000, 4096, 5000, 1 + roll(50), 1 + roll(50), 1 + roll(50)][roll(6)] ?? 1;
	return new Uint8Array(roll(30) === 0 ? 600_000 : length).fill(1 + roll(200));
}

/** A random change; some fail. */
function randomChange(roll: Dice, links: boolean): StoreChange {
	const [path, to, offset] = [randomPath(roll), randomPath(roll), randomOffset(roll)];
	const changes: StoreChange[] = [
		{ call: "make", path, type: "file" },
		{ call: "make", path, type: "directory" },
		{ call: "write", path, offset, bytes: randomBytes(roll) },
		{ call: "write", path, offset, bytes: randomBytes(roll) },
		{ call: "resize", path, size: offset },
		{ call: "remove", path },
		{ call: "rename", path, to },
	];
	if (links) changes.push({ call: "link", path, to });
	return changes[roll(changes.length)] as StoreChange;
}

/** Random changes, made together here and one by one there; they must agree on which fail. */
async function leap(both: readonly [Store, MemoryStore], roll: Dice): Promise<void> {
	const links = both[0].link !== undefined;
	const changes = Array.from({ length: 1 + roll(12) }, () => randomChange(roll, links));
	const real = (await both[0].apply?.(changes)) ?? [];
	const model = await applyInTurn(both[1], changes);
	const [ours, models] = [real.map(codeIn), model.map(codeIn)];
	const worked = (codes: readonly (string | null)[]) => codes.map((code) => code === null);
	const told = changes.map(({ call, path }, i) => `${call} ${path}: ${ours[i]}, ${models[i]}`);
	equal(worked(ours), worked(models), told.join("; "));
}

/** The code that a change failed with, if it did: what was made is said beside. */
function codeIn(answer: Answer): string | null {
	return typeof answer === "string" ? answer : null;
}

/** One random call, made on both; they must agree in whether and why it fails. */
async function step(both: readonly [Store, Store], roll: Dice): Promise<void> {
	const [at, to] = [randomPath(roll), randomPath(roll)];
	const offset = randomOffset(roll);
	const bytes = randomBytes(roll);
	const calls: ((store: LinkingStore) => Promise<unknown>)[] = [
		(store) => store.make(at, "file"),
		(store) => store.make(at, "directory"),
		(store) => store.write(at, offset, bytes),
		(store) => store.write(at, offset, bytes),
		(store) => store.resize(at, offset),
		(store) => store.remove(at),
		(store) => store.rename(at, to),
	];
	if (both[0].link !== undefined) calls.push((store) => store.link(at, to));
	if (both[0].symlink !== undefined) calls.push((store) => store.symlink(at, "elsewhere"));
	const index = roll(calls.length);
	// Nobody reads or writes a symlink, and some stores keep the target where a file has its bytes.
	if (index >= 2 && index <= 4 && (await isSymlink(both[1], at))) return;
	const call = calls[index] as (store: Store) => Promise<unknown>;
	const answers = await Promise.all(both.map((store) => call(store).then(() => "done", codeOf)));
	// Where several reasons hold, each store names its own.
	const [real, model] = answers.map((answer) => (answer === "done" ? answer : "failed"));
	equal(real, model, `${call} at ${at}, to ${to} (${answers})`);
}

async function isSymlink(store: Store, path: string): Promise<boolean> {
	return entry(store, path).then(
		({ type }) => type === "symlink",
		() => false,
	);
}

function codeOf(error: unknown): string {
	const code: unknown = error instanceof Error ? Reflect.get(error, "code") : null;
	return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : `no code: ${error}`;
}

export const cases: readonly Case[] = [
	{
		name: "a new place is empty",
		run: async ({ store }) => equal(await store.list("/"), [], "the root"),
	},
	{
		name: "what is made and written is found, by others too",
		run: async ({ store, again }) => {
			await put(store, "/note.txt", "hello");
			await store.make("/d", "directory");
			await store.make("/d/e", "directory");
			await put(store, "/d/e/deep", "down");
			for (const eyes of [store, await again()]) {
				equal(await text(eyes, "/note.txt"), "hello", "the note");
				equal(await text(eyes, "/d/e/deep"), "down", "the deep one");
				equal(Object.keys(await tree(eyes)), ["d", "note.txt"], "the root");
				const { type, size, modified } = await entry(eyes, "/note.txt");
				equal([type, size], ["file", 5], "the listing");
				equal(Math.abs(Date.now() - modified) < 60_000, true, `the time ${modified} is about now`);
			}
		},
	},
	{
		name: "reading gives what there is, and nothing beyond the end",
		run: async ({ store }) => {
			await put(store, "/f", "0123456789");
			const parts = await Promise.all(
				[
					[2, 3],
					[8, 10],
					[10, 1],
					[50, 10],
					[0, 0],
				].map(([offset, length]) => store.read("/f", offset ?? 0, length ?? 0)),
			);
			const texts = parts.map((part) => new TextDecoder().decode(part));
			equal(texts, ["234", "89", "", "", ""], "the parts");
		},
	},
	{
		name: "a gap reads as zeros, and what is cut off does not come back",
		run: async ({ store }) => {
			await put(store, "/f", "0123456789");
			await store.resize("/f", 4);
			await store.write("/f", 8, encoder.encode("A"));
			equal(await text(store, "/f"), "0123\0\0\0\0A", "after the gap");
			await store.resize("/f", 0);
			await store.resize("/f", 3);
			equal(await text(store, "/f"), "\0\0\0", "after the cut");
			await store.write("/f", 200_000, encoder.encode("far"));
			equal((await entry(store, "/f")).size, 200_003, "the size");
			equal([...(await store.read("/f", 199_998, 5))], [0, 0, 102, 97, 114], "the far end");
			await store.resize("/f", 100_001);
			await store.resize("/f", 200_003);
			equal([...(await store.read("/f", 199_998, 5))], [0, 0, 0, 0, 0], "the far end, cut off");
		},
	},
	{
		name: "large contents come back as they were written, in whatever pieces",
		run: async ({ store }) => {
			const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
			await store.make("/f", "file");
			for (let at = 0, length = 1; at < bytes.length; at += length, length = length * 3 + 1) {
				await store.write("/f", at, bytes.subarray(at, at + length));
			}
			for (let at = 0; at < bytes.length; at += 70_001) {
				const read = await store.read("/f", at, 70_001);
				equal([...read.slice(0, 50)], [...bytes.slice(at, at + 50)], `the bytes at ${at}`);
				const whole = read.every((byte, i) => byte === bytes[at + i]);
				equal(whole, true, `all bytes from ${at}`);
			}
		},
	},
	{
		name: "a size that no file can have is EFBIG, and the file stays as it is",
		run: async ({ store }) => {
			await put(store, "/f", "text");
			for (const size of [2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, 0.5, -1]) {
				await fails(store.resize("/f", size), "EFBIG", "/f");
			}
			await fails(store.write("/f", 2 ** 53 - 1, encoder.encode("xy")), "EFBIG", "/f");
			equal(await tree(store), { f: await digest(store, "/f", 4) }, "the file");
		},
	},
	{
		name: "what cannot be done fails, says why, and names the path",
		run: async ({ store }) => {
			await put(store, "/f", "x");
			await store.make("/d", "directory");
			await put(store, "/d/g", "y");
			await fails(store.list("/none"), "ENOENT", "/none");
			await fails(store.list("/f"), "ENOTDIR", "/f");
			await fails(store.read("/none", 0, 1), "ENOENT", "/none");
			await fails(store.read("/d", 0, 1), "EISDIR", "/d");
			await fails(store.write("/d", 0, encoder.encode("x")), "EISDIR", "/d");
			await fails(store.resize("/none", 0), "ENOENT", "/none");
			await fails(store.make("/f", "file"), "EEXIST", "/f");
			await fails(store.make("/f", "directory"), "EEXIST", "/f");
			await fails(store.make("/d", "file"), "EEXIST", "/d");
			await fails(store.make("/d", "directory"), "EEXIST", "/d");
			await fails(store.make("/none/f", "file"), "ENOENT", "/none/f");
			await fails(store.make("/f/g", "file"), "ENOTDIR", "/f/g");
			await fails(store.remove("/none"), "ENOENT", "/none");
			await fails(store.remove("/d"), "ENOTEMPTY", "/d");
			await fails(store.remove("/"), "EBUSY", "/");
			await fails(store.rename("/none", "/x"), "ENOENT", "/none");
			await fails(store.rename("/d", "/d/in"), "EINVAL", "/d");
			await fails(store.rename("/f", "/d"), "EISDIR", "/d");
			await fails(store.rename("/d", "/f"), "ENOTDIR", "/f");
			await store.make("/full", "directory");
			await put(store, "/full/h", "z");
			await fails(store.rename("/d", "/full"), "ENOTEMPTY", "/full");
			const kept = { d: ["g"], f: "1 bytes", full: ["h"] };
			equal(Object.keys(await tree(store)), Object.keys(kept), "nothing has changed");
		},
	},
	{
		name: "removing takes away, and the name can be used again",
		run: async ({ store, again }) => {
			await put(store, "/f", "old and long");
			await store.remove("/f");
			equal(await store.list("/"), [], "the root");
			await put(store, "/f", "new");
			equal(await text(await again(), "/f"), "new", "the new one");
			await store.make("/d", "directory");
			await store.remove("/d");
			await put(store, "/d", "a file now");
			equal((await entry(store, "/d")).type, "file", "what was a directory");
		},
	},
	{
		name: "renaming moves, replaces what it may, and takes a directory's contents along",
		run: async ({ store, again }) => {
			await put(store, "/f", "moved");
			await put(store, "/g", "to be replaced, and longer");
			await store.rename("/f", "/g");
			equal(await text(store, "/g"), "moved", "what was renamed");
			await store.rename("/g", "/g");
			await store.make("/d", "directory");
			await store.make("/d/sub", "directory");
			await put(store, "/d/sub/deep", "down");
			await store.make("/empty", "directory");
			await store.rename("/d", "/empty");
			await store.rename("/g", "/empty/sub/g");
			await store.rename("/empty/sub", "/sub");
			const wanted = { empty: {}, sub: ["deep", "g"] };
			const found = await tree(await again());
			equal({ ...found, sub: Object.keys(found.sub as object) }, wanted, "the tree");
			equal(await text(store, "/sub/deep"), "down", "what came along");
		},
	},
	{
		name: "names come back as they were given, or are refused by name",
		run: async ({ store }) => {
			const names = ["ä ö", "日本", "🦀", ".hidden", "...", " a", "a ", "a.", "a:b", "a\\b", "*?"];
			names.push("half \ud800", "..", "nul\0", "x".repeat(256), "ä".repeat(2048));
			names.push("con", "__proto__", "constructor", "x".repeat(255), "e\u0301", "\u00e9", "tab\t");
			const held: string[] = [];
			for (const name of names) {
				try {
					await put(store, `/${name}`, name);
					held.push(name);
				} catch (error) {
					const code = codeOf(error);
					const fits = code === "EINVAL" || (code === "ENAMETOOLONG" && name.length > 100);
					equal(fits, true, `${code} for ${show(name)}`);
					equal(String(error).includes(name), true, `"${error}" names ${show(name)}`);
				}
			}
			const listed = (await store.list("/")).map(({ name }) => name);
			equal(listed.sort(), held.sort(), "the names");
			for (const name of held) equal(await text(store, `/${name}`), name, `what is in ${name}`);
			equal(held.length >= 8, true, "most names can be held");
		},
	},
	{
		name: "a symlink leads where it was told, and nowhere else",
		needs: ["symlink"],
		run: async ({ store, again }) => {
			await store.symlink?.("/s", "over/../there ✓");
			await fails(store.symlink?.("/s", "x") ?? Promise.resolve(), "EEXIST", "/s");
			await fails(store.list("/s"), "ENOTDIR", "/s");
			await store.rename("/s", "/t");
			const { type, target } = await entry(await again(), "/t");
			equal([type, target], ["symlink", "over/../there ✓"], "the symlink");
			await store.remove("/t");
			equal(await store.list("/"), [], "the root");
		},
	},
	{
		name: "a hard link is the same file, until its last name goes",
		needs: ["link"],
		run: async ({ store, again }) => {
			await put(store, "/f", "one");
			await store.make("/d", "directory");
			await store.link?.("/f", "/d/g");
			await store.write("/d/g", 0, encoder.encode("two"));
			equal(await text(store, "/f"), "two", "the first name");
			for (const eyes of [store, await again()]) {
				const [f, g] = [await entry(eyes, "/f"), await entry(eyes, "/d/g")];
				equal([f.links, g.links, f.file === g.file], [2, 2, true], "the two names");
			}
			await fails(store.link?.("/d", "/e") ?? Promise.resolve(), "EPERM", "/d");
			await fails(store.link?.("/f", "/d/g") ?? Promise.resolve(), "EEXIST", "/d/g");
			await store.rename("/f", "/d/g");
			equal(Object.keys(await tree(store)), ["d", "f"], "two names of one file stay");
			await store.remove("/f");
			equal(await text(store, "/d/g"), "two", "the name that is left");
			equal((await entry(await again(), "/d/g")).links, 1, "how many there are");
			await store.remove("/d/g");
			await store.remove("/d");
			equal(await store.list("/"), [], "the root");
		},
	},
	{
		name: "times are kept to the nanosecond, on whatever they are set",
		needs: ["utimes"],
		run: async ({ store, again }) => {
			await put(store, "/f", "x");
			await store.make("/d", "directory");
			await store.symlink?.("/s", "f");
			const paths = store.symlink === undefined ? ["/f", "/d"] : ["/f", "/d", "/s"];
			const times = { accessed: 1_234_567_890_123_456_789n, modified: 1_700_000_000_000_000_001n };
			for (const path of paths) await store.utimes?.(path, times.accessed, times.modified);
			for (const path of paths) {
				equal((await entry(await again(), path)).times, times, path);
			}
			await store.write("/f", 0, encoder.encode("y"));
			const { modified, times: later = times } = await entry(store, "/f");
			equal(modified > 1_700_000_000_001, true, `a write makes ${modified} the time`);
			const agree = later === times || later.modified > times.modified;
			equal(agree, true, "the exact time is not the old one");
			await fails(store.utimes?.("/none", 1n, 1n) ?? Promise.resolve(), "ENOENT", "/none");
		},
	},
	{
		name: "changes made together are made in order, and one that fails fails alone",
		needs: ["apply"],
		run: async ({ store, again }) => {
			const write = (path: string, offset: number, text: string) =>
				({ call: "write", path, offset, bytes: encoder.encode(text) }) as const;
			const answers = await store.apply?.([
				{ call: "make", path: "/d", type: "directory" },
				{ call: "make", path: "/d/f", type: "file" },
				write("/d/f", 0, "abc"),
				{ call: "make", path: "/d/f", type: "file" },
				write("/none", 0, "x"),
				write("/d/f", 3, "def"),
				{ call: "remove", path: "/d" },
				{ call: "rename", path: "/d", to: "/e" },
				write("/e/f", 1, "B"),
				{ call: "make", path: "/e/g", type: "file" },
				{ call: "remove", path: "/e/g" },
				{ call: "resize", path: "/e/f", size: 5 },
			]);
			const wanted = [null, null, null, "EEXIST", "ENOENT", null, "ENOTEMPTY"];
			equal(answers?.map(codeIn), [...wanted, null, null, null, null, null], "the answers");
			equal(await text(await again(), "/e/f"), "aBcde", "the file");
			equal(Object.keys(await tree(await again())), ["e"], "the root");
			equal(await store.apply?.([]), [], "no changes");
		},
	},
	{
		name: "what is written together with the making of a file that others have made is not written",
		run: async ({ store, again }) => {
			await put(store, "/f", "theirs");
			const write = (path: string): StoreChange => ({
				call: "write",
				path,
				offset: 0,
				bytes: encoder.encode("ours"),
				behindMake: true,
			});
			const make = (path: string): StoreChange => ({ call: "make", path, type: "file" });
			const answers = await store.apply?.([
				make("/f"),
				write("/f"),
				{ call: "resize", path: "/f", size: 1, behindMake: true },
				make("/g"),
				write("/g"),
			]);
			if (answers === undefined) return;
			equal(answers.map(codeIn), ["EEXIST", "EEXIST", "EEXIST", null, null], "the answers");
			equal(await text(await again(), "/f"), "theirs", "their file");
			equal(await text(await again(), "/g"), "ours", "our file");
			await store.apply?.([write("/f")]);
			equal(await text(await again(), "/f"), "oursrs", "a file that is written by itself");
		},
	},
	{
		name: "a file that is meant is the only one that is read and written",
		run: async ({ store, again }) => {
			const made = await store.make("/f", "file");
			await store.write("/f", 0, encoder.encode("one"));
			const { id } = await entry(store, "/f");
			// It cannot tell its files apart.
			if (id === undefined) return;
			equal(made, { id }, "what was made");
			await store.rename("/f", "/g");
			equal((await entry(store, "/g")).id, id, "a renamed one");
			await store.make("/d", "directory");
			await store.rename("/g", "/d/f");
			await store.rename("/d", "/e");
			equal((await entry(store, "/e/f")).id, id, "one in a renamed directory");
			await store.write("/e/f", 3, encoder.encode("!"), id);
			await store.resize("/e/f", 4, id);
			equal(new TextDecoder().decode(await store.read("/e/f", 0, 9, id)), "one!", "the contents");
			await put(store, "/n", "another");
			await store.rename("/n", "/e/f");
			await strange(store, "/e/f", id);
			const next = (await entry(store, "/e/f")).id;
			await store.remove("/e/f");
			await put(store, "/e/f", "another");
			await strange(store, "/e/f", id);
			await strange(store, "/e/f", next);
			equal(await text(await again(), "/e/f"), "another", "the file that came to the path");
		},
	},
	{
		name: "a file that is meant is known when others have put another in its place",
		run: async ({ store, again }) => {
			for (const path of ["/f", "/g", "/n"]) await put(store, path, path);
			await store.make("/d", "directory");
			await put(store, "/d/f", "deep");
			const ids = await Promise.all(["/f", "/g", "/d/f"].map(async (path) => entry(store, path)));
			const [f, g, deep] = ids.map(({ id }) => id);
			if (f === undefined) return;
			const other = await again();
			await other.write("/g", 0, encoder.encode("!"));
			equal(new TextDecoder().decode(await store.read("/g", 0, 9, g)), "!g", "written by others");
			await other.rename("/n", "/f");
			await strange(store, "/f", f);
			await other.remove("/g");
			await put(other, "/g", "another");
			await strange(store, "/g", g);
			await other.rename("/d", "/e");
			await fails(store.read("/d/f", 0, 9, deep), "ENOENT", "/d/f");
			await other.make("/d", "directory");
			await put(other, "/d/f", "another");
			await strange(store, "/d/f", deep);
			for (const path of ["/g", "/d/f"]) equal(await text(store, path), "another", path);
			const { id } = await entry(store, "/f");
			await store.write("/f", 0, encoder.encode("?"), id);
			equal(await text(other, "/f"), "?n", "written where it was meant");
		},
	},
	{
		name: "two names of one file are one that is meant",
		needs: ["link"],
		run: async ({ store }) => {
			await put(store, "/f", "one");
			const { id } = await entry(store, "/f");
			if (id === undefined) return;
			await store.link?.("/f", "/g");
			equal((await entry(store, "/g")).id, id, "the second name");
			await put(store, "/n", "another");
			await store.rename("/n", "/f");
			await strange(store, "/f", id);
			await store.write("/g", 0, encoder.encode("two"), id);
			equal(await text(store, "/g"), "two", "the name that is left");
		},
	},
	{
		name: "random changes made together do what they do in memory",
		needs: ["apply"],
		run: async ({ store, again }) => {
			const seed = Math.floor(Math.random() * 2 ** 31);
			const [roll, model] = [dice(seed), new MemoryStore()];
			try {
				for (let i = 0; i < 60; i++) {
					await leap([store, model], roll);
					if (i % 15 === 14) equal(await tree(store), await tree(model), "the tree");
				}
				equal(await tree(await again()), await tree(model), "the tree, looked at again");
			} catch (cause) {
				throw new Error(`seed ${seed}: ${cause}`, { cause });
			}
		},
	},
	{
		name: "syncing succeeds, with something to sync and without",
		needs: ["sync"],
		run: async ({ store, again }) => {
			await store.sync?.();
			await put(store, "/f", "safe");
			await store.sync?.();
			await store.sync?.();
			equal(await text(await again(), "/f"), "safe", "the file");
		},
	},
	{
		name: "changes by others are heard, one's own are not",
		needs: ["watch"],
		run: async ({ store, again }) => {
			const heard: string[] = [];
			const stop = store.watch?.((paths) => heard.push(...paths));
			const until = async (path: string) => {
				// "/" stands for everything.
				for (let i = 0; i < 500 && !heard.includes(path) && !heard.includes("/"); i++) await soon();
				equal(heard.includes(path) || heard.includes("/"), true, `${path} is heard in ${heard}`);
				heard.length = 0;
			};
			const other = await again();
			// Some tell only of directories that somebody has looked at.
			await store.list("/");
			await put(store, "/mine", "x");
			await other.make("/theirs", "file");
			await until("/theirs");
			await other.rename("/theirs", "/renamed");
			await until("/renamed");
			await other.apply?.([{ call: "make", path: "/many", type: "directory" }]);
			if (other.apply !== undefined) await until("/many");
			await put(store, "/mine too", "x");
			for (let i = 0; i < 10; i++) await soon();
			equal(heard, [], "one's own");
			stop?.();
			await other.remove("/mine");
			for (let i = 0; i < 10; i++) await soon();
			equal(heard, [], "after the end");
		},
	},
	{
		name: "random calls do what they do in memory",
		run: async ({ store, again }) => {
			const seed = Math.floor(Math.random() * 2 ** 31);
			const [roll, model] = [dice(seed), new MemoryStore()];
			try {
				for (let i = 0; i < 250; i++) {
					await step([store, model], roll);
					if (i % 50 === 49) equal(await tree(store), await tree(model), "the tree");
				}
				equal(await tree(await again()), await tree(model), "the tree, looked at again");
			} catch (cause) {
				throw new Error(`seed ${seed}: ${cause}`, { cause });
			}
		},
	},
];

/** Another file than the one that is meant is at a path: nothing reads or changes it. */
async function strange(store: Store, path: string, id: FileId | undefined): Promise<void> {
	const before = await text(store, path);
	await fails(store.read(path, 0, 1, id), "ESTALE", path);
	await fails(store.write(path, 0, encoder.encode("x"), id), "ESTALE", path);
	await fails(store.resize(path, 0, id), "ESTALE", path);
	const answers = await store.apply?.([
		{ call: "write", path, offset: 0, bytes: encoder.encode("x"), id },
		{ call: "resize", path, size: 1, id },
	]);
	equal(answers ?? ["ESTALE", "ESTALE"], ["ESTALE", "ESTALE"], `a list of changes of ${path}`);
	equal(await text(store, path), before, `what is at ${path}`);
}

function soon(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 10));
}

/** The tests that fit a store. */
export function fitting(store: Store): Case[] {
	return cases.filter(({ needs = [] }) => needs.every((method) => store[method] !== undefined));
}

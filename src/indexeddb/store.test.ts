import { expect, test, vi } from "vitest";
import { type Dice, dice, seeds, withSeed } from "../abi/random.testkit.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Listing, StoreChange } from "../store/store.ts";
import {
	type Call,
	type Committed,
	type Fate,
	Refusal,
	type Tab,
	turns,
	World,
} from "./tabs.testkit.ts";

const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const make = (path: string): StoreChange => ({ call: "make", path, type: "file" });
const write = (path: string, offset: number, bytes: Uint8Array): StoreChange => {
	return { call: "write", path, offset, bytes };
};
const many = (prefix: string, count: number) => {
	return Array.from({ length: count }, (_, i) => make(`/${prefix}${i}`));
};

/** Until the log of a tab's database is empty, or the tab has died. */
async function checkpoint(tab: Tab): Promise<void> {
	do {
		tab.fireTimers();
		await turns(100);
	} while (tab.timers.size > 0);
}

test("a tab that dies between two checkpoints loses nothing", async () => {
	const world = new World();
	const [one, two] = [world.open(), world.open()];
	await one.apply([make("/f"), write("/f", 0, filled(8192, 1))], true);
	await checkpoint(one);
	await one.apply([write("/f", 0, filled(8192, 2)), ...many("a", 5)], true);
	await one.apply([write("/f", 0, filled(4096, 3)), ...many("b", 5)], true);
	await two.apply([make("/z")], true);
	await checkpoint(one);
	// Its first checkpoint, and no second.
	two.fireTimers();
	await turns(200);
	two.die();
	const bytes = await world.open().read("/f", 0, 8192);
	expect([bytes[0], bytes[5000]]).toEqual([3, 2]);
});

test("a sync waits for the one before it, which has taken the changes on", async () => {
	const world = new World();
	const tab = world.open();
	await tab.apply([make("/f")]);
	const first = tab.sync();
	await tab.sync();
	expect(world.history.some(({ strict }) => strict)).toBe(true);
	await first;
});

test("a checkpoint for which there is no space loses nothing, nor does a removal after it", async () => {
	let full = false;
	const world = new World(() => (full ? "full" : "fine"));
	const tab = world.open();
	await tab.apply([make("/f"), write("/f", 0, filled(10, 1)), make("/g")]);
	await checkpoint(tab);
	await tab.apply([write("/f", 0, filled(10, 2))]);
	full = true;
	await tab.apply([{ call: "remove", path: "/g" }]);
	full = false;
	expect(await world.open().read("/f", 0, 10)).toEqual(filled(10, 2));
	expect(await tab.read("/f", 0, 10)).toEqual(filled(10, 2));
});

/** Calls `went` when the space in reserve is given back, until mocks are restored. */
function whenSpareGoes(went: () => void): void {
	const remove = IDBObjectStore.prototype.delete;
	vi.spyOn(IDBObjectStore.prototype, "delete").mockImplementation(function (
		this: IDBObjectStore,
		range,
	) {
		const [kind] = (range instanceof IDBKeyRange ? range.lower : range) as unknown[];
		if (kind === "spare") went();
		return Reflect.apply(remove, this, [range]);
	});
}

test("on a full disk all can be removed, also what the log has not put in its place yet", async () => {
	let full = false;
	const world = new World(() => (full ? "full" : "fine"));
	const [tab, other] = [world.open(), world.open()];
	await tab.apply([make("/kept"), write("/kept", 0, filled(10, 1)), ...many("f", 20)]);
	await other.list("/");
	await tab.apply([write("/kept", 5, filled(10, 2)), make("/large")]);
	await tab.apply([write("/large", 0, filled(200_000, 3))]);
	full = true;
	// Where something is given back there is room, for what is done next.
	whenSpareGoes(() => {
		full = false;
	});
	expect(await tab.apply([{ call: "remove", path: "/large" }])).toEqual([null]);
	vi.restoreAllMocks();
	// What the spare was given for is done, and there is no other.
	full = true;
	const rest = many("f", 20).map(({ path }) => ({ call: "remove", path }) as const);
	expect(await tab.apply(rest.slice(0, 10))).toEqual(Array(10).fill(null));
	expect(await other.apply(rest.slice(10))).toEqual(Array(10).fill(null));
	for (const each of [tab, other, world.open()]) {
		expect((await each.list("/")).map(({ name }) => name)).toEqual(["kept"]);
		expect([...(await each.read("/kept", 0, 20))]).toEqual([1, 1, 1, 1, 1, ...filled(10, 2)]);
	}
	full = false;
	expect(await tab.apply([make("/more"), write("/more", 0, filled(10, 4))])).toEqual([
		{ id: expect.any(Number) },
		null,
	]);
	await checkpoint(tab);
	expect(await world.open().read("/more", 0, 10)).toEqual(filled(10, 4));
});

test("on a full disk the space in reserve is given up for what is written, once the log is empty", async () => {
	let full = false;
	const world = new World(() => (full ? "full" : "fine"));
	const tab = world.open();
	await tab.apply([make("/f"), write("/f", 0, filled(10, 1))]);
	await checkpoint(tab);
	full = true;
	whenSpareGoes(() => {
		full = false;
	});
	expect(await tab.apply([write("/f", 0, filled(10, 2))])).toEqual([null]);
	vi.restoreAllMocks();
	expect(await world.open().read("/f", 0, 10)).toEqual(filled(10, 2));
});

test("what a failed transaction has changed is not seen, although its number comes again", async () => {
	vi.spyOn(Math, "random").mockReturnValue(0);
	for (let wait = 0; wait < 40; wait++) {
		const world = new World();
		const tab = world.open();
		await tab.apply([make("/f"), write("/f", 0, filled(10, 1))]);
		const fates: Fate[] = ["undone"];
		world.fate = () => fates.shift() ?? "fine";
		const failed = tab.apply([write("/f", 0, filled(10, 2))]).catch(() => "failed");
		await turns(wait);
		const next = tab.apply([write("/f", 0, filled(5, 3))]);
		const read = tab.read("/f", 0, 10);
		expect(await failed).toBe("failed");
		await next;
		expect([...(await read)], `after ${wait} turns`).toEqual([3, 3, 3, 3, 3, 1, 1, 1, 1, 1]);
	}
	vi.restoreAllMocks();
});

// --- at random ---

const PATHS = ["/a", "/b", "/c", "/d", "/d/a", "/d/b", "/e", "/e/a"];
/** In a node, in pieces, at once, and over the end of a segment. */
const LENGTHS = [1, 100, 4096, 5000, 9000, 70_000, 70_000];

const pick = <T>(roll: Dice, from: readonly T[]): T => from[roll(from.length)] as T;

function randomChange(roll: Dice): StoreChange {
	const [path, to] = [pick(roll, PATHS), pick(roll, PATHS)];
	switch (roll(16)) {
		case 0:
			return { call: "make", path, type: roll(2) === 0 ? "directory" : "file" };
		case 1:
			return { call: "remove", path };
		case 2:
			return { call: "rename", path, to };
		case 3:
			return { call: "link", path, to };
		case 4:
			return { call: "symlink", path, target: "x".repeat(roll(20)) };
		case 5:
			return { call: "resize", path, size: pick(roll, LENGTHS) };
		case 6:
			return { call: "utimes", path, accessed: BigInt(roll(1e9)), modified: BigInt(roll(1e9)) };
		case 7:
			return write(path, (1 << 19) - 100 * roll(3), filled(200, 1 + roll(255)));
		default:
			return write(pick(roll, ["/a", "/b", path]), roll(3) * 3000, randomBytes(roll));
	}
}

function randomBytes(roll: Dice): Uint8Array {
	return filled(pick(roll, LENGTHS), 1 + roll(255));
}

function randomChanges(roll: Dice): StoreChange[] {
	// So many are looked up together.
	if (roll(20) === 0) return many(`e/${roll(4)}-`, 9);
	return Array.from({ length: 1 + roll(4) }, () => randomChange(roll));
}

function ask(tab: Tab, roll: Dice): Promise<unknown> {
	const path = pick(roll, PATHS);
	switch (roll(7)) {
		case 0:
			return tab.list(pick(roll, ["/", path]));
		case 1:
			return tab.read(path, roll(3) * 3000, 1 << 20);
		case 2:
			return tab.sync();
		default:
			return tab.apply(randomChanges(roll), roll(3) === 0);
	}
}

/** What a call has answered, as far as two stores agree on it. */
function told(answer: unknown): unknown {
	const error = answer instanceof Refusal ? answer.error : answer;
	if (error instanceof Error) return Reflect.get(error, "code");
	if (answer instanceof Uint8Array) return `${answer.length} ${compressed(answer)}`;
	if (!Array.isArray(answer)) return answer;
	if (!answer.every(isListing)) return answer.map(reason);
	const listed = answer.map(({ name, type, size, links, target }) => {
		return `${name} ${type} ${size} ${links} ${target}`;
	});
	return listed.sort();
}

function isListing(value: unknown): value is Listing {
	return typeof value === "object" && value !== null && "name" in value;
}

/** What came of a change: each store has numbers of its own for what it made, and of two reasons for which
 *  it refuses may name another. */
function reason(code: unknown): unknown {
	if (typeof code === "object") return null;
	const refusals = ["ENOENT", "ENOTDIR", "EEXIST", "EISDIR", "ENOTEMPTY", "EINVAL", "EPERM"];
	return refusals.includes(`${code}`) ? "refused" : code;
}

/** Equal bytes in a row, said once. */
function compressed(bytes: Uint8Array): string {
	const runs: string[] = [];
	for (let at = 0; at < bytes.length; ) {
		const value = bytes[at];
		const start = at;
		while (at < bytes.length && bytes[at] === value) at++;
		runs.push(`${at - start}×${value}`);
	}
	return runs.join(" ");
}

async function modelled(model: MemoryStore, call: Call): Promise<unknown> {
	const answer =
		call.ask === "apply"
			? model.apply(call.changes)
			: call.ask === "read"
				? model.read(call.path, call.offset, call.length)
				: call.ask === "list"
					? model.list(call.path)
					: undefined;
	return Promise.resolve(answer).catch((error: unknown) => new Refusal(error));
}

/** Makes the calls of a history on a model, which has to give the same answers. */
async function explain({ history, calls }: World): Promise<void> {
	const model = new MemoryStore();
	const served = new Map<Call, number>();
	// Of one call, what comes last has served it: before, a tab connects itself, or makes a checkpoint for space.
	for (const [at, { call, isCheckpoint }] of history.entries())
		if (!isCheckpoint) served.set(call, at);
	for (const [call, at] of [...served]) {
		const isMade = call.answered > 0 && !call.halved && !isRefused(call) && call.ask !== "sync";
		if (history[at]?.changes !== true && !isMade) served.delete(call);
	}
	for (const [at, { call }] of history.entries()) {
		if (served.get(call) !== at) continue;
		const answer = await modelled(model, call);
		if (call.answered > 0) expect(told(call.answer), named(call)).toEqual(told(answer));
	}
	for (const call of calls) {
		if (call.answered === 0 || served.has(call) || call.answer instanceof Refusal) continue;
		const answered = call.ask === "sync" || call.halved || isRefused(call);
		expect(answered, `${named(call)} is answered and not there`).toBe(true);
		if (call.ask === "sync") explainSync(call, calls, history, served);
	}
}

/** What was answered before a sync is on the disk when that is answered. */
function explainSync(
	sync: Call,
	calls: readonly Call[],
	history: readonly Committed[],
	served: ReadonlyMap<Call, number>,
): void {
	const strict = history.findLastIndex(({ strict, at }) => strict && at < sync.answered);
	for (const call of calls) {
		if (call.tab !== sync.tab || call.ask !== "apply" || call.answered === 0) continue;
		const at = call.answered < sync.asked ? served.get(call) : undefined;
		if (at === undefined || history[at]?.changes !== true) continue;
		expect(at, `${named(call)} is not on the disk`).toBeLessThanOrEqual(strict);
	}
}

/** Nothing of it was to be made. */
function isRefused({ ask, answer }: Call): boolean {
	if (ask === "apply" && answer instanceof Refusal) return true;
	return Array.isArray(answer) && answer.length === 1 && answer[0] === "ENOSPC";
}

function named(call: Call): string {
	const bytes = (_: string, value: unknown) => {
		if (typeof value === "bigint") return `${value}`;
		return value instanceof Uint8Array ? compressed(value) : value;
	};
	return JSON.stringify({ ...call, answer: undefined }, bytes);
}

async function quiet(pending: ReadonlySet<Promise<unknown>>): Promise<void> {
	while (pending.size > 0) await Promise.race(pending);
}

/** Two or three tabs, some of which die. */
async function play(roll: Dice): Promise<void> {
	const trouble = [0, 5, 30][roll(3)] ?? 0;
	const fate = (): Fate => {
		if (roll(100) >= trouble) return "fine";
		return roll(2) === 0 ? "full" : roll(20);
	};
	const world = new World(fate);
	const tabs = Array.from({ length: 2 + roll(2) }, () => world.open());
	const pending = new Map(tabs.map((tab) => [tab, new Set<Promise<unknown>>()]));
	const start = (tab: Tab) => {
		const answer = ask(tab, roll).catch(() => {});
		const mine = pending.get(tab);
		mine?.add(answer);
		answer.then(() => mine?.delete(answer));
	};
	await tabs[0]?.apply(["/a", "/b", "/c"].map(make)).catch(() => {});
	const replace = async (at: number) => {
		tabs[at]?.die();
		const tab = world.open();
		tabs[at] = tab;
		pending.set(tab, new Set());
		await lookAtAll(tab);
	};
	for (let step = 0; step < 60; step++) {
		const at = roll(tabs.length);
		const tab = tabs[at] as Tab;
		const kind = roll(20);
		if (kind < 11) start(tab);
		else if (kind < 15) tab.fireTimers();
		else if (kind < 16) await quiet(pending.get(tab) ?? new Set());
		else if (kind < 17) await replace(at);
		else if (kind < 18) {
			// One stores all that both know of, then the other begins its checkpoint, and dies over it.
			const other = (at + 1) % tabs.length;
			const late = tabs[other] as Tab;
			for (const each of [tab, tab, tab, late]) {
				await each.apply(randomChanges(roll)).catch(() => {});
			}
			await checkpoint(tab);
			late.fireTimers();
			await turns(roll(100));
			await replace(other);
		}
		await turns(roll(3) === 0 ? roll(200) : roll(4));
	}
	for (const tab of tabs) await quiet(pending.get(tab) ?? new Set());
	world.fate = () => "fine";
	for (const tab of [...tabs, world.open()]) {
		await lookAtAll(tab);
		await checkpoint(tab);
		await lookAtAll(tab);
	}
	await explain(world);
}

async function lookAtAll(tab: Tab): Promise<void> {
	for (const path of ["/", ...PATHS]) {
		await tab.list(path).catch(() => {});
		await tab.read(path, 0, 1 << 20).catch(() => {});
	}
}

test("what tabs are told of one database is true, whatever dies and fails between", async () => {
	for (const seed of seeds(12)) {
		await play(dice(seed)).catch((cause: unknown) => {
			throw withSeed(seed, cause);
		});
	}
}, 600_000);

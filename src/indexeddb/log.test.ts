import { expect, test } from "vitest";
import { decodeLog, encodeLog } from "./log-record.ts";
import { type Key, Memtable, type Op } from "./memtable.ts";

const INFINITY = Number.POSITIVE_INFINITY;

/** Numbers from 0 up to `below`, the same for the same seed. */
function dice(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor((state / 2 ** 32) * below);
	};
}

function randomOp(roll: (below: number) => number): Op {
	const id = roll(3);
	const key: Key =
		roll(2) === 0 ? ["entry", id, "abc".charAt(roll(3))] : ["data", id, roll(4), roll(3)];
	const kind = roll(10);
	if (kind < 6) return { kind: "put", key, value: Uint8Array.of(roll(256)) };
	if (kind < 8) return { kind: "delete", key };
	const from = roll(4);
	return { kind: "clear", id, from, to: roll(2) === 0 ? INFINITY : from + roll(2) };
}

/** Records as a database holds them. */
class Plain {
	readonly records = new Map<string, number>();

	make(op: Op): void {
		if (op.kind === "put") this.records.set(`${op.key}`, op.value[0] ?? 0);
		else if (op.kind === "delete") this.records.delete(`${op.key}`);
		else if (op.kind === "clear") {
			for (const name of this.records.keys()) {
				const [kind, id, segment] = name.split(",");
				const within = Number(segment) >= op.from && Number(segment) <= op.to;
				if (kind === "data" && Number(id) === op.id && within) this.records.delete(name);
			}
		}
	}
}

/** The same records, as a transaction sees them through a memtable. */
function seenThrough(memtable: Memtable, stored: Plain): Map<string, number> {
	const keys: Key[] = [];
	for (const id of [0, 1, 2]) {
		for (const name of "abc") keys.push(["entry", id, name]);
		for (let i = 0; i < 12; i++) keys.push(["data", id, Math.floor(i / 3), i % 3]);
	}
	const seen = new Map<string, number>();
	for (const key of keys) {
		const value = memtable.get(key);
		const found = value === undefined ? stored.records.get(`${key}`) : value?.[0];
		if (found !== undefined) seen.set(`${key}`, found);
	}
	return seen;
}

const sorted = (records: Map<string, number>) => [...records].sort();

test("a memtable over records is those records changed, however much of it a checkpoint has stored", () => {
	for (let seed = 1; seed <= 100; seed++) {
		const roll = dice(seed);
		const [plain, stored, memtable] = [new Plain(), new Plain(), new Memtable()];
		let limit = 0;
		for (let version = 1; version <= 40; version++) {
			const op = randomOp(roll);
			plain.make(op);
			memtable.apply(op, version);
			if (roll(8) === 0) {
				limit += roll(version - limit + 1);
				for (const old of memtable.ops(limit)) stored.make(old);
				memtable.dropUpTo(limit);
			}
			if (roll(8) === 0) {
				// The bytes of a file go to their places at once.
				const id = roll(3);
				for (const old of memtable.dataOps(id)) stored.make(old);
				memtable.apply({ kind: "stored", id }, version);
			}
			expect(sorted(seenThrough(memtable, stored)), `seed ${seed}`).toEqual(sorted(plain.records));
		}
	}
});

const changes: Op[] = [
	{ kind: "put", key: ["entry", 0, "\ufeffé"], value: Uint8Array.of(1, 2, 3) },
	{ kind: "put", key: ["data", 2 ** 40, 7, 128], value: new Uint8Array(5000).fill(9) },
	{ kind: "put", key: ["node", 5], value: new Uint8Array(0) },
	{ kind: "delete", key: ["entry", 3, ""] },
	{ kind: "delete", key: ["block", 4] },
	{ kind: "clear", id: 9, from: 2, to: INFINITY },
	{ kind: "stored", id: 9 },
	{ kind: "last", id: 2 ** 50 },
];

test("a record of the log is read as it was written", () => {
	expect(decodeLog(encodeLog(changes, 7), 7)).toEqual({ ops: changes, whole: true });
	expect(decodeLog(encodeLog([], 7), 7)).toEqual({ ops: [], whole: true });
});

test("of a damaged record, no change is made elsewhere than where it was", () => {
	const whole = encodeLog(changes, 7);
	const plain = (ops: readonly Op[]) => ops.map((op) => ({ ...op, value: undefined }));
	expect(decodeLog(whole, 8)).toEqual({ ops: [], whole: false });
	for (let at = 0; at < whole.length; at += 61) {
		const cut = decodeLog(whole.slice(0, at), 7);
		expect(cut.ops).toEqual(changes.slice(0, cut.ops.length));
		const flipped = whole.slice();
		flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
		const { ops } = decodeLog(flipped, 7);
		expect(plain(ops)).toEqual(plain(changes.slice(0, ops.length)));
	}
});

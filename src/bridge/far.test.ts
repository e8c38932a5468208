import { afterEach, describe, expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { fromWire, giveAway, offer, RemoteObjects, reach, toWire } from "./far.ts";

interface Asks {
	ask(id: number, method: string, args: unknown[]): Promise<unknown>;
}

const ports: MessagePort[] = [];
afterEach(() => {
	for (const port of ports.splice(0)) port.close();
});

/** Two ends of a channel: the objects lent at one end are called from the other. */
function twoEnds(): { objects: RemoteObjects; far: Asks } {
	const { port1, port2 } = new MessageChannel();
	ports.push(port1, port2);
	const objects = new RemoteObjects();
	offer({ ask: (id: number, m: string, args: unknown[]) => objects.ask(id, m, args) }, port1);
	return { objects, far: reach<Asks>(port2) as unknown as Asks };
}

/** What a promise was rejected with. */
async function rejection(promise: Promise<unknown>): Promise<PortholeError> {
	const error = await promise.then(
		(value) => new Error(`answered ${String(value)}`),
		(why: unknown) => why,
	);
	expect(error).toBeInstanceOf(PortholeError);
	return error as PortholeError;
}

function coded(message: string, code: unknown, options?: ErrorOptions): Error {
	return Object.assign(new Error(message, options), { code });
}

describe("a question", () => {
	test("finds the object it was put to, with its arguments and its `this`", async () => {
		const { objects, far } = twoEnds();
		class Counter {
			#count = 0;
			async add(n: number, bytes: Uint8Array) {
				this.#count += n + bytes.length;
				return this.#count;
			}
		}
		const one = objects.lend(new Counter());
		const two = objects.lend(new Counter());
		expect(await far.ask(one.id, "add", [1, new Uint8Array(2)])).toBe(3);
		expect(await far.ask(two.id, "add", [10, new Uint8Array(0)])).toBe(10);
		expect(await far.ask(one.id, "add", [4, new Uint8Array(0)])).toBe(7);
	});

	test("may be answered with a buffer that is given away", async () => {
		const { objects, far } = twoEnds();
		const bytes = new Uint8Array([1, 2, 3]);
		const { id } = objects.lend({ give: () => bytes });
		const { port1, port2 } = new MessageChannel();
		ports.push(port1, port2);
		expect(await far.ask(id, "give", [])).toEqual(new Uint8Array([1, 2, 3]));
		expect(bytes.length).toBe(3);
		offer({ give: async () => giveAway(bytes, [bytes.buffer]) }, port1);
		expect(await reach<{ give(): Promise<Uint8Array> }>(port2).give()).toEqual(
			new Uint8Array([1, 2, 3]),
		);
		expect(bytes.length).toBe(0);
	});

	test("waits its turn at its object, and for no other object's", async () => {
		const { objects, far } = twoEnds();
		const log: string[] = [];
		const gates: (() => void)[] = [];
		const slow = objects.lend({
			async step(name: string) {
				log.push(`${name} begins`);
				await new Promise<void>((resolve) => gates.push(resolve));
				log.push(`${name} ends`);
			},
		});
		const quick = objects.lend({ step: async (name: string) => log.push(name) });
		const a = far.ask(slow.id, "step", ["a"]);
		const b = far.ask(slow.id, "step", ["b"]);
		await far.ask(quick.id, "step", ["quick"]);
		expect(log).toEqual(["a begins", "quick"]);
		gates.shift()?.();
		await a;
		expect(log.slice(2, 3)).toEqual(["a ends"]);
		while (gates.length === 0) await new Promise((resolve) => setTimeout(resolve));
		gates.shift()?.();
		await b;
		expect(log).toEqual(["a begins", "quick", "a ends", "b begins", "b ends"]);
	});

	test("that fails does not keep those behind it from being answered", async () => {
		const { objects, far } = twoEnds();
		const { id } = objects.lend({
			fail: () => {
				throw coded("no", "EACCES");
			},
			work: async () => "done",
		});
		const failing = rejection(far.ask(id, "fail", []));
		expect(await far.ask(id, "work", [])).toBe("done");
		expect((await failing).code).toBe("EACCES");
	});
});

describe("an error", () => {
	test("crosses with code, message, name, stack and causes", async () => {
		const { objects, far } = twoEnds();
		const cause = coded("the disk is gone", "EIO");
		const why = coded("cannot read /a", "ENOENT", { cause });
		const { id } = objects.lend({ read: () => Promise.reject(why) });
		const error = await rejection(far.ask(id, "read", []));
		expect(error).toMatchObject({ code: "ENOENT", message: "cannot read /a" });
		expect(error.stack).toBe(why.stack);
		expect(error.cause).toBeInstanceOf(PortholeError);
		expect(error.cause).toMatchObject({ code: "EIO", message: "the disk is gone" });
	});

	test.each<[string, unknown, object]>([
		["without a code counts as EIO", new TypeError("x"), { code: "EIO", name: "TypeError" }],
		["with a number as its code, too", coded("x", 2), { code: "EIO", message: "x" }],
		["that is a string", "told you", { code: "EIO", message: "told you" }],
		["that is undefined", undefined, { code: "EIO", message: "undefined" }],
		["that cannot be posted", () => {}, { code: "EIO" }],
	])("%s", async (_name, thrown, seen) => {
		const { objects, far } = twoEnds();
		const { id } = objects.lend({ read: () => Promise.reject(thrown) });
		expect(await rejection(far.ask(id, "read", []))).toMatchObject(seen);
	});

	test("whose causes are without end crosses with the first few", () => {
		const error = new Error("round");
		error.cause = error;
		let seen: unknown = fromWire(toWire(error));
		let depth = 0;
		while (seen instanceof Error) {
			depth += 1;
			seen = seen.cause;
		}
		expect(depth).toBeGreaterThan(1);
		expect(depth).toBeLessThan(10);
	});
});

describe("what is refused", () => {
	test.each([
		"toString",
		"constructor",
		"__proto__",
		"valueOf",
		"hasOwnProperty",
		"__defineGetter__",
		"none",
		"number",
	])("the method %s", async (method) => {
		const { objects, far } = twoEnds();
		const { id } = objects.lend({ number: 4, list: async () => [] });
		expect((await rejection(far.ask(id, method, []))).code).toBe("ENOSYS");
		expect(await far.ask(id, "list", [])).toEqual([]);
	});

	test.each([0, -1, 2, 1.5, 4294967296])("an object that is not lent: %d", async (id) => {
		const { objects, far } = twoEnds();
		objects.lend({ list: async () => [] });
		expect((await rejection(far.ask(id, "list", []))).code).toBe("ESTALE");
	});

	test("an object that was taken back; its number is not used again", async () => {
		const { objects, far } = twoEnds();
		const old = objects.lend({ list: async () => "old" });
		expect(await far.ask(old.id, "list", [])).toBe("old");
		objects.release(old);
		const next = objects.lend({ list: async () => "next" });
		expect((await rejection(far.ask(old.id, "list", []))).code).toBe("ESTALE");
		expect(await far.ask(next.id, "list", [])).toBe("next");
	});
});

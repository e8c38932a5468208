import { expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { dice, seeds, withSeed } from "../abi/random.testkit.ts";
import type { Prepare } from "../process/instantiate.ts";
import { MemoryQueue } from "./memory-queue.ts";

const noStart = async () => ({ code: 0 });
// The queue passes its arguments on and reads none of them.
const program = [] as unknown as Parameters<Prepare>;

/** A browser with room for so many programs, and the queue in front of it. */
function browser(room: number, queue: boolean) {
	const seen = { asked: 0, assembled: 0, alive: 0, now: 0, room, took: 0 };
	const prepare: Prepare = async () => {
		seen.asked += 1;
		await Promise.resolve();
		if (seen.alive >= seen.room) seen.now += seen.took;
		if (seen.alive >= seen.room) throw new PortholeError("out-of-memory", "no memory");
		seen.alive += 1;
		return noStart;
	};
	const memoryQueue = new MemoryQueue(
		prepare,
		() => seen.alive,
		queue,
		() => seen.now,
		// Time passes when nothing else happens.
		async (ms) => {
			await turn();
			seen.now += ms;
		},
	);
	const end = () => {
		seen.alive -= 1;
		memoryQueue.left(0);
	};
	let last = 0;
	const start = () =>
		memoryQueue
			.join(++last)
			.then((link) => {
				seen.assembled += 1;
				return link(...program);
			})
			.then(
				(run) => (run === noStart ? "started" : run().then(({ signal }) => signal)),
				({ code }) => code as string,
			);
	/** Of the program that was started as the `to`th. */
	const kill = (to: number) =>
		memoryQueue.receive({ to, kind: "kill", signal: "SIGTERM", code: 143 });
	return { memoryQueue, seen, start, end, kill };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test("after the first refusal the browser is not asked again for what does not fit", async () => {
	const { seen, start } = browser(100, false);
	const answers = await Promise.all(Array.from({ length: 4000 }, start));
	expect(answers.filter((answer) => answer === "started")).toHaveLength(100);
	expect(answers.filter((answer) => answer === "out-of-memory")).toHaveLength(3900);
	expect(seen.asked).toBe(101);
	// Those that are refused are not assembled, but for a few.
	expect(seen.assembled).toBeLessThan(200);
});

test("memory that is not free yet when programs have ended is not asked for again and again", async () => {
	const { seen, start, end } = browser(100, false);
	seen.took = 100;
	await Promise.all(Array.from({ length: 200 }, start));
	expect([seen.asked, seen.now]).toEqual([101, 100]);
	// The browser gives the memory back later.
	seen.room = 0;
	for (let i = 0; i < 50; i++) {
		end();
		expect(await start()).toBe("out-of-memory");
	}
	expect(seen.asked).toBe(102);
	seen.now += 400;
	seen.room = 100;
	expect(await start()).toBe("started");
});

test("a program that could not be assembled lets the next one in", async () => {
	const { memoryQueue, seen, start } = browser(100, false);
	const joined = Array.from({ length: 40 }, (_, i) => memoryQueue.join(1000 + i));
	const last = start();
	await turn();
	expect(seen.assembled).toBe(0);
	for (let i = 0; i < 40; i++) memoryQueue.left(1000 + i);
	await Promise.all(joined);
	expect(await last).toBe("started");
});

test("what is known not to fit is refused before it is assembled, and waits where that is wished", async () => {
	const { memoryQueue, seen, start, end } = browser(1, false);
	await Promise.all([start(), start()]);
	await expect(memoryQueue.join(9)).rejects.toThrow("no memory");
	seen.now += 1000;
	expect(await memoryQueue.join(9)).toBeTypeOf("function");
	seen.now -= 1000;
	end();
	expect(await memoryQueue.join(10)).toBeTypeOf("function");
	const patient = browser(1, true);
	await patient.start();
	void patient.start();
	await turn();
	expect(await patient.memoryQueue.join(9)).toBeTypeOf("function");
	patient.end();
});

test("when a program ends there is room again", async () => {
	const { seen, start, end } = browser(2, false);
	expect(await Promise.all([start(), start(), start()])).toEqual([
		"started",
		"started",
		"out-of-memory",
	]);
	end();
	expect([await start(), await start()]).toEqual(["started", "out-of-memory"]);
	expect(seen.alive).toBe(2);
});

test("room that others have made is found after a while", async () => {
	const { seen, start } = browser(1, false);
	await Promise.all([start(), start()]);
	seen.room = 2;
	expect(await start()).toBe("out-of-memory");
	seen.now += 1000;
	expect(await start()).toBe("started");
});

test("programs wait in line where that is wished, and start in their order", async () => {
	const { start, end } = browser(2, true);
	const order: number[] = [];
	const all = Array.from({ length: 5 }, (_, index) => start().then(() => order.push(index)));
	await turn();
	expect(order).toEqual([0, 1]);
	for (let i = 0; i < 3; i++) {
		end();
		await turn();
	}
	await Promise.all(all);
	expect(order).toEqual([0, 1, 2, 3, 4]);
});

test("a program that is killed in the line leaves it at once, and all others keep their order", async () => {
	const { seen, start, end, kill } = browser(1, true);
	const order: string[] = [];
	const all = ["a", "b", "c", "d", "e"].map((name) =>
		start().then((how) => order.push(`${name} ${how}`)),
	);
	await turn();
	kill(4);
	await turn();
	// The first in the line, too.
	kill(2);
	kill(99);
	await turn();
	expect(order).toEqual(["a started", "d SIGTERM", "b SIGTERM"]);
	end();
	await turn();
	end();
	await Promise.all(all);
	expect(order.slice(3)).toEqual(["c started", "e started"]);
	expect(seen.alive).toBe(1);
});

test("what is killed while it is linked is handed out if it was linked, and leaves if it was not", async () => {
	const links: { done: (start: typeof noStart) => void; failed: (why: Error) => void }[] = [];
	const prepare: Prepare = () =>
		new Promise((done, failed) => {
			links.push({ done, failed });
		});
	const memoryQueue = new MemoryQueue(prepare, () => 1, true);
	const first = memoryQueue.join(1).then((link) => link(...program));
	const second = memoryQueue.join(2).then((link) => link(...program));
	await turn();
	const kill = (to: number) =>
		memoryQueue.receive({ to, kind: "kill", signal: "SIGINT", code: 130 });
	kill(1);
	links[0]?.done(noStart);
	expect(await first).toBe(noStart);
	await turn();
	kill(2);
	links[1]?.failed(new PortholeError("out-of-memory", "no memory"));
	expect(await (await second)()).toEqual({ code: 130, signal: "SIGINT" });
});

test("where no program of ours runs, the line waits a while for others, and not for ever", async () => {
	const { seen, start } = browser(0, true);
	expect(await start()).toBe("out-of-memory");
	expect(seen.asked).toBeGreaterThan(1);
	const waiting = start();
	seen.room = 1;
	expect(await waiting).toBe("started");
});

test("what fails for another reason fails alone", async () => {
	let asked = 0;
	const prepare: Prepare = async () => {
		asked += 1;
		if (asked === 1) throw new PortholeError("no-entry", "no entry");
		return noStart;
	};
	const memoryQueue = new MemoryQueue(prepare, () => 0, true);
	const [first, second] = [
		memoryQueue.join(1).then((link) => link(...program)),
		memoryQueue.join(2).then((link) => link(...program)),
	];
	await expect(first).rejects.toMatchObject({ code: "no-entry" });
	expect(await second).toBe(noStart);
});

test("whatever comes and goes, as many run as fit, and all that wait are started in the end", async () => {
	for (const seed of seeds(20)) {
		const roll = dice(seed);
		const { seen, start, end } = browser(1 + roll(4), true);
		let started = 0;
		let asked = 0;
		try {
			for (let i = 0; i < 60; i++) {
				if (roll(2) === 0) {
					asked += 1;
					void start().then(() => started++);
				} else if (seen.alive > 0) end();
				if (roll(3) === 0) await turn();
				seen.now += roll(400);
				expect(seen.alive).toBeLessThanOrEqual(seen.room);
			}
			for (let i = 0; i < 200 && started < asked; i++) {
				if (seen.alive > 0) end();
				await turn();
			}
			expect(started).toBe(asked);
		} catch (error) {
			throw withSeed(seed, error);
		}
	}
});

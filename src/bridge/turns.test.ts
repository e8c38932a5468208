import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { StopHandle } from "./bridge.ts";
import { LocalTicket } from "./ticket.ts";
import { Turns } from "./turns.ts";

beforeEach(() => {
	vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
	vi.useRealTimers();
});

const guest = (): StopHandle => ({
	ended: false,
	stopped: new LocalTicket<void>(),
	waited: 0,
	flush: () => {},
});

/** Turns, the messages that are on their way, and what happened in which order. */
class Loop {
	readonly log: string[] = [];
	readonly messages: (() => void)[] = [];
	readonly turns = new Turns((task) => this.messages.push(task));

	/** A guest waits for its turn, and again each time it has had it. */
	spin(name: string): void {
		this.turns.next().watch(() => {
			this.log.push(name);
			this.spin(name);
		});
	}

	/** A message of the page's. */
	send(name: string): void {
		this.messages.push(() => this.log.push(name));
	}

	deliver(count: number): void {
		for (let i = 0; i < count; i++) this.messages.shift()?.();
	}
}

describe("the queue", () => {
	test("each turn wakes one guest, in the order in which they came", () => {
		const loop = new Loop();
		for (const name of ["a", "b", "c"]) loop.spin(name);
		loop.deliver(12);
		expect(loop.log.join("")).toBe("abcabc");
	});

	test("what arrives during a slice is handled before the next, however many guests compute", () => {
		const loop = new Loop();
		for (let i = 0; i < 100; i++) loop.spin(`${i}`);
		loop.deliver(1);
		expect(loop.log).toEqual(["0"]);
		loop.send("kill");
		loop.send("key");
		loop.deliver(4);
		expect(loop.log).toEqual(["0", "kill", "key", "1"]);
	});

	test("a guest that was killed in the queue costs nobody a turn", () => {
		const loop = new Loop();
		const wake = () => loop.log.push("killed");
		loop.spin("a");
		const gone = loop.turns.next();
		gone.watch(wake);
		loop.spin("b");
		gone.unwatch(wake);
		loop.deliver(4);
		expect(loop.log.join("")).toBe("ab");
	});

	test("an empty queue posts nothing", () => {
		const loop = new Loop();
		loop.turns.next().watch(() => {});
		loop.deliver(2);
		expect(loop.messages).toEqual([]);
	});
});

describe("a slice", () => {
	test("lasts 10 ms for a guest alone, 4 ms where another waits", () => {
		const { turns } = new Loop();
		vi.advanceTimersByTime(9);
		expect(turns.isOver()).toBe(false);
		turns.next();
		expect(turns.isOver()).toBe(true);
		const alone = new Loop().turns;
		vi.advanceTimersByTime(10);
		expect(alone.isOver()).toBe(true);
	});

	test("lasts 4 ms while the page talks", () => {
		const { turns } = new Loop();
		turns.heard();
		vi.advanceTimersByTime(3);
		expect(turns.isOver()).toBe(false);
		vi.advanceTimersByTime(1);
		expect(turns.isOver()).toBe(true);
	});

	test("begins anew for a guest that an event wakes, and not for one that another guest wakes", () => {
		const { turns } = new Loop();
		const [a, b] = [guest(), guest()];
		vi.advanceTimersByTime(20);
		turns.wakes(a);
		expect(turns.isOver()).toBe(false);
		// They wake each other in turn, and no message is let in meanwhile.
		for (let i = 0; i < 5; i++) {
			vi.advanceTimersByTime(2);
			turns.wakes(i % 2 === 0 ? b : a);
			turns.sleeps(i % 2 === 0 ? a : b);
		}
		expect(turns.isOver()).toBe(true);
	});
});

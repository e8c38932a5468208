/**
 * The two ends of a channel, in two threads where sleeping matters and in one where it does not.
 */
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { PENDING } from "../abi/errno.ts";
import type { StopHandle } from "../bridge/bridge.ts";
import { LocalTicket } from "../bridge/ticket.ts";
import { BlockingBridge } from "./blocking-bridge.ts";
import { BODY } from "./message.ts";
import {
	makeSharedMemory,
	SharedMemoryChannel,
	SharedMemoryServer,
} from "./shared-memory-channel.ts";

/** Both ends in this thread: what is sent is answered before the sender would sleep. */
function pair(answer: (end: SharedMemoryServer) => void = () => {}) {
	const memory = makeSharedMemory();
	const end = new SharedMemoryServer(memory);
	const channel = new SharedMemoryChannel(memory, () => {
		end.opened();
		answer(end);
		end.answered();
	});
	return { channel, end };
}

const guest = (): StopHandle => ({
	ended: false,
	stopped: new LocalTicket(),
	waited: 0,
	flush: () => {},
});

test("a message carries numbers, times and bytes both ways", () => {
	const { channel } = pair(({ message }) => {
		expect(message.numbers[0]).toBe(7);
		expect(message.numbers[1]).toBe(2 ** 53 - 1);
		expect(message.times[2]).toBe(2n ** 64n - 1n);
		expect(message.text(0, message.length)).toBe("wörter");
		message.numbers[0] = -44;
		message.put("answer");
	});
	channel.message.numbers[1] = 2 ** 53 - 1;
	channel.message.times[2] = 2n ** 64n - 1n;
	expect(channel.message.put("wörter")).toBe(true);
	expect(channel.send(7)).toBe(-44);
	expect(channel.message.text(0, 100)).toBe("answer");
	expect(channel.message.put("x".repeat(BODY + 1))).toBe(false);
});

test("what is done between the answer and the sleep wakes the sleeper at once", () => {
	const ticket = new LocalTicket<void>();
	const { channel } = pair((end) => end.watch([ticket]));
	channel.send(1);
	ticket.answer();
	const from = performance.now();
	channel.sleep(5000);
	expect(performance.now() - from).toBeLessThan(2500);
});

test("what an earlier message waited for wakes nobody who has settled", () => {
	const ticket = new LocalTicket<void>();
	let watched = [ticket];
	const { channel } = pair((end) => end.watch(watched));
	channel.send(1);
	channel.dropNotes();
	watched = [];
	channel.send(2);
	ticket.answer();
	const from = performance.now();
	channel.sleep(50);
	expect(performance.now() - from).toBeGreaterThan(40);
});

test("tickets are not watched twice as long as nobody answers them", () => {
	let watching = 0;
	const ticket = new LocalTicket<void>();
	const { watch, unwatch } = ticket;
	ticket.watch = (wake) => {
		watching += 1;
		watch.call(ticket, wake);
	};
	ticket.unwatch = (wake) => {
		watching -= 1;
		unwatch.call(ticket, wake);
	};
	const { channel, end } = pair((to) => to.watch([ticket]));
	for (let i = 0; i < 100; i += 1) {
		channel.send(1);
		channel.sleep(0);
	}
	expect(watching).toBe(1);
	end.close();
	expect(watching).toBe(0);
});

test("a guest that is told to stop does not sleep any more", () => {
	const { channel, end } = pair();
	const bridge = new BlockingBridge(channel);
	// The bridge's import is a plain function.
	const wait = bridge.waitImport(guest()) as () => number;
	expect(bridge.shouldYield(guest())).toBe(0);
	end.stop();
	expect(channel.stopped).toBe(true);
	expect(bridge.shouldYield(guest())).toBe(1);
	bridge.pending(new LocalTicket());
	expect(wait()).toBe(1);
	bridge.dropNotes();
	expect(wait()).toBe(1);
});

test("alarms ring when they should, the nearest first", () => {
	const { channel } = pair();
	const bridge = new BlockingBridge(channel);
	const stop = guest();
	const wait = bridge.waitImport(stop) as () => number;
	const from = performance.now();
	expect(bridge.pending(bridge.alarm(from + 60_000))).toBe(PENDING);
	expect(bridge.pending(bridge.alarm(from + 30))).toBe(PENDING);
	expect(wait()).toBe(0);
	const took = performance.now() - from;
	expect(took).toBeGreaterThanOrEqual(29);
	expect(took).toBeLessThan(15_000);
	expect(stop.waited).toBeGreaterThan(0);
	expect(stop.waited).toBeLessThanOrEqual(took);
});

const threads: Worker[] = [];
afterEach(() => Promise.all(threads.splice(0).map((thread) => thread.terminate())));

test("a thread sleeps until it is answered, woken or stopped by another", async () => {
	const memory = makeSharedMemory();
	const end = new SharedMemoryServer(memory);
	// The guest's side once more, in the words of the layout: a thread of Node takes no TypeScript.
	const code = `
		const { parentPort, workerData } = require("node:worker_threads");
		const words = new Int32Array(workerData, 0, 3);
		const numbers = new Float64Array(workerData, 64, 12);
		const send = (call) => {
			numbers[0] = call;
			Atomics.store(words, 0, 1);
			parentPort.postMessage("message");
			while (Atomics.load(words, 0) === 1) Atomics.wait(words, 0, 1);
			return numbers[0];
		};
		const first = send(20);
		send(30);
		Atomics.wait(words, 1, 0);
		const woken = Atomics.exchange(words, 1, 0);
		Atomics.wait(words, 1, 0);
		parentPort.postMessage({ first, woken, stopped: Atomics.load(words, 2) });
	`;
	const thread = new Worker(code, { eval: true, workerData: memory });
	threads.push(thread);
	const ticket = new LocalTicket<void>();
	const said = await new Promise((resolve) => {
		thread.on("message", (message) => {
			if (message !== "message") return resolve(message);
			const { numbers } = end.message;
			const call = numbers[0] as number;
			numbers[0] = call + 1;
			if (call === 30) {
				end.watch([ticket]);
				setTimeout(() => ticket.answer(), 20);
				setTimeout(() => end.stop(), 60);
			}
			end.answered();
		});
	});
	expect(said).toEqual({ first: 21, woken: 1, stopped: 1 });
});

test("an alarm is done once its time has come, and others that were noted are not", () => {
	const { channel } = pair();
	const bridge = new BlockingBridge(channel);
	const wait = bridge.waitImport(guest()) as unknown as () => number;
	const now = performance.now();
	const [soon, late] = [bridge.alarm(now + 5), bridge.alarm(now + 60_000)];
	bridge.pending(late);
	bridge.pending(soon);
	expect([wait(), soon.done, late.done]).toEqual([0, true, false]);
	const forgotten = bridge.alarm(now);
	bridge.pending(forgotten);
	bridge.dropNotes();
	bridge.pending(bridge.alarm(now + 5));
	wait();
	expect(forgotten.done).toBe(false);
});

/**
 * The two ends of a mailbox, in two threads where sleeping matters and in one where it does not.
 */
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { PENDING } from "../abi/errno.ts";
import type { Stop } from "../bridge/bridge.ts";
import { LocalTicket } from "../bridge/ticket.ts";
import { BlockingBridge } from "./blocking-bridge.ts";
import { BODY } from "./message.ts";
import { Mailbox, MailboxEnd, makeMailbox } from "./shared-memory-channel.ts";

/** Both ends in this thread: what is sent is answered before the sender would sleep. */
function pair(answer: (end: MailboxEnd) => void = () => {}) {
	const memory = makeMailbox();
	const end = new MailboxEnd(memory);
	const mailbox = new Mailbox(memory, () => {
		end.opened();
		answer(end);
		end.answered();
	});
	return { mailbox, end };
}

const guest = (): Stop => ({
	ended: false,
	stopped: new LocalTicket(),
	waited: 0,
	flush: () => {},
});

test("a letter carries numbers, times and bytes both ways", () => {
	const { mailbox } = pair(({ letter }) => {
		expect(letter.numbers[0]).toBe(7);
		expect(letter.numbers[1]).toBe(2 ** 53 - 1);
		expect(letter.times[2]).toBe(2n ** 64n - 1n);
		expect(letter.text(0, letter.length)).toBe("wörter");
		letter.numbers[0] = -44;
		letter.put("answer");
	});
	mailbox.letter.numbers[1] = 2 ** 53 - 1;
	mailbox.letter.times[2] = 2n ** 64n - 1n;
	expect(mailbox.letter.put("wörter")).toBe(true);
	expect(mailbox.send(7)).toBe(-44);
	expect(mailbox.letter.text(0, 100)).toBe("answer");
	expect(mailbox.letter.put("x".repeat(BODY + 1))).toBe(false);
});

test("what is done between the answer and the sleep wakes the sleeper at once", () => {
	const ticket = new LocalTicket<void>();
	const { mailbox } = pair((end) => end.watch([ticket]));
	mailbox.send(1);
	ticket.answer();
	const from = performance.now();
	mailbox.sleep(5000);
	expect(performance.now() - from).toBeLessThan(2500);
});

test("what an earlier letter waited for wakes nobody who has settled", () => {
	const ticket = new LocalTicket<void>();
	let watched = [ticket];
	const { mailbox } = pair((end) => end.watch(watched));
	mailbox.send(1);
	mailbox.settle();
	watched = [];
	mailbox.send(2);
	ticket.answer();
	const from = performance.now();
	mailbox.sleep(50);
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
	const { mailbox, end } = pair((to) => to.watch([ticket]));
	for (let i = 0; i < 100; i += 1) {
		mailbox.send(1);
		mailbox.sleep(0);
	}
	expect(watching).toBe(1);
	end.close();
	expect(watching).toBe(0);
});

test("a guest that is told to stop does not sleep any more", () => {
	const { mailbox, end } = pair();
	const bridge = new BlockingBridge(mailbox);
	// The bridge's import is a plain function.
	const wait = bridge.waitImport(guest()) as () => number;
	expect(bridge.breathe()).toBe(0);
	end.stop();
	expect(mailbox.stopped).toBe(true);
	expect(bridge.breathe()).toBe(1);
	bridge.pending(new LocalTicket());
	expect(wait()).toBe(1);
	bridge.settle();
	expect(wait()).toBe(1);
});

test("alarms ring when they should, the nearest first", () => {
	const { mailbox } = pair();
	const bridge = new BlockingBridge(mailbox);
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
	const memory = makeMailbox();
	const end = new MailboxEnd(memory);
	// The guest's side once more, in the words of the layout: a thread of Node takes no TypeScript.
	const code = `
		const { parentPort, workerData } = require("node:worker_threads");
		const words = new Int32Array(workerData, 0, 3);
		const numbers = new Float64Array(workerData, 64, 12);
		const send = (call) => {
			numbers[0] = call;
			Atomics.store(words, 0, 1);
			parentPort.postMessage("letter");
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
			if (message !== "letter") return resolve(message);
			const { numbers } = end.letter;
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

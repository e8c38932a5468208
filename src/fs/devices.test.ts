import { expect, test } from "vitest";
import { EAGAIN, EIO, EPIPE, PENDING } from "../abi/errno.ts";
import { DelayedBridge } from "../storefs/delayed-store.testkit.ts";
import { Input, Output } from "./devices.ts";
import type { INode } from "./node.ts";
import { pipe } from "./pipe.ts";

const encoder = new TextEncoder();

function put(node: INode, text: string): number {
	const bytes = encoder.encode(text);
	return node.write(bytes, 0, bytes.length, 0);
}

function get(node: INode, length = 100): string | number {
	const bytes = new Uint8Array(length);
	const count = node.read(bytes, 0, length, 0);
	return count < 0 ? count : new TextDecoder().decode(bytes.subarray(0, count));
}

test("a pipe: the reader waits for bytes, then for the end", () => {
	const bridge = new DelayedBridge();
	const { reader, writer } = pipe(bridge);
	expect(get(reader)).toBe(PENDING);
	const [waiting] = bridge.notes;
	expect(waiting?.done).toBe(false);
	expect(put(writer, "hello")).toBe(5);
	expect(waiting?.done).toBe(true);
	expect(reader.readable()).toBe(5);
	expect(get(reader, 3)).toBe("hel");
	expect(get(reader)).toBe("lo");
	expect(reader.readable()).toBe(PENDING);
	writer.closed();
	expect(bridge.notes.every((ticket) => ticket.done)).toBe(true);
	expect(get(reader)).toBe("");
});

test("a pipe: the writer waits for room; small writes arrive whole; EPIPE without a reader", () => {
	const bridge = new DelayedBridge();
	const { reader, writer } = pipe(bridge, 10);
	expect(put(writer, "1234567")).toBe(7);
	expect(put(writer, "89abc")).toBe(PENDING);
	expect(put(writer, "a longer one than all the room")).toBe(3);
	expect(writer.writable()).toBe(PENDING);
	expect(get(reader, 6)).toBe("123456");
	expect(bridge.notes.every((ticket) => ticket.done)).toBe(true);
	expect(put(writer, "wraps")).toBe(5);
	expect(get(reader)).toBe("7a lwraps");
	reader.closed();
	expect(put(writer, "x")).toBe(EPIPE);
});

test("input is fed ahead or on demand, and ends", () => {
	const bridge = new DelayedBridge();
	const ahead = new Input(bridge);
	ahead.feed(encoder.encode("one "));
	ahead.feed(encoder.encode("two"));
	ahead.end();
	expect(ahead.readable()).toBe(7);
	expect(get(ahead, 5)).toBe("one t");
	expect(get(ahead)).toBe("wo");
	expect(get(ahead)).toBe("");

	let wanted = 0;
	const asked = new Input(bridge, "device", () => {
		wanted += 1;
		if (wanted === 1) asked.feed(encoder.encode("now"));
	});
	expect(get(asked)).toBe(PENDING);
	expect(bridge.notes.at(-1)?.done).toBe(true);
	expect(get(asked)).toBe("now");
});

test("input that fails is read as far as it came, then EIO once, then the end", () => {
	const input = new Input(new DelayedBridge());
	input.feed(encoder.encode("half"));
	input.end(true);
	expect([get(input), get(input), get(input), get(input)]).toEqual(["half", EIO, "", ""]);
});

test("output hands on what the sink takes", () => {
	let got = "";
	let closed = false;
	const output = new Output(
		(from, at, length) => {
			if (got.length >= 4) return EAGAIN;
			got += new TextDecoder().decode(from.subarray(at, at + Math.min(2, length)));
			return Math.min(2, length);
		},
		{ closed: () => (closed = true), room: () => 4 - got.length },
	);
	expect([put(output, "abc"), put(output, "c"), put(output, "d")]).toEqual([2, 1, 1]);
	expect(output.writable()).toBe(0);
	expect(put(output, "x")).toBe(EAGAIN);
	output.closed();
	expect([got, closed]).toEqual(["abcd", true]);
});

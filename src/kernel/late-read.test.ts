/**
 * Reads of a file whose bytes come late, through a cache smaller than the file: short at its end only.
 */
import { expect, test } from "vitest";
import { Namespace } from "../fs/namespace.ts";
import type { INode } from "../fs/node.ts";
import { CALL } from "../guestworker/tree-calls.ts";
import { TreeServer } from "../guestworker/tree-server.ts";
import { worldClock } from "../process/clock.ts";
import { OpenFile } from "../process/descriptors.ts";
import { Process } from "../process/process.ts";
import { Thread } from "../process/thread.ts";
import { DelayedBridge, DelayedStore } from "../storefs/delayed-store.testkit.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import { fdCalls } from "../wasi/fd.ts";

const SIZE = 1000;

function opened() {
	const store = new DelayedStore();
	const content = Uint8Array.from({ length: SIZE }, (_, i) => i * 7);
	store.items.set("/f", { bytes: content });
	const bridge = new DelayedBridge(store);
	const fs = new StoreFileSystem(bridge, store.far, { block: 8, cache: 64 });
	const thread = new Thread(
		new Process({
			args: [],
			env: [],
			tree: new Namespace(fs),
			bridge,
			clock: worldClock(),
			fillRandom() {},
		}),
	);
	thread.memory.attach(new WebAssembly.Memory({ initial: 1 }));
	const node = bridge.run(() => fs.root.lookup("f")) as INode;
	const fd = thread.process.descriptors.add(new OpenFile(node, 0, -1, -1));
	const calls = fdCalls(thread);
	const vectors = (...lengths: number[]) => {
		let at = 1024;
		for (const [i, length] of lengths.entries()) {
			thread.memory.setU32(16 + i * 8, at);
			thread.memory.setU32(20 + i * 8, length);
			at += length;
		}
		return lengths.length;
	};
	const read = (...lengths: number[]) => {
		thread.memory.u8.fill(0, 1024);
		const count = vectors(...lengths);
		expect(bridge.run(() => calls.fd_read(fd, 16, count, 0))).toBe(0);
		return thread.memory.u8.slice(1024, 1024 + thread.memory.u32(0));
	};
	const pread = (length: number, position: number) => {
		vectors(length);
		expect(bridge.run(() => calls.fd_pread(fd, 16, 1, position, 0, 0))).toBe(0);
		return thread.memory.u8.slice(1024, 1024 + thread.memory.u32(0));
	};
	return { store, bridge, thread, content, read, pread, calls, fd, vectors };
}

test("one read gives all that is wanted, in one vector or in several", () => {
	const { read, pread, content } = opened();
	expect(read(700)).toEqual(content.slice(0, 700));
	expect(read(3, 0, 100, 900)).toEqual(content.slice(700));
	expect(read(10)).toEqual(content.slice(0, 0));
	expect(pread(500, 5)).toEqual(content.slice(5, 505));
	expect(pread(500, 900)).toEqual(content.slice(900));
});

test("a read that fails on the way gives what it has", () => {
	const { store, read, content } = opened();
	const real = store.read.bind(store);
	store.read = (path, offset, length) =>
		offset >= 200 ? (-29 as never) : real(path, offset, length);
	const got = read(900);
	expect(got.length).toBeGreaterThan(100);
	expect(got).toEqual(content.slice(0, got.length));
});

test("a letter of a guest elsewhere is answered with all that it wants", () => {
	const { bridge, thread, content } = opened();
	const server = new TreeServer(thread.process);
	const handle = [...thread.process.descriptors.files()].length - 1;
	const body = new Uint8Array(65536);
	const letter = { numbers: new Float64Array(8), times: new BigInt64Array(9), body, length: 0 };
	const answer = bridge.run(() => {
		letter.numbers.set([CALL.read, handle, 100, 48]);
		server.answer(letter as never);
		return letter.numbers[0] as number;
	});
	expect(answer).toBe(48);
	expect(body.slice(0, 48)).toEqual(content.slice(100, 148));
});

import { expect, test } from "vitest";
import { ECONNRESET, PENDING } from "../abi/errno.ts";
import { awaitCall } from "../bridge/await-call.ts";
import { LoopBridge } from "../bridge/loop.ts";
import type { LinkMessage } from "../protocol/link.ts";
import { INET4 } from "./address.ts";
import { carry } from "./link.ts";
import { Network } from "./network.ts";
import { StreamSocket } from "./stream.ts";

/** A program's socket whose other end is carried to a page, and that page. */
function linked() {
	const bridge = new LoopBridge(async () => undefined);
	const network = new Network(bridge);
	const [program, end] = [new StreamSocket(network, INET4), new StreamSocket(network, INET4)];
	StreamSocket.join(program, end);
	const { port1, port2 } = new MessageChannel();
	const heard: LinkMessage[] = [];
	let wake = () => {};
	port1.onmessage = ({ data }: MessageEvent<LinkMessage>) => {
		heard.push(data);
		wake();
	};
	const over = carry(bridge, end, port2).finally(() => bridge.close());
	return {
		bridge,
		network,
		program,
		heard,
		over,
		post: (message: LinkMessage) => port1.postMessage(message),
		/** Resolves when what the page has heard is so. */
		async until(holds: () => boolean): Promise<void> {
			while (!holds()) {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			}
		},
	};
}

const bytes = (length: number) => new Uint8Array(length).fill(7);
const sent = (heard: readonly LinkMessage[]) =>
	heard.reduce((sum, one) => sum + (one.kind === "data" ? one.chunk.length : 0), 0);

test("both directions end by themselves, and nothing is left", async () => {
	const { bridge, network, program, heard, over, post, until } = linked();
	post({ kind: "data", chunk: bytes(200_000) });
	let got = 0;
	const into = bytes(65536);
	while (got < 200_000) got += await awaitCall(bridge, () => program.read(into, 0, 65536, 0));
	post({ kind: "end" });
	expect(await awaitCall(bridge, () => program.read(into, 0, 1, 0))).toBe(0);
	program.write(into, 0, 5000, 0);
	program.closed();
	await over;
	await until(() => heard.at(-1)?.kind === "end");
	const taken = heard.reduce((sum, one) => sum + (one.kind === "taken" ? one.bytes : 0), 0);
	expect([heard[0]?.kind, taken, sent(heard), network.open]).toEqual(["open", 200_000, 5000, 0]);
});

test("a page that takes nothing is so many bytes behind, and no more", async () => {
	const { bridge, program, heard, over, post, until } = linked();
	const piece = bytes(65536);
	let total = 0;
	const flood = async (most: number) => {
		while (total < most) total += await awaitCall(bridge, () => program.write(piece, 0, 65536, 0));
	};
	// The window, and what waits in the socket.
	const [window, ring] = [256 * 1024, 65536];
	await flood(window + ring);
	await until(() => sent(heard) >= window);
	expect([sent(heard), program.writable()]).toEqual([window, PENDING]);
	bridge.dropNotes();
	post({ kind: "taken", bytes: window });
	await flood(window + 2 * ring);
	post({ kind: "stop" });
	post({ kind: "end" });
	await over;
	expect(program.writable()).toBeLessThan(0);
});

test("a page that breaks off resets the program, and a program that dies resets the page", async () => {
	const broken = linked();
	broken.post({ kind: "reset" });
	await broken.over;
	const read = () => broken.program.read(bytes(1), 0, 1, 0);
	expect([read(), read()]).toEqual([ECONNRESET, 0]);
	broken.program.closed();
	expect(broken.network.open).toBe(0);
	const dying = linked();
	dying.post({ kind: "data", chunk: bytes(10) });
	await dying.until(() => dying.heard.some(({ kind }) => kind === "taken"));
	dying.program.closed();
	await dying.over;
	await dying.until(() => dying.heard.some(({ kind }) => kind === "reset"));
	expect(dying.network.open).toBe(0);
});

import { expect, test } from "vitest";
import type { Remote } from "../bridge/far.ts";
import { LoopBridge } from "../bridge/loop.ts";
import type { PageServices } from "../protocol/sandbox.ts";
import { INET4 } from "../sockets/address.ts";
import { StreamSocket } from "../sockets/stream.ts";
import { connectPage, networkFor } from "./connect.ts";
import type { Packages } from "./packages.ts";

async function sandbox() {
	// A network is known by the packages of its sandbox, and asks them nothing.
	const packages = {} as Packages;
	const bridge = new LoopBridge(async () => undefined);
	const network = await networkFor(packages, bridge, {} as Remote<PageServices>, undefined);
	const connect = (port: number) => {
		const { port1, port2 } = new MessageChannel();
		return connectPage(packages, bridge, port, port2).finally(() => port1.close());
	};
	return { network, bridge, connect };
}

const here = (port: number) => ({ family: INET4, host: "127.0.0.1", port }) as const;

test("a page is refused where nothing listens, and where too many sockets are open", async () => {
	const { network, bridge, connect } = await sandbox();
	await expect(connect(80)).rejects.toMatchObject({ code: "ECONNREFUSED" });
	const sockets: StreamSocket[] = [];
	while (!network.isFull) sockets.push(new StreamSocket(network, INET4));
	expect(sockets[0]?.listen(1)).toBe(0);
	const port = sockets[0]?.local?.port ?? 0;
	await expect(connect(port)).rejects.toMatchObject({ code: "ENOBUFS" });
	expect(network.open).toBe(sockets.length);
	for (const socket of sockets) socket.closed();
	expect(network.open).toBe(0);
	bridge.close();
});

test("a page waits while the line of a listener is full, and is refused when the listener closes", async () => {
	const { network, bridge, connect } = await sandbox();
	const listener = new StreamSocket(network, INET4);
	expect([network.bind(listener, here(80)), listener.listen(1)]).toEqual([0, 0]);
	const client = new StreamSocket(network, INET4);
	expect(client.connect(here(80))).toBe(0);
	const waiting = connect(80);
	listener.closed();
	await expect(waiting).rejects.toMatchObject({ code: "ECONNREFUSED" });
	client.closed();
	expect(network.open).toBe(0);
	bridge.close();
});

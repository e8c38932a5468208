/**
 * The network of a sandbox, and the page's way into it.
 */
import { ECONNREFUSED, ENOBUFS } from "../abi/errno.ts";
import { errnoName } from "../abi/errno-names.ts";
import { PortholeError } from "../abi/error.ts";
import { awaitCall } from "../bridge/await-call.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Remote } from "../bridge/far.ts";
import type { PageServices } from "../protocol/sandbox.ts";
import { INET6 } from "../sockets/address.ts";
import { MOST_SOCKETS, Network } from "../sockets/network.ts";
import { StreamSocket } from "../sockets/stream.ts";
import type { Packages } from "./packages.ts";

const networks = new WeakMap<Packages, Network>();

/** The network of the sandbox that has these packages. */
function networkOf(packages: Packages, bridge: Bridge): Network {
	const network = networks.get(packages) ?? new Network(bridge);
	networks.set(packages, network);
	return network;
}

/** The same, with the page's provider where it has one. */
export async function networkFor(
	packages: Packages,
	bridge: Bridge,
	page: Remote<PageServices>,
	provider: number | undefined,
): Promise<Network> {
	const network = networkOf(packages, bridge);
	if (provider === undefined || network.beyond !== null) return network;
	const { beyond } = await import("./beyond.ts");
	network.beyond = beyond(bridge, page, provider, (socket, channel) => {
		const other = new StreamSocket(network, socket.family);
		StreamSocket.join(socket, other);
		carry(bridge, other, channel).catch(() => {});
	});
	return network;
}

/** Connects a channel of the page's with what listens at a port, and carries bytes until the connection is over. Errors:
 *  ECONNREFUSED, ENOBUFS. */
export async function connectPage(
	packages: Packages,
	bridge: Bridge,
	port: number,
	channel: MessagePort,
): Promise<void> {
	const network = networkOf(packages, bridge);
	const socket = new StreamSocket(network, INET6);
	let done: number = ENOBUFS;
	for (const host of network.open > MOST_SOCKETS ? [] : ["127.0.0.1", "::1"]) {
		done = await awaitCall(bridge, () => socket.connect({ family: INET6, host, port }));
		if (done !== ECONNREFUSED) break;
	}
	if (done === 0) return carry(bridge, socket, channel);
	socket.closed();
	const why =
		done === ECONNREFUSED
			? "no program listens there; the event `listen` tells when one does"
			: "too many sockets are open; close some";
	throw new PortholeError(errnoName(done), `port ${port} cannot be connected to: ${why}`);
}

/** Carries what a socket sends and receives. Only pages that connect need what does it. */
async function carry(bridge: Bridge, socket: StreamSocket, channel: MessagePort): Promise<void> {
	try {
		await (await import("../sockets/link.ts")).carry(bridge, socket, channel);
	} finally {
		socket.closed();
	}
}

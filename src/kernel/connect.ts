/**
 * The network of a sandbox, and the page's way into it.
 */
import type { Bridge } from "../bridge/bridge.ts";
import type { Remote } from "../bridge/far.ts";
import type { PageServices } from "../protocol/sandbox.ts";
import { INET6 } from "../sockets/address.ts";
import type * as Link from "../sockets/link.ts";
import { Network } from "../sockets/network.ts";
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
		linked(other, ({ carry }) => carry(bridge, other, channel)).catch(() => {});
	});
	return network;
}

/** Connects a channel of the page's with what listens at a port, and carries bytes until the connection is over. Errors:
 *  ECONNREFUSED, ENOBUFS. */
export function connectPage(
	packages: Packages,
	bridge: Bridge,
	port: number,
	channel: MessagePort,
): Promise<void> {
	const socket = new StreamSocket(networkOf(packages, bridge), INET6);
	return linked(socket, (link) => link.connect(bridge, socket, port, channel));
}

/** Only pages that connect need what carries bytes. The socket is closed in the end. */
async function linked(
	socket: StreamSocket,
	use: (link: typeof Link) => Promise<void>,
): Promise<void> {
	try {
		await use(await import("../sockets/link.ts"));
	} finally {
		socket.closed();
	}
}

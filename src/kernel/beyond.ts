/**
 * Addresses and names beyond the sandbox: the page's provider is asked for them. Loaded for a page that has one.
 */
import { errnoOf } from "../abi/errno-names.ts";
import type { Bridge } from "../bridge/bridge.ts";
import { giveAway, type Remote } from "../bridge/far.ts";
import type { LinkMessage } from "../protocol/link.ts";
import type { PageServices } from "../protocol/sandbox.ts";
import type { Beyond } from "../sockets/network.ts";
import type { StreamSocket } from "../sockets/stream.ts";

/** `far` is the number of the provider; `join` connects a socket with what is at the other end of a channel. */
export function beyond(
	bridge: Bridge,
	page: Remote<PageServices>,
	far: number,
	join: (socket: StreamSocket, channel: MessagePort) => void,
): Beyond {
	const codeOf = (error: unknown) => errnoOf((error as { code?: unknown } | null)?.code);
	return {
		connect(socket, host, port) {
			const ticket = bridge.ticket<void>();
			const { port1, port2 } = new MessageChannel();
			page.ask(far, "connect", giveAway([{ host, port }, port2], [port2])).then(
				() => {
					if (socket.isOpen) join(socket, port1);
					else port1.postMessage({ kind: "reset" } satisfies LinkMessage);
					ticket.answer();
				},
				(error) => ticket.fail(codeOf(error)),
			);
			return ticket;
		},

		resolve(name) {
			const ticket = bridge.ticket<unknown>();
			page.ask(far, "resolve", [name]).then(
				(found) => ticket.answer(found),
				(error) => ticket.fail(codeOf(error)),
			);
			return ticket;
		},
	};
}

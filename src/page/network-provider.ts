/**
 * A provider of the page's, as the worker may call it: what it connects is carried over a channel for each connection.
 * Loaded for a page that has one.
 */
import { PortholeError } from "../abi/error.ts";
import type { Line, RemoteObjects } from "../bridge/far.ts";
import { PageEnd } from "./connect.ts";
import type { NetworkProvider } from "./options.ts";

/** Calls are answered as they come: one that takes long holds no other up. */
const AT_ONCE: Line = { progress: 0, idle: async () => {} };

const lent = new WeakMap<RemoteObjects, number>();

/** The number under which the worker calls a provider. */
export function lendNetwork(provider: NetworkProvider, remoteObjects: RemoteObjects): number {
	const known = lent.get(remoteObjects);
	if (known !== undefined) return known;
	const object = {
		async connect(to: { host: string; port: number }, channel: MessagePort): Promise<void> {
			const { readable, writable } = await provider.connect(to);
			const end = new PageEnd(channel, () => {});
			// How either ends the streams tell each other.
			end.readable.pipeTo(writable).catch(() => {});
			readable.pipeTo(end.writable).catch(() => {});
		},

		async resolve(name: string): Promise<string[]> {
			if (provider.resolve) return [...(await provider.resolve(name))];
			throw new PortholeError("ENETUNREACH", "the provider resolves no names");
		},
	};
	const { id } = remoteObjects.lend(object, undefined, AT_ONCE);
	lent.set(remoteObjects, id);
	return id;
}

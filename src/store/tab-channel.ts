/**
 * A channel to the same code in other tabs. Some browsers have none, or refuse one to a page without an
 * origin of its own. Nothing is heard there, and what is said goes nowhere: a directory works, and notices
 * what other tabs have changed when it looks the next time, not at once.
 */

export type TabChannel = Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;

/** Opens the channel of that name. */
export function openChannel(name: string): TabChannel {
	try {
		return new BroadcastChannel(name);
	} catch {
		return { onmessage: null, postMessage: () => {}, close: () => {} };
	}
}

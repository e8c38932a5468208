/**
 * What crosses between a guest's worker, a service worker and a kernel where there is no shared memory.
 *
 * The guest makes a synchronous request to an address that no server has. The service worker passes it on
 * over a BroadcastChannel, whose name only the guest and its kernel know, and answers when the kernel
 * does. It keeps nothing in between, so a browser may stop it and start it at any time.
 */

/** Where requests go, at the page's own origin: `?to=ID&n=COUNT&kind=KIND&ms=MILLISECONDS`. */
export type ChannelPath = "/.porthole/letters";

/** What begins the name of the channel; an ID follows. */
export type ChannelName = `porthole:${string}`;

/** Each request has a number, so that one that was sent twice is carried out once. */
export interface Asked {
	readonly asks: string;
	readonly n: number;
	/** A message; a sleep of so many milliseconds; or the answer to what was asked by a message. */
	readonly kind: "message" | "sleep" | "answer";
	readonly ms: number;
	/** The message: its head, and as much of its body as is in use. */
	readonly bytes: ArrayBuffer;
}

/** The bytes are a word of flags, in eight bytes, and the message as above. */
export interface Answered {
	readonly answers: string;
	readonly bytes: ArrayBuffer;
}

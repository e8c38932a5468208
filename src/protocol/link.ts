/**
 * What crosses the channel that a connection between page and worker has, either way. A side may be so many bytes ahead
 * of what the other says to have taken.
 */

export type LinkMessage =
	/** To the page: the connection is there. */
	| { readonly kind: "open" }
	| { readonly kind: "data"; readonly chunk: Uint8Array<ArrayBuffer> }
	| { readonly kind: "taken"; readonly bytes: number }
	/** The sender will send no more. */
	| { readonly kind: "end" }
	/** The sender takes no more. */
	| { readonly kind: "stop" }
	/** The sender's connection broke off: what it was sent may be lost. */
	| { readonly kind: "reset" };

/**
 * The pass: one walk over a module's bytes that makes it interruptible, and changes what threads and
 * snapshots need changed. Indices stay what they are, nearly all bytes are copied.
 *
 *     options ─> sections.ts ──> edits.ts ──> the rewritten module, and offsets back
 *                  │    └─ append.ts, hints.ts, marker.ts
 *                  └─ code.ts (counted.ts, opcodes.ts) ─> body.ts
 *
 * A module that metering changed exports the table `porthole:breathe`, whose slot 0 the host fills with a wasm function
 * `() -> i32` that answers with the next fuel; and `porthole:fuel` `(i32) -> ()` and `porthole:left` `() -> i32`, which set and read it. An
 * answer of the fuel `f` lets the guest use `f` units and asks again with the next one.
 *
 * The pass does not validate. A valid module stays valid and does the same; an invalid one stays invalid, or the pass refuses
 * it, as it refuses all that it does not know.
 */
import { findMarker, REWRITE_VERSION } from "./marker.ts";
import type { RewriteOptions } from "./options.ts";
import { SectionWalk } from "./sections.ts";

export type { RewriteOptions } from "./options.ts";
export { UnknownModule } from "./unknown.ts";
export { REWRITE_VERSION };

export interface Rewritten {
	/** The rewritten module; the original bytes if there was nothing to change. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** How many loops there are, if metering was asked for, and how many of them got a check. */
	readonly loops: number;
	readonly metered: number;
	readonly changed: boolean;
}

/** Errors: UnknownModule, for what is not known, cut off or wrong, and for a module that was rewritten before. */
export function rewrite(bytes: Uint8Array, options: RewriteOptions): Rewritten {
	const walk = walked(bytes, options);
	const { loops, metered, changed, edits } = walk;
	return { bytes: changed ? edits.apply(bytes) : unshared(bytes), loops, metered, changed };
}

/** Where in the original module the byte at `offset` of the rewritten one comes from, for traces. What the pass put in comes from the
 *  place where it was put. Errors: as `rewrite`. */
export function originalOffset(bytes: Uint8Array, options: RewriteOptions, offset: number): number {
	const { changed, edits } = walked(bytes, options);
	return Math.min(changed ? edits.original(offset) : offset, bytes.length);
}

/** What a module says of having been rewritten; undefined if nothing, or if it cannot be read. */
export function rewrittenBy(
	bytes: Uint8Array,
): { version: number; options: RewriteOptions } | undefined {
	return findMarker(bytes);
}

function walked(bytes: Uint8Array, options: RewriteOptions): SectionWalk {
	const walk = new SectionWalk(bytes, options);
	walk.walk();
	return walk;
}

/** The same bytes; a copy of them if they lie in shared memory, which `WebAssembly.compile` refuses. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const isPlain = (view: Uint8Array): view is Uint8Array<ArrayBuffer> =>
		view.buffer instanceof ArrayBuffer;
	return isPlain(bytes) ? bytes : bytes.slice();
}

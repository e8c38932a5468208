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
import type { RewriteOptions } from "./options.ts";
import { SectionWalk } from "./sections.ts";
import { UnknownModule } from "./unknown.ts";

export type { RewriteOptions } from "./options.ts";
export { UnknownModule };

export interface Rewritten {
	/** The rewritten module; a copy of the original if there was nothing to change. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** How many loops there are, if metering was asked for, and how many of them got a check. */
	readonly loops: number;
	readonly metered: number;
	readonly changed: boolean;
}

export interface Known {
	readonly bytes: Uint8Array;
	/** Why not all was done. */
	readonly unknown?: string;
	/** Set where the memory's maximum was to be lowered and could not. */
	readonly isUnlimited?: true;
}

/** Errors: UnknownModule, for what is not known, cut off or wrong, and for a module that was rewritten before, of
 *  which only the memories' maximum can be lowered. */
export function rewrite(bytes: Uint8Array, options: RewriteOptions): Rewritten {
	const { edits, body, editor, changed } = new SectionWalk(bytes, options);
	return {
		bytes: changed ? edits.apply(bytes) : bytes.slice(),
		loops: body.loops,
		metered: editor?.metered ?? 0,
		changed,
	};
}

/** As `rewrite`, but of a module whose code is not known, or was rewritten before, only the memories' maximum is lowered,
 *  and one of which not even they are known comes back as it is. */
export function rewriteKnown(bytes: Uint8Array, options: RewriteOptions): Known {
	try {
		return rewrite(bytes, options);
	} catch (error) {
		if (!(error instanceof UnknownModule)) throw error;
		const { meter, noteRefusals, maximumPages } = options;
		const unknown = error.message;
		if (maximumPages === undefined) return { bytes, unknown };
		if (!meter && !noteRefusals) return { bytes, unknown, isUnlimited: true };
		return { ...rewriteKnown(bytes, { maximumPages }), unknown };
	}
}

/** For traces: maps an offset of the rewritten module to where it comes from in the original one. What the pass
 *  put in comes from the place where it was put. Errors: as `rewrite`. */
export function originalOffsets(
	bytes: Uint8Array,
	options: RewriteOptions,
): (offset: number) => number {
	const { changed, edits } = new SectionWalk(bytes, options);
	return (offset) => Math.min(changed ? edits.original(offset) : offset, bytes.length);
}

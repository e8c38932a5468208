/**
 * The custom section that says which pass a module went through, so that it does not go through one again.
 *
 * It stands at the end: dynamic libraries have a section that must come first. It is a claim of the
 * module itself, which proves nothing of a module from elsewhere.
 */
import type { RewriteOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { UnknownModule } from "./unknown.ts";
import { lebLength, type Writer } from "./writer.ts";

export const MARKER_NAME = "porthole:rewritten";
/** Another version makes other bytes of the same module and options, or counts fuel differently. */
export const REWRITE_VERSION = 1;

const METERS = [undefined, "uncounted", "all"] as const;
const METER = 3;
const UNSHARE = 4;
const HOOK_WAITS = 8;
const EXPORT_HIDDEN = 16;
const MAXIMUM = 32;

export function writeMarker(options: RewriteOptions, out: Writer): void {
	const { meter, unshare, hookWaits, exportHidden, maximumPages } = options;
	let flags = METERS.indexOf(meter);
	if (unshare) flags |= UNSHARE;
	if (hookWaits) flags |= HOOK_WAITS;
	if (exportHidden) flags |= EXPORT_HIDDEN;
	if (maximumPages !== undefined) flags |= MAXIMUM;
	const maximum = maximumPages ?? 0;
	const head = 1 + MARKER_NAME.length + lebLength(REWRITE_VERSION) + lebLength(flags);
	out.byte(0);
	out.u32(head + lebLength(maximum));
	out.name(MARKER_NAME);
	out.u32(REWRITE_VERSION);
	out.u32(flags);
	out.u32(maximum);
}

/** Reads what follows the name. */
export function readMarker(reader: Reader): { version: number; options: RewriteOptions } {
	const version = reader.u32();
	const flags = reader.u32();
	const maximumPages = reader.u32();
	const meter = METERS[flags & METER];
	const options = {
		...(meter && { meter }),
		...((flags & UNSHARE) !== 0 && { unshare: true }),
		...((flags & HOOK_WAITS) !== 0 && { hookWaits: true }),
		...((flags & EXPORT_HIDDEN) !== 0 && { exportHidden: true }),
		...((flags & MAXIMUM) !== 0 && { maximumPages }),
	};
	return { version, options };
}

/** What the marker of a module says, if it has one. */
export function findMarker(bytes: Uint8Array): ReturnType<typeof readMarker> | undefined {
	const reader = new Reader(bytes, 8, bytes.length);
	try {
		while (reader.at < bytes.length) {
			reader.end = bytes.length;
			const id = reader.byte();
			const end = reader.count() + reader.at;
			reader.end = end;
			if (id === 0 && reader.name() === MARKER_NAME) return readMarker(reader);
			reader.at = end;
		}
	} catch (error) {
		if (!(error instanceof UnknownModule)) throw error;
	}
	return undefined;
}

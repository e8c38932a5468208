/**
 * The custom section that says which pass a module went through, so that it does not go through one again.
 *
 * It stands at the end, for dynamic libraries have a section that must come first. It is a claim of the
 * module itself, and proves nothing of a module from elsewhere.
 */
import type { RewriteOptions } from "./options.ts";
import { Reader } from "./reader.ts";
import { lebsLength, nameLebs } from "./writer.ts";

export const MARKER_NAME = "porthole:rewritten";
/** Another version makes other bytes of the same module and options, or counts fuel in another way. */
export const REWRITE_VERSION = 2;

export interface Marker {
	readonly version: number;
	readonly options: RewriteOptions;
}

const METERS = [undefined, "uncounted", "all"] as const;
const FLAGS = ["unshare", "hookWaits", "noteRefusals", "exportHidden"] as const;

/** The section, as LEBs. Of the maximum one more is written, and 0 for none. */
export function markerLebs(options: RewriteOptions): number[] {
	const { meter, maximumPages = -1 } = options;
	const flags = FLAGS.map((flag) => (options[flag] ? 1 : 0));
	const values = [REWRITE_VERSION, METERS.indexOf(meter), ...flags, maximumPages + 1];
	const payload = [...nameLebs(MARKER_NAME), ...values];
	return [0, lebsLength(payload), ...payload];
}

/** What the marker of a module says; undefined if there is none, or what cannot be read comes first. */
export function findMarker(bytes: Uint8Array): Marker | undefined {
	const reader = new Reader(bytes);
	try {
		reader.skip(8);
		while (reader.at < bytes.length) {
			const id = reader.byte();
			const end = reader.count() + reader.at;
			if (id === 0 && reader.name() === MARKER_NAME) return readMarker(reader);
			reader.at = end;
		}
	} catch {
		// The reader refuses what is malformed: then there is no marker.
	}
	return undefined;
}

function readMarker(reader: Reader): Marker {
	const version = reader.u32();
	const meter = METERS[reader.u32()];
	const flags = Object.fromEntries(FLAGS.map((flag) => [flag, reader.u32() === 1]));
	const options = { meter, ...flags };
	const pages = reader.u32();
	return { version, options: pages === 0 ? options : { ...options, maximumPages: pages - 1 } };
}

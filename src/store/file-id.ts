/**
 * What can say which file is meant. Alone in a file, because the page and the kernel both check it, and the
 * stores that number their files are loaded late.
 */
import type { FileId } from "./store.ts";

/** Whether a store's word for a file can be one. NaN is not itself: no file would ever be the one that is
 *  meant. */
export function isFileId(value: unknown): value is FileId {
	return typeof value === "string" || (typeof value === "number" && !Number.isNaN(value));
}

/**
 * Directories of the user's that a page remembers from one visit to the next: their handles, by name,
 * in the database `porthole` of IndexedDB. The permission is not remembered with them; the browser may
 * want to ask the user again.
 */
import { createStore, del, get, set } from "idb-keyval";

export interface Remembered {
	readonly handle: FileSystemDirectoryHandle;
	readonly mode: "read" | "readwrite";
}

const handles = createStore("porthole", "handles");

export function remember(name: string, what: Remembered): Promise<void> {
	return set(name, what, handles);
}

/** Null where nothing is remembered under this name. */
export async function recall(name: string): Promise<Remembered | null> {
	const found: unknown = await get(name, handles);
	if (typeof found !== "object" || found === null || !("handle" in found)) return null;
	const { handle, mode } = found as Remembered;
	if (!(handle instanceof FileSystemDirectoryHandle)) return null;
	return { handle, mode: mode === "read" ? mode : "readwrite" };
}

export function forget(name: string): Promise<void> {
	return del(name, handles);
}

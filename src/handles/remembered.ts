/**
 * Directories of the user's disk that a page remembers from one visit to the next: their handles, by name,
 * in the database `porthole` of IndexedDB. The permission is not remembered with them; the browser may
 * ask the user again.
 */
import { createStore, del, get, set } from "idb-keyval";
import { PortholeError } from "../abi/error.ts";

export interface Remembered {
	readonly handle: FileSystemDirectoryHandle;
	readonly mode: "read" | "readwrite";
}

const handles = createStore("porthole", "handles");

export function remember(name: string, what: Remembered): Promise<void> {
	return asStorageErrors(`remember ${name}`, () => set(name, what, handles));
}

/** Null if no directory is remembered under this name. */
export async function recall(name: string): Promise<Remembered | null> {
	const found: unknown = await asStorageErrors(`restore ${name}`, () => get(name, handles));
	if (typeof found !== "object" || found === null || !("handle" in found)) return null;
	const { handle, mode } = found as Remembered;
	if (!(handle instanceof FileSystemDirectoryHandle)) return null;
	return { handle, mode: mode === "read" ? mode : "readwrite" };
}

export function forget(name: string): Promise<void> {
	return asStorageErrors(`forget ${name}`, () => del(name, handles));
}

/** Runs `work`; an error of IndexedDB becomes a PortholeError. */
async function asStorageErrors<T>(call: string, work: () => Promise<T>): Promise<T> {
	if (globalThis.indexedDB === undefined) {
		throw new PortholeError("not-supported", "there is no IndexedDB here");
	}
	try {
		return await work();
	} catch (cause) {
		const [code, said] =
			cause instanceof Error && cause.name === "SecurityError"
				? ["EACCES", "the browser refuses this page its storage"]
				: ["EIO", String(cause)];
		throw new PortholeError(code, `${code}: ${call} (database porthole: ${said})`, { cause });
	}
}

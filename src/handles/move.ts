/**
 * Moving files and directories. A browser moves a file at once, over an existing one; it does not move a
 * directory, so the files in it are moved one by one. Where a browser cannot even move a file, the file is
 * copied and then removed.
 *
 * A move may be interrupted and done again: a file that was moved is no longer at its old place.
 */
import { type Directory, type Folder, type Handle, keyIn, NOTES, type Place } from "./names.ts";
import { type Sidecars, stampOf } from "./sidecar.ts";
import { copyFile, moveFile } from "./whole-file.ts";

/** Moves a file or directory, with the notes in the directory. */
export async function move(
	moved: Handle,
	source: Place,
	target: Place,
	notes: Sidecars,
): Promise<void> {
	if (moved.kind === "file") {
		if (await moveFile(moved, target)) return;
		await copyFile(moved, target);
	} else await moveInside(moved, source, target, notes);
	await source.directory.removeEntry(source.name);
}

/** Moves the contents of a directory. */
async function moveInside(
	moved: Directory,
	source: Place,
	target: Place,
	notes: Sidecars,
): Promise<void> {
	const from: Folder = { directory: moved, key: keyIn(source, source.name) };
	const directory = await target.directory.getDirectoryHandle(target.name, { create: true });
	const to: Folder = { directory, key: keyIn(target, target.name) };
	// The notes are copied first, and removed from the source last: a file that is moved keeps its stamp.
	const noted = new Map([...(await notes.of(from)), ...(await notes.of(to))]);
	await notes.write(to, noted);
	for (const handle of await childrenOf(moved)) {
		const { name } = handle;
		const note = noted.get(name);
		const counts = note !== undefined && note.seen === (await stampOf(handle));
		await move(handle, { ...from, name }, { ...to, name }, notes);
		const there = counts && handle.kind === "file" ? await directory.getFileHandle(name) : null;
		if (there === null) continue;
		// A file that was copied has a new time.
		const now = await stampOf(there);
		if (now !== note?.seen) await notes.set(to, name, { ...note, seen: now });
	}
	await notes.clear(from);
}

/** All of them, before the first is moved. */
async function childrenOf(directory: Directory): Promise<Handle[]> {
	const found: Handle[] = [];
	for await (const handle of directory.values()) {
		// The notes were copied before. A directory of that name is the user's, and is moved.
		if (handle.kind === "directory" || !NOTES.has(handle.name)) found.push(handle);
	}
	return found;
}

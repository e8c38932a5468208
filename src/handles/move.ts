/**
 * Moving files and directories. A browser moves a file at once, and replaces another with it; a
 * directory it does not move, so its files are moved one by one. Where not even a file is moved, it is
 * copied and then removed.
 *
 * All of it may be interrupted and done again: what has been moved is no longer where it was.
 */
import { type Directory, type Folder, type Handle, keyIn, NOTES, type Place } from "./names.ts";
import { type Notebook, seen } from "./sidecar.ts";
import { copyFile, moveFile } from "./whole-file.ts";

/** Moves whatever there is, with what is noted below it. */
export async function move(
	moved: Handle,
	source: Place,
	target: Place,
	notes: Notebook,
): Promise<void> {
	if (moved.kind === "file") {
		if (await moveFile(moved, target)) return;
		await copyFile(moved, target);
	} else await moveInside(moved, source, target, notes);
	await source.directory.removeEntry(source.name);
}

/** Moves what is in a directory. */
async function moveInside(
	moved: Directory,
	source: Place,
	target: Place,
	notes: Notebook,
): Promise<void> {
	const from: Folder = { directory: moved, key: keyIn(source, source.name) };
	const directory = await target.directory.getDirectoryHandle(target.name, { create: true });
	const to: Folder = { directory, key: keyIn(target, target.name) };
	// First of all, and kept where it came from until the end: a file that is moved stays as it was seen.
	const noted = new Map([...(await notes.of(from)), ...(await notes.of(to))]);
	await notes.write(to, noted);
	for (const handle of await childrenOf(moved)) {
		const { name } = handle;
		const note = noted.get(name);
		const counts = note !== undefined && note.seen === (await seen(handle));
		await move(handle, { ...from, name }, { ...to, name }, notes);
		const there = counts && handle.kind === "file" ? await directory.getFileHandle(name) : null;
		if (there === null) continue;
		// One that was copied has another time.
		const now = await seen(there);
		if (now !== note?.seen) await notes.set(to, name, { ...note, seen: now });
	}
	await notes.clear(from);
}

/** All of them, before the first is moved. */
async function childrenOf(directory: Directory): Promise<Handle[]> {
	const found: Handle[] = [];
	for await (const handle of directory.values()) {
		// Notes go another way. A directory of that name is somebody's, and goes along.
		if (handle.kind === "directory" || !NOTES.has(handle.name)) found.push(handle);
	}
	return found;
}

/**
 * Files that change in one step, or not at all: moved, copied, replaced.
 *
 * A browser moves a file at once, over an existing one, and a draft replaces its file at once. Bytes for which
 * there is no space the browser may leave out without an error, so a file is measured after it was copied or
 * replaced.
 */
import { PortholeError } from "../abi/error.ts";
import { child, type Directory, isCalled } from "./names.ts";

/** Where a file is moved or copied to. */
interface Target {
	readonly directory: Directory;
	readonly name: string;
}

/** A method that browsers have and the types do not know yet. */
interface Movable {
	move?(directory: Directory, name: string): Promise<void>;
}

/** Errors of a move that a copy would have too. */
const FINAL: ReadonlySet<string> = new Set([
	"NoModificationAllowedError",
	"NotFoundError",
	"QuotaExceededError",
]);
/** How many damaged files of one name a directory keeps. */
const MOST_KEPT = 100;

/** Moves a file in one step, over an existing one. False if this browser cannot. */
export async function moveFile(
	file: FileSystemFileHandle & Movable,
	{ directory, name }: Target,
): Promise<boolean> {
	try {
		if (file.move === undefined) return false;
		await file.move(directory, name);
		return true;
	} catch (error) {
		if (FINAL.has((error as Error).name)) throw error;
		return false;
	}
}

export async function copyFile(
	file: FileSystemFileHandle,
	{ directory, name }: Target,
): Promise<void> {
	const copy = await directory.getFileHandle(name, { create: true });
	const original = await file.getFile();
	await original.stream().pipeTo(await copy.createWritable());
	// The caller may remove the original next.
	await measure(copy, original.size);
}

/** Replaces the contents of a file by a text. */
export async function replaceFile(file: FileSystemFileHandle, text: string): Promise<void> {
	const bytes = new TextEncoder().encode(text);
	const writable = await file.createWritable();
	await writable.write(bytes);
	await writable.close();
	await measure(file, bytes.length);
}

/** Errors: QuotaExceededError if a file is shorter than it should be. */
export async function measure(file: FileSystemFileHandle, size: number): Promise<void> {
	if ((await file.getFile()).size >= size) return;
	throw new DOMException("the browser has left out a part", "QuotaExceededError");
}

/** The file of this name; null if there is none. */
export async function fileIn(
	directory: Directory,
	name: string,
): Promise<FileSystemFileHandle | null> {
	try {
		return await directory.getFileHandle(name);
	} catch (error) {
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
}

/** Renames a damaged file of Porthole's own, so that the user can look at it, and answers with the new name. */
export async function setAside(directory: Directory, name: string): Promise<string> {
	const file = await directory.getFileHandle(name);
	for (let more = 1; more <= MOST_KEPT; more++) {
		const kept = `${name}.damaged${more === 1 ? "" : `-${more}`}`;
		if ((await child(directory, kept)) !== null) continue;
		const target = { directory, name: kept };
		if (await moveFile(file, target)) return kept;
		try {
			await copyFile(file, target);
		} catch (error) {
			await directory.removeEntry(kept).catch(() => {});
			throw error;
		}
		await directory.removeEntry(name);
		return kept;
	}
	throw new PortholeError("EEXIST", `too many files are called ${name}.damaged`);
}

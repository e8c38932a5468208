/**
 * Files that change in one step, or not at all: moved, copied, replaced.
 *
 * A browser moves a file at once, over what is there, and a draft takes a file's place at once. What it has
 * no room for it may leave out without an error, so what was copied or replaced is measured afterwards.
 */
import { PortholeError } from "../abi/error.ts";
import { child, type Directory, isCalled } from "./names.ts";

/** Where a file is to go. */
interface Target {
	readonly directory: Directory;
	readonly name: string;
}

/** What browsers can do with a file, and the types do not know yet. */
interface Movable {
	move?(directory: Directory, name: string): Promise<void>;
}

/** Errors that moving and copying have in common: another way would not help. */
const FINAL: ReadonlySet<string> = new Set([
	"NoModificationAllowedError",
	"NotFoundError",
	"QuotaExceededError",
]);
/** How many damaged files of one name are kept in a directory. */
const MOST_KEPT = 100;

/** Moves a file in one step, over what is there. False where this browser cannot. */
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
	// The original may go next.
	await measure(copy, original.size);
}

/** Writes a file that holds this text and nothing else. */
export async function replaceFile(file: FileSystemFileHandle, text: string): Promise<void> {
	const bytes = new TextEncoder().encode(text);
	const writable = await file.createWritable();
	await writable.write(bytes);
	await writable.close();
	await measure(file, bytes.length);
}

/** Errors: QuotaExceededError where a file is shorter than what was put into it. */
export async function measure(file: FileSystemFileHandle, size: number): Promise<void> {
	if ((await file.getFile()).size >= size) return;
	throw new DOMException("the browser has left out a part", "QuotaExceededError");
}

/** The file of this name; null where nothing is. */
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

/** Gives a damaged file of ours another name in its directory, for somebody to look at, and answers with
 *  that name. */
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

/**
 * A change of several steps that must not be seen half done: an *intent*.
 *
 * A browser moves one file at once, but not a directory, nor a file together with the note on it, and it
 * makes no symlinks. So before the first step the store writes what it is about to do into a file in the root
 * of the mount, and removes that file after the last step. A store that finds an intent when it takes the
 * lease does the steps to the end. Each step can be done twice, so a crash is seen as before all of them, or
 * after all of them.
 *
 * An intent that is damaged, or that cannot be done any more because another program has removed the files
 * that it names, must not make the mount unusable: the store puts it aside under another name and tells the
 * page.
 */
import { PortholeError } from "../abi/error.ts";
import { isWithin, split } from "../store/paths.ts";
import { type Directory, INTENT, isCalled } from "./names.ts";
import { type Note, noteToJson, parseNote } from "./sidecar.ts";
import { replaceFile } from "./whole-file.ts";

export type Intent =
	/** Paths within the mount; what was noted on the source goes along. */
	| {
			readonly kind: "rename";
			readonly from: string;
			readonly to: string;
			readonly note: Note | null;
	  }
	| { readonly kind: "symlink"; readonly path: string; readonly target: string };

const FORMAT = 1;
/** Two paths or one, and a note. */
const MOST_BYTES = 1 << 20;

/** The unfinished intent of this mount; `"empty"` for a file that was made and not yet written, before the
 *  first step, and `"damaged"` for one that does not parse. */
export async function readIntent(root: Directory): Promise<Intent | "empty" | "damaged" | null> {
	let file: File;
	try {
		file = await (await root.getFileHandle(INTENT)).getFile();
	} catch (error) {
		// A directory of that name belongs to another program.
		if (isCalled(error, "NotFoundError") || isCalled(error, "TypeMismatchError")) return null;
		throw error;
	}
	if (file.size === 0) return "empty";
	return (file.size > MOST_BYTES ? null : parse(await file.text())) ?? "damaged";
}

/** Writes the intent in a draft that replaces the file when it is closed: it is there whole, or not at all. */
export async function writeIntent(root: Directory, intent: Intent): Promise<void> {
	const file = await root.getFileHandle(INTENT, { create: true }).catch((cause: unknown) => {
		if (!isCalled(cause, "TypeMismatchError")) throw cause;
		const why = `what takes several steps is written down in ${INTENT}, which is a directory here; rename it`;
		throw new PortholeError("EIO", why, { cause });
	});
	const note = "note" in intent && intent.note !== null && { note: noteToJson(intent.note) };
	await replaceFile(file, JSON.stringify({ format: FORMAT, ...intent, ...note }));
}

export async function removeIntent(root: Directory): Promise<void> {
	await root.removeEntry(INTENT);
}

/** Null for text that is no intent. */
function parse(text: string): Intent | null {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return null;
	}
	if (typeof value !== "object" || value === null || !("format" in value)) return null;
	const { format, kind, from, to, note, path, target } = value as Record<string, unknown>;
	if (format !== FORMAT) return null;
	if (kind === "rename" && typeof from === "string" && typeof to === "string") {
		const noted = note === null ? null : parseNote(note);
		// A directory that is moved into itself would never be done.
		if (!isName(from) || !isName(to) || isWithin(to, from)) return null;
		return note !== null && noted === null ? null : { kind, from, to, note: noted };
	}
	if (kind === "symlink" && typeof path === "string" && typeof target === "string") {
		if (!isName(path)) return null;
		return { kind, path, target };
	}
	return null;
}

/** Whether a file of the mount can have this path. */
function isName(path: string): boolean {
	const names = split(path);
	return names.length > 0 && !names.some((name) => name === "." || name === "..");
}

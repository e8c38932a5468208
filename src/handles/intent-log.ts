/**
 * What takes several steps, and must not be seen half done: an *intent*.
 *
 * A browser moves one file at once, but not a directory, nor a file together with what is noted on it,
 * nor does it make a symlink. So before the first step it is written down what is to become of it, in a
 * file of its own in the root of the mount, and after the last step that file goes. Who finds one when
 * they open the mount does the steps to the end. Each step may therefore be done again: a crash is seen
 * as before all of them, or after.
 *
 * An intent that is damaged, or that cannot be done any more because somebody has removed what it is about,
 * must not close the mount for good: it is put aside under another name, and the page is told.
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

/** What was begun in this mount and not finished; `"empty"` for a file that was made and not yet written,
 *  when nothing had been begun, and `"damaged"` for what makes no sense. */
export async function readIntent(root: Directory): Promise<Intent | "empty" | "damaged" | null> {
	let file: File;
	try {
		file = await (await root.getFileHandle(INTENT)).getFile();
	} catch (error) {
		// A directory that is called so is somebody's.
		if (isCalled(error, "NotFoundError") || isCalled(error, "TypeMismatchError")) return null;
		throw error;
	}
	if (file.size === 0) return "empty";
	return (file.size > MOST_BYTES ? null : parse(await file.text())) ?? "damaged";
}

/** Written in a copy that takes its place when it is closed: it is there whole, or not at all. */
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

/** Null for what is no intent. */
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
		// Moved into itself it would have no end.
		if (!isName(from) || !isName(to) || isWithin(to, from)) return null;
		return note !== null && noted === null ? null : { kind, from, to, note: noted };
	}
	if (kind === "symlink" && typeof path === "string" && typeof target === "string") {
		if (!isName(path)) return null;
		return { kind, path, target };
	}
	return null;
}

/** Whether something in the mount can have this path. */
function isName(path: string): boolean {
	const names = split(path);
	return names.length > 0 && !names.some((name) => name === "." || name === "..");
}

/**
 * What takes several steps, and must not be seen half done: an *intent*.
 *
 * A browser moves one file at once, but not a directory, nor a file together with what is noted on it,
 * nor does it make a symlink. So before the first step it is written down what is to become of it, in a
 * file of its own in the root of the mount, and after the last step that file goes. Who finds one when
 * they open the mount does the steps to the end. Each step may therefore be done again: a crash is seen
 * as before all of them, or after.
 */
import { PortholeError } from "../abi/error.ts";
import { type Directory, INTENT, isCalled } from "./names.ts";
import { type Note, noteToJson, parseNote } from "./sidecar.ts";

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

/** What was begun in this mount and not finished. Errors: EIO for what makes no sense. */
export async function readIntent(root: Directory): Promise<Intent | null> {
	let file: File;
	try {
		file = await (await root.getFileHandle(INTENT)).getFile();
	} catch (error) {
		if (isCalled(error, "NotFoundError")) return null;
		throw error;
	}
	// A file that was made and not yet written: nothing has been begun.
	if (file.size === 0) return null;
	const intent = file.size > MOST_BYTES ? null : parse(await file.text());
	if (intent === null) {
		throw new PortholeError("EIO", `${INTENT} is damaged; without it, a change may be half done`);
	}
	return intent;
}

/** Written in a copy that takes its place when it is closed: it is there whole, or not at all. */
export async function writeIntent(root: Directory, intent: Intent): Promise<void> {
	const file = await root.getFileHandle(INTENT, { create: true });
	const writable = await file.createWritable();
	const note = "note" in intent && intent.note !== null && { note: noteToJson(intent.note) };
	await writable.write(JSON.stringify({ format: FORMAT, ...intent, ...note }));
	await writable.close();
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
		return note !== null && noted === null ? null : { kind, from, to, note: noted };
	}
	if (kind === "symlink" && typeof path === "string" && typeof target === "string") {
		return { kind, path, target };
	}
	return null;
}

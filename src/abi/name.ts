/**
 * What can be the name of a file, and so of a command: one component of a path.
 */
const encoder = new TextEncoder();
/** Bytes of the longest name. */
const LONGEST = 255;

/** Whether something can be called `name`: text of 1 to 255 bytes of UTF-8 without `/` and NUL, and
 *  neither `.` nor `..`. Half a pair of surrogates is no text, and would come back as something else. */
export function isName(name: unknown): name is string {
	if (typeof name !== "string" || name === "." || name === ".." || !/^[^/\0]+$/.test(name)) {
		return false;
	}
	const short = name.length <= LONGEST / 3;
	return name.isWellFormed() && (short || encoder.encode(name).length <= LONGEST);
}

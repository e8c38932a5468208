/**
 * Attributes that are nearly right: `arg` for `args`, `commands` for `command`.
 */

/** The one of `names` that is meant by `written`: they differ by a letter, or one begins with the other.
 *  Undefined where none is, and where `written` is right. */
export function nearAttribute(written: string, names: readonly string[]): string | undefined {
	const name = written.toLowerCase();
	if (names.includes(name)) return undefined;
	return names.find((right) => begins(name, right) || begins(right, name) || isTypo(name, right));
}

/** Three letters say enough. */
function begins(long: string, short: string): boolean {
	return short.length >= 3 && long.startsWith(short);
}

/** Whether two names differ by one letter: added, left out, taken for another, or swapped with the next. */
function isTypo(a: string, b: string): boolean {
	let start = 0;
	while (start < a.length && a[start] === b[start]) start++;
	let end = 0;
	while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
	const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
	const swapped = x.length === 2 && y.length === 2 && x[0] === y[1] && x[1] === y[0];
	return (x.length <= 1 && y.length <= 1) || swapped;
}

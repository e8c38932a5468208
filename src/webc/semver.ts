/**
 * Version requirements as Cargo writes them: `1.2` and `^1.2` mean compatible, `~1.2` nearly the
 * same, `=1.2` that one, `>=1, <2` a range, `1.*` and `*` any. A part that is missing may be anything.
 *
 * Every requirement becomes comparisons of the form "at least this" and "below that", so that
 * there is only one thing to test.
 */
interface Version {
	readonly numbers: readonly [number, number, number];
	/** The identifiers behind the hyphen; empty for a release. */
	readonly pre: readonly string[];
}

interface Range {
	readonly from: Version;
	readonly fromIncluded: boolean;
	/** Undefined: no upper bound. */
	readonly to: Version | undefined;
	readonly toIncluded: boolean;
	/** The release whose pre-releases are meant too. */
	readonly base: Version;
}

const comparator =
	/^(\^|~|=|>=|<=|>|<)?\s*v?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?(?:-([\w.-]+))?(?:\+[\w.-]+)?$/i;

/** Whether `version` meets `requirement`. A version that is not known meets any. */
export function satisfies(version: string, requirement: string): boolean {
	const wanted = requirement.trim();
	if (version === "" || wanted === "" || wanted === "*" || wanted === "latest") return true;
	const found = parse(version);
	const ranges = wanted.split(/,|(?<=[\w*])\s+(?=[<>=^~])/).map((part) => range(part.trim()));
	if (!found || ranges.includes(undefined)) return version === wanted;
	const all = ranges.filter((part) => part !== undefined);
	return all.every((part) => within(found, part)) && (isRelease(found) || all.some(meant(found)));
}

/** Below 0 where `a` is older than `b`. An unknown version is older than any. */
export function compareVersions(a: string, b: string): number {
	const x = parse(a);
	const y = parse(b);
	if (!x || !y) return (x ? 1 : 0) - (y ? 1 : 0);
	return compare(x, y);
}

function parse(text: string): Version | undefined {
	const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([\w.-]+))?(?:\+[\w.-]+)?$/.exec(text.trim());
	if (!match) return undefined;
	return version([Number(match[1]), Number(match[2]), Number(match[3] ?? 0)], match[4]);
}

function version(numbers: readonly [number, number, number], pre?: string): Version {
	return { numbers, pre: pre ? pre.split(".") : [] };
}

function range(text: string): Range | undefined {
	if (text === "*") return between(version([0, 0, 0]), undefined);
	const match = comparator.exec(text);
	if (!match) return undefined;
	const part = (text: string | undefined) => (text && /^\d/.test(text) ? Number(text) : undefined);
	const [major, minor, patch] = [Number(match[2]), part(match[3]), part(match[4])];
	const base = version([major, minor ?? 0, patch ?? 0], match[5]);
	/** The first version that is none of those that the given parts describe. */
	const after =
		minor === undefined
			? version([major + 1, 0, 0])
			: patch === undefined
				? version([major, minor + 1, 0])
				: undefined;
	const wildcard = /[x*]/i.test(`${match[3]}${match[4]}`);
	switch (match[1] ?? (wildcard ? "=" : "^")) {
		case "=":
			return after ? between(base, after) : { ...between(base, base), toIncluded: true };
		case ">":
			return after
				? between(after, undefined)
				: { ...between(base, undefined), fromIncluded: false };
		case ">=":
			return between(base, undefined);
		case "<":
			return { ...between(version([0, 0, 0], "0"), base), base };
		case "<=":
			return { ...between(version([0, 0, 0], "0"), after ?? base), toIncluded: !after, base };
		case "~":
			return between(
				base,
				version(minor === undefined ? [major + 1, 0, 0] : [major, minor + 1, 0]),
			);
		default:
			return between(base, caret(major, minor, patch));
	}
}

/** The leftmost number that is not 0 stays. */
function caret(major: number, minor: number | undefined, patch: number | undefined): Version {
	if (major > 0 || minor === undefined) return version([major + 1, 0, 0]);
	if (minor > 0 || patch === undefined) return version([0, minor + 1, 0]);
	return version([0, 0, patch + 1]);
}

function between(from: Version, to: Version | undefined): Range {
	return { from, fromIncluded: true, to, toIncluded: false, base: from };
}

function within(found: Version, { from, fromIncluded, to, toIncluded }: Range): boolean {
	const low = compare(found, from);
	if (low < 0 || (low === 0 && !fromIncluded)) return false;
	const high = to ? compare(found, to) : -1;
	return high < 0 || (high === 0 && toIncluded);
}

/** A pre-release is meant only by a requirement that names one of the same release. */
function meant(found: Version): (range: Range) => boolean {
	return ({ base }) => !isRelease(base) && base.numbers.every((n, i) => n === found.numbers[i]);
}

function isRelease({ pre }: Version): boolean {
	return pre.length === 0;
}

function compare(a: Version, b: Version): number {
	for (let i = 0; i < 3; i++) {
		const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0);
		if (difference !== 0) return difference;
	}
	if (isRelease(a) || isRelease(b)) return a.pre.length === 0 ? b.pre.length : -1;
	return comparePre(a.pre, b.pre);
}

function comparePre(a: readonly string[], b: readonly string[]): number {
	for (let i = 0; i < Math.min(a.length, b.length); i++) {
		const [x = "", y = ""] = [a[i], b[i]];
		if (x === y) continue;
		const [xIsNumber, yIsNumber] = [/^\d+$/.test(x), /^\d+$/.test(y)];
		if (xIsNumber && yIsNumber) return Number(x) - Number(y);
		if (xIsNumber !== yIsNumber) return xIsNumber ? -1 : 1;
		return x < y ? -1 : 1;
	}
	return a.length - b.length;
}

/**
 * The files of a directory of a web server, from an index or from the server's own listings.
 *
 * An *index* tells of a whole tree at once, in one of two forms:
 *
 *     [ "notes/a.txt", "empty/", { "path": "big.bin", "size": 1048576, "modified": 1767225600000 } ]
 *
 *     notes/a.txt          a path on each line, as `find . -type f` prints them
 *     empty/
 *
 * A path that ends in a slash is a directory; those above a path are there without being named. `size`
 * is in bytes, `modified` in milliseconds since 1970 or a date; either may be missing.
 *
 * A *listing* tells of one directory: the page that a server makes of it. Read are those of nginx (also
 * as JSON), Apache, lighttpd and Python's `http.server`. Of a page only links to entries of that very
 * directory count; a page without the title of a listing is refused, since it may be any page of the site.
 *
 * Both are untrusted, so both are bounded, and a name that no file can have is refused.
 */
import { PortholeError } from "../abi/error.ts";

/** A file or directory that an index or listing names. */
export interface ListedEntry {
	readonly path: string;
	readonly type: "file" | "directory";
	/** Bytes; undefined if it is not told. */
	readonly size: number | undefined;
	/** Milliseconds since 1970; undefined if it is not told. */
	readonly modified: number | undefined;
}

export const MOST_ENTRIES = 1_000_000;
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;

/** Everything that an index names. Errors: EIO for text that is no index, EINVAL for a path that is none. */
export function readIndex(text: string, where: string): ListedEntry[] {
	const trimmed = text.trimStart();
	if (!trimmed.startsWith("[")) {
		if (/^[{<]/.test(trimmed))
			throw unreadable(where, "it is neither a JSON list nor a list of paths");
		return bounded(
			text.split(/\r?\n/).filter((line) => line !== ""),
			where,
		).map((path) => entryOf(path, where));
	}
	return bounded(parse(text, where), where).map((entry) => {
		if (typeof entry === "string") return entryOf(entry, where);
		const { path, size, modified } = isRecord(entry) ? entry : {};
		if (typeof path !== "string") {
			throw unreadable(where, "an entry is a path, or an object with one");
		}
		return entryOf(path, where, sizeOf(size, path), timeOf(modified, path));
	});
}

/** The entries of one directory, whose address is `url`. */
export function readListing(text: string, url: string): ListedEntry[] {
	const told = text.trimStart().startsWith("[") ? readJson(text, url) : readPage(text, url);
	const seen = new Map<string, ListedEntry>();
	for (const entry of bounded(told, url)) {
		const before = seen.get(entry.path);
		// Apache's icons are links too.
		if (before !== undefined && before.type !== entry.type) {
			throw unreadable(url, `${entry.path} is listed as a file and as a directory`);
		}
		seen.set(entry.path, entry);
	}
	return [...seen.values()];
}

/** nginx with `autoindex_format json`. */
function readJson(text: string, url: string): ListedEntry[] {
	const entries: ListedEntry[] = [];
	for (const entry of parse(text, url)) {
		const { name, type, size, mtime } = isRecord(entry) ? entry : {};
		if (typeof name !== "string") throw unreadable(url, "an entry has no name");
		// Sockets and devices are left out.
		if (type !== "file" && type !== "directory") continue;
		checkName(name, url);
		const length = type === "file" ? sizeOf(size, name) : undefined;
		entries.push({ path: name, type, size: length, modified: timeOf(mtime, name) });
	}
	return entries;
}

const LINK = /<a\s(?:[^>]*?\s)?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))/gi;

function readPage(text: string, url: string): ListedEntry[] {
	if (!/<title>\s*(Index of|Directory listing)\b/i.test(text.slice(0, 10_000))) {
		throw unreadable(url, "the server's answer is not a listing of a directory; give an index");
	}
	const entries: ListedEntry[] = [];
	for (const [, double, single, bare] of text.matchAll(LINK)) {
		const name = childOf(plain(double ?? single ?? bare ?? ""), url);
		if (name === null) continue;
		const type = name.endsWith("/") ? "directory" : "file";
		const path = type === "directory" ? name.slice(0, -1) : name;
		checkName(path, url);
		entries.push({ path, type, size: undefined, modified: undefined });
	}
	return entries;
}

/** The name of the entry of the directory `url` that a link leads to, directories with their slash;
 *  null for a link that leads elsewhere: up, sorted otherwise, or to another site. */
function childOf(link: string, url: string): string | null {
	const base = new URL(url);
	if (!URL.canParse(link, url)) return null;
	const { origin, pathname, search, hash } = new URL(link, url);
	if (origin !== base.origin || search !== "" || hash !== "") return null;
	if (!pathname.startsWith(base.pathname) || pathname === base.pathname) return null;
	const rest = pathname.slice(base.pathname.length);
	if (rest.slice(0, -1).includes("/")) return null;
	try {
		return decodeURIComponent(rest);
	} catch {
		throw unreadable(url, `${link} is not written as a link should be`);
	}
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
	["amp", "&"],
	["lt", "<"],
	["gt", ">"],
	["quot", '"'],
	["apos", "'"],
]);

/** An attribute's text without its entities. */
function plain(text: string): string {
	return text.replace(
		/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi,
		(whole, hex, decimal, name) => {
			if (name !== undefined) return ENTITIES.get(name) ?? whole;
			const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
			return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
		},
	);
}

function entryOf(written: string, where: string, size?: number, modified?: number): ListedEntry {
	if (written.length > LONGEST_PATH) throw refused(where, written, "is too long");
	const directory = written.endsWith("/");
	const path = written.replace(/^\.\//, "").replace(/\/$/, "");
	for (const name of path.split("/")) checkName(name, where);
	return { path, type: directory ? "directory" : "file", size, modified };
}

/** Errors: EINVAL for what cannot be the name of one entry. */
function checkName(name: string, where: string): void {
	if (name === "") throw refused(where, name, "is empty, or the path begins with a slash");
	if (name === "." || name === "..") throw refused(where, name, "leads elsewhere");
	if (name.length > LONGEST_NAME) throw refused(where, name, "is too long");
	if (name.includes("/") || name.includes("\0")) throw refused(where, name, "has a slash or a NUL");
	if (!isText(name)) throw refused(where, name, "is not text");
}

/** Whether a name can be written in an address: it has no half of a character. */
function isText(name: string): boolean {
	try {
		encodeURIComponent(name);
		return true;
	} catch {
		return false;
	}
}

function sizeOf(size: unknown, path: string): number | undefined {
	if (size === undefined || size === null) return undefined;
	if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
	throw unreadable(path, "its size is not a number of bytes");
}

function timeOf(time: unknown, path: string): number | undefined {
	if (time === undefined || time === null) return undefined;
	const milliseconds = typeof time === "string" ? Date.parse(time) : time;
	if (typeof milliseconds === "number" && Math.abs(milliseconds) <= 8.64e15) return milliseconds;
	throw unreadable(path, "its time is neither a date nor milliseconds");
}

function parse(text: string, where: string): unknown[] {
	try {
		const value: unknown = JSON.parse(text);
		if (Array.isArray(value)) return value;
	} catch {
		// Reported below.
	}
	throw unreadable(where, "it is not a list in JSON");
}

function bounded<T>(entries: T[], where: string): T[] {
	if (entries.length <= MOST_ENTRIES) return entries;
	throw new PortholeError("EFBIG", `EFBIG: ${where} names more than ${MOST_ENTRIES} entries`);
}

/** An entry of an index or listing before it is checked. */
interface RawEntry {
	readonly path?: unknown;
	readonly name?: unknown;
	readonly type?: unknown;
	readonly size?: unknown;
	readonly modified?: unknown;
	readonly mtime?: unknown;
}

function isRecord(value: unknown): value is RawEntry {
	return typeof value === "object" && value !== null;
}

function unreadable(where: string, why: string): PortholeError {
	return new PortholeError("EIO", `EIO: ${where} cannot be read: ${why}`);
}

function refused(where: string, name: string, why: string): PortholeError {
	return new PortholeError(
		"EINVAL",
		`EINVAL: ${where} names ${JSON.stringify(name.slice(0, 80))}, which ${why}`,
	);
}

/**
 * The directories that the visitor has mounted: what each is, how it is written down for the next
 * visit, and the library's object for it.
 */
import {
	type Directory,
	HTTPDirectory,
	IndexedDBDirectory,
	MemoryDirectory,
	OPFSDirectory,
} from "../index.ts";
import { openFolder } from "./folders.ts";

export type Kind = "indexeddb" | "opfs" | "folder" | "http" | "memory";

export interface SavedMount {
	/** Where guests see it. */
	readonly path: string;
	readonly kind: Kind;
	/** What it is called there: a database, a directory, a folder of the visitor's, an address. */
	readonly name: string;
}

/** Where the visitor's files are. Not in `/home`: a mount there becomes the working directory, and C
 *  libraries then look for absolute paths in it. */
export const FILES = "/files";

/** What a first visit begins with. */
export const FIRST: readonly SavedMount[] = [
	{ path: FILES, kind: "indexeddb", name: "playground" },
];

interface KindInfo {
	readonly title: string;
	/** What its name is; empty where it has none. */
	readonly label: string;
	readonly example: string;
	readonly hint: string;
}

export const KINDS: ReadonlyMap<Kind, KindInfo> = new Map([
	[
		"indexeddb",
		{
			title: "IndexedDB",
			label: "Name of the database",
			example: "notes",
			hint: "Kept by this browser, for this site.",
		},
	],
	[
		"opfs",
		{
			title: "Private file system (OPFS)",
			label: "Directory",
			example: "work",
			hint: "Kept by this browser, for this site. Good for large files that are changed in mount.",
		},
	],
	[
		"folder",
		{
			title: "Folder of this computer",
			label: "",
			example: "",
			hint: "You choose it, and the browser asks you. Changes of either side are seen by the other.",
		},
	],
	[
		"http",
		{
			title: "Web server (read only)",
			label: "Address of the directory, or of its index (.json, .txt)",
			example: "https://…/files/",
			hint: "By an index file, or by the listings of nginx, Apache or Python's server.",
		},
	],
	["memory", { title: "Memory", label: "", example: "", hint: "Gone when the page is closed." }],
]);

/** What was written down, without what cannot be read: it may be of another version, or anybody's. */
export function readSavedMounts(text: string | null): readonly SavedMount[] {
	if (text === null) return FIRST;
	try {
		const list: unknown = JSON.parse(text);
		const mounts: SavedMount[] = [];
		for (const one of Array.isArray(list) ? list.slice(0, 100) : []) {
			const { path, kind, name } = Object(one) as Record<string, unknown>;
			if (typeof path !== "string" || typeof name !== "string") continue;
			const found = [...KINDS.keys()].find((known) => known === kind);
			const mount = found && { path, kind: found, name };
			if (mount && faultOf(mount, mounts) === null) mounts.push(mount);
		}
		return mounts;
	} catch {
		return FIRST;
	}
}

export interface Fault {
	readonly field: "path" | "name";
	readonly why: string;
}

/** What is wrong with a mount beside others; null for nothing. */
export function faultOf(
	{ path, kind, name }: SavedMount,
	others: readonly SavedMount[],
): Fault | null {
	const bad = (why: string): Fault => ({ field: "path", why });
	const parts = path.split("/");
	if (!path.startsWith("/") || parts.slice(1).some((part) => ["", ".", ".."].includes(part))) {
		return bad("A path begins with a slash and has a name after each, such as /data.");
	}
	if (path.includes("\0")) return bad("A path has no NUL.");
	if (others.some((other) => other.path === path))
		return bad(`Something is mounted at ${path} already.`);
	const label = KINDS.get(kind)?.label ?? "";
	return label !== "" && name === "" ? { field: "name", why: `${label}: please fill in.` } : null;
}

/** Errors: those of the directories; `"not-found"` for a folder that is no longer known. */
export async function directoryOf({ kind, name }: SavedMount): Promise<Directory> {
	if (kind === "indexeddb") return new IndexedDBDirectory(name);
	if (kind === "opfs") return new OPFSDirectory(name);
	if (kind === "folder") return openFolder(name);
	if (kind === "memory") return new MemoryDirectory();
	const url = new URL(name, document.baseURI);
	if (!/\.(json|txt)$/.test(url.pathname)) return new HTTPDirectory(url);
	return new HTTPDirectory(new URL(".", url), { index: url });
}

/**
 * What the package consists of: one row per file of `dist/` that someone may import or start.
 *
 * The build, the size budget, the API report and the check of `package.json` all read these rows.
 * What an entry needs rarely is in files of its own that begin with its name, and is loaded late.
 * Entries share no files with each other, but page and worker share one: the wire between them.
 */
export interface EntryPoint {
	/** The name of the file in `dist/`, without its extension. */
	readonly name: string;
	readonly source: string;
	/** What `package.json` exports it as; null for the command line. */
	readonly subpath: string | null;
	/** Whether it has declarations, and so a chapter in the API report. */
	readonly typed: boolean;
	readonly platform: "browser" | "neutral" | "node";
	/** Packages that its users have already, and must share with it. */
	readonly external?: readonly string[];
	/** A file that its parts share, beside it: the name of a bundle and its source. */
	readonly shared?: Readonly<Record<string, string>>;
}

export const GUEST: EntryPoint = {
	name: "guest",
	source: "workers/guest.ts",
	subpath: "./guest.js",
	typed: false,
	platform: "browser",
	// What the worker loads late imports the kernel, and must not start the worker again: some
	// servers add a query to the address of a worker, and then its file would be another module.
	shared: { "guest-kernel": "src/kernel/kernel.ts" },
};

/** Stays out of `index` and `guest`, which find it beside them. */
export const WIRE: EntryPoint = {
	name: "guest-wire",
	source: "src/bridge/shared-chunk.ts",
	subpath: null,
	typed: false,
	platform: "browser",
};

export const ENTRIES: readonly EntryPoint[] = [
	GUEST,
	WIRE,
	{ name: "index", source: "src/index.ts", subpath: ".", typed: true, platform: "browser" },
	{ name: "inline", source: "src/index.ts", subpath: "./inline", typed: true, platform: "browser" },
	{
		name: "webc",
		source: "src/webc/index.ts",
		subpath: "./webc",
		typed: true,
		platform: "neutral",
	},
	{
		name: "service-worker",
		source: "workers/offline.ts",
		subpath: "./service-worker",
		typed: true,
		platform: "browser",
	},
	{
		name: "shim",
		source: "src/wasi/shim-page.ts",
		subpath: "./shim",
		typed: true,
		platform: "browser",
		external: ["@bjorn3/browser_wasi_shim"],
	},
	{
		name: "element",
		source: "src/element/element.ts",
		subpath: "./element",
		typed: true,
		platform: "browser",
	},
	{ name: "cli", source: "src/cli/main.ts", subpath: null, typed: false, platform: "node" },
];

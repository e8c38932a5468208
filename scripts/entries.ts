/**
 * What the package consists of: one row per file of `dist/` that someone may import or start.
 *
 * The build, the size budget, the API report and the check of `package.json` all read these rows.
 * Every bundle is whole, without shared chunks: the worker is found beside the file that starts it
 * whatever a consumer's bundler does with the rest.
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
}

export const GUEST: EntryPoint = {
	name: "guest",
	source: "workers/guest.ts",
	subpath: "./guest.js",
	typed: false,
	platform: "browser",
};

export const ENTRIES: readonly EntryPoint[] = [
	GUEST,
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
		name: "element",
		source: "src/ui/element.ts",
		subpath: "./element",
		typed: true,
		platform: "browser",
	},
	{
		name: "service-worker",
		source: "workers/offline.ts",
		subpath: "./service-worker",
		typed: true,
		platform: "browser",
	},
	{ name: "cli", source: "src/cli/main.ts", subpath: null, typed: false, platform: "node" },
];

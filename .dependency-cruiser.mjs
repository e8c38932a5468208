/**
 * The table "Who may import whom" as rules. The table of the house style and this file change in
 * one commit.
 *
 * Each room lists the rooms it may import, and those of which it may import types only. One rule
 * per room forbids all else of ours; the doors name the single file that may import a dependency.
 */

/** What only tests use. */
const TESTKIT = "^src/\\w+/.*\\.testkit\\.ts$";
const TEST = "\\.(test|test-d|bench)\\.ts$";

/**
 * No two rooms need each other, directly or around a corner. Page and kernel never import each other:
 * they meet in `protocol`. `tests`: rooms that only tests of the room may import besides.
 * `files`: single files of other rooms.
 * @type {Record<string, { may: string[], types?: string[], tests?: string[], files?: string[] }>}
 */
const ROOMS = {
	// On both sides.
	abi: { may: [] },
	webc: { may: [], files: ["abi/nearest"], tests: ["abi"] },
	archive: { may: ["abi", "webc"] },
	bridge: { may: ["abi"] },
	store: { may: ["abi"], tests: ["indexeddb", "handles", "mounts"] },
	protocol: { may: [], types: ["abi", "bridge", "store", "webc"] },
	http: { may: ["abi"], types: ["protocol"] },
	fs: { may: ["abi"], types: ["bridge", "webc"], tests: ["store", "storefs"] },
	tty: { may: ["fs"], types: ["bridge"], tests: ["abi"] },
	// In the page.
	indexeddb: { may: ["abi", "store"], types: ["bridge"] },
	handles: { may: ["abi", "bridge", "store"] },
	mounts: { may: ["abi", "bridge", "store", "indexeddb", "handles"], files: ["http/forbidden"] },
	page: {
		may: ["abi", "bridge", "store", "protocol", "http", "tty", "archive", "mounts", "handles"],
		types: ["webc", "guestworker"],
	},
	// In the worker.
	storefs: { may: ["abi", "fs", "store"], types: ["bridge"] },
	rewrite: { may: [] },
	load: {
		may: ["abi", "bridge", "http", "webc", "rewrite"],
		types: ["fs", "protocol"],
		tests: ["kernel"],
	},
	process: {
		may: ["abi", "bridge", "fs", "load"],
		types: ["protocol", "tty"],
		tests: ["rewrite"],
	},
	wasi: { may: ["abi", "bridge", "fs", "process"], types: ["store"] },
	sockets: { may: ["abi", "bridge", "fs"], types: ["protocol"] },
	wasix: {
		may: ["abi", "bridge", "fs", "load", "process", "wasi", "sockets"],
		types: ["protocol", "tty"],
	},
	guestworker: {
		may: ["abi", "bridge", "fs", "wasi", "wasix", "process"],
		types: ["protocol", "tty"],
		tests: ["storefs", "tty"],
	},
	kernel: {
		may: [
			"abi",
			"bridge",
			"fs",
			"storefs",
			"tty",
			"load",
			"process",
			"guestworker",
			"wasi",
			"wasix",
			"sockets",
			"webc",
			"rewrite",
		],
		types: ["protocol", "store", "http"],
		tests: ["indexeddb", "handles", "page"],
	},
	offline: { may: ["abi"], types: ["guestworker"] },
	cli: { may: ["abi", "webc", "rewrite"] },
};

const DOORS = [
	["comlink", "^src/bridge/far\\.ts$"],
	["@bjorn3/browser_wasi_shim", "^src/wasi/shim\\.ts$"],
	["idb-keyval", "^src/(indexeddb/store|handles/(remembered|renames))\\.ts$"],
];

const PUBLIC = "^src/(webc/)?index\\.ts$";
const OF_INDEX = ["abi", "page", "mounts"];
const TYPES_OF_INDEX = ["archive", "bridge", "indexeddb", "protocol", "store", "webc"];
const OURS = "^(src|workers|e2e|scripts|bench)/";

/** @param {string[]} names */
const folders = (names) => `^src/(${names.join("|")})/`;

/** @param {string} room
 * @param {{ may: string[], files?: string[], types?: string[], tests?: string[] }} allowed */
function roomRules(room, { may, files = [], types = [], tests = [] }) {
	const single = files.map((file) => `^src/${file}\\.ts$`);
	const values = {
		name: `${room}-imports`,
		comment: `src/${room} may import ${may.join(", ") || "nothing of ours"}${
			types.length > 0 ? `, and types of ${types.join(" and ")}` : ""
		}.`,
		severity: "error",
		from: { path: `^src/${room}/` },
		to: { path: OURS, pathNot: [folders([room, ...may, ...types]), ...single] },
	};
	const testkits = {
		from: { path: `^src/${room}/`, pathNot: [TEST, TESTKIT] },
		to: { path: TESTKIT },
	};
	const rules = [
		{
			...values,
			from: { path: `^src/${room}/`, pathNot: [TEST] },
			to: { path: OURS, pathNot: [...values.to.pathNot, TESTKIT] },
		},
		{
			...values,
			name: `${room}-tests-imports`,
			from: { path: `^src/${room}/.*${TEST}` },
			to: {
				path: OURS,
				pathNot: [folders([room, ...may, ...types, ...tests]), ...single, TESTKIT],
			},
		},
		{
			name: `${room}-testkits`,
			comment: "Test kits are for tests.",
			severity: "error",
			...testkits,
		},
	];
	if (types.length > 0) {
		rules.push({
			name: `${room}-types-only`,
			comment: `src/${room} may import only types of ${types.join(" and ")}.`,
			severity: "error",
			from: { path: `^src/${room}/`, pathNot: [TEST, TESTKIT] },
			to: { path: folders(types), dependencyTypesNot: ["type-only"] },
		});
	}
	return rules;
}

/** @param {string} name
 * @param {string} from
 * @param {string[]} allowed
 * @param {string} comment */
const closed = (name, from, allowed, comment) => ({
	name,
	comment,
	severity: "error",
	from: { path: from },
	to: { path: OURS, pathNot: allowed },
});

export default {
	forbidden: [
		...Object.entries(ROOMS).flatMap(([room, allowed]) => roomRules(room, allowed)),
		closed(
			"index-imports",
			"^src/index\\.ts$",
			[folders([...OF_INDEX, ...TYPES_OF_INDEX])],
			`src/index.ts may import ${OF_INDEX.join(", ")}, and types of ${TYPES_OF_INDEX.join(" and ")}.`,
		),
		{
			name: "index-types-only",
			comment: `src/index.ts may import only types of ${TYPES_OF_INDEX.join(" and ")}.`,
			severity: "error",
			from: { path: "^src/index\\.ts$" },
			to: { path: folders(TYPES_OF_INDEX), dependencyTypesNot: ["type-only"] },
		},
		closed(
			"element-imports",
			"^src/element/",
			["^src/index\\.ts$", folders(["element"])],
			"src/element is a customer: it imports the public API and gets no back door.",
		),
		closed(
			"ui-imports",
			"^src/ui/",
			["^src/index\\.ts$", "^workers/offline\\.ts$", folders(["ui", "element"])],
			"src/ui is our first customer: it imports public entries and gets no back door.",
		),
		closed(
			"workers-imports",
			"^workers/",
			["^workers/", folders(["kernel", "guestworker", "handles", "bridge", "protocol", "offline"])],
			"A worker imports kernel, guestworker, handles, offline, and what they say to the page.",
		),
		closed(
			"e2e-imports",
			"^e2e/",
			["^e2e/", "^scripts/((browser|webkit)\\.mjs|pack\\.ts)$", PUBLIC],
			"End-to-end tests know the page, never the source.",
		),
		{
			name: "e2e-types-only",
			comment: "Of the source, end-to-end tests know the types of the public API.",
			severity: "error",
			from: { path: "^e2e/" },
			to: { path: PUBLIC, dependencyTypesNot: ["type-only"] },
		},
		closed(
			"source-knows-no-tools",
			"^src/",
			["^(src|workers)/"],
			"The source imports no test, script or benchmark.",
		),
		{
			name: "tests-are-not-imported",
			comment: "Nothing imports a test.",
			severity: "error",
			from: {},
			to: { path: TEST },
		},
		{
			name: "rewrite-is-late",
			comment:
				"src/rewrite is loaded with import(), so that a page that rewrites nothing does not load it.",
			severity: "error",
			from: { path: "^(src|workers)/", pathNot: ["^src/rewrite/", TEST] },
			to: { path: folders(["rewrite"]), dependencyTypesNot: ["dynamic-import", "type-only"] },
		},
		...DOORS.map(([dependency = "", door = ""]) => ({
			name: `one-door-for-${dependency.replace(/\W+/g, "-")}`,
			comment: `Only ${door.replace(/[\\^$]/g, "")} knows ${dependency}.`,
			severity: "error",
			from: { path: "^(src|workers)/", pathNot: [door, TEST] },
			to: { path: `(^|node_modules/)${dependency}(/|$)` },
		})),
		{
			name: "only-cli-knows-node",
			comment: "The library runs in pages and workers; only the command line knows Node.",
			severity: "error",
			from: { path: "^(src|workers)/", pathNot: ["^src/cli/", TEST, TESTKIT] },
			to: { dependencyTypes: ["core"] },
		},
		{
			name: "dev-dependencies-stay-outside",
			comment: "vitest and fast-check are for tests and test kits.",
			severity: "error",
			from: { path: "^(src|workers)/", pathNot: [TEST, TESTKIT] },
			to: { path: "(^|node_modules/)(vitest|fast-check|tsx|esbuild|vite|@playwright/test)(/|$)" },
		},
		{
			name: "no-cycles",
			comment: "Files that need each other as values are one file, or hide a third.",
			severity: "error",
			from: { path: "^(src|workers)/" },
			to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
		},
		{
			name: "no-unresolved",
			comment: "An import must lead somewhere.",
			severity: "error",
			from: { path: OURS },
			to: { couldNotResolve: true },
		},
	],
	options: {
		// What consumers write imports the package by its name, which exists once it is installed.
		exclude: { path: "^e2e/(consumer|pages)/" },
		doNotFollow: { path: "node_modules" },
		tsPreCompilationDeps: "specify",
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types"] },
	},
};

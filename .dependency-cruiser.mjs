/**
 * The table "Who may import whom" as rules. The table of the house style and this file change in
 * one commit.
 *
 * Each room lists the rooms it may import, and those of which it may import types only. One rule
 * per room forbids all else of ours; the doors name the single file that may import a dependency.
 */

/** What only tests use: the conformance suites and files that end in `.testkit.ts`. */
const CONFORMANCE = "^src/((fs|mounts)/conformance|\\w+/.*\\.testkit)\\.ts$";
const TEST = "\\.(test|test-d|bench)\\.ts$";

/** `tests`: rooms that only tests of the room may import besides.
 * `files`: single files of other rooms.
 * @type {Record<string, { may: string[], files?: string[], types?: string[], tests?: string[] }>} */
const ROOMS = {
	abi: { may: [] },
	webc: { may: [], files: ["abi/nearest"], tests: ["abi"] },
	bridge: { may: ["abi"] },
	fs: { may: ["abi"], types: ["bridge", "webc"] },
	mounts: { may: ["abi", "bridge"] },
	archive: { may: ["abi", "webc"] },
	wasi: { may: ["abi", "bridge", "fs"] },
	wasix: { may: ["abi", "bridge", "fs", "wasi"] },
	runner: { may: ["abi", "webc", "bridge", "fs", "mounts", "archive", "wasi", "wasix"] },
	offline: { may: ["abi"], types: ["bridge"] },
	cli: { may: ["abi", "webc"] },
};

const DOORS = [
	["comlink", "^src/bridge/far\\.ts$"],
	["@bjorn3/browser_wasi_shim", "^src/wasi/shim\\.ts$"],
	["idb-keyval", "^src/mounts/(indexeddb|remembered|renames)\\.ts$"],
];

const PUBLIC = "^src/(webc/)?index\\.ts$";
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
	const conformance = {
		from: { path: `^src/${room}/`, pathNot: [TEST, CONFORMANCE] },
		to: { path: CONFORMANCE },
	};
	const rules = [
		{
			...values,
			from: { path: `^src/${room}/`, pathNot: [TEST] },
			to: { path: OURS, pathNot: [...values.to.pathNot, CONFORMANCE] },
		},
		{
			...values,
			name: `${room}-tests-imports`,
			from: { path: `^src/${room}/.*${TEST}` },
			to: {
				path: OURS,
				pathNot: [folders([room, ...may, ...types, ...tests]), ...single, CONFORMANCE],
			},
		},
		{
			name: `${room}-conformance`,
			comment: "Conformance files and test kits are for tests.",
			severity: "error",
			...conformance,
		},
	];
	if (types.length > 0) {
		rules.push({
			name: `${room}-types-only`,
			comment: `src/${room} may import only types of ${types.join(" and ")}.`,
			severity: "error",
			from: { path: `^src/${room}/`, pathNot: [TEST, CONFORMANCE] },
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
			[folders(["abi", "runner", "webc", "mounts", "bridge", "archive"])],
			"src/index.ts may import abi, runner, webc and mounts, and types of bridge and archive.",
		),
		{
			name: "index-types-only",
			comment: "src/index.ts may import only types of bridge and archive.",
			severity: "error",
			from: { path: "^src/index\\.ts$" },
			to: { path: folders(["bridge", "archive"]), dependencyTypesNot: ["type-only"] },
		},
		closed(
			"ui-imports",
			"^src/ui/",
			["^src/index\\.ts$", "^workers/offline\\.ts$", folders(["ui"])],
			"src/ui is our first customer: it imports public entries and gets no back door.",
		),
		closed(
			"workers-imports",
			"^workers/",
			["^workers/", folders(["runner", "mounts", "bridge", "offline"])],
			"A worker imports runner, mounts, bridge and offline.",
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
			from: { path: "^(src|workers)/", pathNot: ["^src/cli/", TEST, CONFORMANCE] },
			to: { dependencyTypes: ["core"] },
		},
		{
			name: "dev-dependencies-stay-outside",
			comment: "vitest and fast-check are for tests and conformance files.",
			severity: "error",
			from: { path: "^(src|workers)/", pathNot: [TEST, CONFORMANCE] },
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

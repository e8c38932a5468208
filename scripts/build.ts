/**
 * `npm run build`: the library with its types into `dist/`, and the playground page into `site/`.
 *
 * The hard part is the worker. The source starts it with
 * `new Worker(new URL("../../workers/guest.ts", import.meta.url), …)`, which Vite understands while
 * developing. In the package the worker is one finished file beside the one that starts it, so the
 * build replaces that address by `"./guest.js"`: browsers find it as it stands, and so do bundlers
 * that know the pattern. For the others there is a second build of the same entry, `inline`, that
 * carries the worker as text and starts it from a Blob.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { exit } from "node:process";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "rolldown";
import { build as buildPage } from "vite";
import { buildTypes } from "./declarations.ts";
import { ENTRIES, type EntryPoint, GUEST, WIRE } from "./entries.ts";
import { stamp } from "./stamp.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INDEX = resolve(ROOT, "src/index.ts");
const ERROR = resolve(ROOT, "src/abi/error.ts");
const BESIDE = `new URL("./${GUEST.name}.js",import.meta.url)`;
const INLINE = "inline:guest";
const GUEST_ADDRESS = /new URL\(\s*"(?:\.\.\/)+workers\/guest\.ts",\s*import\.meta\.url,?\s*\)/g;

/** Entries whose late parts are files: each `import()` of theirs says which could not be loaded. */
const SAYS = [GUEST.name, "index", "inline", "element"];

/** What late parts of the worker share among themselves only, and most pages never load. */
const LATE =
	/src\/((guestworker|sockets|tty|wasix)\/|(webc\/(read-v1|verify|advice|digest)|abi\/(missing|module|nearest|wasix|wasmedge|signals|errno-names)|fs\/pipe|bridge\/sleep|kernel\/original-trap|load\/errors|process\/(page-value|meter|errno-errors))\.ts$)/;

/** One file, whether the kernel runs a tree of processes or a guest's worker one process. */
const WASIX =
	/\/src\/(sockets\/(?!link)|wasix\/(?!alone)|(kernel\/(wasix|connect)|abi\/module|fs\/pipe)\.ts$)/;

/** What every page loads, and the rooms that none of it may come from: an `import` of a value is enough. */
const CORE = ["index.js", "guest.js", "guest-kernel.js", "guest-wire.js"];
const LATE_ROOMS =
	/\/src\/(storefs|store|indexeddb|handles|tty|archive|guestworker|rewrite|sockets|wasix)\//;

rmSync(resolve(ROOT, "dist"), { recursive: true, force: true });
const bundled = new Set<string>();
for (const entry of ENTRIES) await bundle(entry);
writePattern();
writeLicences(bundled);
if (!buildTypes(ENTRIES)) exit(1);
await buildPage({ root: ROOT, logLevel: "warn" });
stamp();
console.log(`built ${ENTRIES.map((entry) => `dist/${entry.name}.js`).join(", ")}`);

async function bundle(entry: EntryPoint): Promise<void> {
	const { output } = await build({
		cwd: ROOT,
		input: { [entry.name]: entry.source, ...entry.shared },
		preserveEntrySignatures: "allow-extension",
		platform: entry.platform,
		external: [...(entry.external ?? []), ...(entry.platform === "node" ? [/^node:/] : [])],
		transform: { target: "es2023" },
		// A number is no longer than the name of a constant, and late parts need not ask for it.
		optimization: { inlineConst: true },
		plugins: [
			entry.name === "inline" ? inlineWorker() : workerBeside(),
			saysWhatIsNotLoaded(entry),
			indexBeside(entry),
			wireBeside(entry),
			styleAsText(),
		],
		output: {
			dir: resolve(ROOT, "dist"),
			format: "esm",
			minify: true,
			sourcemap: true,
			// Bundlers of the page drop what is marked as pure; the worker is a finished file.
			comments: { legal: false, annotation: entry !== GUEST, jsdoc: false },
			chunkFileNames: `${entry.name}-[name].js`,
			// What is rarely needed is loaded late. What the worker and its late parts share is in one file with the worker, which gzip likes
			// better than several; but what few workers load at all stays apart.
			codeSplitting:
				entry === GUEST
					? {
							includeDependenciesRecursively: false,
							groups: [
								{ name: "shared", minShareCount: 2, test: (id) => !LATE.test(id) },
								{ name: "wasix", test: WASIX },
							],
						}
					: true,
		},
	});
	for (const chunk of output) {
		if (chunk.type !== "chunk") continue;
		if (CORE.includes(chunk.fileName)) refuseLate(chunk.fileName, chunk.moduleIds);
		for (const name of chunk.moduleIds.flatMap(packageOf)) bundled.add(name);
	}
	if (entry.platform === "node") chmodSync(resolve(ROOT, `dist/${entry.name}.js`), 0o755);
}

function refuseLate(fileName: string, modules: readonly string[]): void {
	const late = modules.filter((id) => LATE_ROOMS.test(id));
	if (late.length === 0) return;
	const names = late.map((id) => id.slice(ROOT.length)).join(", ");
	console.error(
		`build: ${names} is in dist/${fileName}, which every page loads. Import it with import(), or its types only`,
	);
	exit(1);
}

/** Bundlers look for this very pattern, and for a worker's type as a literal; were it lost, every
 * consumer would have to pass `workerUrl`. The minifier likes other quotes than some bundlers do. */
function writePattern(): void {
	const path = resolve(ROOT, "dist/index.js");
	const code = readFileSync(path, "utf8")
		.replaceAll(BESIDE.replaceAll('"', "`"), BESIDE)
		.replaceAll("type:`module`", 'type:"module"');
	writeFileSync(path, code);
	if (code.includes(`new Worker(${BESIDE}`)) return;
	console.error(`build: dist/index.js does not hold new Worker(${BESIDE}`);
	exit(1);
}

/** The worker is the file `guest.js` beside the bundle. */
function workerBeside(): Plugin {
	return {
		name: "worker-beside",
		transform(code, id) {
			const replaced = replaceAddress(code, id, BESIDE);
			return replaced === null ? null : asItWas(replaced);
		},
	};
}

/** The worker is a text in the bundle, made an address when it is first needed. */
function inlineWorker(): Plugin {
	return {
		name: "worker-inline",
		resolveId: (id) => (id === INLINE || id.endsWith("/guest-script.ts") ? INLINE : null),
		load: (id) => (id === INLINE ? inlineModule() : null),
		transform(code, id) {
			const replaced = replaceAddress(code, id, "guestAddress()");
			if (!replaced) return null;
			return asItWas(`import { guestAddress } from "${INLINE}";\n${replaced}`);
		},
	};
}

/** The worker once more, in one piece, as a module that makes its address. */
async function inlineModule(): Promise<string> {
	const { output } = await build({
		cwd: ROOT,
		input: GUEST.source,
		write: false,
		platform: GUEST.platform,
		transform: { target: "es2023" },
		optimization: { inlineConst: true },
		// Nothing bundles the text once more, so marks for that are of no use in it.
		output: { format: "esm", minify: true, comments: false, codeSplitting: false },
	});
	return `let address;
export const script = ${JSON.stringify(output[0].code)};
export function guestAddress() {
	address ??= URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
	return address;
}`;
}

/** The lines stay where they are, so the map of positions does too. */
function asItWas(code: string): { code: string; map: null } {
	return { code, map: null };
}

function replaceAddress(code: string, id: string, address: string): string | null {
	if (id.includes("node_modules")) return null;
	const replaced = code.replaceAll(GUEST_ADDRESS, address);
	return replaced === code ? null : replaced;
}

/** A part that is loaded late and cannot be fetched rejects with a PortholeError, wherever it is asked for. */
function saysWhatIsNotLoaded({ name }: EntryPoint): Plugin {
	const helper = resolve(ROOT, "src/bridge/not-loaded.ts");
	const late = /\bimport\(("\.[^"]+")\)/g;
	return {
		name: "says-what-is-not-loaded",
		transform(code, id) {
			if (!SAYS.includes(name) || !id.startsWith(resolve(ROOT, "src"))) return null;
			const replaced = code.replace(late, "import($1).catch(notLoaded)");
			if (replaced === code) return null;
			return asItWas(`import { notLoaded } from ${JSON.stringify(helper)}; ${replaced}`);
		},
	};
}

/** Other entries import the library as a customer would: `element.js` needs `index.js` beside it, which has the one
 *  class of errors. */
function indexBeside(entry: EntryPoint): Plugin {
	return {
		name: "index-beside",
		resolveId(id, importer) {
			if (!importer || entry.source === "src/index.ts") return null;
			const path = resolve(dirname(importer), id);
			const isIndex = path === INDEX || (entry.name === "element" && path === ERROR);
			return isIndex ? { id: "./index.js", external: true } : null;
		},
	};
}

/** `import text from "….css?inline"`, as Vite has it. */
function styleAsText(): Plugin {
	const ending = ".css?inline";
	return {
		name: "style-as-text",
		async resolveId(id, importer) {
			if (!id.endsWith(ending)) return null;
			const found = await this.resolve(id.slice(0, -"?inline".length), importer);
			return found && `${found.id}?inline`;
		},
		load(id) {
			if (!id.endsWith(ending)) return null;
			const text = readFileSync(id.slice(0, -"?inline".length), "utf8");
			const plain = text.replace(/\/\*.*?\*\//gs, "").replace(/\s+/g, " ");
			return { code: `export default ${JSON.stringify(plain)};`, moduleType: "js" };
		},
	};
}

/** Page and worker import what the wire consists of from the one file that holds it. */
function wireBeside({ name }: EntryPoint): Plugin {
	const parts = ["far", "not-loaded", "../abi/error"].map((part) =>
		resolve(ROOT, "src/bridge", `${part}.ts`),
	);
	return {
		name: "wire-beside",
		resolveId(id, importer) {
			if (!importer || (name !== "index" && name !== GUEST.name)) return null;
			const isPart = parts.includes(resolve(dirname(importer), id));
			return isPart ? { id: `./${WIRE.name}.js`, external: true } : null;
		},
	};
}

/** The name of the dependency that a module belongs to. */
function packageOf(id: string): string[] {
	const match = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id);
	return match?.[1] ? [match[1]] : [];
}

/** Bundled code keeps its licence, though not in every copy of every file. */
function writeLicences(names: ReadonlySet<string>): void {
	const chapters = [...names].sort().map((name) => {
		const folder = resolve(ROOT, "node_modules", name);
		const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
		const file = ["LICENSE", "LICENSE.md", "LICENCE", "LICENSE.txt", "LICENSE-MIT", "license"]
			.map((candidate) => `${folder}/${candidate}`)
			.find((candidate) => existsSync(candidate));
		const text = file ? readFileSync(file, "utf8").trim() : `Licence: ${license}`;
		return `${name} ${version} (${license})\n\n${text}\n`;
	});
	mkdirSync(resolve(ROOT, "dist"), { recursive: true });
	const rule = `\n${"-".repeat(80)}\n\n`;
	writeFileSync(resolve(ROOT, "dist/THIRD_PARTY_LICENSES.txt"), chapters.join(rule));
}

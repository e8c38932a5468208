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
import { resolve } from "node:path";
import { exit } from "node:process";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { build as buildPage } from "vite";
import { buildTypes } from "./declarations.ts";
import { ENTRIES, type EntryPoint, GUEST } from "./entries.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INDEX = resolve(ROOT, "src/index.ts");
const GUEST_ADDRESS = /new URL\(\s*"(?:\.\.\/)+workers\/guest\.ts",\s*import\.meta\.url,?\s*\)/g;

const missing = ENTRIES.filter((entry) => !existsSync(resolve(ROOT, entry.source)));
const entries = ENTRIES.filter((entry) => !missing.includes(entry));
if (missing.length > 0) {
	console.error(`build: no source for ${missing.map((entry) => entry.name).join(", ")}`);
}

rmSync(resolve(ROOT, "dist"), { recursive: true, force: true });
const bundled = new Set<string>();
for (const entry of entries) await bundle(entry);
checkWorkerIsFound();
writeLicences(bundled);
if (!buildTypes(entries)) exit(1);
if (existsSync(resolve(ROOT, "index.html"))) await buildPage({ root: ROOT, logLevel: "warn" });
console.log(`built ${entries.map((entry) => `dist/${entry.name}.js`).join(", ")}`);

async function bundle(entry: EntryPoint): Promise<void> {
	const options = {
		absWorkingDir: ROOT,
		entryPoints: { [entry.name]: entry.source },
		outdir: "dist",
		bundle: true,
		format: "esm",
		target: "es2023",
		platform: entry.platform,
		minify: true,
		keepNames: false,
		sourcemap: true,
		sourcesContent: false,
		legalComments: "none",
		metafile: true,
		logLevel: "warning",
		plugins: [entry.name === "inline" ? inlineWorker() : workerBeside(), indexBeside(entry)],
	} satisfies BuildOptions;
	const { metafile } = await build(options);
	for (const name of packagesIn(metafile)) bundled.add(name);
	if (entry.platform === "node") chmodSync(resolve(ROOT, `dist/${entry.name}.js`), 0o755);
}

/** Bundlers look for this very pattern; were it lost, every consumer would have to pass `workerUrl`. */
function checkWorkerIsFound(): void {
	const pattern = `new URL("./${GUEST.name}.js",import.meta.url)`;
	if (readFileSync(resolve(ROOT, "dist/index.js"), "utf8").includes(pattern)) return;
	console.error(`build: dist/index.js does not hold ${pattern}`);
	exit(1);
}

/** The worker is the file `guest.js` beside the bundle. */
function workerBeside(): Plugin {
	return replaceAddress("worker-beside", (source) =>
		source.replaceAll(GUEST_ADDRESS, `new URL("./${GUEST.name}.js", import.meta.url)`),
	);
}

/** The worker is a text in the bundle, made an address when it is first needed. */
function inlineWorker(): Plugin {
	const plugin = replaceAddress("worker-inline", (source) => {
		const replaced = source.replaceAll(GUEST_ADDRESS, "guestAddress()");
		return replaced === source
			? source
			: `import { guestAddress } from "inline:guest";\n${replaced}`;
	});
	return {
		name: plugin.name,
		setup(on) {
			plugin.setup(on);
			on.onResolve({ filter: /^inline:guest$/ }, ({ path }) => ({ path, namespace: "inline" }));
			on.onLoad({ filter: /.*/, namespace: "inline" }, () => ({ contents: inlineModule() }));
		},
	};
}

function inlineModule(): string {
	const text = readFileSync(resolve(ROOT, `dist/${GUEST.name}.js`), "utf8");
	const code = JSON.stringify(text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n"));
	return `let address;
export function guestAddress() {
	address ??= URL.createObjectURL(new Blob([${code}], { type: "text/javascript" }));
	return address;
}`;
}

function replaceAddress(name: string, replace: (source: string) => string): Plugin {
	return {
		name,
		setup(on) {
			on.onLoad({ filter: /src[\\/]runner[\\/].*\.ts$/ }, ({ path }) => ({
				contents: replace(readFileSync(path, "utf8")),
				loader: "ts",
			}));
		},
	};
}

/** Other entries import the library as a customer would: `element.js` needs `index.js` beside it. */
function indexBeside(entry: EntryPoint): Plugin {
	return {
		name: "index-beside",
		setup(on) {
			on.onResolve({ filter: /index\.ts$/ }, ({ path, resolveDir, kind }) => {
				if (kind === "entry-point" || entry.source === "src/index.ts") return undefined;
				return resolve(resolveDir, path) === INDEX
					? { path: "./index.js", external: true }
					: undefined;
			});
		},
	};
}

/** The names of the dependencies whose code went into a bundle. */
function packagesIn(metafile: Metafile): string[] {
	return Object.keys(metafile.inputs).flatMap((input) => {
		const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input);
		return match?.[1] ? [match[1]] : [];
	});
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

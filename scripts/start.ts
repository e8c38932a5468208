/**
 * `npm start`: the playground, reloading, at two addresses.
 *
 * One page is plain and one is cross-origin isolated (COOP and COEP headers), because what a
 * browser can do differs between them: shared memory, and with it the blocking bridge and parallel
 * threads, exists on isolated pages only. Both come from the same source.
 */

import { spawnSync } from "node:child_process";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { createServer, type InlineConfig } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const ISOLATED = {
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
};

buildSamples();
const plain = await serve(5173, {});
const isolated = await serve(5174, ISOLATED);
console.log(`
Porthole's playground
  plain page      ${plain}
  isolated page   ${isolated}   (cross-origin isolated)
Press Ctrl+C to stop.`);

/** The sample packages are made from the dependencies, and only when these have changed. */
function buildSamples(): void {
	const { status } = spawnSync(execPath, ["--import", "tsx", "scripts/build-samples.ts"], {
		cwd: ROOT,
		stdio: ["ignore", "inherit", "inherit"],
	});
	if (status !== 0) console.error("the sample packages could not be built; going on without them");
}

/** Each server keeps its own cache of dependencies: two on one folder would undo each other. */
async function serve(port: number, headers: Record<string, string>): Promise<string> {
	const config: InlineConfig = {
		root: ROOT,
		cacheDir: `.cache/vite-${port}`,
		server: { port, headers },
	};
	const server = await createServer(config);
	await server.listen();
	const url = server.resolvedUrls?.local[0];
	if (!url) throw new Error(`The server for port ${port} does not say where it listens.`);
	return url;
}

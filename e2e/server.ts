/**
 * The server of the end-to-end tests: static files, as any host would serve them.
 *
 * Started with a port, and with `--isolated` it adds the headers that isolate a page. It answers
 * range requests and names versions, because packages are read in parts, and counts nothing and caches nothing. What
 * it serves is a list of folders under prefixes; a path can not leave its folder.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Longest prefix first. `fixtures` and `programs` may be missing; the tests that need them skip. */
const FOLDERS: readonly (readonly [prefix: string, folder: string])[] = [
	["/dist/", resolve(ROOT, "dist")],
	["/pages/", resolve(ROOT, "e2e/pages")],
	["/consumers/", resolve(ROOT, "test-results/consumers")],
	["/programs/", resolve(ROOT, ".cache/programs")],
	["/packages/", resolve(ROOT, "public/packages")],
	["/fixtures/", resolve(ROOT, "../shared/fixtures")],
	["/", resolve(ROOT, "site")],
];

const TYPES: ReadonlyMap<string, string> = new Map([
	[".html", "text/html; charset=utf-8"],
	[".js", "text/javascript; charset=utf-8"],
	[".css", "text/css; charset=utf-8"],
	[".json", "application/json"],
	[".map", "application/json"],
	[".svg", "image/svg+xml"],
	[".wasm", "application/wasm"],
	[".webc", "application/webc"],
]);

const ISOLATION = {
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Resource-Policy": "same-origin",
};

/** Every policy that Porthole works under, at once. */
const STRICT =
	"default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
	"require-trusted-types-for 'script'";
const csp = (policy: string) => ({ "Content-Security-Policy": policy });

type Headers = Readonly<Record<string, string>>;

/** The same files once more, below a first name that says with which headers. */
const PLACES: ReadonlyMap<string, Headers> = new Map<string, Headers>([
	["strict", csp(STRICT)],
	["strict-isolated", { ...csp(STRICT), ...ISOLATION }],
	["strict-inline", csp(`${STRICT}; worker-src blob:`)],
	["named-policy", csp("require-trusted-types-for 'script'; trusted-types porthole")],
	["other-policy", csp("require-trusted-types-for 'script'; trusted-types mine")],
	["no-worker", csp("worker-src 'none'")],
	["no-wasm", csp("script-src 'self'")],
	["no-connect", csp("connect-src 'self'")],
	// For frames without an origin, to which all is of another.
	["open", { "Access-Control-Allow-Origin": "*" }],
]);

const port = Number(argv[2]);
const isolation = argv.includes("--isolated") ? ISOLATION : {};
createServer(answer).listen(port, "localhost");

function answer(request: IncomingMessage, response: ServerResponse): void {
	const { pathname } = new URL(request.url ?? "/", "http://localhost");
	const first = /^\/([^/]+)(?=\/)/.exec(pathname);
	const place = PLACES.get(first?.[1] ?? "");
	const headers = { ...isolation, ...place };
	const path = fileFor(place === undefined ? pathname : pathname.slice(first?.[0].length));
	if (!path) {
		response.writeHead(404, { ...headers, "Content-Type": "text/plain" }).end("not found\n");
		return;
	}
	const { size, mtimeMs } = statSync(path);
	const range = readRange(request.headers.range, size);
	const common = {
		...headers,
		"Accept-Ranges": "bytes",
		"Cache-Control": "no-store",
		ETag: `"${size}-${mtimeMs}"`,
		"Service-Worker-Allowed": "/",
		"Content-Type": TYPES.get(extname(path)) ?? "application/octet-stream",
	};
	if (range === "unsatisfiable") {
		response.writeHead(416, { ...common, "Content-Range": `bytes */${size}` }).end();
		return;
	}
	const [start, end] = range ?? [0, size - 1];
	const length = end - start + 1;
	const partial = range ? { "Content-Range": `bytes ${start}-${end}/${size}` } : {};
	response.writeHead(range ? 206 : 200, { ...common, ...partial, "Content-Length": length });
	if (request.method === "HEAD" || length === 0) response.end();
	else createReadStream(path, { start, end }).pipe(response);
}

function fileFor(pathname: string): string | undefined {
	const decoded = decode(pathname);
	const found = FOLDERS.find(([prefix]) => decoded?.startsWith(prefix));
	if (decoded === undefined || !found) return undefined;
	const [prefix, folder] = found;
	const path = join(folder, normalize(decoded.slice(prefix.length)));
	if (path !== folder && !path.startsWith(folder + sep)) return undefined;
	if (!existsSync(path)) return undefined;
	if (!statSync(path).isDirectory()) return path;
	const index = join(path, "index.html");
	return existsSync(index) ? index : undefined;
}

function decode(pathname: string): string | undefined {
	try {
		return decodeURIComponent(pathname);
	} catch {
		return undefined;
	}
}

/** One range of bytes, as RFC 9110 writes it; anything else is answered whole. */
function readRange(
	header: string | undefined,
	size: number,
): [start: number, end: number] | "unsatisfiable" | undefined {
	const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
	if (!match || (match[1] === "" && match[2] === "")) return undefined;
	const last = Number(match[2]);
	const start = match[1] === "" ? Math.max(0, size - last) : Number(match[1]);
	const end = match[1] === "" || match[2] === "" ? size - 1 : Math.min(last, size - 1);
	return start > end || start >= size ? "unsatisfiable" : [start, end];
}

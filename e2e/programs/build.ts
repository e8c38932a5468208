/**
 * Compiles the programs of this folder: `tsx e2e/programs/build.ts`.
 *
 * Any clang with a WASI sysroot will do. Debian's packages `clang`, `lld`, `wasi-libc` and
 * `libclang-rt-dev-wasm32` put theirs into the system; a WASI SDK is found by `WASI_SDK_PATH`. Where
 * there is no compiler, nothing is built and the answer says what to install. Function names are
 * kept, because a trap is expected to name them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { behaviours, transcripts } from "./programs.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

/** Where the modules go; the repository ignores it. */
export const MODULES = resolve(HERE, "../../.cache/programs");

export type Built = { readonly missing: null } | { readonly missing: string };

/** Compiles what is older than its source. Throws when a program does not compile. */
export function buildPrograms(): Built {
	mkdirSync(MODULES, { recursive: true });
	const [clang, sysroot] = compiler();
	const flags = ["--target=wasm32-wasi", `--sysroot=${sysroot}`];
	const found = spawnSync(clang, [...flags, "-x", "c", "-E", "-"], {
		input: "#include <wasi/api.h>",
	});
	if (found.error || found.status !== 0) {
		return {
			missing:
				"the C programs of e2e/programs need a clang with a WASI sysroot: on Debian " +
				"`apt-get install clang lld wasi-libc libclang-rt-dev-wasm32`, elsewhere a WASI SDK " +
				"named by WASI_SDK_PATH",
		};
	}
	for (const { name } of transcripts) compile(clang, [...flags, "-Wall", "-Wextra"], name);
	for (const [name, own] of behaviours) compile(clang, [...flags, ...own], name);
	return { missing: null };
}

function compiler(): [clang: string, sysroot: string] {
	const sdk = env.WASI_SDK_PATH;
	if (sdk) return [join(sdk, "bin/clang"), join(sdk, "share/wasi-sysroot")];
	return [env.CLANG ?? "clang", env.WASI_SYSROOT ?? "/usr"];
}

function compile(clang: string, flags: readonly string[], name: string): void {
	const source = join(HERE, `${name}.c`);
	const module = join(MODULES, `${name}.wasm`);
	const sources = [source, join(HERE, "transcript.h"), fileURLToPath(import.meta.url)];
	const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
	if (existsSync(module) && statSync(module).mtimeMs > newest) return;
	const object = join(MODULES, `${name}.o`);
	run(name, clang, [...flags, "-O1", "-c", "-o", object, source]);
	// Without -O: with it, the driver would run wasm-opt where there is one, which drops the names.
	run(name, clang, [...flags, "-o", module, object]);
}

function run(name: string, clang: string, args: readonly string[]): void {
	const { status, stderr } = spawnSync(clang, args, { encoding: "utf8" });
	if (status !== 0) throw new Error(`${name}.c does not compile:\n${stderr}`);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
	const { missing } = buildPrograms();
	console.log(missing ?? `${transcripts.length + behaviours.size} programs in ${MODULES}`);
	exit(missing === null ? 0 : 1);
}

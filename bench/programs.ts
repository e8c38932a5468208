/**
 * Compiles the C programs of the bench.
 *
 * Any clang with a WASI sysroot will do: Debian's packages put theirs into the system, a WASI SDK is
 * found by `WASI_SDK_PATH`. The programs are optimised, as a program that is measured would be.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { env } from "node:process";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("programs", import.meta.url));

/** Where the modules go; the repository ignores it. */
export const MODULES = resolve(SOURCES, "../../.cache/bench");

/** Compiles what is older than its sources. Throws where there is no compiler, and says what to do. */
export function compilePrograms(): void {
	mkdirSync(MODULES, { recursive: true });
	const files = readdirSync(SOURCES);
	const headers = files.filter((name) => name.endsWith(".h"));
	for (const name of files.filter((file) => file.endsWith(".c"))) {
		const module = join(MODULES, name.replace(/c$/, "wasm"));
		const newest = Math.max(...[name, ...headers].map((file) => age(join(SOURCES, file))));
		if (age(module) < newest) compile(join(SOURCES, name), module);
	}
}

function compile(source: string, module: string): void {
	const sdk = env.WASI_SDK_PATH;
	const [clang, sysroot] = sdk
		? [join(sdk, "bin/clang"), join(sdk, "share/wasi-sysroot")]
		: [env.CLANG ?? "clang", env.WASI_SYSROOT ?? "/usr"];
	const flags = ["--target=wasm32-wasi", `--sysroot=${sysroot}`, "-O2", "-Wall", "-Wextra"];
	const more = ["-Wno-unused-result", "-Wno-unused-function"];
	const { error, status, stderr } = spawnSync(clang, [...flags, ...more, "-o", module, source], {
		encoding: "utf8",
	});
	if (!error && status === 0) return;
	throw new Error(
		"the bench compiles its programs with clang and a WASI sysroot: on Debian `apt-get install " +
			"clang lld wasi-libc libclang-rt-dev-wasm32`, elsewhere a WASI SDK named by WASI_SDK_PATH\n" +
			(error?.message ?? stderr),
	);
}

/** When a file was written; 0 where there is none. */
function age(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

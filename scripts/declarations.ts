/**
 * The declarations of the package: what tsc emits, less what no entry point leads to.
 *
 * tsc writes one file per source file and keeps the specifiers of the source, which end in `.ts`.
 * Consumers resolve `.js`, so the specifiers are rewritten; and files that no entry reaches are
 * taken out, because what is in the package looks like something to import.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import type { EntryPoint } from "./entries.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TYPES = resolve(ROOT, "dist/types");
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n';
const SPECIFIER = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]+)\.ts"/g;

/** Where the declarations of an entry are, from the root of the package. */
export function declarationOf(entry: EntryPoint): string {
	return `dist/types/${entry.source.replace(/\.ts$/, ".d.ts")}`;
}

/** Emits and prunes. False when the source has errors, which tsc has printed. */
export function buildTypes(entries: readonly EntryPoint[]): boolean {
	const { status } = spawnSync(
		execPath,
		["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"],
		{ cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] },
	);
	if (status !== 0) return false;
	const kept = new Set<string>();
	for (const entry of entries) {
		if (entry.typed) keep(resolve(ROOT, declarationOf(entry)), kept);
	}
	prune(TYPES, kept);
	return true;
}

/** Rewrites a declaration and all that it leads to. */
function keep(file: string, kept: Set<string>): void {
	if (kept.has(file)) return;
	kept.add(file);
	const text = readFileSync(file, "utf8");
	for (const match of text.matchAll(SPECIFIER)) {
		keep(resolve(dirname(file), `${match[2]}.d.ts`), kept);
	}
	// A consumer may have chosen a library that is older than what a type of ours names.
	const newer = text.includes("Symbol.asyncDispose") ? DISPOSABLE : "";
	writeFileSync(file, newer + text.replaceAll(SPECIFIER, '$1$2.js"'));
}

function prune(folder: string, kept: ReadonlySet<string>): void {
	for (const name of readdirSync(folder)) {
		const path = join(folder, name);
		if (statSync(path).isDirectory()) prune(path, kept);
		else if (!kept.has(path)) rmSync(path);
	}
	if (existsSync(folder) && readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}

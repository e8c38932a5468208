/**
 * Whether `dist/` and `site/` are what the sources make: the last build left a digest of all that it read.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAMP = `${ROOT}.cache/built`;
/** Folders and files that a build reads. What is installed is named by the lock file. */
const READ = ["src", "workers", "scripts", "public/icon.svg", "index.html", "vite.config.ts"];
const SETTINGS = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
/** The page's list of what works offline depends on whether there are samples. */
const LIST = "public/packages/index.json";

/** Says that what is built belongs to the sources as they are. */
export function stamp(): void {
	mkdirSync(dirname(STAMP), { recursive: true });
	writeFileSync(STAMP, digest());
}

export function isBuilt(): boolean {
	const wasBuilt = ["dist/index.js", "site/index.html"].every((name) => existsSync(ROOT + name));
	return wasBuilt && existsSync(STAMP) && readFileSync(STAMP, "utf8") === digest();
}

function digest(): string {
	const hash = createHash("sha256").update(String(existsSync(ROOT + LIST)));
	for (const file of [...READ, ...SETTINGS].flatMap(filesOf)) {
		const bytes = readFileSync(ROOT + file);
		hash.update(`${file}\0${bytes.length}\0`).update(bytes);
	}
	return hash.digest("hex");
}

function filesOf(path: string): string[] {
	if (/\.\w+$/.test(path)) return [path];
	return readdirSync(ROOT + path, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && !/\.test(-d)?\.ts$/.test(entry.name))
		.map((entry) => `${entry.parentPath.slice(ROOT.length)}/${entry.name}`)
		.sort();
}

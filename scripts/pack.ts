/** Packs the built package as npm would publish it. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { platform } from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Writes the tarball into `folder` and returns its absolute path. */
export function pack(folder: string): string {
	const destination = resolve(ROOT, folder);
	mkdirSync(destination, { recursive: true });
	const { stdout, stderr, status } = spawnSync(
		"npm",
		["pack", "--json", "--ignore-scripts", "--pack-destination", destination],
		{ cwd: ROOT, encoding: "utf8", shell: platform === "win32" },
	);
	if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
	// The shape that npm documents for --json.
	const [packed] = JSON.parse(stdout) as { filename: string }[];
	if (!packed) throw new Error("npm pack made nothing.");
	return resolve(destination, packed.filename);
}

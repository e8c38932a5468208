/**
 * `npm run size`: what each entry point weighs after gzip, against its budget, as a table.
 *
 * The core is what a page loads to run anything: the entry and its worker together.
 */
import { spawnSync } from "node:child_process";
import { execPath, exit } from "node:process";
import { fileURLToPath } from "node:url";

interface Row {
	readonly name: string;
	readonly passed: boolean;
	readonly size: number;
	readonly sizeLimit?: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { stdout, stderr } = spawnSync(execPath, ["node_modules/size-limit/bin.js", "--json"], {
	cwd: ROOT,
	encoding: "utf8",
});
if (!stdout.startsWith("[")) {
	console.error(stdout, stderr);
	exit(1);
}
// The shape that size-limit documents for --json.
const rows = JSON.parse(stdout) as Row[];
console.log("| What | gzip | budget |\n| --- | ---: | ---: |");
for (const row of rows) console.log(`| ${row.name} | ${cells(row)} |`);
exit(rows.every((row) => row.passed && row.sizeLimit !== undefined) ? 0 : 1);

function cells({ size, sizeLimit, passed }: Row): string {
	if (sizeLimit === undefined) return "not built | ";
	return `${kilobytes(size)} | ${kilobytes(sizeLimit)}${passed ? "" : " EXCEEDED"}`;
}

function kilobytes(bytes: number): string {
	return `${(bytes / 1000).toFixed(1)} kB`;
}

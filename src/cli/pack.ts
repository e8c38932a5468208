/**
 * `porthole pack`: a directory with a `wasmer.toml` to a container.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { packDirectory, readPackage } from "../webc/index.ts";
import {
	type Console,
	plural,
	printable,
	readArguments,
	bytes as size,
	UsageError,
} from "./console.ts";
import { diskFiles } from "./disk.ts";

export async function pack(args: readonly string[], console: Console): Promise<void> {
	const { values, path } = readArguments(args, {
		output: { type: "string", short: "o" },
		format: { type: "string", default: "3" },
	});
	if (path === undefined) throw new UsageError("Which directory is to be packed?");
	const format = formats.get(values.format);
	if (!format) throw new UsageError(`There is no format ${JSON.stringify(values.format)}`);
	const output = values.output ?? `${basename(resolve(path))}.webc`;

	const bytes = await packDirectory(diskFiles(path), { format });
	// What nobody could read must not be written.
	const { commands, volumes } = await readPackage(bytes);
	await replace(output, bytes);

	const names = commands.map(({ name }) => name).join(", ") || "no commands";
	const mounts = plural(volumes.length, "volume");
	console.log(printable(`${output}: ${size(bytes.length)}, format ${format}, ${mounts}, ${names}`));
}

const formats: ReadonlyMap<string, 1 | 2 | 3> = new Map([
	["1", 1],
	["2", 2],
	["3", 3],
]);

/** Through another name, so that an interruption leaves the old file and not half of the new one. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
	const part = `${path}.part`;
	try {
		await writeFile(part, bytes);
		await rename(part, path);
	} catch (error) {
		await rm(part, { force: true });
		throw error;
	}
}

/**
 * `porthole pack`: a directory with a `wasmer.toml` to a container.
 *
 * With `--interruptible` atoms are rewritten here instead of in each page, so that a browser keeps what it has compiled of
 * them. An atom that cannot be stays as it is.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { readPackage, writePackage } from "../webc/index.ts";
import { definePackage, type PreparedAtom } from "../webc/pack.ts";
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
		interruptible: { type: "boolean", default: false },
	});
	if (path === undefined) throw new UsageError("Which directory is to be packed?");
	const format = formats.get(values.format);
	if (!format) throw new UsageError(`There is no format ${JSON.stringify(values.format)}`);
	const output = values.output ?? `${basename(resolve(path))}.webc`;

	const told: string[] = [];
	const rules = { format, strict: true, ignoring: true };
	const prepare = (name: string, atom: Uint8Array) => makeInterruptible(name, atom, told);
	const definition = await definePackage(
		diskFiles(path),
		values.interruptible ? { ...rules, prepare } : rules,
	);
	const bytes = await writePackage(definition);
	// What nobody could read must not be written.
	const { commands, volumes } = await readPackage(bytes);
	await replace(output, bytes);

	const names = commands.map(({ name }) => name).join(", ") || "no commands";
	const mounts = plural(volumes.length, "volume");
	const summary = `${output}: ${size(bytes.length)}, format ${format}, ${mounts}, ${names}`;
	for (const line of [summary, ...told]) console.log(printable(line));
}

/** An atom as it is packed. `told` gets a line about it. */
async function makeInterruptible(
	name: string,
	atom: Uint8Array,
	told: string[],
): Promise<PreparedAtom> {
	const { rewrite, UnknownModule } = await import("../rewrite/rewrite.ts");
	const { findMarker } = await import("../rewrite/marker.ts");
	if (findMarker(atom)?.options.meter !== undefined) {
		told.push(`${name} is interruptible, and was before`);
		return { bytes: atom, interruptible: true };
	}
	try {
		const how = { meter: "uncounted", noteRefusals: true } as const;
		const { bytes, loops, metered } = rewrite(atom, how);
		const interruptible = metered > 0;
		told.push(
			interruptible
				? `${name} is interruptible: checks in ${metered} of ${plural(loops, "loop")}`
				: `${name} stays as it is, for it has no loops that could go on and on`,
		);
		return { bytes: interruptible ? bytes : atom, interruptible };
	} catch (error) {
		if (!(error instanceof UnknownModule)) throw error;
		told.push(`${name} stays as it is: ${error.message}`);
		return { bytes: atom };
	}
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

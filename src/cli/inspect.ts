/**
 * `porthole inspect`: what a package holds, for people or as JSON. Reading it verifies it.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { missingOf } from "../abi/missing.ts";
import { moduleImports } from "../webc/imports.ts";
import { type Package, readPackage, type Span, type Volume } from "../webc/index.ts";
import { type Outlook, outlook } from "../webc/outlook.ts";
import { bytes, type Console, plural, printable, readArguments, UsageError } from "./console.ts";
import { writeProfile } from "./profile.ts";

export async function inspect(args: readonly string[], console: Console): Promise<void> {
	const { values, path } = readArguments(args, {
		json: { type: "boolean", default: false },
		files: { type: "boolean", default: false },
		profile: { type: "string" },
	});
	if (path === undefined) throw new UsageError("Which package is to be inspected?");
	const content = await readFile(path);
	const found = await readPackage(new Uint8Array(content), { name: basename(path), verify: true });
	if (values.profile !== undefined) {
		return writeProfile(values.profile, found, new Uint8Array(content), console);
	}
	const runs = await outlookOf(found);
	const told = values.json
		? [JSON.stringify(asJson(found, runs, values.files), toJson, 2)]
		: lines(found, runs, content.length, values.files).map(printable);
	for (const line of told) console.log(line);
}

/** What is known of the package's own programs. */
interface Programs extends Outlook {
	/** By atom: whether the program can be stopped while it computes. */
	readonly interruptible: ReadonlyMap<string, string>;
}

async function outlookOf({ commands, entrypoint, atoms, source }: Package): Promise<Programs> {
	const missing = new Map<string, readonly string[]>();
	const interruptible = new Map<string, string>();
	for (const [name, { start, length }] of atoms) {
		const bytes = await source.read(start, length);
		interruptible.set(name, await interruptibility(bytes));
		try {
			missing.set(name, missingOf(moduleImports(bytes)));
		} catch {
			// It is no module, which is found when it is run.
		}
	}
	const names = commands.map(({ name }) => name);
	const found = outlook(names, entrypoint, (command) => {
		const info = commands.find(({ name }) => name === command);
		return info?.dependency === undefined ? missing.get(info?.atom ?? "") : undefined;
	});
	return { ...found, interruptible };
}

/** Whether a program was made interruptible, or a page can do that when it loads it. */
async function interruptibility(bytes: Uint8Array): Promise<string> {
	const { rewriteKnown } = await import("../rewrite/rewrite.ts");
	const { findMarker } = await import("../rewrite/marker.ts");
	if (findMarker(bytes)?.options.meter !== undefined) return "made so";
	const { unknown } = rewriteKnown(bytes, { meter: "uncounted" });
	return unknown === undefined ? "can be" : `no: ${unknown}`;
}

// --- for people ---

function lines(found: Package, runs: Programs, size: number, listing: boolean): string[] {
	const title = [found.name, found.version].filter(Boolean).join(" ");
	return [
		`${title || "A package without a name"}: format ${found.format}, ${bytes(size)}, verified`,
		...(found.entrypoint === undefined ? [] : ["", `entrypoint  ${found.entrypoint}`]),
		...block("commands", found.commands.map(commandLine)),
		...block(
			"atoms",
			[...found.atoms].map(
				([name, { length }]) =>
					`${name}, ${bytes(length)}, interruptible: ${runs.interruptible.get(name)}`,
			),
		),
		...block("volumes", [...found.allVolumes].map(volumeLine)),
		...block("mounts", found.volumes.map(mountLine)),
		...block(
			"needs",
			[...found.use].map(([alias, specifier]) => named(alias, specifier)),
		),
		...block("runs here", runs.missing.length > 0 || !runs.runnable ? [answerOf(runs)] : []),
		...block("missing", runs.missing),
		...(listing ? [...found.allVolumes].flatMap(volumeListing) : []),
	];
}

function answerOf({ runnable, missing }: Outlook): string {
	if (runnable) return "in part";
	return missing.length > 0 ? "no" : "no: it has no command";
}

function block(title: string, items: readonly string[]): string[] {
	if (items.length === 0) return [];
	return ["", ...items.map((item, i) => `${(i === 0 ? title : "").padEnd(10)}  ${item}`)];
}

function commandLine(command: Package["commands"][number]): string {
	const { name, atom, dependency, mainArgs, env, cwd } = command;
	const program = dependency === undefined ? atom : `${dependency}:${atom}`;
	return [
		program === name ? name : `${name} runs ${program}`,
		...(mainArgs.length > 0 ? [`with ${mainArgs.join(" ")}`] : []),
		...env.map(([key, value]) => `${key}=${value}`),
		...(cwd === undefined ? [] : [`in ${cwd}`]),
	].join(", ");
}

function volumeLine([name, volume]: [string, Volume]): string {
	const { files, directories, links, size } = count(volume);
	const parts = [plural(files, "file"), plural(directories, "directory", "directories")];
	if (links > 0) parts.push(plural(links, "link"));
	return `${name}, ${parts.join(", ")}, ${bytes(size)}`;
}

function mountLine({ mountPath, name, from, hostPath }: Package["volumes"][number]): string {
	const directory = hostPath === undefined ? "" : `, directory ${hostPath}`;
	return `${mountPath} is ${name}${directory}${from === undefined ? "" : ` of ${from}`}`;
}

function named(alias: string, specifier: string): string {
	return specifier.startsWith(`${alias}@`) ? specifier : `${specifier} as ${alias}`;
}

function volumeListing([name, volume]: [string, Volume]): string[] {
	return ["", `${name}:`, ...list(volume, "")];
}

function list(volume: Volume, path: string): string[] {
	return [...volume].flatMap(([name, entry]) => {
		if (typeof entry === "string") return [`${" ".repeat(10)}  ${path}${name} -> ${entry}`];
		if (isDirectory(entry)) return list(entry, `${path}${name}/`);
		return [`${bytes(entry.length).padStart(10)}  ${path}${name}`];
	});
}

// --- for programs ---

function asJson(found: Package, { interruptible, ...runs }: Programs, listing: boolean): unknown {
	const { name, version, format, entrypoint, commands, manifest } = found;
	return {
		name,
		version,
		format,
		entrypoint,
		commands,
		...runs,
		atoms: [...found.atoms].map(([atom, span]) => ({
			name: atom,
			...spanJson(span),
			interruptible: interruptible.get(atom),
		})),
		volumes: [...found.allVolumes].map(([volume, tree]) => ({
			name: volume,
			...count(tree),
			...(listing ? { tree: treeJson(tree) } : {}),
		})),
		mounts: found.volumes.map(({ tree: _, ...mount }) => mount),
		use: [...found.use].map(([alias, specifier]) => ({ alias, specifier })),
		manifest,
	};
}

function treeJson(tree: Volume): unknown[] {
	return [...tree].map(([name, entry]) => {
		if (typeof entry === "string") return { name, target: entry };
		return isDirectory(entry) ? { name, entries: treeJson(entry) } : { name, ...spanJson(entry) };
	});
}

function spanJson({ start, length, sha256, modified }: Span): object {
	return { start, length, sha256: sha256 && Buffer.from(sha256).toString("hex"), modified };
}

/** What JSON has no words for: bytes as base64, and integers of more than 53 bits as text. */
function toJson(_: string, value: unknown): unknown {
	if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
	return typeof value === "bigint" ? String(value) : value;
}

// --- trees ---

/** `instanceof` alone does not tell TypeScript that a Volume, which is read only, is a Map. */
function isDirectory(entry: Volume | Span | string): entry is Volume {
	return entry instanceof Map;
}

interface Count {
	files: number;
	directories: number;
	links: number;
	size: number;
}

function count(volume: Volume): Count {
	const sum: Count = { files: 0, directories: 0, links: 0, size: 0 };
	for (const entry of volume.values()) {
		if (typeof entry === "string") sum.links += 1;
		else if (isDirectory(entry)) {
			const below = count(entry);
			sum.files += below.files;
			sum.directories += below.directories + 1;
			sum.links += below.links;
			sum.size += below.size;
		} else {
			sum.files += 1;
			sum.size += entry.length;
		}
	}
	return sum;
}

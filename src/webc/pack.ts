/**
 * A directory with a `wasmer.toml` to a package.
 *
 * The directory is whatever can list and read: a disk, an unpacked archive, a test's literal. In
 * version 3 each directory under `[fs]` becomes a volume of its own; in versions 1 and 2 they lie
 * together in the volume `atom`, under their own paths. Readme and the like go into `metadata`.
 */
import ignore, { type Ignore } from "ignore";
import { decodeText } from "./byte-reader.ts";
import {
	type DirectoryDefinition,
	DirectoryMap,
	type FileDefinition,
	type PackageDefinition,
} from "./definition.ts";
import { WebcError } from "./error.ts";
import { checkOptions } from "./options.ts";
import { mapOf, type Plan, planPackage, sanitize } from "./wasmer-toml.ts";
import { describeAtom, writePackage } from "./write.ts";
import { inOrder } from "./writer.ts";

/** An entry of a directory, as a packer sees it. */
export interface PackedEntry {
	readonly name: string;
	readonly type: "file" | "directory" | "symlink";
	/** Seconds since 1970. */
	readonly modified?: number | undefined;
	/** Of a symlink. */
	readonly target?: string | undefined;
}

/** A directory to pack. Paths are relative to it, `""` is itself; `..` may lead out of it. */
export interface PackageFiles {
	/** Undefined where there is no such file. */
	read(path: string): Promise<Uint8Array | undefined>;
	/** Undefined where there is no such directory. */
	list(path: string): Promise<readonly PackedEntry[] | undefined>;
}

export interface PackOptions {
	/** Default: 3. */
	readonly format?: 1 | 2 | 3 | undefined;
}

/** Rejects with a WebcError that names what is wrong with `wasmer.toml` or missing beside it. */
export async function packDirectory(
	files: PackageFiles,
	options: PackOptions = {},
): Promise<Uint8Array> {
	await checkOptions("packDirectory", options, { format: 0 } satisfies Record<
		keyof PackOptions,
		0
	>);
	const format = options.format ?? 3;
	const rules = { format, strict: true, ignoring: true };
	return writePackage(await definePackage(files, rules));
}

export interface Rules {
	readonly format: 1 | 2 | 3;
	/** Whether a command without its module is an error. */
	readonly strict: boolean;
	/** Whether `.wasmerignore` counts. */
	readonly ignoring: boolean;
	/** What becomes of an atom before it is packed; without it nothing. */
	readonly prepare?: (name: string, bytes: Uint8Array) => Promise<PreparedAtom>;
}

export interface PreparedAtom {
	readonly bytes: Uint8Array;
	readonly interruptible?: boolean;
}

/** All that `writePackage` needs; `manifest` is a Map. */
export async function definePackage(
	files: PackageFiles,
	rules: Rules,
): Promise<PackageDefinition & { readonly manifest: ReadonlyMap<string, unknown> }> {
	const readText = async (path: string) => textOf(await needed(files, path), path);
	const plan = await planPackage(await manifestText(files), readText, rules.strict);
	const metadata = new DirectoryMap();
	for (const path of plan.bound) place(metadata, sanitize(path), await needed(files, path));
	const wapm = await planMetadata(plan, files, metadata);
	const { volumes, mappings } = await collect(plan, files, rules);
	const atoms = new Map<string, Uint8Array>();
	const described = new Map<string, unknown>();
	for (const [name, { source, kind }] of inOrder(plan.modules)) {
		const found = await needed(files, join(source));
		const { bytes, interruptible } = (await rules.prepare?.(name, found)) ?? {
			bytes: found,
		};
		atoms.set(name, bytes);
		described.set(name, await describeAtom(bytes, kind, interruptible));
	}
	const about = mapOf({
		...(wapm ? { wapm } : {}),
		...(mappings.length > 0 ? { fs: mappings } : {}),
	});
	const parts: [string, unknown, boolean][] = [
		["use", plan.use, plan.use.size > 0],
		["package", about, about.size > 0],
		["atoms", described, described.size > 0],
		["commands", plan.commands, plan.commands.size > 0],
		["bindings", plan.bindings, plan.bindings.length > 0],
		["entrypoint", plan.entrypoint, plan.entrypoint !== undefined],
	];
	const manifest = new Map(
		parts.filter(([, , present]) => present).map(([key, value]) => [key, value]),
	);
	return { format: rules.format, manifest, atoms, volumes: volumes.set("metadata", metadata) };
}

async function manifestText(files: PackageFiles): Promise<string> {
	for (const name of ["wasmer.toml", "wapm.toml"]) {
		const bytes = await files.read(name);
		if (bytes) return textOf(bytes, name);
	}
	throw new WebcError("missing-file", "There is no wasmer.toml");
}

/** `[package]` as the manifest has it, and its files into the metadata. */
async function planMetadata(
	{ about }: Plan,
	files: PackageFiles,
	metadata: DirectoryMap,
): Promise<Map<string, unknown> | undefined> {
	if (!about) return undefined;
	const wapm = new Map(about);
	for (const key of ["license-file", "readme"]) {
		const path = wapm.get(key);
		if (typeof path !== "string") continue;
		const bytes = await files.read(join(path));
		// The packager lets a missing one go, so that a package can be made of what was published.
		if (!bytes) wapm.delete(key);
		else {
			place(metadata, sanitize(path), bytes);
			wapm.set(key, mapOf({ volume: "metadata", path: sanitize(path) }));
		}
	}
	return wapm;
}

interface Collected {
	readonly volumes: Map<string, DirectoryDefinition>;
	readonly mappings: Map<string, unknown>[];
}

async function collect(plan: Plan, files: PackageFiles, rules: Rules): Promise<Collected> {
	return rules.format === 3 ? collectVolumes(plan, files, rules) : collectAtom(plan, files, rules);
}

async function collectVolumes(plan: Plan, files: PackageFiles, rules: Rules): Promise<Collected> {
	const volumes = new Map<string, DirectoryDefinition>();
	const mappings: Map<string, unknown>[] = [];
	for (const { host, guest } of plan.mounts) {
		const found = volumes.get(host) ?? (await readTree(files, host, rules));
		const single = found ? undefined : await singleFile(files, host);
		if (!found && !single) throw missing(host);
		volumes.set(host, found ?? single ?? new DirectoryMap());
		const mountPath = single ? parent(guest) : guest;
		mappings.push(mapOf({ from: null, volume_name: host, mount_path: mountPath }));
	}
	return { volumes, mappings };
}

/** A mapped file becomes a volume that holds it, mounted one level up. */
async function singleFile(files: PackageFiles, host: string): Promise<DirectoryMap | undefined> {
	const bytes = await files.read(host.slice(1));
	if (!bytes) return undefined;
	// Deeper, its name in the volume would hold a slash, which no reader accepts.
	if (host.includes("/", 1))
		throw new WebcError("bad-toml", `Map the directory of ${host} instead`);
	return new DirectoryMap().set(host.slice(1), bytes);
}

async function collectAtom(plan: Plan, files: PackageFiles, rules: Rules): Promise<Collected> {
	const atom = new DirectoryMap();
	const mappings: Map<string, unknown>[] = [];
	for (const { host, guest } of plan.mounts) {
		const tree = await readTree(files, host, rules);
		if (!tree) throw missing(host);
		graft(atom, host.split("/").filter(Boolean), tree);
		const mapping = { from: null, volume_name: "atom", host_path: host, mount_path: guest };
		mappings.push(mapOf(mapping));
	}
	return { volumes: new Map([["atom", atom]]), mappings };
}

/** Adds `tree` at a path; where directories meet, they add to each other. */
function graft(to: DirectoryMap, path: readonly string[], tree: DirectoryDefinition): void {
	let at = to;
	for (const name of path) at = childOf(at, name);
	for (const [name, entry] of tree) {
		if (entry instanceof Map) graft(at, [name], entry as DirectoryDefinition);
		else at.set(name, entry);
	}
}

function childOf(directory: DirectoryMap, name: string): DirectoryMap {
	const found = directory.get(name);
	if (found instanceof DirectoryMap) return found;
	const made = new DirectoryMap();
	directory.set(name, made);
	return made;
}

/** Adds a file at an absolute path. */
function place(volume: DirectoryMap, path: string, bytes: Uint8Array): void {
	const names = path.split("/").filter(Boolean);
	const last = names.pop() ?? "";
	let at = volume;
	for (const name of names) at = childOf(at, name);
	at.set(last, bytes);
}

// --- reading ---

/** What may stay out: the ignore files met on the way down, each with the place where it counts. */
type Ignores = readonly { readonly below: string; readonly rules: Ignore }[];

async function readTree(
	files: PackageFiles,
	host: string,
	{ ignoring }: Rules,
): Promise<DirectoryDefinition | undefined> {
	let ignores: Ignores = [];
	if (ignoring) {
		// Those of the directories above count as well.
		for (let path = host.slice(1); path !== ""; path = parent(`/${path}`).slice(1)) {
			ignores = [...(await ignoresIn(files, parent(`/${path}`).slice(1))), ...ignores];
		}
	}
	return readDirectory(files, host.slice(1), 0, ignoring ? ignores : undefined);
}

async function readDirectory(
	files: PackageFiles,
	path: string,
	modified: number,
	above: Ignores | undefined,
): Promise<DirectoryMap | undefined> {
	const entries = await files.list(path);
	if (!entries) return undefined;
	const ignores = above && [...above, ...(await ignoresIn(files, path))];
	const result = new DirectoryMap(modified);
	for (const entry of entries) {
		const child = path === "" ? entry.name : `${path}/${entry.name}`;
		if (ignores && isIgnored(ignores, child, entry)) continue;
		result.set(entry.name, await readEntry(files, child, entry, ignores));
	}
	return result;
}

async function readEntry(
	files: PackageFiles,
	path: string,
	{ type, modified = 0, target }: PackedEntry,
	ignores: Ignores | undefined,
): Promise<DirectoryMap | FileDefinition | string> {
	if (type === "symlink") return target ?? "";
	if (type === "file") return { bytes: await needed(files, path), modified };
	return (await readDirectory(files, path, modified, ignores)) ?? new DirectoryMap(modified);
}

async function ignoresIn(files: PackageFiles, path: string): Promise<Ignores> {
	const file = path === "" ? ".wasmerignore" : `${path}/.wasmerignore`;
	const bytes = await files.read(file);
	return bytes ? [{ below: path, rules: ignore().add(textOf(bytes, file)) }] : [];
}

/** The deepest file that has an opinion decides. Without any, only `.git` stays out. */
function isIgnored(ignores: Ignores, path: string, { name, type }: PackedEntry): boolean {
	if (ignores.length === 0) return name === ".git";
	for (const { below, rules } of [...ignores].reverse()) {
		const relative = below === "" ? path : path.slice(below.length + 1);
		const { ignored, unignored } = rules.test(type === "directory" ? `${relative}/` : relative);
		if (ignored || unignored) return ignored;
	}
	return false;
}

async function needed(files: PackageFiles, path: string): Promise<Uint8Array> {
	const bytes = await files.read(join(path));
	if (bytes) return bytes;
	throw missing(path);
}

/** Without dots that mean nothing. Only the files of modules may lie outside the package. */
function join(path: string): string {
	return path
		.split("/")
		.filter((name) => name !== "" && name !== ".")
		.join("/");
}

function parent(path: string): string {
	return path.slice(0, path.lastIndexOf("/")) || "/";
}

function missing(path: string): WebcError {
	return new WebcError("missing-file", `There is no ${path}`);
}

function textOf(bytes: Uint8Array, path: string): string {
	const text = decodeText(bytes);
	if (text === undefined) throw new WebcError("bad-toml", `${path} is not UTF-8`);
	return text.startsWith("\ufeff") ? text.slice(1) : text;
}

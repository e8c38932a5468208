/**
 * The manifest, made sense of: commands, atoms, dependencies and mounts.
 *
 * Manifests were written by many packagers over the years, so what older ones spelled otherwise is
 * read too (`main_args`, `original_path`, a name straight under `package`). What the schema demands
 * is demanded; what it does not know is left alone, and stays visible in `Package.manifest`.
 */
import { isTable, type Table } from "./cbor.ts";
import { WebcError } from "./error.ts";
import type { CommandInfo, MountedVolume, Package, Span, Volume } from "./package.ts";
import { Directory } from "./tree.ts";

export const runners = {
	wasi: "https://webc.org/runner/wasi",
	wcgi: "https://webc.org/runner/wcgi",
	emscripten: "https://webc.org/runner/emscripten",
} as const;

/** What the manifest says, with the contents it speaks of. */
export interface Meaning
	extends Pick<Package, "name" | "version" | "commands" | "use" | "atoms" | "volumes"> {
	readonly entrypoint?: string;
}

export function readManifest(
	manifest: Table,
	format: Package["format"],
	atoms: ReadonlyMap<string, Span>,
	allVolumes: ReadonlyMap<string, Volume>,
): Meaning {
	const about = optionalTable(manifest.package, "`package`");
	const use = readUse(optionalTable(manifest.use, "`use`"));
	const entrypoint = optionalText(manifest.entrypoint, "`entrypoint`");
	return {
		...readIdentity(about),
		commands: readCommands(optionalTable(manifest.commands, "`commands`")),
		use,
		atoms: readAtoms(optionalTable(manifest.atoms, "`atoms`"), atoms),
		volumes: readMounts(about, format === 1 || format === 2, use, allVolumes),
		...(entrypoint === undefined ? {} : { entrypoint }),
	};
}

function readIdentity(about: Table): { name: string; version: string } {
	const wapm = optionalTable(about.wapm, "`package.wapm`");
	const text = (key: string) =>
		optionalText(wapm[key], `\`package.wapm.${key}\``) ??
		(typeof about[key] === "string" ? about[key] : "");
	const name = text("name");
	return { name, version: text("version") || (name === "" ? "" : "0.0.0") };
}

// --- dependencies ---

function readUse(use: Table): Map<string, string> {
	const result = new Map<string, string>();
	for (const [alias, value] of Object.entries(use)) {
		result.set(alias, specifier(value, `\`use\` of ${quote(alias)}`));
	}
	return result;
}

/** An embedded manifest stands for exactly its version of its package, which is not mounted. */
function specifier(value: unknown, where: string): string {
	if (typeof value === "string") {
		if (/^[./]/.test(value)) throw fault(`${where} is a local path`);
		return value;
	}
	const { name, version } = readIdentity(optionalTable(table(value, where).package, where));
	if (name === "") throw fault(`${where} names no package`);
	return `${name}@=${version}`;
}

// --- atoms ---

/** An atom that the manifest does not mention cannot be used. */
function readAtoms(described: Table, atoms: ReadonlyMap<string, Span>): Map<string, Span> {
	const result = new Map<string, Span>();
	for (const [name, value] of Object.entries(described)) {
		const where = `atom ${quote(name)}`;
		const atom = table(value, where);
		if (!/^[a-z][a-z0-9+.-]*:/i.test(text(atom.kind, `the kind of ${where}`))) {
			throw fault(`The kind of ${where} is not a URL`);
		}
		const sha256 = signature(text(atom.signature, `the signature of ${where}`), where);
		const span = atoms.get(name);
		if (!span) continue;
		if (span.sha256 && !span.sha256.every((byte, i) => byte === sha256[i])) {
			throw new WebcError("checksum", `The signature of ${where} is not that of its content`, {
				section: "the manifest",
			});
		}
		result.set(name, { ...span, sha256, ...(isInterruptible(atom) && { interruptible: true }) });
	}
	return result;
}

/** Whether an atom has the annotation `porthole: { interruptible: true }`; see `describeAtom`. */
function isInterruptible({ annotations }: Table): boolean {
	const ours = isTable(annotations) ? annotations.porthole : undefined;
	return isTable(ours) && ours.interruptible === true;
}

function signature(value: string, where: string): Uint8Array {
	if (/^sha256:[A-Za-z0-9+/]{43}=$/.test(value)) {
		return Uint8Array.from(atob(value.slice(7)), (byte) => byte.charCodeAt(0));
	}
	throw fault(`The signature of ${where} is not the base64 of a SHA-256`);
}

// --- commands ---

function readCommands(commands: Table): CommandInfo[] {
	return Object.entries(commands).flatMap(([name, value]) => {
		const where = `command ${quote(name)}`;
		const command = table(value, where);
		const runner = text(command.runner, `the runner of ${where}`);
		const annotations = table(command.annotations, `\`annotations\` of ${where}`);
		const program = readProgram(name, runner, annotations, where);
		if (!program) return [];
		const anyAtom = Object.keys(annotations).length === 0;
		return [{ name, runner, ...program, anyAtom, ...readStart(annotations, where) }];
	});
}

/** Which atom to run; undefined where no runner of ours could. */
function readProgram(
	name: string,
	runner: string,
	annotations: Table,
	where: string,
): Pick<CommandInfo, "atom" | "dependency"> | undefined {
	const named = annotations.atom;
	if (named !== undefined) {
		const atom = table(named, `\`annotations.atom\` of ${where}`);
		const dependency = optionalText(atom.dependency, `the dependency of ${where}`);
		return {
			atom: text(atom.name, `the atom of ${where}`),
			...(dependency === undefined ? {} : { dependency }),
		};
	}
	const { wasi, emscripten } = startTables(annotations, where);
	const atom = wasi.atom ?? emscripten.atom;
	if (atom !== undefined && atom !== null)
		return aliased(text(atom, `the atom of ${where}`), where);
	const runs = runner.startsWith(runners.wasi) || runner.startsWith(runners.wcgi);
	return runs ? { atom: name } : undefined;
}

function aliased(atom: string, where: string): Pick<CommandInfo, "atom" | "dependency"> {
	const [first = "", second, third] = atom.split(":");
	if (third !== undefined) throw fault(`The atom of ${where} has two colons`);
	return second === undefined ? { atom: first } : { atom: second, dependency: first };
}

function startTables(annotations: Table, where: string): { wasi: Table; emscripten: Table } {
	const wasi = optionalTable(annotations.wasi, `\`annotations.wasi\` of ${where}`);
	if (annotations.wasi !== undefined) text(wasi.atom, `\`annotations.wasi.atom\` of ${where}`);
	const emscripten = optionalTable(annotations.emscripten, `\`emscripten\` of ${where}`);
	return { wasi, emscripten };
}

function readStart(
	annotations: Table,
	where: string,
): Pick<CommandInfo, "env" | "mainArgs" | "cwd" | "execName"> {
	const { wasi, emscripten } = startTables(annotations, where);
	const from = annotations.wasi === undefined ? emscripten : wasi;
	const cwd = optionalText(from.cwd, `\`cwd\` of ${where}`);
	const execName = optionalText(from["exec-name"] ?? from.exec_name, `\`exec-name\` of ${where}`);
	return {
		env: texts(from.env, `\`env\` of ${where}`).map(pair),
		mainArgs: texts(from["main-args"] ?? from.main_args, `\`main-args\` of ${where}`),
		...(cwd === undefined ? {} : { cwd }),
		...(execName === undefined ? {} : { execName }),
	};
}

function pair(item: string): readonly [string, string] {
	const at = item.indexOf("=");
	return at < 0 ? [item, ""] : [item.slice(0, at), item.slice(at + 1)];
}

// --- mounts ---

function readMounts(
	about: Table,
	hosted: boolean,
	use: ReadonlyMap<string, string>,
	volumes: ReadonlyMap<string, Volume>,
): MountedVolume[] {
	const mappings = about.fs;
	if (mappings === undefined) {
		const tree = hosted && volumes.get("atom");
		return tree ? [{ name: "atom", mountPath: "/", tree }] : [];
	}
	if (!Array.isArray(mappings)) throw fault("`package.fs` is not a list");
	return mappings.map((item) => readMount(table(item, "a mapping"), hosted, use, volumes));
}

function readMount(
	mapping: Table,
	hosted: boolean,
	use: ReadonlyMap<string, string>,
	volumes: ReadonlyMap<string, Volume>,
): MountedVolume {
	const name = text(mapping.volume_name, "`volume_name` of a mapping");
	const mountPath = normalize(text(mapping.mount_path, "`mount_path` of a mapping"));
	const host = optionalText(mapping.host_path ?? mapping.original_path, "`host_path`");
	const hostPath = components(host ?? "").length > 0 ? { hostPath: host ?? "" } : {};
	const from = optionalText(mapping.from, "`from` of a mapping");
	if (from !== undefined) {
		if (use.has(from)) return { name, mountPath, tree: new Directory(), from, ...hostPath };
		throw new WebcError(
			"unknown-alias",
			`The volume ${quote(name)} is mapped from ${quote(from)}`,
			{
				section: "the manifest",
			},
		);
	}
	const tree = volumes.get(name);
	if (!tree) throw missing(`The volume ${quote(name)} is mapped, but not in the package`);
	if (!hosted) return { name, mountPath, tree };
	return { name, mountPath, tree: subtree(tree, host ?? ""), ...hostPath };
}

/** The directory at `path` of a volume. */
export function subtree(tree: Volume, path: string): Volume {
	let at = tree;
	for (const name of components(path)) {
		const next = at.get(name);
		if (!(next instanceof Map)) throw missing(`${quote(path)} is mapped, but is no directory`);
		at = next;
	}
	return at;
}

/** Absolute, without dots and doubled slashes; `..` is resolved, and may not leave the root. */
export function normalize(path: string): string {
	if (path.includes("\0")) throw mountFault(path, "holds a NUL");
	const result: string[] = [];
	for (const name of components(path)) {
		if (name !== "..") result.push(name);
		else if (result.pop() === undefined) throw mountFault(path, "leaves the root");
	}
	return `/${result.join("/")}`;
}

function components(path: string): string[] {
	return path.split("/").filter((name) => name !== "" && name !== ".");
}

// --- values ---

function table(value: unknown, where: string): Table {
	if (isTable(value)) return value;
	throw fault(`${where} is ${value === undefined ? "missing" : "not a map"}`);
}

function optionalTable(value: unknown, where: string): Table {
	return value === undefined ? Object.create(null) : table(value, where);
}

function text(value: unknown, where: string): string {
	if (typeof value === "string") return value;
	throw fault(`${where} is ${value === undefined ? "missing" : "not text"}`);
}

function optionalText(value: unknown, where: string): string | undefined {
	return value === undefined || value === null ? undefined : text(value, where);
}

function texts(value: unknown, where: string): string[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value)) throw fault(`${where} is not a list`);
	return value.map((item) => text(item, `an item in ${where}`));
}

function quote(name: string): string {
	return JSON.stringify(name);
}

function fault(what: string): WebcError {
	return new WebcError("bad-manifest", what[0]?.toUpperCase() + what.slice(1), inManifest);
}

function missing(what: string): WebcError {
	return new WebcError("missing-volume", what, inManifest);
}

function mountFault(path: string, what: string): WebcError {
	return new WebcError("bad-mount-path", `The mount path ${quote(path)} ${what}`, inManifest);
}

const inManifest = { section: "the manifest" };

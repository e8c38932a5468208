/**
 * `wasmer.toml` (formerly `wapm.toml`) to a manifest, and to the list of what goes into the package.
 *
 * The conversion follows the reference packager, so that a package made here is the same bytes: keys
 * are set in the order in which they are to stand. Nothing is read here but what annotations refer
 * to; the plan says which files are needed, and `pack.ts` gets them.
 */
import { parse, TomlError } from "smol-toml";
import { WebcError } from "./error.ts";
import { normalize, runners } from "./manifest.ts";

/** What goes into a package. Paths of files are as they stand in the TOML. */
export interface Plan {
	/** `[package]`, in manifest order; undefined where there is none. */
	readonly about: ReadonlyMap<string, unknown> | undefined;
	readonly use: ReadonlyMap<string, string>;
	readonly modules: ReadonlyMap<string, { readonly source: string; readonly kind: string }>;
	readonly commands: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
	readonly bindings: readonly unknown[];
	readonly entrypoint: string | undefined;
	/** In the order of the file. */
	readonly mounts: readonly { readonly host: string; readonly guest: string }[];
	/** Files of the `metadata` volume that must be there. */
	readonly bound: readonly string[];
}

/** A table of the file; smol-toml makes `__proto__` an own property like any other. */
type Toml = Readonly<Record<string, unknown>>;

/**
 * `readText` reads the files that annotations are kept in. `strict` refuses what the packager lets
 * pass and no runner can run: a command of a module that does not exist.
 */
export async function planPackage(
	toml: string,
	readText: (path: string) => Promise<string>,
	strict: boolean,
): Promise<Plan> {
	const root = parseToml(toml);
	const modules = named(root.module, "module");
	const use = planUse(root.dependencies);
	const context: Context = { modules, use, strict, readText };
	const commands = new Map<string, ReadonlyMap<string, unknown>>();
	for (const [name, command] of named(root.command, "command")) {
		commands.set(name, await planCommand(name, command, context));
	}
	const about = root.package === undefined ? undefined : table(root.package, "[package]");
	const only = commands.size === 1 ? [...commands.keys()][0] : undefined;
	return {
		about: about && planAbout(about),
		use,
		modules: planModules(modules),
		commands,
		...planBindings(modules),
		entrypoint: about ? (optionalText(about.entrypoint, "entrypoint") ?? only) : only,
		mounts: planMounts(root.fs),
	};
}

function parseToml(toml: string): Toml {
	try {
		return parse(toml);
	} catch (error) {
		if (!(error instanceof TomlError)) throw error;
		const [what = ""] = error.message.split("\n");
		throw fault(`${what} (line ${error.line}, column ${error.column})`);
	}
}

/** Paths are made absolute, `.` and `..` resolved and kept inside. */
export function sanitize(path: string): string {
	try {
		return normalize(path);
	} catch {
		throw fault(`The path ${JSON.stringify(path)} leads out of the package`);
	}
}

function planAbout(about: Toml): Map<string, unknown> {
	const result = new Map<string, unknown>();
	for (const key of ["name", "version", "description", "license"]) copyText(about, key, result);
	for (const key of ["license-file", "readme"]) copyText(about, key, result);
	for (const key of ["repository", "homepage"]) copyText(about, key, result);
	if (about.private === true) result.set("private", true);
	return result;
}

function copyText(from: Toml, key: string, to: Map<string, unknown>): void {
	const value = optionalText(from[key], key);
	if (value !== undefined) to.set(key, value);
}

function planUse(dependencies: unknown): Map<string, string> {
	const use = new Map<string, string>();
	for (const [name, value] of Object.entries(table(dependencies ?? {}, "[dependencies]"))) {
		if (!/^[\w-]+\/[\w-]+$/.test(name)) {
			throw fault(`The dependency ${JSON.stringify(name)} is not called namespace/name`);
		}
		const requirement = text(value, `the requirement of ${name}`).trim();
		use.set(name, `${name}@${/^\d/.test(requirement) ? "^" : ""}${requirement || "*"}`);
	}
	return use;
}

function planMounts(fs: unknown): { host: string; guest: string }[] {
	return Object.entries(table(fs ?? {}, "[fs]")).map(([guest, host]) => ({
		guest: sanitize(guest),
		host: sanitize(text(host, `the directory of ${guest}`)),
	}));
}

function planModules(
	modules: ReadonlyMap<string, Toml>,
): Map<string, { source: string; kind: string }> {
	const result = new Map<string, { source: string; kind: string }>();
	for (const [name, module] of modules) {
		const source = text(module.source, `the source of module ${name}`);
		result.set(name, { source, kind: moduleKind(optionalText(module.kind, "kind") ?? "wasm") });
	}
	return result;
}

function moduleKind(kind: string): string {
	if (kind === "wasm" || kind === "tensorflow-SavedModel") return `https://webc.org/kind/${kind}`;
	if (isUrl(kind)) return kind;
	throw fault(`There is no module kind ${JSON.stringify(kind)}`);
}

// --- commands ---

interface Context {
	readonly modules: ReadonlyMap<string, Toml>;
	readonly use: ReadonlyMap<string, string>;
	readonly strict: boolean;
	readonly readText: (path: string) => Promise<string>;
}

/** With these keys alone a command is of the old form, whose runner follows from its module. */
const oldForm = new Set(["name", "module", "main_args", "package"]);

async function planCommand(
	name: string,
	command: Toml,
	context: Context,
): Promise<ReadonlyMap<string, unknown>> {
	const old = Object.keys(command).every((key) => oldForm.has(key));
	const atom = moduleOf(name, text(command.module, `the module of command ${name}`), context, old);
	const runner = old
		? oldRunner(atom.dependency ? undefined : context.modules.get(atom.name))
		: newRunner(text(command.runner, `the runner of command ${name}`));
	const annotations = new Map<string, unknown>([["atom", mapOf(atom)]]);
	if (runner === runners.wasi || runner === runners.wcgi) {
		annotations.set("wasi", startOf(command, atom));
	}
	const own = await userAnnotations(command.annotations, context);
	const merged = merge(annotations, own, `the annotations of command ${name}`);
	return new Map<string, unknown>([
		["runner", runner],
		["annotations", merged],
	]);
}

interface AtomName {
	readonly name: string;
	readonly dependency?: string;
}

function moduleOf(command: string, module: string, context: Context, old: boolean): AtomName {
	const [first = "", second, third] = module.split(":");
	if (third !== undefined) throw fault(`The module of command ${command} has two colons`);
	if (second === undefined) {
		if (context.modules.has(first) || !(old || context.strict)) return { name: first };
		throw fault(`Command ${command} is of module ${JSON.stringify(first)}, which there is not`);
	}
	if (!context.use.has(first)) {
		throw fault(`Command ${command} is of ${JSON.stringify(first)}, which is no dependency`);
	}
	return { name: second, dependency: first };
}

function startOf(command: Toml, { name, dependency }: AtomName): ReadonlyMap<string, unknown> {
	const start = new Map<string, unknown>();
	start.set("atom", dependency === undefined ? name : `${dependency}:${name}`);
	copyText(command, "package", start);
	const args = optionalText(command.main_args, "main_args")?.split(/\s+/).filter(Boolean);
	if (args) start.set("main-args", args);
	return start;
}

function oldRunner(module: Toml | undefined): string {
	const abi = optionalText(module?.abi, "abi");
	if (abi === "emscripten") return runners.emscripten;
	return abi === "wasm4" ? "https://webc.org/runner/wasm4" : runners.wasi;
}

function newRunner(runner: string): string {
	if (["wasi", "wasi@unstable_", "generic"].includes(runner)) return runners.wasi;
	return isUrl(runner) ? runner : `https://webc.org/runner/${runner}`;
}

async function userAnnotations(value: unknown, context: Context): Promise<unknown> {
	if (value === undefined) return new Map();
	const annotations = table(value, "annotations");
	const { file, kind } = annotations;
	if (Object.keys(annotations).length !== 2 || typeof file !== "string") return plain(annotations);
	if (kind === "yaml") throw fault(`The annotations in ${file} are YAML: write them as JSON`);
	if (kind !== "json") return plain(annotations);
	try {
		return plain(JSON.parse(await context.readText(file)));
	} catch (error) {
		if (error instanceof WebcError) throw error;
		throw fault(`${file} is no JSON: ${error instanceof Error ? error.message : error}`);
	}
}

/** Maps merge, lists are joined, null gives way; what differs otherwise is an error. */
function merge(a: unknown, b: unknown, where: string): unknown {
	if (a === b || b === null || b === undefined) return a;
	if (a === null || a === undefined) return b;
	if (Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
	if (!(a instanceof Map) || !(b instanceof Map)) {
		throw fault(
			`${where[0]?.toUpperCase()}${where.slice(1)} contradict what follows from the module`,
		);
	}
	const result = new Map<unknown, unknown>(a);
	for (const [key, value] of b) result.set(key, merge(result.get(key), value, where));
	return result;
}

// --- bindings ---

function planBindings(modules: ReadonlyMap<string, Toml>): Pick<Plan, "bindings" | "bound"> {
	const bound: string[] = [];
	const uri = (value: unknown, what: string) => {
		const path = text(value, what);
		bound.push(path);
		return `metadata://${path}`;
	};
	const bindings = [...modules].flatMap(([module, { bindings }]) => {
		if (bindings === undefined) return [];
		const from = table(bindings, `the bindings of module ${module}`);
		const wit = optionalText(from["wit-bindgen"], "wit-bindgen");
		const name = "library-bindings";
		if (wit !== undefined) {
			const exports = uri(from["wit-exports"], "wit-exports");
			const annotations = mapOf({ wit: mapOf({ exports, module }) });
			return [mapOf({ name, kind: `wit@${wit}`, annotations })];
		}
		const version = text(from["wai-version"], "wai-version");
		const exports = from.exports === undefined ? null : uri(from.exports, "exports");
		const imports = list(from.imports ?? [], "imports").map((path) => uri(path, "an import"));
		const annotations = mapOf({ wai: mapOf({ exports, module, imports }) });
		return [mapOf({ name, kind: `wai@${version}`, annotations })];
	});
	return { bindings, bound };
}

// --- values ---

export function mapOf(object: object): Map<string, unknown> {
	return new Map(Object.entries(object));
}

/** Tables become maps, and dates text. */
function plain(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(plain);
	if (value instanceof Date) return value.toISOString();
	if (typeof value !== "object" || value === null) return value;
	return new Map(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function named(value: unknown, what: string): Map<string, Toml> {
	const result = new Map<string, Toml>();
	for (const item of list(value ?? [], `[[${what}]]`)) {
		const entry = table(item, `[[${what}]]`);
		const name = text(entry.name, `the name of a ${what}`);
		if (result.has(name)) throw fault(`There are two ${what}s called ${JSON.stringify(name)}`);
		result.set(name, entry);
	}
	return result;
}

function isUrl(value: string): boolean {
	return /^[a-z][a-z0-9+.-]*:\/\//i.test(value);
}

function table(value: unknown, what: string): Toml {
	if (typeof value === "object" && value !== null && !Array.isArray(value)) {
		return value as Toml; // An object that is no list is what smol-toml makes of a table.
	}
	throw fault(`${what} should be a table`);
}

function list(value: unknown, what: string): readonly unknown[] {
	if (Array.isArray(value)) return value;
	throw fault(`${what} should be a list`);
}

function text(value: unknown, what: string): string {
	if (typeof value === "string") return value;
	throw fault(`${what} should be text`);
}

function optionalText(value: unknown, what: string): string | undefined {
	return value === undefined ? undefined : text(value, what);
}

function fault(what: string): WebcError {
	return new WebcError("bad-toml", what[0]?.toUpperCase() + what.slice(1), {
		section: "wasmer.toml",
	});
}

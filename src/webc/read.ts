/**
 * Reads any package: finds out what it is, reads its index, checks it, and makes sense of it.
 *
 * Only the parts that say where things are get read. Contents are read later, by span, and what the
 * container knows about them (`Span.sha256`) can be held against them then: `verifySpan`. Where all
 * bytes are in memory anyway, everything is verified before anyone sees the package.
 */
import { nameFault } from "./byte-reader.ts";
import { decodeMap, type Table } from "./cbor.ts";
import { canDigest } from "./digest.ts";
import { WebcError } from "./error.ts";
import { readManifest, runners } from "./manifest.ts";
import { checkOptions } from "./options.ts";
import type { ByteSource, Package } from "./package.ts";
import { readV3 } from "./read-v3.ts";
import { asSource, Window } from "./source.ts";
import { Allowance, type Caps, type Contents, defaultCaps } from "./tree.ts";

export interface ReadOptions {
	/** What the package is called where it does not say so itself, as the packages of today do not:
	 *  `namespace/name@version`, or a file name, whose directory and extension do not count. */
	readonly name?: string | undefined;
	/** What the one command of a bare module is called, as written; default: after `name`, else `main`. */
	readonly command?: string | undefined;
	/**
	 * Whether to compute the digests of everything before the answer: of the file, sections, files
	 * and atoms. Default: where all bytes are in memory. `false` skips the cheap ones too, which are
	 * those of the manifest and of directories.
	 */
	readonly verify?: boolean | undefined;
	readonly caps?: Partial<Caps> | undefined;
}

const names: Readonly<Record<keyof ReadOptions, unknown>> = {
	name: 0,
	command: 0,
	verify: 0,
	caps: 0,
};

async function checkRead(call: string, options: ReadOptions): Promise<void> {
	await checkOptions(call, options, names);
	await checkOptions("caps", options.caps ?? {}, defaultCaps);
}

/** Rejects with a WebcError where the input is no package, or is damaged or hostile, and for an option
 *  that there is not. */
export async function readPackage(
	input: Uint8Array | ArrayBuffer | ByteSource,
	options: ReadOptions = {},
): Promise<Package> {
	await checkRead("readPackage", options);
	if (input instanceof ArrayBuffer && input.detached) {
		throw new WebcError("bad-magic", "The buffer was transferred, and is empty", { offset: 0 });
	}
	const source = asSource(input);
	const verify = options.verify ?? ((source.bytes !== undefined && canDigest()) || undefined);
	const { pkg, verified } = await openPackage(source, { ...options, verify });
	await verified;
	return pkg;
}

/**
 * The same, for those who have something to do while digests are computed, and want no byte digested
 * twice: what lies in a section with a digest is not held against its own as well, unless `verify` is
 * true. Nothing of the package may be used for good before `verified` has resolved.
 */
export async function openPackage(
	input: Uint8Array | ArrayBuffer | ByteSource,
	options: ReadOptions = {},
): Promise<{ readonly pkg: Package; readonly verified: Promise<void> }> {
	await checkRead("openPackage", options);
	const source = asSource(input);
	const caps = { ...defaultCaps, ...options.caps };
	const told = identity(options.name ?? "");
	const file = new Window(source);
	const magic = await file.upTo(0, 8, "the header");
	const kind = detect(magic);
	if (kind === null) throw (await import("./no-package.ts")).noPackage(magic);
	const nothing = Promise.resolve();
	if (kind === "wasm") {
		return { pkg: modulePackage(source, told, options.command), verified: nothing };
	}
	if (kind === "tar") {
		const { readArchive } = await import("./targz.ts");
		return { pkg: named(await readArchive(source, caps), told), verified: nothing };
	}
	const allowance = new Allowance(caps);
	const contents = kind === 1 ? await old(file, allowance) : await readV3(file, kind, allowance);
	const pkg = named(assemble(source, kind, contents, caps.depth), told);
	// Digests are computed beside the compiling, and what computes them is loaded beside it, too.
	const verified = import("./verify.ts").then(({ verifyPackage }) =>
		verifyPackage(pkg, contents, options.verify),
	);
	return { pkg, verified };
}

/** Containers of the first version are rare by now, so their reader is loaded when one comes. */
async function old(file: Window, allowance: Allowance): Promise<Contents> {
	const { readV1 } = await import("./read-v1.ts");
	return readV1(file, allowance);
}

/** Null for what is no package. */
function detect(magic: Uint8Array): Package["format"] | null {
	if (magic.length < 8) return null;
	const text = String.fromCharCode(...magic);
	if (text.startsWith("\x1f\x8b")) return "tar";
	if (text.startsWith("\0asm")) return "wasm";
	const version = text.startsWith("\0webc00") ? Number(text[7]) : 0;
	return version === 1 || version === 2 || version === 3 ? version : null;
}

function assemble(
	source: ByteSource,
	format: 1 | 2 | 3,
	{ manifest: { bytes, offset }, atoms, volumes }: Contents,
	depth: number,
): Package {
	const where = { section: "the manifest", offset };
	const [manifest, length] = decodeMap(bytes, depth, where);
	if (length < bytes.length) {
		const what = `${bytes.length - length} stray bytes follow the map`;
		throw new WebcError("bad-cbor", what, { ...where, offset: offset + length });
	}
	return {
		format,
		...readManifest(manifest, format, atoms, volumes),
		manifest,
		manifestBytes: bytes,
		allVolumes: volumes,
		source,
	};
}

// --- names ---

interface Identity {
	readonly name: string;
	readonly version: string;
}

function identity(told: string): Identity {
	const [, path = "", version = ""] = /^(.*?)(?:@v?(\d[^/]*))?$/.exec(told) ?? [];
	const bare = path.replace(/\.(webc|wasmer|wasm|tar\.gz|tgz)$/, "");
	const isName = /^[\w-]+\/[\w.-]+$/.test(bare) && bare === path;
	const name = isName ? bare : bare.slice(bare.lastIndexOf("/") + 1);
	return { name, version: version.replace(/\.(webc|wasmer|wasm|tar\.gz|tgz)$/, "") };
}

function named(found: Package, told: Identity): Package {
	return found.name === "" ? { ...found, ...told } : found;
}

/** So many UTF-16 units have at most the 255 bytes that a name may have. */
const LONGEST = 85;

/** A bare module is a package of one command. */
function modulePackage(source: ByteSource, told: Identity, called: string | undefined): Package {
	const last = told.name.slice(told.name.lastIndexOf("/") + 1);
	const name = called ?? (nameFault(last) === "" && last.length <= LONGEST ? last : "main");
	const command = {
		name,
		runner: runners.wasi,
		atom: name,
		anyAtom: false,
		env: [],
		mainArgs: [],
	};
	return {
		name: told.name || name,
		version: told.version,
		format: "wasm",
		entrypoint: name,
		commands: [command],
		manifest: moduleManifest(name),
		volumes: [],
		allVolumes: new Map(),
		atoms: new Map([[name, { start: 0, length: source.size }]]),
		use: new Map(),
		source,
	};
}

function moduleManifest(name: string): Table {
	const none = (entries: Record<string, unknown>): Table =>
		Object.assign(Object.create(null), entries);
	const annotations = none({ atom: none({ name }), wasi: none({ atom: name }) });
	return none({
		atoms: none({ [name]: none({ kind: "https://webc.org/kind/wasm" }) }),
		commands: none({ [name]: none({ runner: runners.wasi, annotations }) }),
		entrypoint: name,
	});
}

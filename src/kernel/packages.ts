/**
 * The packages of a sandbox: their volumes in the tree, their commands by name, their modules.
 */
import { PortholeError } from "../abi/error.ts";
import { isName } from "../abi/name.ts";
import { VolumeFileSystem } from "../fs/volume.ts";
import type { LoadedPackage, Warn } from "../load/load-package.ts";
import type { WireCommand, WirePackage } from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import {
	type AccessProfile,
	type CommandInfo,
	type FindDependency,
	type MountedVolume,
	type Package,
	type ResolvedCommand,
	resolveCommand,
	resolveEntrypoint,
	resolveMounts,
	type Span,
	WebcError,
} from "../webc/index.ts";
import type { Candidate } from "./choose-rewriting.ts";
import type { Tree } from "./sandbox-tree.ts";

/** Where commands are found as files. */
const PATHS = ["/bin", "/usr/bin"];

/** A program that can be started: a command, its package's wishes, and how to get its module. */
export interface Program extends Candidate {
	/** What argv[0] is. */
	readonly name: string;
	readonly info: CommandInfo;
	/** What the page remembers its module by; "" for one that is not of a package. */
	readonly key: string;
	/** Bytes of the module; 0 for one that the page has compiled. */
	readonly size: number;
	/** The bytes of the module as it is; null for one that the page has compiled. */
	readonly bytes: (() => Promise<Uint8Array>) | null;
	/** The module, rewritten where `how` is given. */
	module(how?: RewriteOptions): Promise<WebAssembly.Module>;
}

export class Packages {
	readonly tree: Tree;
	readonly warn: Warn;
	readonly #loaded = new Map<number, LoadedPackage>();
	#among: ((packages: Iterable<Package>) => FindDependency) | null = null;
	readonly #modules = new Map<Span, Map<string, Promise<WebAssembly.Module>>>();
	readonly #usual: (program: Candidate) => RewriteOptions | undefined;

	/** `usual` says how a program is to be rewritten, as far as is known before it is started. */
	constructor(tree: Tree, warn: Warn, usual: (program: Candidate) => RewriteOptions | undefined) {
		this.tree = tree;
		this.warn = warn;
		this.#usual = usual;
	}

	/** Adds a package: volumes to the tree, commands to the path. Compiles what it starts with. */
	async add(id: number, loaded: LoadedPackage): Promise<WirePackage> {
		const { pkg } = loaded;
		const bad = pkg.commands.find(({ name }) => !isName(name));
		if (bad) throw (await import("../load/errors.ts")).badCommand(pkg, bad.name);
		// Versions are compared only where a package depends on others.
		if (pkg.use.size > 0) this.#among ??= (await import("../webc/find-dependency.ts")).findAmong;
		this.#loaded.set(id, loaded);
		try {
			const entry = resolveEntrypoint(pkg, this.#find());
			const main = this.#tryResolve(pkg, entry);
			const usual = main && this.#usual(this.#candidate(main));
			const module = main === undefined ? undefined : this.#module(main, usual);
			// Compiled while digests are computed; but that a package is damaged is said first.
			module?.catch(() => {});
			const late = import("../load/outlook.ts");
			late.catch(() => {});
			await loaded.verified;
			const compiled = await module;
			const outlook = (await late).outlookOf(pkg, entry, (name) => {
				const found = this.#tryResolve(pkg, name);
				if (found === undefined) return undefined;
				if (found.atom === main?.atom) return compiled;
				return this.#of(found.pkg).bytes?.(found.atom);
			});
			for (const fs of this.#volumes(loaded)) this.tree.addPackage(fs);
			this.#warnHidden(pkg);
			return {
				id,
				name: pkg.name,
				version: pkg.version,
				format: pkg.format,
				entrypoint: entry,
				commands: pkg.commands.map((command) => command.name),
				manifest: pkg.manifest,
				volumes: pkg.volumes.map(({ name, mountPath }) => ({ name, mountPath })),
				...outlook,
			};
		} catch (error) {
			this.#loaded.delete(id);
			return crossing(error);
		}
	}

	/** Tells of commands that a package loaded before has as well. The same package twice is no surprise. */
	#warnHidden(pkg: Package): void {
		for (const { name } of pkg.commands) {
			const first = this.#owner(name) ?? pkg;
			if (first === pkg || (first.name === pkg.name && first.version === pkg.version)) continue;
			import("../load/errors.ts").then(({ hidden }) => this.warn(hidden(name, first, pkg)));
		}
	}

	/** What has been read of a package. Errors: `"not-supported"`. */
	async profile(id: number): Promise<AccessProfile> {
		const profile = this.#loaded.get(id)?.profile?.();
		if (profile === undefined) throw (await import("../load/errors.ts")).noProfile();
		return profile;
	}

	/** The program behind a command's name, or behind a package's entrypoint.
	 *  Errors: `"missing-command"`, and what resolving one finds wrong. */
	async program(command: WireCommand): Promise<Program> {
		if (typeof command === "object") return bareProgram(command);
		const byId = typeof command === "number";
		const owner = byId ? this.#loaded.get(command)?.pkg : this.#owner(command);
		const name = byId ? owner && resolveEntrypoint(owner, this.#find()) : command;
		if (owner === undefined || name === undefined) {
			const all = [...this.#loaded.values()].map(({ pkg }) => pkg);
			throw (await import("../load/errors.ts")).noCommand(name, owner, all);
		}
		try {
			const resolved = resolveCommand(owner, name, this.#find());
			const { pkg, atom, atomName } = resolved;
			return {
				name: resolved.info.execName ?? name,
				info: resolved.info,
				key: `${pkg.name}@${pkg.version} ${atomName} ${atom.length}`,
				...this.#candidate(resolved),
				size: atom.length,
				bytes: () => this.#of(pkg).read(atom),
				module: (how) => this.#module(resolved, how),
			};
		} catch (error) {
			return crossing(error);
		}
	}

	/** The package that was loaded first of those that have a command. */
	#owner(name: string): Package | undefined {
		for (const { pkg } of this.#loaded.values()) {
			if (pkg.commands.some((command) => command.name === name)) return pkg;
		}
		return undefined;
	}

	/** Finds dependencies among what is loaded. */
	#find(): FindDependency {
		return this.#among?.([...this.#loaded.values()].map(({ pkg }) => pkg)) ?? (() => undefined);
	}

	#of(pkg: Package): LoadedPackage {
		for (const loaded of this.#loaded.values()) if (loaded.pkg === pkg) return loaded;
		throw new PortholeError("missing-command", `${pkg.name} is not loaded`);
	}

	#candidate({ pkg, atom }: ResolvedCommand): Candidate {
		const kept = this.#of(pkg).kept?.(atom) ?? false;
		return { kept, isMetered: atom.interruptible === true };
	}

	#tryResolve(pkg: Package, name: string | undefined): ResolvedCommand | undefined {
		if (name === undefined) return undefined;
		try {
			return resolveCommand(pkg, name, this.#find());
		} catch (error) {
			// A dependency may be loaded later; a damaged command is reported when it is run.
			if (error instanceof WebcError) return undefined;
			throw error;
		}
	}

	#module(
		{ pkg, atom, atomName }: ResolvedCommand,
		how: RewriteOptions | undefined,
	): Promise<WebAssembly.Module> {
		const variants = this.#modules.get(atom) ?? new Map<string, Promise<WebAssembly.Module>>();
		this.#modules.set(atom, variants);
		const variant = JSON.stringify(how ?? null);
		let module = variants.get(variant);
		if (module === undefined) {
			module = this.#of(pkg).compile(atom, `the atom ${atomName}`, how);
			variants.set(variant, module);
			module.catch(() => variants.delete(variant));
		}
		return module;
	}

	/** A read-only file system for each container that the package's tree is made of. */
	#volumes({ pkg }: LoadedPackage): VolumeFileSystem[] {
		const mounts = new Map<Package, MountedVolume[]>([[pkg, []]]);
		const extras = new Map<Package, Map<string, Span>>();
		for (const mount of resolveMounts(pkg, this.#find())) {
			// What belongs to a dependency is in the tree because that is loaded, too.
			if (mount.pkg === pkg || mount.from !== undefined) push(mounts, mount.pkg, mount);
		}
		for (const { name } of pkg.commands) {
			const found = this.#tryResolve(pkg, name);
			if (found === undefined) continue;
			const files = extras.get(found.pkg) ?? new Map<string, Span>();
			for (const path of PATHS) files.set(`${path}/${name}`, found.atom);
			extras.set(found.pkg, files);
			if (!mounts.has(found.pkg)) mounts.set(found.pkg, []);
		}
		return [...mounts]
			.filter(([of, volumes]) => volumes.length > 0 || extras.has(of))
			.map(([of, volumes]) => new VolumeFileSystem(volumes, this.#of(of).contents, extras.get(of)));
	}
}

/** A module that belongs to no package, and so has no wishes. */
function bareProgram({ module, name }: Exclude<WireCommand, string | number>): Program {
	const info = { name, runner: "", atom: name, anyAtom: false, env: [], mainArgs: [] };
	return {
		name,
		info,
		key: "",
		kept: false,
		isMetered: false,
		size: 0,
		bytes: null,
		module: async () => module,
	};
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
	const list = map.get(key);
	if (list === undefined) map.set(key, [value]);
	else list.push(value);
}

/** A fault of a package as an error of the API. */
async function crossing(error: unknown): Promise<never> {
	throw (await import("../load/errors.ts")).advised(error);
}

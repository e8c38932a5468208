/**
 * Finds what a package means by the names it uses: its dependencies, commands, mounts and entrypoint.
 *
 * Packages are loaded elsewhere; here they are given. One rule of the format is easy to get wrong:
 * an alias belongs to the package that declares it, never to the one that was asked for.
 */
import { byName } from "./bytes.ts";
import { WebcError } from "./error.ts";
import { subtree } from "./manifest.ts";
import type { CommandInfo, MountedVolume, Package, Span } from "./package.ts";

/** The package that a specifier of `use` means, among those that are loaded. */
export type FindDependency = (specifier: string, of: Package) => Package | undefined;

export interface ResolvedCommand {
	/** The package that holds the atom; its `source` holds the bytes. */
	readonly pkg: Package;
	readonly atom: Span;
	readonly atomName: string;
	readonly info: CommandInfo;
	/** The package that declares the command. */
	readonly owner: Package;
}

export interface ResolvedMount extends MountedVolume {
	/** The package that holds the volume; its `source` holds the bytes. */
	readonly pkg: Package;
}

/** A dependency that is declared and not loaded. */
export interface MissingDependency {
	readonly alias: string;
	readonly specifier: string;
	readonly of: Package;
}

export interface Dependencies {
	/** The root first, and each package before its dependencies. */
	readonly packages: readonly Package[];
	readonly missing: readonly MissingDependency[];
}

/** All packages that `root` needs, in the order in which their commands and mounts count. */
export function resolveDependencies(root: Package, find: FindDependency): Dependencies {
	const done: Package[] = [];
	const underway: Package[] = [];
	const missing: MissingDependency[] = [];
	const visit = (pkg: Package) => {
		if (underway.includes(pkg)) throw cycle([...underway.slice(underway.indexOf(pkg)), pkg]);
		if (done.includes(pkg)) return;
		underway.push(pkg);
		// Backwards, because the order is turned round at the end.
		for (const [alias, specifier] of [...pkg.use].reverse()) {
			const found = find(specifier, pkg);
			if (found) visit(found);
			else missing.push({ alias, specifier, of: pkg });
		}
		underway.pop();
		done.push(pkg);
	};
	visit(root);
	const packages = done.reverse();
	refuseConflicts(packages);
	return { packages, missing: missing.reverse() };
}

function cycle(packages: readonly Package[]): WebcError {
	const names = packages.map(({ name }) => name || "a package without a name").join(" → ");
	return new WebcError("dependency-cycle", `Packages depend on each other: ${names}`);
}

function refuseConflicts(packages: readonly Package[]): void {
	const versions = new Map<string, string>();
	for (const { name, version } of packages) {
		const other = versions.get(name);
		if (name !== "" && other !== undefined && other !== version) {
			const what = `${name} is needed as ${other} and as ${version}`;
			throw new WebcError("dependency-conflict", what);
		}
		versions.set(name, version);
	}
}

/** Every command of the package and its dependencies, and who declares it. The first one counts. */
export function resolveCommands(
	root: Package,
	find: FindDependency,
): Map<string, { readonly info: CommandInfo; readonly owner: Package }> {
	const result = new Map<string, { info: CommandInfo; owner: Package }>();
	for (const owner of resolveDependencies(root, find).packages) {
		for (const info of owner.commands) {
			if (!result.has(info.name)) result.set(info.name, { info, owner });
		}
	}
	return result;
}

/** The program behind a command of the package or its dependencies. */
export function resolveCommand(
	root: Package,
	name: string,
	find: FindDependency = () => undefined,
): ResolvedCommand {
	const own = root.commands.find((command) => command.name === name);
	// A package's own command needs no other package, even one that is not loaded.
	const found = own ? { info: own, owner: root } : resolveCommands(root, find).get(name);
	if (!found) throw noCommand(root, name, find);
	const { info, owner } = found;
	const pkg = info.dependency === undefined ? owner : dependency(owner, info.dependency, find);
	const atom = pkg.atoms.get(info.atom);
	if (atom) return { pkg, atom, atomName: info.atom, info, owner };
	const first = info.anyAtom ? [...pkg.atoms].sort(([a], [b]) => byName(a, b))[0] : undefined;
	if (first) return { pkg, atom: first[1], atomName: first[0], info, owner };
	const what = `The command ${quote(name)} needs the atom ${quote(info.atom)} of ${title(pkg)}`;
	throw new WebcError("missing-atom", what);
}

function noCommand(root: Package, name: string, find: FindDependency): WebcError {
	const { missing } = resolveDependencies(root, find);
	if (missing.length === 0) {
		return new WebcError("no-command", `${title(root)} has no command ${quote(name)}`);
	}
	const specifiers = missing.map(({ specifier }) => specifier).join(", ");
	return new WebcError(
		"missing-dependency",
		`${title(root)} has no command ${quote(name)}, and ${specifiers} may have it`,
	);
}

/** The package behind an alias of `owner`. */
function dependency(owner: Package, alias: string, find: FindDependency): Package {
	const specifier = owner.use.get(alias);
	if (specifier === undefined) {
		const what = `${title(owner)} refers to ${quote(alias)}, and declares no such dependency`;
		throw new WebcError("unknown-alias", what);
	}
	const found = find(specifier, owner);
	if (found) return found;
	throw new WebcError("missing-dependency", `${title(owner)} needs ${specifier}`);
}

/** The command to run where none is named; undefined where nothing tells. */
export function resolveEntrypoint(
	root: Package,
	find: FindDependency = () => undefined,
): string | undefined {
	if (root.entrypoint !== undefined) return root.entrypoint;
	const { packages } = resolveDependencies(root, find);
	const inherited = packages.find(({ entrypoint }) => entrypoint !== undefined)?.entrypoint;
	if (inherited !== undefined) return inherited;
	return root.commands.length === 1 ? root.commands[0]?.name : undefined;
}

/**
 * The mounts of the package and of all its dependencies that are loaded, in the order in which they
 * count: where two share a path, the earlier wins.
 */
export function resolveMounts(
	root: Package,
	find: FindDependency = () => undefined,
): ResolvedMount[] {
	return resolveDependencies(root, find).packages.flatMap((owner) =>
		owner.volumes.map((mount) => resolveMount(owner, mount, find)),
	);
}

function resolveMount(owner: Package, mount: MountedVolume, find: FindDependency): ResolvedMount {
	if (mount.from === undefined) return { ...mount, pkg: owner };
	const pkg = dependency(owner, mount.from, find);
	const tree = pkg.allVolumes.get(mount.name);
	if (!tree) {
		const what = `${title(owner)} mounts ${quote(mount.name)} of ${title(pkg)}, which has no such volume`;
		throw new WebcError("missing-volume", what);
	}
	const hosted = pkg.format === 1 || pkg.format === 2;
	return { ...mount, pkg, tree: hosted ? subtree(tree, mount.hostPath ?? "") : tree };
}

function title({ name, version }: Package): string {
	if (name === "") return "The package";
	return version === "" ? name : `${name} ${version}`;
}

function quote(name: string): string {
	return JSON.stringify(name);
}

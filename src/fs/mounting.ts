/**
 * Mounts in a namespace: made, taken away, inherited. Most sandboxes have none, so only the table of mounts
 * loads this.
 */
import { type Done, EBUSY, EINVAL, ENOENT, ENOTDIR, type Errno } from "../abi/errno.ts";
import { emptyPlace, forget, type Mount, MountedTrees, Namespace } from "./namespace.ts";
import type { INode } from "./node.ts";
import { readOnly } from "./readonly.ts";
import type { Place } from "./walk.ts";

/** The directories that had to be made for a mount, each after the one it lies in. */
const made = new WeakMap<Mount, { readonly directory: INode; readonly name: string }[]>();

/** The same files with the same mounts so far, for a process that adds its own. What is unmounted in
 *  `namespace` is gone there, too. */
export function fork(namespace: Namespace): Namespace {
	namespace.table.refresh();
	const table = new MountedTrees(namespace.table.fs);
	for (const mounted of namespace.table.mounted) table.cover(mounted);
	const fork = new Namespace(table);
	fork.absolute = namespace.absolute;
	fork.absoluteLinks = namespace.absoluteLinks;
	return fork;
}

/** Covers the directory at the path of `mount`, and creates it where it is missing.
 *  Errors: EINVAL for a relative path, ENOTDIR where a file is in the way, and what creating
 *  a directory may answer. */
export function mountIn(namespace: Namespace, mount: Mount): Done {
	if (!mount.path.startsWith("/")) return EINVAL;
	const covered = makeAll(namespace, mount);
	if (typeof covered === "number") return covered;
	const root = mount.readOnly ? readOnly(mount.fs.root) : mount.fs.root;
	if (covered === root) return EBUSY;
	namespace.table.cover({ mount, covered, root });
	return 0;
}

/** Uncovers what the mount at `path` covers, for every namespace that has it, and removes the empty
 *  directories that were made for it: what is written there later would go into memory unnoticed.
 *  Errors: EINVAL where nothing is mounted; EBUSY for a mount that has others in it. */
export function unmount(namespace: Namespace, path: string): Done {
	const { table } = namespace;
	const node = resolve(namespace, path);
	if (typeof node === "number") return node;
	const mounted = table.mounted.findLast((one) => one.root === node);
	if (mounted === undefined) return EINVAL;
	if (hasMountsIn(table, mounted.root)) return EBUSY;
	forget(mounted.mount);
	table.refresh();
	for (const { directory, name } of made.get(mounted.mount)?.toReversed() ?? []) {
		if (directory.remove(name, "directory") !== 0) break;
	}
	return 0;
}

/** The node at an absolute path, whatever guests may use. */
export function resolve(namespace: Namespace, path: string): INode | Errno {
	const place = emptyPlace(namespace.root);
	const done = hostWalk(namespace, path, place);
	if (done !== 0) return done;
	return place.node ?? ENOENT;
}

/** A walk from the root with absolute paths, whatever the rules of the guest are. */
function hostWalk(namespace: Namespace, path: string, out: Place): Done {
	const { absolute } = namespace;
	namespace.absolute = true;
	const done = namespace.walk(namespace.root, path, true, out);
	if (done === 0 && out.node?.type === "directory") namespace.remember(out.node);
	namespace.absolute = absolute;
	return done;
}

/** The directory that a mount is to cover. A call that runs again goes on with what is made. */
function makeAll(namespace: Namespace, mount: Mount): INode | Errno {
	const { path } = mount;
	let node = namespace.root;
	let at = 0;
	const place = emptyPlace(namespace.root);
	while (at < path.length) {
		const slash = path.indexOf("/", at + 1);
		at = slash < 0 ? path.length : slash;
		const done = hostWalk(namespace, path.slice(0, at), place);
		if (done !== 0) return done;
		const { directory, name } = place;
		const next = place.node ?? directory.create(name, "directory");
		if (typeof next === "number") return next;
		if (place.node === null) made.set(mount, [...(made.get(mount) ?? []), { directory, name }]);
		if (next.type !== "directory") return ENOTDIR;
		node = next;
	}
	return node;
}

function hasMountsIn(table: MountedTrees, root: INode): boolean {
	return table.mounted.some(
		(other) => other.root !== root && (other.covered === root || other.covered.dev === root.dev),
	);
}

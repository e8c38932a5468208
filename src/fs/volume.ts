/**
 * The volumes of a package as one read-only tree.
 *
 *     volumes            /usr/share: B          what a guest sees
 *     /: A               /: C                   /          A and C, merged; A wins
 *                                               /usr       A's and C's, or nobody's: made up
 *                                               /usr/share B alone: a mount hides what is below
 *
 * A directory is a list of layers, each a Map of the container's index, and the mount points that
 * lie below it. Nodes are made when somebody looks, and kept. The contents stay in the container: a
 * file knows where they lie, and whoever made the volume knows how to read them, now or later.
 */
import { type Done, EIO, ENOENT, type Errno } from "../abi/errno.ts";
import { isName } from "../abi/name.ts";
import type { MountedVolume, Span, Volume } from "../webc/package.ts";
import {
	type Entry,
	type FileSystem,
	type FileType,
	type INode,
	Node,
	nextDev,
	type Stat,
} from "./node.ts";
import { utf8Length } from "./walk.ts";

/** The bytes of a container. */
export interface Contents {
	/** Copies bytes to `into[at]` and returns how many; may be PENDING. */
	read(into: Uint8Array, at: number, length: number, position: number): number;
	/** 0 once the content at `span` is known to be what the container says; may be PENDING. Absent
	 *  where all of it has been verified. */
	check?(span: Span): Done;
}

/** A directory of a volume, and the volume's mount path, for the sake of absolute symlinks. */
interface Layer {
	readonly entries: Volume;
	readonly mountPath: string;
	/** Where the directory lies in its volume: `[]` is the root. */
	readonly path: readonly string[];
}

/** A directory of the guest's tree at or above a mount path. */
class Point {
	readonly volumes: Layer[] = [];
	readonly children = new Map<string, Point>();
	readonly extras = new Map<string, Span>();

	at(path: string): Point {
		let point: Point = this;
		for (const name of path.split("/")) {
			if (name !== "") point = point.#child(name);
		}
		return point;
	}

	#child(name: string): Point {
		let child = this.children.get(name);
		if (child === undefined) {
			child = new Point();
			this.children.set(name, child);
		}
		return child;
	}
}

/** Some programs take a time of 0 for "none", so the oldest is one second after the epoch. */
const SECOND = 1_000_000_000n;

export class VolumeFileSystem implements FileSystem {
	readonly dev: number = nextDev();
	readonly root: INode;
	readonly contents: Contents;

	/** Of two volumes at one path the earlier wins. `extras` are files, by absolute path, for names
	 *  that no volume has: `/bin/python` → the atom. */
	constructor(
		volumes: readonly MountedVolume[],
		contents: Contents,
		extras: ReadonlyMap<string, Span> = new Map(),
	) {
		this.contents = contents;
		const top = new Point();
		for (const { mountPath, tree } of volumes) {
			top.at(mountPath).volumes.push({ entries: tree, mountPath, path: [] });
		}
		for (const [path, span] of extras) {
			const slash = path.lastIndexOf("/");
			top.at(path.slice(0, slash)).extras.set(path.slice(slash + 1), span);
		}
		this.root = new VolumeDirectory(this, top.volumes, top);
	}

	sync(): Done {
		return 0;
	}
}

abstract class VolumeNode extends Node {
	protected readonly fs: VolumeFileSystem;

	constructor(fs: VolumeFileSystem, type: FileType) {
		super(fs.dev, type);
		this.fs = fs;
	}

	override stat(out: Stat): Done {
		const modified = this.modified();
		out.dev = this.dev;
		out.ino = this.ino;
		out.type = this.type;
		out.size = this.size();
		out.links = 1;
		out.accessed = modified;
		out.modified = modified;
		out.changed = modified;
		return 0;
	}

	protected modified(): bigint {
		return SECOND;
	}
}

class VolumeFile extends VolumeNode {
	readonly #span: Span;
	#checked = false;

	constructor(fs: VolumeFileSystem, span: Span) {
		super(fs, "file");
		this.#span = span;
	}

	override read(into: Uint8Array, at: number, length: number, position: number): number {
		const count = Math.min(length, this.#span.length - position);
		if (count <= 0) return 0;
		if (!this.#checked) {
			const done = this.fs.contents.check?.(this.#span) ?? 0;
			if (done !== 0) return done;
			this.#checked = true;
		}
		const read = this.fs.contents.read(into, at, count, this.#span.start + position);
		// The index says that there are bytes, so their absence is no end of the file.
		return read === 0 ? EIO : read;
	}

	override size(): number {
		return this.#span.length;
	}

	override readable(): number {
		return this.#span.length;
	}

	protected override modified(): bigint {
		const { modified } = this.#span;
		return modified === undefined || modified < 1 ? SECOND : BigInt(Math.floor(modified)) * SECOND;
	}
}

class VolumeSymlink extends VolumeNode {
	readonly #target: string;
	readonly #layer: Layer;

	constructor(fs: VolumeFileSystem, target: string, layer: Layer) {
		super(fs, "symlink");
		this.#target = target;
		this.#layer = layer;
	}

	override size(): number {
		return utf8Length(this.#target, 0, this.#target.length);
	}

	override readlink(): string {
		return this.#target;
	}

	/** Never leads out of the volume: a target that would is ENOENT, and an absolute one starts at
	 *  the root of the volume, wherever that is mounted. */
	override follow(): string | Errno {
		const absolute = this.#target.startsWith("/");
		const path = absolute ? [] : [...this.#layer.path];
		for (const name of this.#target.split("/")) {
			if (name === "" || name === ".") continue;
			if (name !== "..") path.push(name);
			else if (path.pop() === undefined) return ENOENT;
		}
		if (!absolute) return this.#target;
		const { mountPath } = this.#layer;
		const slash = this.#target.endsWith("/") && path.length > 0 ? "/" : "";
		return `${mountPath === "/" ? "" : mountPath}/${path.join("/")}${slash}`;
	}
}

class VolumeDirectory extends VolumeNode {
	/** The earlier wins. */
	readonly #layers: readonly Layer[];
	/** The mount points below, if this directory lies above one. */
	readonly #point: Point | undefined;
	readonly #nodes = new Map<string, INode>();
	#names: string[] | null = null;

	constructor(fs: VolumeFileSystem, layers: readonly Layer[], point: Point | undefined) {
		super(fs, "directory");
		this.#layers = layers;
		this.#point = point;
	}

	override lookup(name: string): INode | Errno {
		const known = this.#nodes.get(name);
		if (known !== undefined) return known;
		const node = this.#make(name);
		if (node === null) return ENOENT;
		this.#nodes.set(name, node);
		return node;
	}

	override readdir(cursor: number, out: Entry): number {
		this.#names ??= this.#list();
		const name = this.#names[cursor];
		if (name === undefined) return 0;
		// A name in the list has its node.
		const node = this.lookup(name) as INode;
		out.name = name;
		out.ino = node.ino;
		out.type = node.type;
		return cursor + 1;
	}

	/** What no path can lead to is not listed, or a walk through the tree would lead out of it. */
	#list(): string[] {
		const names = new Set<string>();
		for (const { entries } of this.#layers) for (const name of entries.keys()) names.add(name);
		for (const name of this.#point?.children.keys() ?? []) names.add(name);
		for (const name of this.#point?.extras.keys() ?? []) names.add(name);
		return [...names].filter(isName);
	}

	#make(name: string): INode | null {
		const point = this.#point?.children.get(name);
		if (point !== undefined && point.volumes.length > 0) {
			return new VolumeDirectory(this.fs, point.volumes, point);
		}
		const below = this.#layers.filter((layer) => layer.entries.has(name));
		const [first] = below;
		const entry = first?.entries.get(name);
		if (point !== undefined || entry instanceof Map) {
			return new VolumeDirectory(this.fs, directories(below, name), point);
		}
		if (first === undefined || entry === undefined) return this.#extra(name);
		if (typeof entry === "string") return new VolumeSymlink(this.fs, entry, first);
		// Neither a Map nor a string: what is left of the three is a Span.
		return new VolumeFile(this.fs, entry as Span);
	}

	#extra(name: string): INode | null {
		const span = this.#point?.extras.get(name);
		return span === undefined ? null : new VolumeFile(this.fs, span);
	}
}

/** The directories called `name` in `layers`, up to the first that has something else there. */
function directories(layers: readonly Layer[], name: string): Layer[] {
	const found: Layer[] = [];
	for (const { entries, mountPath, path } of layers) {
		const entry = entries.get(name);
		if (!(entry instanceof Map)) break;
		found.push({ entries: entry, mountPath, path: [...path, name] });
	}
	return found;
}

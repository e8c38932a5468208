/**
 * What a container holds, once its index has been read and checked.
 *
 * Reading a container reads its index only: of the contents it knows where they lie. That is what
 * makes a 30 MB package usable after its first few kilobytes, and a test's literal possible.
 */

/** Where a content lies in the container, so that it can be read late and in part. Bytes. */
export interface Span {
	readonly start: number;
	readonly length: number;
	/** SHA-256 of the content, where the format has one per file (v2, v3). */
	readonly sha256?: Uint8Array;
	/** Seconds since 1970, where the format has it (v3) and it is not 0. */
	readonly modified?: number;
	/** Of an atom: its packer made it interruptible, so it is run as it is. Its manifest claims that, and its
	 *  exports tell whether it is so. */
	readonly interruptible?: true;
}

/** A file tree inside a container. A string is the target of a symlink. */
export interface Volume extends ReadonlyMap<string, Volume | Span | string> {
	/** Seconds since 1970, where the format has it (v3) and it is not 0. */
	readonly modified?: number;
}

/** A volume, or a directory of one, and where it appears in the guest's tree. */
export interface MountedVolume {
	readonly name: string;
	/** Absolute and normalised: `/`, `/usr/share`. */
	readonly mountPath: string;
	/** Empty for a dependency's volume, whose bytes are elsewhere: `resolveMounts` finds it. */
	readonly tree: Volume;
	/** The alias of the dependency that the volume comes from; absent for the package's own. */
	readonly from?: string;
	/** The directory of the volume that is mounted, where it is not the root (v1 and v2 only).
	 *  `tree` is that directory already. */
	readonly hostPath?: string;
}

/** What a command's annotations say about how to run it. */
export interface CommandInfo {
	readonly name: string;
	/** The runner's URI, such as `https://webc.org/runner/wasi@unstable_`. */
	readonly runner: string;
	/** The atom to run. */
	readonly atom: string;
	/** The alias of the dependency that holds the atom; absent: this package. */
	readonly dependency?: string;
	/** Its annotations are empty, so a missing atom means the first atom by name (old coreutils). */
	readonly anyAtom: boolean;
	/** In order; an item without `=` has an empty value. */
	readonly env: readonly (readonly [string, string])[];
	readonly mainArgs: readonly string[];
	readonly cwd?: string;
	readonly execName?: string;
}

/** A container whose index has been read and checked; of its contents, nothing yet. */
export interface Package {
	/** `namespace/name`; where the manifest has none, what the reader was told, or `""`. */
	readonly name: string;
	readonly version: string;
	readonly format: 1 | 2 | 3 | "tar" | "wasm";
	readonly entrypoint?: string;
	readonly commands: readonly CommandInfo[];
	/** The decoded manifest: maps are null-prototype objects. */
	readonly manifest: unknown;
	/** In the order of the manifest's mappings. */
	readonly volumes: readonly MountedVolume[];
	/** The manifest as it lies in the container; absent for `tar` and `wasm`, which have none. */
	readonly manifestBytes?: Uint8Array;
	/** Every volume by its own name, mounted or not, whole. */
	readonly allVolumes: ReadonlyMap<string, Volume>;
	readonly atoms: ReadonlyMap<string, Span>;
	/** Alias of a dependency → its specifier, such as `wasmer/coreutils@^1`. */
	readonly use: ReadonlyMap<string, string>;
	/**
	 * The bytes that the spans point into. For a `tar.gz` these are the unpacked bytes; for the
	 * other formats the container's own.
	 */
	readonly source: ByteSource;
}

/** Bytes that can be read in part: a buffer, a Blob, a URL that answers range requests. */
export interface ByteSource {
	/** Bytes in all. */
	readonly size: number;
	/** Exactly the bytes `[offset, offset + length)`; rejects where they are not there. May be a
	 *  view of a larger buffer, so the receiver must not write to it. */
	read(offset: number, length: number): Promise<Uint8Array>;
	/** All bytes, where they are in memory anyway. */
	readonly bytes?: Uint8Array;
}

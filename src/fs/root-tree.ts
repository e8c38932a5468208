/**
 * The tree that a process finds before anybody has put anything into it.
 *
 * Directories and devices lie in memory, where processes write. The few files that programs expect
 * in `/etc` lie below everything else, so that a package which brings its own is not hidden by ours.
 */
import {
	DescriptorDevice,
	DescriptorDirectory,
	FullDevice,
	NullDevice,
	RandomDevice,
	ZeroDevice,
} from "./device.ts";
import type { FileSystem, Node } from "./node.ts";
import { Overlay } from "./overlay.ts";
import { mkdirs, writeFile } from "./seed.ts";
import { Tmp, TmpDirectory } from "./tmp.ts";

export interface RootOptions {
	/** The real time, in nanoseconds since 1970. */
	now: () => bigint;
	/** Fills up to 65,536 bytes with random ones. */
	random: (bytes: Uint8Array) => void;
	/** The descriptors of the process that is running, for `/dev/fd`. */
	descriptors?: () => Iterable<number>;
	/** What `/dev/tty` is; without it, a null device. */
	tty?: Node;
	/** Whether there is a `/tmp`; true unless told otherwise. */
	tmp?: boolean;
	/** The most bytes that files in memory may hold together. */
	limit?: number;
}

const DIRECTORIES = [
	"/.app",
	"/.private",
	"/bin",
	"/dev",
	"/etc",
	"/home",
	"/usr/bin",
	"/usr/local/bin",
	"/var/tmp",
];

const FILES: Record<string, string> = {
	"/etc/passwd": "root:x:0:0:root:/home:/bin/sh\n",
	"/etc/group": "root:x:0:\n",
	"/etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
	"/etc/resolv.conf": "",
};

/** A fresh root: `upper` is a Tmp, and packages are added below with `addLower`. */
export function rootTree(options: RootOptions): Overlay {
	const { now, limit } = options;
	const upper = new Tmp(limit === undefined ? { now } : { now, limit });
	for (const path of DIRECTORIES) mkdirs(upper.root, path);
	if (options.tmp ?? true) mkdirs(upper.root, "/tmp");
	fillDevices(upper, options);
	return new Overlay(upper, [], { defaults: defaults(now) });
}

function fillDevices(fs: Tmp, options: RootOptions): void {
	const { random, tty, descriptors } = options;
	const devices: Record<string, Node> = {
		null: new NullDevice(),
		zero: new ZeroDevice(),
		full: new FullDevice(),
		random: new RandomDevice(random),
		urandom: new RandomDevice(random),
		stdin: new DescriptorDevice(0),
		stdout: new DescriptorDevice(1),
		stderr: new DescriptorDevice(2),
		tty: tty ?? new NullDevice(),
		fd: new DescriptorDirectory(descriptors ?? (() => [0, 1, 2])),
	};
	for (const [name, device] of Object.entries(devices)) place(fs, "/dev", name, device);
}

/** What is there unless a package or a process says otherwise. */
function defaults(now: () => bigint): FileSystem {
	const fs = new Tmp({ now });
	const encoder = new TextEncoder();
	for (const [path, text] of Object.entries(FILES)) writeFile(fs.root, path, encoder.encode(text));
	// A placeholder: the command of this name is built in.
	place(fs, "/bin", "wasmer", new NullDevice());
	return fs;
}

function place(fs: Tmp, path: string, name: string, node: Node): void {
	const directory = mkdirs(fs.root, path);
	if (directory instanceof TmpDirectory) directory.place(name, node);
}

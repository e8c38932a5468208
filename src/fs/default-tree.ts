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
	TtyDevice,
	ZeroDevice,
} from "./devices.ts";
import { mkdirs, writeFile } from "./host-files.ts";
import type { FileSystem, Node } from "./node.ts";
import { Tmp, TmpDirectory } from "./tmp.ts";

export interface RootOptions {
	/** The descriptors of the process that is running, for `/dev/fd`. */
	descriptors?: () => Iterable<number>;
	/** What `/dev/tty` is; without it, the terminal of the process. */
	tty?: Node;
	/** Whether there is a `/tmp`; true unless told otherwise. */
	tmp?: boolean;
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

/** Makes the directories and devices that every process finds. `random` fills up to 65,536 bytes. */
export function fillRoot(
	fs: Tmp,
	random: (bytes: Uint8Array) => void,
	options: RootOptions = {},
): void {
	for (const path of DIRECTORIES) mkdirs(fs.root, path);
	if (options.tmp ?? true) mkdirs(fs.root, "/tmp");
	const devices: Record<string, Node> = {
		null: new NullDevice(),
		zero: new ZeroDevice(),
		full: new FullDevice(),
		random: new RandomDevice(random),
		urandom: new RandomDevice(random),
		stdin: new DescriptorDevice(0),
		stdout: new DescriptorDevice(1),
		stderr: new DescriptorDevice(2),
		tty: options.tty ?? new TtyDevice(),
		fd: new DescriptorDirectory(options.descriptors ?? (() => [0, 1, 2])),
	};
	for (const [name, device] of Object.entries(devices)) place(fs, "/dev", name, device);
}

/** What is there unless a package or a process brings its own: the `defaults` of an Overlay. */
export function defaultFiles(now: () => bigint): FileSystem {
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

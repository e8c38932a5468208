/**
 * The store of a directory in this origin's private file system (OPFS): in a worker with writers that change
 * files in place, on the page with drafts.
 */
import { PortholeError } from "../abi/error.ts";
import { Identities } from "../store/identities.ts";
import { isWithin, keyOf, split } from "../store/paths.ts";
import { openChannel } from "../store/tab-channel.ts";
import { HandleFiles } from "./files.ts";
import { readIntent } from "./intent-log.ts";
import { CHANNEL, Lease, type LeaseMessage } from "./lease.ts";
import { type Directory, named, PROBE } from "./names.ts";
import { Renames } from "./renames.ts";
import { type ChangeHooks, HandleStore, pathsOf } from "./store.ts";
import { openSyncHandle, type Writers } from "./writers.ts";

/** A store that can be closed. */
export class OPFSStore extends HandleStore {
	readonly #lease: Lease;

	constructor(lease: Lease, ...of: ConstructorParameters<typeof HandleStore>) {
		super(...of);
		this.#lease = lease;
	}

	/** Closes the files and releases the lease, after all earlier calls: no call may follow. False if a change
	 *  could not be written; then the store goes on, and its next sync tries again. */
	close(): Promise<boolean> {
		return this.#lease.end().then(
			() => true,
			() => false,
		);
	}
}

/** Makes the writers of a store; `exclusively` runs work while no call of the store runs. */
type MakeWriters = (exclusively: (work: () => Promise<void>) => Promise<void>) => Writers;

/** `by` is the sender of the store's messages to other tabs. Writers in place are for workers only, drafts for the
 *  page only: each is handed in, so that neither loads the other's. */
export async function openOPFSStore(
	path: string,
	by: string,
	makeWriters: MakeWriters,
): Promise<OPFSStore> {
	return named("open", path, async () => {
		const top = await topDirectory();
		const root = await reach(top, split(path), true);
		const exclusively = (work: () => Promise<void>) => lease.run(work);
		const writers = makeWriters(exclusively);
		const damaged = (key: string, message: string) => {
			lease.broadcast({ kind: "damaged", path: `/${keyOf(`${path}/${key}`)}`, message });
		};
		const files = new HandleFiles(root, writers, true, damaged);
		const lease: Lease = new Lease(path, by, {
			findUnfinished: () => unfinishedAbove(top, split(path)),
			async finishIn(above) {
				const directory = await reach(top, split(above), false);
				// Damage in the directory above concerns this mount as a whole.
				const here = (_: string, message: string) => damaged("", message);
				await new HandleFiles(directory, writers, true, here).finishIntent();
			},
			async onTaken() {
				files.forget();
				for (const other of await renames.read()) {
					const here = mountPath(other, path);
					if (here !== null) identities.forget(here);
				}
				await files.finishIntent();
			},
			async beforeRelease() {
				try {
					await writers.close("");
				} finally {
					await renames.write();
				}
			},
		});
		const renames = new Renames(`/${keyOf(path)}`, by);
		const identities = new Identities();
		const known = () => (renames.works ? identities : null);
		const announce = (paths: string[]) => lease.broadcast({ kind: "changed", paths, by });
		return new OPFSStore(
			lease,
			files,
			writers,
			lease,
			broadcastHooks(path, announce, renames),
			known,
		);
	});
}

/** How many paths a message names one by one. */
const MOST_PATHS = 64;

/** Announces the changes to other tabs before they are made: a tab that is killed after a change cannot have
 *  left out the message, and a tab that reacts to it needs the lease, and so waits until the change is made. */
function broadcastHooks(
	root: string,
	announce: (paths: string[]) => void,
	renames: Renames,
): ChangeHooks {
	const whole = (path: string) => `/${keyOf(`${root}/${path}`)}`;
	return {
		async before(changes) {
			const moved = changes.filter(({ call }) => call === "remove" || call === "rename");
			await renames.note(moved.flatMap(pathsOf).map(whole));
			const paths = [...new Set(changes.flatMap(pathsOf).map(whole))];
			announce(paths.length > MOST_PATHS ? [whole("")] : paths);
		},
		async after() {},
	};
}

/** Reports what other stores, here or in other tabs, change below `path`, and what any store finds damaged.
 *  Returns how to stop. */
export function watchTabs(
	path: string,
	by: string,
	onChanged: (paths: readonly string[]) => void,
	damaged?: (path: string, error: Error) => void,
): () => void {
	const channel = openChannel(CHANNEL);
	channel.onmessage = ({ data }: MessageEvent<LeaseMessage>) => {
		if (data.kind === "damaged") {
			const here = isWithin(data.path, path) ? mountPath(data.path, path) : null;
			if (here !== null) damaged?.(here, new PortholeError("EIO", data.message));
		}
		if (data.kind !== "changed" || data.by === by) return;
		const here = data.paths.flatMap((other) => mountPath(other, path) ?? []);
		if (here.length > 0) onChanged(here);
	};
	// A page that was frozen has missed messages.
	const all = () => onChanged(["/"]);
	// A worker has no document.
	const { document } = globalThis;
	document?.addEventListener("resume", all);
	globalThis.addEventListener?.("pageshow", all);
	return () => {
		channel.close();
		document?.removeEventListener("resume", all);
		globalThis.removeEventListener?.("pageshow", all);
	};
}

/** A path of the private file system as a path of the mount at `root`; null if it is outside. */
function mountPath(other: string, root: string): string | null {
	if (isWithin(root, other)) return "/";
	return isWithin(other, root)
		? `/${keyOf(other).slice(keyOf(root).length).replace(/^\//, "")}`
		: null;
}

/** Whether this thread may change files in place. Some browsers allow it in workers only, some have the method
 *  and refuse. */
export async function canWriteInPlace(): Promise<boolean> {
	let top: Directory | undefined;
	try {
		top = await topDirectory();
		const handle = await openSyncHandle(await top.getFileHandle(PROBE, { create: true }));
		handle.close();
		return true;
	} catch {
		return false;
	} finally {
		// Another tab may be probing at the same time.
		await top?.removeEntry(PROBE).catch(() => {});
	}
}

async function topDirectory(): Promise<Directory> {
	// Not on pages without a secure context, and not in Node.
	const storage = globalThis.navigator?.storage;
	if (storage?.getDirectory === undefined) {
		throw new PortholeError("not-supported", "this page has no private file system (OPFS)");
	}
	return storage.getDirectory();
}

async function reach(top: Directory, names: readonly string[], create: boolean) {
	let at = top;
	for (const name of names) at = await at.getDirectoryHandle(name, { create });
	return at;
}

async function unfinishedAbove(top: Directory, names: readonly string[]): Promise<string | null> {
	let at = top;
	for (const [depth, name] of names.entries()) {
		const intent = await readIntent(at);
		if (intent !== null && intent !== "empty") return names.slice(0, depth).join("/");
		at = await at.getDirectoryHandle(name);
	}
	return null;
}

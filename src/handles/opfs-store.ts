/**
 * The store of a directory in this origin's private file system (OPFS): in a worker with files that are
 * changed in place, on the page with copies.
 */
import { PortholeError } from "../abi/error.ts";
import { Identities } from "../store/identities.ts";
import { isWithin, keyOf, split } from "../store/paths.ts";
import { openChannel } from "../store/tab-channel.ts";
import { GatheringPens } from "./draft-writers.ts";
import { HandleFiles } from "./files.ts";
import { readIntent } from "./intent-log.ts";
import { CHANNEL, Lease, type Word } from "./lease.ts";
import { type Directory, named, PROBE } from "./names.ts";
import { Renames } from "./renames.ts";
import { HandleStore, pathsOf, type Witness } from "./store.ts";
import { hold, InPlacePens } from "./writers.ts";

/** `by` is what the store is called on the channel of all tabs. */
export async function privateStore(
	path: string,
	by: string,
	inPlace: boolean,
): Promise<HandleStore> {
	return named("open", path, async () => {
		const top = await topDirectory();
		const root = await reach(top, split(path), true);
		const between = (work: () => Promise<void>) => lease.run(work);
		const pens = inPlace ? new InPlacePens() : new GatheringPens(between);
		const damaged = (key: string, message: string) => {
			lease.say({ kind: "damaged", path: `/${keyOf(`${path}/${key}`)}`, message });
		};
		const files = new HandleFiles(root, pens, true, damaged);
		const lease: Lease = new Lease(path, by, {
			unfinished: () => unfinishedAbove(top, split(path)),
			async finish(above) {
				const directory = await reach(top, split(above), false);
				// What is damaged there concerns this mount, which lies below.
				const here = (_: string, message: string) => damaged("", message);
				await new HandleFiles(directory, pens, true, here).finish();
			},
			async taken() {
				files.forget();
				for (const other of await renames.read()) {
					const here = placed(other, path);
					if (here !== null) identities.forget(here);
				}
				await files.finish();
			},
			async leaving() {
				try {
					await pens.putDown("");
				} finally {
					await renames.write();
				}
			},
		});
		const renames = new Renames(`/${keyOf(path)}`, by);
		const identities = new Identities();
		const known = () => (renames.works ? identities : null);
		const say = (paths: string[]) => lease.say({ kind: "changed", paths, by });
		return new HandleStore(files, pens, lease, witness(path, say, renames), known);
	});
}

/** How many paths are told of one by one. */
const MOST_PATHS = 64;

/** Tells the others what changes. It is told before it happens, for a tab that is killed then cannot
 *  have forgotten it; who hears it and looks needs the lease, and so waits until it has happened. */
function witness(root: string, say: (paths: string[]) => void, renames: Renames): Witness {
	const whole = (path: string) => `/${keyOf(`${root}/${path}`)}`;
	return {
		async before(changes) {
			const moved = changes.filter(({ call }) => call === "remove" || call === "rename");
			await renames.note(moved.flatMap(pathsOf).map(whole));
			const paths = [...new Set(changes.flatMap(pathsOf).map(whole))];
			say(paths.length > MOST_PATHS ? [whole("")] : paths);
		},
		async after() {},
	};
}

/** Tells what other stores, here or in other tabs, have changed below `path`, and what any of them has
 *  found damaged. Returns how to stop. */
export function hearOthers(
	path: string,
	by: string,
	heard: (paths: readonly string[]) => void,
	damaged?: (path: string, error: Error) => void,
): () => void {
	const channel = openChannel(CHANNEL);
	channel.onmessage = ({ data }: MessageEvent<Word>) => {
		if (data.kind === "damaged") {
			const here = isWithin(data.path, path) ? placed(data.path, path) : null;
			if (here !== null) damaged?.(here, new PortholeError("EIO", data.message));
		}
		if (data.kind !== "changed" || data.by === by) return;
		const here = data.paths.flatMap((other) => placed(other, path) ?? []);
		if (here.length > 0) heard(here);
	};
	// A page that was frozen has missed what was said.
	const all = () => heard(["/"]);
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

/** A path of the private file system as one of a mount; null for what lies elsewhere. */
function placed(other: string, root: string): string | null {
	if (isWithin(root, other)) return "/";
	return isWithin(other, root)
		? `/${keyOf(other).slice(keyOf(root).length).replace(/^\//, "")}`
		: null;
}

/** Whether this thread may hold files and change them in place. Some browsers let only workers, some
 *  have the method and refuse. */
export async function canHold(): Promise<boolean> {
	let top: Directory | undefined;
	try {
		top = await topDirectory();
		const handle = await hold(await top.getFileHandle(PROBE, { create: true }));
		handle.close();
		return true;
	} catch {
		return false;
	} finally {
		// Another tab may be looking at the same time.
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

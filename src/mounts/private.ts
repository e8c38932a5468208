/**
 * The store of a directory in this origin's private file system (OPFS): in a worker with files that are
 * changed in place, on the page with copies.
 */
import { PortholeError } from "../abi/error.ts";
import { CopyingPens } from "./copying.ts";
import { HandleFiles } from "./handle.ts";
import { HandleStore } from "./handle-store.ts";
import { readIntent } from "./intent.ts";
import { Lease } from "./lease.ts";
import { type Directory, named, PROBE, split } from "./names.ts";
import { hold, InPlacePens, type Pens } from "./pens.ts";
import { Notebook } from "./sidecar.ts";

/** `by` is what the store is called on the channel of all tabs. */
export async function privateStore(
	path: string,
	by: string,
	inPlace: boolean,
): Promise<HandleStore> {
	return named("open", path, async () => {
		const top = await topDirectory();
		const root = await reach(top, split(path), true);
		const pens = inPlace ? new InPlacePens() : new CopyingPens();
		const files = filesIn(root, pens);
		const lease = new Lease(path, by, {
			unfinished: () => unfinishedAbove(top, split(path)),
			finish: async (above) => filesIn(await reach(top, split(above), false), pens).finish(),
			taken: () => {
				files.forget();
				return files.finish();
			},
			leaving: () => pens.putDown(""),
		});
		return new HandleStore(files, pens, lease);
	});
}

/** Whether this thread may hold files and change them in place. Some browsers let only workers, some
 *  have the method and refuse. */
export async function canHold(): Promise<boolean> {
	const top = await topDirectory();
	try {
		const handle = await hold(await top.getFileHandle(PROBE, { create: true }));
		handle.close();
		return true;
	} catch {
		return false;
	} finally {
		// Another tab may be looking at the same time.
		await top.removeEntry(PROBE).catch(() => {});
	}
}

async function topDirectory(): Promise<Directory> {
	const { storage } = navigator;
	// Not on pages without a secure context.
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

function filesIn(root: Directory, pens: Pens): HandleFiles {
	return new HandleFiles(root, pens, new Notebook(true), true);
}

async function unfinishedAbove(top: Directory, names: readonly string[]): Promise<string | null> {
	let at = top;
	for (const [depth, name] of names.entries()) {
		if ((await readIntent(at)) !== null) return names.slice(0, depth).join("/");
		at = await at.getDirectoryHandle(name);
	}
	return null;
}

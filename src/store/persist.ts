/**
 * Asks the browser not to delete the files of this origin when space runs low.
 *
 * Chromium and Safari decide by themselves, Firefox asks the user. So it is asked once for a page,
 * when something is mounted that is meant to last, and no call waits for the answer.
 */

let asked: Promise<boolean> | undefined;

/** Whether the files are safe. Without `ask`, only what the browser has promised before counts; where it
 *  promises nothing, or may not be asked, they are not. */
export async function persistence(ask: boolean): Promise<boolean> {
	try {
		if (!ask) return (await storage()?.persisted?.()) ?? false;
		asked ??= Promise.resolve(storage()?.persist?.()).then((answer) => answer ?? false);
		return await asked;
	} catch {
		return false;
	}
}

/** It is not there on pages that are not secure, nor in some threads. */
function storage(): Partial<StorageManager> | undefined {
	return globalThis.navigator?.storage;
}

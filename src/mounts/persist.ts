/**
 * Asks the browser not to delete the files of this origin when space runs low.
 *
 * Chromium and Safari decide by themselves, Firefox asks the user. So it is asked once for a page,
 * when something is mounted that is meant to last, and no call waits for the answer.
 */

let asked: Promise<boolean> | undefined;

/** Whether the files are safe. Without `ask`, only what the browser has promised before counts. */
export async function persistence(ask: boolean): Promise<boolean> {
	// Not there on pages that are not secure.
	const storage: Partial<StorageManager> | undefined = navigator.storage;
	const never = () => false;
	if (!ask) return (await storage?.persisted?.().catch(never)) ?? false;
	asked ??= Promise.resolve(storage?.persist?.()).then((answer) => answer ?? false, never);
	return asked;
}

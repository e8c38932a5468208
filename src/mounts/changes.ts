/**
 * `apply` for stores that cannot do better than to make one change after the other.
 */
import type { LinkingStore, StoreChange } from "../bridge/store.ts";

/** Makes the changes in turn, and answers for each with null or the code that it failed with. */
export async function applyInTurn(
	store: LinkingStore,
	changes: readonly StoreChange[],
	durable = false,
): Promise<(string | null)[]> {
	const answers: (string | null)[] = [];
	for (const change of changes) {
		answers.push(await make(store, change).then(() => null, codeOf));
	}
	if (durable) await store.sync?.();
	return answers;
}

function make(store: LinkingStore, change: StoreChange): Promise<void> {
	const { path } = change;
	switch (change.call) {
		case "write":
			return store.write(path, change.offset, change.bytes);
		case "resize":
			return store.resize(path, change.size);
		case "make":
			return store.make(path, change.type);
		case "remove":
			return store.remove(path);
		case "rename":
			return store.rename(path, change.to);
		case "symlink":
			return store.symlink(path, change.target);
		case "link":
			return store.link(path, change.to);
		case "utimes":
			return store.utimes(path, change.accessed, change.modified);
	}
}

function codeOf(error: unknown): string {
	const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
	return typeof code === "string" ? code : "EIO";
}

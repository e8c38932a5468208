/**
 * Changes as calls and calls as changes: `apply` for stores that cannot do better than to make one after
 * the other, and the single methods of those that make lists.
 */
import type { LinkingStore, StoreChange } from "../bridge/store.ts";

/** A store all of whose methods that change something are one. */
export abstract class ChangingStore {
	protected abstract change(change: StoreChange): Promise<void>;

	write(path: string, offset: number, bytes: Uint8Array): Promise<void> {
		return this.change({ call: "write", path, offset, bytes });
	}

	resize(path: string, size: number): Promise<void> {
		return this.change({ call: "resize", path, size });
	}

	make(path: string, type: "file" | "directory"): Promise<void> {
		return this.change({ call: "make", path, type });
	}

	remove(path: string): Promise<void> {
		return this.change({ call: "remove", path });
	}

	rename(path: string, to: string): Promise<void> {
		return this.change({ call: "rename", path, to });
	}

	symlink(path: string, target: string): Promise<void> {
		return this.change({ call: "symlink", path, target });
	}

	utimes(path: string, accessed: bigint, modified: bigint): Promise<void> {
		return this.change({ call: "utimes", path, accessed, modified });
	}
}

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

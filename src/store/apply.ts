/**
 * Changes as calls and calls as changes: `apply` for stores that cannot do better than to make one after
 * the other, and the single methods of those that make lists.
 */
import { MadeFiles } from "./made-files.ts";
import type { FileId, LinkingStore, Made, StoreChange } from "./store.ts";

/** What became of one of the changes in a list: null, what was made, or the code that it failed with. */
export type Answer = string | Made | null;

/** A store all of whose methods that change something are one. */
export abstract class ChangingStore {
	/** Answers with what was made, where that has a number. */
	protected abstract change(change: StoreChange): Promise<Made | undefined>;

	async write(path: string, offset: number, bytes: Uint8Array, id?: FileId): Promise<void> {
		await this.change({ call: "write", path, offset, bytes, id });
	}

	async resize(path: string, size: number, id?: FileId): Promise<void> {
		await this.change({ call: "resize", path, size, id });
	}

	make(path: string, type: "file" | "directory"): Promise<Made | undefined> {
		return this.change({ call: "make", path, type });
	}

	async remove(path: string): Promise<void> {
		await this.change({ call: "remove", path });
	}

	async rename(path: string, to: string): Promise<void> {
		await this.change({ call: "rename", path, to });
	}

	async symlink(path: string, target: string): Promise<void> {
		await this.change({ call: "symlink", path, target });
	}

	async utimes(path: string, accessed: bigint, modified: bigint, id?: FileId): Promise<void> {
		await this.change({ call: "utimes", path, accessed, modified, id });
	}
}

/** Makes the changes in turn, and answers for each. */
export async function applyInTurn(
	store: LinkingStore,
	changes: readonly StoreChange[],
	durable = false,
): Promise<Answer[]> {
	const answers: Answer[] = [];
	const made = new MadeFiles();
	for (const change of changes) {
		const answer = made.refusal(change) ?? (await apply(store, made.identified(change)));
		made.note(change, answer);
		answers.push(answer);
	}
	if (durable) await store.sync?.();
	return answers;
}

/** Makes a change, and answers for it. */
export function apply(store: LinkingStore, change: StoreChange): Promise<Answer> {
	return make(store, change).then(madeIn, codeOf);
}

/** What a method says that it has made: most say nothing. */
function madeIn(answer: unknown): Made | null {
	const says = typeof answer === "object" && answer !== null && "id" in answer;
	return says ? (answer as Made) : null;
}

function make(store: LinkingStore, change: StoreChange): Promise<unknown> {
	const { path } = change;
	switch (change.call) {
		case "write":
			return store.write(path, change.offset, change.bytes, change.id);
		case "resize":
			return store.resize(path, change.size, change.id);
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
			return store.utimes(path, change.accessed, change.modified, change.id);
	}
}

function codeOf(error: unknown): string {
	const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
	return typeof code === "string" ? code : "EIO";
}

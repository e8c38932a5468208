/**
 * Which file a `make` has made, for the changes of its contents that were asked for before anyone could know.
 *
 *     asked for     make /a     rename /a /b     write /b           the write names no file: which one is not known yet
 *     answered      { id: 7 }   null
 *     remembered    /a → 7      /b → 7           write /b, id 7
 *
 * A queue sends what a program has closed at once, so a write often goes out behind the `make` of its file,
 * in the same batch or in a later one. By the time the store makes the write, another program may have put
 * its own file at that path. With the identity that the `make` was answered with, the store can refuse that
 * write (ESTALE). Where the `make` has failed, because the other program came first, the write is not made.
 */
import type { FileId, StoreChange } from "./store.ts";

type ContentChange = Extract<StoreChange, { call: "write" | "resize" | "utimes" }>;

export class MadeFiles {
	readonly #byPath = new Map<string, { readonly batch: number; readonly id: FileId }>();

	/** Paths at which no file could be made, and why. */
	readonly #failed = new Map<string, string>();

	/** The changes of a list that the store is asked for, each with the file that it means: by the identity
	 *  that only this knows, or as the one that the list itself makes. */
	named(changes: readonly StoreChange[]): StoreChange[] {
		const making = new Set<string>(this.#failed.keys());
		return changes.map((change) => {
			const { path } = change;
			if (change.call === "make" && change.type === "file") making.add(path);
			const found = this.identified(change);
			const isUnknown = isOfContents(found) && found.id === undefined;
			return isUnknown && making.has(path) ? { ...found, behindMake: true } : found;
		});
	}

	/** The change, with the identity of its file if only this knows it. */
	identified(change: StoreChange): StoreChange {
		if (!isOfContents(change) || change.id !== undefined) return change;
		const id = this.#byPath.get(change.path)?.id;
		return id === undefined ? change : { ...change, id };
	}

	/** Why a change must not be made: it is of a file that could not be made, and what is there is another's. */
	refusal(change: StoreChange): string | undefined {
		const isBehind = isOfContents(change) && change.behindMake === true;
		return isBehind ? this.#failed.get(change.path) : undefined;
	}

	/** Remembers what became of a change. A failed one may have been made all the same. */
	note(change: StoreChange, answer: unknown, batch = 0): void {
		const { call, path } = change;
		if (call === "make" || call === "rename" || call === "remove") {
			this.#failed.delete(call === "rename" ? change.to : path);
			const isFile = call === "make" && change.type === "file";
			if (isFile && typeof answer !== "object") this.#failed.set(path, String(answer));
		}
		if (call === "make") {
			this.#byPath.delete(path);
			const id: unknown = Object(answer).id;
			const isId = typeof id === "string" || typeof id === "number";
			if (change.type === "file" && isId) this.#byPath.set(path, { batch, id });
			return;
		}
		// Looked up by nothing but paths of changes: most batches make no file.
		if (this.#byPath.size === 0) return;
		if (call === "rename") this.#move(path, change.to, typeof answer === "object");
		if (call === "remove" || call === "symlink") this.#byPath.delete(path);
		if (call === "link") this.#byPath.delete(change.to);
	}

	/** Forgets what batches before this one have made, and what failed in any: intake.ts holds back what
	 *  later batches build on that. */
	forgetBefore(oldest: number): void {
		this.#failed.clear();
		for (const [path, { batch }] of this.#byPath) if (batch < oldest) this.#byPath.delete(path);
	}

	/** What was at `from` and below is at `to`, where it has moved for sure. */
	#move(from: string, to: string, isSure: boolean): void {
		const moved: [string, { batch: number; id: FileId }][] = [];
		for (const [path, made] of this.#byPath) {
			if (isAt(path, from)) moved.push([to + path.slice(from.length), made]);
			if (isAt(path, from) || isAt(path, to)) this.#byPath.delete(path);
		}
		if (isSure) for (const [path, made] of moved) this.#byPath.set(path, made);
	}
}

/** Whether a change is one of what stands in a file, rather than of names. */
export function isOfContents(change: StoreChange): change is ContentChange {
	const { call } = change;
	return call === "write" || call === "resize" || call === "utimes";
}

function isAt(path: string, top: string): boolean {
	return path === top || path.startsWith(`${top}/`);
}

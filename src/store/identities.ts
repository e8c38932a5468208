/**
 * Which file is which, where the place that holds them does not say.
 *
 * A handle of the browser leads to a path, and to whatever file is there by now. So a store gives each
 * file that it tells of a number, and keeps it at the file's path, in a tree like that of the files: what
 * is renamed takes its numbers along, with all that lies below, and what is removed, or was changed by
 * others so that nobody knows what is at a path now, has none any more. A file that is told of then gets
 * one that no file has had before.
 */
import { split } from "./paths.ts";

interface Known {
	/** Null where nothing at this path has been told of. */
	id: number | null;
	readonly below: Map<string, Known>;
}

export class Identities {
	#top = nothing();
	/** Another store for the same place, which came before this one, shall not have had the same. */
	#last = Math.floor(Math.random() * 2 ** 20) * 2 ** 32;

	/** The number of the file at a path, which gets one if it has none. */
	assign(path: string): number {
		let known = this.#top;
		for (const name of split(path)) {
			const next = known.below.get(name) ?? nothing();
			known.below.set(name, next);
			known = next;
		}
		known.id ??= ++this.#last;
		return known.id;
	}

	/** Whether the file at a path is known to have this number. */
	has(path: string, id: unknown): boolean {
		return id === this.#find(split(path))?.id;
	}

	/** What is at a path, and all that lies below it, may be another from now on. */
	forget(path: string): void {
		const names = split(path);
		const name = names.pop();
		if (name === undefined) this.#top = nothing();
		else this.#find(names)?.below.delete(name);
	}

	/** What was at a path, and all that lies below it, is at another one now. */
	move(from: string, to: string): void {
		const [source, target] = [split(from), split(to)];
		if (source.join("/") === target.join("/")) return;
		const moved = this.#find(source);
		this.forget(from);
		this.forget(to);
		const name = target.pop();
		if (moved === undefined || name === undefined) return;
		let directory = this.#top;
		for (const part of target) {
			const next = directory.below.get(part) ?? nothing();
			directory.below.set(part, next);
			directory = next;
		}
		directory.below.set(name, moved);
	}

	#find(names: readonly string[]): Known | undefined {
		let known: Known | undefined = this.#top;
		for (const name of names) known = known?.below.get(name);
		return known;
	}
}

function nothing(): Known {
	return { id: null, below: new Map() };
}

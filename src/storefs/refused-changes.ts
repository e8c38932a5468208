/**
 * What the store has refused, and what is known of that.
 *
 *     refused      mkdir /d          EACCES
 *     held back    create /d/f       builds on it: not sent, and refused for the same reason
 *     contents     of /d/f           the file keeps its bytes
 *
 * Nothing that was refused is lost, and nothing is tried behind a program's back: the next `sync` sends it
 * again, in its order. Each failure has two listeners, and each hears of it once: the program by its next
 * `fsync` or `close` of the node, or by `sync`; the page by an event, which repeats only when the error
 * changes.
 */
import { type Done, EIO, type Errno } from "../abi/errno.ts";
import type { INode } from "../fs/node.ts";
import { type NameChange, namesOf, PathSet } from "../store/change-order.ts";
import type { NameStep, QueuedNode, StoreEvents } from "./queue-step.ts";

export class RefusedChanges {
	readonly #events: StoreEvents;
	/** Changes of names that were refused, and those that build on them, in order. */
	#names: NameStep[] = [];
	/** Why the last of them was refused. */
	#reason: Errno = EIO;
	readonly #paths = new PathSet();
	/** Whose contents have been refused. */
	readonly contents = new Set<QueuedNode>();
	/** Failures that no program has been told of. */
	readonly #failures = new Map<INode, Errno>();
	/** Failures that the page has been told of, and that last. */
	readonly #reported = new Map<INode, Errno>();
	/** Why there is no room, where refused bytes take it all. */
	#fullError: Done = 0;

	constructor(events: StoreEvents) {
		this.#events = events;
	}

	/** Whether changes of names were refused. */
	get hasNames(): boolean {
		return this.#names.length > 0;
	}

	get some(): boolean {
		return this.#names.length > 0 || this.contents.size > 0;
	}

	/** Whether something of a node was refused. */
	someOf(node: INode): boolean {
		for (const refused of this.contents) if (refused === node) return true;
		return this.#names.some((held) => held.node === node);
	}

	/** Why what is at `path` cannot be reached in the store; 0 where it can. */
	errorAt(path: string): Done {
		return this.#names.length > 0 && this.#paths.covers(path) ? this.#reason : 0;
	}

	/** Why a change that uses these names has to wait; 0 where it need not. */
	errorFor(change: NameChange): Done {
		return namesOf(change).some((name) => this.#paths.overlaps(name)) ? this.#reason : 0;
	}

	/** Contents have been refused. The page is told where there is a `path`, which changes that were not
	 *  even sent do not have. */
	refuse(node: QueuedNode, error: Errno, path?: string): void {
		if (node.removed) return;
		this.contents.add(node);
		this.fail(node, error, path);
	}

	/** A change of names has been refused, or (without `path`) builds on one. Answers with a change that need
	 *  not be made any more. */
	hold(step: NameStep, error: Errno, path?: string): NameChange | null {
		const { change, node } = step;
		const unmade = change.call === "remove" ? this.#unmake(change.path, step.order) : null;
		// Whether an earlier try had made it after all, nothing says: it may be missing.
		step.again ||= unmade !== null;
		if (path !== undefined) this.#reason = error;
		// What builds on others may have been held back before those were refused.
		const place = this.#names.findLastIndex((held) => held.order < step.order);
		this.#names.splice(place + 1, 0, step);
		this.#paths.add(change.path);
		if (change.call === "rename" || change.call === "link") this.#paths.add(change.to);
		this.fail(node, error, path);
		return unmade;
	}

	fail(node: INode, error: Errno, path: string | undefined): void {
		this.#fullError = error;
		if (!this.#failures.has(node)) this.#failures.set(node, error);
		if (path === undefined || this.#reported.get(node) === error) return;
		this.#reported.set(node, error);
		this.#events.refused(path, error);
	}

	/** A change of `node` that could not even be asked for, unless the page knows. */
	report(node: INode, path: string, error: Errno): void {
		if (this.#reported.get(node) !== error) this.fail(node, error, path);
	}

	/** The store has made a change of `node`: a later failure is another one. */
	clear(node: INode): void {
		this.#fullError = 0;
		if (this.#reported.size > 0) this.#reported.delete(node);
	}

	/** A node has gone. What failed is still told where others took it. */
	forget(node: INode, byOthers: boolean): void {
		for (const refused of this.contents) if (refused === node) this.contents.delete(refused);
		this.#reported.delete(node);
		if (!byOthers) this.#failures.delete(node);
	}

	/** Others have taken the place of a node's names: what was refused of them is not to be made any more.
	 *  Answers with that. */
	dropNames(node: INode): NameChange[] {
		const dropped = this.#names.filter((held) => held.node === node);
		if (dropped.length === 0) return [];
		this.#names = this.#names.filter((held) => held.node !== node);
		this.#paths.clear();
		for (const { change } of this.#names) for (const path of namesOf(change)) this.#paths.add(path);
		return dropped.map(({ change }) => change);
	}

	/** Why a change of a node was refused, if no program has been told yet; else 0. */
	takeFailure(node: INode): Done {
		const error = this.#failures.get(node) ?? 0;
		if (error !== 0) this.#failures.delete(node);
		return error;
	}

	/** The same for any node, and all that failed counts as told. */
	takeAnyFailure(): Done {
		const [error = 0] = this.#failures.values();
		this.#failures.clear();
		return error;
	}

	/** Why there is no room; the next call says 0, so that every other time it is tried again. */
	takeFullError(): Done {
		const error = this.#fullError;
		this.#fullError = 0;
		return error;
	}

	/** All changes of names, in order, which are no longer held. */
	takeNames(): NameStep[] {
		const names = this.#names;
		this.#names = [];
		this.#paths.clear();
		return names;
	}

	/** What was never made need not be made in order to be removed. */
	#unmake(path: string, before: number): NameChange | null {
		const last = this.#names.findLastIndex(
			({ change, order }) => order < before && touches(change, path),
		);
		const change = this.#names[last]?.change;
		const isMake = change?.call === "make" || change?.call === "symlink";
		if (change === undefined || change.path !== path || !isMake) return null;
		this.#names.splice(last, 1);
		return change;
	}
}

/** Whether a change uses a path, one below it, or moves a directory above: then what has the path
 *  afterwards is not what had it before. */
function touches(change: NameChange, path: string): boolean {
	const moves = change.call === "rename";
	const to = moves || change.call === "link" ? change.to : change.path;
	return [change.path, to].some(
		(used) =>
			used === path || used.startsWith(`${path}/`) || (moves && path.startsWith(`${used}/`)),
	);
}

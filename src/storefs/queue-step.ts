/**
 * What the write queue holds: steps, and what it needs of the nodes that they are of.
 *
 *     NameStep        make /d/f · rename /a /b …      said when it is put into the queue
 *     ContentsStep    what stands in /d/f             asked of the node when its turn comes
 *
 * And how it reads the answers of a store, which is a stranger's code.
 */
import { type Done, EEXIST, EISDIR, ENOENT, ENOTDIR, type Errno, ESTALE } from "../abi/errno.ts";
import { errnoOf } from "../abi/errno-names.ts";
import type { INode } from "../fs/node.ts";
import type { NameChange } from "../store/change-order.ts";
import type { Base } from "../store/intake.ts";
import type { FileId, Listing, Store, StoreChange } from "../store/store.ts";
import { isFileId } from "./listing.ts";

/** A store with all that stores may lack. */
export type FullStore = Required<Store>;

/** A node with contents of its own. */
export interface QueuedNode extends INode {
	/** Adds what the store, which has it at `path`, has yet to be told; false where `most` bytes, or a
	 *  little more, are not all. */
	takeChanges(path: string, out: StoreChange[], most: number): boolean;
	/** The answer to one of the changes taken, in their order. */
	onAnswer(change: StoreChange, error: Done): void;
	/** What was refused is to be taken again. */
	retry(): void;
	/** Its path, now. */
	readonly path: string;
	/** Which file of the store it is, where that is known. */
	readonly id: FileId | undefined;
	/** The store has something else at its path than it was taken for: it is looked at again. Answers
	 *  PENDING, and `error` where that has not helped. */
	onStale(error: Errno): Errno;
	readonly removed: boolean;
	/** Others had changed it: what is here is to be taken again, if it is the whole file. */
	sendWhole(): void;
	/** How the store has listed it, where others may have changed it since. */
	readonly base: Listed | null;
	/** Puts into the queue what it has gathered. */
	flush(): void;
}

/** What a listing says of a file's contents. */
export type Listed = Pick<Listing, "size" | "modified">;

/** What the queue tells of what goes on behind the guests' backs. */
export interface StoreEvents {
	/** The store has refused a change of what is at `path`. */
	refused(path: string, error: Errno): void;
	/** The bytes that are yet to be written have become more or fewer. */
	pending(): void;
	/** The store's listing says of what is at `path` something that makes no sense. */
	nonsense(path: string, error: Errno, why: string): void;
}

/** A node whose names change. */
export interface NamedNode extends INode {
	id?: FileId | undefined;
	readonly removed?: boolean;
	/** An earlier try, whose answer was lost, had made it. */
	onFound?(): void;
	/** The store says that the place of its name is not there. */
	onNameRefused?(): void;
}

export interface NameStep {
	readonly change: NameChange;
	/** Its number among all steps. */
	readonly order: number;
	/** The node that a failure is told to, and that is told which file has been made. */
	readonly node: NamedNode;
	/** How the store has listed the file that the change takes away. */
	readonly base: Base | null;
	/** It may have been made already, by an attempt whose answer was lost. */
	again: boolean;
}

export interface ContentsStep {
	readonly node: QueuedNode;
	readonly path: string;
	readonly order: number;
	/** What others had made of it has been kept beside, for this step. */
	readonly kept: boolean;
}

export type Step = NameStep | ContentsStep;

export function baseOf(path: string, listed: Listed | null): Base | null {
	return listed === null ? null : [path, { size: listed.size, modified: listed.modified }];
}

/** Whether a change fails because an earlier try, or another program, has made it. */
export function isThereAlready({ change, again }: NameStep, error: Errno): boolean {
	const { call } = change;
	if (call === "make" && change.type === "directory") return error === EEXIST;
	const missing = call === "remove" || call === "rename";
	return again && error === (missing ? ENOENT : EEXIST);
}

/** What one answer of `apply` says. */
export function errorOf(answer: unknown): Done {
	return answer === null || madeId(answer) !== undefined ? 0 : errnoOf(answer);
}

/** Which file was made, where an answer says so. */
export function madeId(answer: unknown): FileId | undefined {
	if (typeof answer !== "object" || answer === null) return undefined;
	const { id } = answer as { id?: unknown };
	return isFileId(id) ? id : undefined;
}

/** Whether a store says that what was at a path is there no more. */
export function isGone(error: Done): boolean {
	return error === ESTALE || error === ENOENT || error === ENOTDIR || error === EISDIR;
}

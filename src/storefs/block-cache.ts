/**
 * The contents of a file in a store, cached in blocks.
 *
 *     size in the store   |-----------------------------|
 *     blocks              [ here ][  ?   ][ here ][  ?  ][ zeros, ours ...
 *                                                 ^ stored
 *
 * The bytes lie in Chunks. A block below `stored` that is not marked as here must be asked for
 * before it can be read or partly overwritten; everything above is ours alone.
 *
 * What is written here and not there yet is known as ranges: `unsent`, then `underway`, and, if the
 * store refuses it, `refused` until somebody wants it to be tried again. No range holds bytes of its
 * own: they are taken from the cache when they are sent, so what was written over goes once. None of
 * these ranges is ever forgotten. One file, because every read, write and answer moves the same bounds.
 *
 * A file that others have removed, or put another in the place of, is *lost*: what is here (`left`) can
 * still be read, and the rest never comes.
 */
import { type Done, EFBIG, EINVAL, EIO, ENOMEM, type Errno, ESTALE } from "../abi/errno.ts";
import type { Ticket } from "../bridge/bridge.ts";
import { type Account, Chunks } from "../fs/chunks.ts";
import type { StoreChange } from "../store/store.ts";
import { isGone, type QueuedNode } from "./queue-step.ts";
import { Ranges } from "./ranges.ts";
import type { WriteQueue } from "./write-queue.ts";

/** Blocks that are asked for at once when a file is read from front to back: at first, and then twice
 *  as many each time, up to so many. */
const AHEAD = 4;
const MOST_AHEAD = 16;
/** Bytes are sent when they fill so many blocks, or lie in so many places. */
const GATHER = 4;
const PLACES = 64;
/** No write is longer, or goes beyond a multiple. */
const PIECE = 1024 * 1024;
const NOWHERE = Number.POSITIVE_INFINITY;

/** What the bytes need of the file system. */
export interface CacheHost extends Account {
	readonly queue: WriteQueue;
	readonly bridge: { pending(ticket: Ticket<unknown>): Errno };
	/** Bytes of a block. */
	readonly block: number;
	/** Bytes of the largest file that the store can hold. */
	readonly largest: number;
	/** Bytes that may be kept. */
	readonly cache: number;
	/** Notes that a file is in use, and forgets others while there is too much. */
	touch(bytes: BlockCache): void;
	/** A file is no longer to be forgotten. */
	dismiss(bytes: BlockCache): void;
}

export class BlockCache {
	readonly #fs: CacheHost;
	readonly #block: number;
	readonly #owner: QueuedNode;
	readonly #chunks: Chunks;
	/** The store's bytes up to here are the file's, where no block is here. */
	#stored: number;
	readonly #here = new Set<number>();
	/** First block → the question for it, and for more behind it. */
	readonly #asked = new Map<number, Ticket<Uint8Array>>();
	/** The block after those that were asked for last: asking for it means reading in order. */
	#next = 0;
	/** How many were asked for last. */
	#ahead = 0;
	readonly #unsent = new Ranges();
	/** Writes that have been sent, by where they begin and end, in order. */
	readonly #underway: number[] = [];
	#underwayBytes = 0;
	readonly #refused = new Ranges();
	/** The size that the store's file has once it has done all that was sent. */
	#sent: number;
	/** The store's file is at least so long now, whatever becomes of what is underway. */
	#sure: number;
	/** The smallest size since something was last sent, if the file has been cut. */
	#cut = NOWHERE;
	/** The smallest of the sizes that are underway, and how many they are; the smallest cut that was
	 *  refused. */
	#cutUnderway = NOWHERE;
	#sizesUnderway = 0;
	#cutRefused = NOWHERE;
	/** Bytes that the queue has been told of. */
	#owed = 0;
	#detached = false;
	/** What is here of a file that is lost. */
	#left: Ranges | null = null;
	/** Others have put another file in its place, whose reader shall not take our writes for its own. */
	#replaced = false;
	/** Something was written here that no store will ever have. */
	hasLostWrites = false;

	constructor(fs: CacheHost, owner: QueuedNode, size: number) {
		this.#fs = fs;
		this.#block = fs.block;
		this.#owner = owner;
		this.#stored = size;
		this.#sent = size;
		this.#sure = size;
		this.#chunks = new Chunks(fs);
		this.#chunks.truncate(size);
	}

	get size(): number {
		return this.#chunks.size;
	}

	read(into: Uint8Array, at: number, length: number, position: number): number {
		if (this.#left !== null) return this.#readLeft(into, at, length, position);
		if (position >= this.#stored) return this.#chunks.read(into, at, length, position);
		const count = Math.min(length, this.size - position);
		if (count <= 0) return 0;
		if (!this.#isHere(Math.floor(position / this.#block))) this.makeRoom();
		const ready = this.#ready(position, count);
		if (ready < 0) return ready;
		return this.#chunks.read(into, at, Math.min(count, ready), position);
	}

	write(from: Uint8Array, at: number, length: number, position: number): number {
		if (length <= 0) return 0;
		// One that is larger already can be written over.
		const limit = Math.max(this.#fs.largest, this.size);
		if (position >= limit) return EFBIG;
		if (this.#left !== null) return this.#writeLeft(from, at, length, position);
		if (this.#detached) return this.#chunks.write(from, at, length, position);
		const room = this.#fs.queue.writableBytes();
		if (room < 0) return room;
		const count = Math.min(length, Math.max(room, this.#block), limit - position);
		const edges = this.#edges(position, position + count);
		if (edges !== 0) return edges;
		const written = this.#chunks.write(from, at, count, position);
		if (written > 0) this.#overwritten(position, position + written);
		// Not before: a call that runs again must find what its last run has waited for.
		this.makeRoom();
		return written;
	}

	truncate(size: number): Done {
		if (size < 0) return EINVAL;
		if (size === this.size) return 0;
		if (size > this.#fs.largest && size > this.size) return EFBIG;
		if (this.#left !== null && this.#keepLeft(size, size) !== 0) return ESTALE;
		if (size < this.size) this.#shrink(size);
		this.#chunks.truncate(size);
		if (!this.#detached) this.#gather();
		return 0;
	}

	/** 0 once every byte is here. */
	loadAll(): Done {
		for (let position = 0; position < this.#stored; position += this.#block) {
			const ready = this.#ready(position, Math.min(this.#block, this.#stored - position));
			// Below 0 it is an Errno.
			if (ready < 0) return ready as Errno;
		}
		return 0;
	}

	// --- to the store ---

	/** Whether the store has yet to be told something. */
	get isAhead(): boolean {
		if (this.#detached) return false;
		return this.#unsent.total > 0 || this.#cut < this.#sent || this.size !== this.#sent;
	}

	/** Whether the store has all that is here. */
	get isClean(): boolean {
		if (this.#sizesUnderway > 0 || this.#cutRefused < NOWHERE) return false;
		return !this.isAhead && this.#owed === 0;
	}

	/** Whether every byte is here. */
	get isWhole(): boolean {
		for (let at = 0; at < this.#stored; at += this.#block) {
			if (!this.#isHere(at / this.#block)) return false;
		}
		return true;
	}

	/** The store has an empty file: all is to be sent. */
	sendAll(): void {
		this.#stored = 0;
		this.#sent = 0;
		this.#sure = 0;
		this.#cutRefused = NOWHERE;
		this.#refused.clear();
		this.#unsent.add(0, this.size);
		this.#owe();
	}

	/** The store has something else: all is to be sent over it. */
	sendOver(): void {
		if (this.#detached) return;
		this.#unsent.add(0, this.size);
		// Whatever its size is there, it is not what it should be.
		this.#sent = NOWHERE;
		this.#owe();
	}

	/** Adds what the store, which has the file at `path`, has yet to be told; false where `most` bytes
	 *  are not all. */
	takeChanges(path: string, out: StoreChange[], most: number): boolean {
		if (this.#detached) return true;
		if (this.#cut < this.#sent) {
			this.#resize(path, this.#cut, out);
		}
		this.#cut = NOWHERE;
		for (let left = most; this.#unsent.count > 0 && left > 0; ) {
			const [from, end] = [this.#unsent.from(0), this.#unsent.to(0)];
			// What follows begins where a piece does: a store may keep bytes so.
			const to = Math.min(end, Math.ceil((from + left) / PIECE) * PIECE);
			this.#write(path, from, Math.min(to, this.size), out);
			this.#unsent.remove(from, to);
			left -= to - from;
		}
		const whole = this.#unsent.count === 0;
		if (whole && this.size !== this.#sent) this.#resize(path, this.size, out);
		this.#owe();
		return whole;
	}

	/** The answer to one of the changes taken, in their order. */
	onAnswer(change: StoreChange, error: Done): void {
		if (change.call === "write") {
			const [from, to] = this.#underway.splice(0, 2) as [number, number];
			this.#underwayBytes -= to - from;
			if (this.#detached) {
				this.#owe();
				return;
			}
			// A size that is underway behind it may cut it off again.
			if (error === 0) this.#sure = Math.max(this.#sure, Math.min(to, this.#cutUnderway));
			if (error !== 0) this.#refused.add(from, Math.min(to, this.size));
			// A cut that was refused will take away what lies above it.
			else this.#refused.remove(from, Math.min(to, this.#cutRefused));
			this.#owe();
		} else if (change.call === "resize") {
			this.#sizesUnderway -= 1;
			if (this.#sizesUnderway === 0) this.#cutUnderway = NOWHERE;
			if (error === 0) this.#sure = Math.min(change.size, this.#cutUnderway);
			else this.#cutRefused = Math.min(this.#cutRefused, change.size);
		}
		if (this.#fs.used > this.#fs.cache) this.forget();
	}

	/** What was refused is to be sent with the rest. */
	retry(): void {
		for (let i = 0; i < this.#refused.count; i++) {
			this.#unsent.add(this.#refused.from(i), this.#refused.to(i));
		}
		this.#refused.clear();
		if (this.#cutRefused < NOWHERE) {
			this.#cut = Math.min(this.#cut, this.#cutRefused);
			this.#unsent.add(this.#cut, this.size);
			// Whatever its size is there, it is not what it should be.
			this.#sent = NOWHERE;
			this.#cutRefused = NOWHERE;
		}
		this.#owe();
	}

	/** The file has lost its name: what is here is all there is. */
	detach(): void {
		this.#fs.dismiss(this);
		this.#detached = true;
		this.#stored = 0;
		this.#unsent.clear();
		this.#refused.clear();
		this.#owe();
	}

	/** Others have removed the file, or replaced it: what is here is all there is, and may be a part. */
	lose(replaced: boolean): void {
		this.hasLostWrites = !this.isClean;
		this.#left = new Ranges();
		for (const block of this.#here) {
			this.#left.add(block * this.#block, Math.min((block + 1) * this.#block, this.size));
		}
		this.#left.add(this.#stored, this.size);
		this.#replaced = replaced;
		this.detach();
	}

	/** Others have changed the file, which has this size now: all of it is to be read again. */
	renew(size: number): void {
		this.#chunks.truncate(0);
		this.#chunks.truncate(size);
		this.#here.clear();
		this.#asked.clear();
		this.#stored = size;
		this.#sent = size;
		this.#sure = size;
	}

	/** Nobody will read a file without a name again. */
	release(): void {
		this.#chunks.release();
	}

	// --- memory ---

	/** Gives back the memory of all that the store has; true where nothing is left to give. */
	forget(): boolean {
		if (this.#detached) return true;
		// Above a cut that the store has not made it has other bytes, and above its end none.
		const cut = Math.min(this.#cut, this.#cutUnderway, this.#cutRefused);
		const limit = Math.min(cut, this.#sure, this.size);
		const here = new Set<number>();
		let whole = true;
		this.#chunks.drop((from, to) => {
			const below = to <= limit || limit === this.size;
			if (below && !this.#isDirty(from, to)) return true;
			whole = false;
			for (let at = from; at < Math.min(to, limit); at += this.#block) {
				const block = Math.floor(at / this.#block);
				if (this.#isHere(block)) here.add(block);
			}
			return false;
		});
		this.#here.clear();
		for (const block of here) this.#here.add(block);
		// An answer on its way ends where the store's bytes ended.
		if (limit !== this.#stored) this.#asked.clear();
		this.#stored = limit;
		return whole;
	}

	/** Forgets other files, and if that is not enough, this one. */
	makeRoom(): void {
		if (this.#fs.used <= this.#fs.cache) return;
		this.#fs.touch(this);
		if (this.#fs.used > this.#fs.cache) this.forget();
	}

	#isDirty(from: number, to: number): boolean {
		if (this.#unsent.overlaps(from, to) || this.#refused.overlaps(from, to)) return true;
		const ends = this.#underway;
		for (let i = 0; i < ends.length; i += 2) {
			if ((ends[i] as number) < to && (ends[i + 1] as number) > from) return true;
		}
		return false;
	}

	#owe(): void {
		const owed = this.#unsent.total + this.#underwayBytes + this.#refused.total;
		if (owed === this.#owed) return;
		this.#fs.queue.addPending(owed - this.#owed);
		this.#owed = owed;
	}

	// --- from the store ---

	/** How many of `count` bytes are here; PENDING where the first of them is not. */
	#ready(position: number, count: number): number {
		const first = Math.floor(position / this.#block);
		const last = Math.floor((position + count - 1) / this.#block);
		for (let block = first; block <= last; block++) {
			if (this.#isHere(block)) continue;
			const done = this.#load(block);
			if (done === 0) continue;
			return block === first ? done : block * this.#block - position;
		}
		return count;
	}

	#isHere(block: number): boolean {
		return block * this.#block >= this.#stored || this.#here.has(block);
	}

	/** 0 once a block is here. */
	#load(block: number): Done {
		for (let first = block; first > block - MOST_AHEAD && first >= 0; first--) {
			const ticket = this.#asked.get(first);
			if (ticket === undefined) continue;
			if (!ticket.done) return this.#fs.bridge.pending(ticket);
			this.#asked.delete(first);
			if (ticket.error !== 0) {
				const other = this.#owner.id !== undefined && isGone(ticket.error);
				return other ? this.#owner.onStale(ESTALE) : ticket.error;
			}
			const done = this.#receive(first, ticket.value);
			if (done !== 0) return done === EIO ? this.#owner.onStale(EIO) : done;
			if (this.#isHere(block)) return 0;
		}
		return this.#fs.bridge.pending(this.#ask(block));
	}

	#ask(block: number): Ticket<Uint8Array> {
		this.#fs.touch(this);
		const sequential = block > 0 && block === this.#next;
		const most = sequential ? Math.min(2 * this.#ahead, MOST_AHEAD) : block === 0 ? AHEAD : 1;
		let end = block + 1;
		// Not what is here: it may be newer than what the store will answer.
		while (end < block + most && !this.#isHere(end)) end += 1;
		this.#ahead = most;
		const position = block * this.#block;
		const length = Math.min(end * this.#block, this.#stored) - position;
		const ticket = this.#fs.queue.read(this.#owner, position, length);
		this.#asked.set(block, ticket);
		this.#next = block + Math.ceil(length / this.#block);
		return ticket;
	}

	/** Takes in what the store has sent, where nothing newer is here. Errors: EIO where it sends less of
	 *  a block than it has said that there is. */
	#receive(first: number, bytes: unknown): Done {
		if (!(bytes instanceof Uint8Array)) return EIO;
		if (bytes.length < Math.min(this.#block, this.#stored - first * this.#block)) return EIO;
		const blocks = Math.min(MOST_AHEAD, Math.max(1, Math.ceil(bytes.length / this.#block)));
		for (let i = 0; i < blocks; i++) {
			const block = first + i;
			if (this.#isHere(block)) continue;
			const position = block * this.#block;
			const part = Math.min(this.#block, this.#stored - position);
			// It ends within this block: who needs that asks for it alone.
			if (bytes.length - i * this.#block < part) break;
			if (part > 0 && this.#chunks.write(bytes, i * this.#block, part, position) !== part)
				return ENOMEM;
			this.#here.add(block);
		}
		return 0;
	}

	/** Makes sure that the blocks which a write covers in part are here. */
	#edges(from: number, to: number): Done {
		const first = Math.floor(from / this.#block);
		const last = Math.floor((to - 1) / this.#block);
		if (from > first * this.#block && !this.#isHere(first)) {
			const done = this.#load(first);
			if (done !== 0) return done;
		}
		const end = Math.min((last + 1) * this.#block, this.#stored);
		const partial = to < end || (last === first && from > first * this.#block);
		if (partial && !this.#isHere(last)) {
			const done = this.#load(last);
			if (done !== 0) return done;
		}
		return 0;
	}

	// --- lost ---

	#readLeft(into: Uint8Array, at: number, length: number, position: number): number {
		const count = Math.min(length, this.size - position);
		if (count <= 0) return 0;
		const here = (this.#left as Ranges).reach(position) - position;
		return here > 0 ? this.#chunks.read(into, at, Math.min(count, here), position) : ESTALE;
	}

	#writeLeft(from: Uint8Array, at: number, length: number, position: number): number {
		const kept = this.#keepLeft(position, NOWHERE);
		if (kept !== 0) return kept;
		const written = this.#chunks.write(from, at, length, position);
		if (written > 0) this.#left?.add(position, position + written);
		return written;
	}

	/** Notes that the file is changed here alone: the zeros from its end to `from` come to be here, and what
	 *  lies from `size` on goes. */
	#keepLeft(from: number, size: number): Done {
		if (this.#replaced) return ESTALE;
		this.hasLostWrites = true;
		this.#left?.add(this.size, from);
		this.#left?.remove(size, NOWHERE);
		return 0;
	}

	// --- changes ---

	/** These bytes have been written here. */
	#overwritten(from: number, to: number): void {
		const first = Math.floor(from / this.#block);
		const last = Math.floor((to - 1) / this.#block);
		for (let block = first; block <= last; block++) this.#here.add(block);
		// What is underway for these blocks is older.
		for (const asked of this.#asked.keys()) {
			if (asked <= last && asked + MOST_AHEAD > first) this.#asked.delete(asked);
		}
		this.#unsent.add(from, to);
		this.#gather();
	}

	/** What lies from `size` on is no longer the file's. */
	#shrink(size: number): void {
		if (size < this.#stored) {
			this.#stored = size;
			// What is underway was asked for before the cut; it is asked for again.
			this.#asked.clear();
			const end = Math.ceil(size / this.#block);
			for (const block of this.#here) if (block >= end) this.#here.delete(block);
		}
		this.#unsent.remove(size, NOWHERE);
		this.#refused.remove(size, NOWHERE);
		this.#cut = Math.min(this.#cut, size);
	}

	/** Notes that there is something to be sent, and sends it when it is much. */
	#gather(): void {
		this.#owe();
		this.#fs.touch(this);
		const { total, count } = this.#unsent;
		const { queue } = this.#fs;
		if (total >= GATHER * this.#block || count >= PLACES) queue.enqueueContents(this.#owner);
		else queue.scheduleFlush(this.#owner);
	}

	#resize(path: string, size: number, out: StoreChange[]): void {
		out.push({ call: "resize", path, size, id: this.#owner.id });
		this.#cutUnderway = Math.min(this.#cutUnderway, size);
		this.#sizesUnderway += 1;
		this.#sent = size;
		this.#sure = Math.min(this.#sure, size);
	}

	/** The bytes from `from` to `to`, but for holes above all that the store has. */
	#write(path: string, from: number, to: number, out: StoreChange[]): void {
		for (let offset = from; offset < to; ) {
			if (offset >= this.#sent) offset = this.#chunks.next(offset);
			if (offset >= to) return;
			const length = Math.min(to - offset, PIECE - (offset % PIECE));
			const bytes = new Uint8Array(length);
			this.#chunks.read(bytes, 0, length, offset);
			out.push({ call: "write", path, offset, bytes, id: this.#owner.id });
			this.#underway.push(offset, offset + length);
			this.#underwayBytes += length;
			offset += length;
			this.#sent = Math.max(this.#sent, offset);
		}
	}
}

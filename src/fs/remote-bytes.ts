/**
 * The contents of a file in a store, cached in blocks.
 *
 *     size in the store   |-----------------------------|
 *     blocks              [ here ][  ?   ][ here ][  ?  ][ zeros, ours ...
 *                                                 ^ stored
 *
 * The bytes lie in Chunks. A block below `stored` that is not marked as here must be asked for
 * before it can be read or partly overwritten; everything above is ours alone. Bytes that are
 * written one after the other are gathered, and go to the store as one write.
 */
import { type Done, EFBIG, EINVAL, ENOMEM, type Errno } from "../abi/errno.ts";
import type { Ticket } from "../bridge/bridge.ts";
import { type Account, Chunks } from "./chunks.ts";
import type { INode } from "./node.ts";
import type { Gatherer, StoreQueue } from "./store-queue.ts";

/** Blocks that are asked for at once when a file is read from front to back. */
const AHEAD = 4;
/** Gathered bytes are sent when they fill so many blocks. */
const GATHER = 4;

/** What the bytes need of the file system. */
export interface Cache extends Account {
	readonly queue: StoreQueue;
	readonly bridge: { pending(ticket: Ticket<unknown>): Errno };
	/** Bytes of a block. */
	readonly block: number;
	/** Bytes that may be kept. */
	readonly cache: number;
	/** Notes that a file is in use, and forgets others while there is too much. */
	touch(bytes: RemoteBytes): void;
	/** A file is no longer to be forgotten. */
	dismiss(bytes: RemoteBytes): void;
}

export class RemoteBytes implements Gatherer {
	readonly #fs: Cache;
	readonly #block: number;
	readonly #node: INode & { readonly path: string };
	readonly #chunks: Chunks;
	/** The store's bytes up to here are the file's, where no block is here. */
	#stored: number;
	readonly #here = new Set<number>();
	/** First block → the question for it and `AHEAD` more at most. */
	readonly #asked = new Map<number, Ticket<Uint8Array>>();
	/** The block after those that were asked for last: asking for it means reading in order. */
	#next = 0;
	/** The range that has been written and not sent. */
	#from = 0;
	#to = 0;
	#detached = false;

	constructor(fs: Cache, node: INode & { readonly path: string }, size: number) {
		this.#fs = fs;
		this.#block = fs.block;
		this.#node = node;
		this.#stored = size;
		this.#chunks = new Chunks(fs);
		this.#chunks.truncate(size);
	}

	get size(): number {
		return this.#chunks.size;
	}

	read(into: Uint8Array, at: number, length: number, position: number): number {
		const count = Math.min(length, this.size - position);
		if (count <= 0) return 0;
		if (!this.#isHere(Math.floor(position / this.#block))) this.#makeRoom();
		const ready = this.#ready(position, count);
		if (ready < 0) return ready;
		return this.#chunks.read(into, at, Math.min(count, ready), position);
	}

	write(from: Uint8Array, at: number, length: number, position: number): number {
		if (length <= 0) return 0;
		if (position + length > Number.MAX_SAFE_INTEGER) return EFBIG;
		if (this.#detached) return this.#chunks.write(from, at, length, position);
		const room = this.#fs.queue.room();
		if (room < 0) return room;
		const count = Math.min(length, Math.max(room, this.#block));
		const edges = this.#edges(position, position + count);
		if (edges !== 0) return edges;
		const written = this.#chunks.write(from, at, count, position);
		if (written > 0) this.#overwritten(position, position + written);
		// Not before: a call that runs again must find what its last run has waited for.
		this.#makeRoom();
		return written;
	}

	truncate(size: number): Done {
		if (size < 0) return EINVAL;
		if (size > Number.MAX_SAFE_INTEGER) return EFBIG;
		this.flush();
		if (size < this.#stored) this.#cut(size);
		this.#chunks.truncate(size);
		if (!this.#detached) this.#fs.queue.resize(this.#node, this.#node.path, size);
		return 0;
	}

	/** Sends what has been gathered. */
	flush(): void {
		if (this.#from === this.#to) return;
		const bytes = new Uint8Array(this.#to - this.#from);
		this.#chunks.read(bytes, 0, bytes.length, this.#from);
		this.#fs.queue.gathered(this);
		if (!this.#detached) this.#fs.queue.write(this.#node, this.#node.path, this.#from, bytes);
		this.#from = 0;
		this.#to = 0;
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

	/** The file has lost its name: what is here is all there is. */
	detach(): void {
		this.#fs.queue.gathered(this);
		this.#fs.dismiss(this);
		this.#detached = true;
		this.#stored = 0;
		this.#from = 0;
		this.#to = 0;
	}

	/** Nobody will read a file without a name again. */
	release(): void {
		this.#chunks.release();
	}

	/** Gives the memory back, if the store has everything. */
	forget(): boolean {
		if (this.#detached || this.#from !== this.#to) return false;
		const { size } = this;
		this.#chunks.truncate(0);
		this.#chunks.truncate(size);
		this.#here.clear();
		this.#stored = size;
		return true;
	}

	/** Forgets other files, and if that is not enough, this one. */
	#makeRoom(): void {
		if (this.#fs.used <= this.#fs.cache) return;
		this.#fs.touch(this);
		if (this.#fs.used <= this.#fs.cache) return;
		this.flush();
		this.forget();
	}

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
		for (let first = block; first > block - AHEAD && first >= 0; first--) {
			const ticket = this.#asked.get(first);
			if (ticket === undefined) continue;
			if (!ticket.done) return this.#fs.bridge.pending(ticket);
			this.#asked.delete(first);
			if (ticket.error !== 0) return ticket.error;
			const done = this.#receive(first, ticket.value ?? new Uint8Array(0));
			if (done !== 0) return done;
			if (this.#isHere(block)) return 0;
		}
		return this.#fs.bridge.pending(this.#ask(block));
	}

	#ask(block: number): Ticket<Uint8Array> {
		this.flush();
		this.#fs.touch(this);
		const sequential = block === 0 || block === this.#next;
		const position = block * this.#block;
		const length = Math.min((sequential ? AHEAD : 1) * this.#block, this.#stored - position);
		const ticket = this.#fs.queue.read(this.#node.path, position, length);
		this.#asked.set(block, ticket);
		this.#next = block + Math.ceil(length / this.#block);
		return ticket;
	}

	/** Takes in what the store has sent, where nothing newer is here. */
	#receive(first: number, bytes: Uint8Array): Done {
		const blocks = Math.min(AHEAD, Math.max(1, Math.ceil(bytes.length / this.#block)));
		for (let i = 0; i < blocks; i++) {
			const block = first + i;
			if (this.#isHere(block)) continue;
			const position = block * this.#block;
			const part = Math.min(this.#block, bytes.length - i * this.#block, this.#stored - position);
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

	/** These bytes have been written here. */
	#overwritten(from: number, to: number): void {
		const first = Math.floor(from / this.#block);
		const last = Math.floor((to - 1) / this.#block);
		for (let block = first; block <= last; block++) this.#here.add(block);
		// What is underway for these blocks is older.
		for (const asked of this.#asked.keys()) {
			if (asked <= last && asked + AHEAD > first) this.#asked.delete(asked);
		}
		this.#gather(from, to);
	}

	/** The store's bytes from `size` on are no longer the file's. */
	#cut(size: number): void {
		this.#stored = size;
		// What is underway was asked for before the cut; it is asked for again.
		this.#asked.clear();
		const end = Math.ceil(size / this.#block);
		for (const block of this.#here) if (block >= end) this.#here.delete(block);
	}

	#gather(from: number, to: number): void {
		const follows = this.#from !== this.#to && from <= this.#to && to >= this.#from;
		if (!follows) {
			this.flush();
			this.#from = from;
			this.#to = to;
			this.#fs.queue.gathering(this);
		} else {
			this.#from = Math.min(this.#from, from);
			this.#to = Math.max(this.#to, to);
		}
		this.#fs.touch(this);
		if (this.#to - this.#from >= GATHER * this.#block) this.flush();
	}
}

/**
 * The way of a process's output from the worker to the page.
 *
 * It is gathered and posted. A post costs microseconds, so a program that prints little has each
 * write posted at once, and one that floods has its writes joined: a burst of `BURST` posts is free,
 * after that data is held until `CHUNK` bytes are there or the guest gives way. What was posted and
 * not yet taken by the page is bounded by `WINDOW`; beyond it the guest waits, so that a slow reader
 * neither loses a byte nor grows memory. It waits until half of that is free again, because waking it
 * for each chunk would cost more than the chunk.
 */
import { ENDED, EPIPE } from "../abi/errno.ts";
import type { Bridge, OpenTicket } from "../bridge/bridge.ts";
import { Output } from "../fs/devices.ts";
import type { INode } from "../fs/node.ts";

const SMALLEST = 4096;
const CHUNK = 256 * 1024;
const WINDOW = 4 * 1024 * 1024;
const BURST = 64;
/** Milliseconds after which a new burst may begin. */
const BURST_TIME = 20;

/** Where an OutputBuffer posts its chunks. The buffer is given away. */
export type Post = (chunk: Uint8Array<ArrayBuffer>) => void;

/** What stands between a process's output and the page. */
export class OutputBuffer {
	/** The node that the process writes to. A device, so that C programs flush each line. */
	readonly node: INode;
	readonly #bridge: Bridge;
	readonly #post: Post;
	readonly #window: number;
	readonly #allow: ((length: number) => number) | undefined;
	#chunk: Uint8Array<ArrayBuffer> | null = null;
	/** The size of the next chunk: grows while chunks are filled. */
	#size = SMALLEST;
	#filled = 0;
	/** Bytes posted and not yet taken. */
	#underway = 0;
	#room: OpenTicket<void> | null = null;
	#hungUp = false;
	#burst = 0;
	#burstStart = 0;

	/** `allow` says how many of so many bytes may be printed. */
	constructor(bridge: Bridge, post: Post, window = WINDOW, allow?: (length: number) => number) {
		this.#bridge = bridge;
		this.#allow = allow;
		this.#window = window;
		this.#post = post;
		this.node = new Output((from, at, length) => this.#write(from, at, length), {
			type: "device",
			room: () => this.room(),
		});
	}

	/** Takes all of `bytes`, also beyond the window: for whoever has asked for room, and for echo. */
	show(bytes: Uint8Array): void {
		if (this.#hungUp) return;
		this.#put(bytes, 0, this.#allow?.(bytes.length) ?? bytes.length);
	}

	#write(from: Uint8Array, at: number, length: number): number {
		const room = this.room();
		if (room < 0) return room;
		const count = Math.min(length, room);
		const allowed = this.#allow?.(count) ?? count;
		this.#put(from, at, allowed);
		return allowed < count ? ENDED : count;
	}

	#put(from: Uint8Array, at: number, count: number): number {
		let done = 0;
		while (done < count) {
			if (this.#chunk === null) {
				if (count - done > this.#size) this.#size = CHUNK;
				this.#chunk = new Uint8Array(this.#size);
			}
			const n = Math.min(count - done, this.#chunk.length - this.#filled);
			this.#chunk.set(from.subarray(at + done, at + done + n), this.#filled);
			this.#filled += n;
			done += n;
			if (this.#filled === this.#chunk.length) this.flush();
		}
		if (this.#filled > 0 && this.#inBurst()) this.flush();
		return done;
	}

	/** How many bytes it takes at once; PENDING, or EPIPE. */
	room(): number {
		if (this.#hungUp) return EPIPE;
		const room = this.#window - this.#underway - this.#filled;
		if (room > 0) return room;
		this.flush();
		if (this.#room === null || this.#room.done) this.#room = this.#bridge.ticket();
		return this.#bridge.pending(this.#room);
	}

	/** Posts what has been gathered. */
	flush(): void {
		if (this.#chunk === null || this.#filled === 0) return;
		const chunk = this.#chunk;
		this.#underway += this.#filled;
		// Most of a small chunk's buffer may be empty; a copy of the rest is cheaper to post.
		const full = this.#filled === chunk.length;
		this.#post(full ? chunk : chunk.slice(0, this.#filled));
		if (full) {
			this.#chunk = null;
			this.#size = Math.min(CHUNK, this.#size * 4);
		}
		this.#filled = 0;
	}

	/** The page has taken so many bytes. */
	taken(bytes: number): void {
		this.#underway -= bytes;
		if (this.#underway <= this.#window / 2) this.#room?.answer();
	}

	/** The page will take no more: the guest's next write is EPIPE. */
	hangUp(): void {
		this.#hungUp = true;
		this.#filled = 0;
		this.#room?.answer();
	}

	#inBurst(): boolean {
		const now = performance.now();
		if (now - this.#burstStart > BURST_TIME) {
			this.#burstStart = now;
			this.#burst = 0;
		}
		this.#burst += 1;
		return this.#burst <= BURST;
	}
}

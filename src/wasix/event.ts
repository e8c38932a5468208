/**
 * Counters that can be waited for (`eventfd`), and sets of descriptors of which any may be ready (`epoll`).
 *
 *     0        8         12   16        24
 *     | events | pointer | fd | u32 data | u64 data |      an event of epoll: 32 bytes
 *
 * Source: wasix-runner.md 6.3, 6.4; eventfd(2), epoll(7).
 */
import { FDFLAG_NONBLOCK, RIGHTS_STREAM } from "../abi/constants.ts";
import {
	type Done,
	EBADF,
	EEXIST,
	EFAULT,
	EINVAL,
	ENOENT,
	EPERM,
	type Errno,
	PENDING,
} from "../abi/errno.ts";
import { signed } from "../abi/memory.ts";
import type { Bridge, Ticket } from "../bridge/bridge.ts";
import { Device, Signal } from "../fs/devices.ts";
import type { OpenNode } from "../fs/node.ts";
import type { Counting } from "../fs/pipe.ts";
import { OpenFile } from "../process/descriptors.ts";
import { putFile } from "./descriptor.ts";
import type { WasixThread } from "./thread.ts";

const NS_PER_MS = 1e6;
const SEMAPHORE = 1;
const COUNTER_SIZE = 8;
/** The most that a counter holds. */
const MOST = 2n ** 64n - 2n;

const EVENT_SIZE = 32;
const DATA_AT = 8;
const MOST_EVENTS = 1 << 16;
const ADD = 0;
const MODIFY = 1;
const DELETE = 2;

const IN = 1;
const OUT = 2;
const ERROR = 16;
const HANG_UP = 32;
const EDGE = 64;
const ONE_SHOT = 128;
/** Milliseconds after which an edge is looked for again where a descriptor stays ready. */
const NEXT_LOOK = 10;

/** A counter: what is written is added, a read takes all of it, or one of a semaphore. */
class EventCounter extends Device implements Counting {
	arrivals = 0;
	rooms = 0;
	readonly #changed: Signal;
	readonly #isSemaphore: boolean;
	#count: bigint;

	constructor(bridge: Bridge, count: bigint, isSemaphore: boolean) {
		super("pipe");
		this.#changed = new Signal(bridge);
		this.#count = count;
		this.#isSemaphore = isSemaphore;
	}

	override read(into: Uint8Array, at: number, length: number, _position: number): number {
		if (length < COUNTER_SIZE) return EINVAL;
		if (this.#count === 0n) return this.#changed.wait();
		const taken = this.#isSemaphore ? 1n : this.#count;
		this.#count -= taken;
		this.rooms += 1;
		new DataView(into.buffer, into.byteOffset).setBigUint64(at, taken, true);
		this.#changed.raise();
		return COUNTER_SIZE;
	}

	override write(from: Uint8Array, at: number, length: number, _position: number): number {
		if (length < COUNTER_SIZE) return EINVAL;
		const more = new DataView(from.buffer, from.byteOffset).getBigUint64(at, true);
		if (more > MOST) return EINVAL;
		if (this.#count + more > MOST) return this.#changed.wait();
		this.#count += more;
		this.arrivals += 1;
		this.#changed.raise();
		return COUNTER_SIZE;
	}

	override readable(): number {
		return this.#count > 0n ? COUNTER_SIZE : this.#changed.wait();
	}

	override writable(): number {
		return this.#count < MOST ? COUNTER_SIZE : this.#changed.wait();
	}
}

/** What a set watches at one descriptor. */
interface Interest {
	readonly file: OpenFile;
	events: number;
	/** As the program gave it, to be given back. */
	data: Uint8Array;
	/** What an edge was last seen with: bytes to read, whether it could be written, and how often either came about. */
	seen: { in: number; out: number; arrivals?: number | undefined; rooms?: number | undefined };
}

class EventSet extends Device {
	readonly interests = new Map<number, Interest>();

	constructor() {
		super("pipe");
	}
}

/** Which of an interest's events have happened. */
function happened({ file: { node }, events, seen }: Interest): number {
	if (events === ONE_SHOT) return 0;
	let now = 0;
	// What came and was taken since the last look, and came again, is news though it is as much as before.
	const { arrivals, rooms } = node as OpenNode & Partial<Counting>;
	/** How much the node would give or take; -1 for nothing now, and then a ticket is noted for when it would. */
	const look = (bit: number, amount: number, before: number, again: boolean): number => {
		if (amount === PENDING) return -1;
		if (amount < 0) {
			now |= ERROR;
			return -1;
		}
		const isEdge = (events & EDGE) !== 0;
		if (bit === IN && amount === 0 && node.type !== "file") {
			// At its end, which is an edge once.
			if (!isEdge || before !== 0) now |= HANG_UP | IN;
			return 0;
		}
		const isMore = bit === IN ? amount > Math.max(before, 0) : before < 0;
		if (!isEdge || again || isMore) now |= bit;
		return amount;
	};
	if ((events & IN) !== 0) {
		seen.in = look(IN, readableOf(node), seen.in, arrivals !== seen.arrivals);
		seen.arrivals = arrivals;
	}
	if ((events & OUT) !== 0) {
		seen.out = look(OUT, node.writable(), seen.out, rooms !== seen.rooms);
		seen.rooms = rooms;
	}
	return now;
}

function readableOf(node: OpenNode): number {
	return node.type === "file" ? node.size() : node.readable();
}

export function eventCalls(thread: WasixThread) {
	const { memory, owner, bridge } = thread;
	const { descriptors } = owner;

	const put = (node: OpenNode, result: number, flags = 0): Done =>
		putFile(thread, new OpenFile(node, flags, RIGHTS_STREAM, 0), result);

	function setOf(fd: number): EventSet | Errno {
		const node = descriptors.file(fd >>> 0)?.node;
		if (node === undefined) return EBADF;
		return node instanceof EventSet ? node : EINVAL;
	}

	/** Writes the events of a set that have happened; how many. */
	function collect({ interests }: EventSet, at: number, most: number): number {
		let count = 0;
		for (const [fd, interest] of interests) {
			if (count === most) break;
			if (descriptors.file(fd) !== interest.file) {
				interests.delete(fd);
				continue;
			}
			const events = happened(interest);
			if (events === 0) continue;
			const to = at + count * EVENT_SIZE;
			memory.setU64(to, events);
			memory.u8.set(interest.data, to + DATA_AT);
			// It says nothing more until it is armed again.
			if ((interest.events & ONE_SHOT) !== 0) interest.events = ONE_SHOT;
			count += 1;
		}
		return count;
	}

	/** Whether something of a set is ready that has been told of as an edge. */
	function hasOldEdge({ interests }: EventSet): boolean {
		for (const { events, seen } of interests.values()) {
			if ((events & EDGE) !== 0 && (seen.in > 0 || seen.out >= 0)) return true;
		}
		return false;
	}

	return {
		fd_event(low: number, high: number, flags: number, result: number): Done {
			const count = BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
			if (count > MOST) return EINVAL;
			// The other flags are those of a descriptor.
			const counter = new EventCounter(bridge, count, (flags & SEMAPHORE) !== 0);
			return put(counter, result, flags & FDFLAG_NONBLOCK);
		},

		epoll_create: (result: number): Done => put(new EventSet(), result),

		epoll_ctl(set: number, operation: number, fd: number, event: number): Done {
			const found = setOf(set);
			if (typeof found === "number") return found;
			const number = fd >>> 0;
			const file = descriptors.file(number);
			if (file === undefined) return EBADF;
			if (file.node === found) return EINVAL;
			if (file.node.type === "file" || file.node.type === "directory") return EPERM;
			const known = found.interests.get(number);
			if (operation === DELETE) return found.interests.delete(number) ? 0 : ENOENT;
			const at = event >>> 0;
			if (!memory.has(at, EVENT_SIZE)) return EFAULT;
			if (operation !== ADD && operation !== MODIFY) return EINVAL;
			if (operation === ADD && known?.file === file) return EEXIST;
			if (operation === MODIFY && known === undefined) return ENOENT;
			found.interests.set(number, {
				file,
				events: memory.u32(at),
				data: memory.u8.slice(at + DATA_AT, at + EVENT_SIZE),
				seen: { in: -1, out: -1 },
			});
			return 0;
		},

		epoll_wait(
			set: number,
			events: number,
			most: number,
			low: number,
			high: number,
			result: number,
		): Done {
			const found = setOf(set);
			if (typeof found === "number") return found;
			const [at, room, to] = [events >>> 0, most >>> 0, result >>> 0];
			if (room === 0 || room > MOST_EVENTS) return EINVAL;
			if (!memory.has(at, room * EVENT_SIZE) || !memory.has(to, 4)) return EFAULT;
			const nanoseconds = signed(low, high);
			// All ones is for ever, and so is whatever takes the top bit.
			const isEndless = nanoseconds < 0;
			const count = collect(found, at, room);
			const alarm = thread.kept as Ticket<void> | undefined;
			if (count > 0 || nanoseconds === 0 || alarm?.done) {
				thread.kept = undefined;
				bridge.dropNotes();
				memory.setU32(to, count);
				return 0;
			}
			if (!isEndless) {
				thread.kept ??= bridge.alarm(performance.now() + nanoseconds / NS_PER_MS);
				bridge.pending(thread.kept as Ticket<void>);
			}
			if (hasOldEdge(found)) bridge.pending(bridge.alarm(performance.now() + NEXT_LOOK));
			return bridge.pending(thread.stopped);
		},
	};
}

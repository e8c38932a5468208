/**
 * Random bytes, fit for keys. Asking the browser costs a microsecond whatever the size, so small
 * requests are served from a pool; bytes are wiped from it as they are given away.
 */
import { type Done, EFAULT } from "../abi/errno.ts";
import type { Thread } from "../process/thread.ts";

const POOL = 16384;
/** At most this much comes from the pool at once; what is larger is asked for piece by piece. */
const SMALL = 1024;
/** The most that the browser gives at once. */
const PIECE = 65536;

export function randomCalls(thread: Thread) {
	const { memory } = thread;
	const pool = new Uint8Array(POOL);
	let left = 0;

	function fromPool(at: number, length: number): void {
		if (left < length) {
			thread.process.fillRandom(pool);
			left = POOL;
		}
		const bytes = memory.u8;
		for (let i = 0; i < length; i++) {
			left -= 1;
			bytes[at + i] = pool[left] as number;
			pool[left] = 0;
		}
	}

	function inPieces(at: number, length: number): void {
		for (let done = 0; done < length; done += PIECE) {
			// A copy, because the browser fills no shared memory.
			const piece = new Uint8Array(Math.min(PIECE, length - done));
			thread.process.fillRandom(piece);
			memory.u8.set(piece, at + done);
		}
	}

	return {
		random_get(buffer: number, size: number): Done {
			const at = buffer >>> 0;
			const length = size >>> 0;
			if (!memory.has(at, length)) return EFAULT;
			if (length <= SMALL) fromPool(at, length);
			else inPieces(at, length);
			return 0;
		},
	};
}

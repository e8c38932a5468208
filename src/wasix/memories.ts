/**
 * Memories of processes that are over, for those to come. A browser has addresses for some hundred memories of a page, and
 * gives back those of the dead when it collects garbage, which then costs more than all else of a start.
 *
 * One that has grown is larger than the next program asks for. The standard allows that (an import matches a memory of
 * at least its minimum), and C libraries take what is there.
 */
const MOST = 32;
const PAGE = 65_536;
/** Pages of what is worth keeping, 32 MiB, and of what may be more than was asked for. */
const LARGEST = 512;
const MORE = 64;

interface Free {
	readonly memory: WebAssembly.Memory;
	readonly maximum: number | undefined;
}

const free: Free[] = [];

const pagesOf = ({ memory }: Free) => memory.buffer.byteLength / PAGE;

/** A memory of at least `minimum` pages that holds zeros from byte `from` on. Errors: RangeError where the browser has no
 *  room for one. */
export function takeMemory(
	minimum: number,
	maximum: number | undefined,
	from = 0,
): WebAssembly.Memory {
	const fits = (one: Free) => one.maximum === maximum && pagesOf(one) <= minimum + MORE;
	const at = free.findLastIndex(fits);
	const [found] = at < 0 ? [] : free.splice(at, 1);
	if (found === undefined) {
		return new WebAssembly.Memory({ initial: minimum, ...(maximum !== undefined && { maximum }) });
	}
	const { memory } = found;
	new Uint8Array(memory.buffer).fill(0, from);
	if (pagesOf(found) < minimum) memory.grow(minimum - pagesOf(found));
	return memory;
}

/** Gives back the memory of a process that is over. No instance may use it any more. */
export function giveMemory(memory: WebAssembly.Memory, maximum: number | undefined): void {
	const one = { memory, maximum };
	if (free.length < MOST && pagesOf(one) > 0 && pagesOf(one) <= LARGEST) free.push(one);
}

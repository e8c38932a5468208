/**
 * Calls on the terminal.
 *
 *     0         4      8             12             16      17       18       19     20             21
 *     | columns | rows | pixel width | pixel height | stdin | stdout | stderr | echo | line buffered | line feeds |
 *
 * Source: wasix-runner.md 6.3, 6.4.
 */
import { type Done, EFAULT, EINVAL, ENOTTY } from "../abi/errno.ts";
import type { Terminal } from "../tty/terminal.ts";
import type { WasixThread } from "./thread.ts";

const SIZE = 24;
const MOST = 65535;
/** What a program without a terminal is told. */
const COLUMNS = 80;
const ROWS = 25;

export function ttyCalls(thread: WasixThread) {
	const { memory, owner } = thread;
	const { descriptors } = owner;

	/** The terminal that a process has, whether a descriptor leads to it or not. Its class is not asked for: programs
	 *  without a terminal do not load it. */
	function terminal(): Terminal | null {
		const node = owner.process.terminal;
		return node !== null && "tty" in node ? (node as Terminal) : null;
	}

	return {
		tty_get(result: number): Done {
			const at = result >>> 0;
			if (!memory.has(at, SIZE)) return EFAULT;
			const tty = terminal();
			const state = tty?.tty;
			memory.setU32(at, state?.columns ?? COLUMNS);
			memory.setU32(at + 4, state?.rows ?? ROWS);
			memory.setU32(at + 8, state?.width ?? 0);
			memory.setU32(at + 12, state?.height ?? 0);
			for (const fd of [0, 1, 2]) {
				const isOpen = tty !== null && descriptors.file(fd)?.node === tty;
				memory.u8[at + 16 + fd] = isOpen ? 1 : 0;
			}
			memory.u8[at + 19] = state?.echo ? 1 : 0;
			memory.u8[at + 20] = state?.lineBuffered ? 1 : 0;
			memory.u8[at + 21] = state?.lineFeeds ? 1 : 0;
			return 0;
		},

		tty_set(state: number): Done {
			const at = state >>> 0;
			if (!memory.has(at, SIZE)) return EFAULT;
			const tty = terminal();
			if (tty === null) return ENOTTY;
			const [columns, rows] = [memory.u32(at), memory.u32(at + 4)];
			if (columns === 0 || rows === 0 || columns > MOST || rows > MOST) return EINVAL;
			const flag = (offset: number) => memory.u8[at + offset] !== 0;
			tty.tty = {
				...tty.tty,
				columns,
				rows,
				echo: flag(19),
				lineBuffered: flag(20),
				lineFeeds: flag(21),
			};
			return 0;
		},
	};
}

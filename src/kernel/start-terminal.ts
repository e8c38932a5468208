/**
 * The terminal of a process, and what its signals do. Most processes have none, so this is loaded late.
 */
import { SIGNALS } from "../abi/signals.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { WireTerminal } from "../protocol/sandbox.ts";
import { type Screen, Terminal } from "../tty/terminal.ts";

interface Wiring {
	readonly bridge: Bridge;
	readonly screen: Screen;
	/** Ends the process. */
	readonly kill: (signal: string, code: number) => void;
	readonly onRead: () => void;
	readonly onSignals: (signals: boolean) => void;
}

export function startTerminal(size: WireTerminal, { kill, ...wiring }: Wiring): Terminal {
	/**
	 * What a signal from the terminal does to a program without handlers: it ends. But an interrupt
	 * while a line is typed drops the line only. A stop (Ctrl-Z) is ignored, as for an orphan: no shell
	 * could continue the program.
	 */
	const signal = (name: string, editing: boolean): boolean => {
		const number = SIGNALS.get(name);
		if (number === undefined || (editing && name === "SIGINT")) return false;
		kill(name, 128 + number);
		return true;
	};
	return new Terminal({ ...wiring, signal }, size);
}

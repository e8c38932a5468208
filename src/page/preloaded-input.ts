/**
 * The page's half of the preloaded bridge: a program gets its input before it starts, and is refused
 * what it would have to wait for.
 *
 * The worker receives no message while a program runs. So the program does not start when it is spawned but
 * when the page says `begin`: once all of an input that the options name is on its way, and for a
 * pipe one task after `spawn` has resolved, which is when the page has had its chance to write.
 */
import { PortholeError } from "../abi/error.ts";
import type { ToGuest, WireSpawn } from "../protocol/sandbox.ts";
import type { CommandOptions } from "./options.ts";
import type { ProcessEnd } from "./process-handle.ts";

/** Bytes of input after which a program starts even if there is more; it will not see the rest. */
const MOST_INPUT = 256 * 1024 * 1024;

/** The worker, or a test. */
export interface Link {
	send(message: ToGuest, give?: Transferable[]): void;
	call(method: "spawn", request: WireSpawn): Promise<string>;
}

export class PreloadedInput implements Link {
	readonly #target: Link;
	/** The options name the input, so that it has an end worth waiting for. */
	readonly #named: boolean;
	readonly #timeout: number | undefined;
	#process: ProcessEnd | null = null;
	#given = 0;
	#begun = false;

	/** Errors: `"not-supported"` for options by which a program would wait for the page. */
	constructor(options: CommandOptions, link: Link) {
		refuse(options);
		const { stdin = "null", timeout } = options;
		this.#timeout = timeout;
		this.#named = stdin !== "null" && stdin !== "pipe";
		this.#target = link;
	}

	/** Sends what is for the process, and counts its input. */
	send(message: ToGuest, give: Transferable[] = []): void {
		const bytes = message.kind === "stdin" ? message.chunk.length : 0;
		this.#target.send(message, give);
		if (this.#begun) return;
		this.#given += bytes;
		// The program reads nothing before all of its input is there, so the page need not wait for it.
		if (bytes > 0) this.#process?.receive({ from: message.to, kind: "taken", bytes });
		const { kind } = message;
		if (kind === "end" || kind === "kill" || this.#given >= MOST_INPUT) this.#begin(message.to);
	}

	/** Spawns the process, which ends by itself when its time is over: the worker will hear nothing. */
	call(method: "spawn", request: WireSpawn): Promise<string> {
		const timeout = this.#timeout;
		const limits = timeout === undefined ? request.limits : { ...request.limits, timeout };
		return this.#target.call(method, { ...request, limits });
	}

	/** The worker knows the process. */
	spawned(process: ProcessEnd): void {
		this.#process = process;
		if (!this.#named) setTimeout(() => this.#begin(process.pid), 0);
	}

	#begin(to: number): void {
		if (!this.#begun) this.#target.send({ to, kind: "begin" });
		this.#begun = true;
	}
}

function refuse({ terminal, imports }: CommandOptions): void {
	if (terminal !== undefined) throw refused("`terminal`");
	for (const [module, values] of Object.entries(imports ?? {})) {
		for (const [name, value] of Object.entries(values)) {
			if (typeof value === "function") throw refused(`\`imports\`: ${module}.${name}, a function,`);
		}
	}
}

function refused(what: string): PortholeError {
	return new PortholeError(
		"not-supported",
		`${what} needs a program that can wait for the page, and with the preloaded bridge none can. ` +
			"It takes a browser with WebAssembly.Suspending (JSPI), or a cross-origin isolated page",
	);
}

/**
 * A crowd of programs that is started at once.
 *
 * A page has memory for about a hundred programs, and the worker finds that out when the browser refuses one.
 * Thousands of requests would keep it from getting that far: each is a message that it receives first. So of a
 * crowd one request goes ahead, and the others wait for its answer. Where it is refused for want of memory, they are
 * too, without a message. Loaded late, by those who start more than `CROWD` programs.
 */
import { PortholeError } from "../abi/error.ts";
import { MOST_PROCESSES } from "./crowd-limits.ts";

/** The request that is ahead, by the sandbox that it is of. */
const ahead = new WeakMap<object, Promise<unknown>>();

/** Asks in turn. Errors: those of `ask`, its own or that of the one that was ahead, if that was refused for want of
 *  memory. */
export async function inTurn<T>(sandbox: object, ask: () => Promise<T>): Promise<T> {
	for (let first = ahead.get(sandbox); first !== undefined; first = ahead.get(sandbox)) {
		await first.catch((error) => {
			if (error instanceof PortholeError && error.code === "out-of-memory") throw error;
		});
	}
	const asked = ask();
	ahead.set(sandbox, asked);
	return asked.finally(() => ahead.delete(sandbox));
}

/** Errors: `"too-many-processes"`. */
export function refuse(): never {
	throw new PortholeError(
		"too-many-processes",
		`${MOST_PROCESSES} processes run already; end some`,
	);
}

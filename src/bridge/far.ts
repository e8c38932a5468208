/**
 * Objects in other threads, through Comlink. No other file knows it.
 *
 * Page and worker expose one object each on the worker's own channel and wrap the other's: a
 * MessagePort of its own for each mount would cost five times as much in Firefox and a hundred
 * times in WebKit. An object of the page, such as a store, is *lent* under a number; the worker puts
 * its questions to that number, and they are answered in the order in which they were asked.
 *
 * An error crosses with its code, message, cause and stack, and arrives as a PortholeError.
 */
import * as Comlink from "comlink";
import { PortholeError } from "../abi/error.ts";
import type { Far } from "./bridge.ts";

export type Channel = Comlink.Endpoint;
export type Remote<T> = Comlink.Remote<T>;

/** Marks buffers in `value` as given away rather than copied. */
export const giveAway: <T>(value: T, buffers: Transferable[]) => T = Comlink.transfer;

/** Offers `api` to the other end of `channel`. */
export function offer(api: object, channel: Channel): void {
	Comlink.expose(api, channel);
}

/** What the other end of `channel` offers. */
export function reach<T>(channel: Channel): Remote<T> {
	return Comlink.wrap<T>(channel);
}

/** Ends the use of what `reach` gave. Comlink keeps it, and all that hears of it, until then. */
export function release(remote: Remote<unknown>): void {
	remote[Comlink.releaseProxy]();
}

/** Makes the calls of an object one after another, by itself. */
export interface Line {
	/** How many have been answered. */
	readonly progress: number;
	/** Resolves once all have been. */
	idle(): Promise<void>;
}

interface RemoteObject {
	readonly object: object;
	last: Promise<unknown>;
	readonly back: (() => void) | undefined;
	readonly line: Line | undefined;
}

/** Objects of this thread that the other may ask, by number. */
export class RemoteObjects {
	readonly #objects = new Map<number, RemoteObject>();
	#next = 1;

	/** `back` is called when it is taken back. An object that has no `line` is called once at a time. */
	lend<T extends object>(object: T, back?: () => void, line?: Line): Far<T> {
		const id = this.#next++;
		this.#objects.set(id, { object, last: Promise.resolve(), back, line });
		return { id };
	}

	/** The lines of those that have one. */
	get lines(): Line[] {
		return [...this.#objects.values()].flatMap(({ line }) => line ?? []);
	}

	release({ id }: Far<unknown>): void {
		this.#objects.get(id)?.back?.();
		this.#objects.delete(id);
	}

	releaseAll(): void {
		for (const id of this.#objects.keys()) this.release({ id });
	}

	/** Calls a method of the object lent as `id`, after all that were called before. */
	ask(id: number, method: string, args: unknown[]): Promise<unknown> {
		const found = this.#objects.get(id);
		if (found === undefined) {
			return Promise.reject(new PortholeError("ESTALE", `object ${id} is no longer lent`));
		}
		const call = () => {
			const f: unknown = Reflect.get(found.object, method);
			if (typeof f !== "function" || method in Object.prototype) {
				throw new PortholeError("ENOSYS", `the mounted object has no method ${method}`);
			}
			return f.apply(found.object, args);
		};
		if (found.line) return Promise.resolve().then(call);
		const answer = found.last.then(call);
		found.last = answer.catch(() => {});
		return answer;
	}
}

/** An error as it can be posted. */
export interface WireError {
	readonly name: string;
	readonly code: string;
	readonly message: string;
	readonly stack?: string | undefined;
	readonly cause?: WireError | undefined;
}

/** What was thrown, as an error that can be posted. It may be anything, and refuse to be looked at. */
export function toWire(thrown: unknown, depth = 0): WireError {
	const look = <T>(from: () => unknown, or: T, is: (found: unknown) => boolean = isText) => {
		try {
			const found = from();
			return is(found) ? (found as T) : or;
		} catch {
			return or;
		}
	};
	const of = (name: string) => () => Reflect.get(Object(thrown), name);
	const cause = depth < 4 && look<unknown>(of("cause"), undefined, () => true);
	return {
		name: look(of("name"), "Error"),
		code: look(of("code"), "EIO"),
		message: look(
			of("message"),
			look(() => String(thrown), "an error that is no text"),
		),
		stack: look(of("stack"), undefined),
		cause: cause ? toWire(cause, depth + 1) : undefined,
	};
}

const isText = (found: unknown) => typeof found === "string";

/** The error that was posted. */
export function fromWire(wire: WireError): PortholeError {
	const cause = wire.cause === undefined ? undefined : { cause: fromWire(wire.cause) };
	const error = new PortholeError(wire.code, wire.message, cause);
	if (wire.name !== "Error") error.name = wire.name;
	if (wire.stack !== undefined) error.stack = wire.stack;
	return error;
}

const thrown = Comlink.transferHandlers.get("throw");
if (thrown === undefined)
	throw new Error("this Comlink marks what is thrown in a way we do not know");
Comlink.transferHandlers.set("throw", {
	canHandle: thrown.canHandle,
	// Comlink hands over what was thrown in a box.
	serialize: (box) => [toWire((box as { value: unknown }).value), []],
	deserialize: (wire) => {
		throw fromWire(wire as WireError);
	},
});

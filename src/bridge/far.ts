/**
 * Objects in other threads.
 *
 *     { ask: 7, method, args } →        the seventh call of the one end
 *                              ← { answer: 7, value }   or   { answer: 7, thrown }
 *
 * Page and worker offer one object each on the worker's own channel and reach the other's: a
 * MessagePort of its own for each mount would cost five times as much in Firefox and a hundred
 * times in WebKit. Other messages on the channel have neither `ask` nor `answer`. An object of the page, such
 * as a store, is *lent* under a number; the worker puts its questions to that number, and they are answered in
 * the order in which they were asked.
 *
 * An error crosses with its code, message, cause and stack, and arrives as a PortholeError.
 */
import { PortholeError } from "../abi/error.ts";
import type { Far } from "./bridge.ts";

/** One end of what lies between two threads: a worker, its scope, or a port. */
export interface Channel {
	postMessage(message: unknown, give?: Transferable[]): void;
	addEventListener(type: "message", heard: (event: MessageEvent) => void): void;
	/** Ports keep what comes until they are started. */
	start?(): void;
}

type Methods<T> = { readonly [K in keyof T]: (...args: never[]) => unknown };

/** Calls a method of an object in another thread. Rejects with a PortholeError for what the method throws, with a
 *  DataCloneError for what cannot be posted. */
export type Remote<T extends Methods<T>> = <K extends keyof T>(
	method: K,
	...args: Parameters<T[K]>
) => Promise<Awaited<ReturnType<T[K]>>>;

interface Request {
	readonly ask: number;
	readonly method: string;
	readonly args: readonly unknown[];
}

interface Reply {
	readonly answer: number;
	readonly value?: unknown;
	readonly thrown?: WireError;
}

interface Call {
	readonly resolve: (value: never) => void;
	readonly reject: (error: unknown) => void;
}

const given = new WeakMap<object, Transferable[]>();

/** Marks buffers in `value`, an argument or an answer, as given away rather than copied. */
export function giveAway<T extends object>(value: T, buffers: Transferable[]): T {
	given.set(value, buffers);
	return value;
}

function givenIn(values: readonly unknown[]): Transferable[] {
	// No mark is on what is no object.
	return values.flatMap((value) => given.get(value as object) ?? []);
}

/** Offers `api` to the other end of `channel`. */
export function offer(api: object, channel: Channel): void {
	channel.addEventListener("message", async ({ data }: MessageEvent<Request | null>) => {
		if (data?.ask === undefined) return;
		const reply = (answer: Omit<Reply, "answer">, give: Transferable[] = []) =>
			channel.postMessage({ answer: data.ask, ...answer } satisfies Reply, give);
		try {
			// The other end is ours.
			const value = await Reflect.apply(Reflect.get(api, data.method), api, data.args);
			try {
				reply({ value }, givenIn([value]));
			} catch {
				throw new TypeError("Unserializable return value");
			}
		} catch (thrown) {
			reply({ thrown: toWire(thrown) });
		}
	});
	channel.start?.();
}

/** What the other end of `channel` offers. */
export function reach<T extends Methods<T>>(channel: Channel): Remote<T> {
	const open = new Map<number | undefined, Call>();
	let last = 0;
	channel.addEventListener("message", ({ data }: MessageEvent<Reply | null>) => {
		const call = open.get(data?.answer);
		if (!data || !call) return;
		open.delete(data.answer);
		if (data.thrown) call.reject(fromWire(data.thrown));
		// The method's own type says what it answers.
		else call.resolve(data.value as never);
	});
	channel.start?.();
	return (method, ...args) =>
		new Promise((resolve, reject) => {
			channel.postMessage({ ask: ++last, method, args }, givenIn(args));
			open.set(last, { resolve, reject });
		});
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

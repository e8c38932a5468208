/**
 * A server with one file, as a `fetch` of this process, and a kernel that loads from it.
 *
 * The server works out the right answer to each request, and a *lie* says what of it is to be different.
 * Its waits are long: a test that uses it lets timers ring early (abi/fast-timers.testkit.ts).
 */
import { vi } from "vitest";
import type { FromGuest } from "../protocol/sandbox.ts";
import { writePackage } from "../webc/index.ts";
import { SandboxKernel } from "./kernel.ts";

export const URL_OF_PACKAGE = "https://example.org/sample.webc";

export interface Asked {
	/** The first is 1. */
	readonly nth: number;
	readonly start: number;
	/** Behind the last byte; that of the file where everything was asked for. */
	readonly end: number;
	/** Whether there was no range. */
	readonly whole: boolean;
}

export interface Reply {
	readonly status?: number;
	/** Null takes a header away. */
	readonly headers?: Readonly<Record<string, string | null>>;
	readonly body?: Uint8Array;
	/** The connection breaks after so many bytes of the body. */
	readonly cutAfter?: number;
	/** Nothing comes any more after so many bytes of the body; below 0 there is no answer at all. */
	readonly stallAfter?: number;
	/** No answer, and no connection. */
	readonly fails?: boolean;
	/** Whether the answer is from another origin, whose headers are not all to be seen. */
	readonly cors?: boolean;
}

export type Lie = (asked: Asked, file: Uint8Array) => Reply;

/** Serves `file` to this process's `fetch`; answers with the list of what is asked for. */
export function serveTo(file: Uint8Array, lie: Lie): Asked[] {
	const asked: Asked[] = [];
	vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
		const range = new Headers(init.headers).get("range") ?? "";
		const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
		const whole = first === undefined;
		const start = Number(first ?? 0);
		const end = last ? Math.min(file.length, Number(last) + 1) : file.length;
		const one = { nth: asked.length + 1, start, end, whole };
		asked.push(one);
		return answer(one, file, lie(one, file), init.signal ?? new AbortController().signal);
	});
	return asked;
}

async function answer(asked: Asked, file: Uint8Array, lie: Reply, signal: AbortSignal) {
	signal.throwIfAborted();
	if (lie.fails) throw new TypeError("Failed to fetch");
	if ((lie.stallAfter ?? 0) < 0) {
		return new Promise<never>((_, reject) => {
			signal.addEventListener("abort", () => reject(signal.reason));
		});
	}
	const { start, end } = asked;
	const unsatisfiable = !asked.whole && start >= file.length;
	const status = lie.status ?? (asked.whole ? 200 : unsatisfiable ? 416 : 206);
	const content = status === 206 ? file.subarray(start, end) : status === 416 ? NOTHING : file;
	const body = lie.body ?? content;
	const headers: Record<string, string | null> = {
		ETag: '"1"',
		"Content-Length": String(body.length),
		"Content-Range":
			status === 206
				? `bytes ${start}-${end - 1}/${file.length}`
				: status === 416
					? `bytes */${file.length}`
					: null,
		...lie.headers,
	};
	const given = new Headers();
	for (const [name, value] of Object.entries(headers)) if (value !== null) given.set(name, value);
	const empty = status === 204 || status === 304;
	const response = new Response(empty ? null : bodyOf(body, lie, signal), {
		status,
		headers: given,
	});
	if (lie.cors) Object.defineProperty(response, "type", { value: "cors" });
	return response;
}

const NOTHING = new Uint8Array(0);
const CHUNK = 50_000;

function bodyOf(body: Uint8Array, { cutAfter, stallAfter }: Reply, signal: AbortSignal) {
	const end = Math.min(body.length, cutAfter ?? body.length, stallAfter ?? body.length);
	let at = 0;
	return new ReadableStream<Uint8Array>({
		start: (controller) => {
			signal.addEventListener("abort", () => {
				try {
					controller.error(signal.reason);
				} catch {
					// It has come to its end.
				}
			});
		},
		pull: (controller) => {
			if (at < end) {
				const next = Math.min(end, at + CHUNK);
				controller.enqueue(body.slice(at, next));
				at = next;
			} else if (cutAfter !== undefined) controller.error(new TypeError("network error"));
			else if (stallAfter === undefined) controller.close();
			else return new Promise(() => {});
		},
	});
}

export type Told = Extract<FromGuest, { kind: "progress" }>;

/** A kernel in this process. */
export async function newKernel() {
	const told: FromGuest[] = [];
	const scope = {
		addEventListener: () => {},
		removeEventListener: () => {},
		postMessage: (message: unknown) => void told.push(message as FromGuest),
	};
	const kernel = new SandboxKernel(scope);
	await kernel.start({
		bridge: "suspending",
		queue: false,
		interruptible: false,
		spinning: [],
	});
	return {
		kernel,
		progress: () => told.filter((message): message is Told => message.kind === "progress"),
		warnings: () =>
			told.flatMap((message) =>
				message.kind === "event" && message.event.type === "warning"
					? [message.event.detail.message]
					: [],
			),
	};
}

// --- a package ---

/** Bytes that do not repeat: a piece of them in another place is noticed. */
export function noise(length: number, seed = 12345): Uint8Array {
	const bytes = new Uint8Array(length);
	let state = seed;
	for (let at = 0; at < length; at++) {
		state = (Math.imul(state, 1103515245) + 12345) >>> 0;
		bytes[at] = state >>> 16;
	}
	return bytes;
}

/** A module that imports `imports`, exports `_start`, and has a custom section of `padding` bytes. */
export function program(
	padding = 0,
	imports: readonly (readonly [module: string, name: string])[] = [],
): Uint8Array<ArrayBuffer> {
	const text = (value: string) => [...leb(value.length), ...Buffer.from(value)];
	const section = (id: number, content: readonly number[]) => [
		id,
		...leb(content.length),
		...content,
	];
	const named = imports.flatMap(([module, name]) => [...text(module), ...text(name), 0, 0]);
	const head = [
		...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
		...section(1, [1, 0x60, 0, 0]),
		...(imports.length > 0 ? section(2, [...leb(imports.length), ...named]) : []),
		...section(3, [1, 0]),
		...section(7, [1, ...text("_start"), 0, ...leb(imports.length)]),
		...section(10, [1, 2, 0, 0x0b]),
	];
	const pad = [...text("pad")];
	const tail = [0, ...leb(pad.length + padding), ...pad];
	return new Uint8Array(Buffer.concat([Buffer.from(head), Buffer.from(tail), noise(padding)]));
}

function leb(value: number): number[] {
	const bytes: number[] = [];
	let rest = value;
	do {
		bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
		rest >>>= 7;
	} while (rest > 0);
	return bytes;
}

export const LATE = noise(400_000, 7);

/** A package with a program of several blocks, and a file that no start reads. */
export function samplePackage(module = program(900_000)): Promise<Uint8Array> {
	return writePackage({
		manifest: {
			package: {
				wapm: { name: "tests/sample", version: "1.0.0" },
				fs: [{ from: null, volume_name: "files", host_path: null, mount_path: "/data" }],
			},
			commands: new Map([["main", { runner: "https://webc.org/runner/wasi", annotations: {} }]]),
			entrypoint: "main",
		},
		atoms: new Map([["main", module]]),
		volumes: new Map([["files", new Map([["late.bin", LATE]])]]),
	});
}

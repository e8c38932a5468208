import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { SyncRange } from "./http-range-sync.ts";

const FILE = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
const WHOLE = { start: 0, end: 10, total: FILE.length, version: '"v1"' };

interface Answer {
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	/** The request fails as if there were no network. */
	readonly fails?: boolean;
	/** How many bytes more or fewer than were asked for. */
	readonly extra?: number;
}

/** A browser whose requests are answered in turn; the last answer is for all that follow. */
function browser(...answers: Answer[]): string[] {
	const ranges: string[] = [];
	class Request {
		status = 0;
		responseType = "";
		response: ArrayBuffer | null = null;
		#range = "";
		#headers: Readonly<Record<string, string>> = {};

		open(_method: string, _url: string, wait: boolean): void {
			expect(wait).toBe(false);
		}

		setRequestHeader(name: string, value: string): void {
			expect(name).toBe("Range");
			this.#range = value;
		}

		send(): void {
			const answer = answers[Math.min(ranges.length, answers.length - 1)] ?? {};
			ranges.push(this.#range);
			if (answer.fails) throw new Error("no network");
			const [start, last] = this.#range.slice("bytes=".length).split("-").map(Number);
			const end = (last as number) + 1;
			this.status = answer.status ?? 206;
			this.#headers = {
				"content-range": `bytes ${start}-${last}/${FILE.length}`,
				etag: '"v1"',
				...answer.headers,
			};
			this.response = FILE.slice(start, end + (answer.extra ?? 0)).buffer;
		}

		getResponseHeader(name: string): string | null {
			return this.#headers[name] ?? null;
		}
	}
	vi.stubGlobal("XMLHttpRequest", Request);
	return ranges;
}

afterEach(() => void vi.unstubAllGlobals());

const part = () => new SyncRange("https://example.com/p.webc", WHOLE, 60_000);

/** The code of what is thrown. */
function codeOf(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		if (error instanceof PortholeError) return error.code;
		throw error;
	}
	throw new Error("nothing was thrown");
}

test("the bytes that were asked for", () => {
	const ranges = browser({});
	expect(part().bytes(100, 164)).toEqual(FILE.slice(100, 164));
	expect(ranges).toEqual(["bytes=100-163"]);
});

test("what may pass is tried again", () => {
	const ranges = browser({ fails: true }, { status: 503 }, {});
	expect(part().bytes(0, 8)).toEqual(FILE.slice(0, 8));
	expect(ranges).toHaveLength(3);
});

test.each<[string, string, number, Answer]>([
	["there is no network", "network-error", 3, { fails: true }],
	["the server has an error", "http-error", 3, { status: 500 }],
	["other bytes come", "network-error", 3, { headers: { "content-range": "bytes 8-15/1000" } }],
	["too few bytes come", "network-error", 3, { extra: -1 }],
	["another version comes", "changed", 1, { headers: { etag: '"v2"' } }],
	["a file of another length comes", "changed", 1, { headers: { "content-range": "bytes 0-7/9" } }],
	["all of it comes", "changed", 1, { status: 200 }],
])("refused: %s", (_, code, tries, answer) => {
	const ranges = browser(answer);
	expect(codeOf(() => part().bytes(0, 8))).toBe(code);
	expect(ranges).toHaveLength(tries);
});

test("bytes are held against the digest of their package", () => {
	const sha256 = new Uint8Array(createHash("sha256").update(FILE).digest());
	const span = { start: 0, length: FILE.length, sha256 };
	part().check(FILE, span);
	expect(codeOf(() => part().check(FILE.slice().fill(0, 0, 2), span))).toBe("checksum");
});

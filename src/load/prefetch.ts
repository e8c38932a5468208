/**
 * A start by an access profile: what the program will read is fetched in the order in which it will
 * be read, while the program itself is still on its way. Loaded late, by those who have a profile.
 *
 *     spans       [a]      [b][c]         [d]
 *     blocks      | 0 |    | 3 | 4 |      | 9 |
 *     requests     0        3 and 4        9         two at a time, of low priority
 *
 * What the program asks for meanwhile does not wait in this line. A profile that is of no use is a
 * warning, and no reason not to start.
 */
import { PortholeError } from "../abi/error.ts";
import { BLOCK, request } from "../http/http-range.ts";
import { type AccessProfile, readProfile } from "../webc/index.ts";
import type { Warn } from "./load-package.ts";
import type { RangeFile } from "./range-file.ts";

/** Bytes that a profile may have. */
const LONGEST = 1024 * 1024;
/** Milliseconds that a start waits for its profile. */
const PATIENCE = 5000;
/** Blocks that are fetched in advance: 32 MiB, half of those that are kept. */
const MOST = 256;
/** Blocks in one request. */
const TOGETHER = 8;
const ABREAST = 2;

/** Blocks, the last included. */
interface Run {
	readonly first: number;
	last: number;
}

/** Has `file` follow a profile. */
export async function follow(
	file: RangeFile,
	profile: string | AccessProfile,
	signal: AbortSignal,
	warn: Warn,
): Promise<void> {
	try {
		const value = typeof profile === "string" ? await fetchJson(profile, signal) : profile;
		const { size, spans, atoms = {} } = readProfile(value);
		if (size !== file.size) {
			throw new PortholeError(
				"bad-profile",
				`it is of a package of ${size} bytes, and this one has ${file.size}: record it again`,
			);
		}
		const base = typeof profile === "string" ? profile : undefined;
		for (const [sha256, url] of Object.entries(atoms))
			file.alone.set(sha256, new URL(url, base).href);
		prefetch(file, plan(spans));
	} catch (error) {
		signal.throwIfAborted();
		const why = error instanceof Error ? error.message : String(error);
		warn(`the access profile is not used: ${why}`);
	}
}

async function fetchJson(url: string, signal: AbortSignal): Promise<unknown> {
	const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
	const response = await request(url, "", limited, PATIENCE);
	const reader = response.body?.getReader();
	const text = new TextDecoder();
	let json = "";
	let length = 0;
	for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
		length += next.value.length;
		json += text.decode(next.value, { stream: true });
		if (length <= LONGEST) continue;
		await reader?.cancel();
		throw new PortholeError("bad-profile", `${url} is too long`);
	}
	return JSON.parse(json);
}

/** The requests for the blocks that hold `spans`: each block once, neighbours together. */
export function plan(spans: AccessProfile["spans"]): Run[] {
	const seen = new Set<number>();
	const runs: Run[] = [];
	for (const [start, length] of spans) {
		const end = Math.floor((start + length - 1) / BLOCK);
		for (let block = Math.floor(start / BLOCK); block <= end; block++) {
			if (seen.has(block)) continue;
			if (seen.size === MOST) return runs;
			seen.add(block);
			const run = runs.at(-1);
			const fits = run?.last === block - 1 && block - run.first < TOGETHER;
			if (run !== undefined && fits) run.last = block;
			else runs.push({ first: block, last: block });
		}
	}
	return runs;
}

function prefetch(file: RangeFile, runs: readonly Run[]): void {
	let next = 0;
	const work = async () => {
		for (let run = runs[next++]; run !== undefined; run = runs[next++]) {
			await file.prefetch(run.first, run.last);
		}
	};
	// What fails here is asked for again by who needs it, and fails there.
	for (let worker = 0; worker < ABREAST; worker++) work().catch(() => {});
}

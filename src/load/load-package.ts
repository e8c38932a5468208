/**
 * The worker's half of loading: a posted source becomes bytes, the bytes a Package.
 */
import type { Bridge } from "../bridge/bridge.ts";
import type { Contents } from "../fs/volume.ts";
import { BLOCK, type Limits, limitsOf, partOf, type Report, request } from "../http/http-range.ts";
import type { WireLoadOptions, WireSource } from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import type { AccessProfile, Package, Span } from "../webc/index.ts";
import type { RangeFile } from "./range-file.ts";
import { readSource } from "./read-source.ts";

/** Bytes below which a package is not worth reading in parts. */
const SMALL = 1024 * 1024;

export interface LoadedPackage {
	readonly pkg: Package;
	readonly contents: Contents;
	/** Resolves once the package is known to be undamaged; nothing of it may run before. */
	readonly verified: Promise<void>;
	/** What has been read; absent where everything was read at once, and nothing is left but to compile. */
	profile?(): AccessProfile;
	/** An atom's bytes; absent where they are not in memory. */
	bytes?(span: Span): Uint8Array;
	/** Whether the browser may keep what it compiles of an atom; absent where it never does. */
	kept?(span: Span): boolean;
	/** Reads an atom's bytes, again where they are not in memory. */
	read(span: Span): Promise<Uint8Array>;
	/** Compiles an atom, rewritten where `how` is given; `what` is for the error. */
	compile(span: Span, what: string, how?: RewriteOptions): Promise<WebAssembly.Module>;
}

/** What happens in the background goes wrong, and the page should know. */
export type Warn = (message: string) => void;

/** Reads, checks and indexes a package: of a URL only what that takes, where the server can. */
export async function loadPackage(
	source: WireSource,
	options: WireLoadOptions,
	bridge: Bridge,
	signal: AbortSignal,
	report: Report,
	warn: Warn,
): Promise<LoadedPackage> {
	const limits = limitsOf(options);
	if (source.kind !== "url") {
		const { inMemory, localBytes } = await import("./range-file.ts");
		return inMemory(await localBytes(source, limits, signal, report), source, options, signal);
	}
	report("connecting", 0, undefined);
	const { url } = source;
	// A digest of the whole can only be had of the whole.
	const lazy = options.lazy !== false && options.integrity === undefined;
	const { timeout } = limits;
	const ask = (range: string) =>
		request(url, range, signal, timeout).catch(async (error) =>
			// Some servers fail at parts only; and a file without bytes has none.
			(await import("./range-file.ts")).requestAgain(url, range, signal, timeout, error, {}, ""),
		);
	let response = await ask(lazy ? `bytes=0-${BLOCK - 1}` : "");
	if (response.status === 206) {
		const part = partOf(response);
		if (part?.start === 0 && part.total > BLOCK) {
			const { RangeFile } = await import("./range-file.ts");
			const file = await RangeFile.open(url, bridge, response, part, timeout, signal);
			const loaded = await inParts(file, source, options, limits, signal, report, warn);
			if (loaded !== null) return loaded;
		}
		// Not a part that could be put together with others, or nothing that is read in parts.
		if (part?.start !== 0 || part.total > BLOCK) {
			response.body?.cancel().catch(() => {});
			response = await ask("");
		}
	}
	const { inMemory, wholeOf } = await import("./range-file.ts");
	return inMemory(await wholeOf(url, response, limits, signal, report), source, options, signal);
}

/** Null for a package that is better read at once. */
async function inParts(
	file: RangeFile,
	source: WireSource,
	{ profile }: WireLoadOptions,
	{ maxBytes }: Limits,
	signal: AbortSignal,
	report: Report,
	warn: Warn,
): Promise<LoadedPackage | null> {
	const magic = await file.read(0, 5);
	if (file.size <= SMALL || String.fromCharCode(...magic) !== "\0webc") return null;
	file.reportTo(report);
	const following =
		profile === undefined
			? undefined
			: import("./prefetch.ts").then(({ follow }) => follow(file, profile, signal, warn));
	following?.catch(() => {});
	const { pkg, verified } = await readSource(file.within(maxBytes), source, maxBytes, undefined);
	file.warnAbout(pkg, warn);
	await following;
	return {
		pkg,
		profile: () => file.profile(),
		verified,
		contents: file.contents,
		kept: (span) => file.isAlone(span),
		read: (span) => file.read(span.start, span.length),
		compile: (span, what, how) => file.compile(span, what, maxBytes, how),
	};
}

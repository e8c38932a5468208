/**
 * Holds contents against the digests that a container has of them.
 *
 * Two files may share their bytes, and a hostile container can let a million of them overlap by
 * half. So a place is digested once however many files lie there, and a package whose files have
 * more distinct bytes than the container twice over is refused instead of computed.
 *
 * Most bytes have two digests: that of their section and that of their file. Damage shows in either,
 * so a caller that does not ask for both gets the section's, which holds the names as well, and that of a file
 * only where its section has none.
 */
import { equal } from "./bytes.ts";
import { canDigest, sha256 } from "./digest.ts";
import { WebcError } from "./error.ts";
import type { ByteSource, Package, Span, Volume } from "./package.ts";
import { readExactly } from "./source.ts";
import type { Check, Contents } from "./tree.ts";

/** How many digests are underway at once: the browser computes them in threads of its own. */
const abreast = 16;

export async function verifyPackage(
	found: Package,
	contents: Contents,
	wanted: boolean | undefined,
): Promise<void> {
	if (wanted === false || (wanted === undefined && !canDigest())) return;
	const tasks = contents.near.map((check) => () => compare(check));
	if (wanted ?? found.source.bytes !== undefined) {
		const covering = wanted === true ? [] : contents.far;
		const digests = new Digests(found.source, covering);
		tasks.push(...contents.far.map((check) => () => compare(check)));
		for (const [name, span] of found.atoms) {
			tasks.push(() => digests.check(span, `atom ${JSON.stringify(name)}`));
		}
		for (const [name, volume] of found.allVolumes) {
			addTree(tasks, digests, volume, `volume ${JSON.stringify(name)}`);
		}
	}
	await allOf(tasks);
}

/**
 * Runs tasks, some at a time. Of those that fail, the first in their order is told, whichever ended
 * first: the same damage is the same error every time.
 */
async function allOf(tasks: readonly (() => Promise<void>)[]): Promise<void> {
	let next = 0;
	const failures = new Map<number, unknown>();
	const work = async () => {
		while (failures.size === 0 && next < tasks.length) {
			const at = next++;
			await tasks[at]?.().catch((error: unknown) => failures.set(at, error));
		}
	};
	await Promise.all(Array.from({ length: Math.min(abreast, tasks.length) }, work));
	if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
}

/** Reads a content and holds it against its digest, where it has one. `what` is for the error. */
export async function verifySpan(
	source: ByteSource,
	span: Span,
	what = "the content",
): Promise<Uint8Array> {
	const bytes = await readExactly(source, span.start, span.length, what);
	if (span.sha256) expect(await sha256(bytes), span.sha256, span, what);
	return bytes;
}

async function compare({ what, section, offset, expected, content }: Check): Promise<void> {
	if (equal(await sha256(await content()), expected)) return;
	throw new WebcError("checksum", what, { section, offset });
}

function addTree(
	tasks: (() => Promise<void>)[],
	digests: Digests,
	volume: Volume,
	path: string,
): void {
	for (const [name, entry] of volume) {
		const what = `${path}, file ${JSON.stringify(name)}`;
		if (entry instanceof Map) addTree(tasks, digests, entry, what);
		// Not a Map and not a link's target: a span. Map is not known to narrow ReadonlyMap.
		else if (typeof entry !== "string") tasks.push(() => digests.check(entry as Span, what));
	}
}

class Digests {
	readonly #source: ByteSource;
	readonly #covering: readonly Check[];
	readonly #known = new Map<string, Promise<Uint8Array>>();
	#left: number;

	/** What lies in a section of `covering` is not digested once more. */
	constructor(source: ByteSource, covering: readonly Check[]) {
		this.#source = source;
		this.#covering = covering;
		this.#left = source.size * 2;
	}

	async check(span: Span, what: string): Promise<void> {
		const { start, length, sha256 } = span;
		const covered = this.#covering.some(
			({ offset, end = 0 }) => offset <= start && start + length <= end,
		);
		if (sha256 && !covered) expect(await this.#digest(span, what), sha256, span, what);
	}

	#digest(span: Span, what: string): Promise<Uint8Array> {
		const place = `${span.start}+${span.length}`;
		const known = this.#known.get(place);
		if (known) return known;
		this.#left -= span.length;
		if (this.#left < 0) {
			throw new WebcError("overlap", "The files overlap each other many times", {
				section: what,
				offset: span.start,
			});
		}
		const digest = readExactly(this.#source, span.start, span.length, what).then(sha256);
		this.#known.set(place, digest);
		return digest;
	}
}

function expect(found: Uint8Array, expected: Uint8Array, { start }: Span, section: string): void {
	if (equal(found, expected)) return;
	throw new WebcError("checksum", "The content does not match its checksum", {
		section,
		offset: start,
	});
}

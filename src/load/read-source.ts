/**
 * The bytes of a source to a Package; an error names the source.
 */
import type { WireSource } from "../protocol/sandbox.ts";
import { type ByteSource, openPackage, type Package } from "../webc/index.ts";

/** `command` is what the command of a bare module is called. `verified` rejects for a damaged package. */
export async function readSource(
	input: Uint8Array | ByteSource,
	source: WireSource,
	maxBytes: number,
	command: string | undefined,
): Promise<{ pkg: Package; verified: Promise<void> }> {
	const explain = async (cause: unknown): Promise<never> => {
		throw (await import("./errors.ts")).notRead(cause, input, source);
	};
	try {
		const caps = { unpacked: maxBytes };
		const { pkg, verified } = await openPackage(input, { name: source.name, command, caps });
		const explained = verified.catch(explain);
		// The load looks at it, but perhaps later than it fails.
		explained.catch(() => {});
		return { pkg, verified: explained };
	} catch (cause) {
		return explain(cause);
	}
}

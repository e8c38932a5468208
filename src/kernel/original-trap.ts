/**
 * A trap in a rewritten module, told as one of the module as it was: the offsets in its stack are mapped back,
 * so that a debugger or `wasm-objdump` finds the instruction. Loaded with the first such trap.
 */
import type { WireStatus } from "../protocol/sandbox.ts";
import type { RewriteOptions } from "../rewrite/options.ts";
import type { Program } from "./packages.ts";

/** A frame of a wasm function, as browsers write it: `wasm-function[7]:0x2a`. */
const FRAME = /(wasm-function\[\d+\]:)0x([0-9a-f]+)/g;

interface Began {
	readonly how: RewriteOptions | undefined;
	readonly program: Pick<Program, "bytes">;
}

export async function originalTrap(
	status: WireStatus,
	{ how, program }: Began,
): Promise<WireStatus> {
	const { trap } = status;
	if (trap === undefined || how === undefined || program.bytes === null) return status;
	const { originalOffsets, UnknownModule } = await import("../rewrite/rewrite.ts");
	try {
		const toOriginal = originalOffsets(await program.bytes(), how);
		const stack = trap.stack.replace(
			FRAME,
			(_, place, offset) => `${place}0x${toOriginal(Number.parseInt(offset, 16)).toString(16)}`,
		);
		return { ...status, trap: { ...trap, stack } };
	} catch (error) {
		// One that the pass does not know runs as it is.
		if (error instanceof UnknownModule) return status;
		throw error;
	}
}

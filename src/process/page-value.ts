/**
 * What a function of the page returns to a program: a number, a bigint, or what is neither.
 *
 * JavaScript is not told which type a program expects, so nothing can be checked when the function returns.
 * The engine converts the value afterwards, and ignores it where the program expects none. So a value that
 * fits nothing becomes an object that complains once it is converted; and when a program ends by the engine's
 * own complaint about a number or a bigint, that is recognized by making the engine complain again.
 */
import { PortholeError } from "../abi/error.ts";

/** Stands for a value that is neither a number nor a bigint: its type. */
export interface Unfit {
	readonly returned: string;
}

const EITHER = "a number (i32, f32, f64) or a bigint (i64)";

/** The value as the engine gets it. */
export function wasmValue(value: unknown, name: string): unknown {
	if (typeof value !== "object" || value === null) return value;
	// The page's half has replaced every other object by this one.
	const { returned } = value as Unfit;
	return {
		[Symbol.toPrimitive]() {
			throw wrongType(name, returned);
		},
	};
}

/** The error by which a program ended after the function `name` returned `value`: `"import-failed"` where
 *  the engine could not convert that. */
export function explainEnd(error: unknown, name: string, value: unknown): unknown {
	if (!isConversion(error, value)) return error;
	if (typeof value === "bigint") return wrongType(name, "a bigint", "a number (i32, f32, f64)");
	return wrongType(name, value === undefined ? "nothing" : `a ${typeof value}`, "a bigint (i64)");
}

function isConversion(error: unknown, value: unknown): boolean {
	try {
		// The answer is looked at, or a bundler would drop a call that seems to do nothing.
		const converted =
			typeof value === "bigint"
				? Math.round(value as unknown as number)
				: BigInt.asIntN(64, value as bigint);
		return converted === null;
	} catch (own) {
		return error instanceof Error && error.message === (own as Error).message;
	}
}

function wrongType(name: string, returned: string, wanted = EITHER): PortholeError {
	return new PortholeError(
		"import-failed",
		`the page's function ${name} returned ${returned}, and the program expects ${wanted}`,
	);
}

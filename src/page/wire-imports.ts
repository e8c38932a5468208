/**
 * The functions and numbers that a page adds to a program's imports, as the worker gets them. Few programs
 * have any, so this is loaded late.
 */
import type { RemoteObjects } from "../bridge/far.ts";
import type { WireImport } from "../protocol/sandbox.ts";
import type { CommandOptions } from "./options.ts";

/** Each function becomes an object that the worker may call until it is released. */
export function wireImports(
	imports: NonNullable<CommandOptions["imports"]>,
	remoteObjects: RemoteObjects,
): WireImport[] {
	return Object.entries(imports).flatMap(([module, values]) =>
		Object.entries(values).map(([name, value]) => ({
			module,
			name,
			value:
				typeof value === "number"
					? value
					: remoteObjects.lend({
							call: async (...args: unknown[]) => wired(await value(...(args as number[]))),
						}),
		})),
	);
}

/** The value that a function of the page has returned, as it is posted: see `process/page-value.ts`. */
function wired(value: unknown): unknown {
	const fits = /number|bigint|boolean|undefined/.test(typeof value);
	return fits ? value : { returned: value === null ? "null" : `a value of type ${typeof value}` };
}

/**
 * Options by name: an option that a call does not have is a mistake, often of one letter, and must not pass
 * as if it had been heard.
 */
import { PortholeError } from "./error.ts";
import { strangeOption } from "./nearest.ts";

/** The names of the options of a call. That none is missing is checked by the compiler. */
export type Names<T> = Readonly<Record<keyof T, unknown>>;

/** Errors: `"invalid-option"` for a name that `call` does not have, with the nearest that it has. */
export function checkNames(call: string, options: object, known: object): void {
	if (typeof options !== "object" || options === null) {
		throw new PortholeError("invalid-option", `the options of ${call} are not an object`);
	}
	const strange = strangeOption(call, options, known);
	if (strange !== undefined) throw new PortholeError("invalid-option", strange);
}

/** From now on methods of a class refuse arguments that would have no effect, such as options that belong
 *  elsewhere. `names`, with spaces between, are of methods that return promises and that give none of their
 *  parameters a default. */
export function takeNoMore(of: { readonly prototype: object }, names: string): void {
	for (const name of names.split(" ")) {
		const method: (...args: unknown[]) => unknown = Reflect.get(of.prototype, name);
		const strict = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
			checkCount(name, args, method.length);
			return Reflect.apply(method, this, args);
		};
		Reflect.set(of.prototype, name, strict);
	}
}

/** Errors: `"invalid-option"` where there are more than `count` arguments. */
export function checkCount(call: string, args: readonly unknown[], count: number): void {
	if (args.slice(count).every((more) => more === undefined)) return;
	throw new PortholeError(
		"invalid-option",
		`${call} takes ${count || "no"} argument${count === 1 ? "" : "s"}; leave out what follows`,
	);
}

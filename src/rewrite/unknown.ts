/**
 * What the pass throws at a module that it does not fully understand. The caller then runs the
 * original: a module that was half understood must never run.
 */
export class UnknownModule extends Error {
	/** What was met, as a phrase: `"opcode 0xfb 0"`. */
	readonly what: string;
	/** Where in the original module, in bytes. */
	readonly offset: number;

	constructor(what: string, offset: number) {
		super(`The module cannot be rewritten: ${what} at byte ${offset}`);
		this.name = "UnknownModule";
		this.what = what;
		this.offset = offset;
	}
}

/**
 * The programs of this folder, and what each is given.
 *
 * A program with a transcript prints what `<name>.expected` records, byte for byte, when it is given
 * what stands here and an empty directory. The others show one behaviour each, and the tests that
 * run them say which.
 */

export interface Program {
	readonly name: string;
	readonly args?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	readonly stdin?: string;
}

/** Programs whose output is compared with a file. */
export const transcripts: readonly Program[] = [
	{
		name: "arguments",
		args: ["one", "two words", "", "ünï", '"quoted"'],
		env: { A: "1", EMPTY: "", EQUALS: "a=b", LINES: "one\ntwo" },
	},
	{ name: "clocks" },
	{ name: "descriptors" },
	{ name: "directories" },
	{ name: "echoing", stdin: "first\n\nthird, without an end" },
	{ name: "files" },
	{ name: "links" },
	{ name: "opening" },
	{ name: "polling" },
	{ name: "randomness" },
	{ name: "renaming" },
	{ name: "sizes" },
	{ name: "sockets" },
	{ name: "times" },
];

/** Programs with a test of their own, and the flags that some of them need. */
export const behaviours: ReadonlyMap<string, readonly string[]> = new Map([
	["caller", []],
	["entryless", ["-nostartfiles", "-Wl,--no-entry"]],
	["exiting", []],
	["flooding", []],
	["hashing", []],
	["hungry", []],
	["sleeping", []],
	["impatient", []],
	["networking", []],
	["reactor", ["-mexec-model=reactor"]],
	["recursing", []],
	["saving", []],
	["spinning", []],
	["standing", []],
	["stranger", []],
	["streaming", []],
	["trapping", []],
	["using", []],
	["visitor", []],
]);

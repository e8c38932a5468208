/**
 * What a link to this page carries, after its `#`: where the package is, and how to run it. Written
 * as form data, so that a person can read it and write one.
 */

export interface Setup {
	/** The package: a sample by its name, or an address; neither when it was a file. */
	readonly sample: string;
	readonly url: string;
	readonly command: string;
	readonly args: string;
	readonly env: string;
	readonly stdin: string;
	readonly directory: string;
	readonly timeout: string;
	/** `yes`, or empty. */
	readonly terminal: string;
}

const nothing: Setup = {
	sample: "",
	url: "",
	command: "",
	args: "",
	env: "",
	stdin: "",
	directory: "",
	timeout: "",
	terminal: "",
};

const names = Object.keys(nothing) as readonly (keyof Setup)[];

/** Without the `#`; what is empty is left out. */
export function toHash(setup: Setup): string {
	const data = new URLSearchParams();
	for (const name of names) if (setup[name] !== "") data.set(name, setup[name]);
	return data.toString();
}

/** Unknown names are passed over. */
export function fromHash(hash: string): Setup {
	const data = new URLSearchParams(hash.replace(/^#/, ""));
	const setup = { ...nothing };
	for (const name of names) setup[name] = data.get(name) ?? "";
	return setup;
}

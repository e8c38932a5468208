/**
 * The samples: what the site's list says of them, and things to try with each.
 */

export interface Sample {
	readonly name: string;
	readonly url: string;
	readonly description: string;
	readonly version: string;
	readonly size: number;
}

/** Something to try: it fills the form. */
export interface Example {
	readonly title: string;
	readonly command?: string;
	readonly args: string;
	readonly stdin?: string;
}

const LIST = "packages/index.json";

/** The samples of this site; none where they have not been built. */
export async function listSamples(): Promise<readonly Sample[]> {
	const response = await fetch(LIST).catch(() => null);
	// A development server answers a missing file with the page itself.
	if (!response?.ok || !response.headers.get("content-type")?.includes("json")) return [];
	const list: unknown = await response.json().catch(() => []);
	return Array.isArray(list) ? list.filter(isSample) : [];
}

function isSample(value: unknown): value is Sample {
	if (typeof value !== "object" || value === null) return false;
	const text = ["name", "url", "description", "version"];
	return (
		text.every((key) => typeof Reflect.get(value, key) === "string") &&
		typeof Reflect.get(value, "size") === "number"
	);
}

const python: readonly Example[] = [
	{
		title: "Hello",
		args: `-c "import sys; print('Hello from Python', sys.version.split()[0])"`,
	},
	{
		title: "Count slowly",
		args: `-u -c "import time
for i in range(1, 11):
    print(i)
    time.sleep(0.5)"`,
	},
	{ title: "Ask", args: `-u -c "print('Who are you?'); print('Hello,', input())"` },
	{ title: "Endless loop", args: `-c "while True: pass"` },
];

const examples: ReadonlyMap<string, readonly Example[]> = new Map([["python", python]]);

/** For packages that nobody has written examples for. */
const common: readonly Example[] = [
	{ title: "--version", args: "--version" },
	{ title: "--help", args: "--help" },
	{ title: "no arguments", args: "" },
];

export function examplesOf(sample: string): readonly Example[] {
	return examples.get(sample) ?? common;
}

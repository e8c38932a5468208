/**
 * What the runners of tests wrote about a run, read as one list: each test with its lane, how it ended, how
 * long it took and what was thrown.
 */
import { existsSync, readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

export interface Test {
	readonly name: string;
	/** `flaky`: it failed, and passed when it was run again. */
	readonly end: "passed" | "failed" | "flaky" | "skipped";
	readonly milliseconds: number;
	/** What was thrown first; empty where nothing was. */
	readonly error: string;
}

interface PlaywrightError {
	readonly message?: string;
}

interface Suite {
	readonly title: string;
	readonly suites?: readonly Suite[];
	readonly specs?: readonly {
		readonly title: string;
		readonly tests: readonly {
			readonly projectName: string;
			readonly status: "expected" | "unexpected" | "flaky" | "skipped";
			readonly results: readonly {
				readonly duration: number;
				readonly errors: readonly PlaywrightError[];
			}[];
		}[];
	}[];
}

interface PlaywrightResults {
	readonly suites: readonly Suite[];
	/** Of no test: a server that did not start, a file that cannot be read. */
	readonly errors: readonly PlaywrightError[];
}

interface VitestResults {
	readonly testResults: readonly {
		readonly name: string;
		readonly status: string;
		/** Why the file could not be run. */
		readonly message: string;
		readonly assertionResults: readonly {
			readonly fullName: string;
			readonly status: "passed" | "failed" | "skipped" | "pending" | "todo" | "disabled";
			readonly duration?: number;
			readonly failureMessages: readonly string[] | null;
		}[];
	}[];
}

const ENDS = {
	expected: "passed",
	unexpected: "failed",
	flaky: "flaky",
	skipped: "skipped",
} as const;

/** The tests that Playwright ran; undefined where it wrote no results. What failed outside of all tests
 *  is told as a test of its own. */
export function readPlaywright(path: string, lane: string): Test[] | undefined {
	const results = read<PlaywrightResults>(path);
	if (results === undefined) return undefined;
	const outside = results.errors.map((error) => failure(`${lane} › outside of all tests`, error));
	return [...outside, ...results.suites.flatMap((suite) => testsOf(suite, []))];
}

/** As `readPlaywright`, for the unit tests; a file that cannot be run is told as a test of its own. */
export function readVitest(path: string): Test[] | undefined {
	return read<VitestResults>(path)?.testResults.flatMap((file) => {
		const tests = file.assertionResults.map(
			({ fullName, status, duration = 0, failureMessages }): Test => ({
				name: `unit › ${fullName}`,
				end: status === "passed" || status === "failed" ? status : "skipped",
				milliseconds: duration,
				error: plain(failureMessages?.[0]),
			}),
		);
		if (file.status !== "failed" || tests.some(({ end }) => end === "failed")) return tests;
		return [failure(`unit › ${file.name}`, file), ...tests];
	});
}

function testsOf(suite: Suite, above: readonly string[]): Test[] {
	const titles = [...above, suite.title];
	const own = (suite.specs ?? []).flatMap(({ title, tests }) =>
		tests.map(
			({ projectName, status, results }): Test => ({
				name: [projectName, ...titles, title].join(" › "),
				end: ENDS[status],
				milliseconds: Math.max(0, ...results.map(({ duration }) => duration)),
				error: plain(results.find(({ errors }) => errors.length > 0)?.errors[0]?.message),
			}),
		),
	);
	return [...own, ...(suite.suites ?? []).flatMap((below) => testsOf(below, titles))];
}

function failure(name: string, { message }: PlaywrightError): Test {
	return { name, end: "failed", milliseconds: 0, error: plain(message) };
}

function plain(message = ""): string {
	return stripVTControlCharacters(message);
}

function read<T>(path: string): T | undefined {
	// The runner wrote this file in the format it documents.
	return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

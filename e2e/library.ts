/**
 * A page with the built library in it, for tests that know the library as a page does.
 *
 * What a test evaluates runs in the page, and finds there as globals: `porthole` and `webc`, the two
 * entry points, and the words of `pages/words.js`. Nothing is imported from `src` but types.
 */
import { test as chromiumTest } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import type * as Webc from "../src/webc/index.ts";
import { firefoxTest, inFirefox } from "./firefox.ts";
import { buildPrograms } from "./programs/build.ts";
import { type Bridge, notFor } from "./rungs.ts";

/** An error, as it comes out of the page. */
export interface Caught {
	readonly porthole: boolean;
	readonly name: string;
	readonly code: string;
	readonly message: string;
}

/** How a program ended, and what it printed. */
export interface Ran {
	readonly code: number;
	readonly signal?: string;
	readonly trap?: string;
	readonly out: string;
	readonly err: string;
}

declare global {
	var porthole: typeof Porthole;
	var webc: typeof Webc;
	function caught(promise: Promise<unknown>): Promise<Caught>;
	function thrown(call: () => unknown): Promise<Caught>;
	function collect(stream: ReadableStream<Uint8Array>): Promise<string>;
	/** Gives the stream's next line, or what is left at its end. */
	function lines(stream: ReadableStream<Uint8Array>): () => Promise<string>;
	function text(bytes: Uint8Array): string;
	function tiny(wish?: {
		readonly code?: number;
		readonly entry?: string;
		readonly pages?: number;
		readonly imports?: readonly (readonly [module: string, name: string])[];
	}): Uint8Array<ArrayBuffer>;
	function packed(definition: {
		readonly name?: string;
		readonly format?: 1 | 2 | 3;
		readonly atoms?: Readonly<Record<string, Uint8Array>>;
		readonly commands?: Readonly<Record<string, unknown>>;
		readonly files?: Readonly<Record<string, string>>;
		readonly use?: Readonly<Record<string, string>>;
		readonly entrypoint?: string;
	}): Promise<Uint8Array<ArrayBuffer>>;
	function py(
		sandbox: Porthole.Sandbox,
		code: string,
		options?: Porthole.CommandOptions & { readonly args?: string[] },
	): Promise<Ran>;
	function keeper(): { readonly text: string; readonly stream: WritableStream<Uint8Array> };
}

/** What every test begins with: a page of the browser that this run is about. */
export const bare = inFirefox ? (firefoxTest as unknown as typeof chromiumTest) : chromiumTest;

/** `page` has the library in it, whose sandboxes ask for the project's `bridge`. */
export const test = bare.extend<{ readonly bridge: Bridge | undefined }>({
	bridge: [undefined, { option: true }],
	page: async ({ page, bridge }, use, { titlePath }) => {
		const reason = bridge && notFor(bridge, titlePath);
		bare.skip(reason !== undefined, reason);
		await page.goto(`/pages/library.html${bridge ? `?bridge=${bridge}` : ""}`);
		await page.waitForFunction(() => document.title === "ready");
		await use(page);
	},
});

/** For a file or group of tests that run the C programs: skips them where no compiler is. */
export function needPrograms(): void {
	const { missing } = buildPrograms();
	test.skip(missing !== null, missing ?? "");
}

export { expect } from "@playwright/test";

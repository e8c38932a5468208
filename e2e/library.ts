/**
 * A page with the built library in it, for tests that know the library as a page does.
 *
 * What a test evaluates runs in the page, and finds there as globals: `porthole` and `webc`, the two
 * entry points, and the words of `pages/words.js`. Nothing is imported from `src` but types.
 */
import { type Page, test as playwright } from "@playwright/test";
import type * as Porthole from "../src/index.ts";
import type * as Webc from "../src/webc/index.ts";
import { type Bridge, notFor } from "./bridges.ts";
import { firefoxTest, inFirefox } from "./firefox.ts";
import { buildPrograms } from "./programs/build.ts";
import { type OpenContext, openLibrary, SharedPage } from "./shared-page.ts";

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
	/** Closes what `Sandbox.create` has made since it was last called. */
	function closeSandboxes(): Promise<void>;
	/** A sandbox that was made with these options, for all tests of the page that leave it as it was. */
	function sharedSandbox(options: Porthole.SandboxOptions): Promise<Porthole.Sandbox>;
	function caught(promise: Promise<unknown>): Promise<Caught>;
	function thrown(call: () => unknown): Promise<Caught>;
	function collect(stream: ReadableStream<Uint8Array>): Promise<string>;
	/** Gives the stream's next line, or what is left at its end. */
	function lines(stream: ReadableStream<Uint8Array>): () => Promise<string>;
	function text(bytes: Uint8Array): string;
	/** Waits until a condition holds, for as long as the test may last. */
	function until(holds: () => boolean | Promise<boolean>): Promise<void>;
	/** A conversation with a program in a terminal. */
	function conversation(process: Porthole.Process): {
		/** All that it has shown. */
		readonly screen: string;
		/** Sends keys. */
		press(typed: string): Promise<void>;
		/** Sends keys, and waits until what comes after them shows a text. */
		type(typed: string, shows: string): Promise<void>;
		/** Waits until the program is over. */
		end(): Promise<{ readonly screen: string; readonly code: number }>;
	};
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

const playwrightTest = playwright.extend<object, { readonly openContext: OpenContext }>({
	openContext: [
		async ({ browser }, use) => use((baseURL) => browser.newContext({ baseURL })),
		{ scope: "worker" },
	],
});

/** What every test begins with: a page of the browser that this run is about. */
const bare = inFirefox ? (firefoxTest as unknown as typeof playwrightTest) : playwrightTest;

interface Options {
	readonly bridge: Bridge | undefined;
}

/** `page` has the library in it, whose sandboxes ask for the project's `bridge`. Each test has a page and a
 *  storage of its own: for tests that store, reload, drive the page by its context, or change what is
 *  global. */
export const fresh = bare.extend<Options>({
	bridge: [undefined, { option: true }],
	page: async ({ page, bridge }, use, { titlePath }) => {
		skipUnlessFor(bridge, titlePath);
		await openLibrary(page, bridge);
		await use(page);
	},
});

/** A test whose page is that of all such tests of its file: `load` makes it, and `tidy` makes it as it was
 *  after each test. See `shared-page.ts`. */
export function onSharedPage(
	load: (page: Page, bridge: Bridge | undefined) => Promise<void>,
	tidy: (page: Page) => Promise<void>,
) {
	return bare.extend<Options, { readonly shared: SharedPage }>({
		bridge: [undefined, { option: true }],
		shared: [
			async ({ openContext }, use) => {
				const shared = new SharedPage(openContext);
				await use(shared);
				await shared.close();
			},
			{ scope: "worker" },
		],
		page: async ({ shared, bridge, baseURL }, use, info) => {
			skipUnlessFor(bridge, info.titlePath);
			const key = `${info.project.name} ${info.file}`;
			const page = await shared.open(key, baseURL ?? "", (page) => load(page, bridge));
			await use(page);
			if (info.status === info.expectedStatus) await shared.tidy(tidy);
			else await shared.close();
		},
	});
}

/** As `fresh`, but the tests of a file share a page. */
export const test = onSharedPage(openLibrary, (page) => page.evaluate(() => closeSandboxes()));

function skipUnlessFor(bridge: Bridge | undefined, titles: readonly string[]): void {
	const reason = bridge && notFor(bridge, titles);
	bare.skip(reason !== undefined, reason);
}

/** For a file or group of tests that run the C programs: skips them where no compiler is. */
export function needPrograms(): void {
	const { missing } = buildPrograms();
	bare.skip(missing !== null, missing ?? "");
}

export { expect } from "@playwright/test";

/**
 * Which bridge is chosen where there is no JSPI, by what the page really has.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chooseBridge } from "./choose-bridge.ts";

/** A page as far as the choice looks at it. */
function page({ isolated = false, shared = true, carried = false, origin = "http://host" }): void {
	vi.stubGlobal("Worker", class {});
	vi.stubGlobal("crossOriginIsolated", isolated);
	vi.stubGlobal("origin", origin);
	vi.stubGlobal("location", { origin });
	const serviceWorker = { controller: carried ? {} : null };
	vi.stubGlobal("navigator", { serviceWorker });
	vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
	if (!shared) Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
}

const shared = globalThis.SharedArrayBuffer;

beforeEach(() => void vi.unstubAllGlobals());
afterEach(() => {
	vi.unstubAllGlobals();
	Object.assign(globalThis, { SharedArrayBuffer: shared });
});

test("an isolated page sleeps on shared memory", async () => {
	page({ isolated: true });
	expect((await chooseBridge("auto")).kind).toBe("blocking");
	expect((await chooseBridge("blocking")).kind).toBe("blocking");
});

test("an isolated page without SharedArrayBuffer takes the service worker, else what is preloaded", async () => {
	page({ isolated: true, shared: false, carried: true });
	expect((await chooseBridge("auto")).kind).toBe("service-worker");
	expect((await chooseBridge("blocking")).kind).toBe("service-worker");
	page({ isolated: true, shared: false });
	const { kind, why } = await chooseBridge("auto");
	expect(kind).toBe("preloaded");
	expect(why).toContain("isolated, but this browser has no SharedArrayBuffer");
	await expect(chooseBridge("blocking")).rejects.toMatchObject({
		code: "not-supported",
		message: expect.not.stringContaining("Cross-Origin-Opener-Policy"),
	});
});

test("a frame without an origin has what is preloaded", async () => {
	page({ origin: "null", carried: true });
	expect((await chooseBridge("auto")).kind).toBe("preloaded");
});

test("where there are no workers, as in Node, the error says so", async () => {
	for (const wish of ["auto", "suspending", "blocking", "preloaded"] as const) {
		await expect(chooseBridge(wish)).rejects.toMatchObject({
			name: "PortholeError",
			code: "not-supported",
			message: expect.stringContaining("Web Worker"),
		});
	}
});

/**
 * Questions about the context have answers where the flags mislead and the getters throw.
 */
import { afterEach, expect, test, vi } from "vitest";
import { baseAddress, isControlled, isOpaque, sharesMemory } from "./context.ts";

afterEach(() => vi.unstubAllGlobals());

test("memory is shared where the constructor is, not where the flag says so", () => {
	expect(sharesMemory()).toBe(false);
	vi.stubGlobal("crossOriginIsolated", true);
	expect(sharesMemory()).toBe(true);
	const shared = globalThis.SharedArrayBuffer;
	Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
	try {
		expect(sharesMemory()).toBe(false);
	} finally {
		Object.assign(globalThis, { SharedArrayBuffer: shared });
	}
});

test("a frame without an origin has no service worker, and asking throws nothing", () => {
	vi.stubGlobal("origin", "null");
	const navigator = {
		get serviceWorker(): never {
			throw new DOMException("the document is sandboxed", "SecurityError");
		},
	};
	vi.stubGlobal("navigator", navigator);
	expect(isOpaque()).toBe(true);
	expect(isControlled()).toBe(false);
});

test("addresses are relative to the page's base, in a worker to its script", () => {
	expect(baseAddress()).toBeUndefined();
	vi.stubGlobal("location", { href: "http://host/worker.js" });
	expect(baseAddress()).toBe("http://host/worker.js");
	vi.stubGlobal("document", { baseURI: "http://host/base/" });
	expect(baseAddress()).toBe("http://host/base/");
});

/**
 * Stores in a browser without channels between its tabs.
 */
import { afterEach, expect, test, vi } from "vitest";
import { Lease } from "../handles/lease.ts";
import { OtherTabs } from "../indexeddb/tabs.ts";
import { openChannel } from "./tab-channel.ts";

afterEach(() => void vi.unstubAllGlobals());

const without = [
	["there is none", undefined],
	[
		"it is refused",
		class {
			constructor() {
				throw new DOMException("no origin", "SecurityError");
			}
		},
	],
] as const;

test.each(without)("a channel is deaf and dumb where %s", (_, none) => {
	vi.stubGlobal("BroadcastChannel", none);
	const channel = openChannel("x");
	channel.onmessage = () => expect.unreachable();
	channel.postMessage({ kind: "want" });
	channel.close();
});

test.each(without)("stores tell nobody and work where %s", async (_, none) => {
	vi.stubGlobal("BroadcastChannel", none);
	const quiet = async () => {};
	const others = new OtherTabs("notes", quiet, async () => 0);
	others.announce(new Set(["/a"]), 1);
	const heard: string[] = [];
	const page = { addEventListener: () => {}, removeEventListener: () => {} };
	vi.stubGlobal("document", page);
	vi.stubGlobal("addEventListener", page.addEventListener);
	vi.stubGlobal("removeEventListener", page.removeEventListener);
	const stop = others.watch((paths) => heard.push(...paths));
	others.emitAll();
	await quiet();
	await quiet();
	expect(heard).toEqual(["/"]);
	stop();

	const request = (_name: string, _how: unknown, hold: () => Promise<void>) => hold();
	vi.stubGlobal("navigator", { locks: { request } });
	const lease = new Lease("/a", "me", {
		findUnfinished: async () => null,
		finishIn: quiet,
		onTaken: quiet,
		beforeRelease: quiet,
	});
	lease.broadcast({ kind: "changed", paths: ["/a"], by: "me" });
	expect(await lease.run(async () => "done")).toBe("done");
});

/**
 * The page's end of the private file system, where there are no workers: the stores are on the page.
 */
import { afterEach, expect, test, vi } from "vitest";
import { openOPFS } from "./opfs-client.ts";
import { newOrigin } from "./origin.testkit.ts";

afterEach(() => void vi.unstubAllGlobals());

/** Counts the channels to other tabs that are open. */
function countChannels(): { open: number } {
	const count = { open: 0 };
	class Channel {
		onmessage = null;
		constructor() {
			count.open += 1;
		}
		postMessage() {}
		close() {
			count.open -= 1;
		}
	}
	vi.stubGlobal("BroadcastChannel", Channel);
	return count;
}

const bytes = new TextEncoder().encode("text");
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a store that no mount watches any more is closed, and opened by the next call", async () => {
	const { disk, locks } = newOrigin();
	const channels = countChannels();
	const store = await openOPFS("/d", undefined, false);
	const [first, second] = [store.watch(() => {}), store.watch(() => {})];
	await store.make("/f", "file");
	await store.write("/f", 0, bytes);
	first();
	first();
	await turn();
	expect([channels.open, locks.isHeld("porthole-opfs:/d")]).toEqual([2, true]);
	second();
	await vi.waitFor(() => expect(channels.open).toBe(0));
	// What was written is in its place, and nothing is held.
	expect(disk.tree()).toMatchObject({ "d/f": "text" });
	expect(locks.isHeld("porthole-opfs:/d")).toBe(false);

	expect(await store.read("/f", 0, 9)).toEqual(bytes);
	const again = store.watch(() => {});
	expect((await store.list("/")).map(({ name }) => name)).toEqual(["f"]);
	again();
	await vi.waitFor(() => expect(channels.open).toBe(0));
});

test("calls that were made before the last watch ends are answered, and so are those after", async () => {
	newOrigin();
	const store = await openOPFS("/d", undefined, false);
	const stop = store.watch(() => {});
	const before = [store.make("/a", "file"), store.write("/a", 0, bytes)];
	stop();
	const after = [store.make("/b", "file"), store.read("/a", 0, 9)];
	await Promise.all([...before, ...after]);
	expect(await after[1]).toEqual(bytes);
	expect(await store.list("/")).toHaveLength(2);
});

test("a store whose changes cannot be written when it is closed goes on, and its next sync writes them", async () => {
	const { disk } = newOrigin();
	const store = await openOPFS("/d", undefined, false);
	await store.make("/f", "file");
	const stop = store.watch(() => {});
	await store.write("/f", 0, bytes);
	disk.onCall = (method) => {
		if (method === "close") throw new DOMException("full", "QuotaExceededError");
	};
	stop();
	await turn();
	await expect(store.sync()).rejects.toMatchObject({ code: "ENOSPC" });
	disk.onCall = () => {};
	await store.sync();
	expect(disk.tree()).toMatchObject({ "d/f": "text" });
});

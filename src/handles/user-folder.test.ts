import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Disk } from "./handles.testkit.ts";
import { UserFolderStore } from "./user-folder.ts";

type Records = readonly { readonly type: string; readonly relativePathComponents: string[] }[];

/** What browsers have: `settle` answers `observe`, `see` tells of changes. */
class Observer {
	static last: Observer;
	readonly see: (records: Records) => void;
	connected = true;
	fulfil = (): void => {};
	#reject = (_: unknown): void => {};

	constructor(see: (records: Records) => void) {
		this.see = see;
		Observer.last = this;
	}

	observe(): Promise<void> {
		return new Promise((resolve, reject) => {
			this.fulfil = resolve;
			this.#reject = reject;
		});
	}

	disconnect(): void {
		this.connected = false;
	}

	refuse(): void {
		this.#reject(new DOMException("not here", "NotSupportedError"));
	}
}

beforeEach(() => {
	vi.useFakeTimers();
	vi.stubGlobal("FileSystemObserver", Observer);
});

afterEach(() => {
	vi.useRealTimers();
	vi.unstubAllGlobals();
});

/** A watched store one of whose directories is listed, and how often somebody has looked at it. */
async function start() {
	const disk = new Disk();
	disk.put("f", "text");
	const store = new UserFolderStore(disk.handle, "readwrite");
	const heard: string[] = [];
	const damaged: string[] = [];
	const stop = store.watch(
		(paths) => heard.push(...paths),
		undefined,
		(path, error) => damaged.push(`${path}: ${error.message}`),
	);
	await store.list("/");
	let looks = 0;
	disk.onCall = (method) => {
		if (method === "values") looks++;
	};
	return { disk, store, stop, heard, damaged, looks: () => looks };
}

test("a browser that cannot observe and says so late does not begin to poll after the watch was stopped", async () => {
	const { stop, looks, disk, heard } = await start();
	stop();
	Observer.last.refuse();
	disk.put("g", "theirs");
	await vi.advanceTimersByTimeAsync(10_000);
	expect([looks(), heard, Observer.last.connected]).toEqual([0, [], false]);
	expect(vi.getTimerCount()).toBe(0);
});

test("one that fails before is replaced by one poll, which ends with the watch", async () => {
	const { stop, looks, disk, heard } = await start();
	Observer.last.fulfil();
	await vi.advanceTimersByTimeAsync(0);
	const errored = { type: "errored", relativePathComponents: [] };
	Observer.last.see([errored, errored]);
	Observer.last.see([errored]);
	disk.put("g", "theirs");
	await vi.advanceTimersByTimeAsync(3100);
	expect(heard).toContain("/g");
	const before = looks();
	await vi.advanceTimersByTimeAsync(5000);
	expect(looks() - before).toBe(5);
	stop();
	Observer.last.see([errored]);
	await vi.advanceTimersByTimeAsync(10_000);
	expect(looks() - before).toBe(5);
	expect(vi.getTimerCount()).toBe(0);
});

test("a look that is under way when the watch is stopped tells nothing", async () => {
	const { stop, disk, heard } = await start();
	disk.put("g", "theirs");
	Observer.last.fulfil();
	await Promise.resolve();
	stop();
	await vi.advanceTimersByTimeAsync(10_000);
	expect(heard).toEqual([]);
});

test("what a browser tells of a directory that cannot be read any more is no unhandled rejection", async () => {
	const { disk } = await start();
	Observer.last.fulfil();
	await vi.advanceTimersByTimeAsync(0);
	disk.onCall = () => {
		throw new DOMException("taken back", "NotAllowedError");
	};
	Observer.last.see([{ type: "modified", relativePathComponents: ["f"] }]);
	await vi.advanceTimersByTimeAsync(1000);
});

test("a damaged file of notes is told once, however often the directory is looked at", async () => {
	const { disk, store, damaged } = await start();
	disk.put(".porthole", "");
	disk.put("d/.porthole/theirs", "theirs");
	for (let times = 0; times < 3; times++) {
		await store.list("/");
		await store.list("/d");
	}
	expect(damaged).toHaveLength(2);
	expect(damaged[0]).toMatch(/^\/: \.porthole was damaged and is kept as \.porthole\.damaged/);
	expect(damaged[1]).toMatch(/^\/d: /);
});

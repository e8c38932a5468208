import { expect, test } from "vitest";
import { PENDING } from "../abi/errno.ts";
import { awaitCall } from "../bridge/await-call.ts";
import { LocalTicket } from "../bridge/ticket.ts";
import type { INode } from "../fs/node.ts";
import type { Listing } from "../store/store.ts";
import { StoreFileSystem } from "../storefs/store-fs.ts";
import { Preloaded } from "./preload.ts";

const MiB = 1024 * 1024;

/** A store that only reads, and is asked for what is in `files` by path; a number is a size. */
function reading(files: Readonly<Record<string, string | number>>) {
	const bytes = (path: string) => {
		const content = files[path] ?? "";
		return typeof content === "number" ? content : new TextEncoder().encode(content);
	};
	const list = (path: string): Listing[] => {
		const base = path === "/" ? "/" : `${path}/`;
		const below = Object.keys(files).filter((file) => file.startsWith(base));
		const names = new Set(below.map((file) => file.slice(base.length).split("/")[0] as string));
		return [...names].map((name) => {
			const content = bytes(base + name);
			const type = files[base + name] === undefined ? "directory" : "file";
			const size = typeof content === "number" ? content : content.length;
			return { name, type, size, modified: 1_700_000_000_000 };
		});
	};
	const read = (path: string, offset: number, length: number) => {
		const content = bytes(path);
		return typeof content === "number" ? new Uint8Array(0) : content.slice(offset, offset + length);
	};
	return async (_far: number, method: string, args: unknown[]): Promise<unknown> => {
		const [path, offset, length] = args as [string, number, number];
		if (method === "list") return list(path);
		if (method === "read") return read(path, offset, length);
		throw new Error(`the store was asked to ${method}`);
	};
}

/** What is mounted, read ahead, and what was warned of. */
async function mounted(files: Readonly<Record<string, string | number>>) {
	const warnings: string[] = [];
	const ahead = new Preloaded(reading(files), (message) => warnings.push(message));
	const store = { id: 1 };
	const fs = new StoreFileSystem(ahead.bridge, store, ahead.limits);
	const mount = { path: "/data", fs, readOnly: false };
	await ahead.read([{ mount, fs, written: "/data", store, reportPending: () => {} }], (_, call) =>
		awaitCall(ahead.bridge, call),
	);
	return { ahead, root: fs.root, warnings };
}

const guest = { ended: false, stopped: new LocalTicket<void>(), waited: 0, flush: () => {} };

/** A file's text as a guest has it, who cannot wait; the answer where it has none. */
function textNow(root: INode, path: string): string | number {
	let node: INode = root;
	for (const name of path.split("/").slice(1)) {
		const next = node.lookup(name);
		if (typeof next === "number") return next;
		node = next;
	}
	const into = new Uint8Array(1000);
	const count = node.read(into, 0, into.length, 0);
	return count < 0 ? count : new TextDecoder().decode(into.subarray(0, count));
}

test("all directories and files of a mount are there before a guest starts", async () => {
	const files = { "/a.txt": "one", "/deep/er/b.txt": "two", "/empty": "" };
	const { ahead, root, warnings } = await mounted(files);
	await ahead.bridge.enter(guest, () => {
		for (const [path, text] of Object.entries(files)) expect(textNow(root, path)).toBe(text);
	});
	expect(warnings).toEqual([]);
});

test("a file that does not fit is named, and the others are there", async () => {
	const { ahead, root, warnings } = await mounted({ "/huge.bin": 4096 * MiB, "/small": "here" });
	expect(warnings).toHaveLength(1);
	expect(warnings[0]).toContain("/data/huge.bin");
	expect(warnings[0]).not.toContain("small");
	await ahead.bridge.enter(guest, () => {
		expect(textNow(root, "/small")).toBe("here");
		expect(textNow(root, "/huge.bin")).toBe(PENDING);
		ahead.bridge.dropNotes();
	});
});

test("a store that cannot be listed, or sends less than it promised, delays no start", async () => {
	const warnings: string[] = [];
	const broken = async (_far: number, method: string) => {
		if (method !== "list") return new Uint8Array(0);
		return [{ name: "short.txt", type: "file", size: 5000, modified: 0 }];
	};
	const dead = async () => {
		throw new Error("the disk is gone");
	};
	for (const ask of [broken, dead]) {
		const ahead = new Preloaded(ask, (message) => warnings.push(message));
		const fs = new StoreFileSystem(ahead.bridge, { id: 1 }, ahead.limits);
		const mount = { path: "/data", fs, readOnly: false };
		await ahead.read(
			[{ mount, fs, written: "/data", store: { id: 1 }, reportPending: () => {} }],
			(_, call) => awaitCall(ahead.bridge, call),
		);
	}
	expect(warnings).toEqual([]);
});

test("a held guest begins once, when the page says so or kills it", () => {
	const ahead = new Preloaded(
		() => Promise.reject(new Error("nobody is there")),
		() => {},
	);
	const begun: number[] = [];
	for (const pid of [1, 2]) ahead.startOnBegin(pid, () => begun.push(pid));
	ahead.receive({ to: 1, kind: "stdin", chunk: new Uint8Array(1) });
	ahead.receive({ to: 3, kind: "begin" });
	expect(begun).toEqual([]);
	ahead.receive({ to: 1, kind: "begin" });
	ahead.receive({ to: 2, kind: "kill", signal: "SIGTERM", code: 143 });
	ahead.receive({ to: 1, kind: "kill", signal: "SIGTERM", code: 143 });
	expect(begun).toEqual([1, 2]);
});

import { ConsoleStdout, Directory, Fd, File, OpenFile, wasi } from "@bjorn3/browser_wasi_shim";
import { describe, expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import type { Store } from "../store/store.ts";
import { Symlink, shimDirectory, shimInput, shimOutput } from "./shim-page.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function tree(): Directory {
	return new Directory([
		["f", new File(utf8("abc"))],
		["d", new Directory([["g", new File(utf8("deep"))]])],
		["s", new Symlink("d/g")],
	]);
}

/** The code that a promise is rejected with, or what it answers. */
async function code(promise: Promise<unknown>): Promise<unknown> {
	try {
		return await promise;
	} catch (error) {
		expect(error).toBeInstanceOf(PortholeError);
		return (error as PortholeError).code;
	}
}

describe("a directory as a store", () => {
	test("lists what is there, and all of it can be posted", async () => {
		const store: Store = shimDirectory(tree());
		const list = structuredClone(await store.list("/"));
		expect(list.map(({ name, type, size, target }) => ({ name, type, size, target }))).toEqual([
			{ name: "f", type: "file", size: 3, target: undefined },
			{ name: "d", type: "directory", size: 0, target: undefined },
			{ name: "s", type: "symlink", size: 3, target: "d/g" },
		]);
		expect(Math.abs((list[0]?.modified ?? 0) - Date.now())).toBeLessThan(60_000);
		expect((await store.list("/d")).map(({ name }) => name)).toEqual(["g"]);
	});

	test("reads and changes the shim's own objects", async () => {
		const root = tree();
		const store = shimDirectory(root);
		expect(read(await store.read("/d/g", 1, 2))).toBe("ee");
		expect(await store.read("/d/g", 9, 2)).toEqual(new Uint8Array());
		await store.write("/f", 2, utf8("xyz"));
		expect(read((root.contents.get("f") as File).data)).toBe("abxyz");
		await store.resize("/f", 1);
		await store.write("/f", 3, utf8("!"));
		expect(read((root.contents.get("f") as File).data)).toBe("a\0\0!");
		await store.make("/n", "directory");
		await store.make("/n/m", "file");
		await store.rename("/n/m", "/m");
		await store.remove("/n");
		await store.remove("/s");
		await store.symlink("/t", "m");
		await store.link("/m", "/l");
		expect([...root.contents.keys()].sort()).toEqual(["d", "f", "l", "m", "t"]);
		expect(root.contents.get("l")).toBe(root.contents.get("m"));
		const links = (await store.list("/")).filter(({ name }) => "lm".includes(name));
		expect(links.map((entry) => entry.links)).toEqual([2, 2]);
		expect(new Set(links.map((entry) => entry.file)).size).toBe(1);
		await store.utimes("/m", 5n, 1_700_000_000_123_456_789n);
		const m = (await store.list("/")).find(({ name }) => name === "m");
		expect(m?.times).toEqual({ accessed: 5n, modified: 1_700_000_000_123_456_789n });
		expect(m?.modified).toBe(1_700_000_000_123);
	});

	test("fails as a store does", async () => {
		const store = shimDirectory(tree());
		expect(await code(store.list("/none"))).toBe("ENOENT");
		expect(await code(store.list("/f"))).toBe("ENOTDIR");
		expect(await code(store.read("/d", 0, 1))).toBe("EISDIR");
		expect(await code(store.read("/f/x", 0, 1))).toBe("ENOTDIR");
		expect(await code(store.write("/none", 0, utf8("x")))).toBe("ENOENT");
		expect(await code(store.write("/d", 0, utf8("x")))).toBe("EISDIR");
		expect(await code(store.make("/f", "file"))).toBe("EEXIST");
		expect(await code(store.make("/none/x", "file"))).toBe("ENOENT");
		expect(await code(store.remove("/d"))).toBe("ENOTEMPTY");
		expect(await code(store.remove("/none"))).toBe("ENOENT");
		expect(await code(store.remove("/"))).toBe("EBUSY");
		expect(await code(store.rename("/f", "/d"))).toBe("EISDIR");
		expect(await code(store.rename("/d", "/d/x"))).toBe("EINVAL");
		expect(await code(store.resize("/f", 2 ** 45))).toBe("EFBIG");
		expect(await code(store.list("/toString"))).toBe("ENOENT");
		const locked = new Directory([["f", new File(utf8("x"), { readonly: true })]]);
		expect(await code(shimDirectory(locked).write("/f", 0, utf8("y")))).toBe("EROFS");
	});
});

describe("an Fd as a stream", () => {
	async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
		let out = "";
		const reader = stream.getReader();
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return out;
			out += read(value);
		}
	}

	test("an input is read to its end, when somebody asks", async () => {
		const fd = new OpenFile(new File(utf8("x".repeat(200_000))));
		const stream = shimInput(fd);
		await new Promise((resolve) => setTimeout(resolve));
		expect(fd.file_pos).toBe(0n);
		expect((await text(stream)).length).toBe(200_000);
	});

	test("an output is given every byte, and closed", async () => {
		const lines: string[] = [];
		const console = ConsoleStdout.lineBuffered((line) => lines.push(line));
		let closed = 0;
		console.fd_close = () => {
			closed += 1;
			return 0;
		};
		const writer = shimOutput(console).getWriter();
		await writer.write(utf8("hel"));
		await writer.write(utf8("lo\nwor"));
		await writer.write(utf8("ld\n"));
		expect(lines).toEqual(["hello", "world"]);
		await writer.close();
		expect(closed).toBe(1);
	});

	/** Takes and gives two bytes at a time, and every other time says to come again. */
	class Slow extends Fd {
		taken = "";
		given = "abcdef";
		calls = 0;
		closed = 0;
		override fd_write(data: Uint8Array) {
			if (++this.calls % 2 === 1) return { ret: wasi.ERRNO_AGAIN, nwritten: 0 };
			this.taken += read(data.subarray(0, 2));
			return { ret: 0, nwritten: Math.min(2, data.length) };
		}
		override fd_read() {
			if (++this.calls % 2 === 1) return { ret: wasi.ERRNO_AGAIN, data: new Uint8Array() };
			const data = utf8(this.given.slice(0, 2));
			this.given = this.given.slice(2);
			return { ret: 0, data };
		}
		override fd_close() {
			this.closed += 1;
			return 0;
		}
	}

	test("one that is not ready is asked again", async () => {
		const slow = new Slow();
		expect(await text(shimInput(slow))).toBe("abcdef");
		expect(slow.closed).toBe(1);
		const output = new Slow();
		await shimOutput(output).getWriter().write(utf8("12345"));
		expect(output.taken).toBe("12345");
		expect(output.calls).toBe(6);
	});

	test("one that nobody wants any more is not asked again", async () => {
		class Never extends Slow {
			override fd_read() {
				this.calls += 1;
				return { ret: wasi.ERRNO_AGAIN, data: new Uint8Array() };
			}
		}
		const fd = new Never();
		const reader = shimInput(fd).getReader();
		const pending = reader.read();
		await reader.cancel();
		expect(await pending).toEqual({ done: true, value: undefined });
		expect(fd.closed).toBe(1);
		const { calls } = fd;
		await new Promise((resolve) => setTimeout(resolve, 30));
		expect(fd.calls).toBe(calls);
	});

	test("one that fails says why", async () => {
		class Broken extends Fd {
			override fd_write() {
				return { ret: wasi.ERRNO_PIPE, nwritten: 0 };
			}
		}
		expect(await code(shimOutput(new Broken()).getWriter().write(utf8("x")))).toBe("EPIPE");
		expect(await code(shimInput(new Broken()).getReader().read())).toBe("ENOTSUP");
	});
});

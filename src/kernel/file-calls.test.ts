/**
 * The tree as the page calls it: what it refuses and what it shows, for which no worker is needed.
 */
import { expect, test } from "vitest";
import { SuspendingBridge } from "../bridge/suspending.ts";
import { Namespace } from "../fs/namespace.ts";
import { Tmp, TmpDirectory, type TmpFile } from "../fs/tmp.ts";
import { KernelFiles } from "./file-calls.ts";

const GiB = 2 ** 30;
const encode = (content: string) => new TextEncoder().encode(content);

function files() {
	const fs = new Tmp({ now: () => 1_700_000_000_000_000_000n });
	const bridge = new SuspendingBridge(async () => undefined);
	const namespace = new Namespace(fs);
	namespace.absoluteLinks = true;
	return { fs, files: new KernelFiles(bridge, () => namespace) };
}

test("a time that is none is EINVAL, and changes nothing", async () => {
	const { files: tree } = files();
	await tree.writeFile("/f", encode("x"), false);
	await tree.utimes("/f", 1000.5, 2000);
	const before = await tree.stat("/f", true);
	expect([before.atimeMs, before.mtimeMs]).toEqual([1000, 2000]);
	const never = Number(new Date("never"));
	for (const [accessed, modified] of [
		[never, 5],
		[5, never],
		[Number.POSITIVE_INFINITY, 5],
		[5, -1],
		[1e300, 5],
	] as const) {
		await expect(tree.utimes("/f", accessed, modified)).rejects.toMatchObject({
			name: "PortholeError",
			code: "EINVAL",
			message: expect.stringContaining("/f"),
		});
	}
	expect(await tree.stat("/f", true)).toEqual(before);
});

test("a file of more than 2 GiB is not read at once", async () => {
	const { fs, files: tree } = files();
	await tree.writeFile("/large", encode("x"), false);
	const large = fs.root.lookup("large") as TmpFile;
	expect(large.truncate(2 * GiB + 1)).toBe(0);
	await expect(tree.readFile("/large")).rejects.toMatchObject({
		name: "PortholeError",
		code: "EFBIG",
		message: expect.stringContaining("/large"),
	});
	await expect(tree.copyFile("/large", "/copy")).rejects.toMatchObject({
		code: "EFBIG",
		message: expect.stringContaining("copyFile /large"),
	});
});

test("a directory that grows while the page reads it is listed as it was", async () => {
	const { fs, files: tree } = files();
	for (let i = 0; i < 20; i++) await tree.writeFile(`/f${i}`, encode(""), false);
	const reading = tree.readdir("/");
	let made = 0;
	const grows = async () => {
		for (; made < 500; made++) {
			if (fs.root instanceof TmpDirectory) fs.root.create(`new${made}`, "file");
			await Promise.resolve();
		}
	};
	const [entries] = await Promise.all([reading, grows()]);
	expect(made).toBe(500);
	const names = entries.map(({ name }) => name);
	expect(names.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `f${i}`));
	// A few are made before the path has been walked.
	expect(names.length).toBeLessThan(100);
	expect(new Set(names).size).toBe(names.length);
});

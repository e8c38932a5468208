import { expect, test } from "vitest";
import { isWithin, keyOf } from "../store/paths.ts";
import { checkName, checkNewName, codeOf, conflictName, DISK_NAMES, named } from "./names.ts";

test("a path has one key, however it is spelled", () => {
	expect(["/", "", "/a/", "a//b", "/a/b/"].map(keyOf)).toEqual(["", "", "a", "a/b", "a/b"]);
});

test("a path is within itself and whatever lies above, but not within a name that begins alike", () => {
	expect(isWithin("/a/b", "/a")).toBe(true);
	expect(isWithin("/a", "a/")).toBe(true);
	expect(isWithin("/a", "/")).toBe(true);
	expect(isWithin("/ab", "/a")).toBe(false);
	expect(isWithin("/", "/a")).toBe(false);
});

test("names that are ours, or would come back as others, are refused", () => {
	const refused = [".porthole", ".porthole-intent", "\ud800", "a\udc00b", "a\0b"];
	for (const name of refused)
		expect(() => checkName(name)).toThrow(/reserved for Porthole|another name/);
	for (const name of ["__proto__", ".porthole2", "🦀", "ä", "..."]) checkName(name);
});

test("a new name has at most 255 bytes, whatever its letters are", () => {
	for (const name of ["x".repeat(255), "é".repeat(127), "🦀".repeat(63)]) checkNewName(name);
	for (const name of ["x".repeat(256), "é".repeat(128), "🦀".repeat(64), "x".repeat(4096)]) {
		expect(() => checkNewName(name)).toThrow(/255/);
	}
});

test("what a browser throws has a code, and says which call failed on which path", async () => {
	const error = new DOMException("no", "NotAllowedError");
	const failed = named("list", "/d", () => Promise.reject(error));
	await expect(failed).rejects.toMatchObject({ code: "EACCES", cause: error });
	await expect(failed).rejects.toThrow("EACCES: list /d (ask with `requestPermission()`");
	expect(codeOf(new DOMException("", "QuotaExceededError"))).toBe("ENOSPC");
	expect(codeOf("anything")).toBe("EIO");
});

test("the copy of what others have made has a name that the disk can hold", () => {
	const time = new Date("2026-11-22T10:00:00Z");
	expect(conflictName("notes.txt", time, 1)).toBe("notes.conflict-2026-11-22T10-00-00.txt");
	expect(conflictName(".profile", time, 2)).toBe(".profile.conflict-2026-11-22T10-00-00-2");
	const bytes = (name: string) => new TextEncoder().encode(name).length;
	const long = ["x".repeat(248), `${"🦀".repeat(61)}.txt`, `a.${"b".repeat(246)}`, "é".repeat(124)];
	for (const name of long) {
		const kept = conflictName(name, time, 1);
		expect(bytes(kept)).toBeLessThanOrEqual(DISK_NAMES.longest ?? 0);
		expect(bytes(kept)).toBeGreaterThan(240);
		expect(kept.isWellFormed()).toBe(true);
		expect(kept).not.toMatch(DISK_NAMES.refused as RegExp);
	}
	expect(conflictName(long[1] as string, time, 1)).toMatch(/🦀\.conflict-.*\.txt$/u);
	const many = [1, 2, 10, 100].map((count) => conflictName(long[0] as string, time, count));
	expect(new Set(many).size).toBe(4);
});

import { expect, test } from "vitest";
import { openPackage, packDirectory, readPackage, writePackage } from "./index.ts";

const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const files = { read: async () => undefined, list: async () => undefined };
// Types forbid what pages do.
const of = (options: unknown) => options as never;

test.each<[string, () => Promise<unknown>]>([
	[
		"nam is no option of readPackage; did you mean name?",
		() => readPackage(module, of({ nam: 1 })),
	],
	["did you mean verify?", () => readPackage(module, of({ verfy: false }))],
	["quux is no option of readPackage; it has name", () => readPackage(module, of({ quux: 1 }))],
	["constructor is no option", () => readPackage(module, of({ constructor: 1 }))],
	["the options of readPackage are not", () => readPackage(module, of("file.wasm"))],
	["the options of readPackage are not", () => readPackage(module, of(null))],
	["of openPackage; did you mean command?", () => openPackage(module, of({ comand: "x" }))],
	["of caps; did you mean depth?", () => openPackage(module, of({ caps: { dept: 1 } }))],
	["of writePackage; did you mean volumes?", () => writePackage(of({ manifest: {}, volume: 1 }))],
	["of packDirectory; did you mean format?", () => packDirectory(files, of({ fromat: 1 }))],
])("%s", async (message, call) => {
	const error: unknown = await call().then(
		() => "nothing",
		(why) => why,
	);
	expect(error).toMatchObject({ code: "invalid-option" });
	expect(String(error).toLowerCase()).toContain(message.toLowerCase());
});

test("an option that is not set passes", async () => {
	const nothing: unknown = { name: undefined, other: undefined, caps: undefined };
	await expect(readPackage(module, of(nothing))).resolves.toMatchObject({ format: "wasm" });
});

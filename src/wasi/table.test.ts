import { describe, expect, test } from "vitest";
import { adapterModule } from "../bridge/adapter.ts";
import { preview1, preview1Modules, signatures, unwanted } from "./table.ts";
import { forms, paramsOf, Session } from "./transcript.testkit.ts";

const names = signatures.map(({ name }) => name);

describe.each([...preview1Modules])("the module %s", (_name, calls) => {
	const linked = async () => calls(new Session().thread, new Set());

	test("has a function for every call of the table, and no other", async () => {
		const { calls: functions } = await linked();
		expect(Object.keys(functions).sort()).toEqual([...names].sort());
	});

	test("has functions that take what the signature says, or less", async () => {
		const { calls: functions } = await linked();
		for (const { name, params } of signatures) {
			const words = [...params].reduce((sum, kind) => sum + (kind === "I" ? 2 : 1), 0);
			expect(functions[name], name).toBeTypeOf("function");
			expect(functions[name]?.length, name).toBeLessThanOrEqual(words);
		}
	});
});

test("no call is listed twice", () => {
	expect(new Set(names).size).toBe(names.length);
});

test("the table says of each call's parameters what the transcripts say", () => {
	const said = [...forms].map(([name, kinds]) => `${name} ${paramsOf(kinds)}`);
	expect(said).toEqual(signatures.map(({ name, params }) => `${name} ${params}`));
});

test("only proc_exit does not return", () => {
	expect(signatures.filter((s) => s.result === "none").map((s) => s.name)).toEqual(["proc_exit"]);
});

test("two guests share no state", () => {
	const a = preview1(new Session().thread);
	const b = preview1(new Session().thread);
	const own = names.filter((name) => !(name in unwanted));
	for (const name of own) expect(a[name], name).not.toBe(b[name]);
});

test("the adapter of the whole table is valid and has one export per call", () => {
	const bytes = adapterModule(signatures);
	expect(WebAssembly.validate(bytes)).toBe(true);
	const module = new WebAssembly.Module(bytes);
	expect(WebAssembly.Module.exports(module).map((e) => e.name)).toEqual(
		signatures.map((s) => s.name),
	);
	expect(WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`)).toEqual([
		...signatures.map((s) => `call.${s.name}`),
		"bridge.wait",
		"bridge.shouldYield",
	]);
});

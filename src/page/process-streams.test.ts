import { expect, test } from "vitest";
import { bytesOf, InputEnd } from "./process-streams.ts";

/** The page's end of an input, and what it has sent. */
function input() {
	const sent: string[] = [];
	const end = new InputEnd(
		(chunk) => sent.push(new TextDecoder().decode(chunk)),
		(failed) => sent.push(failed ? "(failed)" : "(end)"),
	);
	return { sent, end, writer: (end.stream as WritableStream<unknown>).getWriter() };
}

test("text, buffers and views are taken, as they are when they are written", async () => {
	const { sent, writer } = input();
	const bytes = new TextEncoder().encode("a buffer, a view");
	const shared = new Uint8Array(new SharedArrayBuffer(6));
	shared.set(new TextEncoder().encode("shared"));
	const writes = [
		writer.write("text: ü"),
		writer.write(bytes.buffer),
		writer.write(new DataView(bytes.buffer, 10)),
		writer.write(bytes.subarray(2, 8)),
		writer.write(shared),
		writer.write(new Uint8Array(0)),
	];
	await Promise.all(writes);
	await writer.close();
	expect(sent).toEqual(["text: ü", "a buffer, a view", "a view", "buffer", "shared", "", "(end)"]);
});

const given = new Uint8Array(8);
structuredClone(given, { transfer: [given.buffer] });

for (const [name, chunk] of [
	["a number", 7],
	["an object", { byteLength: -1 }],
	[
		"an object that throws",
		new Proxy(
			{},
			{
				get: () => {
					throw new Error("no");
				},
			},
		),
	],
	["a list of numbers", [1, 2, 3]],
	["nothing", undefined],
	["null", null],
	["a symbol", Symbol("x")],
	["a buffer that was given away", given.buffer],
	["a view of one", given],
] as const) {
	test(`${name} is refused, and the guest hears that its input has failed`, async () => {
		const { sent, writer } = input();
		await writer.write("before");
		await expect(writer.write(chunk)).rejects.toMatchObject({ code: "invalid-option" });
		await expect(writer.write("after")).rejects.toMatchObject({ code: "invalid-option" });
		expect(sent).toEqual(["before", "(failed)"]);
		expect(bytesOf(chunk)).toBeUndefined();
	});
}

test("a writer waits while the guest is behind, whatever it writes", async () => {
	for (const chunk of ["x".repeat(70_000), new Uint8Array(70_000), new ArrayBuffer(70_000)]) {
		const { sent, end, writer } = input();
		let done = false;
		const written = writer.write(chunk).then(() => {
			done = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 0));
		expect([sent.length, done, writer.desiredSize]).toEqual([1, false, 65536 - 70_000]);
		end.taken(70_000);
		await written;
	}
});

import { expect, test } from "vitest";
import type { ToGuest } from "../protocol/sandbox.ts";
import { Attachment } from "./attach-streams.ts";
import type { CommandOptions } from "./options.ts";
import { ProcessEnd } from "./process-handle.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const utf8 = new TextEncoder();

/** A stream of chunks, also of those that no type allows. */
function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array> {
	return new ReadableStream({
		start(controller) {
			for (const chunk of chunks) controller.enqueue(chunk as Uint8Array);
			controller.close();
		},
	});
}

/** A process with these options, what its guest was told, and what the page was. */
async function started(options: CommandOptions, given = false) {
	const told: string[] = [];
	const warnings: string[] = [];
	const tell = (message: ToGuest) => {
		const { kind } = message;
		if (kind === "stdin") {
			told.push(new TextDecoder().decode(message.chunk));
			process.receive({ from: 7, kind: "taken", bytes: message.chunk.length });
		} else if (kind === "end") told.push(message.failed ? "(failed)" : "(end)");
		else if (kind === "hangup") told.push(`(hangup ${message.fd})`);
	};
	const process = new ProcessEnd(7, ["stream", "stream"], tell, () => {});
	const attachment = await Attachment.take(options);
	const attached = attachment.attach(process, given, (message) => warnings.push(message));
	process.waitFor(attached);
	const print = (words: string, fd: 1 | 2 = 1) =>
		process.receive({ from: 7, kind: "output", fd, chunk: utf8.encode(words) });
	const exit = () => process.receive({ from: 7, kind: "exit", status: { code: 0 } });
	return { process, told, warnings, print, exit };
}

test("a stream of text, buffers or views is the input", async () => {
	const { told } = await started({
		stdin: streamOf("text ", utf8.encode("bytes "), utf8.encode("a buffer").buffer),
	});
	await turn();
	expect(told).toEqual(["text ", "bytes ", "a buffer", "(end)"]);
});

test.each([Symbol("odd"), Object.create(null), undefined])(
	"a source that fails for a reason without text is told at both ends",
	async (reason) => {
		const stdin = new ReadableStream<Uint8Array>({
			start: (controller) => controller.error(reason),
		});
		const { told, warnings } = await started({ stdin });
		await turn();
		expect(told).toEqual(["(failed)"]);
		expect(warnings).toEqual([expect.stringContaining("input of process 7 failed")]);
	},
);

test("a chunk that is no bytes, or a source that fails, is told at both ends", async () => {
	const strange = await started({ stdin: streamOf("half", 7, "rest") });
	const stdin = new ReadableStream<Uint8Array>({
		pull: () => Promise.reject(new Error("the line is dead")),
	});
	const dead = await started({ stdin });
	await turn();
	expect(strange.told).toEqual(["half", "(failed)"]);
	expect(strange.warnings).toEqual([
		expect.stringMatching(/input of process 7 failed.*stdin takes/),
	]);
	expect(dead.told).toEqual(["(failed)"]);
	expect(dead.warnings).toEqual([expect.stringContaining("the line is dead")]);
});

test("a source that has more than the guest wants is cancelled", async () => {
	let why: unknown = "not cancelled";
	const stdin = new ReadableStream<Uint8Array>({
		cancel: (reason) => {
			why = reason;
		},
	});
	const { exit, warnings } = await started({ stdin });
	exit();
	await turn();
	expect([why, warnings]).toEqual([undefined, []]);
});

test("a stream that is read or written elsewhere, or used up, is refused before the start", async () => {
	const locked = streamOf("x");
	locked.getReader();
	const used = streamOf("x");
	for await (const _ of used);
	const eaten = new Response("x");
	await eaten.text();
	const cancelled = streamOf("x");
	await cancelled.cancel();
	for (const stdin of [locked, used, eaten.body as ReadableStream<Uint8Array>, cancelled]) {
		const take = Attachment.take({ stdin });
		await expect(take).rejects.toMatchObject({ code: "invalid-option" });
		await expect(take).rejects.toThrow(/^stdin is a stream that/);
	}
	const output = new WritableStream<Uint8Array>();
	const writer = output.getWriter();
	for (const name of ["stdout", "stderr"]) {
		const take = Attachment.take({ [name]: output });
		await expect(take).rejects.toMatchObject({ code: "invalid-option" });
		await expect(take).rejects.toThrow(new RegExp(`^${name} is a stream that`));
	}
	writer.releaseLock();
});

test("the rest of a stream whose beginning was read is the input, and so is an empty stream", async () => {
	const stream = streamOf("head", "rest");
	const reader = stream.getReader();
	await reader.read();
	reader.releaseLock();
	const { told } = await started({ stdin: stream });
	const empty = await started({ stdin: streamOf() });
	await turn();
	expect(told).toEqual(["rest", "(end)"]);
	expect(empty.told).toEqual(["(end)"]);
});

test("a refusal gives back what was taken before", async () => {
	const stdout = new WritableStream<Uint8Array>();
	const stdin = streamOf("x");
	stdin.getReader();
	await expect(Attachment.take({ stdin, stdout })).rejects.toThrow();
	expect(stdout.locked).toBe(false);
	const fresh = streamOf("x");
	(await Attachment.take({ stdin: fresh, stdout })).drop();
	expect([stdout.locked, fresh.locked]).toEqual([false, false]);
});

test("one stream takes the output of several processes, and is free after the last", async () => {
	let all = "";
	const stdout = new WritableStream<Uint8Array>({
		async write(chunk) {
			await turn();
			all += new TextDecoder().decode(chunk);
		},
	});
	const one = await started({ stdout, stderr: stdout });
	const two = await started({ stdout });
	one.print("a");
	two.print("b");
	one.print("c", 2);
	one.exit();
	await one.process.status;
	expect(stdout.locked).toBe(true);
	two.print("d");
	two.exit();
	await two.process.status;
	expect([...all].sort().join("")).toBe("abcd");
	expect(stdout.locked).toBe(false);
});

test("a stream of the page's that fails is told at both ends, also while the guest prints nothing", async () => {
	let fail = (_: Error) => {};
	const stdout = new WritableStream<Uint8Array>({
		start: (controller) => {
			fail = (why) => controller.error(why);
		},
	});
	const quiet = await started({ stdout });
	await turn();
	fail(new Error("unplugged"));
	await turn();
	expect(quiet.told).toEqual(["(hangup 1)"]);
	expect(quiet.warnings).toEqual([
		expect.stringMatching(/standard output of process 7.*unplugged/),
	]);

	const stderr = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("full")) });
	const loud = await started({ stderr });
	loud.print("x", 2);
	await turn();
	expect(loud.told).toEqual(["(hangup 2)"]);
	expect(loud.warnings).toEqual([expect.stringMatching(/standard error of process 7.*full/)]);
	loud.exit();
	expect(await loud.process.status).toMatchObject({ code: 0 });
});

test("a status waits for a stream of the page's, unless it is released", async () => {
	const stdout = new WritableStream<Uint8Array>({ write: () => new Promise(() => {}) });
	const { process, print, exit } = await started({ stdout });
	let over = false;
	void process.status.then(() => {
		over = true;
	});
	print("x");
	exit();
	await turn();
	expect(over).toBe(false);
	process.release();
	expect(await process.status).toMatchObject({ code: 0 });
});

test("text and bytes are the input, unless the guest was started with them", async () => {
	const text = await started({ stdin: "text" });
	const given = await started({ stdin: "text" }, true);
	await turn();
	expect(text.told).toEqual(["text", "(end)"]);
	expect(given.told).toEqual(["(end)"]);
});

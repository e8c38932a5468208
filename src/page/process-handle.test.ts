import { expect, test } from "vitest";
import type { ToGuest } from "../protocol/sandbox.ts";
import { ProcessEnd } from "./process-handle.ts";

/** A process, what it was sent, and the signals for which somebody watches it. */
function started(terminal: boolean) {
	const sent: ToGuest[] = [];
	const watched: string[] = [];
	const process = new ProcessEnd(
		7,
		["stream", "stream"],
		(message) => sent.push(message),
		({ lastKill }) => watched.push(`${lastKill?.signal} ${lastKill?.code}`),
		terminal,
	);
	const writer = process.stdin.getWriter();
	const type = (text: string) => writer.write(new TextEncoder().encode(text));
	return { process, sent, watched, type };
}

test("keys that may interrupt are urgent in a terminal, and the guest is watched", async () => {
	const { sent, watched, type } = started(true);
	await type("abc");
	await type("d\x03");
	await type("\x1c");
	expect(watched).toEqual(["SIGINT 130", "SIGQUIT 131"]);
	expect(sent.map((message) => message.kind === "stdin" && message.urgent)).toEqual([
		false,
		true,
		true,
	]);
});

test("where keys send no signals they are bytes, and nobody watches, until they do again", async () => {
	const { process, sent, watched, type } = started(true);
	process.receive({ from: 7, kind: "keys", signals: false });
	await type("\x03");
	expect(watched).toEqual([]);
	expect(sent).toMatchObject([{ kind: "stdin", urgent: false }]);
	process.receive({ from: 7, kind: "keys", signals: true });
	await type("\x03");
	expect(watched).toEqual(["SIGINT 130"]);
});

test("in a pipe they are bytes", async () => {
	const { sent, watched, type } = started(false);
	await type("\x03");
	expect(watched).toEqual([]);
	expect(sent).toMatchObject([{ kind: "stdin", urgent: false }]);
});

test("`acknowledged` resolves when the guest answers, or ends", async () => {
	const { process, type } = started(true);
	const order: string[] = [];
	await type("\x03");
	const first = process.acknowledged().then(() => order.push("first"));
	process.receive({ from: 7, kind: "acknowledged" });
	await first;
	const second = process.acknowledged().then(() => order.push("second"));
	order.push("between");
	process.receive({ from: 7, kind: "exit", status: { code: 130, signal: "SIGINT" } });
	await second;
	expect(order).toEqual(["first", "between", "second"]);
	expect(await process.status).toEqual({
		success: false,
		code: 130,
		signal: "SIGINT",
		reason: "terminal",
	});
});

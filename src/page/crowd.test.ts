import { expect, test } from "vitest";
import { PortholeError } from "../abi/error.ts";
import { inTurn } from "./crowd.ts";

const full = () => new PortholeError("out-of-memory", "no memory is left");

test("of a crowd one asks, and where it is refused for want of memory, the others are too, unasked", async () => {
	const sandbox = {};
	let asked = 0;
	const ask = async () => {
		asked += 1;
		if (asked > 2) throw full();
		return asked;
	};
	const answers = await Promise.allSettled(
		Array.from({ length: 1000 }, () => inTurn(sandbox, ask)),
	);
	expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
	expect(asked).toBe(3);
	// The next one asks again, and another sandbox does not wait.
	await expect(inTurn(sandbox, ask)).rejects.toMatchObject({ code: "out-of-memory" });
	expect(asked).toBe(4);
});

test("of a crowd each asks, one after another, where the one ahead fails for another reason", async () => {
	let asking = 0;
	const ask = async (i: number) => {
		asking += 1;
		expect(asking).toBe(1);
		await null;
		asking -= 1;
		if (i % 2 === 0) throw new PortholeError("missing-command", "there is none");
		return i;
	};
	const sandbox = {};
	const answers = await Promise.allSettled(
		Array.from({ length: 10 }, (_, i) => inTurn(sandbox, () => ask(i))),
	);
	expect(answers.map(({ status }) => status === "fulfilled")).toEqual(
		Array.from({ length: 10 }, (_, i) => i % 2 === 1),
	);
});

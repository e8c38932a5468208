/**
 * The examples of the README run, and print what the comments behind their lines say.
 */
import { readFileSync } from "node:fs";
import { expect, fresh as test } from "./library.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");

/** The example as the body of a function: the library is a global of the page. */
function asBody(example: string): string {
	return example.replace(/import (\{[^}]*\}) from "porthole";/, "const $1 = porthole;");
}

/** What the comments promise, a line each. */
function promised(example: string): string[] {
	return [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1] ?? "");
}

test("there are examples", () => {
	expect(examples.length).toBeGreaterThan(0);
});

examples.forEach((example, index) => {
	test(`example ${index + 1} of the README prints what it says`, async ({ page }) => {
		const printed: string[] = [];
		page.on("console", (message) => {
			if (message.type() === "log") printed.push(message.text().trim());
		});
		await page.evaluate(`(async () => {${asBody(example)}})()`);
		for (const line of promised(example)) expect(printed).toContain(line);
	});
});

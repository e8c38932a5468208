import { expect, test } from "vitest";
import { nearAttribute } from "./near-attribute.ts";

const names = ["src", "command", "args", "label"];

test.each([
	["arg", "args"],
	["commands", "command"],
	["comand", "command"],
	["commnad", "command"],
	["cmmand", "command"],
	["labels", "label"],
	["srcc", "src"],
	["scr", "src"],
	["lable", "label"],
	["cammand", "command"],
])("%s means %s", (written, right) => {
	expect(nearAttribute(written, names)).toBe(right);
});

test("what every element may have, and what is right, means nothing else", () => {
	const others =
		"class id style slot part lang dir title hidden is key ref role tabindex translate inert nonce " +
		"popover autofocus draggable spellcheck itemid itemref inputmode accesskey xmlns as s a l";
	for (const name of [
		...names,
		...others.split(" "),
		"data-src",
		"aria-label",
		"v-args",
		"@start",
	]) {
		expect(nearAttribute(name, names), name).toBeUndefined();
	}
});

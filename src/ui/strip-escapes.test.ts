import { expect, test } from "vitest";
import { PlainText } from "./strip-escapes.ts";

const whole = (text: string) => new PlainText().take(text);

test("colours, titles and short sequences go, text stays", () => {
	expect(whole("a\x1b[1;31mred\x1b[0m b")).toBe("ared b");
	expect(whole("\x1b]0;title\x07x\x1b]8;;u\x1b\\y")).toBe("xy");
	expect(whole("\x1b(B\x1b7\x1b=z [1m")).toBe("z [1m");
});

test("a sequence that is cut anywhere is still one", () => {
	const text = "1\x1b[38;5;10m2\x1b]0;t\x1b\\3\x1b[K4\x1b(B5";
	for (let at = 0; at <= text.length; at++) {
		const plain = new PlainText();
		expect(plain.take(text.slice(0, at)) + plain.take(text.slice(at))).toBe("12345");
	}
});

test("what never ends is not kept for ever", () => {
	const plain = new PlainText();
	let shown = "";
	for (let n = 0; n < 10; n++) shown += plain.take(n === 0 ? "\x1b]" : "x".repeat(100));
	expect(shown.length).toBeGreaterThan(500);
});

import { expect, test } from "vitest";
import { bytesFor, bytesOf, hostOf, INET4, INET6 } from "./address.ts";

test("addresses are spelled in one way, whatever they are read from", () => {
	const spelled: readonly (readonly [from: string, to: string])[] = [
		["127.0.0.1", "127.0.0.1"],
		["0.0.0.0", "0.0.0.0"],
		["::", "::"],
		["::1", "::1"],
		["0:0:0:0:0:0:0:1", "::1"],
		["1::", "1::"],
		["fe80::1:0:0:2", "fe80::1:0:0:2"],
		["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
		["FE80:0:0::A", "fe80::a"],
		["0:0:0:0:0:ffff:7f00:1", "127.0.0.1"],
	];
	for (const [from, to] of spelled) {
		const bytes = bytesOf(from);
		expect(bytes && hostOf(bytes), from).toBe(to);
	}
});

test("what is no address is none", () => {
	for (const text of [
		"",
		"1",
		"1.2.3",
		"1.2.3.256",
		"1.2.3.4.5",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::8",
		"12345::",
		"g::",
		"localhost",
	]) {
		expect(bytesOf(text), text).toBeNull();
	}
});

test("a socket of IPv6 is told of an address of IPv4 within IPv6", () => {
	expect([...bytesFor(INET4, "127.0.0.1")]).toEqual([127, 0, 0, 1]);
	expect([...bytesFor(INET6, "127.0.0.1")]).toEqual([...Array(10).fill(0), 255, 255, 127, 0, 0, 1]);
});

import { expect, test } from "vitest";
import { isFor, isPersonal, keyFor, variedOf } from "./personal.ts";

const HERE = "https://host.example";
const ASKED = `${HERE}/p.webc`;
const ELSEWHERE = "https://cdn.example/p.webc";

const request = (headers: Record<string, string> = {}, url = ASKED, init: RequestInit = {}) =>
	new Request(url, { ...init, headers });
const varied = (headers: Record<string, string>, asked = request()) =>
	variedOf(new Response("", { headers }), asked, HERE);

test.each([
	"Authorization",
	"Proxy-Authorization",
	"X-Api-Key",
	"PRIVATE-TOKEN",
	"X-Auth",
	"X-User-Id",
])("a request with %s says who asks", (name) => {
	expect(isPersonal(request({ [name]: "x" }), HERE)).toBe(true);
});

test("what all requests of a page have alike says nothing of who asks", () => {
	const alike = { Accept: "*/*", Range: "bytes=0-9", Referer: "x", "Accept-Language": "de" };
	expect(isPersonal(request(alike), HERE)).toBe(false);
	expect(isPersonal(request(alike, ELSEWHERE), HERE)).toBe(false);
	expect(isPersonal(request({ "X-Tenant": "1" }), HERE)).toBe(false);
	// Whether the answer varies by it cannot be seen.
	expect(isPersonal(request({ "X-Tenant": "1" }, ELSEWHERE), HERE)).toBe(true);
});

test.each([
	{ "Cache-Control": "no-store" },
	{ "Cache-Control": "max-age=60, PRIVATE" },
	{ "Cache-Control": 'private="set-cookie", max-age=1' },
	{ Vary: "*" },
	{ Vary: "Accept-Encoding, Cookie" },
])("an answer with %o is not kept", (headers: Record<string, string>) => {
	expect(varied(headers)).toBe(null);
});

test("an answer is for the requests that have what it varies by as the first had it", () => {
	expect(varied({})).toEqual([]);
	expect(varied({ "Cache-Control": "no-cache", Vary: "Origin, Accept-Encoding, Range" })).toEqual(
		[],
	);
	const plain = varied({ Vary: "Accept, X-Tenant" }, request({ Accept: "application/wasm" }));
	expect(plain).toEqual([
		["accept", "application/wasm"],
		["x-tenant", null],
	]);
	expect(isFor(plain ?? [], request({ Accept: "application/wasm" }))).toBe(true);
	expect(isFor(plain ?? [], request({ Accept: "*/*" }))).toBe(false);
	expect(isFor(plain ?? [], request({ Accept: "application/wasm", "X-Tenant": "1" }))).toBe(false);
	expect(varied({ Vary: "X-Tenant" }, request({ "X-Tenant": "1" }))).toBe(null);
});

test("with cookies for another origin, an answer is kept where it is for everybody", () => {
	const asked = request({}, ELSEWHERE, { credentials: "include" });
	expect(varied({}, asked)).toBe(null);
	expect(varied({ "Cache-Control": "public, max-age=60" }, asked)).toEqual([]);
	expect(varied({}, request({}, ELSEWHERE))).toEqual([]);
});

test("what was asked for without cookies is kept apart", () => {
	const key = (url: string, credentials: RequestCredentials) =>
		keyFor(url, request({}, url, { credentials }), HERE);
	expect(key(ASKED, "same-origin")).toBe(ASKED);
	expect(key(ASKED, "include")).toBe(ASKED);
	expect(key(ASKED, "omit")).not.toBe(ASKED);
	expect(key(ELSEWHERE, "omit")).toBe(ELSEWHERE);
});

import { expect, test } from "vitest";
import { EBADF, ENOTSOCK, ENOTSUP } from "../abi/errno.ts";
import { preview1, signatures } from "./table.ts";
import { Session } from "./transcript.testkit.ts";
import { wasmEdgeTable } from "./wasmedge.ts";

function extended() {
	const { thread } = new Session();
	return wasmEdgeTable({ signatures, calls: preview1(thread) }, thread);
}

test("each call of the extension has a function, and each function is a call", () => {
	const table = extended();
	expect(Object.keys(table.calls).sort()).toEqual(table.signatures.map(({ name }) => name).sort());
});

test("sock_accept takes two parameters there, and is listed once", () => {
	const found = extended().signatures.filter(({ name }) => name === "sock_accept");
	expect(found.map(({ params }) => params)).toEqual(["ii"]);
});

test("all programs share one list of signatures", () => {
	expect(extended().signatures).toBe(extended().signatures);
});

test("there are no sockets, and what is none says so", () => {
	const { calls } = extended();
	expect(calls.sock_open?.(1, 1, 0)).toBe(ENOTSUP);
	expect(calls.sock_bind?.(1, 0, 0)).toBe(ENOTSOCK);
	expect(calls.sock_bind?.(99, 0, 0)).toBe(EBADF);
});

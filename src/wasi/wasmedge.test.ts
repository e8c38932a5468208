import { expect, test } from "vitest";
import { EBADF, ENOTSOCK, ENOTSUP } from "../abi/errno.ts";
import { preview1 } from "./table.ts";
import { Session } from "./transcript.testkit.ts";
import { wasmEdgeCalls, wasmEdgeSignatures } from "./wasmedge.ts";

test("each call of the extension has a function, and each function is a call", () => {
	const { guest } = new Session();
	const functions = Object.keys({ ...preview1(guest), ...wasmEdgeCalls(guest) });
	expect(functions.sort()).toEqual(wasmEdgeSignatures.map(({ name }) => name).sort());
});

test("sock_accept takes two parameters there, and is listed once", () => {
	const found = wasmEdgeSignatures.filter(({ name }) => name === "sock_accept");
	expect(found.map(({ params }) => params)).toEqual(["ii"]);
});

test("there are no sockets, and what is none says so", () => {
	const { guest } = new Session();
	const calls = wasmEdgeCalls(guest);
	expect(calls.sock_open?.(1, 1, 0)).toBe(ENOTSUP);
	expect(calls.sock_bind?.(1, 0, 0)).toBe(ENOTSOCK);
	expect(calls.sock_bind?.(99, 0, 0)).toBe(EBADF);
});

/**
 * What WasmEdge adds to preview1 under its name: sockets. A program built for it links, and learns
 * that there are none when it asks for one. Loaded late, for the few programs that import them.
 */
import { ENOTSUP } from "../abi/errno.ts";
import type { Signature } from "../bridge/adapter.ts";
import type { Guest } from "./guest.ts";
import { refusal } from "./sock.ts";
import { type Calls, signatures } from "./table.ts";

const rows: readonly (readonly [name: string, params: string])[] = [
	["sock_open", "iii"],
	["sock_bind", "iii"],
	["sock_listen", "ii"],
	["sock_connect", "iii"],
	// Not what preview1 calls so: without flags.
	["sock_accept", "ii"],
	["sock_setsockopt", "iiiii"],
	["sock_getlocaladdr", "iiii"],
	["sock_getpeeraddr", "iiii"],
	["sock_getaddrinfo", "iiiiiiii"],
];

/** Preview1 as WasmEdge has it. */
export const wasmEdgeSignatures: readonly Signature[] = [
	...signatures.filter(({ name }) => name !== "sock_accept"),
	...rows.map(([name, params]) => ({ name, params, result: "errno" }) as const),
];

export function wasmEdgeCalls(guest: Guest): Calls {
	const refuse = (fd: number) => refusal(guest, fd);
	return {
		sock_open: () => ENOTSUP,
		sock_bind: refuse,
		sock_listen: refuse,
		sock_connect: refuse,
		sock_setsockopt: refuse,
		sock_getlocaladdr: refuse,
		sock_getpeeraddr: refuse,
		sock_getaddrinfo: () => ENOTSUP,
	};
}

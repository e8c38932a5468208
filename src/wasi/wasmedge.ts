/**
 * What WasmEdge adds to preview1 under its name: sockets. A program built for it links, and learns
 * that there are none when it asks for one. Loaded late, for the few programs that import them.
 */
import { ENOTSUP } from "../abi/errno.ts";
import { WASMEDGE } from "../abi/wasmedge.ts";
import type { Signature } from "../bridge/adapter.ts";
import type { Guest } from "./guest.ts";
import { refusal } from "./sock.ts";
import { type Calls, signatures } from "./table.ts";

/** Preview1 as WasmEdge has it. */
export const wasmEdgeSignatures: readonly Signature[] = [
	...signatures.filter(({ name }) => name !== "sock_accept"),
	...WASMEDGE.map(([name, params]) => ({ name, params, result: "errno" }) as const),
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

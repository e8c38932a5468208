/**
 * What WasmEdge adds to preview1 under its name: sockets. A program built for it links, and learns
 * that there are none when it asks for one. Loaded late, for the few programs that import them.
 */
import { ENOTSUP } from "../abi/errno.ts";
import { WASMEDGE } from "../abi/wasmedge.ts";
import type { Signature } from "../bridge/adapter.ts";
import type { CallTable } from "../process/instantiate.ts";
import type { Thread } from "../process/thread.ts";
import { refusal } from "./sock.ts";

/** Made once: adapters are kept by the list they are for. */
let extended: readonly Signature[] | undefined;

/** The table of preview1 as WasmEdge has it. */
export function wasmEdgeTable({ signatures, calls }: CallTable, thread: Thread): CallTable {
	const refuse = (fd: number) => refusal(thread, fd);
	extended ??= [
		...signatures.filter(({ name }) => name !== "sock_accept"),
		...WASMEDGE.map(([name, params]) => ({ name, params, result: "errno" }) as const),
	];
	return {
		signatures: extended,
		calls: {
			...calls,
			sock_open: () => ENOTSUP,
			sock_bind: refuse,
			sock_listen: refuse,
			sock_connect: refuse,
			sock_setsockopt: refuse,
			sock_getlocaladdr: refuse,
			sock_getpeeraddr: refuse,
			sock_getaddrinfo: () => ENOTSUP,
		},
	};
}

/**
 * The calls that WasmEdge adds to preview1 under its name, as in `preview1.ts`: sockets.
 */
export const WASMEDGE: readonly (readonly [name: string, params: string])[] = [
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

/**
 * Sockets. Preview1 can only use sockets that it was given, and a page gives none; so these calls
 * say precisely why a descriptor cannot do what is asked.
 */
import { type Done, EBADF, ENOTSOCK } from "../abi/errno.ts";
import type { Guest } from "./guest.ts";

/** Why the descriptor `fd` is no socket. */
export function refusal(guest: Guest, fd: number): Done {
	const file = guest.descriptors.get(fd >>> 0);
	return file === undefined || file.node.type === "directory" ? EBADF : ENOTSOCK;
}

export function sockCalls(guest: Guest) {
	const refuse = (fd: number) => refusal(guest, fd);
	return {
		sock_accept: refuse,
		sock_recv: refuse,
		sock_send: refuse,
		sock_shutdown: refuse,
	};
}

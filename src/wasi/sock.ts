/**
 * Sockets. Preview1 can only use sockets that it was given, and a page gives none; so these calls
 * say precisely why a descriptor cannot do what is asked.
 */
import { type Done, EBADF, ENOTSOCK } from "../abi/errno.ts";
import type { Thread } from "../process/thread.ts";

/** Why the descriptor `fd` is no socket. */
export function refusal(thread: Thread, fd: number): Done {
	const file = thread.process.descriptors.get(fd >>> 0);
	return file === undefined || file.node.type === "directory" ? EBADF : ENOTSOCK;
}

export function sockCalls(thread: Thread) {
	const refuse = (fd: number) => refusal(thread, fd);
	return {
		sock_accept: refuse,
		sock_recv: refuse,
		sock_send: refuse,
		sock_shutdown: refuse,
	};
}

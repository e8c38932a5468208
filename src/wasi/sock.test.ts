import { test } from "vitest";
import { transcript } from "./transcript.testkit.ts";

test("there are no sockets, and each call says what the descriptor is instead", () => {
	transcript(
		`
		path_open 3 0 "f"      = 4
		sock_accept 4 0        = ENOTSOCK
		sock_accept 3 0        = EBADF
		sock_accept 9 0        = EBADF
		sock_accept -1 0       = EBADF
		sock_recv 0 9 @0       = ENOTSOCK
		sock_recv 9 9 @0       = EBADF
		sock_send 1 "x" 0      = ENOTSOCK
		sock_send 9 "x" 0      = EBADF
		sock_shutdown 4 0      = ENOTSOCK
		sock_shutdown 9 0      = EBADF
		`,
		{ files: { f: "" } },
	);
});

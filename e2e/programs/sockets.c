/* sock_*: nothing here is a socket, and each call says so. */
#include "transcript.h"

int main(void)
{
	__wasi_fd_t dir = scratch("sockets"), fd, file;
	__wasi_size_t n;
	__wasi_roflags_t flags;
	uint8_t byte = 0;
	__wasi_iovec_t in = { &byte, 1 };
	__wasi_ciovec_t out = { &byte, 1 };

	make(dir, "f", "");
	file = opened(dir, "f");
	PART("a stream");
	DO(sock_accept, 1, 0, &fd);
	DO(sock_recv, 1, &in, 1, 0, &n, &flags);
	DO(sock_send, 1, &out, 1, 0, &n);
	DO(sock_shutdown, 1, __WASI_SDFLAGS_RD);
	PART("a file");
	DO(sock_accept, file, 0, &fd);
	DO(sock_recv, file, &in, 1, 0, &n, &flags);
	DO(sock_send, file, &out, 1, 0, &n);
	DO(sock_shutdown, file, __WASI_SDFLAGS_WR);
	PART("no descriptor");
	DO(sock_accept, 99, 0, &fd);
	DO(sock_recv, 99, &in, 1, 0, &n, &flags);
	DO(sock_send, 99, &out, 1, 0, &n);
	DO(sock_shutdown, 99, __WASI_SDFLAGS_RD);
	return 0;
}

/*
 * Sockets of WASIX, by their own calls: a server and a client beside it, and what a program can do with sockets alone.
 *
 *     networking serve PORT        answers each connection with what came, in capitals; two at a time, by polling
 *     networking ask PORT TEXT     sends TEXT, and prints the answer
 *     networking reach NAME PORT   asks what the first address of a name answers to "hello"
 *     networking flood PORT        sends to who connects first, until nothing takes it
 *     networking alone             datagrams, pairs, errors
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

#define CALL(name) __attribute__((import_module("wasix_32v1"), import_name(#name))) int32_t name

CALL(sock_open)(int32_t, int32_t, int32_t, int32_t *);
CALL(sock_pair)(int32_t, int32_t, int32_t, int32_t *, int32_t *);
CALL(sock_bind)(int32_t, const void *);
CALL(sock_listen)(int32_t, int32_t);
CALL(sock_accept_v2)(int32_t, int32_t, int32_t *, void *);
CALL(sock_connect)(int32_t, const void *);
CALL(sock_recv)(int32_t, const void *, int32_t, int32_t, int32_t *, uint16_t *);
CALL(sock_recv_from)(int32_t, const void *, int32_t, int32_t, int32_t *, uint16_t *, void *);
CALL(sock_send)(int32_t, const void *, int32_t, int32_t, int32_t *);
CALL(sock_send_to)(int32_t, const void *, int32_t, int32_t, const void *, int32_t *);
CALL(sock_shutdown)(int32_t, int32_t);
CALL(sock_addr_local)(int32_t, void *);
CALL(resolve)(const char *, int32_t, int32_t, void *, int32_t, int32_t *);

#define INET4 1
#define STREAM 1
#define DATAGRAM 2
#define NONBLOCK 4
#define CONNECTIONS 8

struct address {
	uint8_t family, pad;
	uint16_t port;
	uint8_t bytes[16];
};

struct vector {
	void *at;
	uint32_t length;
};

static struct address here(int port)
{
	return (struct address){INET4, 0, (uint16_t)port, {127, 0, 0, 1}};
}

static void expect(const char *what, int error)
{
	if (error == 0) return;
	printf("%s: %d\n", what, error);
	exit(1);
}

static int opened(int type)
{
	int32_t fd = -1;
	expect("open", sock_open(INET4, type, 0, &fd));
	return fd;
}

static int listening(int port)
{
	struct address any = {INET4, 0, (uint16_t)port, {0}};
	int fd = opened(STREAM);
	expect("bind", sock_bind(fd, &any));
	expect("listen", sock_listen(fd, 4));
	return fd;
}

static int received(int fd, char *to, int room)
{
	struct vector vector = {to, (uint32_t)room};
	int32_t count = 0;
	uint16_t flags;
	int error = sock_recv(fd, &vector, 1, 0, &count, &flags);
	return error == 0 ? count : -error;
}

static int sent(int fd, const char *from, int length)
{
	struct vector vector = {(void *)from, (uint32_t)length};
	int32_t count = 0;
	int error = sock_send(fd, &vector, 1, 0, &count);
	return error == 0 ? count : -error;
}

/* Waits for the listener and all connections at once. */
static void serve(int port)
{
	int fds[CONNECTIONS + 1] = {listening(port)};
	int count = 1;
	char bytes[4096];
	printf("listening\n");
	fflush(stdout);
	for (;;) {
		__wasi_subscription_t wanted[CONNECTIONS + 1];
		__wasi_event_t events[CONNECTIONS + 1];
		__wasi_size_t happened = 0;
		memset(wanted, 0, sizeof wanted);
		for (int i = 0; i < count; i++) {
			wanted[i].userdata = (uint64_t)i;
			wanted[i].u.tag = __WASI_EVENTTYPE_FD_READ;
			wanted[i].u.u.fd_read.file_descriptor = fds[i];
		}
		expect("poll", __wasi_poll_oneoff(wanted, events, count, &happened));
		for (__wasi_size_t e = happened; e-- > 0;) {
			int i = (int)events[e].userdata;
			if (i == 0) {
				struct address peer;
				int32_t fd;
				if (count > CONNECTIONS) continue;
				expect("accept", sock_accept_v2(fds[0], NONBLOCK, &fd, &peer));
				fds[count++] = fd;
				continue;
			}
			int n = received(fds[i], bytes, sizeof bytes);
			for (int at = 0; at < n; at++)
				if (bytes[at] >= 'a' && bytes[at] <= 'z') bytes[at] -= 32;
			for (int at = 0; at < n;) {
				int taken = sent(fds[i], bytes + at, n - at);
				if (taken > 0) at += taken;
				else if (taken != -__WASI_ERRNO_AGAIN) break;
			}
			if (n > 0 || n == -__WASI_ERRNO_AGAIN) continue;
			close(fds[i]);
			fds[i] = fds[--count];
		}
	}
}

static void answered(int fd)
{
	char bytes[256];
	for (;;) {
		int n = (int)read(fd, bytes, sizeof bytes);
		if (n <= 0) break;
		fwrite(bytes, 1, (size_t)n, stdout);
	}
	printf("\n");
}

static void ask(int port, const char *text)
{
	struct address there = here(port);
	int fd = opened(STREAM);
	int error = sock_connect(fd, &there);
	if (error != 0) {
		printf("refused: %d\n", error);
		exit(2);
	}
	/* `write` and `read` do as well. */
	write(fd, text, strlen(text));
	sock_shutdown(fd, 2);
	answered(fd);
}

static void reach(const char *name, int port)
{
	uint8_t found[4][18];
	int32_t names = 0;
	int fd = opened(STREAM);
	struct address there = here(port);
	expect("resolve", resolve(name, (int32_t)strlen(name), port, found, 4, &names));
	memcpy(there.bytes, &found[0][2], 4);
	expect("connect", sock_connect(fd, &there));
	sent(fd, "hello", 5);
	sock_shutdown(fd, 2);
	answered(fd);
}

static void flood(int port)
{
	static char bytes[65536];
	long total = 0;
	int32_t fd;
	struct address peer;
	int listener = listening(port);
	expect("accept", sock_accept_v2(listener, 0, &fd, &peer));
	for (;;) {
		int n = sent(fd, bytes, sizeof bytes);
		if (n <= 0) {
			printf("ended: %d\n", -n);
			return;
		}
		total += n;
		if (total % (1 << 18) == 0) {
			printf("%ld\n", total);
			fflush(stdout);
		}
	}
}

static void alone(void)
{
	struct address own, from;
	char bytes[64];
	struct vector vector = {bytes, sizeof bytes};
	int32_t count = 0, pair[2], names = 0;
	uint16_t flags;
	uint8_t found[4][18];
	int one = opened(DATAGRAM), other = opened(DATAGRAM);
	struct address zero = here(0);
	expect("bind", sock_bind(one, &zero));
	expect("local", sock_addr_local(one, &own));
	struct vector hello = {"hello", 5};
	expect("send", sock_send_to(other, &hello, 1, 0, &own, &count));
	expect("receive", sock_recv_from(one, &vector, 1, 0, &count, &flags, &from));
	printf("datagram %.*s from %d.%d.%d.%d\n", (int)count, bytes, from.bytes[0], from.bytes[1],
	       from.bytes[2], from.bytes[3]);
	expect("pair", sock_pair(INET4, STREAM, 0, &pair[0], &pair[1]));
	sent(pair[0], "over", 4);
	printf("pair %.*s\n", received(pair[1], bytes, sizeof bytes), bytes);
	close(pair[0]);
	printf("end %d\n", received(pair[1], bytes, sizeof bytes));
	listening(4000);
	struct address taken = here(4000);
	printf("taken %d\n", sock_bind(opened(STREAM), &taken));
	struct address far = {INET4, 0, 80, {192, 0, 2, 1}};
	printf("far %d\n", sock_connect(opened(STREAM), &far));
	expect("resolve", resolve("localhost", 9, 0, found, 4, &names));
	printf("localhost %d: %d.%d.%d.%d\n", (int)names, found[0][2], found[0][3], found[0][4], found[0][5]);
	printf("elsewhere %d\n", resolve("example.com", 11, 0, found, 4, &names));
}

int main(int argc, char **argv)
{
	int port = argc > 2 ? atoi(argv[2]) : 0;
	if (argc > 1 && strcmp(argv[1], "serve") == 0) serve(port);
	if (argc > 3 && strcmp(argv[1], "ask") == 0) ask(port, argv[3]);
	if (argc > 3 && strcmp(argv[1], "reach") == 0) reach(argv[2], atoi(argv[3]));
	if (argc > 1 && strcmp(argv[1], "flood") == 0) flood(port);
	if (argc > 1 && strcmp(argv[1], "alone") == 0) alone();
	return 0;
}

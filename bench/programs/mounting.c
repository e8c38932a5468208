/*
 * Work on a directory that may be slow.
 *
 *     mounting sequential <path> <mebibytes>    one file in pieces of 64 KiB, synced
 *     mounting files <directory> <count>        small files; the process ends when they are durable
 *     mounting warm <path> <calls>              reads of 4 KiB that need no store: nanoseconds each
 */
#include <fcntl.h>
#include <unistd.h>
#include "timing.h"

#define PIECE 65536
#define PAGE 4096
#define WARM_PIECES 128

static uint8_t piece[PIECE];

/* Bytes that no store can make smaller. */
static void scramble(void) {
	uint32_t x = 1;
	for (int i = 0; i < PIECE; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		piece[i] = (uint8_t)x;
	}
}

static void put(int fd) {
	for (int done = 0; done < PIECE;) {
		ssize_t n = write(fd, piece + done, (size_t)(PIECE - done));
		check(n <= 0, "write");
		done += (int)n;
	}
}

static void sequential(const char *path, int mebibytes) {
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
	check(fd < 0, "open");
	for (int i = 0; i < mebibytes * (1048576 / PIECE); i++) {
		memcpy(piece, &i, sizeof i);
		put(fd);
	}
	check(fsync(fd) != 0 || close(fd) != 0, "sync");
}

static void files(const char *directory, int count) {
	char name[256];
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "%s/file-%d", directory, i);
		int fd = open(name, O_CREAT | O_WRONLY | O_EXCL, 0644);
		check(fd < 0 || write(fd, piece, 100) != 100 || close(fd) != 0, name);
	}
}

static void warm(const char *path, int calls) {
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644);
	check(fd < 0, "open");
	for (int i = 0; i < WARM_PIECES; i++) put(fd);
	check(fsync(fd) != 0, "sync");
	uint32_t random = 1;
	double start = 0;
	for (int i = -calls; i < calls; i++) {
		if (i == 0) start = now();
		random = random * 1103515245u + 12345u;
		off_t at = (off_t)((random >> 8) % (WARM_PIECES * PIECE / PAGE)) * PAGE;
		check(pread(fd, piece, PAGE, at) != PAGE, "read");
	}
	report("warm", (now() - start) / calls);
}

int main(int argc, char **argv) {
	check(argc != 4, "arguments");
	int number = atoi(argv[3]);
	scramble();
	if (strcmp(argv[1], "sequential") == 0) sequential(argv[2], number);
	else if (strcmp(argv[1], "files") == 0) files(argv[2], number);
	else warm(argv[2], number);
	return 0;
}

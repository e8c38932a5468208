/*
 * A large file written and read in pieces of 64 KiB: gigabytes per second.
 *
 *     streaming <mebibytes>
 */
#include <fcntl.h>
#include <unistd.h>
#include "timing.h"

#define PIECE 65536
#define MOST_NS 1.5e9

static uint8_t piece[PIECE];

int main(int argc, char **argv) {
	int pieces = (argc > 1 ? atoi(argv[1]) : 256) * (1048576 / PIECE);
	for (int i = 0; i < PIECE; i++) piece[i] = (uint8_t)(i * 31);
	int fd = open("/streaming.bin", O_CREAT | O_RDWR | O_TRUNC, 0644);
	check(fd < 0, "open");
	double start = now();
	int written = 0;
	for (; written < pieces; written++) {
		check(write(fd, piece, PIECE) != PIECE, "write");
		if ((written & 63) == 0 && now() - start > MOST_NS) break;
	}
	report("write", (double)written * PIECE / (now() - start));
	check(lseek(fd, 0, SEEK_SET) != 0, "seek");
	memset(piece, 0, PIECE);
	start = now();
	for (int i = 0; i < written; i++) check(read(fd, piece, PIECE) != PIECE, "read");
	report("read", (double)written * PIECE / (now() - start));
	check(piece[1] != 31, "what was read");
	check(unlink("/streaming.bin") != 0, "unlink");
	return 0;
}

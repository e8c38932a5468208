/*
 * So many mebibytes to standard output, 64 KiB at a time. The host measures.
 *
 *     flooding <mebibytes>
 */
#include <unistd.h>
#include <stdint.h>
#include <stdlib.h>


#define PIECE 65536

static uint8_t piece[PIECE];

int main(int argc, char **argv) {
	int pieces = (argc > 1 ? atoi(argv[1]) : 100) * (1048576 / PIECE);
	for (int i = 0; i < PIECE; i++) piece[i] = i % 80 == 79 ? 10 : 120;
	for (int i = 0; i < pieces; i++) {
		for (ssize_t done = 0; done < PIECE;) {
			ssize_t n = write(STDOUT_FILENO, piece + done, PIECE - done);
			if (n <= 0) return 1;
			done += n;
		}
	}
	return 0;
}

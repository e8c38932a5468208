/* Reads standard input to its end with bare reads, after so many milliseconds as its argument says.
 * Prints the errors it was told, how many bytes came, and their hash (FNV-1a, 32 bits). */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static unsigned char buffer[65536];

int main(int argc, char **argv)
{
	long wait = argc > 1 ? atol(argv[1]) : 0;
	struct timespec time = { wait / 1000, wait % 1000 * 1000000 };
	uint32_t hash = 2166136261u;
	long total = 0;
	puts("waiting");
	fflush(stdout);
	nanosleep(&time, NULL);
	for (int errors = 0; errors < 3;) {
		ssize_t n = read(0, buffer, sizeof buffer);
		if (n == 0)
			break;
		if (n < 0) {
			printf("error %d\n", errno);
			errors++;
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			hash = (hash ^ buffer[i]) * 16777619u;
		total += n;
	}
	printf("%ld %08x\n", total, hash);
	return 0;
}

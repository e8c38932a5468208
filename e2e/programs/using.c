/* Uses what its first argument names: `rounds N` computes, `memory` asks for a MiB at a time and traps when
 * it is refused, `files N` writes as many KiB to a file, `print N` prints as many bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned collatz(unsigned n)
{
	unsigned rounds = 0;
	while (n != 1) {
		n = n & 1 ? 3 * n + 1 : n / 2;
		rounds++;
	}
	return rounds;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 0;
	static char block[1024];
	if (strcmp(what, "rounds") == 0) {
		unsigned sum = 0;
		for (long i = 1; i <= count; i++)
			sum += collatz((unsigned)i);
		printf("%u\n", sum);
	} else if (strcmp(what, "memory") == 0) {
		for (;;) {
			volatile char *more = malloc(1 << 20);
			if (more == NULL)
				__builtin_trap();
			more[0] = 1;
		}
	} else if (strcmp(what, "files") == 0) {
		FILE *file = fopen("/tmp/used", "a");
		setvbuf(file, NULL, _IONBF, 0);
		for (long i = 0; i < count; i++)
			if (fwrite(block, 1, sizeof block, file) != sizeof block)
				return 1;
		fclose(file);
	} else if (strcmp(what, "print") == 0) {
		for (long i = 0; i < count; i++)
			putchar('.');
		fflush(stdout);
	}
	puts("done");
	return 0;
}

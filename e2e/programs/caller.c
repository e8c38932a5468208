/* Calls a function of the page's: `narrow` takes and returns 32 bits, `wide` 64, `real` a double, and
   `nothing` returns nothing. A second argument says how often. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE(name) __attribute__((import_module("page"), import_name(name)))
PAGE("narrow") int32_t narrow(int32_t);
PAGE("wide") int64_t wide(int64_t);
PAGE("real") double real(double);
PAGE("nothing") void nothing(void);

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[2]) : 1;
	while (times-- > 0)
		switch (argc > 1 ? argv[1][0] : 'n') {
		case 'w':
			printf("wide %" PRId64 "\n", wide((int64_t)1 << 60));
			break;
		case 'r':
			printf("real %g\n", real(0.5));
			break;
		case 'v':
			nothing();
			puts("nothing");
			break;
		default:
			printf("narrow %" PRId32 "\n", narrow(7));
		}
	return 0;
}

/* args_* and environ_*: what a program is told at its start, and how it is laid out. */
#include "transcript.h"

static char area[4096];
static uint8_t *pointers[64];

/* Prints strings that must lie in `area` one after the other, each with its zero. */
static void list(const char *what, __wasi_size_t count, __wasi_size_t size)
{
	uint8_t *next = (uint8_t *)area;
	for (__wasi_size_t i = 0; i < count; i++) {
		printf("  %s[%u] = \"%s\"%s\n", what, (unsigned)i, (char *)pointers[i],
		       pointers[i] == next ? "" : " (not where it should be)");
		next += strlen((char *)pointers[i]) + 1;
	}
	printf("  %u bytes, as announced: %s\n", (unsigned)(next - (uint8_t *)area),
	       next - (uint8_t *)area == (int)size ? "yes" : "no");
	IS(area[size] == 7);
}

int main(void)
{
	__wasi_size_t count, size;
	memset(area, 7, sizeof area);
	PART("arguments");
	GET(count, args_sizes_get, &count, &size);
	DO(args_get, pointers, (uint8_t *)area);
	list("argument", count, size);
	memset(area, 7, sizeof area);
	PART("environment");
	GET(count, environ_sizes_get, &count, &size);
	DO(environ_get, pointers, (uint8_t *)area);
	list("variable", count, size);
	PART("addresses outside the memory");
	DO(args_sizes_get, (void *)-4, &size);
	DO(args_get, pointers, (uint8_t *)-2);
	return 0;
}

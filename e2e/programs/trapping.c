/* Traps three calls deep, in functions whose names a stack trace can show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int *volatile nowhere = (int *)0x7ffffff0;
static volatile int zero;

__attribute__((noinline)) int innermost(const char *how)
{
	if (strcmp(how, "memory") == 0)
		return *nowhere;
	if (strcmp(how, "divide") == 0)
		return 7 / zero;
	__builtin_trap();
}

__attribute__((noinline)) int middle(const char *how)
{
	return innermost(how) + zero;
}

__attribute__((noinline)) int outermost(const char *how)
{
	return middle(how) + zero;
}

int main(int argc, char **argv)
{
	puts("before");
	fflush(stdout);
	int result = outermost(argc > 1 ? argv[1] : "unreachable");
	puts("after");
	return result;
}

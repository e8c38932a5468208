/* A library rather than a command: `_initialize` runs first, then the function the caller names. */
#include <stdio.h>

static int ready;

__attribute__((constructor)) static void construct(void)
{
	ready = 1;
}

__attribute__((export_name("greet"))) void greet(void)
{
	printf("initialized: %s\n", ready ? "yes" : "no");
	fflush(stdout);
}

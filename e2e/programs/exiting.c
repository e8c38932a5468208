/* Ends with the code that its argument names; `abort` and `return` end in other ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void farewell(void)
{
	puts("atexit");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "0";
	printf("no newline at the end");
	atexit(farewell);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "return") == 0)
		return 7;
	if (strncmp(how, "_", 1) == 0)
		_exit(atoi(how + 1));
	exit(atoi(how));
}

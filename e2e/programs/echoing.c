/* Reads standard input to its end, line by line, through the C library; writes to both streams. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char line[256];
	int lines = 0;
	printf("input is %s terminal\n", isatty(0) ? "a" : "no");
	while (fgets(line, sizeof line, stdin) != NULL) {
		lines++;
		line[strcspn(line, "\n")] = 0;
		printf("%d: %s\n", lines, line);
		fflush(stdout);
		if (strcmp(line, "quit") == 0)
			break;
	}
	fprintf(stderr, "%d lines\n", lines);
	return 0;
}

/* Writes as many MiB as its argument says, in lines of 64 bytes: more than any buffer holds. Each line
 * is a write of its own, unless a second argument says how many bytes are gathered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	long lines = (argc > 1 ? atol(argv[1]) : 1) * 16384;
	char line[65];
	if (argc > 2)
		setvbuf(stdout, NULL, _IOFBF, atol(argv[2]));
	for (long i = 0; i < lines; i++) {
		memset(line, '.', 63);
		line[snprintf(line, sizeof line, "%08ld", i)] = '.';
		line[63] = '\n';
		if (fwrite(line, 1, 64, stdout) != 64)
			return 1;
	}
	return 0;
}

/* Asks for memory, a MiB at a time, until there is no more; then says so and ends in order. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	int mebibytes = 0;
	volatile char *block;
	while (mebibytes < 5000 && (block = malloc(1 << 20)) != NULL) {
		block[0] = 1;
		mebibytes++;
	}
	printf("refused: %s\n", mebibytes < 4096 ? "yes" : "no");
	printf("at least 16 MiB: %s\n", mebibytes >= 16 ? "yes" : "no");
	return 0;
}

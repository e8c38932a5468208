/* Writes a number every 50 milliseconds, five times, so that a reader sees them come one by one. */
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec pause = { 0, 50000000 };
	for (int i = 1; i <= 5; i++) {
		printf("%d\n", i);
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
	return 0;
}

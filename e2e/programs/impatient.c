/* Looks for input before anything else and never waits for it, as a program does that has something to
   play meanwhile. Prints how many bytes it got before it found nothing, and their sum. */
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	static unsigned char buffer[10000];
	unsigned long bytes = 0, sum = 0;
	struct pollfd input = { .fd = 0, .events = POLLIN };
	while (poll(&input, 1, 0) == 1) {
		ssize_t count = read(0, buffer, sizeof buffer);
		if (count <= 0) {
			printf("%lu bytes, sum %lu, then %s\n", bytes, sum, count == 0 ? "the end" : "an error");
			return 0;
		}
		for (ssize_t i = 0; i < count; i++)
			sum += buffer[i];
		bytes += count;
	}
	printf("%lu bytes, sum %lu, then nothing\n", bytes, sum);
	return 1;
}

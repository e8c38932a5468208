/* random_get: small, large, empty, and outside the memory. */
#include "transcript.h"

static uint8_t bytes[200000];

int main(void)
{
	int seen[256] = { 0 }, values = 0;

	PART("every value comes, also in the last block of a large request");
	DO(random_get, bytes, sizeof bytes);
	for (size_t i = sizeof bytes - 8192; i < sizeof bytes; i++)
		values += seen[bytes[i]]++ == 0;
	IS(values == 256);
	PART("two requests differ");
	DO(random_get, bytes, 16);
	DO(random_get, bytes + 16, 16);
	IS(memcmp(bytes, bytes + 16, 16) != 0);
	PART("no byte too many");
	memset(bytes, 7, 64);
	DO(random_get, bytes + 16, 16);
	IS(bytes[15] == 7 && bytes[32] == 7);
	DO(random_get, bytes, 0);
	IS(bytes[0] == 7);
	PART("outside the memory");
	DO(random_get, (uint8_t *)-8, 16);
	DO(random_get, bytes, 0xfffffff0);
	return 0;
}

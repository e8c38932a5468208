/* Calls itself until the stack is exhausted. */
#include <stdio.h>

static volatile int one = 1;

__attribute__((noinline)) int deeper(int depth)
{
	volatile int here = depth;
	return deeper(here + one) + here;
}

int main(void)
{
	puts("before");
	fflush(stdout);
	return deeper(0);
}

/* Imports one function of the page's: prints what it makes of 6. */
#include <stdint.h>
#include <stdio.h>

__attribute__((import_module("elsewhere"), import_name("answer"))) int32_t answer(int32_t);

int main(void)
{
	printf("%d\n", (int)answer(6));
	return 0;
}

/* Imports what nobody has: a module and a function of other names, and a WASI call that never was. */
#include <stdint.h>
#include <stdio.h>

__attribute__((import_module("elsewhere"), import_name("answer"))) int32_t answer(int32_t);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_levitate"))) int32_t levitate(int32_t);

int main(void)
{
	printf("%d\n", (int)answer(6) + (int)levitate(1));
	return 0;
}

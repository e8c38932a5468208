/* Has no `_start` and no `_initialize`; can only be entered by name. */
#include <wasi/api.h>

__attribute__((export_name("elsewhere"))) void elsewhere(void)
{
	static const char text[] = "entered elsewhere\n";
	__wasi_ciovec_t part = { (const uint8_t *)text, sizeof text - 1 };
	__wasi_size_t n;
	(void)!__wasi_fd_write(1, &part, 1, &n);
}

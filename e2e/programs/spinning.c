/* Never ends. With `calls` it makes a system call in each round, with `sleep` it waits in one. */
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

static volatile unsigned rounds;

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	__wasi_timestamp_t time;
	puts("spinning");
	fflush(stdout);
	if (strcmp(how, "sleep") == 0) {
		__wasi_subscription_t forever;
		__wasi_event_t event;
		__wasi_size_t n;
		memset(&forever, 0, sizeof forever);
		forever.u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
		forever.u.u.clock.timeout = 1000000000000000ull;
		(void)!__wasi_poll_oneoff(&forever, &event, 1, &n);
	}
	for (;;) {
		rounds++;
		if (strcmp(how, "calls") == 0)
			(void)!__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &time);
	}
}

/*
 * Programs that wait.
 *
 *     waiting sleep <ms> <count>   microseconds by which each sleep ended late
 *     waiting echo <timers>        reads bytes and writes each back, until there are no more; with
 *                                  timers it waits for input in a poll that so many clocks are part of
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#define MOST 4096
#define HOUR_NS 3600000000000ull

static __wasi_subscription_t subscriptions[MOST];
static __wasi_event_t events[MOST];

static uint64_t now(void) {
	__wasi_timestamp_t time = 0;
	__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &time);
	return time;
}

static void clock_after(__wasi_subscription_t *subscription, uint64_t ns) {
	memset(subscription, 0, sizeof *subscription);
	subscription->u.tag = __WASI_EVENTTYPE_CLOCK;
	subscription->u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	subscription->u.u.clock.timeout = ns;
}

static int sleeps(uint64_t ns, int count) {
	__wasi_size_t n;
	for (int i = 0; i < count; i++) {
		clock_after(&subscriptions[0], ns);
		uint64_t start = now();
		if (__wasi_poll_oneoff(subscriptions, events, 1, &n) != 0) return 1;
		printf("%.3f\n", ((double)(now() - start) - (double)ns) / 1000);
	}
	return 0;
}

static int echo(int timers) {
	uint8_t byte;
	__wasi_size_t n;
	__wasi_iovec_t in = {&byte, 1};
	__wasi_ciovec_t out = {&byte, 1};
	for (;;) {
		if (timers > 0) {
			for (int i = 0; i < timers; i++) clock_after(&subscriptions[i], HOUR_NS + i);
			memset(&subscriptions[timers], 0, sizeof *subscriptions);
			subscriptions[timers].u.tag = __WASI_EVENTTYPE_FD_READ;
			if (__wasi_poll_oneoff(subscriptions, events, timers + 1, &n) != 0) return 1;
		}
		if (__wasi_fd_read(0, &in, 1, &n) != 0) return 1;
		if (n == 0) return 0;
		if (__wasi_fd_write(1, &out, 1, &n) != 0) return 1;
	}
}

int main(int argc, char **argv) {
	if (argc == 4 && strcmp(argv[1], "sleep") == 0)
		return sleeps(strtoull(argv[2], NULL, 10) * 1000000, atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "echo") == 0 && atoi(argv[2]) < MOST) return echo(atoi(argv[2]));
	return 2;
}

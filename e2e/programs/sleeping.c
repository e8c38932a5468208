/* Sleeps. `once MS`: says so when it wakes. `relative`, `absolute` or `mixed`, then N and MS: sleeps N
 * times, by a timeout, until a moment, or while also waiting for input that does not come; prints how
 * many microseconds late it woke each time, and at the end the processor time it took in between. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

static uint64_t now(__wasi_clockid_t clock)
{
	__wasi_timestamp_t time = 0;
	(void)!__wasi_clock_time_get(clock, 0, &time);
	return time;
}

/* Answers how late it is, in nanoseconds; negative for early. */
static int64_t sleep_once(const char *how, uint64_t length)
{
	__wasi_subscription_t subs[2];
	__wasi_event_t events[2];
	__wasi_size_t n = 0;
	uint64_t start = now(__WASI_CLOCKID_MONOTONIC);
	memset(subs, 0, sizeof subs);
	subs[0].u.tag = __WASI_EVENTTYPE_CLOCK;
	subs[0].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	subs[0].u.u.clock.timeout = length;
	if (strcmp(how, "absolute") == 0) {
		subs[0].u.u.clock.flags = __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME;
		subs[0].u.u.clock.timeout += start;
	}
	subs[1].u.tag = __WASI_EVENTTYPE_FD_READ;
	subs[1].u.u.fd_read.file_descriptor = 0;
	int count = strcmp(how, "mixed") == 0 ? 2 : 1;
	if (__wasi_poll_oneoff(subs, events, count, &n) != 0 || n != 1)
		exit(1);
	return (int64_t)(now(__WASI_CLOCKID_MONOTONIC) - start) - (int64_t)length;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "once") == 0) {
		int64_t late = sleep_once("relative", strtoull(argv[2], NULL, 10) * 1000000);
		printf("%s\n", late < 0 ? "early" : "awake");
		return 0;
	}
	int n = atoi(argv[2]);
	uint64_t length = strtoull(argv[3], NULL, 10) * 1000000;
	int32_t late[1000];
	uint64_t before = now(__WASI_CLOCKID_PROCESS_CPUTIME_ID);
	for (int i = 0; i < n && i < 1000; i++)
		late[i] = (int32_t)(sleep_once(argv[1], length) / 1000);
	uint64_t busy = now(__WASI_CLOCKID_PROCESS_CPUTIME_ID) - before;
	for (int i = 0; i < n && i < 1000; i++)
		printf("%d\n", late[i]);
	printf("%d\n", (int)(busy / 1000));
	return 0;
}

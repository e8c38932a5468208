/* poll_oneoff: clocks, descriptors, and both. Standard input must be empty and closed. */
#include "transcript.h"

static __wasi_subscription_t subs[4];
static __wasi_event_t events[4];
static __wasi_size_t n;

static uint64_t now(void)
{
	__wasi_timestamp_t time = 0;
	(void)!__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 0, &time);
	return time;
}

static void on_clock(int i, uint64_t user, __wasi_timestamp_t timeout, int flags)
{
	memset(&subs[i], 0, sizeof subs[i]);
	subs[i].userdata = user;
	subs[i].u.tag = __WASI_EVENTTYPE_CLOCK;
	subs[i].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	subs[i].u.u.clock.timeout = timeout;
	subs[i].u.u.clock.flags = flags;
}

static void on_fd(int i, uint64_t user, int type, __wasi_fd_t fd)
{
	memset(&subs[i], 0, sizeof subs[i]);
	subs[i].userdata = user;
	subs[i].u.tag = type;
	subs[i].u.u.fd_read.file_descriptor = fd;
}

static void poll(int count)
{
	uint64_t start = now();
	int error = __wasi_poll_oneoff(subs, events, count, &n);
	printf("  %s", errno_names[error]);
	if (error == 0)
		for (__wasi_size_t i = 0; i < n; i++)
			printf(", %d is ready: %s", (int)events[i].userdata, errno_names[events[i].error]);
	uint64_t took = (now() - start) / 1000000;
	printf(", %s\n", took < 15 ? "at once" : took < 5000 ? "after a while" : "much too late");
}

int main(void)
{
	__wasi_fd_t dir = scratch("polling"), fd;
	uint64_t start;

	make(dir, "f", "text");
	fd = opened(dir, "f");
	PART("a moment from now");
	on_clock(0, 1, 30000000, 0);
	poll(1);
	PART("the nearer of two");
	on_clock(0, 1, 10000000000ull, 0);
	on_clock(1, 2, 30000000, 0);
	poll(2);
	PART("a moment in the past, and one on the clock");
	on_clock(0, 1, 0, 0);
	poll(1);
	on_clock(0, 1, 1, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
	poll(1);
	start = now();
	on_clock(0, 1, start + 40000000, __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME);
	poll(1);
	IS(now() - start >= 40000000);
	PART("output is ready, and the clock is not told of");
	on_fd(0, 1, __WASI_EVENTTYPE_FD_WRITE, 1);
	on_fd(1, 2, __WASI_EVENTTYPE_FD_WRITE, 2);
	on_clock(2, 3, 10000000000ull, 0);
	poll(3);
	PART("input at its end is ready");
	on_fd(0, 1, __WASI_EVENTTYPE_FD_READ, 0);
	on_clock(1, 2, 10000000000ull, 0);
	poll(2);
	PART("files are always ready");
	on_fd(0, 1, __WASI_EVENTTYPE_FD_READ, fd);
	on_fd(1, 2, __WASI_EVENTTYPE_FD_WRITE, fd);
	poll(2);
	printf("  %d bytes to read\n", (int)events[0].fd_readwrite.nbytes);
	PART("no such descriptor is an event, not an error");
	on_fd(0, 1, __WASI_EVENTTYPE_FD_READ, 99);
	poll(1);
	PART("nothing to wait for");
	DO(poll_oneoff, subs, events, 0, &n);
	PART("addresses outside the memory");
	DO(poll_oneoff, (void *)-8, events, 1, &n);
	DO(poll_oneoff, subs, (void *)-8, 1, &n);
	DO(poll_oneoff, subs, events, 0x10000000, &n);
	PART("giving way");
	for (int i = 0; i < 1000; i++)
		if (__wasi_sched_yield() != 0)
			return 1;
	DO(sched_yield);
	return 0;
}

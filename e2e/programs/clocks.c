/* clock_res_get and clock_time_get. */
#include "transcript.h"

int main(void)
{
	__wasi_timestamp_t step, now, then, cpu;

	PART("resolution");
	for (uint32_t id = 0; id < 5; id++) {
		int error = __wasi_clock_res_get((__wasi_clockid_t){ id }, &step);
		printf("clock %u: %s%s\n", id, errno_names[error], error == 0 && step > 0 ? ", a step" : "");
	}
	PART("the monotonic clock never stands still");
	int still = 0, back = 0;
	(void)!__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &then);
	for (int i = 0; i < 1000; i++) {
		(void)!__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &now);
		still += now == then;
		back += now < then;
		then = now;
	}
	printf("still %d, back %d\n", still, back);
	PART("the real time is in this century");
	DO(clock_time_get, __WASI_CLOCKID_REALTIME, 0, &now);
	IS(now > 1700000000000000000ull);
	IS(now < 4102444800000000000ull);
	PART("processor time grows with work");
	DO(clock_time_get, __WASI_CLOCKID_PROCESS_CPUTIME_ID, 0, &then);
	volatile uint32_t work = 0;
	for (int i = 0; i < 20000000; i++)
		work += i;
	DO(clock_time_get, __WASI_CLOCKID_PROCESS_CPUTIME_ID, 0, &cpu);
	IS(cpu > then);
	IS(cpu - then < 60000000000ull);
	PART("no such clock");
	DO(clock_time_get, (__wasi_clockid_t){ 9 }, 0, &now);
	return 0;
}

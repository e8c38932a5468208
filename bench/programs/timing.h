/*
 * What the programs of the bench share: a clock, and lines of "name value".
 *
 * Everything is measured for a time rather than a number of times: what takes 20 ns on one host takes
 * a millisecond on another, and both must be measured within one run of the same program. The clock
 * is asked once per batch, so that it costs nothing even where it is slow.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

#define WARM_NS 120e6
#define SLICE_NS 25e6
#define SLICES 5

static double now(void) {
	__wasi_timestamp_t t = 0;
	__wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &t);
	return (double)t;
}

static void report(const char *name, double value) {
	printf("%s %.6g\n", name, value);
	fflush(stdout);
}

static void check(int wrong, const char *what) {
	if (!wrong) return;
	printf("failed %s\n", what);
	exit(1);
}

/*
 * Nanoseconds per statement, after a warm-up in which the engine may optimise. The best of several
 * slices counts, because other work on the machine only ever adds.
 */
#define TIMED(name, batch, statement)                                          \
	do {                                                                       \
		double start_ = now(), end_ = start_, best_ = 1e300;                   \
		while (end_ - start_ < WARM_NS) {                                      \
			for (int i = 0; i < (batch); i++) { statement; }                   \
			end_ = now();                                                      \
		}                                                                      \
		for (int slice_ = 0; slice_ < SLICES; slice_++) {                      \
			double calls_ = 0;                                                 \
			start_ = now();                                                    \
			do {                                                               \
				for (int i = 0; i < (batch); i++) { statement; }               \
				calls_ += (batch);                                             \
				end_ = now();                                                  \
			} while (end_ - start_ < SLICE_NS);                                \
			if ((end_ - start_) / calls_ < best_) best_ = (end_ - start_) / calls_; \
		}                                                                      \
		report(name, best_);                                                   \
	} while (0)

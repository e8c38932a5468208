/*
 * The smallest calls, made directly: what remains is the way into the host and back.
 *
 *     calls                 nanoseconds per call of each
 *     calls <name> <count>  only that one, so many times, for whoever watches the heap meanwhile
 */
#include "timing.h"

static __wasi_fd_t file;
static uint8_t byte = 7;
static uint8_t bytes[16];
static __wasi_size_t done;
static __wasi_filesize_t at;
static __wasi_fdstat_t fdstat;
static __wasi_timestamp_t when;
static __wasi_iovec_t in = {&byte, 1};
static __wasi_ciovec_t out = {&byte, 1};

static void fdstat_get(void) { __wasi_fd_fdstat_get(file, &fdstat); }
static void pwrite_1(void) { __wasi_fd_pwrite(file, &out, 1, 5, &done); }
static void pread_1(void) { __wasi_fd_pread(file, &in, 1, 5, &done); }
static void seek(void) { __wasi_fd_seek(file, 0, __WASI_WHENCE_SET, &at); }
static void write_1(void) { __wasi_fd_write(file, &out, 1, &done); }
static void read_1(void) { __wasi_fd_read(file, &in, 1, &done); }
static void clock_get(void) { __wasi_clock_time_get(__WASI_CLOCKID_MONOTONIC, 1, &when); }
static void random_16(void) { __wasi_random_get(bytes, sizeof bytes); }

/* A position that is set before each, so that reads are never at the end and files stay small. */
static void seek_write(void) { seek(); write_1(); }
static void seek_read(void) { seek(); read_1(); }

/* A path becomes a string, and so garbage: whoever counts garbage must find some here. */
static __wasi_filestat_t filestat;
static void path_stat(void) { __wasi_path_filestat_get(3, 0, "calls.bin", &filestat); }

struct call { const char *name; void (*make)(void); };
static const struct call calls[] = {
	{"fdstat", fdstat_get}, {"pwrite", pwrite_1}, {"pread", pread_1},
	{"random", random_16}, {"seek", seek}, {"clock", clock_get},
	{"write", seek_write}, {"read", seek_read}, {"path", path_stat},
};
#define COUNT (sizeof calls / sizeof *calls)

int main(int argc, char **argv) {
	FILE *opened = fopen("/calls.bin", "w+");
	check(opened == NULL, "open");
	/* The number of the descriptor; stdio is not asked for anything else. */
	file = (__wasi_fd_t)fileno(opened);
	__wasi_ciovec_t first = {bytes, sizeof bytes};
	check(__wasi_fd_write(file, &first, 1, &done) != 0 || done != sizeof bytes, "write");
	if (argc == 3) {
		int count = atoi(argv[2]);
		for (size_t c = 0; c < COUNT; c++) {
			if (strcmp(calls[c].name, argv[1]) != 0) continue;
			for (int i = 0; i < count; i++) calls[c].make();
		}
		return 0;
	}
	pwrite_1();
	byte = 0;
	pread_1();
	check(done != 1 || byte != 7, "pread");
	TIMED("fdstat", 1000, fdstat_get());
	TIMED("pwrite", 1000, pwrite_1());
	TIMED("pread", 1000, pread_1());
	TIMED("random", 1000, random_16());
	TIMED("clock", 1000, clock_get());
	return 0;
}

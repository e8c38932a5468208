/* *_filestat_get and *_filestat_set_times: to the nanosecond, and of the right node. */
#include "transcript.h"

#define ATIM __WASI_FSTFLAGS_ATIM
#define ATIM_NOW __WASI_FSTFLAGS_ATIM_NOW
#define MTIM __WASI_FSTFLAGS_MTIM
#define MTIM_NOW __WASI_FSTFLAGS_MTIM_NOW
#define LONG_AGO 1000000000123456789ull

static __wasi_fd_t dir;

static __wasi_filestat_t of(const char *path)
{
	__wasi_filestat_t stat;
	memset(&stat, 0, sizeof stat);
	(void)!__wasi_path_filestat_get(dir, 0, path, &stat);
	return stat;
}

int main(void)
{
	__wasi_fd_t fd;
	__wasi_filestat_t stat, other;
	__wasi_timestamp_t now;

	dir = scratch("times");
	(void)!__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 0, &now);
	make(dir, "f", "text");
	fd = opened(dir, "f");
	(void)!__wasi_path_symlink("f", dir, "link");
	(void)!__wasi_path_create_directory(dir, "d");

	PART("a new file is of today");
	IS(of("f").mtim + 1000000000ull > now);
	IS(of("f").mtim < now + 10000000000ull);
	IS(of("d").mtim + 1000000000ull > now);
	PART("by descriptor, one time at a time");
	DO(fd_filestat_set_times, fd, LONG_AGO, LONG_AGO + 1, ATIM | MTIM);
	DO(fd_filestat_get, fd, &stat);
	IS(stat.atim == LONG_AGO);
	IS(stat.mtim == LONG_AGO + 1);
	DO(fd_filestat_set_times, fd, 5, 7, MTIM);
	IS(of("f").atim == LONG_AGO);
	IS(of("f").mtim == 7);
	DO(fd_filestat_set_times, fd, 5, 9, ATIM);
	IS(of("f").atim == 5);
	IS(of("f").mtim == 7);
	DO(fd_filestat_set_times, fd, 1, 2, 0);
	IS(of("f").atim == 5);
	IS(of("f").mtim == 7);
	PART("a write of nothing keeps them");
	DO(fd_filestat_set_times, fd, 5, 7, ATIM | MTIM);
	{
		__wasi_ciovec_t nothing = {(const uint8_t *)"", 0};
		__wasi_size_t written;
		DO(fd_write, fd, &nothing, 1, &written);
		IS(of("f").mtim == 7);
		DO(fd_pwrite, fd, &nothing, 1, 9, &written);
		IS(of("f").mtim == 7);
	}
	PART("now");
	DO(fd_filestat_set_times, fd, 0, 0, ATIM_NOW | MTIM_NOW);
	IS(of("f").atim + 1000000000ull > now);
	IS(of("f").mtim + 1000000000ull > now);
	PART("both a time and now");
	DO(fd_filestat_set_times, fd, 1, 1, ATIM | ATIM_NOW);
	DO(path_filestat_set_times, dir, 0, "f", 1, 1, MTIM | MTIM_NOW);
	DO(path_filestat_set_times, dir, 0, "f", 1, 1, 16);
	IS(of("f").mtim > 1);
	PART("by path: the link, and what it leads to");
	DO(path_filestat_set_times, dir, 0, "link", 11, 12, ATIM | MTIM);
	IS(of("link").mtim == 12);
	IS(of("f").mtim > 12);
	DO(path_filestat_set_times, dir, FOLLOW, "link", 21, 22, ATIM | MTIM);
	IS(of("link").mtim == 12);
	IS(of("f").mtim == 22);
	DO(path_filestat_set_times, dir, 0, "d", 31, 32, ATIM | MTIM);
	IS(of("d").mtim == 32);
	DO(path_filestat_set_times, dir, 0, "missing", 1, 1, MTIM);
	PART("writing and truncating make a file younger, adding a name its directory");
	make(dir, "f", "more");
	IS(of("f").mtim + 1000000000ull > now);
	make(dir, "d/x", "");
	IS(of("d").mtim + 1000000000ull > now);
	PART("who is who");
	(void)!__wasi_path_filestat_get(dir, FOLLOW, "link", &other);
	DO(fd_filestat_get, fd, &stat);
	IS(stat.ino == other.ino && stat.dev == other.dev);
	IS(of("link").ino != stat.ino);
	IS(of("d").ino != stat.ino);
	printf("  f: type %d, size %d, links %d\n", of("f").filetype, (int)of("f").size, (int)of("f").nlink);
	printf("  link: type %d, size %d\n", of("link").filetype, (int)of("link").size);
	printf("  d: type %d\n", of("d").filetype);
	DO(path_filestat_get, dir, 0, "missing", &stat);
	DO(path_filestat_get, dir, 0, "f/", &stat);
	DO(fd_filestat_get, 99, &stat);
	DO(fd_filestat_get, 1, &stat);
	return 0;
}

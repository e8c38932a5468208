/* fd_allocate, fd_filestat_set_size, fd_advise, fd_sync, fd_datasync. */
#include "transcript.h"

static __wasi_fd_t dir, fd;

static void size(void)
{
	__wasi_filestat_t stat;
	int error = __wasi_fd_filestat_get(fd, &stat);
	printf("  size %d\n", error ? -error : (int)stat.size);
}

int main(void)
{
	__wasi_fd_t readonly;
	dir = scratch("sizes");
	make(dir, "f", "0123456789");
	fd = opened(dir, "f");

	PART("allocating only grows");
	DO(fd_allocate, fd, 0, 4), size();
	DO(fd_allocate, fd, 8, 4), size();
	DO(fd_allocate, fd, 0, 0), size();
	DO(fd_allocate, fd, -1, 2), size();
	content(dir, "f");
	PART("setting the size cuts and fills");
	DO(fd_filestat_set_size, fd, 4), size();
	DO(fd_filestat_set_size, fd, 8), size();
	content(dir, "f");
	DO(fd_filestat_set_size, fd, -1), size();
	PART("advice changes nothing");
	for (int advice = 0; advice < 7; advice++)
		printf("advice %d: %s\n", advice, errno_names[__wasi_fd_advise(fd, 0, 4, advice)]);
	DO(fd_advise, fd, -1, 2, __WASI_ADVICE_NORMAL);
	size();
	PART("syncing");
	DO(fd_sync, fd);
	DO(fd_datasync, fd);
	DO(fd_sync, dir);
	DO(fd_sync, 99);
	PART("without the right to write");
	DO(path_open, dir, 0, "f", 0, READ, 0, 0, &readonly);
	DO(fd_filestat_set_size, readonly, 0);
	DO(fd_allocate, readonly, 0, 100);
	size();
	PART("a directory has no size to set");
	DO(fd_filestat_set_size, dir, 0);
	DO(fd_allocate, dir, 0, 1);
	DO(fd_advise, dir, 0, 1, __WASI_ADVICE_NORMAL);
	return 0;
}

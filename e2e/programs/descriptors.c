/* fd_renumber, fd_close, fd_prestat_*, fd_fdstat_*: the table of descriptors and the rights in it. */
#include "transcript.h"

static __wasi_fdstat_t stat;
static __wasi_size_t n;

/* The type and the flags of a descriptor, and whether it may read, write, seek. */
static void facts(__wasi_fd_t fd)
{
	int error = __wasi_fd_fdstat_get(fd, &stat);
	if (error != 0) {
		printf("  %u: %s\n", (unsigned)fd, errno_names[error]);
		return;
	}
	printf("  %u: type %d flags %d may%s%s%s\n", (unsigned)fd, stat.fs_filetype, stat.fs_flags,
	       stat.fs_rights_base & READ ? " read" : "", stat.fs_rights_base & WRITE ? " write" : "",
	       stat.fs_rights_base & SEEK ? " seek" : "");
}

static int put(__wasi_fd_t fd, const char *text)
{
	__wasi_ciovec_t part = { (const uint8_t *)text, strlen(text) };
	return __wasi_fd_write(fd, &part, 1, &n);
}

int main(void)
{
	__wasi_fd_t dir = scratch("descriptors"), a, b, c;
	__wasi_prestat_t prestat;
	char name[16] = "";
	uint8_t byte;
	__wasi_iovec_t part = { &byte, 1 };

	make(dir, "a", "a");
	make(dir, "b", "bb");
	PART("the lowest free number is taken");
	a = opened(dir, "a");
	b = opened(dir, "b");
	IS(b == a + 1);
	DO(fd_close, a);
	c = opened(dir, "b");
	IS(c == a);
	PART("renumbering moves, and closes what was there");
	DO(path_open, dir, 0, "a", 0, READ, 0, APPEND, &c);
	DO(fd_renumber, c, b);
	IS(__wasi_fd_fdstat_get(c, &stat) == __WASI_ERRNO_BADF);
	(void)!__wasi_fd_fdstat_get(b, &stat);
	IS(stat.fs_rights_base == READ);
	IS(stat.fs_flags == APPEND);
	DO(fd_renumber, b, b);
	IS(__wasi_fd_fdstat_get(b, &stat) == 0);
	DO(fd_renumber, b, 99);
	DO(fd_renumber, 99, b);
	PART("the streams, the directory that was given, and a file");
	for (__wasi_fd_t fd = 0; fd < 3; fd++)
		(void)!__wasi_fd_fdstat_get(fd, &stat), IS(stat.fs_filetype != __WASI_FILETYPE_REGULAR_FILE);
	DO(fd_prestat_get, 3, &prestat);
	n = prestat.u.dir.pr_name_len;
	DO(fd_prestat_dir_name, 3, (uint8_t *)name, n);
	IS(n > 0 && n < 16 && strlen(name) == n);
	DO(fd_prestat_dir_name, 3, (uint8_t *)name, n - 1);
	DO(fd_prestat_get, dir, &prestat);
	DO(fd_prestat_get, 0, &prestat);
	DO(fd_prestat_get, 99, &prestat);
	PART("rights are what was asked, and can only shrink");
	DO(path_open, dir, 0, "a", 0, READ | WRITE | SEEK | TELL, 0, 0, &c);
	DO(fd_fdstat_set_rights, c, READ | SEEK, 0);
	printf("write: %s\n", errno_names[put(c, "x")]);
	printf("read: %s\n", errno_names[__wasi_fd_read(c, &part, 1, &n)]);
	DO(fd_fdstat_set_rights, c, READ | WRITE | SEEK, 0);
	DO(fd_fdstat_set_rights, c, 0, 0);
	printf("read: %s\n", errno_names[__wasi_fd_read(c, &part, 1, &n)]);
	DO(fd_close, c);
	PART("flags");
	DO(path_open, dir, 0, "a", 0, FILE_RIGHTS, 0, __WASI_FDFLAGS_SYNC | APPEND, &c);
	(void)!__wasi_fd_fdstat_get(c, &stat);
	IS(stat.fs_flags == (__WASI_FDFLAGS_SYNC | APPEND));
	DO(fd_fdstat_set_flags, c, __WASI_FDFLAGS_NONBLOCK);
	(void)!__wasi_fd_fdstat_get(c, &stat);
	IS((stat.fs_flags & (APPEND | __WASI_FDFLAGS_NONBLOCK)) == __WASI_FDFLAGS_NONBLOCK);
	DO(fd_fdstat_set_flags, c, 0x100);
	PART("a directory can neither be read nor written");
	printf("read: %s\n", errno_names[__wasi_fd_read(dir, &part, 1, &n)]);
	printf("write: %s\n", errno_names[put(dir, "x")]);
	PART("a directory that was given can be closed");
	DO(fd_close, 3);
	facts(3);
	DO(fd_close, 3);
	PART("no such descriptor");
	facts(99);
	facts(-1);
	DO(fd_close, -1);
	return 0;
}

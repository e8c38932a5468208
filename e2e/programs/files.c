/* fd_read, fd_write, fd_seek, fd_tell, fd_pread, fd_pwrite: one file and its position. */
#include "transcript.h"

static uint8_t a[8], b[8];
static __wasi_size_t n;
static __wasi_filesize_t at;

static void put(__wasi_fd_t fd, const char *text)
{
	__wasi_ciovec_t part = { (const uint8_t *)text, strlen(text) };
	int error = __wasi_fd_write(fd, &part, 1, &n);
	printf("write \"%s\": %s %u\n", text, errno_names[error], error ? 0 : (unsigned)n);
}

static void get(__wasi_fd_t fd, __wasi_size_t first, __wasi_size_t second)
{
	__wasi_iovec_t parts[] = { { a, first }, { b, second } };
	memset(a, 0, sizeof a);
	memset(b, 0, sizeof b);
	int error = __wasi_fd_read(fd, parts, 2, &n);
	printf("read %u+%u: %s %u \"%.8s\" \"%.8s\"\n", (unsigned)first, (unsigned)second, errno_names[error],
	       error ? 0 : (unsigned)n, (char *)a, (char *)b);
}

int main(void)
{
	__wasi_fd_t dir = scratch("files"), fd, other;
	__wasi_ciovec_t two[] = { { (const uint8_t *)"XY", 2 }, { (const uint8_t *)"Z", 1 } };
	__wasi_iovec_t one = { a, 4 };
	__wasi_iovec_t bad = { (uint8_t *)0xfffffff0, 8 };
	__wasi_ciovec_t huge = { a, 0xfffffff0 };

	PART("a new file");
	DO(path_open, dir, 0, "f", CREAT | EXCL, FILE_RIGHTS, 0, 0, &fd);
	GET(at, fd_tell, fd, &at);
	get(fd, 4, 0);
	put(fd, "0123456789");
	GET(at, fd_tell, fd, &at);
	PART("seeking");
	GET(at, fd_seek, fd, 2, __WASI_WHENCE_SET, &at);
	get(fd, 3, 2);
	GET(at, fd_seek, fd, -4, __WASI_WHENCE_CUR, &at);
	GET(at, fd_seek, fd, -1, __WASI_WHENCE_END, &at);
	get(fd, 4, 4);
	get(fd, 4, 4);
	DO(fd_seek, fd, -1, __WASI_WHENCE_SET, &at);
	DO(fd_seek, fd, -100, __WASI_WHENCE_CUR, &at);
	DO(fd_seek, fd, 0, (__wasi_whence_t){ 3 }, &at);
	GET(at, fd_tell, fd, &at);
	PART("a gap reads as zeros");
	GET(at, fd_seek, fd, 3, __WASI_WHENCE_END, &at);
	put(fd, "end");
	content(dir, "f");
	PART("pread and pwrite leave the position alone");
	GET(at, fd_seek, fd, 1, __WASI_WHENCE_SET, &at);
	GET(n, fd_pwrite, fd, two, 2, 4, &n);
	GET(n, fd_pread, fd, &one, 1, 3, &n);
	printf("  \"%.4s\"\n", (char *)a);
	GET(n, fd_pread, fd, &one, 1, 1000, &n);
	GET(at, fd_tell, fd, &at);
	content(dir, "f");
	PART("two descriptors, two positions, one file");
	DO(path_open, dir, 0, "f", 0, READ | SEEK, 0, 0, &other);
	put(fd, "_");
	get(other, 4, 0);
	GET(at, fd_tell, fd, &at);
	put(other, "no");
	GET(at, fd_tell, other, &at);
	PART("appending");
	DO(fd_fdstat_set_flags, fd, APPEND);
	GET(at, fd_seek, fd, 0, __WASI_WHENCE_SET, &at);
	put(fd, "!");
	GET(at, fd_tell, fd, &at);
	DO(fd_fdstat_set_flags, fd, 0);
	GET(at, fd_seek, fd, 0, __WASI_WHENCE_SET, &at);
	put(fd, "A");
	content(dir, "f");
	PART("addresses outside the memory, and lengths beyond reason");
	DO(fd_read, fd, &bad, 1, &n);
	DO(fd_write, fd, (__wasi_ciovec_t *)&bad, 1, &n);
	DO(fd_read, fd, (__wasi_iovec_t *)-4, 1, &n);
	DO(fd_read, fd, &one, 1, (__wasi_size_t *)-2);
	DO(fd_write, fd, &huge, 1, &n);
	GET(n, fd_read, fd, &one, 0, &n);
	PART("closed");
	DO(fd_close, fd);
	DO(fd_close, fd);
	put(fd, "gone");
	get(fd, 1, 0);
	DO(fd_seek, fd, 0, __WASI_WHENCE_CUR, &at);
	return 0;
}

/*
 * Programs that say what they did.
 *
 * Each program makes system calls by their WASI names and prints one line per call, the way strace
 * does: `path_unlink_file(dir, "a") = ENOENT`. The line is made from the call's own source text, so
 * that a transcript can be read without the program beside it. Beside each `x.c` stands
 * `x.expected`, the transcript of a system that is right.
 *
 * Calls go straight to the imports, because a libc hides much: it retries, remembers, and turns one
 * failure into another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasi/api.h>

static const char *const errno_names[] = {
	"OK",	       "E2BIG",	      "EACCES",	   "EADDRINUSE",      "EADDRNOTAVAIL", "EAFNOSUPPORT",
	"EAGAIN",      "EALREADY",    "EBADF",	   "EBADMSG",	      "EBUSY",	       "ECANCELED",
	"ECHILD",      "ECONNABORTED", "ECONNREFUSED", "ECONNRESET",  "EDEADLK",       "EDESTADDRREQ",
	"EDOM",	       "EDQUOT",      "EEXIST",	   "EFAULT",	      "EFBIG",	       "EHOSTUNREACH",
	"EIDRM",       "EILSEQ",      "EINPROGRESS", "EINTR",	      "EINVAL",	       "EIO",
	"EISCONN",     "EISDIR",      "ELOOP",	   "EMFILE",	      "EMLINK",	       "EMSGSIZE",
	"EMULTIHOP",   "ENAMETOOLONG", "ENETDOWN", "ENETRESET",	      "ENETUNREACH",   "ENFILE",
	"ENOBUFS",     "ENODEV",      "ENOENT",	   "ENOEXEC",	      "ENOLCK",	       "ENOLINK",
	"ENOMEM",      "ENOMSG",      "ENOPROTOOPT", "ENOSPC",	      "ENOSYS",	       "ENOTCONN",
	"ENOTDIR",     "ENOTEMPTY",   "ENOTRECOVERABLE", "ENOTSOCK",  "ENOTSUP",       "ENOTTY",
	"ENXIO",       "EOVERFLOW",   "EOWNERDEAD", "EPERM",	      "EPIPE",	       "EPROTO",
	"EPROTONOSUPPORT", "EPROTOTYPE", "ERANGE", "EROFS",	      "ESPIPE",	       "ESRCH",
	"ESTALE",      "ETIMEDOUT",   "ETXTBSY",   "EXDEV",	      "ENOTCAPABLE",
};

static inline int show(const char *call, int error)
{
	int known = error >= 0 && error < (int)(sizeof errno_names / sizeof *errno_names);
	printf("%s = %s\n", call, known ? errno_names[error] : "?");
	return error;
}

/* Makes a call and prints it: DO(fd_close, 7) prints `fd_close(7) = EBADF`. Is the errno. */
#define DO(name, ...) show(#name "(" #__VA_ARGS__ ")", __wasi_##name(__VA_ARGS__))

/* The same, and on success a value that the call yielded. */
#define GET(value, name, ...)                                                          \
	(show(#name "(" #__VA_ARGS__ ")", __wasi_##name(__VA_ARGS__)) == 0                 \
		 ? (void)printf("  %s %llu\n", #value, (unsigned long long)(value))       \
		 : (void)0)

/* A heading. */
#define PART(text) printf("\n# %s\n", text)

/* A fact that depends on the machine, so that only its truth is printed. */
#define IS(fact) printf("  %s: %s\n", #fact, (fact) ? "yes" : "no")

#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW
#define CREAT __WASI_OFLAGS_CREAT
#define EXCL __WASI_OFLAGS_EXCL
#define TRUNC __WASI_OFLAGS_TRUNC
#define DIRECTORY __WASI_OFLAGS_DIRECTORY
#define APPEND __WASI_FDFLAGS_APPEND
#define READ __WASI_RIGHTS_FD_READ
#define WRITE __WASI_RIGHTS_FD_WRITE
#define SEEK __WASI_RIGHTS_FD_SEEK
#define TELL __WASI_RIGHTS_FD_TELL

/* What a file may be asked for. */
#define FILE_RIGHTS                                                                             \
	(READ | WRITE | SEEK | TELL | __WASI_RIGHTS_FD_DATASYNC | __WASI_RIGHTS_FD_SYNC |       \
	 __WASI_RIGHTS_FD_ADVISE | __WASI_RIGHTS_FD_ALLOCATE | __WASI_RIGHTS_FD_FILESTAT_GET |  \
	 __WASI_RIGHTS_FD_FILESTAT_SET_SIZE | __WASI_RIGHTS_FD_FILESTAT_SET_TIMES |             \
	 __WASI_RIGHTS_FD_FDSTAT_SET_FLAGS | __WASI_RIGHTS_POLL_FD_READWRITE)

/* And a directory: all that has to do with paths. */
#define DIRECTORY_RIGHTS ((__wasi_rights_t)0x1fffffff & ~FILE_RIGHTS)

/* A new directory to work in, made in the first one that the program was given. */
static inline __wasi_fd_t scratch(const char *name)
{
	__wasi_fd_t first = 3, fd = 0;
	__wasi_fdstat_t given;
	int error = __wasi_path_create_directory(first, name);
	if (error == 0)
		error = __wasi_fd_fdstat_get(first, &given);
	if (error == 0)
		error = __wasi_path_open(first, 0, name, DIRECTORY, given.fs_rights_base,
					 given.fs_rights_inheriting, 0, &fd);
	if (error != 0) {
		printf("no scratch directory: %s\n", errno_names[error]);
		exit(99);
	}
	return fd;
}

/* Makes a file that holds `text`, without a line in the transcript. */
static inline void make(__wasi_fd_t dir, const char *path, const char *text)
{
	__wasi_fd_t fd;
	__wasi_size_t n;
	__wasi_ciovec_t part = { (const uint8_t *)text, strlen(text) };
	int error = __wasi_path_open(dir, 0, path, CREAT | TRUNC, FILE_RIGHTS, 0, 0, &fd);
	if (error == 0)
		error = __wasi_fd_write(fd, &part, 1, &n);
	if (error == 0)
		error = __wasi_fd_close(fd);
	if (error != 0)
		printf("cannot make %s: %s\n", path, errno_names[error]);
}

/* Opens a file to read and write, without a line in the transcript. */
static inline __wasi_fd_t opened(__wasi_fd_t dir, const char *path)
{
	__wasi_fd_t fd = -1;
	int error = __wasi_path_open(dir, 0, path, 0, FILE_RIGHTS, 0, 0, &fd);
	if (error != 0)
		printf("cannot open %s: %s\n", path, errno_names[error]);
	return fd;
}

/* Prints what a file holds; a zero as a dot. */
static inline void content(__wasi_fd_t dir, const char *path)
{
	uint8_t bytes[64];
	__wasi_fd_t fd;
	__wasi_size_t n = 0;
	__wasi_iovec_t part = { bytes, sizeof bytes };
	int error = __wasi_path_open(dir, FOLLOW, path, 0, READ, 0, 0, &fd);
	if (error == 0) {
		error = __wasi_fd_read(fd, &part, 1, &n);
		(void)!__wasi_fd_close(fd);
	}
	printf("  %s holds ", path);
	if (error != 0)
		printf("%s\n", errno_names[error]);
	else {
		putchar('"');
		for (__wasi_size_t i = 0; i < n; i++)
			putchar(bytes[i] == 0 ? '.' : bytes[i]);
		puts("\"");
	}
}

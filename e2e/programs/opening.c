/* path_open: every flag on every kind of thing, and paths of every shape. */
#include "transcript.h"

static __wasi_fd_t dir;

/* One row per kind of thing, one column per combination of flags. */
static void matrix(uint32_t follow)
{
	static const char *const things[] = { "file", "sub", "to-file", "to-sub", "dangling", "loop", "missing" };
	static const struct {
		const char *name;
		int flags;
	} flags[] = {
		{ "0", 0 },
		{ "CREAT", CREAT },
		{ "CREAT|EXCL", CREAT | EXCL },
		{ "TRUNC", TRUNC },
		{ "DIRECTORY", DIRECTORY },
		{ "CREAT|DIRECTORY", CREAT | DIRECTORY },
	};
	for (size_t i = 0; i < sizeof things / sizeof *things; i++)
		for (size_t j = 0; j < sizeof flags / sizeof *flags; j++) {
			__wasi_fd_t fd;
			make(dir, "file", "text");
			int error = __wasi_path_open(dir, follow, things[i], flags[j].flags, READ, 0, 0, &fd);
			printf("  %-9s %-16s %s\n", things[i], flags[j].name, errno_names[error]);
			if (error == 0)
				(void)!__wasi_fd_close(fd);
			(void)!__wasi_path_unlink_file(dir, "missing");
			(void)!__wasi_path_unlink_file(dir, "nowhere");
		}
}

static void at(const char *path)
{
	__wasi_fd_t fd;
	int error = __wasi_path_open(dir, FOLLOW, path, 0, READ, 0, 0, &fd);
	printf("  \"%s\": %s\n", path, errno_names[error]);
	if (error == 0)
		(void)!__wasi_fd_close(fd);
}

int main(void)
{
	__wasi_fd_t fd, file;
	char long_name[300];
	__wasi_fdstat_t stat;

	dir = scratch("opening");
	(void)!__wasi_path_create_directory(dir, "sub");
	make(dir, "sub/inner", "inner");
	(void)!__wasi_path_symlink("file", dir, "to-file");
	(void)!__wasi_path_symlink("sub", dir, "to-sub");
	(void)!__wasi_path_symlink("nowhere", dir, "dangling");
	(void)!__wasi_path_symlink("loop", dir, "loop");
	(void)!__wasi_path_symlink("../../../etc", dir, "out");

	PART("symlinks are not followed");
	matrix(0);
	PART("symlinks are followed");
	matrix(FOLLOW);
	PART("what the flags did");
	make(dir, "file", "text");
	DO(path_open, dir, 0, "file", TRUNC, WRITE, 0, 0, &fd);
	content(dir, "file");
	DO(path_open, dir, FOLLOW, "dangling", CREAT, WRITE, 0, 0, &fd);
	content(dir, "nowhere");
	PART("paths");
	at("sub/inner");
	at("sub//inner");
	at("./sub/./inner");
	at("sub/../sub/inner");
	at("to-sub/inner");
	at("to-sub/../file");
	at("sub/");
	at("sub/.");
	at("to-sub/");
	at("file/");
	at("file/x");
	at("file/..");
	at("missing/x");
	at("missing/../file");
	at("loop/x");
	at("out/x");
	at("");
	at(".");
	at("..");
	at("../opening/file");
	at("sub/../../opening/file");
	at("/");
	at("/file");
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = 0;
	printf("  a name of 299 bytes: %s\n", errno_names[__wasi_path_open(dir, 0, long_name, CREAT, READ, 0, 0, &fd)]);
	printf("  a name that is no UTF-8: %s\n", errno_names[__wasi_path_open(dir, 0, "\xff\xfe", CREAT, READ, 0, 0, &fd)]);
	PART("rights");
	DO(path_open, dir, 0, "sub", DIRECTORY, READ | WRITE, 0, 0, &fd);
	DO(path_open, dir, 0, "sub", 0, WRITE, 0, 0, &fd);
	DO(path_open, dir, 0, "file", 0, 0, 0, 0, &file);
	(void)!__wasi_fd_fdstat_get(file, &stat);
	IS(stat.fs_rights_base == 0);
	DO(path_open, file, 0, "x", CREAT, READ, 0, 0, &fd);
	DO(path_open, 99, 0, "x", CREAT, READ, 0, 0, &fd);
	DO(path_open, dir, 0, (char *)"file", 0, READ, 0, 0, (__wasi_fd_t *)-2);
	PART("a directory opened within");
	DO(path_open, dir, 0, "sub", DIRECTORY, DIRECTORY_RIGHTS, FILE_RIGHTS, 0, &fd);
	dir = fd;
	at("inner");
	at("..");
	at("../file");
	return 0;
}

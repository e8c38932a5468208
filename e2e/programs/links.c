/* path_link, path_symlink, path_readlink, path_unlink_file, path_remove_directory. */
#include "transcript.h"

static __wasi_fd_t dir;

static void count(const char *path)
{
	__wasi_filestat_t stat;
	int error = __wasi_path_filestat_get(dir, 0, path, &stat);
	if (error != 0)
		printf("  %s: %s\n", path, errno_names[error]);
	else
		printf("  %s: type %d, %d links, %d bytes\n", path, stat.filetype, (int)stat.nlink, (int)stat.size);
}

static void read_link(const char *path, __wasi_size_t room)
{
	uint8_t target[33] = "................................";
	__wasi_size_t used = 0;
	int error = __wasi_path_readlink(dir, path, target, room, &used);
	printf("  %s in %u: %s", path, (unsigned)room, errno_names[error]);
	if (error == 0)
		printf(" %u \"%.12s\"", (unsigned)used, (char *)target);
	printf("\n");
}

int main(void)
{
	__wasi_fd_t fd;
	__wasi_size_t n;
	uint8_t bytes[8] = "";
	__wasi_iovec_t part = { bytes, 7 };

	dir = scratch("links");
	make(dir, "file", "text");
	(void)!__wasi_path_create_directory(dir, "sub");

	PART("hard links");
	DO(path_link, dir, 0, "file", dir, "second");
	DO(path_link, dir, 0, "second", dir, "sub/third");
	count("file");
	count("sub/third");
	make(dir, "second", "new");
	content(dir, "sub/third");
	DO(path_unlink_file, dir, "file");
	count("second");
	DO(path_link, dir, 0, "missing", dir, "x");
	DO(path_link, dir, 0, "second", dir, "second");
	DO(path_link, dir, 0, "second", dir, "sub");
	DO(path_link, dir, 0, "second", dir, "missing/x");
	DO(path_link, dir, 0, "second", dir, "x/");
	DO(path_link, dir, 0, "second/", dir, "x");
	DO(path_link, dir, 0, "sub", dir, "x");
	DO(path_link, dir, 0, "second", dir, "../x");
	PART("symbolic links");
	DO(path_symlink, "second", dir, "to-file");
	DO(path_symlink, "sub", dir, "to-sub");
	DO(path_symlink, "nowhere", dir, "dangling");
	DO(path_symlink, "to-sub", dir, "to-to-sub");
	count("to-file");
	count("dangling");
	count("to-to-sub/third");
	content(dir, "to-to-sub/third");
	DO(path_symlink, "x", dir, "second");
	DO(path_symlink, "x", dir, "sub");
	DO(path_symlink, "x", dir, "dangling");
	DO(path_symlink, "x", dir, "missing/x");
	DO(path_symlink, "", dir, "empty");
	DO(path_symlink, "/second", dir, "absolute");
	PART("a hard link to a symbolic link, and to what it leads to");
	DO(path_link, dir, 0, "to-file", dir, "same");
	count("same");
	DO(path_link, dir, FOLLOW, "dangling", dir, "x");
	PART("reading links");
	read_link("to-file", 32);
	read_link("to-file", 3);
	read_link("to-file", 0);
	read_link("second", 32);
	read_link("sub", 32);
	read_link("missing", 32);
	PART("removing");
	DO(path_unlink_file, dir, "sub");
	DO(path_unlink_file, dir, "sub/");
	DO(path_unlink_file, dir, "second/");
	DO(path_unlink_file, dir, "missing");
	DO(path_unlink_file, dir, "missing/x");
	DO(path_unlink_file, dir, ".");
	DO(path_remove_directory, dir, "second");
	DO(path_remove_directory, dir, "to-sub");
	DO(path_remove_directory, dir, "sub");
	DO(path_remove_directory, dir, "missing");
	DO(path_unlink_file, dir, "to-sub");
	count("sub");
	DO(path_unlink_file, dir, "sub/third");
	DO(path_remove_directory, dir, "sub/");
	count("sub");
	PART("a removed file lives while it is open");
	fd = opened(dir, "second");
	DO(path_unlink_file, dir, "second");
	count("second");
	GET(n, fd_read, fd, &part, 1, &n);
	printf("  \"%s\"\n", (char *)bytes);
	__wasi_filestat_t stat;
	GET(stat.nlink, fd_filestat_get, fd, &stat);
	return 0;
}

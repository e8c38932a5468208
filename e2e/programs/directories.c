/* fd_readdir: reading a directory in pieces, from any entry, while it changes. */
#include "transcript.h"

static uint8_t buffer[4096];
static char names[64][16];
static int count;

static int compare(const void *left, const void *right)
{
	return strcmp(left, right);
}

/* Reads from `cookie` with a buffer of `size` bytes to the end. Answers the number of calls. */
static int read_all(__wasi_fd_t dir, __wasi_dircookie_t cookie, __wasi_size_t size)
{
	int calls = 0;
	count = 0;
	for (;;) {
		__wasi_size_t used, at = 0;
		int error = __wasi_fd_readdir(dir, buffer, size, cookie, &used);
		calls++;
		if (error != 0 || calls > 1000) {
			printf("fd_readdir: %s\n", errno_names[error]);
			return calls;
		}
		while (at + sizeof(__wasi_dirent_t) <= used) {
			__wasi_dirent_t entry;
			memcpy(&entry, buffer + at, sizeof entry);
			at += sizeof entry;
			if (at + entry.d_namlen > used)
				break;
			snprintf(names[count++ % 64], 16, "%.*s/%d", (int)entry.d_namlen, (char *)buffer + at,
				 entry.d_type);
			at += entry.d_namlen;
			cookie = entry.d_next;
		}
		if (used < size)
			return calls;
	}
}

static void list(void)
{
	qsort(names, count, sizeof *names, compare);
	printf(" ");
	for (int i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

int main(void)
{
	__wasi_fd_t dir = scratch("directories"), gone;
	__wasi_filestat_t stat;
	__wasi_dirent_t entry;
	__wasi_size_t used;
	char name[8];

	PART("an empty directory has two entries");
	IS(read_all(dir, 0, sizeof buffer) == 1);
	list();
	PART("names with their types");
	make(dir, "file", "");
	DO(path_create_directory, dir, "sub");
	DO(path_symlink, "file", dir, "link");
	read_all(dir, 0, sizeof buffer);
	list();
	PART("an entry's inode is the file's");
	(void)!__wasi_fd_readdir(dir, buffer, sizeof buffer, 0, &used);
	for (__wasi_size_t at = 0; at < used; at += sizeof entry + entry.d_namlen) {
		memcpy(&entry, buffer + at, sizeof entry);
		if (entry.d_namlen == 2)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)entry.d_namlen, (char *)buffer + at + sizeof entry);
		int error = __wasi_path_filestat_get(dir, 0, name, &stat);
		printf("  %s: %s\n", name, error == 0 && stat.ino == entry.d_ino ? "same" : "different");
	}
	PART("small buffers: each piece is cut to the byte");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "n%02d", i);
		make(dir, name, "");
	}
	for (__wasi_size_t size = 32; size <= 512; size *= 2) {
		int calls = read_all(dir, 0, size);
		printf("  %u bytes: %d entries%s\n", (unsigned)size, count, calls > 1 ? ", several calls" : "");
	}
	PART("a buffer too small for one entry is filled");
	GET(used, fd_readdir, dir, buffer, 10, 0, &used);
	GET(used, fd_readdir, dir, buffer, 0, 0, &used);
	PART("from the third entry");
	(void)!__wasi_fd_readdir(dir, buffer, sizeof buffer, 0, &used);
	memcpy(&entry, buffer, sizeof entry);
	read_all(dir, entry.d_next, sizeof buffer);
	printf("  after the first: %d\n", count);
	PART("entries removed while reading: the others come once");
	__wasi_dircookie_t cookie = 0;
	int seen = 0;
	for (;;) {
		(void)!__wasi_fd_readdir(dir, buffer, 40, cookie, &used);
		if (used < sizeof entry)
			break;
		memcpy(&entry, buffer, sizeof entry);
		cookie = entry.d_next;
		snprintf(name, sizeof name, "%.*s", (int)entry.d_namlen, (char *)buffer + sizeof entry);
		if (name[0] == 'n')
			seen += __wasi_path_unlink_file(dir, name) == 0;
	}
	printf("  removed %d\n", seen);
	read_all(dir, 0, sizeof buffer);
	list();
	PART("not a directory, no directory any more, no descriptor");
	DO(fd_readdir, opened(dir, "file"), buffer, 100, 0, &used);
	DO(path_open, dir, 0, "sub", DIRECTORY, DIRECTORY_RIGHTS, FILE_RIGHTS, 0, &gone);
	DO(path_remove_directory, dir, "sub");
	DO(path_create_directory, gone, "x");
	DO(fd_readdir, 99, buffer, 100, 0, &used);
	DO(fd_readdir, dir, (uint8_t *)-10, 100, 0, &used);
	return 0;
}

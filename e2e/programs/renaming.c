/* path_rename: everything onto everything. */
#include "transcript.h"

static __wasi_fd_t dir;
static const char *const things[] = { "file", "empty", "full", "link", "missing" };
enum { KINDS = sizeof things / sizeof *things };

static void name_of(char *into, char prefix, int thing)
{
	snprintf(into, 16, "%c-%s", prefix, things[thing]);
}

static void set_up(char prefix)
{
	char name[16], inner[24];
	name_of(name, prefix, 0);
	make(dir, name, name);
	name_of(name, prefix, 1);
	(void)!__wasi_path_create_directory(dir, name);
	name_of(name, prefix, 2);
	(void)!__wasi_path_create_directory(dir, name);
	snprintf(inner, sizeof inner, "%s/x", name);
	make(dir, inner, "x");
	name_of(name, prefix, 3);
	(void)!__wasi_path_symlink("nowhere", dir, name);
}

static void clear(char prefix)
{
	char name[16], inner[24];
	for (int i = 0; i < KINDS; i++) {
		name_of(name, prefix, i);
		snprintf(inner, sizeof inner, "%s/x", name);
		(void)!__wasi_path_unlink_file(dir, inner);
		if (__wasi_path_unlink_file(dir, name) != 0)
			(void)!__wasi_path_remove_directory(dir, name);
	}
}

/* What is at a name now: the digit of its type, `-` for nothing. */
static char kind(const char *name)
{
	__wasi_filestat_t stat;
	return __wasi_path_filestat_get(dir, 0, name, &stat) == 0 ? '0' + stat.filetype : '-';
}

int main(void)
{
	char from[16], to[16];
	dir = scratch("renaming");
	PART("from, to: answer, and the types that are there afterwards");
	for (int i = 0; i < KINDS; i++)
		for (int j = 0; j < KINDS; j++) {
			set_up('a');
			set_up('b');
			name_of(from, 'a', i);
			name_of(to, 'b', j);
			int error = __wasi_path_rename(dir, from, dir, to);
			printf("  %-9s %-9s %-9s %c %c\n", from, to, errno_names[error], kind(from), kind(to));
			clear('a');
			clear('b');
		}
	PART("onto itself");
	make(dir, "f", "f");
	(void)!__wasi_path_create_directory(dir, "d");
	(void)!__wasi_path_create_directory(dir, "d/e");
	DO(path_rename, dir, "f", dir, "f");
	DO(path_rename, dir, "d", dir, "d");
	DO(path_link, dir, 0, "f", dir, "g");
	DO(path_rename, dir, "f", dir, "g");
	printf("  f %c g %c\n", kind("f"), kind("g"));
	PART("into itself");
	DO(path_rename, dir, "d", dir, "d/e/x");
	DO(path_rename, dir, "d", dir, "d/x");
	DO(path_rename, dir, "d/e", dir, "d");
	PART("the dots");
	DO(path_rename, dir, "d/.", dir, "x");
	DO(path_rename, dir, "d/..", dir, "x");
	DO(path_rename, dir, "d", dir, "../x");
	PART("slashes at the end");
	DO(path_rename, dir, "d/", dir, "h/");
	DO(path_rename, dir, "h", dir, "d/");
	DO(path_rename, dir, "f/", dir, "x");
	DO(path_rename, dir, "f", dir, "x/");
	PART("between directories");
	DO(path_rename, dir, "f", dir, "d/f");
	DO(path_rename, dir, "d/f", dir, "d/e/f");
	DO(path_rename, dir, "d/e", dir, "e");
	content(dir, "e/f");
	DO(path_rename, dir, "e/f", dir, "missing/f");
	DO(path_rename, dir, "e/f/x", dir, "x");
	DO(path_rename, 99, "e", dir, "x");
	DO(path_rename, dir, "e", 99, "x");
	return 0;
}

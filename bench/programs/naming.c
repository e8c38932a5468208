/*
 * Many files in one directory: microseconds per file to create and write, stat, rename, unlink.
 *
 *     naming <files>
 *
 * The best of two times through counts. Each phase ends early where the host is hopelessly slow; later
 * phases then have fewer files.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "timing.h"

#define MOST_NS 1e9

static char from[64];
static char to[64];

static void old_name(int i) { snprintf(from, sizeof from, "/naming/file-%05d.txt", i); }
static void new_name(int i) { snprintf(to, sizeof to, "/naming/renamed-%05d.txt", i); }

static void create(int i) {
	old_name(i);
	int fd = open(from, O_CREAT | O_WRONLY | O_EXCL, 0644);
	check(fd < 0, "create");
	check(write(fd, "a few bytes", 11) != 11, "write");
	check(close(fd) != 0, "close");
}

static void look(int i) {
	struct stat found;
	old_name(i);
	check(stat(from, &found) != 0 || found.st_size != 11, "stat");
}

static void move(int i) {
	old_name(i);
	new_name(i);
	check(rename(from, to) != 0, "rename");
}

static void drop(int i) {
	new_name(i);
	check(unlink(to) != 0, "unlink");
}

struct phase {
	const char *name;
	void (*one)(int);
	double best;
};

static struct phase phases[] = {
	{"create", create, 1e300},
	{"stat", look, 1e300},
	{"rename", move, 1e300},
	{"unlink", drop, 1e300},
};
#define PHASES (sizeof phases / sizeof *phases)

/* How many of `count` files were done in time. */
static int run(struct phase *phase, int count) {
	double start = now(), end = start;
	int i = 0;
	while (i < count && end - start < MOST_NS) {
		for (int batch = 0; batch < 10 && i < count; batch++) phase->one(i++);
		end = now();
	}
	double each = (end - start) / i / 1e3;
	if (each < phase->best) phase->best = each;
	return i;
}

int main(int argc, char **argv) {
	int files = argc > 1 ? atoi(argv[1]) : 20000;
	check(mkdir("/naming", 0755) != 0, "mkdir");
	for (int round = 0; round < 2; round++) {
		int left = files;
		for (size_t i = 0; i < PHASES; i++) {
			int done = run(&phases[i], left);
			/* What was made and not removed would be in the way of a second round. */
			if (done < left) round = 2;
			left = done;
		}
	}
	for (size_t i = 0; i < PHASES; i++) report(phases[i].name, phases[i].best);
	return 0;
}

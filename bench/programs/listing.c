/*
 * A directory of 10,000 files, listed: microseconds per entry.
 *
 *     listing <files>
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "timing.h"

#define MOST_NS 1.5e9

/* One way through the directory; how many entries were seen before the time was up. */
static int list(double until) {
	DIR *directory = opendir("/listing");
	check(directory == NULL, "opendir");
	int seen = 0;
	while (readdir(directory) != NULL) {
		seen++;
		if ((seen & 15) == 0 && now() > until) break;
	}
	closedir(directory);
	return seen;
}

int main(int argc, char **argv) {
	int files = argc > 1 ? atoi(argv[1]) : 10000;
	char name[64];
	check(mkdir("/listing", 0755) != 0, "mkdir");
	double begun = now();
	for (int i = 0; i < files; i++) {
		if ((i & 15) == 0 && now() - begun > MOST_NS) files = i;
		snprintf(name, sizeof name, "/listing/file-%05d.txt", i);
		int fd = open(name, O_CREAT | O_WRONLY, 0644);
		check(fd < 0, "create");
		close(fd);
	}
	double best = 1e300;
	/* Three times through, unless that takes too long. */
	double first = now();
	for (int round = 0; round < 3 && now() - first < MOST_NS; round++) {
		double start = now();
		int entries = list(first + MOST_NS);
		double end = now();
		check(entries < files && end < first + MOST_NS, "count");
		if ((end - start) / entries < best) best = (end - start) / entries;
	}
	report("entry", best / 1e3);
	return 0;
}

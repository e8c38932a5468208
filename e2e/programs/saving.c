/* Saves files as programs do, and then computes for ever without a call: a file that is new, one that is
 * longer, one under another name that takes the place of the old one, and one that was never closed. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile unsigned rounds;

static int put(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	return fd;
}

int main(void)
{
	char name[32];
	close(put("/m/out.txt", O_TRUNC, "result"));
	close(put("/m/log.txt", O_APPEND, "line 1\n"));
	close(put("/m/draft", O_TRUNC, "the new one"));
	if (rename("/m/draft", "/m/final.txt") != 0 || mkdir("/m/many", 0755) != 0)
		perror("rename");
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "/m/many/%d", i);
		close(put(name, O_TRUNC, name));
	}
	unlink("/m/many/49");
	put("/m/open.txt", O_TRUNC, "never closed");
	/* It is open a second time, and closed once. */
	put("/m/twice.txt", O_TRUNC, "");
	close(put("/m/twice.txt", O_TRUNC, "closed once"));
	puts("busy");
	fflush(stdout);
	for (;;)
		rounds++;
}

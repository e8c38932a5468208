/* Children that run on their parent's stack and memory, as vfork of newer C libraries makes them: proc_fork_env,
   proc_exec3, proc_exit2. With an argument it says so, and ends. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

#define CALL(name) __attribute__((import_module("wasix_32v1"), import_name(#name)))

CALL(proc_fork_env) int32_t proc_fork_env(uint32_t *pid);
CALL(proc_exec3) int32_t proc_exec3(const char *, uint32_t, const char *, uint32_t, const char *, uint32_t, uint32_t, const char *, uint32_t);
CALL(proc_exit2) void proc_exit2(uint32_t code);
CALL(proc_spawn) int32_t proc_spawn(const char *, uint32_t, uint32_t, const char *, uint32_t, const char *, uint32_t, uint32_t, uint32_t, uint32_t, const char *, uint32_t, void *);
CALL(proc_id) int32_t proc_id(uint32_t *pid);
CALL(proc_join) int32_t proc_join(void *pid, uint32_t flags, void *status);
CALL(chdir) int32_t change(const char *, uint32_t);
CALL(getcwd) int32_t current(char *, uint32_t *);

static uint32_t id(void)
{
	uint32_t pid = 0;
	proc_id(&pid);
	return pid;
}

static int32_t run(const char *path, const char *args)
{
	return proc_exec3(path, strlen(path), args, strlen(args), NULL, 0, 0, NULL, 0);
}

static void join(uint32_t pid)
{
	uint32_t wanted[2] = {1, pid};
	uint16_t status[4] = {0};
	int32_t error = proc_join(wanted, 0, status);
	printf("join: %d, child %u, status %u, code %u\n", error, wanted[1], status[0] & 0xff, status[1]);
}

int main(int count, char **args)
{
	if (count > 1) {
		puts(args[1]);
		return 0;
	}
	uint32_t child = 0, other = 0;
	uint32_t self = id();

	int32_t error = proc_fork_env(&child);
	uint32_t in_child = id();
	int file = open("/tmp/said", O_WRONLY | O_CREAT | O_TRUNC, 0666);
	__wasi_fd_renumber(file, 1);
	int32_t done = run("/bin/standing", "standing\nfrom the child\n");
	printf("fork: %d, as child: %d, exec: %d, as parent: %d\n", error, in_child == child, done, id() == self);
	join(child);
	char said[64] = {0};
	file = open("/tmp/said", O_RDONLY);
	read(file, said, sizeof said - 1);
	printf("said: %s", said);

	error = proc_fork_env(&child);
	int32_t nested = proc_fork_env(&other);
	int32_t failed = run("/bin/nosuch", "nosuch\n");
	in_child = id();
	change("/tmp", 4);
	close(1);
	proc_exit2(7);
	char path[64] = {0};
	uint32_t size = sizeof path;
	current(path, &size);
	printf("nested: %d, exec: %d, as child: %d, then: %d in %s\n", nested, failed, in_child == child, id() == self, path);
	join(child);

	/* The first form of spawn: input from nowhere, output through a pipe, errors as ours. */
	struct { uint32_t pid; struct { uint8_t tag; uint32_t fd; } streams[3]; } handles;
	const char *words = "standing\npiped\n";
	error = proc_spawn("/bin/standing", 13, 0, words, strlen(words), NULL, 0, 2, 0, 1, "/tmp", 4, &handles);
	printf("spawn: %d, ends: %d%d%d\n", error, handles.streams[0].tag, handles.streams[1].tag, handles.streams[2].tag);
	memset(said, 0, sizeof said);
	read(handles.streams[1].fd, said, sizeof said - 1);
	printf("said: %s", said);
	join(handles.pid);
	error = proc_spawn("/bin/standing", 13, 0, words, strlen(words), NULL, 0, 0, 0, 9, "/tmp", 4, &handles);
	printf("spawn: %d\n", error);

	/* One that its parent leaves behind. */
	proc_fork_env(&child);
	return 0;
}

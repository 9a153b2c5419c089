// SPDX-License-Identifier: BSD-2-Clause
#include "program.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

#define WARM_UP_NS 1500000000ull

extern char **environ;

uint64_t program_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

unsigned program_read(char **argv, struct program programs[PROGRAM_MAX])
{
	unsigned n = 0;

	for (char **arg = argv; *arg; arg++) {
		if (strcmp(*arg, "::") != 0)
			continue;
		*arg = NULL;
		if (n == PROGRAM_MAX || !arg[1] || !arg[2] || !arg[3])
			return 0;
		programs[n++] = (struct program){.path = arg[1], .peer = arg[2], .argv = arg + 3};
	}
	return n;
}

static void move_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The end of a pipe that nobody writes to. */
static int silence(void)
{
	static int fds[2] = {-1, -1};

	if (fds[0] < 0 && pipe2(fds, O_CLOEXEC))
		perror("pipe");
	return fds[0];
}

pid_t program_start(const struct program *p, const char *log)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, silence(), 0);
	posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	move_to(CPU_PROGRAM);
	err = posix_spawnp(&pid, p->argv[0], &actions, NULL, p->argv, environ);
	move_to(CPU_DEVICE);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		fprintf(stderr, "cannot start %s: %s\n", p->argv[0], strerror(err));
	return err ? -1 : pid;
}

static void set_threads(pid_t pid, int policy, int priority)
{
	const struct sched_param param = {.sched_priority = policy == SCHED_FIFO ? priority : 0};
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != gettid())
			sched_setscheduler(atoi(entry->d_name), policy, &param);
	if (dir)
		closedir(dir);
}

void program_go_first(pid_t pid, bool on)
{
	const struct sched_param param = {.sched_priority = on};
	int policy = on ? SCHED_FIFO : SCHED_OTHER;

	set_threads(getpid(), policy, 2);
	set_threads(pid, policy, 1);
	sched_setscheduler(0, policy, &param);
}

bool program_gone(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

bool program_end(pid_t pid)
{
	uint64_t until = program_now_ns() + PROGRAM_PATIENCE_NS, numbers[BACKEND_BURST];
	bool over = false;

	kill(pid, SIGINT);
	while (!over && program_now_ns() < until) {
		over = program_gone(pid);
		backend_receive(numbers);
	}
	if (!over) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	while (backend_taken() && program_now_ns() < until)
		backend_receive(numbers);
	/* Packets that it sent before it died. */
	while (backend_receive(numbers))
		;
	return over;
}

void program_warm_up(void)
{
	uint64_t until = program_now_ns() + WARM_UP_NS, numbers[BACKEND_BURST];

	while (program_now_ns() < until)
		backend_receive(numbers);
}

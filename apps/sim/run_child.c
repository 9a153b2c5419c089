// SPDX-License-Identifier: BSD-2-Clause
#include "run_child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vireo/log.h>

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

static sigset_t before;

static void fill(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(set, passed_on[i]);
}

void run_child_prepare(void)
{
	sigset_t set;

	fill(&set);
	pthread_sigmask(SIG_BLOCK, &set, &before);
}

static int set_environment(const char *object, const char *root)
{
	const char *others = getenv("LD_PRELOAD");
	char list[2 * PATH_MAX];

	if (others && *others)
		snprintf(list, sizeof(list), "%s:%s", object, others);
	else
		snprintf(list, sizeof(list), "%s", object);
	return setenv("LD_PRELOAD", list, 1) || setenv("VIREO_SIM_ROOT", root, 1) ? -errno : 0;
}

/* In the child. Each file that is mapped for a card costs the preloaded object a descriptor more. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void become(const char *path, char **argv, const char *object, const char *root, int report)
{
	int err = set_environment(object, root);

	raise_limit();
	/* Without us there are no cards. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err) {
		execv(path, argv);
		err = -errno;
	}
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* What the terminal sends reaches the program by itself; what somebody sends to us is meant for it. */
static int wait_for(pid_t child)
{
	sigset_t set;
	int status;

	fill(&set);
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(&set, &info);

		if (sig > 0 && sig != SIGCHLD && info.si_code != SI_KERNEL)
			kill(child, sig);
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

int run_child(const char *path, char **argv, const char *object, const char *root, int *ret_status)
{
	int report[2], err = 0;
	pid_t child;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return vireo_error(-errno, "cannot make a pipe: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child == 0)
		become(path, argv, object, root, report[1]);
	close(report[1]);
	if (child < 0) {
		close(report[0]);
		return vireo_error(-errno, "cannot make a process: %s", strerror(errno));
	}
	/* Ends without a word when the program has begun. */
	n = read(report[0], &err, sizeof(err));
	close(report[0]);
	*ret_status = wait_for(child);
	if (n == sizeof(err))
		return vireo_error(err, "cannot run %s: %s", path, strerror(-err));
	return 0;
}

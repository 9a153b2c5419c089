// SPDX-License-Identifier: BSD-2-Clause
/* SIGSEGV has two owners, and nobody may block it: a blocked one is not held back but ends the program. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "preload.h"
#include "trap.h"

PRELOAD_CALL int sigaction(int sig, const struct sigaction *restrict action, struct sigaction *restrict old)
{
	struct sigaction open;

	if (!preload_root())
		return NEXT(sigaction)(sig, action, old);
	if (sig == SIGSEGV) {
		trap_program_action(action, old);
		return 0;
	}
	if (!action)
		return NEXT(sigaction)(sig, action, old);
	open = *action;
	sigdelset(&open.sa_mask, SIGSEGV);
	return NEXT(sigaction)(sig, &open, old);
}

static __sighandler_t set_handler(__sighandler_t handler, int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;

	trap_program_action(&action, &old);
	return old.sa_handler;
}

PRELOAD_CALL __sighandler_t signal(int sig, __sighandler_t handler)
{
	if (preload_root() && sig == SIGSEGV)
		return set_handler(handler, SA_RESTART);
	return NEXT(signal)(sig, handler);
}

__sighandler_t bsd_signal(int sig, __sighandler_t handler);
PRELOAD_CALL __sighandler_t bsd_signal(int sig, __sighandler_t handler)
{
	if (preload_root() && sig == SIGSEGV)
		return set_handler(handler, SA_RESTART);
	return NEXT(bsd_signal)(sig, handler);
}

PRELOAD_CALL __sighandler_t sysv_signal(int sig, __sighandler_t handler)
{
	if (preload_root() && sig == SIGSEGV)
		return set_handler(handler, (int)SA_RESETHAND | SA_NODEFER);
	return NEXT(sysv_signal)(sig, handler);
}

PRELOAD_CALL __sighandler_t __sysv_signal(int sig, __sighandler_t handler)
{
	return sysv_signal(sig, handler);
}

static const sigset_t *without_segv(int how, const sigset_t *set, sigset_t *copy)
{
	if (!set || how == SIG_UNBLOCK || !preload_root())
		return set;
	*copy = *set;
	sigdelset(copy, SIGSEGV);
	return copy;
}

PRELOAD_CALL int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	sigset_t copy;

	return NEXT(pthread_sigmask)(how, without_segv(how, set, &copy), old);
}

PRELOAD_CALL int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	sigset_t copy;

	return NEXT(sigprocmask)(how, without_segv(how, set, &copy), old);
}

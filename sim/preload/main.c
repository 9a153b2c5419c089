// SPDX-License-Identifier: BSD-2-Clause
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trap.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[512];
static sigset_t fork_mask;
/* Found without a call, so that a signal handler may look. */
static __thread bool locked __attribute__((tls_model("initial-exec")));

void *preload_next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found) {
		preload_complain("the C library has no %s()", name);
		abort();
	}
	return found;
}

long preload_result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

void preload_complain(const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	memcpy(text, "vireo-sim: ", 11);
	va_start(args, format);
	n = vsnprintf(text + 11, sizeof(text) - 12, format, args);
	va_end(args);
	n = n < 0 ? 0 : n > (int)sizeof(text) - 13 ? (int)sizeof(text) - 13 : n;
	text[11 + n] = '\n';
	if (write(STDERR_FILENO, text, (size_t)n + 12) < 0)
		return; /* there is nobody to tell it to */
}

/* Other libraries may call us before our constructor has run. */
static void find_root(void)
{
	const char *text = getenv("VIREO_SIM_ROOT");

	if (text && text[0] == '/' && strlen(text) < sizeof(root))
		strcpy(root, text);
}

const char *preload_root(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_root);
	return root[0] ? root : NULL;
}

void preload_set_root(const char *path)
{
	preload_root();
	snprintf(root, sizeof(root), "%s", path);
}

void preload_block_signals(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	NEXT(pthread_sigmask)(SIG_BLOCK, &all, saved);
}

void preload_restore_signals(const sigset_t *saved)
{
	NEXT(pthread_sigmask)(SIG_SETMASK, saved, NULL);
}

void preload_lock(sigset_t *saved)
{
	preload_block_signals(saved);
	pthread_mutex_lock(&lock);
	locked = true;
}

void preload_unlock(const sigset_t *saved)
{
	locked = false;
	pthread_mutex_unlock(&lock);
	preload_restore_signals(saved);
}

bool preload_is_locked(void)
{
	return locked;
}

/*
 * The kernel copies, so that a wrong pointer is an error and no signal. Where it may not (a seccomp filter), the pointer
 * is believed.
 */
static int copy(void *to, const void *from, size_t len, bool in)
{
	struct iovec ours = {.iov_base = in ? to : (void *)(uintptr_t)from, .iov_len = len};
	struct iovec theirs = {.iov_base = in ? (void *)(uintptr_t)from : to, .iov_len = len};
	ssize_t n;

	if (!len)
		return 0;
	if (in)
		n = process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);
	else
		n = process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	if (n < 0 && (errno == EPERM || errno == ENOSYS)) {
		memcpy(to, from, len);
		return 0;
	}
	return -EFAULT;
}

int preload_copy_in(void *to, const void *from, size_t len)
{
	return copy(to, from, len, true);
}

int preload_copy_out(void *to, const void *from, size_t len)
{
	return copy(to, from, len, false);
}

/* A child gets tables that nobody is in the middle of changing. */
static void before_fork(void)
{
	sigset_t saved;

	preload_lock(&saved);
	fork_mask = saved;
}

static void after_fork(void)
{
	sigset_t saved = fork_mask;

	preload_unlock(&saved);
}

__attribute__((constructor)) static void preload_start(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
	if (preload_root())
		trap_install();
}

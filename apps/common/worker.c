// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <vireo/log.h>

#include "worker.h"

enum worker_state {
	WORKER_RUN,
	WORKER_PAUSE,
	WORKER_STOP,
	WORKER_FINISHED, /* state only */
};

static void nap(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* Release: whoever sees the new state sees all that the passes before it have done. */
static void set(int *state, enum worker_state value)
{
	__atomic_store_n(state, value, __ATOMIC_RELEASE);
}

static int get(const int *state)
{
	return __atomic_load_n(state, __ATOMIC_ACQUIRE);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	bool more = true;
	int wanted;

	while (more && (wanted = get(&w->wanted)) != WORKER_STOP) {
		set(&w->state, wanted);
		if (wanted == WORKER_PAUSE)
			nap();
		else
			more = w->pass(w->ctx);
	}
	set(&w->state, WORKER_FINISHED);
	return NULL;
}

static int pin(pthread_attr_t *attr, int cpu)
{
	cpu_set_t set;

	if (cpu == WORKER_ANY_CPU)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	return -pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

int worker_start(struct worker *w)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	set(&w->wanted, WORKER_RUN);
	set(&w->state, WORKER_RUN);
	pthread_attr_init(&attr);
	err = pin(&attr, w->cpu);
	/* Threads inherit the mask: a Ctrl-C shall wake the control thread, not cut a pass short. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!err)
		err = -pthread_create(&w->thread, &attr, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	w->started = !err;
	if (err == -EINVAL)
		return vireo_error(err, "CPU %d is not there or this process may not use it; see taskset -p", w->cpu);
	if (err)
		return vireo_error(err, "cannot start a thread: %s", strerror(-err));
	return 0;
}

void worker_pause(struct worker *w)
{
	int state;

	if (!w->started)
		return;
	set(&w->wanted, WORKER_PAUSE);
	while ((state = get(&w->state)) != WORKER_PAUSE && state != WORKER_FINISHED)
		nap();
}

void worker_resume(struct worker *w)
{
	set(&w->wanted, WORKER_RUN);
}

void worker_stop(struct worker *w)
{
	if (!w->started)
		return;
	set(&w->wanted, WORKER_STOP);
	pthread_join(w->thread, NULL);
	w->started = false;
}

bool worker_finished(const struct worker *w)
{
	return get(&w->state) == WORKER_FINISHED;
}

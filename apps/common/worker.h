/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_WORKER_H
#define APPS_WORKER_H

/*
 * A thread that moves packets. It runs one pass after another; between two passes the control thread can make it pause,
 * since a port may be stopped and started only while nobody uses its queues.
 */

#include <pthread.h>
#include <stdbool.h>

#define WORKER_ANY_CPU (-1)

struct worker {
	/* One turn over all queues of this thread; false when there is nothing left to do, ever. */
	bool (*pass)(void *ctx);
	void *ctx;
	int cpu; /* to be pinned to, or WORKER_ANY_CPU */

	pthread_t thread;
	bool started;
	int wanted, state; /* enum worker_state, atomic */
};

/* 0; -EINVAL when the CPU is not there; what pthread_create() says. Signals stay with the calling thread. */
int worker_start(struct worker *w);
/* Return when the thread is between two passes, or has finished; until then at most one pass goes by. */
void worker_pause(struct worker *w);
void worker_resume(struct worker *w);
/* End and join; also of one that was never started. */
void worker_stop(struct worker *w);
/* The last pass returned false. */
bool worker_finished(const struct worker *w);

#endif

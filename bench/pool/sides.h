/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_POOL_SIDES_H
#define BENCH_POOL_SIDES_H

/*
 * What is measured of pools and rings, ours and DPDK's: the same steps over the same sizes. Each side is a file of its own,
 * compiled with the flags that its users get, so that what is inline for them is inline here.
 */

#include <stdbool.h>
#include <stdint.h>

#define WINDOW	  256  /* elements that are timed as a whole */
#define N_BUFS	  8192 /* of a pool */
#define CACHE	  256  /* buffers that a thread may keep */
#define RING_SIZE 1024
#define MAX_BATCH 256

/* What a thread has for itself: room for a window of packets by value. */
struct lane {
	char room[WINDOW * 32] __attribute__((aligned(64)));
	void *ptrs[WINDOW];
	uint64_t sum; /* of what was looked at */
};

/* A step takes WINDOW elements in bursts of @batch. Those of rings return how many elements they moved. */
struct step {
	const char *what, *path, *peer, *op; /* peer is NULL for ours */
	bool (*open)(void);
	void (*close)(void);
	void (*window)(struct lane *l, unsigned batch);	 /* one thread, by itself or beside another one */
	unsigned (*put)(struct lane *l, unsigned batch); /* two threads: one puts, the other gets; NULL for pools */
	unsigned (*get)(struct lane *l, unsigned batch);
};

extern const struct step vireo_steps[], rte_steps[];

/* DPDK's environment, and a second thread in it. */
bool rte_side_open(void);
void rte_side_enter_thread(void);
void rte_side_leave_thread(void);

#endif

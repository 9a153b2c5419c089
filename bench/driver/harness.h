/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVER_HARNESS_H
#define BENCH_DRIVER_HARNESS_H

/*
 * What the programs that measure a driver share: options, the order of figures, and the lines of JSON that come out, one a
 * figure. Each of them is a driver with a stub (stub.h) behind it.
 */

#include "measure.h"
#include "stub.h"

#define FRAME_LEN   60
#define ALLOC_BURST 32

struct harness_options {
	const char *path;    /* what the rows are called */
	const char *profile; /* an operation: print how often each instruction runs */
	const char *batches;
	unsigned round;
	unsigned n_windows;
	unsigned n_counted;
	unsigned n_l3_windows; /* 0: not from L3 */
	bool turns; /* with another such program, which runs while this one waits */
	bool full;
	const char *offloads; /* of those that cost something, one */
};

/* Ends the program after --help and on anything that is not understood. What is left in @argv is the caller's. */
void harness_options(int argc, char **argv, struct harness_options *ret_options);

/*
 * Measure everything that is asked for. @peer is whose driver it is, NULL for ours; it takes bursts of @min_batch and more.
 * @cache is where the target's context has it.
 */
void harness_run(const struct harness_options *o, const struct target *target, enum card_cache *cache, const char *peer,
		 unsigned min_batch);

#endif

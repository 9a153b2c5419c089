/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_VIRTIO_OPTIONS_H
#define BENCH_VIRTIO_OPTIONS_H

/* What both benches of the driver alone take and print. */

#include <stdbool.h>
#include <stdint.h>

#include "measure.h"

#define FRAME_LEN 60
/* So that a window of packets fits whatever the driver has not filled or cleaned yet. */
#define RING 512

struct options {
	char socket[108];
	const char *path;  /* how the row is called */
	uint64_t features; /* BACKEND_* */
	unsigned n_windows, n_counted, round;
	unsigned batches[16], n_batches;
	bool large; /* packets can be larger than buffers */
	bool turns; /* with another such program, which runs while this one waits */
};

/* Ends the program on --help and on what makes no sense. */
struct options options_parse(int argc, char **argv);
/* Measure and print; @peer: whose driver it is, or NULL for ours. */
void options_run(const struct options *opt, const struct target *target, const char *peer);

#endif

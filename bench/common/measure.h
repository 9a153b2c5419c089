/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_COMMON_MEASURE_H
#define BENCH_COMMON_MEASURE_H

/*
 * What is measured, and how: a window of WINDOW packets in bursts of B, timed as a whole. What the card does, taking
 * buffers from the pool before a transmit window and giving them back after a receive window lie outside. Of many
 * windows the median counts: what another process does to a few of them does not show.
 */

#include <stdint.h>

#define WINDOW	  256
#define MAX_BATCH 256

enum op {
	OP_RX,
	OP_TX,
	OP_FWD, /* receive, change a byte of the frame, send */
	N_OPS
};

extern const char *const op_names[N_OPS];

/* One window's bursts; what the bench measures calls nothing else. */
struct target {
	void *ctx;
	void (*prepare)(void *ctx, enum op op, unsigned batch);
	void (*window)(void *ctx, enum op op, unsigned batch);
	void (*settle)(void *ctx, enum op op, unsigned batch);
	void (*yield)(void); /* between parts of a measurement, for somebody else's; NULL: in one piece */
};

struct result {
	double tsc;	  /* cycles of the time stamp counter per packet: median */
	double low, high; /* quartiles */
	double insn;	  /* instructions per packet */
};

/* Print which instruction runs how often per packet: offset in the program, times; for addr2line and objdump. */
void measure_profile(const struct target *t, enum op op, unsigned batch, unsigned n_counted);
struct result measure(const struct target *t, enum op op, unsigned batch, unsigned n_windows, unsigned n_counted);
/* Core cycles per cycle of the time stamp counter, just now. */
double measure_clock_ratio(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_VERIFY_H
#define PKTGEN_VERIFY_H

/*
 * What became of the packets of each stream. Every packet counts under one heading, and other threads may watch. The
 * last VERIFY_WINDOW sequence numbers of a stream are remembered, a bit for each, so that a packet that comes late is
 * told from one that comes twice.
 */

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "hist.h"

#define VERIFY_WINDOW      (1u << 18)
#define VERIFY_MAX_STREAMS 64

struct verify_counts {
	uint64_t received;   /* intact packets of ours, each once */
	uint64_t lost;       /* sent, and not received in any state; while running: gaps between numbers */
	uint64_t reordered;  /* arrived after a packet that was sent later; contained in received */
	uint64_t duplicated; /* arrived again */
	uint64_t corrupted;  /* arrived damaged */
	uint64_t foreign;    /* other people's frames */
};

struct verify_stream {
	uint16_t id;
	bool begun;
	uint64_t first, next; /* sequence numbers, extended to 64 bits: lowest expected, highest seen plus one */
	uint64_t unique;      /* different ones received */
	uint64_t sent;        /* by a sender in this process; UINT64_MAX: unknown */
	uint64_t seen[VERIFY_WINDOW / 64];
};

struct verify {
	struct verify_counts counts;
	struct hist latency;
	unsigned n_streams;
	struct verify_stream *streams[VERIFY_MAX_STREAMS];
	struct verify_stream *last;
	uint64_t expect; /* packets in all, as the user says; 0: not said */
};

/*
 * Expect a stream from its packet 0 on; one that nobody announced begins with the first packet that arrives.
 * -ENOMEM, -ENOSPC when there are too many.
 */
int verify_announce(struct verify *v, uint16_t stream);
void verify_frame(struct verify *v, const uint8_t *frame, unsigned len, uint64_t now_ns);
/* The counts of a moment; any thread. */
struct verify_counts verify_counts(const struct verify *v);
/* How many packets a sender of this process has really sent. */
void verify_sent(struct verify *v, uint16_t stream, uint64_t n);
/* Packets that are still to come; 0 when all are here or nobody knows. */
uint64_t verify_outstanding(const struct verify *v);
/* Nothing more will come: what is missing is lost. */
void verify_finish(struct verify *v);
void verify_destroy(struct verify *v);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_RING_H
#define VIREO_LIB_RING_H

/* The inside of a ring, for ring.c and for tests that start one near the end of its count. */

#include <vireo/ring.h>

#define RING_CACHE_LINE 64

struct vireo_ring {
	uint32_t mask;
	uint32_t *turns; /* NULL with one producer */
	struct vireo_pkt *pkts;

	/* Producers: where the next element goes, and a copy of the consumer's position from earlier. */
	uint32_t head __attribute__((aligned(RING_CACHE_LINE)));
	uint32_t tail_seen;
	/* The consumer: what it takes next, and a copy of a single producer's position. */
	uint32_t tail __attribute__((aligned(RING_CACHE_LINE)));
	uint32_t head_seen;
};

#endif

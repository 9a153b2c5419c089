/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_WIRE_FRAME_H
#define SIM_WIRE_FRAME_H

/*
 * The frames of a generator: Ethernet, maybe a VLAN tag, IPv4 and UDP, and in the payload what vireo-pktgen sends, so
 * that its receiving side can tell loss, order and latency (network byte order, offsets from the start of the payload)
 *	0  magic      "vire"
 *	4  stream     16 bits
 *	6  sequence   32 bits, counts from 0 and wraps
 *	10 time       64 bits, CLOCK_MONOTONIC in nanoseconds
 *	18 filling    byte i holds i
 * The IPv4 identification holds the low 16 bits of the sequence. A flow is a source port, and above FRAME_PORTS flows a
 * source address too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "internal.h"

#define FRAME_MAX    9728 /* without FCS */
#define FRAME_PORTS  32768u
#define FRAME_HEADER 64 /* what is written for each frame: headers and tag, and filling if there is no VLAN tag */

enum frame_fault {
	FRAME_GOOD,
	FRAME_BAD_IP,  /* wrong checksum of the IPv4 header */
	FRAME_BAD_L4,  /* wrong UDP checksum */
	FRAME_FOREIGN, /* to somebody else's address */
};

struct frame_config {
	uint8_t dst[MAC_LEN], src[MAC_LEN];
	bool tagged;
	uint16_t vlan, stream;
	uint32_t n_flows;
};

struct frame_writer {
	uint8_t header[FRAME_HEADER]; /* what all frames of a burst have in common */
	unsigned l2_len;
	uint32_t n_flows, flow;
	uint32_t seq;
	/* Sums of big-endian words that do not change from frame to frame, not yet folded; udp_sum has the time. */
	uint64_t ip_sum, fixed_udp_sum, udp_sum;
	/* Sum over the filling of a frame, by length. */
	uint16_t fill_sum[FRAME_MAX + 1];
};

void frame_writer_init(struct frame_writer *w, const struct frame_config *cfg);
/* Write the filling of frames of up to @len bytes into a buffer; once, since nobody else writes there. */
void frame_writer_fill(const struct frame_writer *w, uint8_t *frame, unsigned len);
/* The time that the next frames carry. */
void frame_writer_set_time(struct frame_writer *w, uint64_t now_ns);
/*
 * The next @n frames, in the buffers and of the lengths (FRAME_MIN, and 4 with a tag, to FRAME_MAX) that @frames say. The
 * buffers were filled, and have room for FRAME_HEADER bytes in any case. @faults are enum frame_fault.
 */
void frame_writer_burst(struct frame_writer *w, const struct sim_frame *frames, const uint8_t *faults, unsigned n);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_FRAME_H
#define PKTGEN_FRAME_H

/*
 * The frames that pktgen sends: Ethernet, maybe a VLAN tag, IPv4, UDP, and in the payload (network byte order, offsets
 * from its start)
 *	0  magic      "vire"
 *	4  stream     16 bits, one per sending port and run
 *	6  sequence   32 bits, counts the packets of the stream from 0 and wraps
 *	10 time       64 bits, CLOCK_MONOTONIC of the sender in nanoseconds
 *	18 filling    byte i holds i
 * The IPv4 identification holds the low 16 bits of the sequence, so that tcpdump shows the order.
 */

#include <stdbool.h>
#include <stdint.h>

#include "units.h"

#define FRAME_FCS      4
#define FRAME_OVERHEAD 20 /* preamble, start delimiter and gap between frames on the wire */
#define FRAME_MIN      60 /* without FCS and tag */
#define FRAME_MAX      65000
#define FRAME_MAGIC    0x76697265u

#define ETH_LEN  14
#define VLAN_LEN 4
#define IP_LEN   20
#define UDP_LEN  8
#define TAG_LEN  18 /* magic to time */

/* All that the user chooses about the frames of one sender. */
struct frame_config {
	uint8_t src_mac[VIREO_MAC_LEN], dst_mac[VIREO_MAC_LEN];
	bool tagged;
	uint16_t vlan;
	struct units_range src_ip, dst_ip, src_port, dst_port;
	uint64_t n_flows; /* 0: every combination of the ranges */
	uint16_t stream;
	bool offload;     /* leave both checksums to the card */
};

/* Walks through the flows: source port turns fastest, then destination port, source and destination address. */
struct frame_gen {
	struct frame_config cfg;
	uint8_t header[ETH_LEN + VLAN_LEN + IP_LEN + UDP_LEN + TAG_LEN];
	unsigned l2_len;
	uint32_t src_ip, dst_ip, src_port, dst_port;
	uint64_t flow, n_flows;
	uint32_t seq;
	/* Sum over the filling of a frame, by size: it never changes, so it is added up once. */
	uint16_t fill_sum[FRAME_MAX + 1];
};

/* Fails with -EINVAL when the ranges make no sense together. */
int frame_gen_init(struct frame_gen *gen, const struct frame_config *cfg);
/* Length of the frame in memory for a size that the user gave (with FCS, without tag). */
unsigned frame_len(const struct frame_gen *gen, unsigned size);
/* Write the filling of the largest frame into a buffer; once, since nobody else writes there. */
void frame_fill(const struct frame_gen *gen, uint8_t *frame, unsigned len);
/* Write the headers and the tag of the next packet over the front of a filled frame of @len bytes. */
void frame_write(struct frame_gen *gen, uint8_t *frame, unsigned len, uint64_t now_ns);

enum frame_kind {
	FRAME_OURS,
	FRAME_CORRUPT, /* a checksum is wrong */
	FRAME_FOREIGN, /* somebody else's traffic */
};

struct frame_tag {
	uint16_t stream;
	uint32_t seq;
	uint64_t time_ns;
};

/* Look at a received frame; @ret_tag is written for FRAME_OURS. */
enum frame_kind frame_check(const uint8_t *frame, unsigned len, struct frame_tag *ret_tag);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_VEC_H
#define IXGBE_VEC_H

/*
 * The innermost loops of plain packets, several at a time, for processors with vector units. What they do is what
 * receive_run(), post() and send_run() do, which are the reference: the same results, or they stop and leave the rest to
 * those. No loop goes around the end of a ring.
 */

#include <stdbool.h>
#include <stdint.h>

#include <vireo/packet.h>

#include "ixgbe_desc.h"

/* What is the same for every packet of a queue. */
struct ixgbe_rx_consts {
	uint64_t word; /* off, len (0) and flags of a packet, as they lie in memory */
	uint64_t port; /* hash (0), vlan (0) and port */
	uint16_t max_len;
};

struct ixgbe_vec {
	const char *name; /* as in VIREO_SIMD */
	/* Packets from up to @n descriptors; stops in front of a group with one that is not plain or not there. */
	unsigned (*rx_run)(const union ixgbe_rx_desc *d, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
			   const struct ixgbe_rx_consts *c, uint64_t *bytes);
	/* IXGBE_BULK buffers for as many descriptors; @add makes a buffer's address what the card needs. */
	void (*rx_arm)(union ixgbe_rx_desc *d, void *const *bufs, uint64_t add);
	/* Descriptors for up to @n packets; stops in front of a group with one that is not plain or not of @owner. */
	unsigned (*tx_run)(union ixgbe_tx_desc *d, void **bufs, const struct vireo_pkt *pkts, unsigned n, uint32_t owner,
			   uint64_t iova_offset, uint64_t *bytes);
};

/* Where a loop begins to be worth its while; below, the scalar one is faster. */
#define IXGBE_VEC_MIN 8

extern const struct ixgbe_vec ixgbe_vec_sse42, ixgbe_vec_avx2, ixgbe_vec_avx512;

/* The best that this processor has, and that the environment variable VIREO_SIMD allows; NULL: none. */
const struct ixgbe_vec *ixgbe_vec_choose(void);

/* What makes a packet more than one buffer to be sent as it is, and what a queue remembers of its flags: whose it is. */
#define IXGBE_TX_NOT_PLAIN                                                                                             \
	(VIREO_PKT_MORE | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE | VIREO_PKT_VLAN | VIREO_PKT_TX_MASK)
#define IXGBE_TX_OWNER_FLAGS (VIREO_PKT_SHARED | 0xffu << VIREO_PKT_POOL_SHIFT)

/* Empirical, as the authors of other drivers found: shorter frames can hang the chip. It pads the others itself. */
#define IXGBE_TX_MIN_LEN 17
#define IXGBE_TX_MAX_LEN (15872 - 4 - 4)

#define IXGBE_TX_PLAIN_CMD (IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS | IXGBE_TXD_EOP)

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_TX_H
#define IXGBE_TX_H

/*
 * What the two files of transmit share: ixgbe_tx.c, which has the bursts and all that is plain, and ixgbe_txpkt.c, which
 * sends a packet of any kind.
 */

#include <stddef.h>
#include <string.h>

#include "ixgbe.h"
#include "ixgbe_vec.h"

#define MIXED IXGBE_TX_MIXED

#define MAX_LEN (IXGBE_MAX_FRAME - IXGBE_CRC_LEN - VLAN_TAG_LEN)

/* What one context and the headers of a packet of one buffer are enough for ... */
#define L4_CSUMS      (VIREO_PKT_TX_TCP_CSUM | VIREO_PKT_TX_UDP_CSUM)
#define REQUEST_FLAGS (VIREO_PKT_VLAN | VIREO_PKT_IPV6 | VIREO_PKT_TX_IP_CSUM | L4_CSUMS)
/* ... and what it is not. */
#define NOT_A_REQUEST (VIREO_PKT_MORE | VIREO_PKT_SHARED | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE | VIREO_PKT_TX_TSO)

/* The card takes a ring whose head is its tail for empty, so one descriptor stays free. */
static inline unsigned n_free(const struct ixgbe_txq *q)
{
	return q->mask - ixgbe_txq_n_used(q);
}

static inline unsigned since_report(const struct ixgbe_txq *q)
{
	return (q->next - q->reported) & q->mask;
}

/* Have the card say when it is done with the last descriptor that was written. */
static inline void report(struct ixgbe_txq *q)
{
	unsigned at = (q->next - 1u) & q->mask;

	q->ring[at].data.cmd |= IXGBE_TXD_RS;
	q->reports[q->reports_tail++ & q->reports_mask] = (struct ixgbe_report){.owner = q->owner, .at = at};
	q->reported = q->next;
}

/* Guarantees: used up. Before the doorbell. */
static inline void end_window(struct ixgbe_txq *q)
{
	q->limit = q->next &= q->mask;
	if (since_report(q) >= q->report_every)
		report(q);
}

static inline void write_desc(union ixgbe_tx_desc *d, uint64_t first, uint64_t second)
{
	io_store_relaxed(&d->qwords[0], first);
	io_store_relaxed(&d->qwords[1], second);
}

/* A qword of the second half of a packet. */
static inline uint64_t load_half(const struct vireo_pkt *p, size_t at)
{
	uint64_t qword;

	memcpy(&qword, (const char *)p + at, sizeof(qword));
	return qword;
}

#define TAG_AT	offsetof(struct vireo_pkt, hash)
#define LENS_AT offsetof(struct vireo_pkt, tx)

/*
 * The packet at the front of @pkts, of any kind: how many of the @n elements were taken, 0 when the ring is full. A packet
 * that can never be sent is taken too.
 */
unsigned ixgbe_tx_packet(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
			 uint64_t *bytes);
/* A descriptor and what belongs to it; the caller knows that there is room. There is no window any more. */
void ixgbe_tx_add(struct ixgbe_txq *q, uint64_t first, uint64_t second, void *buf, uint32_t flags);

#endif

// SPDX-License-Identifier: BSD-2-Clause
/* The life of a transmit queue: memory, what the card is told of it, and what becomes of sent buffers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "ixgbe.h"
#include "pool.h"

static unsigned burst_nothing(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static int alloc_ring(struct ixgbe_txq *q, unsigned size, unsigned numa_node)
{
	size_t ring = size * sizeof(*q->ring);
	unsigned n_reports;
	int err;

	/* A quarter of a tiny ring, so that without a report outstanding there is room for any packet and its context. */
	static_assert(IXGBE_MIN_RING - IXGBE_MIN_RING / 4 > IXGBE_MAX_TX_DESCS, "no packet waits for ever");
	q->report_every = size / 4 < IXGBE_BULK ? size / 4 : IXGBE_BULK;
	n_reports = size / q->report_every;
	q->bufs = calloc(size, sizeof(*q->bufs));
	q->owners = calloc(size, sizeof(*q->owners));
	q->reports = calloc(n_reports, sizeof(*q->reports));
	if (!q->bufs || !q->owners || !q->reports)
		return vireo_error(-ENOMEM, "no memory for a transmit queue");
	err = vireo_memory_alloc(ring + (size_t)size * IXGBE_SLOT_SIZE, 4096, numa_node, &q->mem);
	if (err)
		return err;
	q->ring = q->mem;
	q->slots = (char *)q->mem + ring;
	q->mask = size - 1;
	q->reports_mask = n_reports - 1;
	return 0;
}

int ixgbe_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q)
{
	struct vireo_device_info info;
	struct ixgbe_txq *q;
	int err;

	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return vireo_error(-ENOMEM, "no memory for a transmit queue");
	memset(q, 0, sizeof(*q));
	q->xp = ixgbe_port_of(port);
	q->head.pub.burst = burst_nothing;
	q->debug = vireo_pool_debug();
	vireo_device_info(q->xp->hw.dev, &info);
	err = alloc_ring(q, vireo_port_config(port)->tx_ring, info.numa_node + 1);
	if (err) {
		ixgbe_txq_destroy(&q->head);
		return err;
	}
	*ret_q = &q->head;
	return 0;
}

void ixgbe_txq_destroy(struct vireo_txq_head *head)
{
	struct ixgbe_txq *q = (struct ixgbe_txq *)head;

	if (!q)
		return;
	vireo_memory_free(q->mem);
	free(q->reports);
	free(q->owners);
	free(q->bufs);
	free(q);
}

/* 4.6.8: the ring, before the queue is enabled. */
int ixgbe_txq_program(struct ixgbe_txq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	uint64_t iova = dma_iova(q->ring);
	unsigned i = q->head.idx;

	/* A context that no packet asks for is as good as none. */
	memset(q->contexts, 0, sizeof(q->contexts));
	memset(q->requests, 0, sizeof(q->requests));
	q->next = q->limit = q->clean = q->reported = 0;
	q->reports_head = q->reports_tail = 0;
	q->owner = IXGBE_TX_MIXED;
	ixgbe_write(hw, IXGBE_TDBAL(i), (uint32_t)iova);
	ixgbe_write(hw, IXGBE_TDBAH(i), iova >> 32);
	ixgbe_write(hw, IXGBE_TDLEN(i), (q->mask + 1u) * sizeof(*q->ring));
	ixgbe_write(hw, IXGBE_TDH(i), 0);
	ixgbe_write(hw, IXGBE_TDT(i), 0);
	ixgbe_write(hw, IXGBE_TDWBAL(i), 0);
	ixgbe_write(hw, IXGBE_TDWBAH(i), 0);
	/* Write-backs must not be reordered against data. */
	ixgbe_set(hw, IXGBE_DCA_TXCTRL(i), IXGBE_DCA_TXCTRL_RO_WB, 0);
	return io_window_open(hw->dev, VIREO_REGION_BAR0, IXGBE_TDT(i), sizeof(uint32_t), &q->tail);
}

int ixgbe_txq_enable(struct ixgbe_txq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	unsigned i = q->head.idx;

	/* WTHRESH must be 0 for reports one by one; the others keep the fetcher of 40 descriptors busy. */
	ixgbe_write(hw, IXGBE_TXDCTL(i),
		    32u << IXGBE_TXDCTL_PTHRESH_SHIFT | 1u << IXGBE_TXDCTL_HTHRESH_SHIFT | IXGBE_TXDCTL_ENABLE);
	return ixgbe_hw_wait(hw, IXGBE_TXDCTL(i), IXGBE_TXDCTL_ENABLE, IXGBE_TXDCTL_ENABLE,
			     "a transmit queue did not start");
}

int ixgbe_txq_disable(struct ixgbe_txq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	unsigned i = q->head.idx;

	ixgbe_set(hw, IXGBE_TXDCTL(i), IXGBE_TXDCTL_ENABLE, 0);
	return ixgbe_hw_wait(hw, IXGBE_TXDCTL(i), IXGBE_TXDCTL_ENABLE, 0, "a transmit queue did not stop");
}

/* Completion */

static bool is_report_done(const struct ixgbe_txq *q, unsigned at)
{
	/* Pairs with the card's write-back; what it has read of buffers before that, it has read. */
	return io_load_acquire(&q->ring[at].data.olinfo) & IXGBE_TXD_DD;
}

/* How many of @n descriptors from @at on have the same owner. */
static unsigned count_owner(const struct ixgbe_txq *q, unsigned at, unsigned n)
{
	unsigned k = 1;

	while (k < n && q->owners[at + k] == q->owners[at])
		k++;
	return k;
}

/* Buffers of one owner, from descriptor @at on. */
static inline __attribute__((always_inline)) void release_run(struct ixgbe_txq *q, unsigned at, unsigned n,
							      uint32_t owner)
{
	struct vireo_pool *pool = io_load_relaxed(&pool_table[owner >> VIREO_PKT_POOL_SHIFT]);

	/* Flags that name no pool are the application's mistake; there is nowhere to put its buffers. */
	if (likely(pool))
		pool_put_bufs(pool, &q->bufs[at], n);
}

/* Buffers of any owners; returns how many there were. */
static __attribute__((noinline)) unsigned release_mixed(struct ixgbe_txq *q, unsigned at, unsigned n)
{
	unsigned count = 0, k;

	for (unsigned end = at + n; at < end; at += k) {
		uint32_t owner = q->owners[at];

		k = count_owner(q, at, end - at);
		if (!(owner & VIREO_PKT_SHARED)) {
			release_run(q, at, k, owner);
			count += k;
			continue;
		}
		for (unsigned i = at; i < at + k; i++) {
			if (!q->bufs[i])
				continue;
			vireo_pkt_free(&(struct vireo_pkt){.buf = q->bufs[i], .flags = owner}, 1);
			count++;
		}
	}
	return count;
}

/* Give back the buffers of the oldest @n descriptors, which are @owner's; returns how many there were. */
static unsigned release(struct ixgbe_txq *q, unsigned n, uint32_t owner)
{
	unsigned count = 0;

	while (n) {
		unsigned at = q->clean, to_end = q->mask + 1u - at, k = n < to_end ? n : to_end;

		/* A constant n makes the copy into the pool a handful of vector moves. */
		if (unlikely(owner & IXGBE_TX_MIXED))
			count += release_mixed(q, at, k);
		else if (likely(k == IXGBE_BULK))
			release_run(q, at, IXGBE_BULK, owner), count += k;
		else
			release_run(q, at, k, owner), count += k;
		q->clean = (at + k) & q->mask;
		n -= k;
	}
	return count;
}

/* What was sent up to the oldest report. */
static unsigned release_report(struct ixgbe_txq *q)
{
	const struct ixgbe_report *r = &q->reports[q->reports_head++ & q->reports_mask];

	return release(q, (r->at + 1u - q->clean) & q->mask, r->owner);
}

unsigned ixgbe_txq_collect(struct ixgbe_txq *q)
{
	unsigned count = 0;

	while (q->reports_head != q->reports_tail &&
	       is_report_done(q, q->reports[q->reports_head & q->reports_mask].at))
		count += release_report(q);
	return count;
}

/*
 * Deviates because a report is asked for every 32 descriptors only: what was sent after the last one is known by the
 * card's head (8.2.3.9.8). It is looked at when nothing else is outstanding; docs/decisions/ixgbe.md has the other ways.
 */
static unsigned reclaim_by_head(struct ixgbe_txq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	uint32_t head = ixgbe_read(hw, IXGBE_TDH(q->head.idx));
	unsigned n = (head - q->clean) & q->mask;

	if (head == IXGBE_LOST && ixgbe_hw_check(hw)) {
		vireo_port_failed(q->head.port, -ENODEV);
		return 0;
	}
	if (head > q->mask || n > ixgbe_txq_n_used(q)) {
		vireo_log(VIREO_LOG_ERR,
			  "%s: the head of TX queue %u makes no sense; the port must be stopped and started", hw->name,
			  q->head.idx);
		vireo_port_failed(q->head.port, -EIO);
		return 0;
	}
	/* What the card did before it moved its head comes before what we do to the buffers. */
	io_read_barrier();
	if (n == ixgbe_txq_n_used(q))
		q->reported = q->next;
	return release(q, n, q->owner);
}

unsigned ixgbe_txq_reclaim(struct vireo_txq_head *head)
{
	struct ixgbe_txq *q = (struct ixgbe_txq *)head;
	unsigned count = ixgbe_txq_collect(q);

	if (ixgbe_txq_n_used(q) && q->reports_head == q->reports_tail)
		count += reclaim_by_head(q);
	/* There may be more room, and more until the next report. */
	q->limit = q->next;
	return count;
}

bool ixgbe_txq_is_empty(const struct ixgbe_txq *q)
{
	return !ixgbe_txq_n_used(q);
}

void ixgbe_txq_empty(struct ixgbe_txq *q)
{
	while (q->reports_head != q->reports_tail)
		release_report(q);
	release(q, ixgbe_txq_n_used(q), q->owner);
	q->next = q->limit = q->clean = q->reported = 0;
	q->reports_head = q->reports_tail = 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/* The life of a receive queue: memory, buffers that fit, and what the card is told of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dma.h"
#include "ixgbe.h"
#include "pool.h"

#define KIB 1024u

static unsigned burst_nothing(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

/* The largest frame must fit into the buffers that it may have. */
static int choose_buffers(struct ixgbe_rxq *q, const struct vireo_port_config *cfg, uint32_t buf_size)
{
	uint32_t frame = cfg->mtu + IXGBE_OVERHEAD, segs;
	const char *name = q->xp->hw.name;

	if (buf_size < KIB)
		return vireo_error(-EINVAL,
				   "%s writes at least 1024 bytes into a buffer; use a pool with a buf_size "
				   "of as much, not %u",
				   name, buf_size);
	/* 8.2.3.8.7: the card counts in KiB, up to 16; a field of 5 bits. */
	q->buf_len = (buf_size < 16 * KIB ? buf_size / KIB : 16) * KIB;
	segs = (frame + q->buf_len - 1) / q->buf_len;
	/* A bulk of descriptors may wait for buffers while a packet needs all others. */
	if (segs > cfg->rx_ring / 2)
		return vireo_error(-EINVAL,
				   "%s: a packet of %u bytes in buffers of %u bytes has %u elements, too many "
				   "for a ring of %u; use a longer ring or a pool with a larger buf_size",
				   name, frame, buf_size, segs, cfg->rx_ring);
	q->head.max_segs = segs;
	return 0;
}

static int alloc_ring(struct ixgbe_rxq *q, unsigned size, unsigned numa_node)
{
	int err;

	q->bufs = calloc(size, sizeof(*q->bufs));
	if (!q->bufs)
		return vireo_error(-ENOMEM, "no memory for a receive queue");
	err = vireo_memory_alloc(size * sizeof(*q->ring), 4096, numa_node, &q->mem);
	if (err)
		return err;
	q->ring = q->mem;
	q->mask = size - 1;
	return 0;
}

static int open_fd(struct ixgbe_rxq *q)
{
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->fd < 0 ? vireo_error(-errno, "cannot make an eventfd: %m") : 0;
}

static int build(struct ixgbe_rxq *q, const struct vireo_port_config *cfg, struct vireo_pool *pool)
{
	struct vireo_device_info device;
	struct vireo_pool_info info;
	int err;

	vireo_device_info(q->xp->hw.dev, &device);
	err = alloc_ring(q, cfg->rx_ring, device.numa_node + 1);
	if (err)
		return err;
	vireo_pool_info(pool, &info);
	err = choose_buffers(q, cfg, info.buf_size);
	if (!err && cfg->rx_interrupts)
		err = open_fd(q);
	return err;
}

int ixgbe_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct vireo_pool *pool = cfg->rx_pools ? cfg->rx_pools[idx] : cfg->rx_pool;
	struct ixgbe_port *xp = ixgbe_port_of(port);
	struct ixgbe_rxq *q;
	int err;

	err = idx == 0 ? ixgbe_irq_check(xp) : 0;
	if (err)
		return err;
	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return vireo_error(-ENOMEM, "no memory for a receive queue");
	memset(q, 0, sizeof(*q));
	q->xp = xp;
	q->fd = -1;
	q->vector = IXGBE_RX_VECTOR(idx);
	q->head.pub.burst = burst_nothing;
	err = build(q, cfg, pool);
	if (err) {
		ixgbe_rxq_destroy(&q->head);
		return err;
	}
	q->word = (uint64_t)vireo_pool_id(pool) << (32 + VIREO_PKT_POOL_SHIFT) | VIREO_HEADROOM;
	q->port_word = (uint64_t)vireo_port_index(port) << 48;
	/* A quarter of a tiny ring, so that it never runs quite empty before it is filled. */
	q->bulk = cfg->rx_ring / 4 < IXGBE_BULK ? cfg->rx_ring / 4 : IXGBE_BULK;
	q->strip = cfg->rx_offloads & VIREO_RX_VLAN_STRIP;
	q->debug = vireo_pool_debug();
	*ret_q = &q->head;
	return 0;
}

void ixgbe_rxq_destroy(struct vireo_rxq_head *head)
{
	struct ixgbe_rxq *q = (struct ixgbe_rxq *)head;

	if (!q)
		return;
	if (q->fd >= 0)
		close(q->fd);
	vireo_memory_free(q->mem);
	free(q->bufs);
	free(q);
}

void ixgbe_rxq_set_drop(const struct ixgbe_rxq *q, bool drop)
{
	ixgbe_write(&q->xp->hw, IXGBE_SRRCTL(q->head.idx),
		    q->buf_len / KIB | IXGBE_SRRCTL_ADVANCED | (drop ? IXGBE_SRRCTL_DROP_EN : 0));
}

/* 4.6.7: the ring and how buffers are used, before the queue is enabled. */
int ixgbe_rxq_program(struct ixgbe_rxq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	uint64_t iova = dma_iova(q->ring);
	unsigned i = q->head.idx;
	int err;

	err = ixgbe_rxq_fill(q);
	if (err)
		return err;
	ixgbe_write(hw, IXGBE_RDBAL(i), (uint32_t)iova);
	ixgbe_write(hw, IXGBE_RDBAH(i), iova >> 32);
	ixgbe_write(hw, IXGBE_RDLEN(i), (q->mask + 1u) * sizeof(*q->ring));
	ixgbe_write(hw, IXGBE_RDH(i), 0);
	ixgbe_write(hw, IXGBE_RDT(i), 0);
	ixgbe_rxq_set_drop(q, !vireo_port_settings(q->head.port)->flow_control.tx);
	ixgbe_write(hw, IXGBE_RSCCTL(i), 0);
	/* Bit 12 must be cleared after every reset, or payload is damaged. */
	ixgbe_set(hw, IXGBE_DCA_RXCTRL(i), IXGBE_DCA_RXCTRL_CLEAR | IXGBE_DCA_RXCTRL_RO_DATA | IXGBE_DCA_RXCTRL_RO_HEAD,
		  0);
	return io_window_open(hw->dev, VIREO_REGION_BAR0, IXGBE_RDT(i), sizeof(uint32_t), &q->tail);
}

int ixgbe_rxq_enable(struct ixgbe_rxq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	unsigned i = q->head.idx;
	int err;

	ixgbe_set(hw, IXGBE_RXDCTL(i), IXGBE_RXDCTL_VME | IXGBE_RXDCTL_RLPML_EN,
		  IXGBE_RXDCTL_ENABLE | (q->strip ? IXGBE_RXDCTL_VME : 0));
	/* A tail that comes before this is forgotten. */
	err = ixgbe_hw_wait(hw, IXGBE_RXDCTL(i), IXGBE_RXDCTL_ENABLE, IXGBE_RXDCTL_ENABLE,
			    "a receive queue did not start");
	if (!err)
		io_write32(&q->tail, 0, (q->fill - 1u) & q->mask);
	return err;
}

int ixgbe_rxq_disable(struct ixgbe_rxq *q)
{
	const struct ixgbe_hw *hw = &q->xp->hw;
	unsigned i = q->head.idx;

	ixgbe_set(hw, IXGBE_RXDCTL(i), IXGBE_RXDCTL_ENABLE, 0);
	return ixgbe_hw_wait(hw, IXGBE_RXDCTL(i), IXGBE_RXDCTL_ENABLE, 0, "a receive queue did not stop");
}

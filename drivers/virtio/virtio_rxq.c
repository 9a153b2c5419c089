// SPDX-License-Identifier: BSD-2-Clause
/* The life of a receive queue, and waiting on it. What a burst does is in virtio_rx.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "offload.h"
#include "pool.h"
#include "virtio.h"

/* The Ethernet header and two VLAN tags, as the library counts it. */
#define FRAME_OVERHEAD (ETH_HLEN + 2 * VLAN_TAG_LEN)

static struct virtio_rxq *rxq_of(struct vireo_rxq_head *head)
{
	return (struct virtio_rxq *)head;
}

/* Interrupts */

int virtio_rxq_fd(struct vireo_rxq_head *head)
{
	int fd = rxq_of(head)->fd;

	return fd >= 0 ? fd : -EOPNOTSUPP;
}

void virtio_rxq_disarm(struct virtio_rxq *q)
{
	q->armed = false;
	q->special = q->debug;
	virtq_set_interrupts(&q->vq, false);
}

/* 2.7.7: ask for interrupts, then look again: what came before the device saw the request came without one. */
int virtio_rxq_arm(struct vireo_rxq_head *head)
{
	struct virtio_rxq *q = rxq_of(head);

	if (q->fd < 0)
		return -EOPNOTSUPP;
	virtq_set_interrupts(&q->vq, true);
	q->armed = q->special = true;
	io_full_barrier();
	if (!q->vq.batch && virtq_has_used(&q->vq, 1) == 0)
		return 0;
	virtio_rxq_disarm(q);
	return 1;
}

/* Life */

static unsigned count_segs(uint32_t frame, uint32_t buf_size)
{
	/* Later buffers are filled from where the first one has its header. */
	uint32_t later = buf_size + VIRTIO_NET_HDR_LEN;

	return frame <= buf_size ? 1 : 1 + (frame - buf_size + later - 1) / later;
}

/* The largest packet must fit into the buffers that it may have: one, or with MRG_RXBUF many. */
static int check_buffers(struct virtio_rxq *q, const struct vireo_port_config *cfg, uint32_t buf_size)
{
	bool mergeable = q->vp->offered & VIRTIO_NET_F_MRG_RXBUF;
	uint32_t frame = FRAME_OVERHEAD + (cfg->rx_offloads & VIREO_RX_LARGE ? UINT16_MAX : cfg->mtu);
	unsigned segs = count_segs(frame, buf_size);

	if (segs > 1 && !mergeable)
		return vireo_error(
			-EOPNOTSUPP,
			"%s lacks mergeable buffers (MRG_RXBUF), so a packet of %u bytes needs a pool with a "
			"buf_size of as much, not %u; or lower the MTU",
			q->vp->pci.name, frame, buf_size);
	if (segs > VIREO_MAX_SEGS || segs > virtq_size(&q->vq))
		return vireo_error(
			-EINVAL,
			"%s: a packet of %u bytes in buffers of %u bytes has %u elements, more than the %u that are "
			"possible; use a pool with a larger buf_size",
			q->vp->pci.name, frame, buf_size, segs,
			virtq_size(&q->vq) < VIREO_MAX_SEGS ? virtq_size(&q->vq) : VIREO_MAX_SEGS);
	q->head.max_segs = segs;
	return 0;
}

static int alloc_ring(struct virtio_rxq *q, unsigned size, unsigned numa_node)
{
	struct virtq_layout layout;
	int err;

	q->bufs = calloc(size, sizeof(*q->bufs));
	q->free_ids = calloc(size, sizeof(*q->free_ids));
	if (!q->bufs || !q->free_ids)
		return vireo_error(-ENOMEM, "no memory for a receive queue");
	virtq_layout(size, &layout);
	err = vireo_memory_alloc(layout.size, 4096, numa_node, &q->mem);
	if (err)
		return err;
	virtq_init(&q->vq, size, q->mem, q->free_ids);
	return 0;
}

static int open_fd(struct virtio_rxq *q)
{
	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->fd < 0 ? vireo_error(-errno, "cannot make an eventfd: %m") : 0;
}

int virtio_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct vireo_pool *pool = cfg->rx_pools ? cfg->rx_pools[idx] : cfg->rx_pool;
	struct virtio_port *vp = virtio_port_of(port);
	struct vireo_device_info dev_info;
	struct vireo_pool_info info;
	struct virtio_rxq *q;
	int err;

	err = idx == 0 ? virtio_check_config(vp) : 0;
	if (err)
		return err;
	q = aligned_alloc(64, (sizeof(*q) + 63) & ~(size_t)63);
	if (!q)
		return vireo_error(-ENOMEM, "no memory for a receive queue");
	memset(q, 0, sizeof(*q));
	q->vp = vp;
	q->fd = -1;
	q->head.pub.burst = virtio_rx_burst_nothing;
	vireo_device_info(vp->pci.dev, &dev_info);
	err = alloc_ring(q, cfg->rx_ring, dev_info.numa_node + 1);
	if (err)
		goto err_destroy;
	vireo_pool_info(pool, &info);
	err = check_buffers(q, cfg, info.buf_size);
	if (!err && cfg->rx_interrupts)
		err = open_fd(q);
	if (err)
		goto err_destroy;
	q->buf_len = info.buf_size + VIRTIO_NET_HDR_LEN;
	q->pkt_flags = vireo_pool_id(pool) << VIREO_PKT_POOL_SHIFT;
	q->port_index = vireo_port_index(port);
	/* A quarter of a tiny ring, so that it never runs quite empty before it is filled. */
	q->bulk = cfg->rx_ring / 4 < VIRTIO_BULK ? cfg->rx_ring / 4 : VIRTIO_BULK;
	q->debug = vireo_pool_debug();
	*ret_q = &q->head;
	return 0;

err_destroy:
	virtio_rxq_destroy(&q->head);
	return err;
}

void virtio_rxq_destroy(struct vireo_rxq_head *head)
{
	struct virtio_rxq *q = rxq_of(head);

	if (!q)
		return;
	if (q->fd >= 0)
		close(q->fd);
	vireo_memory_free(q->mem);
	free(q->free_ids);
	free(q->bufs);
	free(q);
}

/* What the header of a plain packet says, and which of its bits are to be looked at. */
static void set_plain_header(struct virtio_rxq *q)
{
	const uint64_t any_kind = VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6;

	q->valid_mask = virtio_has(q->vp, VIRTIO_NET_F_GUEST_CSUM) ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
	q->hdr_mask = q->hdr_want = 0;
	/* 5.1.6.4.1: without these features there is one buffer, and nothing that would have to be said of it. */
	if (virtio_has(q->vp, any_kind | VIRTIO_NET_F_MRG_RXBUF))
		q->hdr_mask = (uint16_t)~q->valid_mask;
	if (virtio_has(q->vp, VIRTIO_NET_F_MRG_RXBUF)) {
		q->hdr_mask |= 0xffff0000;
		q->hdr_want = 1u << 16;
	}
}

int virtio_rxq_start(struct virtio_rxq *q)
{
	unsigned size = virtq_size(&q->vq), n;
	struct vireo_pool_info info;

	q->vq.packed = virtio_has(q->vp, VIRTIO_F_RING_PACKED);
	q->vq.in_order = virtio_has(q->vp, VIRTIO_F_IN_ORDER);
	virtq_reset(&q->vq);
	for (unsigned i = 0; !q->vq.packed && i < size; i++)
		virtq_set_desc(&q->vq, (uint16_t)i, 0, q->buf_len, VIRTQ_DESC_F_WRITE);
	q->armed = false;
	q->special = q->debug;
	q->starved = false;
	set_plain_header(q);
	if (virtio_rxq_fill(q))
		return 0;
	vireo_pool_info(q->head.pool, &info);
	n = size - virtq_n_free(&q->vq);
	virtio_rxq_stop(q);
	return vireo_error(-ENOSPC,
			   "%s: pool '%s' cannot fill the %u descriptors of RX queue %u, %u buffers were free; make it "
			   "larger, or the ring smaller",
			   q->vp->pci.name, info.name, size, q->head.idx, n + info.n_free);
}

void virtio_rxq_stop(struct virtio_rxq *q)
{
	virtio_rxq_shuffle(q);
	for (unsigned id = 0; id < virtq_size(&q->vq); id++) {
		if (q->bufs[id])
			pool_put_bufs(q->head.pool, &q->bufs[id], 1);
		q->bufs[id] = NULL;
	}
	virtq_reset(&q->vq);
}

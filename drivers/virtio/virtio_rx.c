// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive: VIRTIO 1.2, 5.1.6.3 and 5.1.6.4. A burst takes runs of plain packets in one tight loop: one buffer, nothing in
 * the header but perhaps a checksum that the device found right. It hands any other packet to receive_any(), which looks
 * at everything again and from the start: the device may have written in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dma.h"
#include "offload.h"
#include "pool.h"
#include "virtio.h"

/* Headers this many packets ahead are asked for before they are needed. */
#define PREFETCH 4

/* The Ethernet header and two VLAN tags, as the library counts it. */
#define FRAME_OVERHEAD (ETH_HLEN + 2 * VLAN_TAG_LEN)

/* The header's gso_type bits that say which protocol is cut. */
#define GSO_PROTOCOL(type) ((type) & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN)

/* What became of one packet. */
struct outcome {
	unsigned n_used; /* entries of the used ring that it took; 0: it does not fit into this burst, leave it */
	unsigned n_pkts; /* elements for the application */
	uint64_t bytes;
};

static struct virtio_rxq *rxq_of(struct vireo_rxq_head *head)
{
	return (struct virtio_rxq *)head;
}

static unsigned burst_nothing(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static unsigned give_up(struct virtio_rxq *q)
{
	vireo_log(VIREO_LOG_ERR,
		  "%s: the used ring of RX queue %u makes no sense; the port must be stopped and started",
		  q->vp->pci.name, q->head.idx);
	vireo_port_failed(q->head.port, -EIO);
	q->head.pub.burst = burst_nothing;
	return 0;
}

/* Refill */

/* Offer @n buffers; false when the pool has fewer. */
static bool post(struct virtio_rxq *q, unsigned n)
{
	struct virtq vq = q->vq; /* indices in registers while we write memory that might be them */
	void *bufs[VIRTIO_BULK];

	if (!pool_get_bufs(q->head.pool, bufs, n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint16_t id = virtq_take_id(&vq);

		q->bufs[id] = bufs[i];
		virtq_set_desc(&vq, id, dma_iova(bufs[i]) + VIRTIO_HDR_AT, q->buf_len, VIRTQ_DESC_F_WRITE);
		virtq_offer(&vq, id);
	}
	q->vq.free_head = vq.free_head;
	q->vq.avail_idx = vq.avail_idx;
	return true;
}

/*
 * Fill up what is empty, in bulk, with one doorbell. Where the pool has little left and the ring too, single buffers
 * are taken: with bulk alone a receiver could stand still beside free buffers.
 */
static void refill(struct virtio_rxq *q)
{
	unsigned n_posted = virtq_size(&q->vq) - virtq_n_free(&q->vq);
	uint16_t before = q->vq.avail_idx;

	while (virtq_n_free(&q->vq) >= q->bulk && post(q, q->bulk))
		;
	if (likely(virtq_n_free(&q->vq) < q->bulk)) {
		q->starved = false;
	} else {
		while (n_posted < q->bulk && post(q, 1))
			n_posted++;
		if (!q->starved)
			vireo_rxq_drop(&q->head, VIREO_DROP_RX_NO_BUFFER, 1);
		q->starved = true;
	}
	if (q->vq.avail_idx == before)
		return;
	virtq_publish(&q->vq);
	virtio_kick(&q->vq, &q->kick, VIRTIO_NET_RXQ(q->head.idx));
}

/* Packets that are not plain */

static void drop_bufs(struct virtio_rxq *q, const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pool_put_bufs(q->head.pool, &pkts[i].buf, 1);
}

/*
 * Consume one used entry. Its buffer, with what lies in it from VIRTIO_HDR_AT on, becomes @ret_pkt; false when the
 * device cannot have meant it: the buffer is recovered then, if the entry names one at all.
 */
static bool take(struct virtio_rxq *q, struct vireo_pkt *ret_pkt)
{
	struct virtq_used_elem e = virtq_peek(&q->vq, 0);
	void *buf = e.id <= q->vq.mask ? q->bufs[e.id] : NULL;

	q->vq.used_idx++;
	if (!buf)
		return false;
	q->bufs[e.id] = NULL;
	virtq_put_id(&q->vq, e.id);
	if (e.len == 0 || e.len > q->buf_len) {
		pool_put_bufs(q->head.pool, &buf, 1);
		return false;
	}
	*ret_pkt = (struct vireo_pkt){
		.buf = buf,
		.off = VIRTIO_HDR_AT,
		.len = e.len,
		.flags = q->pkt_flags,
		.port = q->port_index,
	};
	return true;
}

static void discard(struct virtio_rxq *q, unsigned n)
{
	struct vireo_pkt pkt;

	while (n--)
		if (take(q, &pkt))
			drop_bufs(q, &pkt, 1);
}

/* Read word by word, so that what is checked is what is used. */
static struct virtio_net_hdr read_header(const void *buf)
{
	const uint32_t *from = (const uint32_t *)((const char *)buf + VIRTIO_HDR_AT);
	uint32_t words[3] = {io_load_relaxed(&from[0]), io_load_relaxed(&from[1]), io_load_relaxed(&from[2])};
	struct virtio_net_hdr hdr;

	static_assert(sizeof(words) == sizeof(hdr) && VIRTIO_HDR_AT % 4 == 0, "whole words");
	memcpy(&hdr, words, sizeof(hdr));
	return hdr;
}

/* The header of the packet that comes next, not yet consumed; false when there can be none. */
static bool peek_header(const struct virtio_rxq *q, struct virtio_net_hdr *ret_hdr)
{
	struct virtq_used_elem e = virtq_peek(&q->vq, 0);

	if (e.id > q->vq.mask || !q->bufs[e.id] || e.len <= VIRTIO_NET_HDR_LEN || e.len > q->buf_len)
		return false;
	*ret_hdr = read_header(q->bufs[e.id]);
	return true;
}

/* All elements of one packet: consumes @n entries whatever they hold. */
static bool take_all(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!take(q, &pkts[good]))
			continue;
		pkts[good].flags |= i + 1 < n ? VIREO_PKT_MORE : 0;
		good++;
	}
	/* The first one was looked at before; its length is read anew. */
	if (good == n && pkts[0].len > VIRTIO_NET_HDR_LEN) {
		pkts[0].off += VIRTIO_NET_HDR_LEN;
		pkts[0].len -= VIRTIO_NET_HDR_LEN;
		return true;
	}
	drop_bufs(q, pkts, good);
	return false;
}

/* 5.1.6.4.2: TCP over several frames always comes with a partial checksum. */
static bool dress_large(const struct virtio_rxq *q, const struct virtio_net_hdr *hdr, struct vireo_pkt *pkts,
			unsigned n)
{
	bool ipv6 = GSO_PROTOCOL(hdr->gso_type) == VIRTIO_NET_HDR_GSO_TCPV6;
	struct offload_headers h;

	if (!ipv6 && GSO_PROTOCOL(hdr->gso_type) != VIRTIO_NET_HDR_GSO_TCPV4)
		return false;
	if (!virtio_has(q->vp, ipv6 ? VIRTIO_NET_F_GUEST_TSO6 : VIRTIO_NET_F_GUEST_TSO4))
		return false;
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || hdr->csum_offset != 16 || !hdr->gso_size)
		return false;
	if (offload_find_tcp(pkts, n, hdr->csum_start, &h) || h.ipv6 != ipv6)
		return false;
	pkts[0].flags |= VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL | (ipv6 ? VIREO_PKT_IPV6 : 0);
	pkts[0].tx.l2_len = h.l2_len;
	pkts[0].tx.l3_len = h.l3_len;
	pkts[0].tx.l4_len = h.l4_len;
	pkts[0].tx.seg_size = hdr->gso_size;
	pkts[0].tx.csum_start = hdr->csum_start;
	return true;
}

/* 5.1.6.4.2: the field at csum_offset holds the sum of the pseudo-header; nobody has checked anything. */
static bool dress_partial(const struct virtio_rxq *q, const struct virtio_net_hdr *hdr, struct vireo_pkt *pkts,
			  unsigned n)
{
	if (!virtio_has(q->vp, VIRTIO_NET_F_GUEST_CSUM) || hdr->csum_start < ETH_HLEN ||
	    (uint32_t)hdr->csum_start + hdr->csum_offset + 2 > offload_length(pkts, n))
		return false;
	pkts[0].flags |= VIREO_PKT_CSUM_PARTIAL;
	pkts[0].tx.csum_start = hdr->csum_start;
	pkts[0].tx.csum_offset = hdr->csum_offset;
	return true;
}

/* Say in the packet what the header says of it; false when that cannot be true. */
static bool dress(const struct virtio_rxq *q, const struct virtio_net_hdr *hdr, struct vireo_pkt *pkts, unsigned n)
{
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return dress_large(q, hdr, pkts, n);
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return dress_partial(q, hdr, pkts, n);
	if (hdr->flags & q->valid_mask)
		pkts[0].flags |= VIREO_PKT_RX_L4_OK;
	return true;
}

/* Take the tag out; places in the packet move with it. False when a checksum starts inside the tag. */
static bool strip_vlan(struct vireo_pkt *pkt, uint16_t tci)
{
	if (pkt->flags & VIREO_PKT_CSUM_PARTIAL) {
		if (pkt->tx.csum_start < ETH_HLEN + VLAN_TAG_LEN)
			return false;
		pkt->tx.csum_start -= VLAN_TAG_LEN;
	}
	if (pkt->flags & VIREO_PKT_LARGE)
		pkt->tx.l2_len -= VLAN_TAG_LEN;
	offload_strip_vlan(pkt, tci);
	return true;
}

static bool vlan_wanted(const struct virtio_port *vp, uint16_t tci)
{
	unsigned id = tci & 0xfff;

	return io_load_relaxed(&vp->vlans[id / 64]) >> id % 64 & 1;
}

enum verdict {
	DELIVER,
	FILTERED,
	INVALID,
};

static enum verdict judge(struct virtio_rxq *q, const struct virtio_net_hdr *hdr, struct vireo_pkt *pkts, unsigned n)
{
	uint16_t tci;

	if (!dress(q, hdr, pkts, n))
		return INVALID;
	if (!io_load_relaxed(&q->inspect) || !offload_vlan_tci(&pkts[0], &tci))
		return DELIVER;
	if (!vlan_wanted(q->vp, tci))
		return FILTERED;
	if (!(vireo_port_config(q->head.port)->rx_offloads & VIREO_RX_VLAN_STRIP))
		return DELIVER;
	return strip_vlan(&pkts[0], tci) ? DELIVER : INVALID;
}

/* Consumes one entry that cannot be true. What follows may be a packet again. */
static struct outcome invalid_entry(struct virtio_rxq *q)
{
	discard(q, 1);
	vireo_rxq_drop(&q->head, VIREO_DROP_RX_INVALID, 1);
	return (struct outcome){.n_used = 1};
}

static unsigned n_buffers(const struct virtio_rxq *q, const struct virtio_net_hdr *hdr)
{
	return virtio_has(q->vp, VIRTIO_NET_F_MRG_RXBUF) ? hdr->num_buffers : 1;
}

/* The next packet, of any kind. @room elements are left of a burst of @n; @pending entries are there. */
static struct outcome receive_any(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned room, unsigned n,
				  unsigned pending)
{
	struct virtio_net_hdr hdr;
	struct outcome out = {0};
	enum verdict verdict;

	if (!peek_header(q, &hdr))
		return invalid_entry(q);
	out.n_used = n_buffers(q, &hdr);
	/* 5.1.6.4: a packet's buffers become visible together, so one that is not there yet never comes. */
	if (out.n_used == 0 || out.n_used > VIREO_MAX_SEGS || out.n_used > pending)
		return invalid_entry(q);
	if (out.n_used > n) {
		discard(q, out.n_used);
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_BURST_SHORT, 1);
		return out;
	}
	if (out.n_used > room)
		return (struct outcome){0};
	if (!take_all(q, pkts, out.n_used)) {
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_INVALID, 1);
		return out;
	}
	out.bytes = offload_length(pkts, out.n_used);
	verdict = judge(q, &hdr, pkts, out.n_used);
	if (verdict == DELIVER) {
		out.n_pkts = out.n_used;
		return out;
	}
	drop_bufs(q, pkts, out.n_used);
	if (verdict == INVALID)
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_INVALID, 1);
	return out;
}

/* Plain packets */

/* Not checked yet, so the id is kept inside the table; a wrong one costs a useless prefetch. */
static inline void prefetch_header(const struct virtio_rxq *q, const struct virtq_used_elem *e)
{
	__builtin_prefetch((char *)q->bufs[io_load_relaxed(&e->id) & q->vq.mask] + VIRTIO_HDR_AT);
}

/* Up to @n plain packets from the front of the used ring, which holds at least as many entries. Stops at any other. */
static inline unsigned receive_plain(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned n, uint64_t *bytes)
{
	const struct virtq_used_elem *ring = q->vq.used->ring;
	uint16_t used_idx = q->vq.used_idx, free_tail = q->vq.free_tail;
	const uint16_t mask = q->vq.mask, not_plain = (uint16_t)~q->valid_mask;
	const uint32_t max_len = q->buf_len - VIRTIO_NET_HDR_LEN;
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		const struct virtq_used_elem *e = &ring[used_idx & mask];
		uint32_t id = io_load_relaxed(&e->id), len = io_load_relaxed(&e->len) - VIRTIO_NET_HDR_LEN;
		const char *hdr;
		uint16_t kind;
		void *buf;

		if (i + PREFETCH < n)
			prefetch_header(q, &ring[(used_idx + PREFETCH) & mask]);
		if (unlikely(id > mask || len - 1 >= max_len))
			break;
		buf = q->bufs[id];
		if (unlikely(!buf))
			break;
		hdr = (char *)buf + VIRTIO_HDR_AT;
		/* flags and gso_type in one, then num_buffers; without MRG_RXBUF it is 1 as well. */
		kind = io_load_relaxed((const uint16_t *)hdr);
		if (unlikely((kind & not_plain) | (io_load_relaxed((const uint16_t *)(hdr + 10)) ^ 1)))
			break;

		q->bufs[id] = NULL;
		q->vq.free_ids[free_tail++ & mask] = id;
		used_idx++;
		pkts[i].buf = buf;
		pkts[i].off = VIREO_HEADROOM;
		pkts[i].len = len;
		static_assert(VIREO_PKT_RX_L4_OK == VIRTIO_NET_HDR_F_DATA_VALID << 9, "one bit becomes the other");
		pkts[i].flags = q->pkt_flags | (uint32_t)kind << 9;
		pkts[i].hash = 0;
		pkts[i].vlan = 0;
		pkts[i].port = q->port_index;
		pkts[i].user = 0;
		sum += len;
	}
	q->vq.used_idx = used_idx;
	q->vq.free_tail = free_tail;
	*bytes += sum;
	return i;
}

static void count(struct virtio_rxq *q, unsigned n_packets, uint64_t bytes)
{
	vireo_stat_add(&q->head.packets, n_packets);
	vireo_stat_add(&q->head.bytes, bytes);
}

static void disarm(struct virtio_rxq *q)
{
	q->armed = false;
	virtq_set_interrupts(&q->vq, false);
}

unsigned virtio_rx_burst(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct virtio_rxq *q = (struct virtio_rxq *)pub;
	int pending = virtq_pending(&q->vq);
	unsigned done = 0, n_packets = 0;
	uint64_t bytes = 0;
	bool inspect = io_load_relaxed(&q->inspect);

	if (unlikely(pending < 0))
		return give_up(q);
	if (unlikely(q->armed))
		disarm(q);
	while (pending > 0 && done < n) {
		struct outcome out;
		unsigned room = n - done, run = 0;

		if (likely(!inspect))
			run = receive_plain(q, pkts + done, room < (unsigned)pending ? room : (unsigned)pending,
					    &bytes);
		done += run;
		n_packets += run;
		pending -= run;
		if (likely(pending == 0 || done == n))
			break;
		out = receive_any(q, pkts + done, n - done, n, pending);
		if (!out.n_used)
			break;
		pending -= out.n_used;
		done += out.n_pkts;
		n_packets += out.n_pkts > 0;
		bytes += out.n_pkts ? out.bytes : 0;
	}
	if (unlikely(q->debug))
		vireo_pool_debug_rx(pkts, done);
	if (done)
		count(q, n_packets, bytes);
	if (virtq_n_free(&q->vq) >= q->bulk)
		refill(q);
	return done;
}

/* Interrupts */

int virtio_rxq_fd(struct vireo_rxq_head *head)
{
	int fd = rxq_of(head)->fd;

	return fd >= 0 ? fd : -EOPNOTSUPP;
}

/* 2.7.7: ask for interrupts, then look again: what came before the device saw the request came without one. */
int virtio_rxq_arm(struct vireo_rxq_head *head)
{
	struct virtio_rxq *q = rxq_of(head);

	if (q->fd < 0)
		return -EOPNOTSUPP;
	virtq_set_interrupts(&q->vq, true);
	q->armed = true;
	io_full_barrier();
	if (virtq_pending(&q->vq) == 0)
		return 0;
	disarm(q);
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
	q->head.pub.burst = burst_nothing;
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

int virtio_rxq_start(struct virtio_rxq *q)
{
	unsigned size = virtq_size(&q->vq), n;
	struct vireo_pool_info info;

	virtq_reset(&q->vq);
	q->armed = false;
	q->starved = false;
	q->valid_mask = virtio_has(q->vp, VIRTIO_NET_F_GUEST_CSUM) ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
	while ((n = virtq_n_free(&q->vq)))
		if (!post(q, n < VIRTIO_BULK ? n : VIRTIO_BULK))
			goto err_stop;
	virtq_publish(&q->vq);
	return 0;

err_stop:
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
	for (unsigned id = 0; id < virtq_size(&q->vq); id++) {
		if (q->bufs[id])
			pool_put_bufs(q->head.pool, &q->bufs[id], 1);
		q->bufs[id] = NULL;
	}
	virtq_reset(&q->vq);
}

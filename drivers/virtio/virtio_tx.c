// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transmit: VIRTIO 1.2, 5.1.6.2. A plain packet is one descriptor: its header goes into the headroom, in front of the
 * data. A packet that has no room there, or must be changed and is shared, gets a header slot: a piece of ring memory
 * with the header, and behind it a private copy of the first bytes of the packet, as far as they change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "offload.h"
#include "pool.h"
#include "virtio.h"
#include "virtio_burst.h"

/* Bytes of a packet that a slot can hold behind the header, and in front of them room for a tag. */
#define SLOT_DATA (VIRTIO_NET_HDR_LEN + VLAN_TAG_LEN)
#define SLOT_ROOM (VIRTIO_SLOT_SIZE - SLOT_DATA)

/* What becomes of a packet on its way to the ring. */
struct job {
	const struct vireo_pkt *pkts;
	unsigned n;
	uint32_t len;
	bool slot;
	unsigned n_descs;
	struct offload_plan plan;
};

unsigned virtio_tx_burst_nothing(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

/* Plain packets */

/* The header says nothing; the store is left out when it does so already, as the device has read that line. */
static inline void clear_header(char *at)
{
	uint64_t head;
	uint32_t tail;

	memcpy(&head, at, sizeof(head));
	memcpy(&tail, at + sizeof(head), sizeof(tail));
	if (head | tail)
		memset(at, 0, VIRTIO_NET_HDR_LEN);
}

/*
 * Queue plain packets until one is not, up to @n, for which there are descriptors in one piece of the table, with ids in
 * order.
 */
static inline __attribute__((always_inline)) unsigned send_run(struct virtio_txq *q, const struct vireo_pkt *pkts,
							       unsigned n, uint64_t *bytes, const bool packed,
							       const struct virtio_vec *vec)
{
	const unsigned at = q->vq.free_head & q->vq.mask;
	struct virtq_desc *d = &q->vq.desc[at];
	void **bufs = &q->bufs[at];
	uint32_t *owners = &q->owners[at];
	const uint64_t add = dma_iova_offset - VIRTIO_NET_HDR_LEN;
	uint64_t flags = (uint64_t)virtq_avail_flags(&q->vq, q->vq.avail_idx) << VIRTQ_PACKED_FLAGS_SHIFT, first = 0,
		 sum = 0;
	unsigned i = 0;

	flags = packed ? flags | (uint64_t)at << VIRTQ_PACKED_ID_SHIFT : 0;
	if (vec && n >= VIRTIO_VEC_MIN) {
		struct virtio_desc_consts c = {
			.add = add,
			.second = flags + VIRTIO_NET_HDR_LEN,
			.hold = packed ? virtq_hold(&q->vq, q->vq.avail_idx) : 0,
			.step = packed ? 1ull << VIRTQ_PACKED_ID_SHIFT : 0,
		};

		i = vec->tx_run(d, bufs, owners, pkts, n, &c, bytes);
		first = c.second + pkts[0].len;
		flags += i * c.step;
	}
	for (; i < n; i++) {
		const struct vireo_pkt *p = &pkts[i];
		uint32_t len = p->len, off = p->off;
		char *data = (char *)p->buf + off;
		uint64_t second;

		if (unlikely((p->flags & VIRTIO_TX_NOT_PLAIN) || off < VIRTIO_NET_HDR_LEN || len < ETH_HLEN))
			break;
		clear_header(data - VIRTIO_NET_HDR_LEN);
		bufs[i] = p->buf;
		owners[i] = (p->flags & VIRTIO_OWNER_POOL) | 1;
		second = flags + len + VIRTIO_NET_HDR_LEN;
		io_store_relaxed(&d[i].iova, (uintptr_t)data + add);
		if (packed && i == 0)
			first = second;
		else
			io_store_relaxed(&d[i].second, second);
		if (packed)
			flags += 1ull << VIRTQ_PACKED_ID_SHIFT;
		sum += len;
	}
	/* The device comes past the first one before any other: once it has that, it has all. */
	if (packed && i)
		virtq_hand_over(&q->vq.packed_desc[at], first);
	*bytes += sum;
	return i;
}

/* Offer @n packets of one descriptor each that were written in the order of their ids. */
static inline void offer_run(struct virtio_txq *q, unsigned n, const bool packed)
{
	struct virtq *vq = &q->vq;

	if (!packed && unlikely(!vq->straight))
		for (unsigned i = 0; i < n; i++)
			virtq_offer(vq, (vq->free_head + i) & vq->mask);
	else
		vq->avail_idx += n;
	vq->free_head += n;
}

/* All other packets */

/* Elements of the packet at the front of @pkts; 0 when it does not end there. */
static unsigned count_elements(const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!(pkts[i].flags & VIREO_PKT_MORE))
			return i + 1;
	return 0;
}

/* Whether the header and all changes can be written where the packet lies. */
static bool fits_in_place(const struct job *job)
{
	const struct vireo_pkt *first = &job->pkts[0];
	unsigned room = VIRTIO_NET_HDR_LEN + (job->plan.tag ? VLAN_TAG_LEN : 0);
	uint32_t seen = 0;

	if ((first->flags & VIREO_PKT_SHARED) || first->off < room || (job->plan.tag && first->len < ETH_ADDRS_LEN))
		return false;
	for (unsigned i = 0; i < job->n && seen < job->plan.head; i++) {
		if (job->pkts[i].flags & VIREO_PKT_SHARED)
			return false;
		seen += job->pkts[i].len;
	}
	return true;
}

/* Elements that have bytes behind the first @skip ones of the packet. */
static unsigned count_behind(const struct job *job, uint32_t skip)
{
	unsigned n = 0;

	for (unsigned i = 0; i < job->n; i++) {
		uint32_t len = job->pkts[i].len;

		n += len > skip;
		skip -= len < skip ? len : skip;
	}
	return n;
}

/* Look at a packet without writing anything. 0, or -EINVAL when it can never be sent. */
static int prepare(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, struct job *job)
{
	struct offload_caps caps = {
		.tx_offloads = vireo_port_config(q->head.port)->tx_offloads,
		.csum = virtio_has(q->vp, VIRTIO_NET_F_CSUM),
		.tso4 = virtio_has(q->vp, VIRTIO_NET_F_HOST_TSO4),
		.tso6 = virtio_has(q->vp, VIRTIO_NET_F_HOST_TSO6),
	};
	int err;

	if (n > q->max_segs)
		return -EINVAL;
	job->pkts = pkts;
	job->n = n;
	job->len = offload_length(pkts, n);
	err = offload_plan(pkts, n, &caps, &job->plan);
	if (err)
		return err;
	job->slot = !fits_in_place(job);
	if (job->slot && job->plan.head > SLOT_ROOM)
		return -EINVAL;
	/* In place the first descriptor has the header, so it is there even if its element is empty. */
	if (job->slot)
		job->n_descs = 1 + count_behind(job, job->plan.head);
	else
		job->n_descs = count_behind(job, 0) + (pkts[0].len == 0);
	return 0;
}

static void write_header(const struct virtio_txq *q, const struct offload_plan *plan, void *at)
{
	struct virtio_net_hdr hdr = {0};

	if (plan->partial) {
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.csum_start = plan->csum_start;
		hdr.csum_offset = plan->csum_offset;
	}
	if (plan->large) {
		hdr.gso_type = plan->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		if (plan->cwr && virtio_has(q->vp, VIRTIO_NET_F_HOST_ECN))
			hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		hdr.gso_size = plan->seg_size;
		hdr.hdr_len = plan->hdr_len;
	}
	memcpy(at, &hdr, sizeof(hdr));
}

/* A chain, and what is kept of each of its descriptors. */
struct chain {
	struct virtio_txq *q;
	struct virtq_chain descs;
};

static uint32_t owner_of(uint32_t flags)
{
	return (flags & VIRTIO_OWNER_POOL) | (flags & VIREO_PKT_SHARED ? VIRTIO_OWNER_SHARED : 0);
}

static void chain_add(struct chain *c, const void *va, uint32_t len, void *buf, uint32_t flags)
{
	uint16_t last = c->descs.last;
	uint16_t id = virtq_chain_add(&c->q->vq, &c->descs, dma_iova(va), len, 0);

	if (c->descs.n > 1)
		c->q->nexts[last] = id;
	c->q->bufs[id] = buf;
	c->q->owners[id] = owner_of(flags);
}

/* The application's no longer, and the device needs nothing of it: a copy goes out instead, or it is empty. */
static void release_now(const struct vireo_pkt *pkt)
{
	if (pkt->flags & VIREO_PKT_SHARED)
		vireo_pkt_free(pkt, 1);
	else
		pool_put_bufs(vireo_pool_by_id(pkt->flags >> VIREO_PKT_POOL_SHIFT), &pkt->buf, 1);
}

/* The elements from number @i on, without the first @skip bytes. */
static void chain_rest(struct chain *c, const struct job *job, unsigned i, uint32_t skip)
{
	for (; i < job->n; i++) {
		const struct vireo_pkt *p = &job->pkts[i];
		uint32_t gone = p->len < skip ? p->len : skip;

		if (p->len > gone)
			chain_add(c, (char *)vireo_pkt_data(p) + gone, p->len - gone, p->buf, p->flags);
		else
			release_now(p);
		skip -= gone;
	}
}

static void queue_in_place(struct virtio_txq *q, const struct job *job, struct chain *c)
{
	char *data = offload_apply(&job->plan, job->pkts, job->n);
	const struct vireo_pkt *first = &job->pkts[0];
	char *end = (char *)vireo_pkt_data(first) + first->len;

	data -= VIRTIO_NET_HDR_LEN;
	write_header(q, &job->plan, data);
	chain_add(c, data, end - data, first->buf, first->flags);
	chain_rest(c, job, 1, 0);
}

static void queue_with_slot(struct virtio_txq *q, const struct job *job, struct chain *c)
{
	/* The slot belongs to the descriptor that comes next. */
	char *slot = q->slots + (size_t)q->vq.free_ids[q->vq.free_head & q->vq.mask] * VIRTIO_SLOT_SIZE;
	struct vireo_pkt copy = {.buf = slot, .off = SLOT_DATA, .len = job->plan.head};
	char *start;

	offload_copy(job->pkts, job->n, 0, slot + SLOT_DATA, job->plan.head);
	start = offload_apply(&job->plan, &copy, 1);
	start -= VIRTIO_NET_HDR_LEN;
	write_header(q, &job->plan, start);
	chain_add(c, start, slot + SLOT_DATA + job->plan.head - start, NULL, 0);
	chain_rest(c, job, 0, job->plan.head);
}

static void queue_job(struct virtio_txq *q, const struct job *job)
{
	struct chain c = {.q = q};

	if (job->slot)
		queue_with_slot(q, job, &c);
	else
		queue_in_place(q, job, &c);
	q->owners[c.descs.first] |= c.descs.n;
	virtq_chain_offer(&q->vq, &c.descs);
}

/* One packet of @n elements. 0; -EINVAL when it can never be sent; -EAGAIN when the ring is full. */
static int send_any(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, uint64_t *bytes)
{
	struct job job;
	int err;

	err = prepare(q, pkts, n, &job);
	if (err)
		return err;
	if (job.n_descs > virtq_n_free(&q->vq))
		virtio_txq_reclaim(&q->head);
	if (job.n_descs > virtq_n_free(&q->vq))
		return -EAGAIN;
	if (unlikely(q->debug) && !vireo_pool_debug_tx(pkts, n))
		return -EINVAL;
	queue_job(q, &job);
	*bytes += job.len + (job.plan.tag ? VLAN_TAG_LEN : 0);
	return 0;
}

/*
 * The packet at the front of @pkts, of any kind: how many of the @n elements were taken, 0 when the ring is full. A packet
 * that can never be sent is taken too.
 */
static unsigned send_one(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
			 uint64_t *bytes)
{
	unsigned k = count_elements(pkts, n);
	int err = k ? send_any(q, pkts, k, bytes) : -EINVAL;

	if (err == -EAGAIN)
		return 0;
	k = k ? k : n;
	if (err) {
		vireo_pkt_free(pkts, k);
		vireo_txq_drop(&q->head, VIREO_DROP_TX_INVALID, 1);
	} else {
		*n_packets += 1;
	}
	return k;
}

/* Everything in the order of the burst: runs of plain packets, and others one by one, behind the first @done. */
static __attribute__((noinline)) unsigned send_rest(struct virtio_txq *q, const struct vireo_pkt *pkts, unsigned n,
						    unsigned done, unsigned *n_packets, uint64_t *bytes,
						    const bool packed, const struct virtio_vec *vec)
{
	while (done < n) {
		unsigned left = n - done, room = virtq_n_free(&q->vq), k = 0;

		room = virtq_in_one_piece(&q->vq, q->vq.free_head & q->vq.mask, left < room ? left : room);
		if (q->vq.natural && !q->debug) {
			k = send_run(q, pkts + done, room, bytes, packed, vec);
			offer_run(q, k, packed);
			*n_packets += k;
			done += k;
			/* The ring may go on at its beginning. */
			if (k && k == room && virtq_n_free(&q->vq))
				continue;
		}
		if (done == n)
			break;
		k = send_one(q, pkts + done, n - done, n_packets, bytes);
		done += k;
		if (k == 0)
			break;
	}
	return done;
}

/* A packed ring is published by what was written into it, a split one by its index. */
static inline void publish(struct virtio_txq *q, unsigned n_packets, uint64_t bytes)
{
	virtq_publish(&q->vq);
	virtio_kick(&q->vq, &q->kick, VIRTIO_NET_TXQ(q->head.idx));
	vireo_stat_add(&q->head.packets, n_packets);
	vireo_stat_add(&q->head.bytes, bytes);
}

static inline __attribute__((always_inline)) unsigned tx_burst(struct virtio_txq *q, const struct vireo_pkt *pkts,
							       unsigned n, const bool packed,
							       const struct virtio_vec *vec)
{
	unsigned done = 0, n_packets, room = virtq_n_free(&q->vq);
	uint64_t bytes = 0;

	if (room <= q->clean_at || unlikely(room < n)) {
		virtio_txq_reclaim(&q->head);
		room = virtq_n_free(&q->vq);
	}
	if (likely(q->vq.natural && !q->debug)) {
		room = virtq_in_one_piece(&q->vq, q->vq.free_head & q->vq.mask, n < room ? n : room);
		done = send_run(q, pkts, room, &bytes, packed, vec);
		offer_run(q, done, packed);
	}
	n_packets = done;
	if (unlikely(done < n))
		done = send_rest(q, pkts, n, done, &n_packets, &bytes, packed, vec);
	/* A packet that can never be sent is taken, and nothing of it offered. */
	if (likely(n_packets))
		publish(q, n_packets, bytes);
	return done;
}

/* A burst of one: calls nothing that it does not end with. */
static inline __attribute__((always_inline)) unsigned tx_one(struct virtio_txq *q, struct vireo_pkt *pkt,
							     const bool packed, virtio_tx_burst_fn rest)
{
	unsigned room = virtq_n_free(&q->vq);
	uint64_t bytes = 0;

	if (unlikely(!room || !q->vq.natural || q->debug))
		return rest(&q->head.pub, pkt, 1);
	/* Now is the time to take back what was sent, if something was. */
	if (room <= q->clean_at && virtq_has_any(&q->vq, packed))
		return rest(&q->head.pub, pkt, 1);
	if (unlikely(!send_run(q, pkt, 1, &bytes, packed, NULL)))
		return rest(&q->head.pub, pkt, 1);
	offer_run(q, 1, packed);
	publish(q, 1, bytes);
	return 1;
}

VIRTIO_BURSTS(tx);

virtio_tx_burst_fn virtio_tx_burst_choose(bool packed)
{
	return bursts[simd_choose()][packed];
}

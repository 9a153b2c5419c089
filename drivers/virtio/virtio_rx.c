// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive: VIRTIO 1.2, 5.1.6.3 and 5.1.6.4. A burst takes runs of plain packets in one tight loop: one buffer that the device
 * gave back in its turn, nothing in the header but perhaps a checksum that the device found right. It hands any other packet
 * to receive_any(), which looks at everything again and from the start: the device may have written in between.
 */
#include <errno.h>
#include <string.h>

#include "dma.h"
#include "offload.h"
#include "pool.h"
#include "virtio.h"
#include "virtio_burst.h"

/* Headers this many packets ahead are asked for before they are needed. */
#define PREFETCH 8

/* The header's gso_type bits that say which protocol is cut. */
#define GSO_PROTOCOL(type) ((type) & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN)

/* What became of one packet. */
struct outcome {
	unsigned n_used; /* buffers that it took; 0: it does not fit into this burst, leave it */
	unsigned n_pkts; /* elements for the application */
	uint64_t bytes;
};

unsigned virtio_rx_burst_nothing(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	return 0;
}

static __attribute__((noinline)) unsigned give_up(struct virtio_rxq *q)
{
	vireo_log(VIREO_LOG_ERR,
		  "%s: the used ring of RX queue %u makes no sense; the port must be stopped and started",
		  q->vp->pci.name, q->head.idx);
	vireo_port_failed(q->head.port, -EIO);
	q->head.pub.burst = virtio_rx_burst_nothing;
	return 0;
}

/* Refill */

static_assert(VIRTIO_BULK == VIRTIO_VEC_BULK, "a bulk is a bulk");

/* Places for a bulk of buffers, in one piece of a packed ring; all but the first are handed over. Returns its second word. */
static inline uint64_t arm(const struct virtio_rxq *q, void *const *bufs, const struct virtio_vec *vec)
{
	const struct virtq *vq = &q->vq;
	const unsigned at = vq->free_head & vq->mask;
	uint64_t flags = virtq_avail_flags(vq, vq->avail_idx) | VIRTQ_DESC_F_WRITE;
	struct virtio_desc_consts c = {
		.add = dma_iova_offset + VIRTIO_HDR_AT,
		.second = flags << VIRTQ_PACKED_FLAGS_SHIFT | (uint64_t)at << VIRTQ_PACKED_ID_SHIFT | q->buf_len,
		.hold = virtq_hold(vq, vq->avail_idx),
		.step = 1ull << VIRTQ_PACKED_ID_SHIFT,
	};

	vec->rx_arm_packed(&vq->packed_desc[at], bufs, &c);
	return c.second;
}

/* Offer @n buffers in the order of the table, in one piece of it; false when the pool has fewer. @vec is NULL, or for a bulk. */
static inline __attribute__((always_inline)) bool post_natural(struct virtio_rxq *q, unsigned n, const bool packed,
							       const struct virtio_vec *vec)
{
	struct virtq *vq = &q->vq;
	const unsigned at = vq->free_head & vq->mask;
	void **bufs = &q->bufs[at];
	const uint64_t add = dma_iova_offset + VIRTIO_HDR_AT;

	if (!pool_get_bufs(q->head.pool, bufs, n))
		return false;
	if (packed && vec) {
		/* The device comes past the first one before any other: once it has that, it has all. */
		virtq_hand_over(&vq->packed_desc[at], arm(q, bufs, vec));
	} else if (packed) {
		struct virtq_packed_desc *d = &vq->packed_desc[at];
		uint64_t flags = virtq_avail_flags(vq, vq->avail_idx) | VIRTQ_DESC_F_WRITE;
		uint64_t second =
			flags << VIRTQ_PACKED_FLAGS_SHIFT | (uint64_t)at << VIRTQ_PACKED_ID_SHIFT | q->buf_len;

		for (unsigned i = n - 1; i > 0; i--) {
			io_store_relaxed(&d[i].iova, (uintptr_t)bufs[i] + add);
			io_store_relaxed(&d[i].second, second + ((uint64_t)i << VIRTQ_PACKED_ID_SHIFT));
		}
		/* The device comes past the first one before any other: once it has that, it has all. */
		io_store_relaxed(&d->iova, (uintptr_t)bufs[0] + add);
		virtq_hand_over(d, second);
	} else {
		/* All but the address stays as it is from the start on. */
		for (unsigned i = 0; i < n; i++)
			io_store_relaxed(&vq->desc[at + i].iova, (uintptr_t)bufs[i] + add);
	}
	vq->free_head += n;
	vq->avail_idx += n;
	return true;
}

/* Offer @n buffers one by one, whatever the order of their ids. */
static __attribute__((noinline)) bool post_any(struct virtio_rxq *q, unsigned n)
{
	void *bufs[VIRTIO_BULK];

	if (!pool_get_bufs(q->head.pool, bufs, n))
		return false;
	for (unsigned i = 0; i < n; i++) {
		uint16_t id = virtq_take_id(&q->vq);

		q->bufs[id] = bufs[i];
		virtq_add(&q->vq, q->vq.packed, id, dma_iova(bufs[i]) + VIRTIO_HDR_AT, q->buf_len, VIRTQ_DESC_F_WRITE);
	}
	return true;
}

static inline bool post(struct virtio_rxq *q, unsigned n, const bool packed, const struct virtio_vec *vec)
{
	if (unlikely(!q->vq.natural))
		return post_any(q, n);
	/* A constant n makes the copy out of the pool a handful of vector moves. */
	if (likely(n == VIRTIO_BULK))
		return post_natural(q, VIRTIO_BULK, packed, vec);
	return post_natural(q, n, packed, NULL);
}

/*
 * The pool has less than a bulk left. Where the ring has little left too, single buffers are taken: with bulk alone a
 * receiver could stand still beside free buffers.
 */
static __attribute__((noinline)) void refill_slowly(struct virtio_rxq *q)
{
	unsigned n_posted = virtq_size(&q->vq) - virtq_n_free(&q->vq);

	while (n_posted < q->bulk && post(q, 1, q->vq.packed, NULL))
		n_posted++;
	if (!q->starved)
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_NO_BUFFER, 1);
	q->starved = true;
}

/* Fill up what is empty, in bulk, with one doorbell. Returns @done, so that a burst can end with it. */
static __attribute__((noinline)) unsigned refill(struct virtio_rxq *q, unsigned done, const bool packed,
						 const struct virtio_vec *vec)
{
	uint16_t before = q->vq.avail_idx;

	do {
		unsigned n = q->bulk;

		if (likely(q->vq.natural))
			n = virtq_in_one_piece(&q->vq, q->vq.free_head & q->vq.mask, n);
		if (unlikely(!post(q, n, packed, vec))) {
			refill_slowly(q);
			break;
		}
		q->starved = false;
	} while (virtq_n_free(&q->vq) >= q->bulk);
	if (q->vq.avail_idx == before)
		return done;
	virtq_publish(&q->vq);
	virtio_kick(&q->vq, &q->kick, VIRTIO_NET_RXQ(q->head.idx));
	return done;
}

bool virtio_rxq_fill(struct virtio_rxq *q)
{
	unsigned n;

	while ((n = virtq_n_free(&q->vq))) {
		n = virtq_in_one_piece(&q->vq, q->vq.free_head & q->vq.mask, n < VIRTIO_BULK ? n : VIRTIO_BULK);
		if (!post(q, n, q->vq.packed, NULL))
			return false;
	}
	virtq_publish(&q->vq);
	return true;
}

void virtio_rxq_shuffle(struct virtio_rxq *q)
{
	/* What the device does not have must be nothing now; so far the counts said what it has. */
	for (unsigned i = 0; q->vq.natural && i < virtq_n_free(&q->vq); i++)
		q->bufs[(q->vq.free_head + i) & q->vq.mask] = NULL;
	virtq_shuffle(&q->vq);
}

/* Packets that are not plain */

static void drop_bufs(struct virtio_rxq *q, const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pool_put_bufs(q->head.pool, &pkts[i].buf, 1);
}

/* The buffer that comes next, which was given back, and how much was written; NULL when the answer names none. */
static void *first_buf(struct virtio_rxq *q, struct virtq_used_elem *ret_e)
{
	struct virtq_used_elem e = virtq_first(&q->vq);

	if (e.len == VIRTQ_LEN_FULL && q->vq.in_order)
		e.len = q->buf_len;
	if (q->vq.natural && e.id != virtq_next_id(&q->vq))
		virtio_rxq_shuffle(q);
	*ret_e = e;
	return e.id <= q->vq.mask ? q->bufs[e.id] : NULL;
}

/*
 * Consume one answer. Its buffer, with what lies in it from VIRTIO_HDR_AT on, becomes @ret_pkt; false when the
 * device cannot have meant it: the buffer is recovered then, if the answer names one at all.
 */
static bool take(struct virtio_rxq *q, struct vireo_pkt *ret_pkt)
{
	struct virtq_used_elem e;
	void *buf = first_buf(q, &e);

	virtq_pass(&q->vq);
	if (!buf)
		return false;
	if (!q->vq.natural)
		q->bufs[e.id] = NULL;
	virtq_put_id(&q->vq, (uint16_t)e.id);
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
static bool peek_header(struct virtio_rxq *q, struct virtio_net_hdr *ret_hdr)
{
	struct virtq_used_elem e;
	void *buf = first_buf(q, &e);

	if (!buf || e.len <= VIRTIO_NET_HDR_LEN || e.len > q->buf_len)
		return false;
	*ret_hdr = read_header(buf);
	return true;
}

/* All elements of one packet: consumes @n answers whatever they hold. */
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

/* Consumes one answer that cannot be true. What follows may be a packet again. */
static struct outcome invalid_answer(struct virtio_rxq *q)
{
	discard(q, 1);
	vireo_rxq_drop(&q->head, VIREO_DROP_RX_INVALID, 1);
	return (struct outcome){.n_used = 1};
}

static unsigned n_buffers(const struct virtio_rxq *q, const struct virtio_net_hdr *hdr)
{
	return virtio_has(q->vp, VIRTIO_NET_F_MRG_RXBUF) ? hdr->num_buffers : 1;
}

/* The next packet, of any kind, which is there. @room elements are left of a burst of @n. */
static struct outcome receive_any(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned room, unsigned n)
{
	struct virtio_net_hdr hdr;
	struct outcome out = {0};
	enum verdict verdict;

	if (!peek_header(q, &hdr))
		return invalid_answer(q);
	out.n_used = n_buffers(q, &hdr);
	/* 5.1.6.4: a packet's buffers become visible together, so one that is not there yet never comes. */
	if (out.n_used == 0 || out.n_used > VIREO_MAX_SEGS || virtq_has_used(&q->vq, out.n_used) <= 0)
		return invalid_answer(q);
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

/* What is the same for every packet of a queue, as it lies in memory. */
static inline uint64_t constant_word(const struct virtio_rxq *q)
{
	return (uint64_t)q->pkt_flags << 32 | VIREO_HEADROOM;
}

static inline uint64_t port_word(const struct virtio_rxq *q)
{
	return (uint64_t)q->port_index << 48;
}

/* Fields beside each other in one store: off, len and flags; hash, vlan and port. */
static inline void fill_packet(struct vireo_pkt *p, void *buf, uint64_t word, uint64_t port)
{
	static_assert(offsetof(struct vireo_pkt, off) == 8 && offsetof(struct vireo_pkt, len) == 10 &&
			      offsetof(struct vireo_pkt, flags) == 12,
		      "one word");
	static_assert(offsetof(struct vireo_pkt, hash) == 16 && offsetof(struct vireo_pkt, vlan) == 20 &&
			      offsetof(struct vireo_pkt, port) == 22,
		      "one word");
	p->buf = buf;
	memcpy((char *)p + offsetof(struct vireo_pkt, off), &word, sizeof(word));
	memcpy((char *)p + offsetof(struct vireo_pkt, hash), &port, sizeof(port));
	p->user = 0;
}

/* What of a header decides whether a packet is plain: flags and gso_type, and above them num_buffers. */
static inline uint32_t header_word(const void *buf)
{
	const char *hdr = (const char *)buf + VIRTIO_HDR_AT;

	return io_load_relaxed((const uint16_t *)hdr) | (uint32_t)io_load_relaxed((const uint16_t *)(hdr + 10)) << 16;
}

/* The same as receive_run(), as far as it goes in vectors. */
static inline unsigned receive_vec(const struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned n, uint64_t *bytes,
				   const bool packed, const struct virtio_vec *vec)
{
	const unsigned at = q->vq.used_idx & q->vq.mask;
	struct virtio_rx_consts c = {
		.word = constant_word(q),
		.port = port_word(q),
		.first = at,
		.max_len = q->buf_len - VIRTIO_NET_HDR_LEN,
		.hdr_mask = q->hdr_mask,
		.hdr_want = q->hdr_want,
		.valid_mask = q->valid_mask,
	};

	if (!packed)
		return vec->rx_split(&q->vq.used->ring[at], &q->bufs[at], pkts, n, &c, bytes);
	c.first = (uint64_t)virtq_used_flags(&q->vq, q->vq.used_idx) << VIRTQ_PACKED_FLAGS_SHIFT |
		  (uint64_t)at << VIRTQ_PACKED_ID_SHIFT;
	return vec->rx_packed(&q->vq.packed_desc[at], &q->bufs[at], pkts, n, &c, bytes);
}

/*
 * Up to @n plain packets from the front of what was given back, in one piece of the ring; stops at any other. Of a split ring
 * at least as many answers are there; in a packed ring as many places are outstanding, and the first one that was not given
 * back ends the run.
 */
static inline __attribute__((always_inline)) unsigned receive_run(struct virtio_rxq *q, struct vireo_pkt *pkts,
								  unsigned n, uint64_t *bytes, const bool packed,
								  const struct virtio_vec *vec)
{
	const unsigned at = q->vq.used_idx & q->vq.mask;
	void *const *bufs = &q->bufs[at];
	const uint64_t word = constant_word(q), port = port_word(q);
	const uint32_t max_len = q->buf_len - VIRTIO_NET_HDR_LEN, hdr_mask = q->hdr_mask, hdr_want = q->hdr_want;
	/* What id and flags must say. */
	const uint64_t turn = (uint64_t)virtq_used_flags(&q->vq, q->vq.used_idx) << VIRTQ_PACKED_FLAGS_SHIFT;
	const uint64_t turn_mask =
		(uint64_t)VIRTQ_PACKED_TURN << VIRTQ_PACKED_FLAGS_SHIFT | (uint64_t)0xffff << VIRTQ_PACKED_ID_SHIFT;
	uint64_t sum = 0;
	unsigned i = 0;

	if (vec && n >= VIRTIO_VEC_MIN)
		i = receive_vec(q, pkts, n, bytes, packed, vec);
	for (; i < n; i++) {
		uint64_t w = word;
		uint32_t len;

		if (packed) {
			uint64_t e = virtq_load_place(&q->vq.packed_desc[at + i]);

			if ((e & turn_mask) != (turn | (uint64_t)(at + i) << VIRTQ_PACKED_ID_SHIFT))
				break;
			len = (uint32_t)e;
		} else {
			uint64_t e = io_load_relaxed((const uint64_t *)&q->vq.used->ring[at + i]);

			if (unlikely(VIRTQ_USED_ID(e) != at + i))
				break;
			len = VIRTQ_USED_LEN(e);
		}
		len -= VIRTIO_NET_HDR_LEN;
		if (unlikely(len - 1 >= max_len))
			break;
		if (hdr_mask) {
			uint32_t hdr = header_word(bufs[i]);

			if (!packed && i + PREFETCH < n)
				__builtin_prefetch((const char *)bufs[i + PREFETCH] + VIRTIO_HDR_AT);
			if (unlikely((hdr & hdr_mask) != hdr_want))
				break;
			static_assert(VIREO_PKT_RX_L4_OK == VIRTIO_NET_HDR_F_DATA_VALID << 9,
				      "one bit becomes the other");
			w |= (uint64_t)(hdr & q->valid_mask) << (32 + 9);
		}
		fill_packet(&pkts[i], bufs[i], w | len << 16, port);
		sum += len;
	}
	*bytes += sum;
	return i;
}

static inline void consume(struct virtio_rxq *q, unsigned n)
{
	q->vq.used_idx += n;
	q->vq.free_tail += n;
}

/* How many packets of one buffer there can be at most of @pending, before the ring's end. */
static inline unsigned limit_run(const struct virtio_rxq *q, unsigned n, unsigned pending)
{
	return virtq_in_one_piece(&q->vq, q->vq.used_idx & q->vq.mask, n < pending ? n : pending);
}

static inline void count(struct virtio_rxq *q, unsigned n_packets, uint64_t bytes)
{
	vireo_stat_add(&q->head.packets, n_packets);
	vireo_stat_add(&q->head.bytes, bytes);
}

/* What the device may have given back; -1 when it says so of more than it has. */
static inline int n_pending(const struct virtio_rxq *q, const bool packed)
{
	return packed ? (int)virtq_n_outstanding(&q->vq) : virtq_split_pending(&q->vq);
}

/* The run at the front may be plain: ids come in order, and there is no reason to look into every packet. */
static inline bool may_run(const struct virtio_rxq *q)
{
	return q->vq.natural && !q->vq.batch && !io_load_relaxed(&q->inspect);
}

/* Everything in the order of the ring, behind the @done packets of @bytes that a burst of @n has received already. */
static __attribute__((noinline)) unsigned receive_rest(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned n,
						       unsigned done, uint64_t bytes, const bool packed,
						       const struct virtio_vec *vec)
{
	unsigned n_packets = done;
	int pending;

	if (q->armed)
		virtio_rxq_disarm(q);
	while (done < n && (pending = n_pending(q, packed)) > 0) {
		struct outcome out;
		unsigned run = 0, limit = limit_run(q, n - done, (unsigned)pending);

		if (may_run(q))
			run = receive_run(q, pkts + done, limit, &bytes, packed, vec);
		consume(q, run);
		done += run;
		n_packets += run;
		/* The ring may go on at its beginning. */
		if (run == limit)
			continue;
		if (packed && virtq_has_used(&q->vq, 1) <= 0)
			break;
		out = receive_any(q, pkts + done, n - done, n);
		if (!out.n_used)
			break;
		done += out.n_pkts;
		n_packets += out.n_pkts > 0;
		bytes += out.n_pkts ? out.bytes : 0;
	}
	if (q->debug)
		vireo_pool_debug_rx(pkts, done);
	if (done)
		count(q, n_packets, bytes);
	return virtq_n_free(&q->vq) >= q->bulk ? refill(q, done, packed, vec) : done;
}

static inline __attribute__((always_inline)) unsigned rx_burst(struct virtio_rxq *q, struct vireo_pkt *pkts, unsigned n,
							       const bool packed, const struct virtio_vec *vec)
{
	int pending = n_pending(q, packed);
	uint64_t bytes = 0;
	unsigned limit, done;

	if (unlikely(pending < 0))
		return give_up(q);
	if (unlikely(q->special || !may_run(q)))
		return receive_rest(q, pkts, n, 0, 0, packed, vec);
	limit = limit_run(q, n, (unsigned)pending);
	done = receive_run(q, pkts, limit, &bytes, packed, vec);
	consume(q, done);
	/* Something that is not plain, or the ring's end. */
	if (unlikely(done < n && (done == limit ? (unsigned)pending > limit : !packed || virtq_is_used(&q->vq, 0))))
		return receive_rest(q, pkts, n, done, bytes, packed, vec);
	if (done)
		count(q, done, bytes);
	return virtq_n_free(&q->vq) >= q->bulk ? refill(q, done, packed, vec) : done;
}

/* A burst of one: calls nothing that it does not end with. */
static inline __attribute__((always_inline)) unsigned rx_one(struct virtio_rxq *q, struct vireo_pkt *pkt,
							     const bool packed, virtio_rx_burst_fn rest)
{
	uint64_t bytes = 0;
	int any;

	/* While fewer are free than a bulk, the device has some. */
	if (unlikely(q->special || !may_run(q) || virtq_n_free(&q->vq) >= q->bulk))
		return rest(&q->head.pub, pkt, 1);
	any = virtq_has_any(&q->vq, packed);
	if (!any)
		return 0;
	if (unlikely(any < 0 || !receive_run(q, pkt, 1, &bytes, packed, NULL)))
		return rest(&q->head.pub, pkt, 1);
	consume(q, 1);
	count(q, 1, bytes);
	return unlikely(virtq_n_free(&q->vq) >= q->bulk) ? refill(q, 1, packed, NULL) : 1;
}

VIRTIO_BURSTS(rx);

virtio_rx_burst_fn virtio_rx_burst_choose(bool packed)
{
	return bursts[simd_choose()][packed];
}

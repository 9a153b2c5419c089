// SPDX-License-Identifier: BSD-2-Clause
/*
 * Transmit. A burst sends runs of plain packets in one tight loop: one buffer, nothing asked. Any other goes through
 * ixgbe_tx_packet(), and lib/offload.c says what becomes of it. Descriptors are those of 7.2.3, advanced.
 *
 * All that a tight loop need not think about is thought about before: the queue's window [next, limit) ends where the ring
 * does, where free descriptors do, and where a report is due; there is none while owners are kept. So a burst only moves
 * next, and looks up once in 32 packets. Whose the buffers are is remembered once for all up to a report, as long as they
 * are one pool's: a packet of another one is not plain for the loop.
 */
#include <string.h>

#include "dma.h"
#include "ixgbe_tx.h"
#include "offload.h"

static_assert(MAX_LEN == IXGBE_TX_MAX_LEN, "the vector loops have the same limits");

/* Half a ring's worth of sent buffers waits for nothing: they are wanted while they are in the cache. */
#define RECLAIM_AT (2 * IXGBE_BULK)

/* The window */

static unsigned window(const struct ixgbe_txq *q)
{
	return q->limit - q->next;
}

static inline unsigned at_most_window(const struct ixgbe_txq *q, unsigned n)
{
	return n < window(q) ? n : window(q);
}

/* Sent buffers are looked for whenever a report was asked for, which is often enough, and not in every small burst. */
static inline void reclaim_if_due(struct ixgbe_txq *q)
{
	if (unlikely(!n_free(q)) || (!since_report(q) && ixgbe_txq_n_used(q) >= RECLAIM_AT))
		ixgbe_txq_collect(q);
}

/* A new window, of nothing if there is no room or owners are mixed. */
static __attribute__((noinline)) void begin_window(struct ixgbe_txq *q)
{
	unsigned since = since_report(q), n, to_end, room;

	reclaim_if_due(q);
	if (unlikely(q->debug || ((q->owner & MIXED) && since)))
		return;
	n = q->report_every - since;
	to_end = q->mask + 1u - q->next;
	room = n_free(q);
	n = n < to_end ? n : to_end;
	q->limit = q->next + (n < room ? n : room);
	/* The card was the last to touch the lines of the window after this one. */
	io_prefetch_ring(&q->ring[q->limit & q->mask], IXGBE_BULK * sizeof(*q->ring));
}

/* Plain packets */

/* Fields beside each other in one load: off, len and flags. */
static inline uint64_t load_word(const struct vireo_pkt *p)
{
	uint64_t word;

	static_assert(offsetof(struct vireo_pkt, off) == 8 && offsetof(struct vireo_pkt, len) == 10 &&
			      offsetof(struct vireo_pkt, flags) == 12,
		      "one word");
	memcpy(&word, (const char *)p + offsetof(struct vireo_pkt, off), sizeof(word));
	return word;
}

/*
 * The word of a packet without its offset and what no loop cares for, and as if it had no owner when it is @owner's: nothing
 * is left above bit 31 of what can be sent as it is, and the length from bit 16 on.
 */
static inline uint64_t strip_word(uint64_t word, uint32_t owner)
{
	const uint64_t look = (uint64_t)(IXGBE_TX_NOT_PLAIN | IXGBE_TX_OWNER_FLAGS) << 32 | UINT64_C(0xffff) << 16;

	return (word ^ (uint64_t)owner << 32) & look;
}

static inline bool is_plain(uint64_t stripped)
{
	return likely(stripped - (IXGBE_TX_MIN_LEN << 16) <= (uint64_t)(MAX_LEN - IXGBE_TX_MIN_LEN) << 16);
}

static inline void write_plain(union ixgbe_tx_desc *d, const void *buf, uint16_t off, uint64_t len,
			       uint64_t iova_offset)
{
	/* The length stands twice in a descriptor: of this buffer, and of the packet. */
	const uint64_t lens = UINT64_C(1) | UINT64_C(1) << (32 + IXGBE_TXD_PAYLEN_SHIFT);

	write_desc(d, (uintptr_t)buf + off + iova_offset, len * lens | IXGBE_TX_PLAIN_CMD);
}

/*
 * Queue plain packets until one is not, up to @n, which the window holds. @vec is NULL or a constant.
 */
static inline __attribute__((always_inline)) unsigned send_run(struct ixgbe_txq *q, const struct vireo_pkt *pkts,
							       unsigned n, uint64_t *bytes, const struct ixgbe_vec *vec)
{
	const uint64_t iova_offset = dma_iova_offset;
	const uint32_t owner = q->owner;
	const char *end = (const char *)&pkts[n];
	char *ring, *bufs;
	uint64_t sum = 0;
	ptrdiff_t at;
	unsigned run = 0;

	static_assert(sizeof(union ixgbe_tx_desc) == 16 && sizeof(struct vireo_pkt) == 32, "powers of two");
	if (vec && n >= IXGBE_VEC_MIN)
		run = vec->tx_run(&q->ring[q->next], &q->bufs[q->next], pkts, n, owner, iova_offset, bytes);
	/*
	 * One count in bytes walks through all arrays: their elements are one, two and four pointers large. It walks from below
	 * up to 0, so that the addition says when it is there.
	 */
	ring = (char *)&q->ring[q->next + n];
	bufs = (char *)&q->bufs[q->next + n];
	one_piece(ring);
	one_piece(bufs);
	one_piece(end);
	for (at = -(ptrdiff_t)((n - run) * sizeof(void *)); at; at += 8) {
		const struct vireo_pkt *p;
		uint64_t stripped, len;

		one_piece(at);
		p = (const void *)(end + 4 * at);
		stripped = strip_word(load_word(p), owner);
		len = stripped >> 16;
		if (!is_plain(stripped))
			break;
		write_plain((void *)(ring + 2 * at), p->buf, p->off, len, iova_offset);
		*(void **)(bufs + at) = p->buf;
		sum += len;
	}
	n += (unsigned)(at / 8);
	q->next += n;
	*bytes += sum;
	return n;
}

/* A plain packet of one that is not the owner of those in front of it, without a window. Guarantees: there is room. */
static void send_stranger(struct ixgbe_txq *q, const struct vireo_pkt *p)
{
	union ixgbe_tx_desc d;

	write_plain(&d, p->buf, p->off, p->len, dma_iova_offset);
	ixgbe_tx_add(q, d.qwords[0], d.qwords[1], p->buf, p->flags);
	end_window(q);
}

/* The packet at the front of @pkts that the loop has left: as ixgbe_tx_packet(). Guarantees: no window, or not plain for it. */
static unsigned send_other(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n, unsigned *n_packets,
			   uint64_t *bytes)
{
	if (q->debug || !is_plain(strip_word(load_word(pkts), pkts->flags & IXGBE_TX_OWNER_FLAGS)))
		return ixgbe_tx_packet(q, pkts, n, n_packets, bytes);
	if (!n_free(q))
		return 0;
	send_stranger(q, pkts);
	*n_packets += 1;
	*bytes += pkts->len;
	return 1;
}

static inline void ring_doorbell(struct ixgbe_txq *q, unsigned n_packets, uint64_t bytes)
{
	io_write32(&q->tail, 0, q->next);
	vireo_stat_add(&q->head.packets, n_packets);
	vireo_stat_add(&q->head.bytes, bytes);
}

/* Plain packets in windows, one after the other; stops at any other packet, and where no window can be had. */
static inline __attribute__((always_inline)) unsigned send_plain(struct ixgbe_txq *q, const struct vireo_pkt *pkts,
								 unsigned n, uint64_t *bytes,
								 const struct ixgbe_vec *vec)
{
	unsigned done = 0, want, k;

	do {
		if (!window(q))
			begin_window(q);
		want = at_most_window(q, n - done);
		k = send_run(q, pkts + done, want, bytes, vec);
		done += k;
		if (!window(q))
			end_window(q);
	} while (done < n && k == want && k);
	return done;
}

/* Packets that ask for the same as one before */

static inline bool asks(const struct ixgbe_request *r, const struct vireo_pkt *p)
{
	return r->flags && !(((p->flags ^ r->flags) & REQUEST_FLAGS) | ((load_half(p, TAG_AT) ^ r->tag) & r->tag_mask) |
			     ((load_half(p, LENS_AT) ^ r->lens) & r->lens_mask));
}

static inline const struct ixgbe_request *find_request(struct ixgbe_txq *q, const struct vireo_pkt *p)
{
	if (likely(asks(&q->requests[q->newest_context], p)))
		return &q->requests[q->newest_context];
	q->newest_context ^= asks(&q->requests[q->newest_context ^ 1], p);
	return asks(&q->requests[q->newest_context], p) ? &q->requests[q->newest_context] : NULL;
}

/*
 * Queue packets of one buffer that ask for what a context says already, until one is another, up to @n. Their headers are
 * what the request says, or they are others: what is wrong with them is not judged here.
 */
static __attribute__((noinline)) unsigned send_requests(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n,
							uint64_t *bytes)
{
	const uint64_t lens = UINT64_C(1) | UINT64_C(1) << (32 + IXGBE_TXD_PAYLEN_SHIFT);
	const uint64_t ignore = (uint64_t)REQUEST_FLAGS << 32, iova_offset = dma_iova_offset;
	unsigned done, want;
	uint64_t sum = 0;

	if (!window(q))
		begin_window(q);
	want = at_most_window(q, n);
	for (done = 0; done < want; done++) {
		const struct vireo_pkt *p = &pkts[done];
		uint64_t stripped = strip_word(load_word(p), q->owner) & ~ignore, len = stripped >> 16;
		const struct ixgbe_request *r = find_request(q, p);

		if (!r || !is_plain(stripped) || ((r->flags & VIREO_PKT_TX_MASK) && !offload_fill_headers(p, r->flags)))
			break;
		write_desc(&q->ring[q->next], (uintptr_t)p->buf + p->off + iova_offset, len * lens | r->second);
		q->bufs[q->next++] = p->buf;
		sum += len + r->tag_len;
	}
	if (done && !window(q))
		end_window(q);
	*bytes += sum;
	return done;
}

/*
 * Everything in the order of the burst, runs of plain packets and others one by one, behind the @done of @bytes that were
 * queued already.
 */
static __attribute__((noinline)) unsigned transmit_rest(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n,
							unsigned done, uint64_t bytes)
{
	unsigned n_packets = done;

	while (done < n) {
		unsigned k = 0;

		/* Nothing is prepared for what goes alone in any case. */
		if (pkts[done].flags & NOT_A_REQUEST)
			reclaim_if_due(q);
		else if (pkts[done].flags & IXGBE_TX_NOT_PLAIN)
			k = send_requests(q, pkts + done, n - done, &bytes);
		else
			k = send_plain(q, pkts + done, n - done, &bytes, NULL);
		done += k;
		n_packets += k;
		if (k)
			continue;
		k = send_other(q, pkts + done, n - done, &n_packets, &bytes);
		if (!k)
			break;
		done += k;
	}
	if (n_packets)
		ring_doorbell(q, n_packets, bytes);
	return done;
}

static __attribute__((noinline)) unsigned end_of_one(struct ixgbe_txq *q, uint64_t bytes)
{
	end_window(q);
	ring_doorbell(q, 1, bytes);
	return 1;
}

/* A burst of one, without anything that only loops need: it calls nothing that it does not end with. */
static inline unsigned transmit_one(struct ixgbe_txq *q, const struct vireo_pkt *pkt)
{
	const unsigned at = q->next, limit = q->limit;
	uint64_t word = load_word(pkt), stripped = strip_word(word, q->owner), len = stripped >> 16;
	void *buf = pkt->buf;

	if (unlikely(at == limit || !is_plain(stripped)))
		return transmit_rest(q, pkt, 1, 0, 0);
	write_plain(&q->ring[at], buf, (uint16_t)word, len, dma_iova_offset);
	q->bufs[at] = buf;
	q->next = at + 1;
	if (unlikely(at + 1 == limit))
		return end_of_one(q, len);
	ring_doorbell(q, 1, len);
	return 1;
}

/* Most bursts are one run of plain packets for which there is room. */
static inline __attribute__((always_inline)) unsigned transmit(struct ixgbe_txq *q, const struct vireo_pkt *pkts,
							       unsigned n, const struct ixgbe_vec *vec)
{
	uint64_t bytes = 0;
	unsigned done = send_plain(q, pkts, n, &bytes, vec);

	if (unlikely(done < n))
		return transmit_rest(q, pkts, n, done, bytes);
	if (likely(n))
		ring_doorbell(q, n, bytes);
	return n;
}

static __attribute__((noinline)) unsigned transmit_scalar(struct ixgbe_txq *q, const struct vireo_pkt *pkts, unsigned n)
{
	return transmit(q, pkts, n, NULL);
}

unsigned ixgbe_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct ixgbe_txq *q = (struct ixgbe_txq *)pub;

	return n == 1 ? transmit_one(q, pkts) : transmit_scalar(q, pkts, n);
}

#if defined(__x86_64__)
#define VEC_BURST(isa)                                                                                                 \
	static __attribute__((noinline)) unsigned transmit_##isa(struct ixgbe_txq *q, const struct vireo_pkt *pkts,    \
								 unsigned n)                                           \
	{                                                                                                              \
		return transmit(q, pkts, n, &ixgbe_vec_##isa);                                                         \
	}                                                                                                              \
	static unsigned burst_##isa(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)                         \
	{                                                                                                              \
		struct ixgbe_txq *q = (struct ixgbe_txq *)pub;                                                         \
                                                                                                                       \
		return n == 1 ? transmit_one(q, pkts) : transmit_##isa(q, pkts, n);                                    \
	}
VEC_BURST(sse42)
VEC_BURST(avx2)
VEC_BURST(avx512)
#undef VEC_BURST
#endif

ixgbe_tx_burst_fn ixgbe_tx_burst_choose(void)
{
#if defined(__x86_64__)
	const struct ixgbe_vec *vec = ixgbe_vec_choose();

	if (vec == &ixgbe_vec_avx512)
		return burst_avx512;
	if (vec == &ixgbe_vec_avx2)
		return burst_avx2;
	if (vec == &ixgbe_vec_sse42)
		return burst_sse42;
#endif
	return ixgbe_tx_burst;
}

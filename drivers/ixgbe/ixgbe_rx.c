// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive. A burst takes runs of plain packets in one tight loop: one descriptor, written back, of a length that can be.
 * Any other goes through receive_any(), which looks at it from the start. Descriptors are those of 7.1.6, advanced with
 * one buffer.
 *
 * All that a tight loop need not think about is thought about before: the queue's window [next, limit) ends where the ring
 * does, where buffers do, and where a refill is due, and there is none while anything is special. So a burst only moves
 * next; what happens at the end of a window, once in 32 packets, is turn().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dma.h"
#include "ixgbe.h"
#include "ixgbe_vec.h"
#include "offload.h"
#include "pool.h"

/* What the second qword of a written-back descriptor says. */
#define WB_STATUS(qw) ((uint32_t)(qw))
#define WB_LEN(qw)    ((uint16_t)((qw) >> 32))
#define WB_VLAN(qw)   ((uint16_t)((qw) >> 48))

#define PROTO_UDP     17
#define IPV4_HLEN_MIN 20
#define UDP_CSUM_AT   6

/* The window */

static unsigned window(const struct ixgbe_rxq *q)
{
	return q->limit - q->next;
}

static unsigned n_posted(const struct ixgbe_rxq *q)
{
	return window(q) + q->beyond;
}

static unsigned n_empty(const struct ixgbe_rxq *q)
{
	return q->mask + 1u - n_posted(q);
}

/* What moves buffers one by one, or fills the ring, does so without one. */
static void close_window(struct ixgbe_rxq *q)
{
	q->beyond = n_posted(q);
	q->limit = q->next &= q->mask;
}

/* Guarantees: closed. A queue that has too few buffers gets none, so that every burst tries again. */
static void open_window(struct ixgbe_rxq *q)
{
	unsigned n = q->beyond, to_end = q->mask + 1u - q->next, to_refill;

	if (q->special || q->starved)
		return;
	to_refill = q->bulk - n_empty(q);
	n = n < to_end ? n : to_end;
	n = n < to_refill ? n : to_refill;
	q->limit = q->next + n;
	q->beyond -= n;
}

/* Refill */

/*
 * Give @n descriptors from fill on a buffer; false when the pool has fewer. They do not go around the ring's end. @vec is
 * NULL or for IXGBE_BULK of them.
 */
static inline __attribute__((always_inline)) bool post(struct ixgbe_rxq *q, unsigned n, const struct ixgbe_vec *vec)
{
	const uint64_t offset = dma_iova_offset + VIREO_HEADROOM;
	union ixgbe_rx_desc *d = &q->ring[q->fill];
	void **bufs = &q->bufs[q->fill];

	if (!pool_get_bufs(q->head.pool, bufs, n))
		return false;
	if (vec)
		vec->rx_arm(d, bufs, offset);
#pragma GCC unroll 8
	for (unsigned i = 0; !vec && i < n; i++) {
		/* The second qword takes DD away; until the tail moves the card does not look. */
		io_store_relaxed(&d[i].qwords[0], (uintptr_t)bufs[i] + offset);
		io_store_relaxed(&d[i].qwords[1], 0);
	}
	q->fill = (q->fill + n) & q->mask;
	q->beyond += n;
	return true;
}

/* As many as fit in one piece, at most @n. */
static unsigned in_one_piece(const struct ixgbe_rxq *q, unsigned n)
{
	unsigned to_end = q->mask + 1u - q->fill;

	return n < to_end ? n : to_end;
}

/*
 * The pool has less than a bulk left. Where the ring has little left too, single buffers are taken: with bulk alone a
 * receiver could stand still beside free buffers.
 */
static __attribute__((noinline)) void refill_slowly(struct ixgbe_rxq *q)
{
	while (n_posted(q) < q->bulk && post(q, 1, NULL))
		;
	if (!q->starved)
		vireo_rxq_drop(&q->head, VIREO_DROP_RX_NO_BUFFER, 1);
	q->starved = true;
}

/* Fill up what is empty, in bulk. Guarantees: no window. */
static inline __attribute__((always_inline)) void refill(struct ixgbe_rxq *q, const struct ixgbe_vec *vec)
{
	while (n_empty(q) >= q->bulk) {
		bool ok;

		/* A constant n makes the copy out of the pool a handful of vector moves. */
		if (likely(q->bulk == IXGBE_BULK && in_one_piece(q, IXGBE_BULK) == IXGBE_BULK))
			ok = post(q, IXGBE_BULK, vec);
		else
			ok = post(q, in_one_piece(q, q->bulk), NULL);
		if (unlikely(!ok))
			return refill_slowly(q);
		q->starved = false;
	}
}

/* One doorbell for what was filled. */
static void tell_card(struct ixgbe_rxq *q)
{
	if (q->fill == q->told)
		return;
	q->told = q->fill;
	/* The tail is the first descriptor that the card must not touch: the last that we filled waits for the next turn. */
	io_write32(&q->tail, 0, (q->fill - 1u) & q->mask);
}

/* The window is used up: refill, and the next one. */
static inline __attribute__((always_inline)) void turn(struct ixgbe_rxq *q, const struct ixgbe_vec *vec)
{
	close_window(q);
	refill(q, vec);
	open_window(q);
}

/* Packets that are not plain */

/* Results of the two checks, by L4CS and IPCS (bits 0 and 1) and L4E and IPE (bits 2 and 3). */
static const uint16_t csum_flags[16] = {
	[0x1] = VIREO_PKT_RX_L4_OK,  [0x2] = VIREO_PKT_RX_IP_OK,  [0x3] = VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_IP_OK,
	[0x5] = VIREO_PKT_RX_L4_BAD, [0x6] = VIREO_PKT_RX_IP_OK,  [0x7] = VIREO_PKT_RX_L4_BAD | VIREO_PKT_RX_IP_OK,
	[0x9] = VIREO_PKT_RX_L4_OK,  [0xa] = VIREO_PKT_RX_IP_BAD, [0xb] = VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_IP_BAD,
	[0xd] = VIREO_PKT_RX_L4_BAD, [0xe] = VIREO_PKT_RX_IP_BAD, [0xf] = VIREO_PKT_RX_L4_BAD | VIREO_PKT_RX_IP_BAD,
};

static_assert(IXGBE_RXD_L4CS == 1u << 5 && IXGBE_RXD_IPCS == 1u << 6, "the table's low bits");
static_assert(IXGBE_RXD_L4E == 1u << 30 && IXGBE_RXD_IPE == 1u << 31, "the table's high bits");

static inline uint32_t csum_result(uint32_t status)
{
	return csum_flags[(status >> 5 & 3) | (status >> 28 & 0xc)];
}

/*
 * Empirical, seen by the authors of other drivers on the 82599: UDP over IPv4 without a checksum (a 0 in its field) may
 * be reported as wrong. A verdict that names UDP is looked into; a packet whose headers are not all in its first
 * element keeps it.
 */
static __attribute__((noinline)) bool is_udp_without_csum(const struct vireo_pkt *pkt)
{
	uint8_t eth[ETH_HLEN + VLAN_TAG_LEN], ip[IPV4_HLEN_MIN];
	uint32_t at = ETH_HLEN;
	uint16_t csum;

	if (!offload_copy(pkt, 1, 0, eth, ETH_HLEN))
		return false;
	if (eth[12] == 0x81 && eth[13] == 0x00) {
		if (!offload_copy(pkt, 1, 0, eth, sizeof(eth)))
			return false;
		at += VLAN_TAG_LEN;
	}
	if (eth[at - 2] != 0x08 || eth[at - 1] != 0x00 || !offload_copy(pkt, 1, at, ip, sizeof(ip)))
		return false;
	if (ip[9] != PROTO_UDP)
		return false;
	at += (ip[0] & 0xfu) * 4;
	return offload_copy(pkt, 1, at + UDP_CSUM_AT, &csum, sizeof(csum)) && csum == 0;
}

/* What the last descriptor of a packet says of it, in the first element. */
static inline void dress(const struct ixgbe_rxq *q, const union ixgbe_rx_desc *d, uint64_t qw, struct vireo_pkt *pkt)
{
	uint32_t type = io_load_relaxed(&d->wb.type), status = WB_STATUS(qw);
	uint32_t flags = csum_result(status);

	if (unlikely((flags & VIREO_PKT_RX_L4_BAD) && (type & IXGBE_RXD_TYPE_UDP) && is_udp_without_csum(pkt)))
		flags &= ~VIREO_PKT_RX_L4_BAD;
	if (type & IXGBE_RXD_RSS_TYPE)
		flags |= VIREO_PKT_RX_HASH;
	if (q->strip && (status & IXGBE_RXD_VP))
		flags |= VIREO_PKT_VLAN;
	pkt->flags |= flags;
	pkt->hash = io_load_relaxed(&d->wb.hash);
	pkt->vlan = q->strip && (status & IXGBE_RXD_VP) ? WB_VLAN(qw) : 0;
}

/* What became of one packet. */
struct outcome {
	unsigned n_used; /* descriptors that it took; 0: it is not all there, or does not fit into this burst */
	unsigned n_pkts; /* elements for the application */
	uint32_t bytes;
};

static bool is_done(uint64_t qw)
{
	return qw & IXGBE_RXD_DD;
}

static uint64_t load_second(const struct ixgbe_rxq *q, unsigned i)
{
	/* DD is written last, so all else that the card wrote is seen by loads that come after. */
	return io_load_acquire(&q->ring[(q->next + i) & q->mask].qwords[1]);
}

/*
 * How many descriptors the packet at the front has; 0 when its end is not there yet. One that goes on for longer than any
 * packet can is cut where that becomes clear, and *ret_ok false; so is one with a length that cannot be.
 */
static unsigned find_end(const struct ixgbe_rxq *q, bool *ret_ok, uint32_t *ret_len)
{
	unsigned limit = q->head.max_segs < n_posted(q) ? q->head.max_segs : n_posted(q);
	uint32_t len = 0;
	bool ok = true;

	for (unsigned i = 0; i < limit; i++) {
		uint64_t qw = load_second(q, i);
		bool eop = qw & IXGBE_RXD_EOP;

		if (!is_done(qw))
			return 0;
		/* All buffers but the last are full (7.1.6.2). */
		ok &= eop ? WB_LEN(qw) - 1u < q->buf_len : WB_LEN(qw) == q->buf_len;
		ok &= !(eop && (qw & IXGBE_RXD_RXE));
		len += WB_LEN(qw);
		if (eop) {
			*ret_ok = ok && len <= UINT16_MAX * VIREO_MAX_SEGS;
			*ret_len = len;
			return i + 1;
		}
	}
	*ret_ok = false;
	/* With too few buffers posted its end may still come. */
	return limit == q->head.max_segs ? limit : 0;
}

/* Guarantees: no window. */
static void consume(struct ixgbe_rxq *q, unsigned n)
{
	q->limit = q->next = (q->next + n) & q->mask;
	q->beyond -= n;
}

/* Pass over @n descriptors; their buffers go home. */
static void discard(struct ixgbe_rxq *q, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pool_put_bufs(q->head.pool, &q->bufs[(q->next + i) & q->mask], 1);
	consume(q, n);
}

static void take(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pkts[i] = (struct vireo_pkt){
			.buf = q->bufs[(q->next + i) & q->mask],
			.off = VIREO_HEADROOM,
			.len = WB_LEN(load_second(q, i)),
			.flags = (uint32_t)(q->word >> 32) | (i + 1 < n ? VIREO_PKT_MORE : 0),
			.port = vireo_port_index(q->head.port),
		};
	}
}

/* What is left of a packet that was cut, up to its end. */
static __attribute__((noinline)) void resync(struct ixgbe_rxq *q)
{
	while (q->lost_end && n_posted(q)) {
		uint64_t qw = load_second(q, 0);

		if (!is_done(qw))
			return;
		q->lost_end = !(qw & IXGBE_RXD_EOP);
		discard(q, 1);
	}
}

/* The next packet, of any kind. @room elements are left of a burst of @n. */
static __attribute__((noinline)) struct outcome receive_any(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned room,
							    unsigned n, bool dressed)
{
	struct outcome out = {0};
	unsigned k, last;
	bool ok = false;

	k = n_posted(q) ? find_end(q, &ok, &out.bytes) : 0;
	if (!k)
		return out;
	if (!ok || k > n) {
		q->lost_end = !(load_second(q, k - 1) & IXGBE_RXD_EOP);
		discard(q, k);
		vireo_rxq_drop(&q->head, ok ? VIREO_DROP_RX_BURST_SHORT : VIREO_DROP_RX_INVALID, 1);
		return (struct outcome){.n_used = k};
	}
	if (k > room)
		return (struct outcome){0};
	take(q, pkts, k);
	last = (q->next + k - 1) & q->mask;
	if (dressed)
		dress(q, &q->ring[last], io_load_acquire(&q->ring[last].qwords[1]), &pkts[0]);
	consume(q, k);
	out.n_used = out.n_pkts = k;
	return out;
}

/* Plain packets */

/* A length that stands above 1 and a state that is whole, neither bit of which is missing nor damaged. */
#define PLAIN_LOOK  (UINT64_C(0xffff) << 32 | IXGBE_RXD_DD | IXGBE_RXD_EOP | IXGBE_RXD_RXE)
#define PLAIN_LEAST (UINT64_C(1) << 32 | IXGBE_RXD_DD | IXGBE_RXD_EOP)

/* What counts of a descriptor that may be that of a plain packet. */
static inline uint64_t plain_look(uint64_t qw)
{
	uint64_t look = qw & PLAIN_LOOK;

	one_piece(look);
	return look;
}

/*
 * One packet of one descriptor, that has been written back and makes sense, in one comparison: less what it is at least,
 * the state of a plain one is 0 and its length is below @max_len; with the two halves exchanged any other state is a large
 * number.
 */
static inline bool is_plain(uint64_t look, uint32_t max_len)
{
	uint64_t rest = look - PLAIN_LEAST;

	return likely((rest >> 32 | rest << 32) < max_len);
}

/* The length of a plain packet where struct vireo_pkt has it in its second word: of its state nothing is left there. */
#define LEN_SHIFT 16

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

/*
 * Up to @n packets of one descriptor from the front of the ring; stops at any other. They do not go around the ring's end.
 * @dressed is a constant, so that the plain burst has nothing of what the full one does.
 */
static inline __attribute__((always_inline)) unsigned receive_run(const struct ixgbe_rxq *q, struct vireo_pkt *pkts,
								  unsigned n, uint64_t *bytes, bool dressed)
{
	/*
	 * One count in bytes walks through all three arrays: their elements are one, two and four pointers large. It walks from
	 * below up to 0, so that the addition says when it is there.
	 */
	const char *bufs = (const char *)&q->bufs[q->next + n], *ring = (const char *)&q->ring[q->next + n];
	char *end = (char *)(pkts + n);
	const uint64_t word = q->word, port = q->port_word;
	const uint32_t max_len = q->buf_len;
	ptrdiff_t at = -(ptrdiff_t)(n * sizeof(void *));
	uint64_t sum = 0;

	static_assert(sizeof(union ixgbe_rx_desc) == 16 && sizeof(struct vireo_pkt) == 32, "powers of two");
	one_piece(ring);
	one_piece(bufs);
	one_piece(end);
	for (; at; at += 8) {
		const union ixgbe_rx_desc *d;
		struct vireo_pkt *p;
		uint64_t qw, look, len;

		one_piece(at);
		d = (const void *)(ring + 2 * at);
		p = (void *)(end + 4 * at);
		/* DD is written last, so all else that the card wrote is seen by loads that come after. */
		qw = io_load_acquire(&d->qwords[1]);
		look = plain_look(qw);
		if (!is_plain(look, max_len))
			break;
		len = look >> LEN_SHIFT;
		fill_packet(p, *(void *const *)(bufs + at), word | len, port);
		if (dressed)
			dress(q, d, qw, p);
		sum += len;
	}
	*bytes += sum >> LEN_SHIFT;
	return n + (unsigned)(at / 8);
}

/* The same, as far as it goes in vectors; @vec is NULL or a constant. */
static inline __attribute__((always_inline)) unsigned receive_vec(const struct ixgbe_rxq *q, struct vireo_pkt *pkts,
								  unsigned n, uint64_t *bytes, bool dressed,
								  const struct ixgbe_vec *vec)
{
	const struct ixgbe_rx_consts c = {
		.word = q->word,
		.port = q->port_word,
		.max_len = q->buf_len,
	};

	/* What a packet's descriptor says of it is scalar work; such a burst has only its refill in vectors. */
	if (!vec || dressed || n < IXGBE_VEC_MIN)
		return 0;
	return vec->rx_run(&q->ring[q->next], &q->bufs[q->next], pkts, n, &c, bytes);
}

static inline void count(struct ixgbe_rxq *q, unsigned n_packets, uint64_t bytes)
{
	vireo_stat_add(&q->head.packets, n_packets);
	vireo_stat_add(&q->head.bytes, bytes);
}

/* How many packets of one descriptor there can be at most, before the ring's end. */
static inline unsigned limit_run(const struct ixgbe_rxq *q, unsigned n)
{
	unsigned there = n_posted(q), to_end = q->mask + 1u - q->next;

	n = n < there ? n : there;
	return n < to_end ? n : to_end;
}

/* Everything in the order of the ring, behind the @done packets of @bytes that a burst of @n has received already. */
static __attribute__((noinline)) unsigned receive_rest(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned n,
						       unsigned done, uint64_t bytes, bool dressed)
{
	unsigned n_packets = done;

	if (q->armed)
		ixgbe_rxq_disarm(q);
	close_window(q);
	for (;;) {
		unsigned run;
		struct outcome out;

		if (q->lost_end)
			resync(q);
		if (done == n || q->lost_end || !n_posted(q))
			break;
		run = receive_run(q, pkts + done, limit_run(q, n - done), &bytes, dressed);
		consume(q, run);
		done += run;
		n_packets += run;
		if (done == n || !n_posted(q) || !is_done(load_second(q, 0)))
			break;
		/* The ring may go on at its beginning. */
		if (run && !q->next)
			continue;
		out = receive_any(q, pkts + done, n - done, n, dressed);
		if (!out.n_used)
			break;
		done += out.n_pkts;
		n_packets += out.n_pkts > 0;
		bytes += out.n_pkts ? out.bytes : 0;
	}
	if (q->debug)
		vireo_pool_debug_rx(pkts, done);
	q->special = q->debug || q->lost_end;
	count(q, n_packets, bytes);
	turn(q, NULL);
	tell_card(q);
	return done;
}

/* Plain packets of the window, up to @n, which it holds. */
static inline __attribute__((always_inline)) unsigned receive_piece(struct ixgbe_rxq *q, struct vireo_pkt *pkts,
								    unsigned n, uint64_t *bytes, bool dressed,
								    const struct ixgbe_vec *vec)
{
	unsigned run = receive_vec(q, pkts, n, bytes, dressed, vec);

	q->next += run;
	if (run < n) {
		unsigned k = receive_run(q, pkts + run, n - run, bytes, dressed);

		q->next += k;
		run += k;
	}
	return run;
}

static inline unsigned at_most_window(const struct ixgbe_rxq *q, unsigned n)
{
	return n < window(q) ? n : window(q);
}

/* A burst that goes on behind the window's end, with @done packets of @bytes so far. One doorbell all the same. */
static inline __attribute__((always_inline)) unsigned receive_more(struct ixgbe_rxq *q, struct vireo_pkt *pkts,
								   unsigned n, unsigned done, uint64_t bytes,
								   bool dressed, const struct ixgbe_vec *vec)
{
	unsigned want, run;

	do {
		turn(q, vec);
		want = at_most_window(q, n - done);
		run = receive_piece(q, pkts + done, want, &bytes, dressed, vec);
		done += run;
	} while (run == want && run && done < n);
	if (!want || (run < want && is_done(load_second(q, 0))))
		return receive_rest(q, pkts, n, done, bytes, dressed);
	if (!window(q))
		turn(q, vec);
	tell_card(q);
	count(q, done, bytes);
	return done;
}

/* What a burst ends with when its window does: both are constants. */
struct ends {
	unsigned (*turn)(struct ixgbe_rxq *q, unsigned done);
	unsigned (*more)(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned n, unsigned done, uint64_t bytes);
};

/* A burst of one, without anything that only loops need. */
static inline __attribute__((always_inline)) unsigned receive_one(struct ixgbe_rxq *q, struct vireo_pkt *pkt,
								  bool dressed, const struct ends *end)
{
	const unsigned at = q->next, limit = q->limit;
	const union ixgbe_rx_desc *d = &q->ring[at];
	uint64_t qw, look;

	if (unlikely(at == limit))
		return receive_rest(q, pkt, 1, 0, 0, dressed);
	qw = io_load_acquire(&d->qwords[1]);
	look = plain_look(qw);
	if (unlikely(!is_plain(look, q->buf_len)))
		return is_done(qw) ? receive_rest(q, pkt, 1, 0, 0, dressed) : 0;
	fill_packet(pkt, q->bufs[at], q->word | look >> LEN_SHIFT, q->port_word);
	if (dressed)
		dress(q, d, qw, pkt);
	q->next = at + 1;
	count(q, 1, look >> 2 * LEN_SHIFT);
	return unlikely(at + 1 == limit) ? end->turn(q, 1) : 1;
}

/*
 * Most bursts are one run of plain packets, up to their end or to where the card has not been yet. This one has nothing but
 * that, so that little is saved and restored; all else is in functions that it ends with.
 */
static inline __attribute__((always_inline)) unsigned receive(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned n,
							      bool dressed, const struct ixgbe_vec *vec,
							      const struct ends *end)
{
	unsigned want = at_most_window(q, n), run;
	uint64_t bytes = 0;

	run = receive_piece(q, pkts, want, &bytes, dressed, vec);
	if (unlikely(run < want)) {
		if (is_done(load_second(q, 0)))
			return receive_rest(q, pkts, n, run, bytes, dressed);
		if (!run)
			return 0;
	} else if (unlikely(run < n)) {
		return end->more(q, pkts, n, run, bytes);
	}
	count(q, run, bytes);
	return window(q) ? run : end->turn(q, run);
}

/* A burst function: one packet by itself, several in a function of their own, which has registers to save. */
#define BURST(storage, name, dressed, vec)                                                                             \
	static __attribute__((noinline)) unsigned name##_turn(struct ixgbe_rxq *q, unsigned done)                      \
	{                                                                                                              \
		turn(q, vec);                                                                                          \
		tell_card(q);                                                                                          \
		return done;                                                                                           \
	}                                                                                                              \
	static __attribute__((noinline)) unsigned name##_more(struct ixgbe_rxq *q, struct vireo_pkt *pkts, unsigned n, \
							      unsigned done, uint64_t bytes)                           \
	{                                                                                                              \
		return receive_more(q, pkts, n, done, bytes, dressed, vec);                                            \
	}                                                                                                              \
	static __attribute__((noinline)) unsigned name##_several(struct ixgbe_rxq *q, struct vireo_pkt *pkts,          \
								 unsigned n)                                           \
	{                                                                                                              \
		return receive(q, pkts, n, dressed, vec, &(const struct ends){name##_turn, name##_more});              \
	}                                                                                                              \
	storage unsigned name(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)                               \
	{                                                                                                              \
		struct ixgbe_rxq *q = (struct ixgbe_rxq *)pub;                                                         \
                                                                                                                       \
		if (n == 1)                                                                                            \
			return receive_one(q, pkts, dressed, &(const struct ends){name##_turn, name##_more});          \
		return name##_several(q, pkts, n);                                                                     \
	}

BURST(, ixgbe_rx_burst_plain, false, NULL)
BURST(, ixgbe_rx_burst_full, true, NULL)

#if defined(__x86_64__)
BURST(static, burst_sse42, false, &ixgbe_vec_sse42)
BURST(static, burst_avx2, false, &ixgbe_vec_avx2)
BURST(static, burst_avx512, false, &ixgbe_vec_avx512)
BURST(static, burst_full_sse42, true, &ixgbe_vec_sse42)
BURST(static, burst_full_avx2, true, &ixgbe_vec_avx2)
BURST(static, burst_full_avx512, true, &ixgbe_vec_avx512)
#endif

ixgbe_rx_burst_fn ixgbe_rx_burst_choose(bool full)
{
#if defined(__x86_64__)
	const struct ixgbe_vec *vec = ixgbe_vec_choose();

	if (vec == &ixgbe_vec_avx512)
		return full ? burst_full_avx512 : burst_avx512;
	if (vec == &ixgbe_vec_avx2)
		return full ? burst_full_avx2 : burst_avx2;
	if (vec == &ixgbe_vec_sse42)
		return full ? burst_full_sse42 : burst_sse42;
#endif
	return full ? ixgbe_rx_burst_full : ixgbe_rx_burst_plain;
}

bool ixgbe_rxq_has_packets(const struct ixgbe_rxq *q)
{
	return n_posted(q) && is_done(load_second(q, 0));
}

void ixgbe_rxq_set_armed(struct ixgbe_rxq *q)
{
	q->armed = q->special = true;
	close_window(q);
}

/* The ring as a whole */

int ixgbe_rxq_fill(struct ixgbe_rxq *q)
{
	unsigned size = q->mask + 1u, n;
	struct vireo_pool_info info;

	q->next = q->limit = q->beyond = q->fill = 0;
	q->armed = q->starved = q->lost_end = false;
	q->special = q->debug;
	while (n_empty(q) && post(q, in_one_piece(q, n_empty(q) < q->bulk ? n_empty(q) : q->bulk), NULL))
		;
	q->told = q->fill;
	if (!n_empty(q)) {
		open_window(q);
		return 0;
	}
	vireo_pool_info(q->head.pool, &info);
	n = n_posted(q);
	ixgbe_rxq_empty(q);
	return vireo_error(-ENOSPC,
			   "%s: pool '%s' cannot fill the %u descriptors of RX queue %u, %u buffers were free; make it "
			   "larger, or the ring smaller",
			   q->xp->hw.name, info.name, size, q->head.idx, n + info.n_free);
}

void ixgbe_rxq_empty(struct ixgbe_rxq *q)
{
	unsigned n = n_posted(q);

	for (unsigned i = 0; i < n; i++)
		pool_put_bufs(q->head.pool, &q->bufs[(q->next + i) & q->mask], 1);
	q->next = q->limit = q->beyond = q->fill = 0;
}

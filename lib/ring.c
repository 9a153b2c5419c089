// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rings of packets by value. Positions count up for ever and are cut to an index by a mask; 32 bits are plenty, as only
 * their differences matter.
 *
 * One producer publishes by moving its position. Several reserve their places first, and publish each element for
 * itself: its turn becomes the position after it. So nobody waits for a producer that was interrupted half-way; only
 * the consumer finds what comes behind it later.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/driver.h>
#include <vireo/ring.h>

#include "io.h"
#include "ring.h"

#define MAX_SIZE (1u << 20)

static void ring_free(struct vireo_ring *ring)
{
	free(ring->turns);
	free(ring->pkts);
	free(ring);
}

int vireo_ring_create(unsigned size, unsigned flags, struct vireo_ring **ret_ring)
{
	struct vireo_ring *ring;

	if (size < 2 || size > MAX_SIZE || (size & (size - 1)))
		return vireo_error(-EINVAL, "the size of a ring is a power of two from 2 to %u, not %u", MAX_SIZE,
				   size);
	if (flags & ~VIREO_RING_MULTI_PRODUCER)
		return vireo_error(-EINVAL, "unknown flags 0x%x for a ring", flags);
	ring = aligned_alloc(RING_CACHE_LINE, sizeof(*ring));
	if (!ring)
		return vireo_error(-ENOMEM, "out of memory");
	memset(ring, 0, sizeof(*ring));
	ring->mask = size - 1;
	ring->pkts = aligned_alloc(RING_CACHE_LINE, size * sizeof(*ring->pkts));
	if (flags & VIREO_RING_MULTI_PRODUCER)
		ring->turns = calloc(size, sizeof(*ring->turns));
	if (!ring->pkts || ((flags & VIREO_RING_MULTI_PRODUCER) && !ring->turns)) {
		ring_free(ring);
		return vireo_error(-ENOMEM, "out of memory");
	}
	*ret_ring = ring;
	return 0;
}

void vireo_ring_destroy(struct vireo_ring *ring)
{
	if (!ring)
		return;
	for (uint32_t at = ring->tail; at != ring->head; at++)
		vireo_pkt_free(&ring->pkts[at & ring->mask], 1);
	ring_free(ring);
}

/* The most of the first @n elements that are whole packets. */
static unsigned whole(const struct vireo_pkt *pkts, unsigned n)
{
	while (n && (pkts[n - 1].flags & VIREO_PKT_MORE))
		n--;
	return n;
}

/* Few elements are moved in less time than memcpy() takes to find out how many there are. */
static inline void copy(struct vireo_pkt *to, const struct vireo_pkt *from, unsigned n)
{
	if (n > 16) {
		memcpy(to, from, n * sizeof(*to));
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		to[i] = from[i];
		__asm__("" : "+r"(to)); /* the compiler would make one memcpy() of them all */
	}
}

/* Around the end of the ring; seldom, so the ways that are taken always need no room for it. */
static __attribute__((noinline)) void copy_around(struct vireo_pkt *to, const struct vireo_pkt *from, unsigned n,
						  struct vireo_pkt *to_rest, const struct vireo_pkt *from_rest,
						  unsigned n_rest)
{
	memcpy(to, from, n * sizeof(*to));
	memcpy(to_rest, from_rest, n_rest * sizeof(*to));
}

static inline void copy_in(struct vireo_ring *ring, uint32_t at, const struct vireo_pkt *pkts, unsigned n)
{
	uint32_t idx = at & ring->mask, first = ring->mask + 1 - idx;

	if (__builtin_expect(first >= n, 1))
		copy(&ring->pkts[idx], pkts, n);
	else
		copy_around(&ring->pkts[idx], pkts, first, ring->pkts, pkts + first, n - first);
}

static inline void copy_out(const struct vireo_ring *ring, uint32_t at, struct vireo_pkt *pkts, unsigned n)
{
	uint32_t idx = at & ring->mask, first = ring->mask + 1 - idx;

	if (__builtin_expect(first >= n, 1))
		copy(pkts, &ring->pkts[idx], n);
	else
		copy_around(pkts, &ring->pkts[idx], first, pkts + first, ring->pkts, n - first);
}

static inline unsigned put_single(struct vireo_ring *ring, const struct vireo_pkt *pkts, unsigned n)
{
	uint32_t head = ring->head, room = ring->mask + 1 - (head - ring->tail_seen);

	if (room < n) {
		/* The consumer has copied out what is before its position: the places may be written again. */
		ring->tail_seen = io_load_acquire(&ring->tail);
		room = ring->mask + 1 - (head - ring->tail_seen);
	}
	n = whole(pkts, n < room ? n : room);
	if (!n)
		return 0;
	copy_in(ring, head, pkts, n);
	/* The elements before the position that says they are there. */
	io_store_release(&ring->head, head + n);
	return n;
}

static inline void publish(uint32_t *turns, uint32_t mask, uint32_t head, unsigned n)
{
	for (uint32_t at = head; at != head + n; at++)
		io_store_release(&turns[at & mask], at + 1);
}

static __attribute__((noinline)) unsigned put_multi(struct vireo_ring *ring, const struct vireo_pkt *pkts, unsigned n)
{
	uint32_t head = io_load_relaxed(&ring->head);
	unsigned k;

	do {
		/* A position that is behind the one of the exchange makes it fail, so room is never too large. */
		uint32_t room = ring->mask + 1 - (head - io_load_acquire(&ring->tail));

		k = whole(pkts, n < room ? n : room);
		if (!k)
			return 0;
	} while (!__atomic_compare_exchange_n(&ring->head, &head, head + k, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	copy_in(ring, head, pkts, k);
	publish(ring->turns, ring->mask, head, k);
	return k;
}

unsigned vireo_ring_put(struct vireo_ring *ring, const struct vireo_pkt *pkts, unsigned n)
{
	return ring->turns ? put_multi(ring, pkts, n) : put_single(ring, pkts, n);
}

static unsigned available_multi(const uint32_t *turns, uint32_t mask, uint32_t tail, unsigned n)
{
	unsigned k = 0;

	while (k < n && io_load_acquire(&turns[(tail + k) & mask]) == tail + k + 1)
		k++;
	return k;
}

/* How many elements from the tail on are there, up to @n. */
static inline unsigned available(struct vireo_ring *ring, unsigned n)
{
	uint32_t tail = ring->tail;

	if (ring->turns)
		return available_multi(ring->turns, ring->mask, tail, n);
	if (ring->head_seen - tail < n)
		ring->head_seen = io_load_acquire(&ring->head);
	return ring->head_seen - tail < n ? ring->head_seen - tail : n;
}

unsigned vireo_ring_get(struct vireo_ring *ring, struct vireo_pkt *pkts, unsigned n)
{
	uint32_t tail = ring->tail;

	n = available(ring, n);
	if (!n)
		return 0;
	copy_out(ring, tail, pkts, n);
	/* What does not fit stays: cut after copying, where the elements are in one piece. */
	n = whole(pkts, n);
	io_store_release(&ring->tail, tail + n);
	return n;
}

unsigned vireo_ring_count(const struct vireo_ring *ring)
{
	uint32_t tail = io_load_acquire(&ring->tail);
	uint32_t n = io_load_relaxed(&ring->head) - tail;

	/* Both may have moved on in between. */
	return n <= ring->mask + 1 ? n : ring->mask + 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_POOL_H
#define VIREO_LIB_POOL_H

/*
 * The inside of a pool, and its fast paths for drivers of the tree: moving a burst of buffers between a thread's cache
 * and the caller takes no call and no atomic instruction.
 *
 * A buffer is free in exactly one place: the pool's stack (under the pool's lock) or a thread's cache. A cache belongs
 * to one thread, but buffers in it are not lost to others: a thread that finds the stack too short claims all caches
 * and empties them. The two agree as follows. The owner sets busy, then looks at claimed; the claimer, with the pool's
 * lock, sets claimed, then looks at busy. Each needs a full barrier between its two steps. The claimer pays for both
 * with membarrier(), which runs one on every other thread of the process, so the owner gets by with plain moves. An
 * owner that finds itself claimed takes the slow path, where the pool's lock keeps claimers out.
 *
 * A cache hands buffers out in the order in which they came back, so that buffers that lie one behind the other stay so,
 * burst after burst: whoever walks through them, a processor at either end of a ring, finds them prefetched
 * (docs/decisions/pool-caches.md).
 */

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <vireo/driver.h>
#include <vireo/pool.h>

#include "io.h"

/* Threads beyond these have no cache and use the pool's stack directly. */
#define POOL_MAX_THREADS 128

#define POOL_CACHE_LINE 64

struct pool_cache {
	uint32_t busy;    /* its thread is at work in it; written by that thread */
	uint32_t claimed; /* somebody wants to empty it; written under the pool's lock */
	uint32_t first;   /* place of the oldest */
	uint32_t n;
	uint32_t cap;     /* 0: buffers go to the stack; changes under the pool's lock */
	void *bufs[] __attribute__((aligned(POOL_CACHE_LINE))); /* a ring of cap places */
};

/* Who has a buffer, under VIREO_POOL_DEBUG. */
enum pool_owner {
	POOL_FREE,
	POOL_APP,
	POOL_DEVICE,
	POOL_SHARED, /* application and devices, counted */
};

struct vireo_pool {
	/* What bursts read. */
	char *caches;          /* one per thread slot, cache_stride apart; slot 0 is nobody's and always empty */
	size_t cache_stride;
	char *base;            /* the first buffer */
	uint32_t stride;
	uint32_t inverse;      /* of stride / 64, modulo 2^32 */
	uint32_t n_bufs;
	uint32_t pkt_flags;    /* the pool's id where a packet has it */
	uint16_t *refs;        /* references to each SHARED buffer */
	uint8_t *owners;       /* enum pool_owner of each buffer; NULL without VIREO_POOL_DEBUG */

	/* What the slow paths change, on lines of its own. The lock protects the stack and claiming. */
	pthread_mutex_t lock __attribute__((aligned(POOL_CACHE_LINE)));
	uint32_t n_stack;
	uint32_t n_users;      /* ports that receive into the pool */
	uint64_t alloc_failed;
	uint64_t debug_errors; /* what VIREO_POOL_DEBUG refused */
	void **stack;

	uint32_t buf_size;
	uint32_t cache;        /* what cap of a cache in use is */
	uint64_t page_size;
	void *caches_mem;
	char name[32];
};

extern struct vireo_pool *pool_table[VIREO_MAX_POOLS] __attribute__((visibility("hidden")));

/* The calling thread's slot in every pool, 0 while it has none. Initial-exec: one move, and no call, to get at it. */
extern _Thread_local unsigned pool_thread_slot __attribute__((tls_model("initial-exec"), visibility("hidden")));

unsigned pool_alloc_slow(struct vireo_pool *pool, struct vireo_pkt *pkts, unsigned n);
unsigned pool_get_slow(struct vireo_pool *pool, void **bufs, unsigned n);
void pool_put_slow(struct vireo_pool *pool, void *const *bufs, unsigned n, enum pool_owner from);

/* A port receives into the pool from now on, so that it cannot be destroyed; and no longer. Any thread. */
void pool_attach(struct vireo_pool *pool);
void pool_detach(struct vireo_pool *pool);

/* Under VIREO_POOL_DEBUG: whether the buffer went from one owner to the other; if not, that is named and counted. */
bool pool_debug_move(struct vireo_pool *pool, const void *buf, enum pool_owner from, enum pool_owner to,
		     const char *verb);
/* Read VIREO_POOL_DEBUG (again, in tests); pools that exist stay as they are. */
void pool_debug_load(void);

/* Number of a buffer; n_bufs or more when it is none of this pool. */
static inline uint32_t pool_index(const struct vireo_pool *pool, const void *buf)
{
	uintptr_t off = (uintptr_t)buf - (uintptr_t)pool->base;
	/* stride / 64 is odd, so dividing by it is multiplying by its inverse, when there is no remainder. */
	uint32_t idx = (uint32_t)(off / POOL_CACHE_LINE) * pool->inverse;

	return (uint64_t)idx * pool->stride == off ? idx : UINT32_MAX;
}

static inline struct vireo_pool *pool_of(const struct vireo_pkt *pkt)
{
	return io_load_relaxed(&pool_table[pkt->flags >> VIREO_PKT_POOL_SHIFT]);
}

static inline void pool_fill(const struct vireo_pool *pool, struct vireo_pkt *restrict pkts, void *const *restrict bufs,
			     unsigned n)
{
	/* Field by field: an assignment of the whole struct becomes overlapping stores. */
	for (unsigned i = 0; i < n; i++) {
		pkts[i].buf = bufs[i];
		pkts[i].off = VIREO_HEADROOM;
		pkts[i].len = 0;
		pkts[i].flags = pool->pkt_flags;
		pkts[i].hash = 0;
		pkts[i].vlan = 0;
		pkts[i].port = 0;
		pkts[i].user = 0;
	}
}

/* Enter the calling thread's cache; false when it is claimed. Leave it in either case. */
static inline bool pool_cache_enter(struct vireo_pool *pool, struct pool_cache **ret_cache)
{
	struct pool_cache *c = (struct pool_cache *)(pool->caches + pool_thread_slot * pool->cache_stride);

	*ret_cache = c;
	io_store_relaxed(&c->busy, 1);
	/* The store above before the load below; the processor's part of it is in the claimer's membarrier(). */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return !io_load_acquire(&c->claimed);
}

static inline void pool_cache_leave(struct pool_cache *c)
{
	/* A claimer that sees 0 sees everything that was done inside. */
	io_store_release(&c->busy, 0);
}

/* Few pointers are moved in less time than memcpy() takes to find out how many there are. */
static inline void pool_copy(void **to, void *const *from, unsigned n)
{
	if (n > 16) {
		memcpy(to, from, n * sizeof(*to));
		return;
	}
	for (; n >= 4; n -= 4, to += 4, from += 4) {
		memcpy(to, from, 4 * sizeof(*to));
		__asm__("" : "+r"(to)); /* the compiler would make one memcpy() of them all */
	}
	for (; n; n--) {
		*to++ = *from++;
		__asm__("" : "+r"(to));
	}
}

/* Places from @at on before the ring goes on at its beginning. */
static inline unsigned pool_cache_straight(const struct pool_cache *c, uint32_t at)
{
	return c->cap - at;
}

/* Where the next buffer comes back to. */
static inline uint32_t pool_cache_end(const struct pool_cache *c)
{
	uint32_t at = io_load_relaxed(&c->first) + io_load_relaxed(&c->n);

	return at >= c->cap ? at - c->cap : at;
}

/* The oldest @n are out. */
static inline void pool_cache_took(struct pool_cache *c, unsigned n)
{
	uint32_t first = io_load_relaxed(&c->first) + n;

	io_store_relaxed(&c->first, first >= c->cap ? first - c->cap : first);
	io_store_relaxed(&c->n, io_load_relaxed(&c->n) - n);
}

/* @n of those that are there. */
static inline void pool_cache_take(struct pool_cache *c, void **bufs, unsigned n)
{
	uint32_t first = io_load_relaxed(&c->first);
	unsigned k = pool_cache_straight(c, first);

	/* Callers' numbers are often constants, which k is not. */
	if (__builtin_expect(n <= k, 1)) {
		pool_copy(bufs, &c->bufs[first], n);
	} else {
		pool_copy(bufs, &c->bufs[first], k);
		pool_copy(bufs + k, c->bufs, n - k);
	}
	pool_cache_took(c, n);
}

/* There is room for them. */
static inline void pool_cache_add(struct pool_cache *c, void *const *bufs, unsigned n)
{
	uint32_t end = pool_cache_end(c);
	unsigned k = pool_cache_straight(c, end);

	if (__builtin_expect(n <= k, 1)) {
		pool_copy(&c->bufs[end], bufs, n);
	} else {
		pool_copy(&c->bufs[end], bufs, k);
		pool_copy(c->bufs, bufs + k, n - k);
	}
	io_store_relaxed(&c->n, io_load_relaxed(&c->n) + n);
}

/* vireo_pool_get_bufs() */
static inline unsigned pool_get_bufs(struct vireo_pool *pool, void **bufs, unsigned n)
{
	struct pool_cache *c;
	bool ours = pool_cache_enter(pool, &c);

	if (__builtin_expect(!ours || io_load_relaxed(&c->n) < n, 0)) {
		pool_cache_leave(c);
		return pool_get_slow(pool, bufs, n);
	}
	pool_cache_take(c, bufs, n);
	pool_cache_leave(c);
	return n;
}

static inline void pool_put_from(struct vireo_pool *pool, void *const *bufs, unsigned n, enum pool_owner from)
{
	struct pool_cache *c;
	bool ours = pool_cache_enter(pool, &c);

	if (__builtin_expect(!ours || c->cap - io_load_relaxed(&c->n) < n, 0)) {
		pool_cache_leave(c);
		pool_put_slow(pool, bufs, n, from);
		return;
	}
	pool_cache_add(c, bufs, n);
	pool_cache_leave(c);
}

/* vireo_pool_put_bufs() */
static inline void pool_put_bufs(struct vireo_pool *pool, void *const *bufs, unsigned n)
{
	pool_put_from(pool, bufs, n, POOL_DEVICE);
}

#endif

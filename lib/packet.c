// SPDX-License-Identifier: BSD-2-Clause
/* Packets out of pools and back into them: allocate, free, share. */
#include <errno.h>

#include "pool.h"

#define BATCH 64

/* What elements must have in common to go back to one pool in bulk. */
#define SAME_POOL (VIREO_PKT_SHARED | 0xffu << VIREO_PKT_POOL_SHIFT)

unsigned vireo_pool_alloc(struct vireo_pool *pool, struct vireo_pkt *pkts, unsigned n)
{
	struct pool_cache *c;
	bool ours = pool_cache_enter(pool, &c);
	uint32_t first;
	unsigned k;

	if (__builtin_expect(!ours || io_load_relaxed(&c->n) < n, 0)) {
		pool_cache_leave(c);
		return pool_alloc_slow(pool, pkts, n);
	}
	first = io_load_relaxed(&c->first);
	k = pool_cache_straight(c, first);
	k = n < k ? n : k;
	pool_fill(pool, pkts, &c->bufs[first], k);
	if (__builtin_expect(k < n, 0))
		pool_fill(pool, pkts + k, c->bufs, n - k);
	pool_cache_took(c, n);
	pool_cache_leave(c);
	return n;
}

/* Give up one reference to a shared buffer; true when it was the last. */
static bool unref(struct vireo_pool *pool, const void *buf)
{
	uint32_t idx = pool_index(pool, buf);
	uint16_t refs;

	if (pool->owners && !pool_debug_move(pool, buf, POOL_SHARED, POOL_SHARED, "freed"))
		return false;
	refs = idx < pool->n_bufs ? io_load_acquire(&pool->refs[idx]) : 0;
	if (!refs) {
		vireo_log(VIREO_LOG_ERR, "pool '%s': %p is freed as shared, but nobody holds a reference", pool->name,
			  buf);
		return false;
	}
	/* The only holder needs no atomic; anybody who could add a reference would be a holder too. */
	if (refs > 1 && __atomic_sub_fetch(&pool->refs[idx], 1, __ATOMIC_ACQ_REL))
		return false;
	return !pool->owners || pool_debug_move(pool, buf, POOL_SHARED, POOL_APP, "freed");
}

/* Elements of any pools, shared or not: collect runs that go back to one pool. */
static void free_mixed(const struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_pool *run = NULL;
	void *bufs[BATCH];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		struct vireo_pool *pool = pool_of(&pkts[i]);

		if (!pool) {
			vireo_log(VIREO_LOG_ERR, "a packet is freed whose flags name pool %u, which does not exist",
				  pkts[i].flags >> VIREO_PKT_POOL_SHIFT);
			continue;
		}
		if (pool != run || k == BATCH) {
			if (k)
				pool_put_from(run, bufs, k, POOL_APP);
			run = pool;
			k = 0;
		}
		if (!(pkts[i].flags & VIREO_PKT_SHARED) || unref(pool, pkts[i].buf))
			bufs[k++] = pkts[i].buf;
	}
	if (k)
		pool_put_from(run, bufs, k, POOL_APP);
}

/* Copy the pointers; the flags in which a packet differs from @first. */
static inline uint32_t collect(void **bufs, const struct vireo_pkt *pkts, unsigned n, uint32_t first)
{
	uint32_t differ = 0;

	for (unsigned i = 0; i < n; i++) {
		bufs[i] = pkts[i].buf;
		differ |= pkts[i].flags ^ first;
	}
	return differ & SAME_POOL;
}

/* Copy the pointers into the thread's cache, and keep them there if all turn out to belong. */
static bool free_fast(const struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_pool *pool = pool_of(&pkts[0]);
	uint32_t first = pkts[0].flags, odd = first & VIREO_PKT_SHARED, have;
	struct pool_cache *c;
	bool done = false;

	if (__builtin_expect(!pool, 0))
		return false;
	if (__builtin_expect(pool_cache_enter(pool, &c), 1)) {
		have = io_load_relaxed(&c->n);
		if (__builtin_expect(c->cap - have >= n, 1)) {
			uint32_t end = pool_cache_end(c);
			unsigned k = pool_cache_straight(c, end);

			k = n < k ? n : k;
			odd |= collect(&c->bufs[end], pkts, k, first);
			if (__builtin_expect(k < n, 0))
				odd |= collect(c->bufs, pkts + k, n - k, first);
			done = !odd;
			if (done)
				io_store_relaxed(&c->n, have + n);
		}
	}
	pool_cache_leave(c);
	return done;
}

void vireo_pkt_free(const struct vireo_pkt *pkts, unsigned n)
{
	if (n && !free_fast(pkts, n))
		free_mixed(pkts, n);
}

/* Make one reference to the buffer into @n. */
static int add_refs(struct vireo_pkt *pkt, unsigned n)
{
	struct vireo_pool *pool = pool_of(pkt);
	uint32_t idx = pool ? pool_index(pool, pkt->buf) : UINT32_MAX;
	uint16_t refs;

	if (!pool || idx >= pool->n_bufs)
		return vireo_error(-EINVAL, "cannot share %p: it is no buffer of the pool that its flags name",
				   pkt->buf);
	if (!(pkt->flags & VIREO_PKT_SHARED)) {
		if (n > UINT16_MAX)
			return vireo_error(-EOVERFLOW, "a buffer cannot have more than 65535 references");
		if (pool->owners && !pool_debug_move(pool, pkt->buf, POOL_APP, POOL_SHARED, "shared"))
			return vireo_error(-EINVAL, "cannot share buffer %u of pool '%s': the caller does not own it",
					   idx, pool->name);
		io_store_release(&pool->refs[idx], (uint16_t)n);
		pkt->flags |= VIREO_PKT_SHARED;
		return 0;
	}
	refs = io_load_relaxed(&pool->refs[idx]);
	do {
		if (n - 1 > (unsigned)UINT16_MAX - refs)
			return vireo_error(-EOVERFLOW, "a buffer cannot have more than 65535 references");
	} while (!__atomic_compare_exchange_n(&pool->refs[idx], &refs, (uint16_t)(refs + n - 1), true, __ATOMIC_ACQ_REL,
					      __ATOMIC_RELAXED));
	return 0;
}

/* Undo add_refs(). */
static void drop_refs(struct vireo_pkt *pkt, unsigned n, bool was_shared)
{
	struct vireo_pool *pool = pool_of(pkt);

	if (was_shared) {
		__atomic_sub_fetch(&pool->refs[pool_index(pool, pkt->buf)], (uint16_t)(n - 1), __ATOMIC_ACQ_REL);
		return;
	}
	pkt->flags &= ~VIREO_PKT_SHARED;
	if (pool->owners)
		pool_debug_move(pool, pkt->buf, POOL_SHARED, POOL_APP, "shared");
}

int vireo_pkt_share(struct vireo_pkt *pkt, unsigned n)
{
	uint64_t was_shared = 0; /* a bit for each element */
	unsigned i = 0;
	int err;

	if (!n)
		return vireo_error(-EINVAL, "a packet cannot be shared among nobody: free it instead");
	for (;;) {
		bool more = pkt[i].flags & VIREO_PKT_MORE;

		if (pkt[i].flags & VIREO_PKT_SHARED)
			was_shared |= UINT64_C(1) << i;
		err = add_refs(&pkt[i], n);
		if (!err && more && i == VIREO_MAX_SEGS - 1) {
			err = vireo_error(-EINVAL, "a packet has at most %d elements", VIREO_MAX_SEGS);
			i++;
		}
		if (err || !more)
			break;
		i++;
	}
	while (err && i--)
		drop_refs(&pkt[i], n, was_shared >> i & 1);
	return err;
}

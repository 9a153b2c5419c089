// SPDX-License-Identifier: BSD-2-Clause
/* Pools of buffers: a stack that all share, a cache for each thread, and references to shared buffers. */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dma.h"
#include "pool.h"

#define DEFAULT_N_BUFS   8192
#define DEFAULT_BUF_SIZE 2048
#define DEFAULT_CACHE    256
#define CACHE_UNIT       64 /* half a cache moves at a time, so never fewer than 32 pointers */
#define BATCH            64

struct vireo_pool *pool_table[VIREO_MAX_POOLS];
_Thread_local unsigned pool_thread_slot __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The calling thread asked for a slot and there was none: it does not ask again. */
static _Thread_local bool thread_refused;

/* The lock protects the table of pools and which slots are taken. It is taken before the lock of a pool. */
static struct {
	pthread_mutex_t lock;
	bool ready;
	bool can_cache; /* the kernel has membarrier(), and threads can be seen off */
	pthread_key_t key; /* its destructor gives a thread's slot back */
	bool taken[POOL_MAX_THREADS + 1];
	unsigned n_slots; /* slots below have been in use; read without the lock */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER, .n_slots = 1};

static struct pool_cache *cache_of(const struct vireo_pool *pool, unsigned slot)
{
	return (struct pool_cache *)(pool->caches + slot * pool->cache_stride);
}

/* The slow paths; the pool's lock is held in all of these. */

static void stack_push(struct vireo_pool *pool, void *const *bufs, unsigned n)
{
	if (n > pool->n_bufs - pool->n_stack) {
		vireo_log(VIREO_LOG_ERR,
			  "pool '%s': more buffers come back than it has, so some were freed twice; VIREO_POOL_DEBUG=1 "
			  "names them",
			  pool->name);
		n = pool->n_bufs - pool->n_stack;
	}
	memcpy(&pool->stack[pool->n_stack], bufs, n * sizeof(*bufs));
	pool->n_stack += n;
}

static void stack_pop(struct vireo_pool *pool, void **bufs, unsigned n)
{
	pool->n_stack -= n;
	memcpy(bufs, &pool->stack[pool->n_stack], n * sizeof(*bufs));
}

/* Move all but @keep buffers of a cache, which is the caller's or claimed, to the stack: the oldest, which are the coldest. */
static void cache_spill(struct vireo_pool *pool, struct pool_cache *c, unsigned keep)
{
	while (io_load_relaxed(&c->n) > keep) {
		uint32_t first = io_load_relaxed(&c->first);
		unsigned k = pool_cache_straight(c, first), n = io_load_relaxed(&c->n) - keep;

		k = n < k ? n : k;
		stack_push(pool, &c->bufs[first], k);
		pool_cache_took(c, k);
	}
}

static unsigned n_cached(const struct vireo_pool *pool)
{
	unsigned n_slots = io_load_relaxed(&registry.n_slots), n = 0;

	for (unsigned slot = 1; slot < n_slots; slot++)
		n += io_load_relaxed(&cache_of(pool, slot)->n);
	return n;
}

/*
 * Move what the caches of other threads hold to the stack; see pool.h. Not worth interrupting everybody for when it
 * would not be enough.
 */
static void steal(struct vireo_pool *pool, const struct pool_cache *own, unsigned n)
{
	unsigned n_slots = io_load_relaxed(&registry.n_slots);
	bool claimed;

	if (!registry.can_cache || n_cached(pool) + pool->n_stack < n)
		return;
	for (unsigned slot = 1; slot < n_slots; slot++) {
		struct pool_cache *c = cache_of(pool, slot);

		if (c != own && io_load_relaxed(&c->n))
			io_store_relaxed(&c->claimed, 1);
	}
	/* Every owner either sees claimed from here on, or is seen busy below; unless a sandbox forbids the call. */
	claimed = !syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	for (unsigned slot = 1; slot < n_slots; slot++) {
		struct pool_cache *c = cache_of(pool, slot);

		if (!io_load_relaxed(&c->claimed))
			continue;
		while (claimed && io_load_acquire(&c->busy))
			sched_yield();
		if (claimed)
			cache_spill(pool, c, 0);
		io_store_release(&c->claimed, 0);
	}
}

/* Whether @n buffers can be taken from the caller's cache and the stack, if need be after stealing. */
static bool ensure(struct vireo_pool *pool, struct pool_cache *c, unsigned n)
{
	uint32_t have = io_load_relaxed(&c->n);

	if (n <= have || n - have <= pool->n_stack)
		return true;
	steal(pool, c, n);
	if (n - have <= pool->n_stack)
		return true;
	pool->alloc_failed++;
	return false;
}

/* After ensure(): hand out @n buffers, the caller's own first because they are likely to be in its cache lines. */
static void take(struct vireo_pool *pool, struct pool_cache *c, void **bufs, unsigned n, enum pool_owner to)
{
	uint32_t have = io_load_relaxed(&c->n);
	unsigned own = n < have ? n : have;

	pool_cache_take(c, bufs, own);
	stack_pop(pool, bufs + own, n - own);
	if (pool->owners)
		for (unsigned i = 0; i < n; i++)
			pool_debug_move(pool, bufs[i], POOL_FREE, to, "allocated");
}

/* So that the next bursts find their buffers in the cache. */
static void refill(struct vireo_pool *pool, struct pool_cache *c)
{
	uint32_t have = io_load_relaxed(&c->n), want = c->cap / 2;

	if (have >= want)
		return;
	want = want - have < pool->n_stack ? want - have : pool->n_stack;
	pool->n_stack -= want;
	pool_cache_add(c, &pool->stack[pool->n_stack], want);
}

/* The slots of threads. */

static void thread_exit(void *slot_ptr)
{
	unsigned slot = (unsigned)(uintptr_t)slot_ptr;

	pthread_mutex_lock(&registry.lock);
	for (unsigned id = 0; id < VIREO_MAX_POOLS; id++) {
		struct vireo_pool *pool = pool_table[id];

		if (!pool)
			continue;
		pthread_mutex_lock(&pool->lock);
		cache_spill(pool, cache_of(pool, slot), 0);
		pthread_mutex_unlock(&pool->lock);
	}
	registry.taken[slot] = false;
	pool_thread_slot = 0;
	pthread_mutex_unlock(&registry.lock);
}

/* Give the calling thread a slot, if there is one left. */
static void thread_enter(void)
{
	unsigned slot = 1;

	pthread_mutex_lock(&registry.lock);
	while (slot <= POOL_MAX_THREADS && registry.taken[slot])
		slot++;
	if (slot > POOL_MAX_THREADS || pthread_setspecific(registry.key, (void *)(uintptr_t)slot)) {
		thread_refused = true;
		goto out;
	}
	registry.taken[slot] = true;
	if (slot >= registry.n_slots)
		io_store_relaxed(&registry.n_slots, slot + 1);
	pool_thread_slot = slot;
out:
	pthread_mutex_unlock(&registry.lock);
}

/* Lock the pool and give the calling thread its cache, or nobody's, which is always empty and takes nothing. */
static struct pool_cache *slow_enter(struct vireo_pool *pool)
{
	struct pool_cache *c;

	if (!pool_thread_slot && !thread_refused && pool->cache)
		thread_enter();
	pthread_mutex_lock(&pool->lock);
	c = cache_of(pool, pool_thread_slot);
	if (pool_thread_slot && pool->cache)
		c->cap = pool->cache;
	return c;
}

static void slow_leave(struct vireo_pool *pool)
{
	pthread_mutex_unlock(&pool->lock);
}

unsigned pool_alloc_slow(struct vireo_pool *pool, struct vireo_pkt *pkts, unsigned n)
{
	struct pool_cache *c = slow_enter(pool);
	bool enough = ensure(pool, c, n);
	void *bufs[BATCH];

	for (unsigned i = 0; enough && i < n; i += BATCH) {
		unsigned k = n - i < BATCH ? n - i : BATCH;

		take(pool, c, bufs, k, POOL_APP);
		pool_fill(pool, pkts + i, bufs, k);
	}
	if (enough)
		refill(pool, c);
	slow_leave(pool);
	return enough ? n : 0;
}

unsigned pool_get_slow(struct vireo_pool *pool, void **bufs, unsigned n)
{
	struct pool_cache *c = slow_enter(pool);
	bool enough = ensure(pool, c, n);

	if (enough) {
		take(pool, c, bufs, n, POOL_DEVICE);
		refill(pool, c);
	}
	slow_leave(pool);
	return enough ? n : 0;
}

void pool_put_slow(struct vireo_pool *pool, void *const *bufs, unsigned n, enum pool_owner from)
{
	struct pool_cache *c = slow_enter(pool);

	if (pool->owners) {
		for (unsigned i = 0; i < n; i++)
			if (pool_debug_move(pool, bufs[i], from, POOL_FREE, "freed"))
				stack_push(pool, &bufs[i], 1);
		goto out;
	}
	if (n > c->cap) {
		stack_push(pool, bufs, n);
		goto out;
	}
	/* Half of it gives bursts both ways room. */
	if (n > c->cap - io_load_relaxed(&c->n))
		cache_spill(pool, c, n < c->cap / 2 ? c->cap / 2 : c->cap - n);
	pool_cache_add(c, bufs, n);
out:
	slow_leave(pool);
}

/* Life of a pool. */

static void registry_prepare(void)
{
	pthread_mutex_lock(&registry.lock);
	if (!registry.ready) {
		registry.can_cache =
			!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) &&
			!pthread_key_create(&registry.key, thread_exit);
		pool_debug_load();
		registry.ready = true;
	}
	pthread_mutex_unlock(&registry.lock);
}

/*
 * Buffers that a thread may keep: no more than a quarter of the pool, or a few threads hold it all and steal from each
 * other. None when somebody is to be named for every buffer, or when the kernel lacks what claiming a cache needs.
 */
static uint32_t choose_cache(const struct vireo_pool_config *cfg, uint32_t n_bufs)
{
	uint64_t cache = cfg->cache ? cfg->cache : DEFAULT_CACHE;

	if (cfg->no_cache || vireo_pool_debug() || !registry.can_cache)
		return 0;
	cache = (cache + CACHE_UNIT - 1) / CACHE_UNIT * CACHE_UNIT;
	if (cache > n_bufs / 4)
		cache = n_bufs / 4 / CACHE_UNIT * CACHE_UNIT;
	return (uint32_t)cache;
}

static uint32_t invert(uint32_t odd)
{
	uint32_t x = odd; /* right in 3 bits, and twice as many with every step */

	for (int i = 0; i < 4; i++)
		x *= 2 - odd * x;
	return x;
}

static void pool_free(struct vireo_pool *pool)
{
	vireo_memory_free(pool->base);
	free(pool->caches_mem);
	free(pool->owners);
	free(pool->refs);
	free(pool->stack);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* The buffers themselves first: a pool of impossible size is refused there before it costs anything. */
static int alloc_all(struct vireo_pool *pool, unsigned numa_node)
{
	unsigned n_caches = pool->cache ? POOL_MAX_THREADS + 1 : 1;
	size_t stride = sizeof(struct pool_cache) + pool->cache * sizeof(void *);
	void *base;
	int err;

	err = vireo_memory_alloc((size_t)pool->n_bufs * pool->stride, 4096, numa_node, &base);
	if (err)
		return err;
	pool->base = base;
	pool->stack = calloc(pool->n_bufs, sizeof(*pool->stack));
	pool->refs = calloc(pool->n_bufs, sizeof(*pool->refs));
	if (vireo_pool_debug())
		pool->owners = calloc(pool->n_bufs, sizeof(*pool->owners));
	/* calloc() takes this much from the system, untouched: caches of threads that never come cost no memory. */
	pool->caches_mem = calloc(1, n_caches * stride + POOL_CACHE_LINE);
	if (!pool->stack || !pool->refs || !pool->caches_mem || (vireo_pool_debug() && !pool->owners))
		return vireo_error(-ENOMEM, "out of memory");
	/* The first buffer on top, so that a pool in use by few stays in few lines. */
	for (uint32_t i = 0; i < pool->n_bufs; i++)
		pool->stack[i] = pool->base + (size_t)(pool->n_bufs - 1 - i) * pool->stride;
	pool->n_stack = pool->n_bufs;
	pool->caches = (char *)pool->caches_mem + (-(uintptr_t)pool->caches_mem & (POOL_CACHE_LINE - 1));
	pool->cache_stride = pool->cache ? stride : 0;
	return 0;
}

/* Give the pool its number; 0 comes last, because that is what a packet that nobody filled in says. */
static int pool_register(struct vireo_pool *pool)
{
	unsigned i, id = 0;

	pthread_mutex_lock(&registry.lock);
	for (i = 1; i <= VIREO_MAX_POOLS; i++) {
		id = i % VIREO_MAX_POOLS;
		if (!pool_table[id])
			break;
	}
	if (i <= VIREO_MAX_POOLS) {
		pool->pkt_flags = (uint32_t)id << VIREO_PKT_POOL_SHIFT;
		if (!pool->name[0])
			snprintf(pool->name, sizeof(pool->name), "pool%u", id);
		io_store_release(&pool_table[id], pool);
	}
	pthread_mutex_unlock(&registry.lock);
	if (i > VIREO_MAX_POOLS)
		return vireo_error(-EMFILE, "there are %d pools already, and no more are possible", VIREO_MAX_POOLS);
	return 0;
}

static int check_config(const struct vireo_pool_config *cfg)
{
	if (cfg->name && strlen(cfg->name) >= sizeof(((struct vireo_pool *)NULL)->name))
		return vireo_error(-EINVAL, "the name of a pool has at most 31 bytes; '%s' is longer", cfg->name);
	if (cfg->buf_size > UINT16_MAX - VIREO_HEADROOM)
		return vireo_error(-EINVAL, "buf_size %u is more than the %d bytes a buffer can hold", cfg->buf_size,
				   UINT16_MAX - VIREO_HEADROOM);
	return 0;
}

int vireo_pool_create(const struct vireo_pool_config *cfg, struct vireo_pool **ret_pool)
{
	static const struct vireo_pool_config defaults;
	struct vireo_pool *pool;
	uint32_t lines;
	int err;

	cfg = cfg ? cfg : &defaults;
	err = check_config(cfg);
	if (err)
		return err;
	registry_prepare();
	pool = aligned_alloc(POOL_CACHE_LINE, sizeof(*pool));
	if (!pool)
		return vireo_error(-ENOMEM, "out of memory");
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
	if (cfg->name)
		strcpy(pool->name, cfg->name);
	pool->n_bufs = cfg->n_bufs ? cfg->n_bufs : DEFAULT_N_BUFS;
	pool->buf_size = cfg->buf_size ? cfg->buf_size : DEFAULT_BUF_SIZE;
	pool->cache = choose_cache(cfg, pool->n_bufs);
	/* An odd number of cache lines: buffers spread over all sets of L1 instead of meeting in a few. */
	lines = (VIREO_HEADROOM + pool->buf_size + POOL_CACHE_LINE - 1) / POOL_CACHE_LINE | 1;
	pool->stride = lines * POOL_CACHE_LINE;
	pool->inverse = invert(lines);
	pool->page_size = dma_page_size();

	err = alloc_all(pool, cfg->numa_node);
	if (!err)
		err = pool_register(pool);
	if (err) {
		pool_free(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

int vireo_pool_destroy(struct vireo_pool *pool)
{
	unsigned out, n_users;

	if (!pool)
		return 0;
	pthread_mutex_lock(&registry.lock);
	pthread_mutex_lock(&pool->lock);
	out = pool->n_bufs - pool->n_stack - n_cached(pool);
	n_users = pool->n_users;
	pthread_mutex_unlock(&pool->lock);
	if (!out && !n_users)
		io_store_relaxed(&pool_table[vireo_pool_id(pool)], NULL);
	pthread_mutex_unlock(&registry.lock);
	if (n_users)
		return vireo_error(-EBUSY, "pool '%s' cannot be destroyed: %u ports receive into it; close them first",
				   pool->name, n_users);
	if (out)
		return vireo_error(-EBUSY,
				   "pool '%s' cannot be destroyed: %u of its %u buffers are with an application, in a "
				   "ring or with a device",
				   pool->name, out, pool->n_bufs);
	pool_free(pool);
	return 0;
}

void pool_attach(struct vireo_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->n_users++;
	pthread_mutex_unlock(&pool->lock);
}

void pool_detach(struct vireo_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->n_users--;
	pthread_mutex_unlock(&pool->lock);
}

void vireo_pool_info(const struct vireo_pool *pool, struct vireo_pool_info *ret_info)
{
	struct vireo_pool *p = (struct vireo_pool *)pool; /* for its lock alone */

	pthread_mutex_lock(&p->lock);
	*ret_info = (struct vireo_pool_info){
		.name = pool->name,
		.n_bufs = pool->n_bufs,
		.n_free = pool->n_stack + n_cached(pool),
		.buf_size = pool->buf_size,
		.stride = pool->stride,
		.page_size = pool->page_size,
		.alloc_failed = pool->alloc_failed,
	};
	pthread_mutex_unlock(&p->lock);
}

unsigned vireo_pool_id(const struct vireo_pool *pool)
{
	return pool->pkt_flags >> VIREO_PKT_POOL_SHIFT;
}

struct vireo_pool *vireo_pool_by_id(unsigned id)
{
	return id < VIREO_MAX_POOLS ? io_load_relaxed(&pool_table[id]) : NULL;
}

/* Buffers to and from drivers outside the tree. */

unsigned vireo_pool_get_bufs(struct vireo_pool *pool, void **bufs, unsigned n)
{
	return pool_get_bufs(pool, bufs, n);
}

void vireo_pool_put_bufs(struct vireo_pool *pool, void *const *bufs, unsigned n)
{
	pool_put_bufs(pool, bufs, n);
}

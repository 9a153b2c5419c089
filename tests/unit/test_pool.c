// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/vireo.h>

#include "dma.h"
#include "pool.h"

static struct vireo_pool *make_pool_with(const struct vireo_pool_config *cfg)
{
	struct vireo_pool *pool = NULL;

	assert_int_equal(vireo_pool_create(cfg, &pool), 0);
	return pool;
}

static struct vireo_pool *make_pool(unsigned n_bufs)
{
	const struct vireo_pool_config cfg = {.n_bufs = n_bufs};

	return make_pool_with(&cfg);
}

static unsigned n_free(const struct vireo_pool *pool)
{
	struct vireo_pool_info info;

	vireo_pool_info(pool, &info);
	return info.n_free;
}

static void create_defaults_as_documented(void **state)
{
	struct vireo_pool *pool = make_pool_with(NULL);
	struct vireo_pool_info info;
	char name[32];

	vireo_pool_info(pool, &info);
	snprintf(name, sizeof(name), "pool%u", vireo_pool_id(pool));
	assert_string_equal(info.name, name);
	assert_int_equal(info.n_bufs, 8192);
	assert_int_equal(info.n_free, 8192);
	assert_int_equal(info.buf_size, 2048);
	assert_int_equal(info.page_size, 4096);
	assert_int_equal(info.alloc_failed, 0);
	assert_ptr_equal(vireo_pool_by_id(vireo_pool_id(pool)), pool);
	assert_int_equal(vireo_pool_destroy(pool), 0);
	assert_int_equal(vireo_pool_destroy(NULL), 0);
	assert_null(vireo_pool_by_id(VIREO_MAX_POOLS));
	assert_int_equal(dma_n_arenas(), 0);
}

static void create_bad_config_refused(void **state)
{
	const struct vireo_pool_config too_large = {.n_bufs = 8, .buf_size = 65535 - VIREO_HEADROOM + 1};
	const struct vireo_pool_config long_name = {.n_bufs = 8, .name = "a name that is one byte too long"};
	const struct vireo_pool_config no_node = {.n_bufs = 8, .numa_node = 200};
	const struct vireo_pool_config too_many = {.n_bufs = UINT32_MAX / 2};
	struct vireo_pool *pool = NULL;

	assert_int_equal(strlen(long_name.name), 32);
	assert_int_equal(vireo_pool_create(&too_large, &pool), -EINVAL);
	assert_int_equal(vireo_pool_create(&long_name, &pool), -EINVAL);
	assert_int_equal(vireo_pool_create(&no_node, &pool), -EINVAL);
	assert_int_equal(vireo_pool_create(&too_many, &pool), -ENOSPC);
	assert_null(pool);
	assert_int_equal(dma_n_arenas(), 0);
}

static void create_any_size_stride_odd_cache_lines(void **state)
{
	static const uint32_t sizes[] = {1, 64, 256, 1920, 2048, 4096 - VIREO_HEADROOM, 9216, 65535 - VIREO_HEADROOM};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct vireo_pool_config cfg = {.n_bufs = 70, .buf_size = sizes[i]};
		struct vireo_pool *pool = make_pool_with(&cfg);
		struct vireo_pkt pkts[70];
		struct vireo_pool_info info;
		bool seen[70] = {false};

		vireo_pool_info(pool, &info);
		assert_true(info.stride >= sizes[i] + VIREO_HEADROOM);
		assert_int_equal(info.stride % 64, 0);
		assert_int_equal(info.stride / 64 % 2, 1);
		assert_int_equal(vireo_pool_alloc(pool, pkts, 70), 70);
		for (unsigned k = 0; k < 70; k++) {
			uint32_t idx = pool_index(pool, pkts[k].buf);

			assert_in_range(idx, 0, 69);
			assert_false(seen[idx]);
			seen[idx] = true;
			assert_ptr_equal(pkts[k].buf, pool->base + (size_t)idx * info.stride);
			assert_true(vireo_iova(pkts[k].buf) == vireo_iova(pool->base) + (size_t)idx * info.stride);
			memset(pkts[k].buf, 0xa5, sizes[i] + VIREO_HEADROOM);
			/* Nothing but the first byte of a buffer is one. */
			assert_true(pool_index(pool, (char *)pkts[k].buf + 64) >= 70);
			assert_true(pool_index(pool, (char *)pkts[k].buf + 1) >= 70);
		}
		assert_true(pool_index(pool, pool->base - info.stride) >= 70);
		assert_true(pool_index(pool, pool->base + 70 * (size_t)info.stride) >= 70);
		vireo_pkt_free(pkts, 70);
		assert_int_equal(vireo_pool_destroy(pool), 0);
	}
}

static void create_256_pools_then_no_more(void **state)
{
	const struct vireo_pool_config cfg = {.n_bufs = 2, .buf_size = 64};
	struct vireo_pool *pools[VIREO_MAX_POOLS], *extra = NULL;
	bool seen[VIREO_MAX_POOLS] = {false};
	struct vireo_pkt pkt;

	for (unsigned i = 0; i < VIREO_MAX_POOLS; i++) {
		pools[i] = make_pool_with(&cfg);
		assert_false(seen[vireo_pool_id(pools[i])]);
		seen[vireo_pool_id(pools[i])] = true;
		assert_int_equal(vireo_pool_alloc(pools[i], &pkt, 1), 1);
		assert_int_equal(pkt.flags >> VIREO_PKT_POOL_SHIFT, vireo_pool_id(pools[i]));
		vireo_pkt_free(&pkt, 1);
		assert_int_equal(n_free(pools[i]), 2);
	}
	assert_int_equal(vireo_pool_create(&cfg, &extra), -EMFILE);
	assert_null(extra);
	assert_int_equal(vireo_pool_destroy(pools[100]), 0);
	pools[100] = make_pool_with(&cfg);
	for (unsigned i = 0; i < VIREO_MAX_POOLS; i++)
		assert_int_equal(vireo_pool_destroy(pools[i]), 0);
	assert_int_equal(dma_n_arenas(), 0);
}

static void alloc_packet_is_filled_in(void **state)
{
	struct vireo_pool *pool = make_pool(256);
	struct vireo_pkt pkts[3];

	for (unsigned lap = 0; lap < 2; lap++) { /* first from the stack, then from the cache */
		memset(pkts, 0xff, sizeof(pkts));
		assert_int_equal(vireo_pool_alloc(pool, pkts, 3), 3);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(pkts[i].off, VIREO_HEADROOM);
			assert_int_equal(pkts[i].len, 0);
			assert_int_equal(pkts[i].flags, vireo_pool_id(pool) << VIREO_PKT_POOL_SHIFT);
			assert_int_equal(pkts[i].hash | pkts[i].vlan | pkts[i].port, 0);
			assert_int_equal(pkts[i].user, 0);
			assert_ptr_equal(vireo_pkt_data(&pkts[i]), (char *)pkts[i].buf + 128);
		}
		vireo_pkt_free(pkts, 3);
	}
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/* Pools with a cache, with a cache that the size forbids, and without one. */
static const struct vireo_pool_config shapes[] = {
	{.n_bufs = 1000}, {.n_bufs = 64}, {.n_bufs = 1000, .no_cache = 1}, {.n_bufs = 300, .cache = 1}};

static void alloc_all_or_nothing_finds_every_buffer(void **state)
{
	for (unsigned s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct vireo_pool *pool = make_pool_with(&shapes[s]);
		unsigned n = shapes[s].n_bufs;
		struct vireo_pkt *pkts = calloc(n + 1, sizeof(*pkts));
		struct vireo_pool_info info;

		assert_int_equal(vireo_pool_alloc(pool, pkts, n + 1), 0);
		assert_int_equal(vireo_pool_alloc(pool, pkts, 0), 0);
		/* Part of it in the caller's cache. */
		assert_int_equal(vireo_pool_alloc(pool, pkts, 5), 5);
		vireo_pkt_free(pkts, 5);
		assert_int_equal(vireo_pool_alloc(pool, pkts, n), n);
		assert_int_equal(n_free(pool), 0);
		assert_int_equal(vireo_pool_alloc(pool, pkts + n, 1), 0);
		vireo_pkt_free(pkts, 1);
		assert_int_equal(vireo_pool_alloc(pool, pkts, 2), 0);
		assert_int_equal(n_free(pool), 1);
		assert_int_equal(vireo_pool_alloc(pool, pkts, 1), 1);
		vireo_pkt_free(pkts, n);
		vireo_pool_info(pool, &info);
		assert_int_equal(info.n_free, n);
		assert_int_equal(info.alloc_failed, 3);
		assert_int_equal(vireo_pool_destroy(pool), 0);
		free(pkts);
	}
}

static void get_bufs_put_bufs_round_trip(void **state)
{
	for (unsigned s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct vireo_pool *pool = make_pool_with(&shapes[s]);
		unsigned n = shapes[s].n_bufs;
		void **bufs = calloc(n + 1, sizeof(*bufs));

		for (unsigned i = 0; i < n - n % 32; i += 32)
			assert_int_equal(vireo_pool_get_bufs(pool, bufs + i, 32), 32);
		assert_int_equal(vireo_pool_get_bufs(pool, bufs + n - n % 32, 32), 0);
		assert_int_equal(vireo_pool_get_bufs(pool, bufs + n - n % 32, n % 32), n % 32);
		assert_int_equal(n_free(pool), 0);
		for (unsigned i = 0; i < n; i++)
			assert_in_range(pool_index(pool, bufs[i]), 0, n - 1);
		for (unsigned i = 0; i < n; i += 7)
			vireo_pool_put_bufs(pool, bufs + i, n - i < 7 ? n - i : 7);
		assert_int_equal(n_free(pool), n);
		assert_int_equal(vireo_pool_get_bufs(pool, bufs, n), n);
		vireo_pool_put_bufs(pool, bufs, n);
		assert_int_equal(vireo_pool_destroy(pool), 0);
		free(bufs);
	}
}

/* What lies in a row stays in a row, so that both ends of a ring find it prefetched: bursts of any sizes go round for ever the same way. */
static void alloc_buffers_keep_the_order_in_which_they_came_back(void **state)
{
	enum { RING = 64, MOST = 32 };
	struct vireo_pool *pool = make_pool(4096);
	struct vireo_pkt ring[RING + MOST];
	void *order[512], *bufs[MOST];
	unsigned n_out = 0, n_seen = 0, at = 0;
	bool round = false;

	for (unsigned step = 0; step < 2000; step++) {
		unsigned k = 1 + step * 7 % MOST;

		assert_int_equal(vireo_pool_alloc(pool, &ring[n_out], k), k);
		for (unsigned i = 0; i < k; i++) {
			void *buf = ring[n_out + i].buf;

			round |= n_seen && buf == order[0];
			if (!round)
				order[n_seen++] = buf;
			else
				assert_ptr_equal(buf, order[at++ % n_seen]);
		}
		n_out += k;
		while (n_out > RING) {
			k = 1 + (step + n_out) * 5 % MOST;
			for (unsigned i = 0; i < k; i++)
				bufs[i] = ring[i].buf;
			if (step & 1)
				vireo_pkt_free(ring, k);
			else
				pool_put_bufs(pool, bufs, k);
			n_out -= k;
			memmove(ring, ring + k, n_out * sizeof(*ring));
		}
	}
	assert_in_range(at, n_seen, UINT32_MAX);
	vireo_pkt_free(ring, n_out);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void destroy_buffers_out_busy(void **state)
{
	struct vireo_pool *pool = make_pool(128);
	struct vireo_pkt pkt;
	void *buf;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	assert_int_equal(vireo_pool_destroy(pool), -EBUSY);
	assert_non_null(strstr(vireo_last_error(), "1 of its 128"));
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_pool_get_bufs(pool, &buf, 1), 1);
	assert_int_equal(vireo_pool_destroy(pool), -EBUSY);
	vireo_pool_put_bufs(pool, &buf, 1);
	pool_attach(pool);
	assert_int_equal(vireo_pool_destroy(pool), -EBUSY);
	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	pool_detach(pool);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void free_mixed_pools_each_to_its_own(void **state)
{
	struct vireo_pool *a = make_pool(512), *b = make_pool(512);
	struct vireo_pkt pkts[300], tmp;

	assert_int_equal(vireo_pool_alloc(a, pkts, 150), 150);
	assert_int_equal(vireo_pool_alloc(b, pkts + 150, 150), 150);
	for (unsigned i = 0; i < 300; i++) {
		unsigned k = i * 7919u % 300;

		tmp = pkts[i];
		pkts[i] = pkts[k];
		pkts[k] = tmp;
	}
	vireo_pkt_free(pkts, 0);
	vireo_pkt_free(pkts, 300);
	assert_int_equal(n_free(a), 512);
	assert_int_equal(n_free(b), 512);
	assert_int_equal(vireo_pool_alloc(a, pkts, 300), 300);
	for (unsigned i = 0; i < 300; i++)
		assert_in_range(pool_index(a, pkts[i].buf), 0, 511);
	vireo_pkt_free(pkts, 300);
	assert_int_equal(vireo_pool_destroy(a), 0);
	assert_int_equal(vireo_pool_destroy(b), 0);
}

static void free_small_burst_odd_one_out_goes_home(void **state)
{
	struct vireo_pool *a = make_pool(1024), *b = make_pool(1024);
	struct vireo_pkt pkts[32];

	/* Few enough for the thread's cache, which must notice that one does not belong. */
	for (unsigned odd = 0; odd < 32; odd++) {
		assert_int_equal(vireo_pool_alloc(a, pkts, 32), 32);
		vireo_pkt_free(&pkts[odd], 1);
		assert_int_equal(vireo_pool_alloc(b, &pkts[odd], 1), 1);
		vireo_pkt_free(pkts, 32);
		assert_int_equal(n_free(a), 1024);
		assert_int_equal(n_free(b), 1024);

		assert_int_equal(vireo_pool_alloc(a, pkts, 32), 32);
		assert_int_equal(vireo_pkt_share(&pkts[odd], 2), 0);
		vireo_pkt_free(pkts, 32);
		assert_int_equal(n_free(a), 1023);
		vireo_pkt_free(&pkts[odd], 1);
		assert_int_equal(n_free(a), 1024);
	}
	assert_int_equal(vireo_pool_destroy(a), 0);
	assert_int_equal(vireo_pool_destroy(b), 0);
}

static struct {
	pthread_mutex_t lock;
	unsigned n;
	char text[512];
} errors = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_error(void *ctx, enum vireo_log_level level, const char *text)
{
	if (level != VIREO_LOG_ERR)
		return;
	pthread_mutex_lock(&errors.lock);
	errors.n++;
	snprintf(errors.text, sizeof(errors.text), "%s", text);
	pthread_mutex_unlock(&errors.lock);
}

static int watch_log(void **state)
{
	errors.n = 0;
	errors.text[0] = '\0';
	vireo_log_set(note_error, NULL, VIREO_LOG_ERR);
	return 0;
}

static int unwatch_log(void **state)
{
	vireo_log_set(NULL, NULL, VIREO_LOG_ERR);
	unsetenv("VIREO_POOL_DEBUG");
	pool_debug_load();
	return 0;
}

static void free_unknown_pool_named_and_skipped(void **state)
{
	struct vireo_pool *pool = make_pool(8);
	struct vireo_pkt pkts[2] = {{.flags = 200u << VIREO_PKT_POOL_SHIFT}};

	assert_int_equal(vireo_pool_alloc(pool, &pkts[1], 1), 1);
	vireo_pkt_free(pkts, 2);
	assert_int_equal(errors.n, 1);
	assert_non_null(strstr(errors.text, "pool 200"));
	assert_int_equal(n_free(pool), 8);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void free_twice_without_debug_stays_in_bounds(void **state)
{
	struct vireo_pool *pool = make_pool(8);
	struct vireo_pkt pkts[8];

	assert_int_equal(vireo_pool_alloc(pool, pkts, 8), 8);
	vireo_pkt_free(pkts, 8);
	vireo_pkt_free(pkts, 8); /* the stack must not grow beyond its array */
	assert_int_equal(errors.n, 1);
	assert_non_null(strstr(errors.text, "VIREO_POOL_DEBUG"));
	assert_int_equal(n_free(pool), 8);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/* A thread that fills its cache and stays, until told to go. */
struct hoarder {
	struct vireo_pool *pool;
	pthread_barrier_t filled, leave;
	unsigned n;
	bool failed;
};

static void *hoard(void *arg)
{
	struct hoarder *h = arg;
	struct vireo_pkt pkts[512];

	if (vireo_pool_alloc(h->pool, pkts, h->n) == h->n)
		vireo_pkt_free(pkts, h->n);
	else
		h->failed = true;
	pthread_barrier_wait(&h->filled);
	pthread_barrier_wait(&h->leave);
	/* Emptied or not, the cache works. */
	if (vireo_pool_alloc(h->pool, pkts, 1) == 1)
		vireo_pkt_free(pkts, 1);
	return NULL;
}

static void start_hoarder(struct hoarder *h, struct vireo_pool *pool, unsigned n, pthread_t *ret_thread)
{
	memset(h, 0, sizeof(*h));
	h->pool = pool;
	h->n = n;
	pthread_barrier_init(&h->filled, NULL, 2);
	pthread_barrier_init(&h->leave, NULL, 2);
	assert_int_equal(pthread_create(ret_thread, NULL, hoard, h), 0);
	pthread_barrier_wait(&h->filled);
	assert_false(h->failed);
}

static unsigned in_caches(const struct vireo_pool *pool)
{
	return n_free(pool) - pool->n_stack;
}

static void alloc_takes_what_other_caches_hold(void **state)
{
	const struct vireo_pool_config cfg = {.n_bufs = 1024, .cache = 256};
	struct vireo_pool *pool = make_pool_with(&cfg);
	struct vireo_pkt pkts[1024];
	struct hoarder h;
	pthread_t thread;

	start_hoarder(&h, pool, 100, &thread);
	assert_true(in_caches(pool) >= 100);
	assert_int_equal(n_free(pool), 1024);
	assert_int_equal(vireo_pool_alloc(pool, pkts, 1024), 1024);
	assert_int_equal(n_free(pool), 0);
	vireo_pkt_free(pkts, 1024);
	pthread_barrier_wait(&h.leave);
	pthread_join(thread, NULL);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void destroy_buffers_in_other_caches_not_busy(void **state)
{
	struct vireo_pool *pool = make_pool(1024), *other = make_pool(1024);
	struct hoarder h;
	pthread_t thread;

	start_hoarder(&h, pool, 100, &thread);
	assert_true(in_caches(pool) >= 100);
	assert_int_equal(vireo_pool_destroy(pool), 0);
	h.pool = other;
	pthread_barrier_wait(&h.leave);
	pthread_join(thread, NULL);
	assert_int_equal(vireo_pool_destroy(other), 0);
}

static void thread_exit_returns_its_caches(void **state)
{
	const struct vireo_pool_config cfg = {.n_bufs = 1024, .cache = 256};
	struct vireo_pool *pool = make_pool_with(&cfg);
	struct hoarder h;
	pthread_t thread;

	start_hoarder(&h, pool, 100, &thread);
	assert_true(in_caches(pool) >= 100);
	pthread_barrier_wait(&h.leave);
	pthread_join(thread, NULL);
	assert_int_equal(in_caches(pool), 0);
	assert_int_equal(n_free(pool), 1024);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

#define N_MANY (POOL_MAX_THREADS + 12)

static void alloc_more_threads_than_slots_all_served(void **state)
{
	struct vireo_pool *pool = make_pool(32768);
	struct hoarder *h = calloc(N_MANY, sizeof(*h));
	pthread_t threads[N_MANY];

	for (unsigned i = 0; i < N_MANY; i++)
		start_hoarder(&h[i], pool, 40, &threads[i]);
	assert_int_equal(n_free(pool), 32768);
	for (unsigned i = 0; i < N_MANY; i++) {
		pthread_barrier_wait(&h[i].leave);
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(in_caches(pool), 0);
	/* Slots are free again: a new thread gets one, and with it a cache. */
	start_hoarder(&h[0], pool, 40, &threads[0]);
	assert_true(in_caches(pool) >= 40);
	pthread_barrier_wait(&h[0].leave);
	pthread_join(threads[0], NULL);
	assert_int_equal(n_free(pool), 32768);
	assert_int_equal(vireo_pool_destroy(pool), 0);
	free(h);
}

/*
 * Threads that allocate and free bursts, writing their name into every buffer: a buffer that two of them got at once is
 * seen by the check (and by ThreadSanitizer), one that got lost by the count at the end.
 */
#define N_WORKERS 4
#define N_ROUNDS  40000

struct worker {
	struct vireo_pool *pool;
	unsigned id, max_held;
	unsigned n_wrong, n_short;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct vireo_pkt held[512];
	unsigned n = 0, seed = w->id * 77 + 1;

	for (unsigned round = 0; round < N_ROUNDS; round++) {
		unsigned burst = 1 + (seed = seed * 1664525 + 1013904223) / 65536 % 48;

		if ((seed >> 8 & 1) && n + burst <= w->max_held) {
			unsigned got = vireo_pool_alloc(w->pool, held + n, burst);

			w->n_short += !got;
			for (unsigned i = n; i < n + got; i++)
				*(unsigned *)vireo_pkt_data(&held[i]) = w->id;
			n += got;
		} else {
			burst = burst < n ? burst : n;
			for (unsigned i = n - burst; i < n; i++) {
				w->n_wrong += *(unsigned *)vireo_pkt_data(&held[i]) != w->id;
				*(unsigned *)vireo_pkt_data(&held[i]) = 0;
			}
			vireo_pkt_free(held + n - burst, burst);
			n -= burst;
		}
	}
	vireo_pkt_free(held, n);
	return NULL;
}

static void run_workers(const struct vireo_pool_config *cfg, unsigned max_held, bool enough)
{
	struct vireo_pool *pool = make_pool_with(cfg);
	struct worker workers[N_WORKERS];
	pthread_t threads[N_WORKERS];
	struct vireo_pkt *all = calloc(cfg->n_bufs, sizeof(*all));

	for (unsigned i = 0; i < N_WORKERS; i++) {
		workers[i] = (struct worker){.pool = pool, .id = i + 1, .max_held = max_held};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < N_WORKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].n_wrong, 0);
		/* The threads together hold no more than there is: what is in caches must not be missing. */
		if (enough)
			assert_int_equal(workers[i].n_short, 0);
	}
	assert_int_equal(n_free(pool), cfg->n_bufs);
	assert_int_equal(vireo_pool_alloc(pool, all, cfg->n_bufs), cfg->n_bufs);
	vireo_pkt_free(all, cfg->n_bufs);
	assert_int_equal(vireo_pool_destroy(pool), 0);
	free(all);
}

static void alloc_four_threads_no_buffer_twice_or_lost(void **state)
{
	run_workers(&(struct vireo_pool_config){.n_bufs = 8192}, 512, true);
	run_workers(&(struct vireo_pool_config){.n_bufs = 512, .no_cache = 1}, 128, true);
	run_workers(&(struct vireo_pool_config){.n_bufs = 64}, 16 + 48, false);
}

static void alloc_four_threads_caches_never_starve_others(void **state)
{
	/* 4 x 64 in caches are all of the pool: a thread gets its 64 only by taking from the caches of the others. */
	run_workers(&(struct vireo_pool_config){.n_bufs = 256, .cache = 64}, 64, true);
	run_workers(&(struct vireo_pool_config){.n_bufs = 256, .cache = 64}, 200, false);
}

/* Sharing. */

static void share_counts_down_to_the_last(void **state)
{
	struct vireo_pool *pool = make_pool(64);
	struct vireo_pkt pkt;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	assert_int_equal(vireo_pkt_share(&pkt, 0), -EINVAL);
	assert_int_equal(pkt.flags & VIREO_PKT_SHARED, 0);
	assert_int_equal(vireo_pkt_share(&pkt, 3), 0);
	assert_int_equal(pkt.flags & VIREO_PKT_SHARED, VIREO_PKT_SHARED);
	/* One of the three becomes two. */
	assert_int_equal(vireo_pkt_share(&pkt, 2), 0);
	assert_int_equal(vireo_pkt_share(&pkt, 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		vireo_pkt_free(&pkt, 1);
		assert_int_equal(n_free(pool), 63);
	}
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(n_free(pool), 64);
	/* Once more: nothing is left over from before. */
	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	assert_int_equal(pkt.flags & VIREO_PKT_SHARED, 0);
	assert_int_equal(vireo_pkt_share(&pkt, 1), 0);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(n_free(pool), 64);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void share_too_often_overflow_changes_nothing(void **state)
{
	struct vireo_pool *pool = make_pool(64);
	struct vireo_pkt pkts[3];

	assert_int_equal(vireo_pool_alloc(pool, pkts, 3), 3);
	assert_int_equal(vireo_pkt_share(&pkts[0], 65536), -EOVERFLOW);
	assert_int_equal(pkts[0].flags & VIREO_PKT_SHARED, 0);
	/* The last element of three has 65535 already: the others are taken back. */
	assert_int_equal(vireo_pkt_share(&pkts[2], 65535), 0);
	assert_int_equal(vireo_pkt_share(&pkts[2], 2), -EOVERFLOW);
	assert_int_equal(vireo_pkt_share(&pkts[2], UINT32_MAX), -EOVERFLOW);
	assert_int_equal(vireo_pkt_share(&pkts[1], 5), 0);
	pkts[0].flags |= VIREO_PKT_MORE;
	pkts[1].flags |= VIREO_PKT_MORE;
	assert_int_equal(vireo_pkt_share(pkts, 2), -EOVERFLOW);
	assert_int_equal(pkts[0].flags & VIREO_PKT_SHARED, 0);
	assert_int_equal(pool->refs[pool_index(pool, pkts[1].buf)], 5);
	assert_int_equal(pool->refs[pool_index(pool, pkts[2].buf)], 65535);
	vireo_pkt_free(&pkts[0], 1);
	for (unsigned i = 0; i < 5; i++)
		vireo_pkt_free(&pkts[1], 1);
	for (unsigned i = 0; i < 65535; i++)
		vireo_pkt_free(&pkts[2], 1);
	assert_int_equal(n_free(pool), 64);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void share_packet_without_end_refused(void **state)
{
	struct vireo_pool *pool = make_pool(VIREO_MAX_SEGS + 1);
	struct vireo_pkt pkts[VIREO_MAX_SEGS + 1];

	assert_int_equal(vireo_pool_alloc(pool, pkts, VIREO_MAX_SEGS + 1), VIREO_MAX_SEGS + 1);
	for (unsigned i = 0; i < VIREO_MAX_SEGS; i++)
		pkts[i].flags |= VIREO_PKT_MORE;
	assert_int_equal(vireo_pkt_share(pkts, 2), -EINVAL);
	for (unsigned i = 0; i < VIREO_MAX_SEGS; i++)
		assert_int_equal(pkts[i].flags & VIREO_PKT_SHARED, 0);
	vireo_pkt_free(pkts, VIREO_MAX_SEGS + 1);
	assert_int_equal(n_free(pool), VIREO_MAX_SEGS + 1);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/*
 * A replicator: packets of one and two elements from two pools, each shared among 8; half of the copies are freed here,
 * half by a thread behind a ring.
 */
#define N_COPIES     8
#define N_REPLICATED 3000

struct receiver {
	struct vireo_ring *ring;
	uint64_t n;
	bool stop;
};

static void *receive(void *arg)
{
	struct receiver *r = arg;
	struct vireo_pkt pkts[VIREO_MAX_SEGS];

	for (;;) {
		bool stop = __atomic_load_n(&r->stop, __ATOMIC_ACQUIRE);
		unsigned n = vireo_ring_get(r->ring, pkts, VIREO_MAX_SEGS);

		vireo_pkt_free(pkts, n);
		r->n += n;
		if (!n && stop)
			return NULL;
		if (!n)
			sched_yield();
	}
}

static unsigned replicate_one(struct vireo_pool *const pools[2], struct vireo_ring *ring, unsigned i)
{
	struct vireo_pkt pkts[2 * N_COPIES];
	unsigned segs = 1 + i % 2, sent = 0;

	for (unsigned s = 0; s < segs; s++)
		while (!vireo_pool_alloc(pools[(i + s) % 2], &pkts[s], 1))
			sched_yield();
	if (segs == 2)
		pkts[0].flags |= VIREO_PKT_MORE;
	if (vireo_pkt_share(pkts, N_COPIES))
		return 0;
	for (unsigned c = 1; c < N_COPIES; c++)
		memcpy(&pkts[c * segs], pkts, segs * sizeof(*pkts));
	vireo_pkt_free(pkts, N_COPIES / 2 * segs);
	while (sent < N_COPIES / 2 * segs) {
		unsigned n = vireo_ring_put(ring, pkts + N_COPIES / 2 * segs + sent, N_COPIES / 2 * segs - sent);

		sent += n;
		if (!n)
			sched_yield();
	}
	return sent;
}

static void replicate_1_to_8_two_pools_two_threads(void)
{
	struct vireo_pool *const pools[2] = {make_pool(256), make_pool(300)};
	struct receiver r = {0};
	uint64_t sent = 0;
	pthread_t thread;

	assert_int_equal(vireo_ring_create(64, 0, &r.ring), 0);
	assert_int_equal(pthread_create(&thread, NULL, receive, &r), 0);
	for (unsigned i = 0; i < N_REPLICATED; i++)
		sent += replicate_one(pools, r.ring, i);
	__atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(sent, N_REPLICATED * 3 / 2 * N_COPIES / 2);
	assert_int_equal(r.n, sent);
	vireo_ring_destroy(r.ring);
	assert_int_equal(n_free(pools[0]), 256);
	assert_int_equal(n_free(pools[1]), 300);
	assert_int_equal(vireo_pool_destroy(pools[0]), 0);
	assert_int_equal(vireo_pool_destroy(pools[1]), 0);
}

static void share_replicator_loses_and_leaks_nothing(void **state)
{
	replicate_1_to_8_two_pools_two_threads();
	assert_int_equal(errors.n, 0);
}

/* VIREO_POOL_DEBUG. */

static struct vireo_pool *debug_pool(void)
{
	const struct vireo_pool_config cfg = {.name = "guarded", .n_bufs = 16};

	setenv("VIREO_POOL_DEBUG", "1", 1);
	pool_debug_load();
	assert_true(vireo_pool_debug());
	return make_pool_with(&cfg);
}

/* The last operation was refused, and the log names the pool, the buffer, and what @mistake says. */
static void assert_named(struct vireo_pool *pool, const void *buf, const char *mistake)
{
	static unsigned n_before;
	char text[64];

	n_before = pool->debug_errors > 1 ? n_before : 0;
	assert_int_equal(pool->debug_errors, n_before + 1);
	n_before++;
	assert_int_equal(errors.n, pool->debug_errors);
	snprintf(text, sizeof(text), "'guarded': buffer %u ", pool_index(pool, buf));
	assert_non_null(strstr(errors.text, text));
	assert_non_null(strstr(errors.text, mistake));
}

static void debug_double_free_named_and_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkts[3];

	assert_int_equal(vireo_pool_alloc(pool, pkts, 3), 3);
	vireo_pkt_free(&pkts[1], 1);
	assert_int_equal(n_free(pool), 14);
	vireo_pkt_free(pkts, 3); /* the two others go back all the same */
	assert_named(pool, pkts[1].buf, "freed twice");
	assert_int_equal(n_free(pool), 16);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_use_after_tx_named_and_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkts[2];

	assert_int_equal(vireo_pool_alloc(pool, pkts, 2), 2);
	assert_true(vireo_pool_debug_tx(pkts, 1));
	assert_false(vireo_pool_debug_tx(pkts, 1));
	assert_named(pool, pkts[0].buf, "used after transmit");
	vireo_pkt_free(pkts, 1);
	assert_named(pool, pkts[0].buf, "used after transmit");
	assert_int_equal(n_free(pool), 14);
	vireo_pool_put_bufs(pool, &pkts[0].buf, 1);
	assert_int_equal(n_free(pool), 15);
	/* A packet of which one element is bad: the good one stays with the application. */
	pkts[1].flags |= VIREO_PKT_MORE;
	{
		struct vireo_pkt both[2] = {pkts[1], pkts[0]};

		assert_false(vireo_pool_debug_tx(both, 2));
		assert_named(pool, pkts[0].buf, "used after free");
	}
	vireo_pkt_free(&pkts[1], 1);
	assert_int_equal(pool->debug_errors, 3);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_free_while_device_owns_named_and_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkt = {.flags = vireo_pool_id(pool) << VIREO_PKT_POOL_SHIFT};
	void *buf;

	/* A buffer in a receive ring, that the application still has a pointer to. */
	assert_int_equal(vireo_pool_get_bufs(pool, &buf, 1), 1);
	pkt.buf = buf;
	vireo_pkt_free(&pkt, 1);
	assert_named(pool, buf, "belongs to the device");
	assert_int_equal(vireo_pool_destroy(pool), -EBUSY);
	/* Received, it is the application's; the driver has no claim to it any more. */
	vireo_pool_debug_rx(&pkt, 1);
	vireo_pool_put_bufs(pool, &buf, 1);
	assert_named(pool, buf, "the device never had it");
	vireo_pool_debug_rx(&pkt, 1);
	assert_named(pool, buf, "the device never had it");
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(pool->debug_errors, 3);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_foreign_pointer_named_and_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkt, moved;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	moved = pkt;
	moved.buf = vireo_pkt_data(&pkt);
	vireo_pkt_free(&moved, 1);
	assert_int_equal(pool->debug_errors, 1);
	assert_non_null(strstr(errors.text, "not the start of a buffer"));
	assert_non_null(strstr(errors.text, "guarded"));
	assert_int_equal(vireo_pkt_share(&moved, 2), -EINVAL);
	moved.buf = &moved;
	assert_false(vireo_pool_debug_tx(&moved, 1));
	assert_int_equal(pool->debug_errors, 2);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(n_free(pool), 16);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_shared_freed_too_often_named_and_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkt, unflagged;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	assert_int_equal(vireo_pkt_share(&pkt, 2), 0);
	unflagged = pkt;
	unflagged.flags &= ~VIREO_PKT_SHARED;
	vireo_pkt_free(&unflagged, 1);
	assert_named(pool, pkt.buf, "VIREO_PKT_SHARED was lost");
	/* One reference goes through a device, the other is freed meanwhile. */
	assert_true(vireo_pool_debug_tx(&pkt, 1));
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(n_free(pool), 15);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(n_free(pool), 16);
	vireo_pkt_free(&pkt, 1);
	assert_named(pool, pkt.buf, "more often than it was shared");
	assert_int_equal(n_free(pool), 16);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_share_of_free_buffer_refused(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkt;

	assert_int_equal(vireo_pool_alloc(pool, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_pkt_share(&pkt, 2), -EINVAL);
	assert_named(pool, pkt.buf, "used after free");
	assert_int_equal(pkt.flags & VIREO_PKT_SHARED, 0);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_correct_program_not_blamed(void **state)
{
	struct vireo_pool *pool = debug_pool();
	struct vireo_pkt pkts[16];
	void *bufs[8];

	for (unsigned lap = 0; lap < 100; lap++) {
		assert_int_equal(vireo_pool_get_bufs(pool, bufs, 8), 8);
		for (unsigned i = 0; i < 8; i++)
			pkts[i] = (struct vireo_pkt){.buf = bufs[i], .flags = pool->pkt_flags};
		vireo_pool_debug_rx(pkts, 8);
		assert_int_equal(vireo_pool_alloc(pool, pkts + 8, 8), 8);
		assert_true(vireo_pool_debug_tx(pkts, 12));
		for (unsigned i = 0; i < 8; i++)
			vireo_pool_put_bufs(pool, &pkts[i].buf, 1);
		for (unsigned i = 8; i < 12; i++)
			vireo_pool_put_bufs(pool, &pkts[i].buf, 1);
		vireo_pkt_free(pkts + 12, 4);
	}
	replicate_1_to_8_two_pools_two_threads();
	assert_int_equal(errors.n, 0);
	assert_int_equal(pool->debug_errors, 0);
	assert_int_equal(n_free(pool), 16);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void debug_off_by_default(void **state)
{
	struct vireo_pool *pool;

	unsetenv("VIREO_POOL_DEBUG");
	pool_debug_load();
	assert_false(vireo_pool_debug());
	setenv("VIREO_POOL_DEBUG", "0", 1);
	pool_debug_load();
	assert_false(vireo_pool_debug());
	pool = make_pool(8);
	assert_null(pool->owners);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

#define watched(test) cmocka_unit_test_setup_teardown(test, watch_log, unwatch_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		watched(create_defaults_as_documented),
		watched(create_bad_config_refused),
		watched(create_any_size_stride_odd_cache_lines),
		watched(create_256_pools_then_no_more),
		watched(alloc_packet_is_filled_in),
		watched(alloc_all_or_nothing_finds_every_buffer),
		watched(get_bufs_put_bufs_round_trip),
		watched(alloc_buffers_keep_the_order_in_which_they_came_back),
		watched(destroy_buffers_out_busy),
		watched(free_mixed_pools_each_to_its_own),
		watched(free_small_burst_odd_one_out_goes_home),
		watched(free_unknown_pool_named_and_skipped),
		watched(free_twice_without_debug_stays_in_bounds),
		watched(alloc_takes_what_other_caches_hold),
		watched(destroy_buffers_in_other_caches_not_busy),
		watched(thread_exit_returns_its_caches),
		watched(alloc_more_threads_than_slots_all_served),
		watched(alloc_four_threads_no_buffer_twice_or_lost),
		watched(alloc_four_threads_caches_never_starve_others),
		watched(share_counts_down_to_the_last),
		watched(share_too_often_overflow_changes_nothing),
		watched(share_packet_without_end_refused),
		watched(share_replicator_loses_and_leaks_nothing),
		watched(debug_double_free_named_and_refused),
		watched(debug_use_after_tx_named_and_refused),
		watched(debug_free_while_device_owns_named_and_refused),
		watched(debug_foreign_pointer_named_and_refused),
		watched(debug_shared_freed_too_often_named_and_refused),
		watched(debug_share_of_free_buffer_refused),
		watched(debug_correct_program_not_blamed),
		watched(debug_off_by_default),
	};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	unsetenv("VIREO_POOL_DEBUG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
#include <vireo/driver.h>
#include <vireo/vireo.h>

#include "pool.h"
#include "sides.h"

static struct vireo_pool *pool;
static struct vireo_ring *ring;

static bool open_pool(void)
{
	const struct vireo_pool_config cfg = {.n_bufs = N_BUFS, .cache = CACHE};

	return !vireo_pool_create(&cfg, &pool);
}

static void close_pool(void)
{
	vireo_pool_destroy(pool);
}

/* As a driver of the tree does it in a burst. */
static void bufs_inline(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		pool_get_bufs(pool, l->ptrs, batch);
		pool_put_bufs(pool, l->ptrs, batch);
	}
}

/* By the public functions, as a driver outside the tree does it. */
static void bufs(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		vireo_pool_get_bufs(pool, l->ptrs, batch);
		vireo_pool_put_bufs(pool, l->ptrs, batch);
	}
}

static void packets(struct lane *l, unsigned batch)
{
	struct vireo_pkt *pkts = (struct vireo_pkt *)l->room;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		vireo_pool_alloc(pool, pkts, batch);
		vireo_pkt_free(pkts, batch);
	}
}

/* More than a cache holds goes out, and comes back. */
static void packets_out(struct lane *l, unsigned batch)
{
	static _Thread_local struct vireo_pkt pkts[4 * WINDOW];

	for (unsigned i = 0; i < 4 * WINDOW; i += batch)
		vireo_pool_alloc(pool, pkts + i, batch);
	for (unsigned i = 0; i < 4 * WINDOW; i += batch)
		vireo_pkt_free(pkts + i, batch);
}

static bool open_single(void)
{
	return !vireo_ring_create(RING_SIZE, 0, &ring);
}

static bool open_multi(void)
{
	return !vireo_ring_create(RING_SIZE, VIREO_RING_MULTI_PRODUCER, &ring);
}

/* What went through it were no buffers of a pool, so nothing may be left to be freed. */
static void close_ring(void)
{
	struct vireo_pkt pkts[WINDOW];

	while (vireo_ring_get(ring, pkts, WINDOW))
		;
	vireo_ring_destroy(ring);
}

static void through(struct lane *l, unsigned batch)
{
	struct vireo_pkt *pkts = (struct vireo_pkt *)l->room;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		vireo_ring_put(ring, pkts, batch);
		vireo_ring_get(ring, pkts, batch);
	}
}

static unsigned put(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += vireo_ring_put(ring, (struct vireo_pkt *)l->room, batch);
	return n;
}

static unsigned get(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += vireo_ring_get(ring, (struct vireo_pkt *)l->room, batch);
	return n;
}

/* Packets for another thread, which looks at each: where it is and how long. */
static unsigned hand_over(struct lane *l, unsigned batch)
{
	struct vireo_pkt *pkts = (struct vireo_pkt *)l->room;
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		for (unsigned k = 0; k < batch; k++)
			pkts[k] = (struct vireo_pkt){.buf = l, .off = 128, .len = (uint16_t)k};
		n += vireo_ring_put(ring, pkts, batch);
	}
	return n;
}

static unsigned take_over(struct lane *l, unsigned batch)
{
	struct vireo_pkt *pkts = (struct vireo_pkt *)l->room;
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		unsigned got = vireo_ring_get(ring, pkts, batch);

		for (unsigned k = 0; k < got; k++)
			l->sum += (uintptr_t)pkts[k].buf + pkts[k].off + pkts[k].len;
		n += got;
	}
	return n;
}

static void hand_and_take(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		struct vireo_pkt *pkts = (struct vireo_pkt *)l->room;
		unsigned got;

		for (unsigned k = 0; k < batch; k++)
			pkts[k] = (struct vireo_pkt){.buf = l, .off = 128, .len = (uint16_t)k};
		vireo_ring_put(ring, pkts, batch);
		got = vireo_ring_get(ring, pkts, batch);
		for (unsigned k = 0; k < got; k++)
			l->sum += (uintptr_t)pkts[k].buf + pkts[k].off + pkts[k].len;
	}
}

const struct step vireo_steps[] = {
	{"pool", "vireo inline", NULL, "buffers", open_pool, close_pool, bufs_inline, NULL, NULL},
	{"pool", "vireo", NULL, "buffers", open_pool, close_pool, bufs, NULL, NULL},
	{"pool", "vireo", NULL, "packets", open_pool, close_pool, packets, NULL, NULL},
	{"pool", "vireo", NULL, "1024 packets out", open_pool, close_pool, packets_out, NULL, NULL},
	{"ring", "vireo", NULL, "one producer", open_single, close_ring, through, put, get},
	{"ring", "vireo", NULL, "packets that are looked at", open_single, close_ring, hand_and_take, hand_over,
	 take_over},
	{"ring", "vireo", NULL, "several producers", open_multi, close_ring, through, put, get},
	{0},
};

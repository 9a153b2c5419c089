// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "sides.h"

#define ELEM 32 /* bytes of an element by value, as large as ours */

static struct rte_mempool *pool;
static struct rte_ring *ring;

bool rte_side_open(void)
{
	static char words[][16] = {"bench-pool",    "--in-memory", "-m",	  "64",
				   "--lcores",	    "0@0",	   "--no-pci",	  "--no-telemetry",
				   "--file-prefix", "bench-pool",  "--log-level", "error"};
	char *argv[13] = {NULL};

	for (int i = 0; i < 12; i++)
		argv[i] = words[i];
	return rte_eal_init(12, argv) >= 0;
}

/* A thread has a cache in DPDK's pools only if it is known there. */
void rte_side_enter_thread(void)
{
	if (rte_thread_register())
		fprintf(stderr, "bench-pool: DPDK takes no second thread\n");
}

void rte_side_leave_thread(void)
{
	rte_thread_unregister();
}

static bool open_pool(void)
{
	pool = rte_pktmbuf_pool_create("pool", N_BUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool;
}

static void close_pool(void)
{
	rte_mempool_free(pool);
}

static void bufs(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		if (rte_mempool_get_bulk(pool, l->ptrs, batch))
			return;
		rte_mempool_put_bulk(pool, l->ptrs, batch);
	}
}

static void packets(struct lane *l, unsigned batch)
{
	struct rte_mbuf **mbufs = (struct rte_mbuf **)l->ptrs;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		if (rte_pktmbuf_alloc_bulk(pool, mbufs, batch))
			return;
		rte_pktmbuf_free_bulk(mbufs, batch);
	}
}

static void packets_out(struct lane *l, unsigned batch)
{
	static _Thread_local struct rte_mbuf *mbufs[4 * WINDOW];

	for (unsigned i = 0; i < 4 * WINDOW; i += batch)
		if (rte_pktmbuf_alloc_bulk(pool, mbufs + i, batch))
			return;
	for (unsigned i = 0; i < 4 * WINDOW; i += batch)
		rte_pktmbuf_free_bulk(mbufs + i, batch);
}

static bool open_ring(unsigned elem, unsigned flags)
{
	ring = rte_ring_create_elem("ring", elem, RING_SIZE, SOCKET_ID_ANY, flags | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	return ring;
}

static bool open_single(void)
{
	return open_ring(sizeof(void *), RING_F_SP_ENQ);
}

static bool open_multi(void)
{
	return open_ring(sizeof(void *), 0);
}

static bool open_single_elem(void)
{
	return open_ring(ELEM, RING_F_SP_ENQ);
}

static bool open_multi_elem(void)
{
	return open_ring(ELEM, 0);
}

static void close_ring(void)
{
	rte_ring_free(ring);
}

static void through(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		rte_ring_enqueue_burst(ring, l->ptrs, batch, NULL);
		rte_ring_dequeue_burst(ring, l->ptrs, batch, NULL);
	}
}

static unsigned put(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += rte_ring_enqueue_burst(ring, l->ptrs, batch, NULL);
	return n;
}

static unsigned get(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += rte_ring_dequeue_burst(ring, l->ptrs, batch, NULL);
	return n;
}

static void through_elem(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		rte_ring_enqueue_burst_elem(ring, l->room, ELEM, batch, NULL);
		rte_ring_dequeue_burst_elem(ring, l->room, ELEM, batch, NULL);
	}
}

static unsigned put_elem(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += rte_ring_enqueue_burst_elem(ring, l->room, ELEM, batch, NULL);
	return n;
}

static unsigned get_elem(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += rte_ring_dequeue_burst_elem(ring, l->room, ELEM, batch, NULL);
	return n;
}

/* Packets for another thread, which looks at each: where it is and how long. Twice as many as fit into the ring. */

#define N_HANDED (2 * RING_SIZE)

static struct rte_mbuf *handed[N_HANDED];
static unsigned next;

static bool open_handed(void)
{
	next = 0;
	return open_pool() && open_single() && !rte_pktmbuf_alloc_bulk(pool, handed, N_HANDED);
}

static void close_handed(void)
{
	rte_pktmbuf_free_bulk(handed, N_HANDED);
	close_ring();
	close_pool();
}

static unsigned put_handed(struct lane *l, unsigned batch)
{
	unsigned n;

	for (unsigned k = 0; k < batch; k++) {
		struct rte_mbuf *m = handed[(next + k) % N_HANDED];

		m->data_off = RTE_PKTMBUF_HEADROOM;
		m->data_len = (uint16_t)k;
		m->pkt_len = k;
		l->ptrs[k] = m;
	}
	n = rte_ring_enqueue_burst(ring, l->ptrs, batch, NULL);
	next += n;
	return n;
}

static unsigned get_handed(struct lane *l, unsigned batch)
{
	unsigned n = rte_ring_dequeue_burst(ring, l->ptrs, batch, NULL);

	for (unsigned k = 0; k < n; k++) {
		const struct rte_mbuf *m = l->ptrs[k];

		l->sum += (uintptr_t)m->buf_addr + m->data_off + m->data_len;
	}
	return n;
}

static unsigned hand_over(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += put_handed(l, batch);
	return n;
}

static unsigned take_over(struct lane *l, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += get_handed(l, batch);
	return n;
}

static void hand_and_take(struct lane *l, unsigned batch)
{
	for (unsigned i = 0; i < WINDOW; i += batch) {
		put_handed(l, batch);
		get_handed(l, batch);
	}
}

const struct step rte_steps[] = {
	{"pool", "rte_mempool", "DPDK", "buffers", open_pool, close_pool, bufs, NULL, NULL},
	{"pool", "rte_mempool", "DPDK", "packets", open_pool, close_pool, packets, NULL, NULL},
	{"pool", "rte_mempool", "DPDK", "1024 packets out", open_pool, close_pool, packets_out, NULL, NULL},
	{"ring", "rte_ring", "DPDK", "one producer", open_single, close_ring, through, put, get},
	{"ring", "rte_ring", "DPDK", "packets that are looked at", open_handed, close_handed, hand_and_take, hand_over,
	 take_over},
	{"ring", "rte_ring", "DPDK", "several producers", open_multi, close_ring, through, put, get},
	{"ring", "rte_ring by value", "DPDK", "one producer", open_single_elem, close_ring, through_elem, put_elem,
	 get_elem},
	{"ring", "rte_ring by value", "DPDK", "several producers", open_multi_elem, close_ring, through_elem, put_elem,
	 get_elem},
	{0},
};

// SPDX-License-Identifier: BSD-2-Clause
/*
 * One packet becomes eight references: four leave through the first port by this thread, four through the second by
 * another. The packets come from two pools in turn. PORT PORT COUNT
 */
#include <pthread.h>

#include "program.h"

#define COPIES 4 /* per port */
#define BURST  32

struct sender {
	struct vireo_ring *ring;
	struct vireo_txq *txq;
	volatile bool finish;
};

static void send_all(struct vireo_txq *txq, struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned sent = 0; sent < n;)
		sent += vireo_tx_burst(txq, pkts + sent, n - sent);
}

static void *send_from_ring(void *arg)
{
	struct sender *s = arg;
	struct vireo_pkt pkts[BURST];
	bool last;

	do {
		unsigned n;

		last = __atomic_load_n(&s->finish, __ATOMIC_ACQUIRE);
		while ((n = vireo_ring_get(s->ring, pkts, BURST)))
			send_all(s->txq, pkts, n);
		vireo_txq_reclaim(s->txq);
	} while (!last);
	return NULL;
}

static void replicate(struct vireo_pool *pool, struct vireo_txq *txq, struct vireo_ring *ring, uint32_t number)
{
	struct vireo_pkt pkt, copies[COPIES];

	while (!vireo_pool_alloc(pool, &pkt, 1))
		vireo_txq_reclaim(txq);
	lab_frame(&pkt, 60 + number % 1400, number);
	expect_ok(vireo_pkt_share(&pkt, 2 * COPIES), "share");
	for (unsigned i = 0; i < COPIES; i++)
		copies[i] = pkt;
	for (unsigned put = 0; put < COPIES;)
		put += vireo_ring_put(ring, copies + put, COPIES - put);
	send_all(txq, copies, COPIES);
}

int main(int argc, char **argv)
{
	struct vireo_pool *pools[2];
	struct vireo_port *ports[2];
	struct vireo_txq *txqs[2];
	struct sender sender = { 0 };
	pthread_t thread;
	uint32_t count;

	if (argc != 4)
		return 2;
	count = (uint32_t)atoi(argv[3]);
	for (unsigned i = 0; i < 2; i++) {
		expect_ok(vireo_pool_create(NULL, &pools[i]), "pool");
		ports[i] = port_up(argv[1 + i], NULL);
		txqs[i] = vireo_port_txq(ports[i], 0);
	}
	expect_ok(vireo_ring_create(256, 0, &sender.ring), "ring");
	sender.txq = txqs[1];
	expect(pthread_create(&thread, NULL, send_from_ring, &sender) == 0, "a second thread");

	for (uint32_t i = 0; i < count; i++)
		replicate(pools[i & 1], txqs[0], sender.ring, i);

	__atomic_store_n(&sender.finish, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < 2; i++)
		expect_ok(vireo_port_stop(ports[i]), "stop");
	for (unsigned i = 0; i < 2; i++) {
		struct vireo_stats stats;

		expect_ok(vireo_port_stats(ports[i], &stats), "stats");
		expect(stats.tx_packets == (uint64_t)COPIES * count, "port %u sent %llu packets", i,
		       (unsigned long long)stats.tx_packets);
		vireo_port_close(ports[i]);
	}
	vireo_ring_destroy(sender.ring);
	for (unsigned i = 0; i < 2; i++) {
		struct vireo_pool_info info;

		vireo_pool_info(pools[i], &info);
		expect(info.n_free == info.n_bufs, "pool %u is whole again: %u of %u", i, info.n_free, info.n_bufs);
		expect_ok(vireo_pool_destroy(pools[i]), "destroy the pool");
	}
	return 0;
}

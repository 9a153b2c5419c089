// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest of the two-core bench over DPDK's virtio-user; guest.c is the same over vireo, line by line.
 *
 *   bench-virtio-guest-dpdk rx|tx|fwd VDEV WARM-UP-MS MS EAL-WORD...
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "guest.h"

/* What the driver takes by default, as ours. */
#define RING 256

static uint16_t port;
static struct rte_mempool *pool;

static unsigned receive(void)
{
	struct rte_mbuf *pkts[BURST];
	unsigned n = rte_eth_rx_burst(port, 0, pkts, BURST);

	for (unsigned i = 0; i < n; i++)
		guest_look(rte_pktmbuf_mtod(pkts[i], void *));
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static unsigned transmit(void)
{
	struct rte_mbuf *pkts[BURST];
	unsigned n = rte_pktmbuf_alloc_bulk(pool, pkts, BURST) ? 0 : BURST, sent = 0;

	for (unsigned i = 0; i < n; i++) {
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), guest_frame, FRAME_LEN);
		pkts[i]->pkt_len = pkts[i]->data_len = FRAME_LEN;
	}
	while (sent < n && !guest_is_over())
		sent += rte_eth_tx_burst(port, 0, pkts + sent, (uint16_t)(n - sent));
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}

static unsigned forward(void)
{
	struct rte_mbuf *pkts[BURST];
	unsigned n = rte_eth_rx_burst(port, 0, pkts, BURST), sent = 0;

	for (unsigned i = 0; i < n; i++)
		guest_touch(rte_pktmbuf_mtod(pkts[i], void *));
	while (sent < n && !guest_is_over())
		sent += rte_eth_tx_burst(port, 0, pkts + sent, (uint16_t)(n - sent));
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}

static void check(int error)
{
	if (error)
		errx(1, "DPDK cannot start its port: %d", error);
}

int main(int argc, char **argv)
{
	static const guest_step steps[] = {receive, transmit, forward};
	struct rte_eth_conf conf = {0};
	char *args[64] = {argv[0], "--vdev", argc > 2 ? argv[2] : ""};
	int n = 3;

	guest_parse(argc, argv);
	for (int i = 5; i < argc && n < 64; i++)
		args[n++] = argv[i];
	check(rte_eal_init(n, args) < 0);
	pool = rte_pktmbuf_pool_create("guest", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	check(!pool);
	check(rte_eth_dev_configure(port, 1, 1, &conf));
	check(rte_eth_rx_queue_setup(port, 0, RING, 0, NULL, pool));
	check(rte_eth_tx_queue_setup(port, 0, RING, 0, NULL));
	check(rte_eth_dev_start(port));
	guest_run(steps);
	rte_eth_dev_stop(port);
	rte_eal_cleanup();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * The guest of the two-core bench over vireo: guest_dpdk.c is the same over DPDK, line by line. Receives and drops, sends, or
 * forwards packets of 64 bytes in bursts of 32 for a while, and prints how many that were in the measured part of it.
 *
 *   bench-virtio-guest rx|tx|fwd SPEC WARM-UP-MS MS [large]
 *
 * large: packets can be larger than a buffer, though none is here.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <vireo/vireo.h>

#include "guest.h"

static struct vireo_rxq *rxq;
static struct vireo_txq *txq;
static struct vireo_pool *pool;

static unsigned receive(void)
{
	struct vireo_pkt pkts[BURST];
	unsigned n = vireo_rx_burst(rxq, pkts, BURST);

	for (unsigned i = 0; i < n; i++)
		guest_look(vireo_pkt_data(&pkts[i]));
	vireo_pkt_free(pkts, n);
	return n;
}

static unsigned transmit(void)
{
	struct vireo_pkt pkts[BURST];
	unsigned n = vireo_pool_alloc(pool, pkts, BURST), sent = 0;

	for (unsigned i = 0; i < n; i++) {
		memcpy(vireo_pkt_data(&pkts[i]), guest_frame, FRAME_LEN);
		pkts[i].len = FRAME_LEN;
	}
	while (sent < n && !guest_is_over())
		sent += vireo_tx_burst(txq, pkts + sent, n - sent);
	vireo_pkt_free(pkts + sent, n - sent);
	return sent;
}

static unsigned forward(void)
{
	struct vireo_pkt pkts[BURST];
	unsigned n = vireo_rx_burst(rxq, pkts, BURST), sent = 0;

	for (unsigned i = 0; i < n; i++)
		guest_touch(vireo_pkt_data(&pkts[i]));
	while (sent < n && !guest_is_over())
		sent += vireo_tx_burst(txq, pkts + sent, n - sent);
	vireo_pkt_free(pkts + sent, n - sent);
	return sent;
}

static void check(int error)
{
	if (error)
		errx(1, "%s", vireo_last_error());
}

int main(int argc, char **argv)
{
	static const guest_step steps[] = {receive, transmit, forward};
	static const struct vireo_pool_config cfg = {.name = "guest", .n_bufs = 8192};
	struct vireo_port_config large = {.mtu = 9000};
	struct vireo_port *port;

	guest_parse(argc, argv);
	check(vireo_pool_create(&cfg, &large.rx_pool));
	check(vireo_pool_create(&cfg, &pool));
	check(vireo_port_open(argv[2], argc > 5 && !strcmp(argv[5], "large") ? &large : NULL, &port));
	check(vireo_port_start(port));
	rxq = vireo_port_rxq(port, 0);
	txq = vireo_port_txq(port, 0);
	guest_run(steps);
	vireo_port_close(port);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * A forwarder for frames of up to 9000 bytes, both ways. A large packet may lie in several buffers: it comes as several
 * elements with VIREO_PKT_MORE on all but the last, and goes out just so.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <vireo/vireo.h>

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

struct lane {
	struct vireo_rxq *rx;
	struct vireo_txq *tx;
	struct vireo_pkt pkts[VIREO_MAX_SEGS];
	unsigned first, n; /* what the other port had no room for yet */
};

static void forward(struct lane *lane)
{
	if (lane->first == lane->n) {
		lane->first = 0;
		/* With room for so many elements no packet is too large; vireo_rxq_max_segs() says how few suffice. */
		lane->n = vireo_rx_burst(lane->rx, lane->pkts, VIREO_MAX_SEGS);
	}
	/* Takes whole packets only, so what is left begins with the first element of one. */
	lane->first += vireo_tx_burst(lane->tx, lane->pkts + lane->first, lane->n - lane->first);
}

static struct vireo_port *open_port(const char *spec)
{
	struct vireo_port_config cfg = {.mtu = 9000, .promiscuous = true};
	struct vireo_port *port;

	if (vireo_port_open(spec, &cfg, &port) || vireo_port_start(port)) {
		fprintf(stderr, "jumbo: %s\n", vireo_last_error());
		exit(1);
	}
	return port;
}

int main(int argc, char **argv)
{
	struct vireo_port *ports[2];
	struct lane lanes[2] = {0};

	if (argc != 3) {
		fprintf(stderr, "Usage: jumbo PORT PORT\n");
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (int i = 0; i < 2; i++)
		ports[i] = open_port(argv[1 + i]);
	for (int i = 0; i < 2; i++) {
		lanes[i].rx = vireo_port_rxq(ports[i], 0);
		lanes[i].tx = vireo_port_txq(ports[1 - i], 0);
	}
	while (!stop) {
		forward(&lanes[0]);
		forward(&lanes[1]);
	}
	for (int i = 0; i < 2; i++)
		vireo_pkt_free(lanes[i].pkts + lanes[i].first, lanes[i].n - lanes[i].first);
	for (int i = 0; i < 2; i++)
		vireo_port_close(ports[i]);
	return 0;
}

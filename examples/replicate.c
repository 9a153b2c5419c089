// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends each multicast packet that arrives at one port to eight receivers behind another. Nothing is copied: each of
 * the eight is an Ethernet header of its own, from a pool of small buffers, in front of the payload that all of them share.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/vireo.h>

#define COPIES	8
#define ETH_LEN 14

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

/* Receiver 0 is 02:00:00:00:00:01, and so on. */
static void write_header(struct vireo_pkt *head, const uint8_t *original, unsigned receiver)
{
	const uint8_t mac[VIREO_MAC_LEN] = {0x02, 0, 0, 0, 0, (uint8_t)(receiver + 1)};

	memcpy(vireo_pkt_data(head), original, ETH_LEN);
	memcpy(vireo_pkt_data(head), mac, sizeof(mac));
	head->len = ETH_LEN;
	head->flags |= VIREO_PKT_MORE;
}

/* Send a copy of the @n elements at @pkts, which are shared; both header and payload are given away. */
static void send_copy(struct vireo_txq *tx, const struct vireo_pkt *head, const struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_pkt copy[1 + VIREO_MAX_SEGS];

	copy[0] = *head;
	memcpy(&copy[1], pkts, n * sizeof(*pkts));
	copy[1].off += ETH_LEN;
	copy[1].len -= ETH_LEN;
	if (!vireo_tx_burst(tx, copy, n + 1))
		vireo_pkt_free(copy, n + 1);
}

static void replicate(struct vireo_txq *tx, struct vireo_pool *heads, struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_pkt head[COPIES];
	const uint8_t *frame = vireo_pkt_data(pkts);

	/* The first bit of a destination says multicast. Without payload there is nothing to share. */
	if (pkts->len <= ETH_LEN || !(frame[0] & 1) || !vireo_pool_alloc(heads, head, COPIES)) {
		vireo_pkt_free(pkts, n);
		return;
	}
	if (vireo_pkt_share(pkts, COPIES)) {
		vireo_pkt_free(head, COPIES);
		vireo_pkt_free(pkts, n);
		return;
	}
	for (unsigned i = 0; i < COPIES; i++) {
		/* The last copy may be the last reference: nobody looks at the original afterwards. */
		write_header(&head[i], frame, i);
		send_copy(tx, &head[i], pkts, n);
	}
}

static struct vireo_port *open_port(const char *spec, const struct vireo_port_config *cfg)
{
	struct vireo_port *port;

	if (vireo_port_open(spec, cfg, &port) || vireo_port_start(port)) {
		fprintf(stderr, "replicate: %s\n", vireo_last_error());
		exit(1);
	}
	return port;
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = {.promiscuous = true};
	struct vireo_pool_config small = {.name = "headers", .n_bufs = 8192, .buf_size = 64};
	struct vireo_port *in, *out;
	struct vireo_pool *heads;

	if (argc != 3) {
		fprintf(stderr, "Usage: replicate PORT PORT\n");
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	in = open_port(argv[1], &cfg);
	out = open_port(argv[2], NULL);
	if (vireo_pool_create(&small, &heads)) {
		fprintf(stderr, "replicate: %s\n", vireo_last_error());
		return 1;
	}
	while (!stop) {
		struct vireo_pkt pkts[VIREO_MAX_SEGS];
		unsigned n = vireo_rx_burst(vireo_port_rxq(in, 0), pkts, VIREO_MAX_SEGS);

		for (unsigned i = 0, end; i < n; i = end) {
			for (end = i + 1; pkts[end - 1].flags & VIREO_PKT_MORE; end++)
				;
			replicate(vireo_port_txq(out, 0), heads, pkts + i, end - i);
		}
	}
	/* Ports first: what they still hold goes back to the pools. */
	vireo_port_close(out);
	vireo_port_close(in);
	vireo_pool_destroy(heads);
	return 0;
}

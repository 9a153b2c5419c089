// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the ixgbe driver costs per packet, against a card in plain memory (card.h), measured as measure.h says. Prints one
 * JSON object per line. The driver is opened, started and called as any application does.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/vireo.h>

#include "card.h"
#include "harness.h"

/* Where the headers of the stub's UDP packets end. */
#define L2_LEN 14
#define L3_LEN 20

struct bench {
	struct stub *stub;
	struct vireo_rxq *rxq;
	struct vireo_txq *txq;
	struct vireo_pool *pool; /* of what the application sends; what is received comes from another one */
	enum card_cache cache;
	bool request; /* checksums of each packet */
	unsigned n;
	struct vireo_pkt pkts[WINDOW];
};

static void request(struct vireo_pkt *pkt)
{
	pkt->flags |= VIREO_PKT_TX_IP_CSUM | VIREO_PKT_TX_UDP_CSUM;
	pkt->tx.l2_len = L2_LEN;
	pkt->tx.l3_len = L3_LEN;
}

static void prepare(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (op != OP_TX) {
		stub_receive(b->stub, WINDOW, FRAME_LEN, b->cache);
		return;
	}
	/* In bursts, as an application does. */
	for (unsigned i = 0; i < WINDOW; i += ALLOC_BURST)
		if (vireo_pool_alloc(b->pool, b->pkts + i, ALLOC_BURST) != ALLOC_BURST)
			errx(1, "the pool is empty");
	for (unsigned i = 0; i < WINDOW; i++) {
		b->pkts[i].len = FRAME_LEN;
		if (b->request) {
			stub_write_frame(vireo_pkt_data(&b->pkts[i]), FRAME_LEN);
			request(&b->pkts[i]);
		}
	}
}

/* A burst may give less than was asked for, the peer's never gives more than 32: the window is what there was to receive. */
static void window_rx(struct bench *b, unsigned batch)
{
	unsigned n = 0, k;

	do {
		k = vireo_rx_burst(b->rxq, b->pkts + n, batch);
		n += k;
	} while (k && n < WINDOW);
	b->n = n;
}

static void window_tx(struct bench *b, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += vireo_tx_burst(b->txq, b->pkts + i, batch);
	b->n = n;
}

/* One array for every burst, as a forwarder has it. */
static void window_fwd(struct bench *b, unsigned batch)
{
	unsigned n = 0, k;

	do {
		k = vireo_rx_burst(b->rxq, b->pkts, batch);

		for (unsigned j = 0; j < k; j++)
			((uint8_t *)vireo_pkt_data(&b->pkts[j]))[1]++;
		if (b->request)
			for (unsigned j = 0; j < k; j++)
				request(&b->pkts[j]);
		n += vireo_tx_burst(b->txq, b->pkts, k);
	} while (k && n < WINDOW);
	b->n = n;
}

static void window(void *ctx, enum op op, unsigned batch)
{
	switch (op) {
	case OP_RX:
		window_rx(ctx, batch);
		break;
	case OP_TX:
		window_tx(ctx, batch);
		break;
	default:
		window_fwd(ctx, batch);
	}
}

static void settle(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (b->n != WINDOW)
		errx(1, "%s: %u of %u packets in bursts of %u", op_names[op], b->n, WINDOW, batch);
	if (op == OP_RX)
		vireo_pkt_free(b->pkts, WINDOW);
	else if (stub_send(b->stub, b->cache) != WINDOW)
		errx(1, "%s: not all packets reached the card", op_names[op]);
}

static void check(int error, const char *what)
{
	if (error)
		errx(1, "%s: %s", what, vireo_last_error());
}

/* What turns on one thing at a time, and --full everything: RSS results, VLAN, checksums both ways, frames of several buffers. */
static void configure(const struct harness_options *o, struct vireo_port_config *cfg)
{
	static const struct {
		const char *name;
		uint32_t rx, tx;
		uint16_t mtu;
	} known[] = {
		{"csum", VIREO_RX_CSUM, 0, 0},
		{"hash", VIREO_RX_HASH, 0, 0},
		{"vlan", VIREO_RX_VLAN_STRIP, 0, 0},
		{"scatter", 0, 0, 9000},
		{"tx-csum", 0, VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM, 0},
		{"tso", 0, VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM | VIREO_TX_TSO, 0},
		{"request", 0, VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM, 0},
	};
	size_t n = sizeof(known) / sizeof(known[0]);

	for (size_t i = 0; i < n; i++) {
		if (!o->full && (!o->offloads || strcmp(o->offloads, known[i].name)))
			continue;
		cfg->rx_offloads |= known[i].rx;
		cfg->tx_offloads |= known[i].tx;
		cfg->mtu = known[i].mtu ? known[i].mtu : cfg->mtu;
	}
	if (o->offloads && !cfg->rx_offloads && !cfg->tx_offloads && !cfg->mtu)
		errx(2, "--offload: there is no %s", o->offloads);
}

static void open_card(struct bench *b, const char *name, const struct harness_options *o)
{
	struct vireo_pool_config pool = {.name = "sent", .n_bufs = 4096};
	struct vireo_port_config cfg = {0};
	struct vireo_port *port;
	char spec[64];

	configure(o, &cfg);
	snprintf(spec, sizeof(spec), "stub:%s", name);
	check(vireo_port_open(spec, &cfg, &port), spec);
	check(vireo_port_start(port), spec);
	check(vireo_pool_create(&pool, &b->pool), "pool");
	b->stub = card_stub(card_find(name));
	b->rxq = vireo_port_rxq(port, 0);
	b->txq = vireo_port_txq(port, 0);
	b->request = o->offloads && !strcmp(o->offloads, "request");
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct target target = {&b, prepare, window, settle};
	struct harness_options o;

	harness_options(argc, argv, &o);
	card_register();
	open_card(&b, "card", &o);
	harness_run(&o, &target, &b.cache, NULL, 1);
	return 0;
}

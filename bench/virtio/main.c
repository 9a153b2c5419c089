// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the virtio driver costs per packet over vhost-user, against a back end in this process (backend.h), measured as
 * measure.h says. Prints one JSON object per line. The driver is opened, started and called as any application does. peer.c does
 * the same with DPDK's virtio-user.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/vireo.h>

#include "backend.h"
#include "measure.h"
#include "options.h"

struct bench {
	struct backend *backend;
	struct vireo_rxq *rxq;
	struct vireo_txq *txq;
	struct vireo_pool *pool; /* of what the application sends; what is received comes from another one */
	unsigned n;
	struct vireo_pkt pkts[WINDOW];
};

static void prepare(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (op != OP_TX) {
		backend_receive(b->backend, WINDOW, FRAME_LEN);
		return;
	}
	if (vireo_pool_alloc(b->pool, b->pkts, WINDOW) != WINDOW)
		errx(1, "the pool is empty");
	for (unsigned i = 0; i < WINDOW; i++)
		b->pkts[i].len = FRAME_LEN;
}

static void window(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		unsigned k;

		switch (op) {
		case OP_RX:
			n += vireo_rx_burst(b->rxq, b->pkts + i, batch);
			break;
		case OP_TX:
			n += vireo_tx_burst(b->txq, b->pkts + i, batch);
			break;
		default: /* one array for every burst, as a forwarder has it */
			k = vireo_rx_burst(b->rxq, b->pkts, batch);
			for (unsigned j = 0; j < k; j++)
				((uint8_t *)vireo_pkt_data(&b->pkts[j]))[1]++;
			n += vireo_tx_burst(b->txq, b->pkts, k);
		}
	}
	b->n = n;
}

static void settle(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (b->n != WINDOW)
		errx(1, "%s: %u of %u packets in bursts of %u", op_names[op], b->n, WINDOW, batch);
	if (op == OP_RX)
		vireo_pkt_free(b->pkts, WINDOW);
	else if (backend_send(b->backend) != WINDOW)
		errx(1, "%s: not all packets reached the back end", op_names[op]);
}

static void check(int error, const char *what)
{
	if (error)
		errx(1, "%s: %s", what, vireo_last_error());
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = {.rx_ring = RING, .tx_ring = RING};
	struct vireo_pool_config pool = {.name = "sent", .n_bufs = 4096},
				 received = {.name = "received", .n_bufs = 4096};
	struct options opt = options_parse(argc, argv);
	static struct bench b;
	struct target target = {&b, prepare, window, settle};
	struct vireo_port *port;
	char spec[128];

	b.backend = backend_start(opt.socket, opt.features);
	snprintf(spec, sizeof(spec), "vhost-user:%s", opt.socket);
	if (opt.large) {
		cfg.mtu = 9000;
		check(vireo_pool_create(&received, &cfg.rx_pool), "pool");
	}
	check(vireo_port_open(spec, &cfg, &port), spec);
	check(vireo_port_start(port), spec);
	check(vireo_pool_create(&pool, &b.pool), "pool");
	backend_wait(b.backend);
	b.rxq = vireo_port_rxq(port, 0);
	b.txq = vireo_port_txq(port, 0);
	options_run(&opt, &target, NULL);
	vireo_port_close(port);
	return 0;
}

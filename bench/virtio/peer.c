// SPDX-License-Identifier: BSD-2-Clause
/* The bench of main.c with DPDK's virtio-user as the driver. DPDK_ARGS in the environment are more words for its start. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "backend.h"
#include "measure.h"
#include "options.h"

#define MAX_ARGS 32

struct bench {
	struct backend *backend;
	uint16_t port;
	struct rte_mempool *pool;
	unsigned n;
	struct rte_mbuf *pkts[WINDOW];
};

static void prepare(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (op != OP_TX) {
		/* Some paths fill their ring in part only, and go on with the next call: this is not counted. */
		for (unsigned i = 0; i < RING && !backend_has_room(b->backend, WINDOW); i++)
			rte_eth_rx_burst(b->port, 0, b->pkts, 32);
		backend_receive(b->backend, WINDOW, FRAME_LEN);
		return;
	}
	if (rte_pktmbuf_alloc_bulk(b->pool, b->pkts, WINDOW))
		errx(1, "the pool is empty");
	for (unsigned i = 0; i < WINDOW; i++)
		b->pkts[i]->pkt_len = b->pkts[i]->data_len = FRAME_LEN;
}

/* It gives no more than 64 packets at once, and on some paths less than there are: asked again until it has given all or nothing. */
static unsigned receive(struct bench *b, struct rte_mbuf **pkts, unsigned n)
{
	unsigned done = 0, k;

	do {
		k = rte_eth_rx_burst(b->port, 0, pkts + done, (uint16_t)(n - done));
		done += k;
	} while (k && done < n);
	return done;
}

static void window(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch) {
		unsigned k;

		switch (op) {
		case OP_RX:
			n += receive(b, b->pkts + i, batch);
			break;
		case OP_TX:
			n += rte_eth_tx_burst(b->port, 0, b->pkts + i, (uint16_t)batch);
			break;
		default:
			k = receive(b, b->pkts, batch);
			for (unsigned j = 0; j < k; j++)
				rte_pktmbuf_mtod(b->pkts[j], uint8_t *)[1]++;
			n += rte_eth_tx_burst(b->port, 0, b->pkts, (uint16_t)k);
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
		rte_pktmbuf_free_bulk(b->pkts, WINDOW);
	else if (backend_send(b->backend) != WINDOW)
		errx(1, "%s: not all packets reached the back end", op_names[op]);
}

static void start_port(struct bench *b)
{
	struct rte_eth_conf conf = {0};

	b->pool = rte_pktmbuf_pool_create("mbufs", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!b->pool || rte_eth_dev_configure(b->port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(b->port, 0, RING, 0, NULL, b->pool) ||
	    rte_eth_tx_queue_setup(b->port, 0, RING, 0, NULL) || rte_eth_dev_start(b->port))
		errx(1, "DPDK cannot start its port");
}

static void start_eal(const struct options *opt)
{
	/* Vector paths are asked for where there are some: bench/virtio.sh knows. */
	const char *more = getenv("DPDK_ARGS");
	static char vdev[256], words[512];
	char *args[MAX_ARGS] = {"peer",      "--no-pci",  "--no-telemetry", "--in-memory", "--single-file-segments",
				"-m",        "128",       "-l",             "0",           "--log-level=lib.eal:4",
				"--vdev",    vdev,        "--file-prefix",  "benchvirtio"};
	int n = 14;
	char *save, *word;

	snprintf(vdev, sizeof(vdev), "net_virtio_user0,path=%s,queues=1,queue_size=%u,packed_vq=%d,in_order=%d,mrg_rxbuf=%d%s%s",
		 opt->socket, RING, !!(opt->features & BACKEND_PACKED), !!(opt->features & BACKEND_IN_ORDER),
		 !!(opt->features & BACKEND_MERGEABLE), getenv("DPDK_VDEV") ? "," : "",
		 getenv("DPDK_VDEV") ? getenv("DPDK_VDEV") : "");
	snprintf(words, sizeof(words), "%s", more ? more : "");
	for (word = strtok_r(words, " ", &save); word && n < MAX_ARGS; word = strtok_r(NULL, " ", &save))
		args[n++] = word;
	if (rte_eal_init(n, args) < 0)
		errx(1, "DPDK does not start");
}

int main(int argc, char **argv)
{
	struct options opt = options_parse(argc, argv);
	static struct bench b;
	struct target target = {&b, prepare, window, settle};
	static char peer[64];

	b.backend = backend_start(opt.socket, opt.features);
	start_eal(&opt);
	start_port(&b);
	backend_wait(b.backend);
	snprintf(peer, sizeof(peer), "DPDK %d.%02d", RTE_VER_YEAR, RTE_VER_MONTH);
	options_run(&opt, &target, peer);
	return 0;
}

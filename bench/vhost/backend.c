// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "backend.h"

#define RING	  256
#define N_MBUFS	  4096
#define FRAME_LEN 60
#define AT_NUMBER 16 /* behind the header and two bytes */

static struct rte_mempool *pool;
static unsigned n_ports;

/* In memory alone: no file that another run could be in the way of. */
static bool eal_open(const char *const *paths, unsigned n, unsigned cpu)
{
	static char words[][16] = {"bench-vhost",    "--in-memory",   "-m",	     "64",	    "--no-pci",
				   "--no-telemetry", "--file-prefix", "bench-vhost", "--log-level", "error"};
	static char lcores[32], vdevs[BACKEND_MAX][256];
	char *argv[16] = {NULL};
	int argc = 0;

	for (; argc < 10; argc++)
		argv[argc] = words[argc];
	snprintf(lcores, sizeof(lcores), "--lcores=0@%u", cpu);
	argv[argc++] = lcores;
	for (unsigned i = 0; i < n; i++) {
		snprintf(vdevs[i], sizeof(vdevs[i]), "--vdev=net_vhost%u,iface=%.200s,queues=1", i, paths[i]);
		argv[argc++] = vdevs[i];
	}
	return rte_eal_init(argc, argv) >= 0;
}

static bool port_open(uint16_t port)
{
	static const struct rte_eth_conf conf;

	return !rte_eth_dev_configure(port, 1, 1, &conf) &&
	       !rte_eth_rx_queue_setup(port, 0, RING, SOCKET_ID_ANY, NULL, pool) &&
	       !rte_eth_tx_queue_setup(port, 0, RING, SOCKET_ID_ANY, NULL) && !rte_eth_dev_start(port);
}

bool backend_open(const char *const *paths, unsigned n, unsigned cpu)
{
	n_ports = n;
	if (!eal_open(paths, n, cpu)) {
		fprintf(stderr, "bench-vhost: DPDK does not start\n");
		return false;
	}
	pool = rte_pktmbuf_pool_create("frames", N_MBUFS, BACKEND_BURST, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool) {
		fprintf(stderr, "bench-vhost: DPDK has no memory\n");
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!port_open((uint16_t)i)) {
			fprintf(stderr, "bench-vhost: DPDK does not serve %s\n", paths[i]);
			return false;
		}
	}
	return true;
}

/* To everybody, so that no filter of the other side's keeps it. */
static void write_frame(struct rte_mbuf *m, uint64_t number)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	memset(data, 0, FRAME_LEN);
	memset(data, 0xff, 6);
	data[6] = 0x02;
	data[12] = 0x88;
	data[13] = 0xb5; /* IEEE 802, local experiments */
	memcpy(data + AT_NUMBER, &number, sizeof(number));
	m->data_len = FRAME_LEN;
	m->pkt_len = FRAME_LEN;
}

unsigned backend_send(const uint64_t *numbers, unsigned n)
{
	struct rte_mbuf *pkts[BACKEND_BURST];
	unsigned sent;

	if (rte_pktmbuf_alloc_bulk(pool, pkts, n))
		return 0;
	for (unsigned i = 0; i < n; i++)
		write_frame(pkts[i], numbers[i]);
	sent = rte_eth_tx_burst(0, 0, pkts, (uint16_t)n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	return sent;
}

unsigned backend_receive(uint64_t numbers[BACKEND_BURST])
{
	struct rte_mbuf *pkts[BACKEND_BURST];
	uint16_t n = rte_eth_rx_burst((uint16_t)(n_ports - 1), 0, pkts, BACKEND_BURST);

	for (unsigned i = 0; i < n; i++) {
		numbers[i] = 0;
		if (pkts[i]->data_len >= AT_NUMBER + sizeof(numbers[i]))
			memcpy(&numbers[i], rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, AT_NUMBER), sizeof(numbers[i]));
	}
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

/* One without a link says that nobody is there. */
bool backend_taken(void)
{
	for (unsigned i = 0; i < n_ports; i++) {
		struct rte_eth_link link = {0};

		if (!rte_eth_link_get_nowait((uint16_t)i, &link) && link.link_status == RTE_ETH_LINK_UP)
			return true;
	}
	return false;
}

void backend_close(void)
{
	for (unsigned i = 0; i < n_ports; i++) {
		rte_eth_dev_stop((uint16_t)i);
		rte_eth_dev_close((uint16_t)i);
	}
	rte_eal_cleanup();
}

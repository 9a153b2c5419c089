// SPDX-License-Identifier: BSD-2-Clause
/*
 * The peer: DPDK's ixgbe driver on the same stub, measured by the same code (harness.c). The card is a port of our own whose
 * operations are the driver's: its set-up of queues, its choice of burst functions, its start of queues, all unmodified,
 * over registers that are memory. It is configured and started, and its bursts are called, through rte_ethdev.h. Built by
 * bench/driver.sh against DPDK's source package, with that package's own flags.
 *
 * Where DPDK's own choice depends on the configuration, the path asks for that: "vec" is the default one, "bulk" the same
 * with --force-max-simd-bitwidth=64, "full" every offload on with single allocation, "offloads" every offload on.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ethdev_driver.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "base/ixgbe_api.h"
#include "ixgbe_ethdev.h"
#include "ixgbe_rxtx.h"

#include "harness.h"

#define BAR_SIZE  (128 << 10)
#define RING_SIZE 512
#define N_MBUFS	  4095 /* rte_mempool wants one less than a power of two */
#define CACHE	  256
#define THRESHOLD 32 /* rx_free_thresh, tx_free_thresh and tx_rs_thresh: the driver's defaults */
/* The vector path takes groups of four, and drops what is below one. */
#define MIN_VEC_BATCH 4

struct bench {
	struct stub stub;
	struct rte_mempool *received, *sent;
	uint16_t port;
	enum card_cache cache;
	unsigned n;
	struct rte_mbuf *pkts[WINDOW];
};

/* --- the port ----------------------------------------------------------------------------------------------------- */

static bool movdiri;

/* Registers in plain memory make the direct store of a doorbell dear, which no card does: off unless asked for. */
int __real_rte_cpu_get_flag_enabled(enum rte_cpu_flag_t feature);
int __wrap_rte_cpu_get_flag_enabled(enum rte_cpu_flag_t feature);

int __wrap_rte_cpu_get_flag_enabled(enum rte_cpu_flag_t feature)
{
	if (feature == RTE_CPUFLAG_MOVDIRI && !movdiri)
		return 0;
	return __real_rte_cpu_get_flag_enabled(feature);
}

/* As the driver's own, without what it asks the card. */
static int peer_configure(struct rte_eth_dev *dev)
{
	struct ixgbe_adapter *adapter = dev->data->dev_private;

	adapter->rx_bulk_alloc_allowed = true;
	adapter->rx_vec_allowed = true;
	return 0;
}

static int peer_info(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	info->max_rx_queues = info->max_tx_queues = 1;
	info->min_rx_bufsize = 1024;
	info->max_rx_pktlen = 15872;
	info->max_mac_addrs = 1;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
				RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
				RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_SCATTER;
	info->rx_queue_offload_capa = info->rx_offload_capa;
	info->tx_offload_capa = ixgbe_get_tx_port_offloads(dev);
	info->rx_desc_lim = (struct rte_eth_desc_lim){.nb_max = 4096, .nb_min = 32, .nb_align = 8};
	info->tx_desc_lim = info->rx_desc_lim;
	info->flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
	return 0;
}

static int peer_start(struct rte_eth_dev *dev)
{
	ixgbe_set_rx_function(dev);
	return ixgbe_dev_tx_queue_start(dev, 0) || ixgbe_dev_rx_queue_start(dev, 0);
}

static int peer_link_update(struct rte_eth_dev *dev, int wait)
{
	return 0;
}

static const struct eth_dev_ops ops = {
	.link_update = peer_link_update,
	.dev_configure = peer_configure,
	.dev_infos_get = peer_info,
	.dev_start = peer_start,
	.rx_queue_setup = ixgbe_dev_rx_queue_setup,
	.tx_queue_setup = ixgbe_dev_tx_queue_setup,
};

static uint16_t create_port(uint8_t *bar)
{
	static const struct rte_driver driver = {.name = "net_ixgbe"};
	static struct rte_device device = {.name = "stub", .driver = &driver};
	static struct rte_ether_addr mac;
	struct rte_eth_dev *dev = rte_eth_dev_allocate("stub");
	struct ixgbe_adapter *adapter = rte_zmalloc("stub", sizeof(*adapter), 0);

	if (!dev || !adapter)
		errx(1, "no port");
	adapter->hw.hw_addr = bar;
	adapter->hw.mac.type = ixgbe_mac_82599EB;
	dev->data->dev_private = adapter;
	dev->data->mac_addrs = &mac;
	dev->device = &device;
	dev->dev_ops = &ops;
	rte_eth_dev_probing_finish(dev);
	return dev->data->port_id;
}

static struct rte_mempool *create_pool(const char *name)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, N_MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	if (!pool)
		errx(1, "no pool: %s", rte_strerror(rte_errno));
	return pool;
}

/* Where the driver would write the addresses of its rings; the stub looks for them there. */
static void tell_rings(struct bench *b)
{
	struct rte_eth_dev *dev = &rte_eth_devices[b->port];
	struct ixgbe_adapter *adapter = dev->data->dev_private;
	struct ixgbe_rx_queue *rxq = dev->data->rx_queues[0];
	struct ixgbe_tx_queue *txq = dev->data->tx_queues[0];

	IXGBE_WRITE_REG(&adapter->hw, IXGBE_RDBAL(0), (uint32_t)rxq->rx_ring_phys_addr);
	IXGBE_WRITE_REG(&adapter->hw, IXGBE_RDBAH(0), (uint32_t)(rxq->rx_ring_phys_addr >> 32));
	IXGBE_WRITE_REG(&adapter->hw, IXGBE_RDLEN(0), RING_SIZE * 16);
	IXGBE_WRITE_REG(&adapter->hw, IXGBE_TDBAL(0), (uint32_t)txq->tx_ring_phys_addr);
	IXGBE_WRITE_REG(&adapter->hw, IXGBE_TDBAH(0), (uint32_t)(txq->tx_ring_phys_addr >> 32));
	IXGBE_WRITE_REG(&adapter->hw, IXGBE_TDLEN(0), RING_SIZE * 16);
}

static void check(int error, const char *what)
{
	if (error)
		errx(1, "%s: %d", what, error);
}

static void open_port(struct bench *b, const struct harness_options *o)
{
	struct rte_eth_rxconf rx = {.rx_free_thresh = THRESHOLD};
	struct rte_eth_txconf tx = {
		.tx_free_thresh = THRESHOLD, .tx_rs_thresh = THRESHOLD, .tx_thresh = {.pthresh = 32}};
	struct rte_eth_conf conf = {0};
	uint8_t *bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (bar == MAP_FAILED)
		err(1, "mmap");
	b->stub.pages = bar;
	b->port = create_port(bar);
	b->received = create_pool("received");
	b->sent = create_pool("sent");
	if (o->full) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP;
		conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM |
				       RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
				       RTE_ETH_RX_OFFLOAD_RSS_HASH | RTE_ETH_RX_OFFLOAD_SCATTER;
		conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
				       RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
				       RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	}
	if (!strcmp(o->path, "full"))
		rx.rx_free_thresh = 0;
	check(rte_eth_dev_configure(b->port, 1, 1, &conf), "configure");
	check(rte_eth_rx_queue_setup(b->port, 0, RING_SIZE, SOCKET_ID_ANY, &rx, b->received), "rx queue");
	check(rte_eth_tx_queue_setup(b->port, 0, RING_SIZE, SOCKET_ID_ANY, &tx), "tx queue");
	tell_rings(b);
	/* What ixgbe_dev_rx_init() does with the offload; "full" is the path of one mbuf a packet. */
	rte_eth_devices[b->port].data->scattered_rx = o->full && strcmp(o->path, "full");
	check(rte_eth_dev_start(b->port), "start");
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

static void prepare(void *ctx, enum op op, unsigned batch)
{
	struct bench *b = ctx;

	if (op != OP_TX) {
		stub_receive(&b->stub, WINDOW, FRAME_LEN, b->cache);
		return;
	}
	/* In bursts, as an application does: a single large one would go around the pool's cache. */
	for (unsigned i = 0; i < WINDOW; i += ALLOC_BURST)
		if (rte_pktmbuf_alloc_bulk(b->sent, b->pkts + i, ALLOC_BURST))
			errx(1, "the pool is empty");
	for (unsigned i = 0; i < WINDOW; i++)
		b->pkts[i]->data_len = b->pkts[i]->pkt_len = FRAME_LEN;
}

/* The same loops as in main.c; the vector path gives 32 packets at most, whatever the burst. */
static void window_rx(struct bench *b, unsigned batch)
{
	unsigned n = 0, k;

	do {
		k = rte_eth_rx_burst(b->port, 0, b->pkts + n, batch);
		n += k;
	} while (k && n < WINDOW);
	b->n = n;
}

static void window_tx(struct bench *b, unsigned batch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW; i += batch)
		n += rte_eth_tx_burst(b->port, 0, b->pkts + i, batch);
	b->n = n;
}

static void window_fwd(struct bench *b, unsigned batch)
{
	unsigned n = 0, k;

	do {
		k = rte_eth_rx_burst(b->port, 0, b->pkts, batch);

		for (unsigned j = 0; j < k; j++)
			rte_pktmbuf_mtod(b->pkts[j], uint8_t *)[1]++;
		n += rte_eth_tx_burst(b->port, 0, b->pkts, k);
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
		rte_pktmbuf_free_bulk(b->pkts, WINDOW);
	else if (stub_send(&b->stub, b->cache) != WINDOW)
		errx(1, "%s: not all packets reached the card", op_names[op]);
}

/* --- the program -------------------------------------------------------------------------------------------------- */

/* Anonymous memory of the pages that the other side has, and nothing of the machine's. */
static void start_eal(const struct harness_options *o)
{
	const char *pages = getenv("VIREO_PAGE_SIZE"), *path = o->path;
	char *args[16] = {"dpdk-peer", "--no-pci", "--no-telemetry", "--log-level=4", "--iova-mode=va",
			  "-m",	       "64",	   "--no-shconf"};
	char core[16], width[] = "--force-max-simd-bitwidth=64";
	int n = 8;

	if (pages && !strcmp(pages, "4K"))
		args[n++] = "--no-huge";
	else
		args[n++] = "--in-memory", args[n++] = "--single-file-segments";
	if (!strcmp(path, "bulk"))
		args[n++] = width;
	snprintf(core, sizeof(core), "0@%d", sched_getcpu());
	args[n++] = "--lcores";
	args[n++] = core;
	if (rte_eal_init(n, args) < 0)
		errx(1, "EAL: %s", rte_strerror(rte_errno));
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct target target = {&b, prepare, window, settle};
	struct harness_options o;
	char peer[64];

	harness_options(argc, argv, &o);
	movdiri = strstr(o.path, "movdiri");
	start_eal(&o);
	open_port(&b, &o);
	snprintf(peer, sizeof(peer), "DPDK %d.%02d.%d", RTE_VER_YEAR, RTE_VER_MONTH, RTE_VER_MINOR);
	harness_run(&o, &target, &b.cache, peer,
		    strstr(o.path, "vec") || !strcmp(o.path, "offloads") ? MIN_VEC_BATCH : 1);
	return 0;
}

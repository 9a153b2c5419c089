// SPDX-License-Identifier: BSD-2-Clause
/*
 * A driver that knows nothing but the installed headers: it takes what is sent, gives the buffers back, and receives
 * empty frames out of the pool. Built by install.sh outside the tree, as anybody's driver would be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <vireo/driver.h>

#define FRAME 60

static unsigned sink_rx_burst(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_rxq_head *q = (struct vireo_rxq_head *)pub;
	void *buf;

	if (!n || !vireo_pool_get_bufs(q->pool, &buf, 1)) {
		vireo_rxq_drop(q, VIREO_DROP_RX_NO_BUFFER, 1);
		return 0;
	}
	pkts[0] = (struct vireo_pkt){
		.buf = buf,
		.off = VIREO_HEADROOM,
		.len = FRAME,
		.flags = vireo_pool_id(q->pool) << VIREO_PKT_POOL_SHIFT,
		.port = vireo_port_index(q->port),
	};
	if (vireo_pool_debug())
		vireo_pool_debug_rx(pkts, 1);
	vireo_stat_add(&q->packets, 1);
	vireo_stat_add(&q->bytes, FRAME);
	return 1;
}

static unsigned sink_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct vireo_txq_head *q = (struct vireo_txq_head *)pub;

	vireo_pkt_free(pkts, n);
	vireo_stat_add(&q->packets, n);
	return n;
}

static int sink_probe(struct vireo_port *port, struct vireo_port_limits *ret_limits)
{
	struct vireo_device_info info;

	vireo_device_info(vireo_port_device(port), &info);
	if (info.iommu && !vireo_port_priv(port))
		return vireo_error(-EOPNOTSUPP, "%s: no room for private data", info.address);
	ret_limits->max_rxq = ret_limits->max_txq = 1;
	ret_limits->min_ring = 32;
	ret_limits->max_ring = ret_limits->default_rx_ring = ret_limits->default_tx_ring = 512;
	ret_limits->max_mtu = 1500;
	ret_limits->max_tx_segs = 1;
	vireo_port_set_description(port, "a sink");
	return 0;
}

static void sink_remove(struct vireo_port *port)
{
	(void)port;
}

static int sink_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q)
{
	(void)port, (void)idx;
	*ret_q = calloc(1, sizeof(**ret_q));
	return *ret_q ? 0 : vireo_error(-ENOMEM, "no memory");
}

static void sink_rxq_destroy(struct vireo_rxq_head *q)
{
	free(q);
}

static int sink_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q)
{
	(void)port, (void)idx;
	*ret_q = calloc(1, sizeof(**ret_q));
	return *ret_q ? 0 : vireo_error(-ENOMEM, "no memory");
}

static void sink_txq_destroy(struct vireo_txq_head *q)
{
	free(q);
}

static int sink_start(struct vireo_port *port)
{
	vireo_port_rxq_head(port, 0)->pub.burst = sink_rx_burst;
	vireo_port_txq_head(port, 0)->pub.burst = sink_tx_burst;
	return vireo_device_set_master(vireo_port_device(port), true);
}

static int sink_stop(struct vireo_port *port)
{
	return vireo_device_set_master(vireo_port_device(port), false);
}

static unsigned sink_txq_reclaim(struct vireo_txq_head *q)
{
	(void)q;
	return 0;
}

static int sink_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	(void)port;
	*ret_link = (struct vireo_link){.up = true};
	return 0;
}

static const struct vireo_pci_id sink_ids[] = {{0x1234, 0x11e8}, {0, 0}};

static const struct vireo_driver sink_driver = {
	.name = "sink",
	.pci_ids = sink_ids,
	.port_size = 64,
	.probe = sink_probe,
	.remove = sink_remove,
	.rxq_create = sink_rxq_create,
	.rxq_destroy = sink_rxq_destroy,
	.txq_create = sink_txq_create,
	.txq_destroy = sink_txq_destroy,
	.start = sink_start,
	.stop = sink_stop,
	.txq_reclaim = sink_txq_reclaim,
	.link = sink_link,
};

static int expect(int got, int want, const char *what)
{
	if (got != want)
		fprintf(stderr, "%s: %d, expected %d (%s)\n", what, got, want, vireo_last_error());
	return got != want;
}

int main(void)
{
	static struct vireo_driver headless;
	int wrong;

	headless = sink_driver;
	headless.name = "headless";
	headless.start = NULL;
	wrong = expect(vireo_driver_register(&sink_driver), 0, "registering");
	wrong += expect(vireo_driver_register(&sink_driver), -EEXIST, "registering twice");
	wrong += expect(vireo_driver_register(&headless), -EINVAL, "registering without a start");
	return wrong != 0;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "fake_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fake_driver fake_driver;

struct fake_rxq {
	struct vireo_rxq_head head;
	int fd;
	atomic_bool armed;
	atomic_uint n_pending; /* packets that wait, all of one length */
	uint16_t len;
	unsigned n_posted;
	void *posted[FAKE_RING];
};

struct fake_txq {
	struct vireo_txq_head head;
	unsigned n_held;
	struct vireo_pkt held[FAKE_RING]; /* until they are reclaimed */
};

static int may_fail(void)
{
	if (fake_driver.fail_nth == 0 || --fake_driver.fail_nth > 0)
		return 0;
	return vireo_error(fake_driver.fail_errno, "the fake driver fails as the test wishes");
}

static int fake_prepare(struct vireo_port *port)
{
	int err = may_fail();

	if (!err)
		fake_driver.n_prepare++;
	return err;
}

static int fake_probe(struct vireo_port *port, struct vireo_port_limits *ret_limits)
{
	int err = may_fail();

	if (err)
		return err;
	if (fake_driver.n_probe == 0)
		fake_driver.prepared_first = fake_driver.n_prepare;
	if (fake_driver.event_fd_in_probe) {
		err = vireo_port_add_event_fd(port, fake_driver.event_fd);
		if (err)
			return err;
	}
	*ret_limits = fake_driver.limits;
	memcpy(vireo_port_settings(port)->mac, fake_driver.mac, VIREO_MAC_LEN);
	vireo_port_set_description(port, "a card that is not there");
	fake_driver.n_probe++;
	return 0;
}

static void fake_remove(struct vireo_port *port)
{
	fake_driver.n_remove++;
}

static int fake_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q)
{
	int err = may_fail();
	struct fake_rxq *q;

	if (err)
		return err;
	q = calloc(1, sizeof(*q));
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->head.max_segs = 2;
	fake_driver.n_queues++;
	*ret_q = &q->head;
	return 0;
}

static void fake_rxq_destroy(struct vireo_rxq_head *head)
{
	struct fake_rxq *q = (struct fake_rxq *)head;

	close(q->fd);
	fake_driver.n_queues--;
	free(q);
}

static int fake_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q)
{
	int err = may_fail();
	struct fake_txq *q;

	if (err)
		return err;
	q = calloc(1, sizeof(*q));
	fake_driver.n_queues++;
	*ret_q = &q->head;
	return 0;
}

static void fake_txq_destroy(struct vireo_txq_head *head)
{
	fake_driver.n_queues--;
	free(head);
}

static unsigned fake_rx_burst(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct fake_rxq *q = (struct fake_rxq *)pub;
	unsigned count = 0;

	while (count < n && atomic_load(&q->n_pending) > 0 && q->n_posted > 0) {
		pkts[count] = (struct vireo_pkt){
			.buf = q->posted[--q->n_posted],
			.off = VIREO_HEADROOM,
			.len = q->len,
			.flags = vireo_pool_id(q->head.pool) << VIREO_PKT_POOL_SHIFT,
			.port = vireo_port_index(q->head.port),
		};
		count++;
		atomic_fetch_sub(&q->n_pending, 1);
		vireo_stat_add(&q->head.bytes, q->len);
	}
	vireo_stat_add(&q->head.packets, count);
	q->n_posted += vireo_pool_get_bufs(q->head.pool, q->posted + q->n_posted, count);
	return count;
}

static unsigned fake_txq_reclaim(struct vireo_txq_head *head)
{
	struct fake_txq *q = (struct fake_txq *)head;
	unsigned n = q->n_held;

	vireo_pkt_free(q->held, n);
	q->n_held = 0;
	return n;
}

static unsigned fake_tx_burst(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n)
{
	struct fake_txq *q = (struct fake_txq *)pub;
	unsigned room = FAKE_RING - q->n_held;

	if (n > room)
		n = room;
	for (unsigned i = 0; i < n; i++) {
		q->held[q->n_held++] = pkts[i];
		vireo_stat_add(&q->head.bytes, pkts[i].len);
	}
	vireo_stat_add(&q->head.packets, n);
	return n;
}

static void empty_queues(struct vireo_port *port)
{
	for (unsigned i = 0; i < vireo_port_config(port)->n_rxq; i++) {
		struct fake_rxq *q = (struct fake_rxq *)vireo_port_rxq_head(port, i);

		vireo_pool_put_bufs(q->head.pool, q->posted, q->n_posted);
		q->n_posted = 0;
	}
	for (unsigned i = 0; i < vireo_port_config(port)->n_txq; i++)
		fake_txq_reclaim(vireo_port_txq_head(port, i));
}

static int fill_queues(struct vireo_port *port)
{
	for (unsigned i = 0; i < vireo_port_config(port)->n_rxq; i++) {
		struct fake_rxq *q = (struct fake_rxq *)vireo_port_rxq_head(port, i);

		q->n_posted = vireo_pool_get_bufs(q->head.pool, q->posted, FAKE_RING);
		if (!q->n_posted) {
			empty_queues(port);
			return vireo_error(-ENOSPC, "the pool cannot fill the ring");
		}
		q->head.pub.burst = fake_rx_burst;
	}
	for (unsigned i = 0; i < vireo_port_config(port)->n_txq; i++)
		vireo_port_txq_head(port, i)->pub.burst = fake_tx_burst;
	return 0;
}

static int fake_start(struct vireo_port *port)
{
	int err = may_fail();

	if (err)
		return err;
	err = fill_queues(port);
	if (err)
		return err;
	if (fake_driver.event_fd >= 0 && !fake_driver.event_fd_in_probe)
		err = vireo_port_add_event_fd(port, fake_driver.event_fd);
	if (!err)
		err = vireo_device_set_master(vireo_port_device(port), true);
	if (!err)
		err = may_fail();
	if (err) {
		vireo_device_set_master(vireo_port_device(port), false);
		empty_queues(port);
		return err;
	}
	fake_driver.seen = *vireo_port_settings(port);
	fake_driver.n_start++;
	return 0;
}

static int fake_stop(struct vireo_port *port)
{
	struct vireo_pkt pkt;

	/* The library has taken the bursts away before. */
	if (vireo_rx_burst(vireo_port_rxq(port, 0), &pkt, 1) != 0)
		abort();
	vireo_device_set_master(vireo_port_device(port), false);
	empty_queues(port);
	fake_driver.n_stop++;
	return fake_driver.stop_result;
}

static int fake_rxq_arm(struct vireo_rxq_head *head)
{
	struct fake_rxq *q = (struct fake_rxq *)head;

	atomic_store(&q->armed, true);
	if (atomic_load(&q->n_pending) == 0)
		return 0;
	atomic_store(&q->armed, false);
	return 1;
}

static int fake_rxq_fd(struct vireo_rxq_head *head)
{
	return ((struct fake_rxq *)head)->fd;
}

static int fake_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	int err = may_fail();

	*ret_link = (struct vireo_link){.up = true, .full_duplex = true, .speed_mbps = 10000};
	return err;
}

static int fake_poll(struct vireo_port *port)
{
	atomic_fetch_add(&fake_driver.n_poll, 1);
	return atomic_exchange(&fake_driver.poll_result, 0);
}

static int fake_set(struct vireo_port *port)
{
	int err = may_fail();

	if (err)
		return err;
	fake_driver.seen = *vireo_port_settings(port);
	fake_driver.n_set++;
	return 0;
}

static int fake_set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on)
{
	return fake_set(port);
}

static int fake_check_flow(struct vireo_port *port, const struct vireo_flow *flow)
{
	return flow->match & VIREO_FLOW_PROTOCOL && flow->protocol == 99 ? -EOPNOTSUPP : 0;
}

static int fake_registers(struct vireo_port *port, struct vireo_register *regs, unsigned n)
{
	if (n > 0)
		regs[0] = (struct vireo_register){.name = "CTRL", .offset = 8, .value = 7};
	return 1;
}

static int fake_stats(struct vireo_port *port, struct vireo_stats *stats)
{
	int err = may_fail();

	stats->drops[VIREO_DROP_RX_MISSED] += fake_driver.device_missed;
	return err;
}

static int fake_xstats(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n)
{
	if (n > 0) {
		strcpy(xstats[0].name, "phy_symbols");
		xstats[0].value = 42;
	}
	return 1;
}

static const struct vireo_pci_id ids[] = {{0x1af4, 0xfa4e}, {0, 0}};

static const struct vireo_driver driver = {
	.name = "fake",
	.pci_ids = ids,
	.port_size = 16,
	.prepare = fake_prepare,
	.probe = fake_probe,
	.remove = fake_remove,
	.rxq_create = fake_rxq_create,
	.rxq_destroy = fake_rxq_destroy,
	.txq_create = fake_txq_create,
	.txq_destroy = fake_txq_destroy,
	.start = fake_start,
	.stop = fake_stop,
	.txq_reclaim = fake_txq_reclaim,
	.rxq_arm = fake_rxq_arm,
	.rxq_fd = fake_rxq_fd,
	.link = fake_link,
	.poll = fake_poll,
	.set_rx_mode = fake_set,
	.set_mac = fake_set,
	.set_mac_filter = fake_set,
	.set_vlan = fake_set_vlan,
	.set_rss = fake_set,
	.check_flow = fake_check_flow,
	.set_flows = fake_set,
	.set_flow_control = fake_set,
	.registers = fake_registers,
	.stats = fake_stats,
	.xstats = fake_xstats,
};

void fake_driver_reset(void)
{
	static bool registered;

	if (!registered && vireo_driver_register(&driver))
		abort();
	registered = true;
	memset(&fake_driver, 0, sizeof(fake_driver));
	fake_driver.fail_errno = -EIO;
	fake_driver.event_fd = -1;
	fake_driver.limits = (struct vireo_port_limits){
		.max_rxq = 4,
		.max_txq = 2,
		.min_ring = 32,
		.max_ring = 4096,
		.default_rx_ring = FAKE_RING,
		.default_tx_ring = FAKE_RING,
		.max_mtu = 9000,
		.max_tx_segs = 8,
		.rx_offloads = VIREO_RX_CSUM | VIREO_RX_LARGE | VIREO_RX_VLAN_STRIP,
		.tx_offloads = VIREO_TX_L4_CSUM,
		.rx_interrupts = true,
		.rss_fields = VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP,
		.rss_key_len = 40,
		.rss_table = 128,
		.rss_queues = 3,
		.max_flows = 2,
	};
	memcpy(fake_driver.mac, "\x02\0\0\0\0\1", VIREO_MAC_LEN);
}

void fake_driver_receive(struct vireo_rxq *pub, uint16_t len)
{
	struct fake_rxq *q = (struct fake_rxq *)pub;
	uint64_t one = 1;

	q->len = len;
	atomic_fetch_add(&q->n_pending, 1);
	if (atomic_exchange(&q->armed, false) && write(q->fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

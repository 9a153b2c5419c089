// SPDX-License-Identifier: BSD-2-Clause
/* What the user asks of a port, checked against what its device can do; and the pools that it receives into. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vireo/pool.h>

#include "pool.h"
#include "port.h"

#define MIN_MTU	       68 /* RFC 791: every link carries an IPv4 packet of 68 bytes */
#define DEFAULT_MTU    1500
#define RSS_KEY_LEN    40	    /* Toeplitz over two IPv6 addresses and two ports */
#define FRAME_OVERHEAD (14 + 2 * 4) /* Ethernet header and two VLAN tags */
#define BUF_SIZE       2048
#define BUF_GRAIN      1024 /* what devices count buffer sizes in */
#define MAX_BUF_SIZE   (65535 - VIREO_HEADROOM)
#define SPARE_BUFS     1024 /* per queue: in the hands of the application, in caches of threads */

static const struct {
	uint32_t bit;
	const char *name;
} rx_names[] =
	{
		{VIREO_RX_CSUM, "checksum verification"}, {VIREO_RX_LARGE, "large receive"},
		{VIREO_RX_VLAN_STRIP, "VLAN stripping"},  {VIREO_RX_HASH, "the RSS hash"},
		{VIREO_RX_TIME, "receive time stamps"},
},
  tx_names[] = {
	  {VIREO_TX_IP_CSUM, "IPv4 checksum insertion"},
	  {VIREO_TX_L4_CSUM, "TCP and UDP checksum insertion"},
	  {VIREO_TX_TSO, "TCP segmentation"},
};

static const char *rx_name(uint32_t bits)
{
	for (unsigned i = 0; i < sizeof(rx_names) / sizeof(rx_names[0]); i++) {
		if (bits & rx_names[i].bit)
			return rx_names[i].name;
	}
	return NULL;
}

static const char *tx_name(uint32_t bits)
{
	for (unsigned i = 0; i < sizeof(tx_names) / sizeof(tx_names[0]); i++) {
		if (bits & tx_names[i].bit)
			return tx_names[i].name;
	}
	return NULL;
}

static int cannot(const struct vireo_port *port, const char *what)
{
	if (port->limits.missing[0])
		return vireo_error(-EOPNOTSUPP, "%s cannot do %s: %s", port_name(port), what, port->limits.missing);
	return vireo_error(-EOPNOTSUPP, "%s cannot do %s; open the port without it", port_name(port), what);
}

static int check_offloads(const struct vireo_port *port)
{
	const struct vireo_port_config *cfg = &port->cfg;
	uint32_t lacking;

	lacking = cfg->rx_offloads & ~port->limits.rx_offloads;
	if (lacking && !rx_name(lacking))
		return vireo_error(-EINVAL, "rx_offloads has bits that mean nothing: %#x", lacking);
	if (lacking)
		return cannot(port, rx_name(lacking));
	lacking = cfg->tx_offloads & ~port->limits.tx_offloads;
	if (lacking && !tx_name(lacking))
		return vireo_error(-EINVAL, "tx_offloads has bits that mean nothing: %#x", lacking);
	if (lacking)
		return cannot(port, tx_name(lacking));
	if (cfg->rx_offloads & VIREO_RX_LARGE && !(cfg->rx_offloads & VIREO_RX_CSUM))
		return vireo_error(-EINVAL,
				   "VIREO_RX_LARGE needs VIREO_RX_CSUM: a large packet has a partial checksum");
	if (cfg->rx_interrupts && !port->limits.rx_interrupts)
		return cannot(port, "receive interrupts");
	return 0;
}

static int check_queues(const struct vireo_port *port, const char *kind, unsigned n, unsigned max)
{
	if (max > VIREO_MAX_QUEUES)
		max = VIREO_MAX_QUEUES;
	if (n > max)
		return vireo_error(-EOPNOTSUPP, "the configuration asks for %u %s queues, %s has %u", n, kind,
				   port_name(port), max);
	return 0;
}

static int check_ring(const struct vireo_port *port, const char *kind, uint32_t n)
{
	if (n & (n - 1))
		return vireo_error(-EINVAL, "the configuration asks for %u %s descriptors, which is no power of two", n,
				   kind);
	if (n < port->limits.min_ring || n > port->limits.max_ring)
		return vireo_error(-EOPNOTSUPP, "the configuration asks for %u %s descriptors, %s has %u to %u", n,
				   kind, port_name(port), port->limits.min_ring, port->limits.max_ring);
	return 0;
}

static int check_mtu(const struct vireo_port *port)
{
	if (port->cfg.mtu < MIN_MTU)
		return vireo_error(-EINVAL, "an MTU of %u is less than the %d bytes that IPv4 needs", port->cfg.mtu,
				   MIN_MTU);
	if (port->cfg.mtu > port->limits.max_mtu)
		return vireo_error(-EOPNOTSUPP, "the configuration asks for an MTU of %u, %s can do %u", port->cfg.mtu,
				   port_name(port), port->limits.max_mtu);
	return 0;
}

static void fill_in_defaults(struct vireo_port *port)
{
	struct vireo_port_config *cfg = &port->cfg;

	if (!cfg->n_rxq)
		cfg->n_rxq = 1;
	if (!cfg->n_txq)
		cfg->n_txq = 1;
	if (!cfg->rx_ring)
		cfg->rx_ring = port->limits.default_rx_ring;
	if (!cfg->tx_ring)
		cfg->tx_ring = port->limits.default_tx_ring;
	if (!cfg->mtu)
		cfg->mtu = port->limits.max_mtu < DEFAULT_MTU ? port->limits.max_mtu : DEFAULT_MTU;
}

/* Repeating 0x6d5a makes both directions of a connection hash to the same queue (Woo and Park, 2012). */
static int fill_in_rss_key(struct vireo_port *port)
{
	struct vireo_port_config *cfg = &port->cfg;

	if (!cfg->rss_key != !cfg->rss_key_len || cfg->rss_key_len > VIREO_MAX_RSS_KEY)
		return vireo_error(-EINVAL, "an RSS key has 1 to %d bytes", VIREO_MAX_RSS_KEY);
	if (cfg->rss_key && port->limits.rss_fields && cfg->rss_key_len != port->limits.rss_key_len)
		return vireo_error(-EINVAL, "the RSS key of %s has %u bytes, not %zu", port_name(port),
				   port->limits.rss_key_len, cfg->rss_key_len);
	if (cfg->rss_key) {
		memcpy(port->rss_key, cfg->rss_key, cfg->rss_key_len);
	} else {
		for (unsigned i = 0; i < RSS_KEY_LEN; i++)
			port->rss_key[i] = i % 2 ? 0x5a : 0x6d;
		cfg->rss_key_len = RSS_KEY_LEN;
	}
	cfg->rss_key = port->rss_key;
	return 0;
}

/* All that the device can hash, and queues in turn. */
static void fill_in_rss(struct vireo_port *port)
{
	const struct vireo_port_limits *limits = &port->limits;
	struct vireo_rss *rss = &port->settings.rss;

	if (!limits->rss_fields)
		return;
	rss->fields = limits->rss_fields;
	rss->key_len = limits->rss_key_len;
	rss->n_table = limits->rss_table;
	for (unsigned i = 0; i < rss->key_len; i++)
		rss->key[i] = port->rss_key[i % port->cfg.rss_key_len];
	for (unsigned i = 0; i < rss->n_table; i++)
		rss->table[i] = i % (port->cfg.n_rxq < limits->rss_queues ? port->cfg.n_rxq : limits->rss_queues);
}

int port_configure(struct vireo_port *port, const struct vireo_port_config *cfg)
{
	int err;

	if (cfg)
		port->cfg = *cfg;
	fill_in_defaults(port);
	err = check_queues(port, "RX", port->cfg.n_rxq, port->limits.max_rxq);
	if (!err)
		err = check_queues(port, "TX", port->cfg.n_txq, port->limits.max_txq);
	if (!err)
		err = check_ring(port, "RX", port->cfg.rx_ring);
	if (!err)
		err = check_ring(port, "TX", port->cfg.tx_ring);
	if (!err)
		err = check_mtu(port);
	if (!err)
		err = check_offloads(port);
	if (!err)
		err = fill_in_rss_key(port);
	if (err)
		return err;
	if (port->cfg.promiscuous && !port->driver->set_rx_mode)
		return cannot(port, "promiscuous reception");
	port->settings.promiscuous = port->cfg.promiscuous;
	fill_in_rss(port);
	return 0;
}

/*
 * Packets that were received here lie in the TX rings of other ports, with the application and in the caches of threads
 * as well, and a ring that cannot be refilled loses packets.
 */
static int create_own_pool(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = &port->cfg;
	unsigned frame = ((unsigned)cfg->mtu + FRAME_OVERHEAD + BUF_GRAIN - 1) / BUF_GRAIN * BUF_GRAIN;
	struct vireo_pool_config pool = {0};
	struct vireo_device_info info;
	char name[32];

	vireo_device_info(port->dev, &info);
	snprintf(name, sizeof(name), "port%d", port->index);
	pool.name = name;
	pool.n_bufs = cfg->n_rxq * (cfg->rx_ring + SPARE_BUFS) + cfg->n_txq * cfg->tx_ring;
	pool.buf_size = frame < BUF_SIZE ? BUF_SIZE : frame;
	if (pool.buf_size > MAX_BUF_SIZE)
		pool.buf_size = MAX_BUF_SIZE;
	pool.numa_node = info.numa_node >= 0 && info.numa_node < 255 ? (uint8_t)(info.numa_node + 1) : 0;
	return vireo_pool_create(&pool, &port->own_pool);
}

/* Several queues may share a pool; the port holds it once. */
static bool is_first(const struct vireo_port *port, unsigned idx)
{
	for (unsigned i = 0; i < idx; i++) {
		if (port->pools[i] == port->pools[idx])
			return false;
	}
	return true;
}

static int take_pools(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = &port->cfg;

	for (unsigned i = 0; i < cfg->n_rxq; i++) {
		struct vireo_pool *pool = cfg->rx_pools ? cfg->rx_pools[i] : cfg->rx_pool;

		if (!pool)
			return vireo_error(-EINVAL, "rx_pools has no pool for RX queue %u", i);
		port->pools[i] = pool;
		if (is_first(port, i))
			pool_attach(pool);
		port->n_pools++;
	}
	return 0;
}

int port_pools_get(struct vireo_port *port)
{
	struct vireo_port_config *cfg = &port->cfg;
	int err;

	if (cfg->rx_pool && cfg->rx_pools)
		return vireo_error(-EINVAL, "both rx_pool and rx_pools are given: it must be one of them");
	if (!cfg->rx_pool && !cfg->rx_pools) {
		err = create_own_pool(port);
		if (err)
			return err;
		cfg->rx_pool = port->own_pool;
	}
	err = take_pools(port);
	if (err)
		return err;
	/* The user's array need not outlive the call; drivers find the pool of a queue here. */
	cfg->rx_pools = port->pools;
	cfg->rx_pool = port->pools[0];
	return 0;
}

/* Pools of closed ports whose buffers the application still held; tried again whenever a port closes. */
static pthread_mutex_t orphans_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vireo_pool *orphans[VIREO_MAX_POOLS];

static void destroy_or_keep(struct vireo_pool *own)
{
	pthread_mutex_lock(&orphans_lock);
	for (unsigned i = 0; i < VIREO_MAX_POOLS; i++) {
		if (!orphans[i]) {
			orphans[i] = own;
			own = NULL;
		}
		if (orphans[i] && vireo_pool_destroy(orphans[i]) == 0)
			orphans[i] = NULL;
	}
	pthread_mutex_unlock(&orphans_lock);
}

void port_pools_put(struct vireo_port *port)
{
	while (port->n_pools > 0) {
		port->n_pools--;
		if (is_first(port, port->n_pools))
			pool_detach(port->pools[port->n_pools]);
	}
	destroy_or_keep(port->own_pool);
	port->own_pool = NULL;
}

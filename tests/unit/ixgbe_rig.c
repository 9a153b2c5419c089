// SPDX-License-Identifier: BSD-2-Clause
#include "ixgbe_rig.h"

#include "ixgbe/ixgbe.h"

#define N_BUFS 1024

void rig_create(struct rig *r, const char *name)
{
	struct vireo_pool_config pool = {.name = name, .n_bufs = N_BUFS};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	/* The card answers at once or never. */
	ixgbe_patience_us = 20000;
	ixgbe_settle_us = 0;
	memset(r, 0, sizeof(*r));
	r->fi = fake_ixgbe_create(name);
	assert_int_equal(vireo_pool_create(&pool, &r->pool), 0);
	r->cfg.rx_pool = r->pool;
	r->cfg.rx_ring = 128;
	r->cfg.tx_ring = 128;
}

static int open_and_start(struct rig *r)
{
	char spec[64];
	int err;

	snprintf(spec, sizeof(spec), "fake:%s", r->fi->bus->name);
	err = vireo_port_open(spec, &r->cfg, &r->port);
	if (err) {
		r->port = NULL;
		return err;
	}
	return vireo_port_start(r->port);
}

void rig_start(struct rig *r)
{
	int err = open_and_start(r);

	if (err)
		fail_msg("%d: %s", err, vireo_last_error());
	r->rxq = vireo_port_rxq(r->port, 0);
	r->txq = vireo_port_txq(r->port, 0);
}

int rig_fail(struct rig *r)
{
	int err = open_and_start(r);

	assert_true(err < 0);
	return err;
}

void rig_destroy(struct rig *r)
{
	vireo_port_close(r->port);
	assert_false(fake_device_is_master(r->fi->bus));
	if (vireo_pool_destroy(r->pool))
		fail_msg("%s", vireo_last_error());
	assert_int_equal(r->fi->n_violations, 0);
	fake_ixgbe_destroy(r->fi);
}

unsigned rig_packet(struct rig *r, const void *data, uint32_t len, uint32_t part, struct vireo_pkt *ret_pkts)
{
	unsigned n = 0;

	for (uint32_t at = 0; at < len; n++) {
		uint32_t k = part && part < len - at ? part : len - at;

		assert_int_equal(vireo_pool_alloc(r->pool, &ret_pkts[n], 1), 1);
		ret_pkts[n].len = k;
		memcpy(vireo_pkt_data(&ret_pkts[n]), (const char *)data + at, k);
		at += k;
		if (at < len)
			ret_pkts[n].flags |= VIREO_PKT_MORE;
	}
	return n;
}

void assert_packet(const struct vireo_pkt *pkts, unsigned n, const void *data, uint32_t len)
{
	uint32_t at = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(at + pkts[i].len <= len);
		assert_memory_equal(vireo_pkt_data(&pkts[i]), (const char *)data + at, pkts[i].len);
		assert_int_equal(!!(pkts[i].flags & VIREO_PKT_MORE), i + 1 < n);
		at += pkts[i].len;
	}
	assert_int_equal(at, len);
	vireo_pkt_free(pkts, n);
}

uint64_t rig_drops(struct rig *r, enum vireo_drop cause)
{
	struct vireo_stats stats;

	assert_int_equal(vireo_port_stats(r->port, &stats), 0);
	return stats.drops[cause];
}

uint64_t rig_xstat(struct rig *r, const char *name)
{
	static struct vireo_xstat xstats[2048];
	int n = vireo_port_xstats(r->port, xstats, 2048);

	assert_in_range(n, 1, 2048);
	for (int i = 0; i < n; i++)
		if (!strcmp(xstats[i].name, name))
			return xstats[i].value;
	fail_msg("there is no counter %s", name);
	return 0;
}

unsigned rig_n_free(struct rig *r)
{
	struct vireo_pool_info info;

	vireo_pool_info(r->pool, &info);
	return info.n_free;
}

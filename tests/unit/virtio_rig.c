// SPDX-License-Identifier: BSD-2-Clause
#include "virtio_rig.h"

#include "virtio/virtio.h"

#define N_BUFS 512

bool rig_packed(void)
{
	return getenv("RIG_PACKED");
}

bool rig_in_order(void)
{
	return getenv("RIG_IN_ORDER");
}

void rig_create(struct rig *r, const char *name)
{
	struct vireo_pool_config pool = {.name = name, .n_bufs = N_BUFS};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	/* The model answers at once or never. */
	virtio_patience_us = 20000;
	memset(r, 0, sizeof(*r));
	r->fv = fake_virtio_create(name);
	if (rig_packed())
		r->fv->offered |= VIRTIO_F_RING_PACKED;
	if (rig_in_order()) {
		r->fv->offered |= VIRTIO_F_IN_ORDER;
		r->fv->batch_max = (unsigned)atoi(getenv("RIG_IN_ORDER"));
	}
	assert_int_equal(vireo_pool_create(&pool, &r->pool), 0);
	r->cfg.rx_pool = r->pool;
	r->cfg.rx_ring = 64;
	r->cfg.tx_ring = 64;
}

static int open_and_start(struct rig *r)
{
	char spec[64];
	int err;

	snprintf(spec, sizeof(spec), "fake:%s", r->fv->bus->name);
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
	if (vireo_pool_destroy(r->pool))
		fail_msg("%s", vireo_last_error());
	assert_int_equal(atomic_load(&r->fv->n_violations), 0);
	fake_virtio_destroy(r->fv);
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

unsigned rig_n_free(struct rig *r)
{
	struct vireo_pool_info info;

	vireo_pool_info(r->pool, &info);
	return info.n_free;
}

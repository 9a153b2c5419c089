// SPDX-License-Identifier: BSD-2-Clause
/* VIREO_POOL_DEBUG=1: every buffer has an owner, and whoever touches what is not his is named and refused. */
#include <stdlib.h>

#include "pool.h"

static bool debug;

void pool_debug_load(void)
{
	const char *text = getenv("VIREO_POOL_DEBUG");

	debug = text && text[0] && text[0] != '0';
}

bool vireo_pool_debug(void)
{
	return debug;
}

static const char *const owner_names[] = {
	[POOL_FREE] = "it is free",
	[POOL_APP] = "it belongs to the application",
	[POOL_DEVICE] = "it belongs to the device",
	[POOL_SHARED] = "it is shared",
};

/* What such a mistake is commonly called, by who should have had the buffer and who had it. */
static const char *const mistakes[4][4] = {
	[POOL_FREE][POOL_APP] = "it was used after free",
	[POOL_FREE][POOL_DEVICE] = "it was used after free",
	[POOL_APP][POOL_FREE] = "freed twice, or used after free",
	[POOL_APP][POOL_DEVICE] = "used after transmit, before the device was done with it",
	[POOL_APP][POOL_SHARED] = "its VIREO_PKT_SHARED was lost",
	[POOL_DEVICE][POOL_FREE] = "freed while the device owned it",
	[POOL_DEVICE][POOL_APP] = "the device never had it",
	[POOL_SHARED][POOL_FREE] = "freed more often than it was shared",
	[POOL_SHARED][POOL_APP] = "it was never shared",
	[POOL_SHARED][POOL_DEVICE] = "it was never shared",
};

bool pool_debug_move(struct vireo_pool *pool, const void *buf, enum pool_owner from, enum pool_owner to,
		     const char *verb)
{
	uint32_t idx = pool_index(pool, buf);
	uint8_t owner = from;
	const char *mistake;

	if (idx >= pool->n_bufs) {
		vireo_log(VIREO_LOG_ERR, "pool '%s': %p is %s, but it is not the start of a buffer of this pool",
			  pool->name, buf, verb);
		__atomic_add_fetch(&pool->debug_errors, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (__atomic_compare_exchange_n(&pool->owners[idx], &owner, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return true;
	mistake = mistakes[from][owner & 3];
	vireo_log(VIREO_LOG_ERR, "pool '%s': buffer %u is %s, but %s%s%s", pool->name, idx, verb,
		  owner_names[owner & 3], mistake ? ": " : "", mistake ? mistake : "");
	__atomic_add_fetch(&pool->debug_errors, 1, __ATOMIC_RELAXED);
	return false;
}

void vireo_pool_debug_rx(const struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vireo_pool *pool = pool_of(&pkts[i]);

		if (pool && pool->owners)
			pool_debug_move(pool, pkts[i].buf, POOL_DEVICE, POOL_APP, "received");
	}
}

/* A shared buffer stays shared on its way through a device: it has as many owners as references. */
static bool to_device(const struct vireo_pkt *pkt)
{
	struct vireo_pool *pool = pool_of(pkt);

	if (!pool) {
		vireo_log(VIREO_LOG_ERR, "a packet is sent whose flags name pool %u, which does not exist",
			  pkt->flags >> VIREO_PKT_POOL_SHIFT);
		return false;
	}
	if (!pool->owners)
		return true;
	if (pkt->flags & VIREO_PKT_SHARED)
		return pool_debug_move(pool, pkt->buf, POOL_SHARED, POOL_SHARED, "sent");
	return pool_debug_move(pool, pkt->buf, POOL_APP, POOL_DEVICE, "sent");
}

static void from_device(const struct vireo_pkt *pkt)
{
	struct vireo_pool *pool = pool_of(pkt);

	if (pool->owners && !(pkt->flags & VIREO_PKT_SHARED))
		pool_debug_move(pool, pkt->buf, POOL_DEVICE, POOL_APP, "sent");
}

bool vireo_pool_debug_tx(const struct vireo_pkt *pkts, unsigned n)
{
	unsigned i = 0;

	while (i < n && to_device(&pkts[i]))
		i++;
	if (i == n)
		return true;
	/* All or nothing: the good ones are still the application's, so that they can be freed. */
	while (i--)
		from_device(&pkts[i]);
	return false;
}

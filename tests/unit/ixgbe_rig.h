/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_RIG_H
#define IXGBE_RIG_H

/* A port on a fake 82599, with a pool of its own, for the tests of the driver. */

#include "unit.h"

#include <vireo/vireo.h>

#include "fake_ixgbe.h"

struct rig {
	struct fake_ixgbe *fi;
	struct vireo_port_config cfg;
	struct vireo_pool *pool;
	struct vireo_port *port;
	struct vireo_rxq *rxq;
	struct vireo_txq *txq;
};

/* A card and a pool of 1024 buffers; change r->fi and r->cfg, then rig_start(). */
void rig_create(struct rig *r, const char *name);
/* Open and start; fails the test when that fails. */
void rig_start(struct rig *r);
/* The error of opening or starting, which must fail; the sentence stays. */
int rig_fail(struct rig *r);
/* Close all; fails the test when a buffer did not come back or the driver did what it must not. */
void rig_destroy(struct rig *r);

/* One packet of @len bytes of @data in elements of at most @part bytes (0: any); returns how many elements. */
unsigned rig_packet(struct rig *r, const void *data, uint32_t len, uint32_t part, struct vireo_pkt *ret_pkts);
/* The bytes of a received packet equal @data; frees it. */
void assert_packet(const struct vireo_pkt *pkts, unsigned n, const void *data, uint32_t len);
uint64_t rig_drops(struct rig *r, enum vireo_drop cause);
uint64_t rig_xstat(struct rig *r, const char *name);
/* Buffers that are with nobody. */
unsigned rig_n_free(struct rig *r);

#endif

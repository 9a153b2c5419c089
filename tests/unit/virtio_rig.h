/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_RIG_H
#define VIRTIO_RIG_H

/* A port on a model of virtio-net, with a pool of its own, for the tests of the driver. */

#include "unit.h"

#include <vireo/vireo.h>

#include "fake_virtio.h"

#define RXQ 0
#define TXQ 1

struct rig {
	struct fake_virtio *fv;
	struct vireo_port_config cfg;
	struct vireo_pool *pool;
	struct vireo_port *port;
	struct vireo_rxq *rxq;
	struct vireo_txq *txq;
};

/* Whether the rings are packed: each program runs with both kinds. */
bool rig_packed(void);
/* For tests of what only a split ring can be made to say. */
#define SPLIT_ONLY()                                                                                    \
	do {                                                                                            \
		if (rig_packed())                                                                       \
			return;                                                                         \
	} while (0)
/* Whether the device promises to answer in order (RIG_IN_ORDER=N), with one answer for up to N buffers where it may. */
bool rig_in_order(void);
/* For tests of what such a device never says. */
#define ANY_ORDER_ONLY()                                                                                \
	do {                                                                                            \
		if (rig_in_order())                                                                     \
			return;                                                                         \
	} while (0)
/* A device and a pool of 512 buffers; change r->fv and r->cfg, then rig_start(). */
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
/* Buffers that are with nobody. */
unsigned rig_n_free(struct rig *r);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_SIM_H
#define IXGBE_SIM_H

/*
 * The driver on the model of the card: over a real socket, with the model in a thread of its own, and the test at the
 * other end of the wire.
 */

#include "unit.h"

#include <pthread.h>

#include <vireo/vireo.h>

#include "engine.h"
#include "ixgbe/model.h"

#define SIM_WIRE_ROOM 4096
#define SIM_FRAME_ROOM 16384

struct test_frame {
	uint32_t len, flags;
	uint8_t data[SIM_FRAME_ROOM];
};

/* The test's end of the wire. Frames wait in both directions. */
struct test_wire {
	struct sim_wire_end end;
	pthread_mutex_t lock;
	bool carrier, laser, unplugged;
	unsigned n_in, in_at;
	struct test_frame *in[SIM_WIRE_ROOM];
	unsigned n_out, out_at;
	struct test_frame *out[SIM_WIRE_ROOM];
	struct test_frame *given[64]; /* to the card, until it asks again */
	unsigned n_given;
};

struct sim_rig {
	struct ixgbe_model_config model;
	struct vireo_port_config cfg;
	struct vireo_pool_config pool_cfg;
	struct sim_engine *engine;
	struct sim_card *card;
	struct test_wire *wire;
	struct vireo_pool *pool;
	struct vireo_port *port;
	char path[108];
	const char *fault; /* from before it is opened */
	bool careless; /* the test provokes what the model complains of */
};

/* A card in shared or trap mode and a pool; change r->cfg, then sim_rig_start(). */
void sim_rig_create(struct sim_rig *r, bool trap);
/* Open, start, and wait for the link. */
void sim_rig_start(struct sim_rig *r);
int sim_rig_open(struct sim_rig *r);
/* The same again on the same card, after a close. */
int sim_rig_reopen(struct sim_rig *r);
/* The light at the end of the wire. */
void sim_rig_set_carrier(struct sim_rig *r, bool on);
void sim_rig_wait_link(struct sim_rig *r, bool up);
/* Close all; fails the test when a buffer did not come back. */
void sim_rig_destroy(struct sim_rig *r);

/* Have a frame arrive at the card. */
void sim_rig_arrive(struct sim_rig *r, const void *data, uint32_t len);
void sim_rig_arrive_damaged(struct sim_rig *r, const void *data, uint32_t len);
/* The next frame that left it, to be freed; NULL when none comes in time. */
struct test_frame *sim_rig_departed(struct sim_rig *r);
/* No frame leaves for a little while. */
bool sim_rig_is_silent(struct sim_rig *r);

/* Send one packet of one element per @part bytes, all of which must be taken in time. */
void sim_rig_send(struct sim_rig *r, struct vireo_pkt *pkts, unsigned n);
unsigned sim_rig_packet(struct sim_rig *r, const void *data, uint32_t len, uint32_t part, struct vireo_pkt *ret_pkts);
/* The next packet of RX queue @q, all its elements; 0 when none comes in time. */
unsigned sim_rig_receive(struct sim_rig *r, unsigned q, struct vireo_pkt *pkts, unsigned n);
/* Its bytes in one piece; frees it; returns the length. */
uint32_t sim_rig_flatten(const struct vireo_pkt *pkts, unsigned n, uint8_t *ret_data);

/* A fault of the model on or off; fails the test when there is none of that name. */
void sim_rig_fault(struct sim_rig *r, const char *name, bool on);
/* As somebody else may reset a card, behind the driver's back. */
void sim_rig_reset(struct sim_rig *r);
uint64_t sim_rig_counter(struct sim_rig *r, const char *name);
uint64_t sim_rig_xstat(struct sim_rig *r, const char *name);

#endif

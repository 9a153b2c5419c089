/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_MODEL_RIG_H
#define VIREO_TEST_MODEL_RIG_H

/*
 * The 82599 model without a driver: a test makes the accesses that a client's messages would make, in the same order as
 * the server (sync, then the access), holds the client's memory, and is the other end of the wire. Time is the test's.
 */

#include "unit.h"

#include <ixgbe_desc.h>
#include <ixgbe_regs.h>

#include "ixgbe/model.h"

#define RIG_IOVA       0x100000000ull
#define RIG_MEMORY     (8u << 20)
#define RIG_RINGS      0x0 /* RX rings, 128 KiB apart, then TX rings, as many */
#define RIG_RING_GAP   0x20000
#define RIG_BUFFERS    0x400000 /* the second half */
#define RIG_MAX_FRAMES 4096

struct rig_frame {
	uint8_t *data;
	uint32_t len, flags;
};

struct rig {
	struct sim_device *dev;
	uint64_t now_ns;
	uint8_t *memory; /* at RIG_IOVA for the card */
	uint8_t *shared; /* the client's view of BAR0; NULL in trap mode */
	int fd;

	struct sim_wire_end end;
	bool carrier, laser, unplugged;
	struct rig_frame in[RIG_MAX_FRAMES], out[RIG_MAX_FRAMES]; /* on their way to the card, and what it has sent */
	unsigned n_in, at_in, n_out;
};

struct rig *rig_create(const struct ixgbe_model_config *cfg);
void rig_destroy(struct rig *rig);

/* Messages of a client. */
uint32_t rig_read(struct rig *rig, uint32_t off);
void rig_write(struct rig *rig, uint32_t off, uint32_t value);
/* What a driver does on a page that it has mapped; a message in trap mode. */
uint32_t rig_peek(struct rig *rig, uint32_t off);
void rig_poke(struct rig *rig, uint32_t off, uint32_t value);

/* Time passes, and the card has @turns turns in it. */
void rig_run(struct rig *rig, uint64_t ns, unsigned turns);
void rig_settle(struct rig *rig); /* turns until nothing moves */

uint64_t rig_counter(struct rig *rig, const char *name);

/* The wire: frames are copied. */
void rig_arrive(struct rig *rig, const void *data, uint32_t len, uint32_t flags);
void rig_forget(struct rig *rig); /* what was sent so far */

/* Bus mastering, link reset, and wait until the link is up; then receive and transmit units on. */
void rig_bring_up(struct rig *rig);
/* Queue @q with @n descriptors and buffers of @kib KiB, enabled, and all descriptors but one given to the card. */
void rig_rx_queue(struct rig *rig, unsigned q, unsigned n, unsigned kib, uint32_t srrctl);
void rig_tx_queue(struct rig *rig, unsigned q, unsigned n, uint32_t txdctl);
union ixgbe_rx_desc *rig_rx_ring(struct rig *rig, unsigned q);
union ixgbe_tx_desc *rig_tx_ring(struct rig *rig, unsigned q);
/* The buffer of a descriptor, as rig_rx_queue() has laid them out; TX buffers of 16 KiB, 64 of them. */
uint8_t *rig_rx_buffer(struct rig *rig, unsigned q, unsigned i);
uint8_t *rig_tx_buffer(struct rig *rig, unsigned i);
uint64_t rig_iova(const struct rig *rig, const void *p);
/* One packet in one plain descriptor at the tail; returns the descriptor's index. */
unsigned rig_send(struct rig *rig, unsigned q, const void *data, uint32_t len);
/* Any descriptor at the tail, and the tail moved behind it. */
unsigned rig_put(struct rig *rig, unsigned q, const union ixgbe_tx_desc *desc);

/* A frame of @len bytes to @mac (NULL: the card's) that no filter of headers cares about, its bytes made from @seed. */
void rig_frame(uint8_t *frame, uint32_t len, const uint8_t *mac, unsigned seed);

extern const uint8_t rig_mac[6];

#endif

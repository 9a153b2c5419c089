/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_VIRTIO_H
#define FAKE_VIRTIO_H

/*
 * The device side of virtio-net, on top of the fake bus: registers with their handlers, and rings that are reached through
 * the device's own DMA maps. It shares no code with the driver, only the two headers that say what the specification
 * says. Receive and transmit touch no common state, so each may run in a thread of its own.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fake_bus.h"
#include "virtio/virtio_desc.h"
#include "virtio/virtio_regs.h"

#define FV_MAX_QUEUES 16
#define FV_MAX_CHAIN  128
#define FV_FRAME_MAX  70000

/* One virtqueue as the device knows it. */
struct fv_queue {
	uint16_t max_size;
	uint16_t size;
	uint16_t vector;
	bool enabled;
	uint64_t desc, avail, used;
	uint16_t next_avail; /* next entry of the available ring to take; packed: places, counted without end */
	uint16_t next_used;  /* next place in the used ring; packed: likewise */
	uint16_t n_shown;    /* packed: places given back that the driver can see */
	uint16_t unshown;    /* packed: the flags of the first one that it cannot */
	uint16_t *chain_n;   /* by id, how many descriptors the chain has */
	uint32_t *chain_room;/* by id, how much of it is to be written to */
	uint16_t next_desc;  /* IN_ORDER: the descriptor that comes next */
	uint16_t batch_at;   /* IN_ORDER: where the answer for the open batch goes, */
	uint16_t batch_n;    /* how many buffers it has so far; 0: none is open */
	uint32_t batch_id, batch_len; /* and what it says */
	atomic_uint n_kicks;
};

/* One chain that the driver offered, as pointers. */
struct fv_chain {
	uint16_t id;
	unsigned n;
	struct {
		uint8_t *va;
		uint32_t len;
		bool writable;
	} parts[FV_MAX_CHAIN];
};

enum fv_answer {
	FV_ANSWER_OK,
	FV_ANSWER_ERROR,
	FV_ANSWER_NONE,
	FV_ANSWER_WRONG_ID,
};

#define FV_MAX_MACS 64

struct fake_virtio {
	struct fake_device *bus;

	/* What it is; changed before it is opened. */
	uint64_t offered;
	uint16_t n_queues;
	uint8_t mac[6];
	uint16_t link;           /* the status field */
	uint16_t max_pairs;
	uint16_t mtu;
	uint32_t speed;
	uint8_t duplex;
	uint16_t notify_off[FV_MAX_QUEUES];
	uint16_t n_vectors;      /* that it lets queues have */

	/* How it misbehaves. */
	bool reset_never_ends;
	bool refuses_features;
	bool restless;           /* the configuration changes while it is read */
	enum fv_answer answer;
	unsigned batch_max;      /* IN_ORDER: one answer for so many buffers, where that is allowed; below 2: one for each */
	bool quiet;              /* count what the driver must not do, without naming it: the test provokes it */

	/* How it stands. */
	uint8_t status;
	uint64_t accepted;
	uint32_t device_select, driver_select;
	uint16_t queue_select;
	uint16_t config_vector;
	uint8_t generation;
	unsigned n_resets;
	struct fv_queue queues[FV_MAX_QUEUES];
	atomic_uint n_violations; /* things that a driver must not do; what is in the log says which */

	/* What the control queue was told. */
	unsigned n_commands;
	bool promisc, allmulti;
	uint8_t set_mac[6];
	uint32_t n_unicast, n_multicast;
	uint8_t unicast[FV_MAX_MACS][6], multicast[FV_MAX_MACS][6];
	uint8_t vlans[4096];
	uint16_t pairs;
};

/* A modern device "fake:NAME" with one pair and a control queue, all features, 4 vectors, behind an IOMMU. */
struct fake_virtio *fake_virtio_create(const char *name);
void fake_virtio_destroy(struct fake_virtio *fv);
/* The capabilities of a well-made device; called by create. */
void fake_virtio_add_caps(struct fake_virtio *fv);
/* Forget all capabilities, to put others in place. */
void fake_virtio_remove_caps(struct fake_virtio *fv);
/* One capability at @at in config space, in front of the list. */
void fake_virtio_add_cap(struct fake_virtio *fv, uint8_t at, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length);
/* The device gives up (2.1.2). */
void fake_virtio_needs_reset(struct fake_virtio *fv);
void fake_virtio_set_link(struct fake_virtio *fv, bool up);

/* Rings, piece by piece. */

/* Take the next chain; false when there is none. What cannot be reached or makes no sense is a violation. */
bool fv_pop(struct fake_virtio *fv, unsigned q, struct fv_chain *ret_chain);
/* Chains that are offered and not taken. */
unsigned fv_available(struct fake_virtio *fv, unsigned q);
/*
 * Write an entry into the used ring without showing it, and show everything that was written. With batches an entry is
 * written when the batch ends: it is as long as it may be, or holds a buffer that was not written to its end, or is shown.
 */
void fv_put_used(struct fake_virtio *fv, unsigned q, uint32_t id, uint32_t len);
void fv_show_used(struct fake_virtio *fv, unsigned q);
/* Show this index instead. */
void fv_show_index(struct fake_virtio *fv, unsigned q, uint16_t idx);
void fv_set_no_notify(struct fake_virtio *fv, unsigned q, bool on);
/* The driver's wish for interrupts. */
bool fv_wants_interrupt(struct fake_virtio *fv, unsigned q);

/* Whole frames, as a well-behaved device. */

/*
 * Deliver a frame with its header to RX queue @q (0, 2, ...). num_buffers is filled in. False when there are not
 * enough buffers. Not shown before fv_show_used().
 */
bool fv_receive(struct fake_virtio *fv, unsigned q, const struct virtio_net_hdr *hdr, const void *frame, uint32_t len);
/* The same for a plain frame, shown at once, with the interrupt if one is wanted. */
bool fv_receive_plain(struct fake_virtio *fv, unsigned q, const void *frame, uint32_t len);

struct fv_frame {
	struct virtio_net_hdr hdr;
	uint32_t len;
	unsigned n_descs;
	uint16_t id;
	uint8_t data[FV_FRAME_MAX];
};

/* Take the next frame of TX queue @q (1, 3, ...) and complete its checksum; not given back yet. */
bool fv_take(struct fake_virtio *fv, unsigned q, struct fv_frame *ret_frame);
/* The same, given back at once. */
bool fv_send(struct fake_virtio *fv, unsigned q, struct fv_frame *ret_frame);

#endif

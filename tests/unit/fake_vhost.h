/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_VHOST_H
#define FAKE_VHOST_H

/*
 * The other process of a vhost-user port, as a thread: it maps what is shared with it and sends every frame of a transmit
 * ring back through the receive ring of the same pair. It shares no code with the library.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VB_MAX_QUEUES 16
#define VB_MAX_MAPS   8

enum vb_fault {
	VB_NONE,
	VB_HANG_UP,     /* when message fault_at arrives, instead of handling it; 0: whichever arrives */
	VB_WRONG_REPLY, /* to every question */
	VB_SHORT_REPLY,
	VB_SILENT,
	VB_REFUSE,      /* every acknowledgement says no */
};

struct vb_map {
	uint64_t iova, size, user;
	uint8_t *va;
	void *base;
	uint64_t base_size;
};

struct vb_queue {
	uint32_t size;
	uint64_t desc, avail, used; /* in the other process's addresses */
	uint16_t next_avail, next_used; /* split: counts; packed: places, modulo twice the size */
	int kick_fd, call_fd;
	bool enabled, running;
	uint16_t held, held_places, held_id; /* frames whose answer is held back for a batch */
};

struct fake_vhost {
	/* What it is; set before it starts. */
	char path[108];
	bool connects;    /* instead of listening */
	uint64_t features, protocol;
	unsigned n_pairs;
	bool batches;     /* with IN_ORDER: one answer for all frames of a transmit ring that are there */
	enum vb_fault fault;
	int fault_at;
	uint32_t fault_request; /* only requests of this kind are counted for fault_at; 0: all */

	/* How it stands; read after fake_vhost_stop(), or the atomics at any time. */
	atomic_uint n_messages, n_counted, n_looped, n_tables, n_enabled;
	atomic_bool ready; /* the first pair runs */
	uint64_t accepted;
	unsigned n_maps, n_owners;
	struct vb_map maps[VB_MAX_MAPS];
	struct vb_queue queues[VB_MAX_QUEUES];

	pthread_t thread;
	atomic_bool stop;
	int listen_fd, fd;
};

/* Everything that our driver uses, protocol features with several queues and acknowledgements, one pair; not started. */
void fake_vhost_init(struct fake_vhost *vb, const char *path);
void fake_vhost_start(struct fake_vhost *vb);
/* As a process that is killed: the connection ends wherever it is. The socket in the file system stays behind. */
void fake_vhost_stop(struct fake_vhost *vb);

#endif

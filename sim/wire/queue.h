/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_WIRE_QUEUE_H
#define SIM_WIRE_QUEUE_H

/*
 * Frames on their way: a bounded ring of bytes into which each frame is copied once, and read where it lies. One thread
 * puts, one takes. Each frame may have a time before which it cannot be taken.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../wire.h"

struct frame_queue {
	uint8_t *mem;
	uint32_t size; /* a power of two */

	/* The putter's line. Positions count bytes and never wrap. */
	_Alignas(64) uint64_t head; /* written here with release: the frames before it are complete */
	uint64_t tail_seen;

	/* The taker's line. */
	_Alignas(64) uint64_t tail; /* written here with release: what lies before it may be overwritten */
	uint64_t read;              /* taken, but still looked at */
	uint64_t head_seen;
};

/* Room for about @bytes, rounded up to a power of two. -ENOMEM. */
int frame_queue_init(struct frame_queue *q, uint32_t bytes);
void frame_queue_free(struct frame_queue *q);

/* A place for a frame of @len bytes, which frame_queue_put() publishes; NULL when it is full. */
uint8_t *frame_queue_room(struct frame_queue *q, uint32_t len);
void frame_queue_put(struct frame_queue *q, uint32_t len, uint32_t flags, uint64_t due_ns);

/*
 * Up to @n frames that are due at @now_ns; those of the call before are given back. With @n 0 nothing changes hands.
 */
unsigned frame_queue_take(struct frame_queue *q, struct sim_frame *frames, unsigned n, uint64_t now_ns);
/* Whether there is nothing to take, now or later; the taker's. */
bool frame_queue_is_empty(struct frame_queue *q);
/* The taker wants none of what is there. */
void frame_queue_drop_all(struct frame_queue *q);
/* Bytes that are in use, seen by the putter. */
uint64_t frame_queue_used(struct frame_queue *q);

#endif

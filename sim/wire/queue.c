// SPDX-License-Identifier: BSD-2-Clause
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "queue.h"

/* In front of each frame; frames begin at multiples of its size. */
struct slot {
	uint32_t len; /* SKIP: nothing more up to the end of the ring */
	uint32_t flags;
	uint64_t due_ns;
};

#define SKIP UINT32_MAX

static_assert(sizeof(struct slot) == 16, "slots tile the ring");

static uint64_t slot_size(uint32_t len)
{
	return sizeof(struct slot) + ((len + sizeof(struct slot) - 1) & ~(uint64_t)(sizeof(struct slot) - 1));
}

static struct slot *slot_at(const struct frame_queue *q, uint64_t position)
{
	return (struct slot *)(q->mem + (position & (q->size - 1)));
}

int frame_queue_init(struct frame_queue *q, uint32_t bytes)
{
	*q = (struct frame_queue){.size = 4096};
	while (q->size < bytes)
		q->size *= 2;
	q->mem = aligned_alloc(64, q->size);
	return q->mem ? 0 : -ENOMEM;
}

void frame_queue_free(struct frame_queue *q)
{
	free(q->mem);
	q->mem = NULL;
}

static bool has_room(struct frame_queue *q, uint64_t need)
{
	if (q->head + need - q->tail_seen <= q->size)
		return true;
	/* What the taker has read before it moved the tail is read: acquire pairs with its release. */
	q->tail_seen = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);
	return q->head + need - q->tail_seen <= q->size;
}

uint8_t *frame_queue_room(struct frame_queue *q, uint32_t len)
{
	uint64_t need = slot_size(len), left = q->size - (q->head & (q->size - 1));

	if (left < need) {
		if (need > q->size || !has_room(q, left + need))
			return NULL;
		*slot_at(q, q->head) = (struct slot){.len = SKIP};
		/* The taker must not see the new head before the mark. */
		__atomic_store_n(&q->head, q->head + left, __ATOMIC_RELEASE);
	} else if (!has_room(q, need)) {
		return NULL;
	}
	return (uint8_t *)(slot_at(q, q->head) + 1);
}

void frame_queue_put(struct frame_queue *q, uint32_t len, uint32_t flags, uint64_t due_ns)
{
	*slot_at(q, q->head) = (struct slot){.len = len, .flags = flags, .due_ns = due_ns};
	/* The frame is complete before the taker sees the new head. */
	__atomic_store_n(&q->head, q->head + slot_size(len), __ATOMIC_RELEASE);
}

/* The next slot, or NULL. */
static struct slot *next_slot(struct frame_queue *q)
{
	for (;;) {
		struct slot *s;

		if (q->read == q->head_seen) {
			q->head_seen = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE);
			if (q->read == q->head_seen)
				return NULL;
		}
		s = slot_at(q, q->read);
		if (s->len != SKIP)
			return s;
		q->read += q->size - (q->read & (q->size - 1));
	}
}

unsigned frame_queue_take(struct frame_queue *q, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	unsigned taken = 0;
	struct slot *s;

	if (!n)
		return 0;
	/* Nobody reads what was taken before any more when the putter sees the new tail. */
	if (q->tail != q->read)
		__atomic_store_n(&q->tail, q->read, __ATOMIC_RELEASE);
	while (taken < n && (s = next_slot(q)) && s->due_ns <= now_ns) {
		frames[taken++] = (struct sim_frame){
			.data = (const uint8_t *)(s + 1),
			.len = s->len,
			.flags = s->flags,
		};
		q->read += slot_size(s->len);
	}
	return taken;
}

bool frame_queue_is_empty(struct frame_queue *q)
{
	return !next_slot(q);
}

void frame_queue_drop_all(struct frame_queue *q)
{
	q->read = q->head_seen = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE);
	__atomic_store_n(&q->tail, q->read, __ATOMIC_RELEASE);
}

uint64_t frame_queue_used(struct frame_queue *q)
{
	q->tail_seen = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);
	return q->head - q->tail_seen;
}

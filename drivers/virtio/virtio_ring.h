/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_RING_H
#define VIRTIO_RING_H

/*
 * A split virtqueue (VIRTIO 1.2, 2.7): descriptors, the ring that offers them to the device and the ring in which it
 * gives them back. Pure memory: where it lies, who is told about it and what the buffers hold is decided elsewhere.
 * Nothing that we rely on is kept where the device can write.
 */

#include <stdbool.h>
#include <stddef.h>

#include "io.h"
#include "virtio_desc.h"

#define VIRTQ_MAX_SIZE 32768

/* Where the parts lie in one piece of memory; each starts on a cache line of its own. */
struct virtq_layout {
	size_t avail;
	size_t used;
	size_t size;
};

/*
 * Descriptors that are free stand in free_ids as a queue. A device that answers in order, as they all do unless
 * provoked, makes it run through the descriptor table from start to end over and over.
 */
struct virtq {
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t *free_ids;
	uint16_t mask;      /* number of descriptors - 1 */
	uint16_t avail_idx; /* heads offered so far; the device sees it after virtq_publish() */
	uint16_t used_idx;  /* heads taken back so far */
	uint16_t free_head; /* next id to take out of free_ids */
	uint16_t free_tail; /* where the next one is put in */
};

/* @size: a power of two up to VIRTQ_MAX_SIZE. */
void virtq_layout(unsigned size, struct virtq_layout *ret_layout);
/* @mem: virtq_layout() bytes, aligned to 64; @free_ids: room for @size. The queue is reset. */
void virtq_init(struct virtq *vq, unsigned size, void *mem, uint16_t *free_ids);
/* As after init: nothing offered, every descriptor free, interrupts off. The device must not know the queue any more. */
void virtq_reset(struct virtq *vq);

static inline unsigned virtq_size(const struct virtq *vq)
{
	return vq->mask + 1u;
}

static inline unsigned virtq_n_free(const struct virtq *vq)
{
	return (uint16_t)(vq->free_tail - vq->free_head);
}

/* Guarantees to the caller only what virtq_n_free() said. */
static inline uint16_t virtq_take_id(struct virtq *vq)
{
	return vq->free_ids[vq->free_head++ & vq->mask];
}

static inline void virtq_put_id(struct virtq *vq, uint16_t id)
{
	vq->free_ids[vq->free_tail++ & vq->mask] = id;
}

static inline void virtq_set_desc(struct virtq *vq, uint16_t id, uint64_t iova, uint32_t len, uint16_t flags)
{
	struct virtq_desc *d = &vq->desc[id];

	d->iova = iova;
	d->len = len;
	d->flags = flags;
}

/* Offer the chain that starts with @id; the store is left out when it changes nothing, as the device reads that line too. */
static inline void virtq_offer(struct virtq *vq, uint16_t id)
{
	uint16_t *slot = &vq->avail->ring[vq->avail_idx++ & vq->mask];

	if (*slot != id)
		*slot = id;
}

/* Everything that was offered, and what it points to, becomes visible to the device. */
static inline void virtq_publish(struct virtq *vq)
{
	io_store_release(&vq->avail->idx, vq->avail_idx);
}

/*
 * After virtq_publish(): does the device want to be told? 2.7.13.4.1: the index must be visible before the flag is
 * read, or both sides may go to sleep, each believing that the other one is awake.
 */
static inline bool virtq_wants_kick(const struct virtq *vq)
{
	io_full_barrier();
	return !(io_load_relaxed(&vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

/*
 * How many heads the device has given back and we have not looked at; everything that it wrote before is visible.
 * -1 when it claims more than it was ever offered: its index ran backwards or too far.
 */
static inline int virtq_pending(const struct virtq *vq)
{
	uint16_t pending = io_load_acquire(&vq->used->idx) - vq->used_idx;

	if (__builtin_expect(pending > (uint16_t)(vq->avail_idx - vq->used_idx), 0))
		return -1;
	return pending;
}

/* Read the used element @ahead places after the next one, each word exactly once; it holds whatever the device wrote. */
static inline struct virtq_used_elem virtq_peek(const struct virtq *vq, unsigned ahead)
{
	const struct virtq_used_elem *e = &vq->used->ring[(vq->used_idx + ahead) & vq->mask];

	return (struct virtq_used_elem){ io_load_relaxed(&e->id), io_load_relaxed(&e->len) };
}

static inline void virtq_set_interrupts(struct virtq *vq, bool on)
{
	io_store_relaxed(&vq->avail->flags, on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT);
}

#endif

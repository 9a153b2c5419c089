/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_RING_H
#define VIRTIO_RING_H

/*
 * A virtqueue (VIRTIO 1.2), of either kind: split (2.7) has descriptors, a ring that offers them to the device and one in
 * which it gives them back; packed (2.8) has one ring of descriptors that both sides write. Pure memory: where it lies,
 * who is told about it and what the buffers hold is decided elsewhere. Nothing that we rely on is kept where the device
 * can write.
 *
 * Functions that a burst calls take the kind as an argument, a constant there, so each kind gets loops of its own.
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
 * A descriptor's id is its number in the table; in a packed ring an id names what we keep of a buffer, and its place is the
 * next one in the ring. A chain takes as many ids as it has descriptors, and goes by the first.
 *
 * As long as the device answers in order, as they all do unless provoked, ids are "natural": they come and go in the order
 * of the table, the next one to take is free_head, the oldest that is out is free_tail, and in a packed ring id and place are
 * the same. Bursts rely on it, and compare what the device says with what it must say then. The first answer out of order
 * ends that: free ids stand in free_ids as a queue from then on, and are found there one by one. With IN_ORDER (2.7.9,
 * 2.8.8) ids stay natural, and one answer may stand for a batch of buffers.
 *
 * Counts run without end. Since the size is a power of two, the bit of a packed ring's count above the mask is the wrap
 * counter of 2.8.1, upside down.
 */
struct virtq {
	union {
		struct virtq_desc *desc;
		struct virtq_packed_desc *packed_desc;
	};
	union {
		struct virtq_avail *avail;
		struct virtq_event *driver_event;
	};
	union {
		struct virtq_used *used;
		struct virtq_event *device_event;
	};
	uint16_t *free_ids; /* while ids are natural, every one at its own number */
	uint16_t mask;      /* number of descriptors - 1 */
	uint16_t avail_idx; /* split: heads offered so far, seen after virtq_publish(); packed: places */
	uint16_t used_idx;  /* split: heads taken back so far; packed: places */
	uint16_t free_head; /* next id to take out of free_ids */
	uint16_t free_tail; /* where the next one is put in */
	uint16_t batch;     /* in order: buffers that the last answer gave back and we did not take yet */
	bool packed;
	bool in_order;      /* the device promised it */
	bool natural;
	bool straight;      /* split: and each id stands in the slot of the available ring that has its number */
	uint32_t batch_len; /* what the device wrote into the last one of the batch */
};

/* @size: a power of two up to VIRTQ_MAX_SIZE. */
void virtq_layout(unsigned size, struct virtq_layout *ret_layout);
/* @mem: virtq_layout() bytes, aligned to 64; @free_ids: room for @size. The queue is reset. */
void virtq_init(struct virtq *vq, unsigned size, void *mem, uint16_t *free_ids);
/*
 * As after init, of the kind that vq->packed and vq->in_order say: nothing offered, every descriptor free, interrupts off. The
 * device must not know the queue any more.
 */
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

/* Of a queue that is not natural any more, or the very id that is next. */
static inline void virtq_put_id(struct virtq *vq, uint16_t id)
{
	vq->free_ids[vq->free_tail++ & vq->mask] = id;
}

/* The device answered out of order. */
static inline void virtq_shuffle(struct virtq *vq)
{
	vq->natural = vq->straight = false;
}

/* Everything is free again, so order can begin anew. */
void virtq_unshuffle(struct virtq *vq);

/* The id that is given back next, as long as they are natural. */
static inline uint16_t virtq_next_id(const struct virtq *vq)
{
	return vq->free_tail & vq->mask;
}

/* How many of @n that begin with number @at do not go around the ring's end. */
static inline unsigned virtq_in_one_piece(const struct virtq *vq, unsigned at, unsigned n)
{
	unsigned to_end = virtq_size(vq) - at;

	return n < to_end ? n : to_end;
}

/* --- packed: the places of the ring ------------------------------------------------------------------------------- */

#define VIRTQ_PACKED_TURN (VIRTQ_PACKED_F_AVAIL | VIRTQ_PACKED_F_USED)

/* 2.8.1: the flags that hand place @idx to the device. */
static inline uint16_t virtq_avail_flags(const struct virtq *vq, uint16_t idx)
{
	return idx & (vq->mask + 1u) ? VIRTQ_PACKED_F_USED : VIRTQ_PACKED_F_AVAIL;
}

/* Their opposite: how a place looks that the device has given back. */
static inline uint16_t virtq_used_flags(const struct virtq *vq, uint16_t idx)
{
	return idx & (vq->mask + 1u) ? 0 : VIRTQ_PACKED_TURN;
}

/* Taken off the second word that hands over place @idx, it leaves the flags that a place has which is not the device's. */
static inline uint64_t virtq_hold(const struct virtq *vq, uint16_t idx)
{
	unsigned before = VIRTQ_PACKED_TURN ^ virtq_used_flags(vq, idx);

	return (uint64_t)(virtq_avail_flags(vq, idx) - before) << VIRTQ_PACKED_FLAGS_SHIFT;
}

/*
 * What a place says but for its address, as one word: length, id and flags. Everything that the device wrote before the
 * flags is visible.
 */
static inline uint64_t virtq_load_place(const struct virtq_packed_desc *d)
{
	/* The processors that we know bring all of an aligned word; the thread sanitizer wants to see what orders it. */
#if !defined(__x86_64__) || defined(__SANITIZE_THREAD__)
	(void)io_load_acquire(&d->flags);
	return io_load_relaxed(&d->second);
#else
	return io_load_acquire(&d->second);
#endif
}

/* 2.8.21: all of a place is written but the word that hands it over. */
static inline void virtq_hand_over(struct virtq_packed_desc *d, uint64_t second)
{
#if !defined(__x86_64__) || defined(__SANITIZE_THREAD__)
	d->len = (uint32_t)second;
	d->id = (uint16_t)(second >> VIRTQ_PACKED_ID_SHIFT);
	io_store_release(&d->flags, (uint16_t)(second >> VIRTQ_PACKED_FLAGS_SHIFT));
#else
	io_store_release(&d->second, second);
#endif
}

/* The device has given back the place that lies @ahead of the next one; what it wrote there before is visible. */
static inline bool virtq_is_used(const struct virtq *vq, unsigned ahead)
{
	uint16_t idx = (uint16_t)(vq->used_idx + ahead);
	uint16_t flags = io_load_acquire(&vq->packed_desc[idx & vq->mask].flags);

	return (flags & VIRTQ_PACKED_TURN) == virtq_used_flags(vq, idx);
}

/* Places that the device has. */
static inline unsigned virtq_n_outstanding(const struct virtq *vq)
{
	return (uint16_t)(vq->avail_idx - vq->used_idx);
}

/* --- offering ----------------------------------------------------------------------------------------------------- */

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

/* The next place, without the flags that hand it over; returns what these are. */
static inline uint16_t virtq_fill_place(struct virtq *vq, uint16_t id, uint64_t iova, uint32_t len)
{
	uint16_t idx = vq->avail_idx++;
	struct virtq_packed_desc *d = &vq->packed_desc[idx & vq->mask];

	d->iova = iova;
	d->len = len;
	d->id = id;
	return virtq_avail_flags(vq, idx);
}

/* Offer one descriptor by itself, with an id that was taken for it. */
static inline void virtq_add(struct virtq *vq, const bool packed, uint16_t id, uint64_t iova, uint32_t len,
			     uint16_t flags)
{
	if (packed) {
		uint16_t *at = &vq->packed_desc[vq->avail_idx & vq->mask].flags;

		flags |= virtq_fill_place(vq, id, iova, len);
		/* 2.8.21: the flags last, since they hand it over. */
		io_store_release(at, flags);
	} else {
		virtq_set_desc(vq, id, iova, len, flags);
		virtq_offer(vq, id);
	}
}

/* A chain that grows at its end, and that the device sees as a whole or not at all. */
struct virtq_chain {
	uint16_t first, last;   /* ids */
	uint16_t first_place;   /* packed: its first place, */
	uint16_t first_flags;   /* and what will be written there at last */
	uint16_t n;
};

/* Guarantees to the caller only what virtq_n_free() said; returns the id that was taken. */
uint16_t virtq_chain_add(struct virtq *vq, struct virtq_chain *c, uint64_t iova, uint32_t len, uint16_t flags);
void virtq_chain_offer(struct virtq *vq, const struct virtq_chain *c);

/* Everything that was offered, and what it points to, becomes visible to the device; in a packed ring it is already. */
static inline void virtq_publish(struct virtq *vq)
{
	if (!vq->packed)
		io_store_release(&vq->avail->idx, vq->avail_idx);
}

/*
 * After virtq_publish(): does the device want to be told? 2.7.13.4.1, 2.8.21.3.1: what was offered must be visible before
 * the flag is read, or both sides may go to sleep, each believing that the other one is awake.
 */
static inline bool virtq_wants_kick(const struct virtq *vq)
{
	io_full_barrier();
	if (vq->packed)
		return io_load_relaxed(&vq->device_event->flags) != VIRTQ_EVENT_F_DISABLE;
	return !(io_load_relaxed(&vq->used->flags) & VIRTQ_USED_F_NO_NOTIFY);
}

/* --- taking back -------------------------------------------------------------------------------------------------- */

/*
 * Split: how many heads the device has given back and we have not looked at; everything that it wrote before is visible.
 * -1 when it claims more than it was ever offered: its index ran backwards or too far.
 */
static inline int virtq_split_pending(const struct virtq *vq)
{
	uint16_t pending = io_load_acquire(&vq->used->idx) - vq->used_idx;

	if (__builtin_expect(pending > (uint16_t)(vq->avail_idx - vq->used_idx), 0))
		return -1;
	return pending;
}

/* Of a queue of which the device has something: whether it gave back any of it; -1 when its index cannot be true. */
static inline int virtq_has_any(const struct virtq *vq, const bool packed)
{
	return packed ? virtq_is_used(vq, 0) : virtq_split_pending(vq);
}

/*
 * Read the used element @ahead places after the next one, each word exactly once; it holds whatever the device wrote. In a
 * packed ring it must be used.
 */
static inline struct virtq_used_elem virtq_peek(const struct virtq *vq, const bool packed, unsigned ahead)
{
	unsigned place = (vq->used_idx + ahead) & vq->mask;
	const struct virtq_packed_desc *d = &vq->packed_desc[place];
	const struct virtq_used_elem *e;

	if (packed)
		return (struct virtq_used_elem){io_load_relaxed(&d->id), io_load_relaxed(&d->len)};
	e = &vq->used->ring[place];
	return (struct virtq_used_elem){io_load_relaxed(&e->id), io_load_relaxed(&e->len)};
}

/* One by one, for queues whose buffers have one descriptor each; of either kind, in order or not. */

/* A buffer of a batch into which the device wrote as much as there was room for: 2.7.9, 2.8.8. */
#define VIRTQ_LEN_FULL UINT32_MAX

/* Whether @n buffers were given back; -1 when the device's index cannot be true. */
int virtq_has_used(const struct virtq *vq, unsigned n);
/*
 * The next one, which was given back: its id, and how much was written, or VIRTQ_LEN_FULL. It holds whatever the device
 * wrote; in order the id is right, and the length 0 where the device's answer cannot be true.
 */
struct virtq_used_elem virtq_first(struct virtq *vq);
/* The next one is taken. */
void virtq_pass(struct virtq *vq);

static inline void virtq_set_interrupts(struct virtq *vq, bool on)
{
	if (vq->packed)
		io_store_relaxed(&vq->driver_event->flags, on ? VIRTQ_EVENT_F_ENABLE : VIRTQ_EVENT_F_DISABLE);
	else
		io_store_relaxed(&vq->avail->flags, on ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT);
}

#endif

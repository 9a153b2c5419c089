// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "virtio_ring.h"

#define LINE	   64
#define LINE_UP(n) (((n) + LINE - 1) & ~(size_t)(LINE - 1))

void virtq_layout(unsigned size, struct virtq_layout *ret_layout)
{
	/*
	 * 2.7: each ring ends with 16 bits for the event index, also when that feature is off. What a packed ring needs fits
	 * into the same places.
	 */
	size_t avail_size = sizeof(struct virtq_avail) + size * sizeof(uint16_t) + sizeof(uint16_t);
	size_t used_size = sizeof(struct virtq_used) + size * sizeof(struct virtq_used_elem) + sizeof(uint16_t);

	ret_layout->avail = LINE_UP(size * sizeof(struct virtq_desc));
	ret_layout->used = LINE_UP(ret_layout->avail + avail_size);
	ret_layout->size = LINE_UP(ret_layout->used + used_size);
}

void virtq_init(struct virtq *vq, unsigned size, void *mem, uint16_t *free_ids)
{
	struct virtq_layout layout;

	virtq_layout(size, &layout);
	vq->desc = mem;
	vq->avail = (void *)((char *)mem + layout.avail);
	vq->used = (void *)((char *)mem + layout.used);
	vq->free_ids = free_ids;
	vq->mask = size - 1;
	vq->packed = vq->in_order = false;
	virtq_reset(vq);
}

static void start_order(struct virtq *vq)
{
	for (unsigned i = 0; i < virtq_size(vq); i++)
		vq->free_ids[i] = (uint16_t)i;
	vq->natural = true;
}

void virtq_reset(struct virtq *vq)
{
	unsigned size = virtq_size(vq);
	struct virtq_layout layout;

	virtq_layout(size, &layout);
	memset(vq->desc, 0, layout.size);
	start_order(vq);
	/* The device looks at no slot before it is offered; most rings never need another id in it. */
	vq->straight = !vq->packed;
	for (unsigned i = 0; vq->straight && i < size; i++)
		vq->avail->ring[i] = (uint16_t)i;
	vq->avail_idx = 0;
	vq->used_idx = 0;
	vq->free_head = 0;
	vq->free_tail = (uint16_t)size;
	vq->batch = 0;
	virtq_set_interrupts(vq, false);
}

void virtq_unshuffle(struct virtq *vq)
{
	start_order(vq);
}

static uint16_t split_add(struct virtq *vq, struct virtq_chain *c, uint64_t iova, uint32_t len, uint16_t flags)
{
	uint16_t id = virtq_take_id(vq);

	if (c->n) {
		vq->desc[c->last].flags |= VIRTQ_DESC_F_NEXT;
		vq->desc[c->last].next = id;
	}
	virtq_set_desc(vq, id, iova, len, flags);
	return id;
}

static uint16_t packed_add(struct virtq *vq, struct virtq_chain *c, uint64_t iova, uint32_t len, uint16_t flags)
{
	uint16_t id = virtq_take_id(vq), place = vq->avail_idx & vq->mask;

	/* 2.8.13: the device reads the id of the last descriptor; they all have that of the chain. */
	flags |= virtq_fill_place(vq, c->n ? c->first : id, iova, len);
	if (c->n == 0) {
		c->first_place = place;
		c->first_flags = flags;
		return id;
	}
	if (c->n == 1)
		c->first_flags |= VIRTQ_DESC_F_NEXT;
	else
		vq->packed_desc[(place - 1) & vq->mask].flags |= VIRTQ_DESC_F_NEXT;
	vq->packed_desc[place].flags = flags;
	return id;
}

uint16_t virtq_chain_add(struct virtq *vq, struct virtq_chain *c, uint64_t iova, uint32_t len, uint16_t flags)
{
	c->last = vq->packed ? packed_add(vq, c, iova, len, flags) : split_add(vq, c, iova, len, flags);
	if (c->n++ == 0)
		c->first = c->last;
	return c->last;
}

void virtq_chain_offer(struct virtq *vq, const struct virtq_chain *c)
{
	if (vq->packed) {
		io_store_release(&vq->packed_desc[c->first_place].flags, c->first_flags);
		return;
	}
	virtq_offer(vq, c->first);
	/* From now on ids are ahead of slots. */
	if (c->n > 1)
		vq->straight = false;
}

/* In order: how many buffers the answer gives back that stands @ahead places after the next one; 0 when it cannot be true. */
static unsigned batch_size(const struct virtq *vq, unsigned ahead)
{
	unsigned outstanding = (uint16_t)(vq->avail_idx - vq->used_idx) - ahead;
	uint32_t id = virtq_peek(vq, vq->packed, ahead).id;
	unsigned n = ((id - vq->used_idx - ahead) & vq->mask) + 1;

	return id <= vq->mask && n <= outstanding ? n : 0;
}

/* An answer that cannot be true is taken for one about one buffer. */
static bool has_used_in_order(const struct virtq *vq, unsigned n)
{
	unsigned seen = vq->batch;

	while (seen < n) {
		unsigned k;

		if (seen >= virtq_n_outstanding(vq) || !virtq_is_used(vq, seen))
			return false;
		k = batch_size(vq, seen);
		seen += k ? k : 1;
	}
	return true;
}

int virtq_has_used(const struct virtq *vq, unsigned n)
{
	int pending;

	if (vq->packed && vq->in_order)
		return has_used_in_order(vq, n);
	if (vq->packed)
		return n <= virtq_n_outstanding(vq) && virtq_is_used(vq, n - 1);
	pending = virtq_split_pending(vq);
	return pending < 0 ? pending : (unsigned)pending >= n;
}

struct virtq_used_elem virtq_first(struct virtq *vq)
{
	struct virtq_used_elem e = virtq_peek(vq, vq->packed, 0);

	if (!vq->in_order)
		return e;
	if (!vq->batch) {
		unsigned n = batch_size(vq, 0);
		bool good = n && (vq->packed || (int)n <= virtq_split_pending(vq));

		vq->batch = good ? (uint16_t)n : 1;
		/* What the device says is never the word for a full buffer. */
		vq->batch_len = good && e.len != VIRTQ_LEN_FULL ? e.len : 0;
	}
	return (struct virtq_used_elem){vq->used_idx & vq->mask, vq->batch > 1 ? VIRTQ_LEN_FULL : vq->batch_len};
}

void virtq_pass(struct virtq *vq)
{
	vq->used_idx++;
	if (vq->in_order)
		vq->batch--;
}

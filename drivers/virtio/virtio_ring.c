// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "virtio_ring.h"

#define LINE	   64
#define LINE_UP(n) (((n) + LINE - 1) & ~(size_t)(LINE - 1))

void virtq_layout(unsigned size, struct virtq_layout *ret_layout)
{
	/* 2.7: each ring ends with 16 bits for the event index, also when that feature is off. */
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
	virtq_reset(vq);
}

void virtq_reset(struct virtq *vq)
{
	unsigned size = virtq_size(vq);
	struct virtq_layout layout;

	virtq_layout(size, &layout);
	memset(vq->desc, 0, layout.size);
	for (unsigned i = 0; i < size; i++)
		vq->free_ids[i] = i;
	vq->avail_idx = 0;
	vq->used_idx = 0;
	vq->free_head = 0;
	vq->free_tail = size;
	virtq_set_interrupts(vq, false);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control queue of a vhost-user device: what a hypervisor does for a guest, we do for ourselves. The driver that
 * fills the queue is in this process, but nothing is believed all the same. VIRTIO 1.2, 2.7 and 5.1.6.5.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "io.h"
#include "vhost_user.h"

/* A command takes two descriptors; none of a driver's making takes more than these. */
#define MAX_CHAIN 8

static uint8_t run_command(struct vhost *v, const uint8_t *request, uint32_t len)
{
	uint16_t pairs;

	if (len < 2)
		return VIRTIO_NET_ERR;
	/* Everything arrives anyway: the other process knows no addresses. */
	if (request[0] == VIRTIO_NET_CTRL_RX)
		return VIRTIO_NET_OK;
	if (request[0] != VIRTIO_NET_CTRL_MQ || request[1] != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || len < 4)
		return VIRTIO_NET_ERR;
	memcpy(&pairs, request + 2, sizeof(pairs));
	return vhost_enable_pairs(v, pairs) ? VIRTIO_NET_ERR : VIRTIO_NET_OK;
}

/* What a chain asks, and where the answer goes. */
struct request {
	uint32_t len;
	uint8_t data[512];
	uint8_t *answer;
};

/* One part of a chain; false when it makes no sense. */
static bool add_part(struct vhost *v, struct request *r, uint64_t iova, uint32_t len, uint16_t flags)
{
	uint8_t *data = vhost_at(v, iova, len);

	if (!data || len == 0)
		return false;
	if (flags & VRING_DESC_F_WRITE) {
		r->answer = data;
		return true;
	}
	if (len > sizeof(r->data) - r->len)
		return false;
	memcpy(r->data + r->len, data, len);
	r->len += len;
	return true;
}

/* How many bytes were answered. */
static uint32_t answer(struct vhost *v, struct request *r)
{
	if (!r->answer)
		return 0;
	*r->answer = run_command(v, r->data, r->len);
	return 1;
}

static uint32_t handle_chain(struct vhost *v, const struct vring_desc *table, unsigned size, uint16_t head)
{
	struct request r = {0};

	for (unsigned i = 0, id = head; i < MAX_CHAIN && id < size; i++) {
		struct vring_desc d = table[id];

		if (!add_part(v, &r, d.addr, d.len, d.flags))
			return 0;
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
		id = d.next;
	}
	return answer(v, &r);
}

/* 2.8: whose turn a place is says its pair of bits, against a wrap counter that starts with 1. */
#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED  (1u << VRING_PACKED_DESC_F_USED)

static bool is_available(uint16_t flags, bool wrap)
{
	return (flags & (AVAIL | USED)) == (wrap ? AVAIL : USED);
}

static void kick_packed(struct vhost *v, const struct vhost_queue *q)
{
	struct vring_packed_desc *ring = vhost_at(v, q->desc, q->size * sizeof(*ring));

	while (ring) {
		struct vring_packed_desc *first = &ring[v->ctrl_seen % q->size], *d = first;
		bool wrap = !(v->ctrl_seen / q->size % 2), good = true;
		struct request r = {0};
		uint16_t flags = io_load_acquire(&first->flags), n = 0;

		if (!is_available(flags, wrap))
			return;
		for (;; flags = d->flags) {
			good = good && add_part(v, &r, d->addr, d->len, flags);
			if (!(flags & VRING_DESC_F_NEXT) || ++n == MAX_CHAIN)
				break;
			d = &ring[(v->ctrl_seen + n) % q->size];
		}
		first->id = d->id;
		first->len = good ? answer(v, &r) : 0;
		io_store_release(&first->flags, wrap ? AVAIL | USED : 0);
		v->ctrl_seen = (v->ctrl_seen + n + 1u) % (2u * q->size);
	}
}

static void kick_split(struct vhost *v, const struct vhost_queue *q)
{
	size_t avail_size = sizeof(struct vring_avail) + q->size * sizeof(uint16_t);
	size_t used_size = sizeof(struct vring_used) + q->size * sizeof(struct vring_used_elem);
	struct vring_desc *table = vhost_at(v, q->desc, q->size * sizeof(*table));
	struct vring_avail *avail = vhost_at(v, q->driver, avail_size);
	struct vring_used *used = vhost_at(v, q->device, used_size);

	if (!table || !avail || !used)
		return;
	while (v->ctrl_seen != io_load_acquire(&avail->idx)) {
		unsigned slot = v->ctrl_seen % q->size;
		uint16_t head = avail->ring[slot];
		uint32_t written = handle_chain(v, table, q->size, head);

		used->ring[slot] = (struct vring_used_elem){.id = head, .len = written};
		io_store_release(&used->idx, ++v->ctrl_seen);
	}
}

void vhost_ctrl_kick(struct vhost *v)
{
	const struct vhost_queue *q = &v->queues[v->n_queues - 1];

	if (!q->enabled || !q->size)
		return;
	if (v->regs.driver_features >> VIRTIO_F_RING_PACKED & 1)
		kick_packed(v, q);
	else
		kick_split(v, q);
}

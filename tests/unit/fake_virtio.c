// SPDX-License-Identifier: BSD-2-Clause
#include "fake_virtio.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "frame.h"

/* BAR 4, as QEMU has it: a page for each window, and nothing behind the last. */
#define BAR	    VIREO_REGION_BAR4
#define BAR_SIZE    0x8000
#define COMMON_AT   0x0000
#define ISR_AT	    0x1000
#define CONFIG_AT   0x2000
#define NOTIFY_AT   0x3000
#define NOTIFY_MULT 4
#define CONFIG_SIZE 24

#define violation(fv, ...)                                                                                             \
	do {                                                                                                           \
		if (!(fv)->quiet)                                                                                      \
			fprintf(stderr, "# the driver must not: " __VA_ARGS__), fputc('\n', stderr);                   \
		atomic_fetch_add(&(fv)->n_violations, 1);                                                              \
	} while (0)

/* Memory */

static void *dma(struct fake_virtio *fv, uint64_t iova, uint64_t len, unsigned flags)
{
	void *va = fake_device_dma(fv->bus, iova, len, flags);

	if (!va)
		violation(fv, "make the device reach for %#llx + %#llx", (unsigned long long)iova,
			  (unsigned long long)len);
	return va;
}

static uint16_t *avail_of(struct fake_virtio *fv, struct fv_queue *q)
{
	return dma(fv, q->avail, 6 + 2ull * q->size, VIREO_DMA_READ);
}

static uint16_t *used_of(struct fake_virtio *fv, struct fv_queue *q)
{
	return dma(fv, q->used, 6 + 8ull * q->size, VIREO_DMA_WRITE);
}

/* --- IN_ORDER: 2.7.9, 2.8.8 --------------------------------------------------------------------------------------- */

static bool is_in_order(const struct fake_virtio *fv)
{
	return fv->accepted & VIRTIO_F_IN_ORDER;
}

/* 2.7.5: the driver uses descriptors in the order of the table. */
static void expect_next(struct fake_virtio *fv, struct fv_queue *q, uint16_t id)
{
	if (is_in_order(fv) && id != q->next_desc)
		violation(fv, "use descriptor %u and not %u", id, q->next_desc);
	q->next_desc = (uint16_t)((id + 1) % q->size);
}

/* What is known of a chain when it is given back. */
static void remember(struct fv_queue *q, const struct fv_chain *chain)
{
	if (!q->chain_n) {
		q->chain_n = calloc(65536, sizeof(*q->chain_n));
		q->chain_room = calloc(65536, sizeof(*q->chain_room));
	}
	q->chain_n[chain->id] = (uint16_t)chain->n;
	q->chain_room[chain->id] = 0;
	for (unsigned i = 0; i < chain->n; i++)
		if (chain->parts[i].writable)
			q->chain_room[chain->id] += chain->parts[i].len;
}

static uint16_t n_places(const struct fv_queue *q, uint32_t id)
{
	return q->chain_n && id < 65536 && q->chain_n[id] ? q->chain_n[id] : 1;
}

/* A buffer that no answer of its own stands for counts as written to its end. */
static bool may_be_skipped(const struct fv_queue *q, uint32_t id, uint32_t len)
{
	return q->chain_room && id < 65536 && len >= q->chain_room[id];
}

/* --- packed rings: 2.8 -------------------------------------------------------------------------------------------- */

static bool is_packed(const struct fake_virtio *fv)
{
	return fv->accepted & VIRTIO_F_RING_PACKED;
}

static struct virtq_packed_desc *places_of(struct fake_virtio *fv, struct fv_queue *q)
{
	return dma(fv, q->desc, 16ull * q->size, VIREO_DMA_READ | VIREO_DMA_WRITE);
}

/* 2.8.1: both bits are the wrap counter when a place is used; they differ, AVAIL being the counter, when it is available. */
static uint16_t turn_flags(const struct fv_queue *q, uint16_t place, bool used)
{
	bool wrap = place / q->size % 2 == 0;

	return (wrap ? VIRTQ_PACKED_F_AVAIL : 0) | (wrap == used ? VIRTQ_PACKED_F_USED : 0);
}

static bool is_available(const struct fv_queue *q, const struct virtq_packed_desc *ring, uint16_t place)
{
	uint16_t flags = __atomic_load_n(&ring[place % q->size].flags, __ATOMIC_ACQUIRE);

	return (flags & (VIRTQ_PACKED_F_AVAIL | VIRTQ_PACKED_F_USED)) == turn_flags(q, place, false);
}

static unsigned available_packed(struct fake_virtio *fv, struct fv_queue *q)
{
	const struct virtq_packed_desc *ring = places_of(fv, q);
	unsigned n = 0;

	for (unsigned i = 0; ring && i < q->size && is_available(q, ring, (uint16_t)(q->next_avail + i)); i++)
		n += !(ring[(q->next_avail + i) % q->size].flags & VIRTQ_DESC_F_NEXT);
	return n;
}

static bool pop_packed(struct fake_virtio *fv, struct fv_queue *q, struct fv_chain *chain)
{
	struct virtq_packed_desc *ring = places_of(fv, q);
	bool more = true, wrote = false;

	for (chain->n = 0; ring && more && chain->n < FV_MAX_CHAIN; chain->n++, q->next_avail++) {
		const struct virtq_packed_desc *d = &ring[q->next_avail % q->size];

		if (!is_available(q, ring, q->next_avail)) {
			violation(fv, "offer half a chain");
			return false;
		}
		if (!d->len || (wrote && !(d->flags & VIRTQ_DESC_F_WRITE)))
			violation(fv, "offer an empty descriptor, or one to read behind one to write");
		wrote = d->flags & VIRTQ_DESC_F_WRITE;
		chain->parts[chain->n].va = dma(fv, d->iova, d->len, wrote ? VIREO_DMA_WRITE : VIREO_DMA_READ);
		chain->parts[chain->n].len = d->len;
		chain->parts[chain->n].writable = wrote;
		if (!chain->parts[chain->n].va)
			return false;
		chain->id = d->id;
		expect_next(fv, q, chain->n ? q->next_desc : d->id);
		more = d->flags & VIRTQ_DESC_F_NEXT;
	}
	/* In order it is the turn that says which is right. */
	if (!is_in_order(fv) && q->chain_n && q->chain_n[chain->id])
		violation(fv, "use id %u twice", chain->id);
	remember(q, chain);
	return ring && !more;
}

/* What is not shown yet begins with a place whose flags are not written. */
static void write_place(struct fake_virtio *fv, struct fv_queue *q, uint16_t at, uint32_t id, uint32_t len)
{
	struct virtq_packed_desc *ring = places_of(fv, q), *d;

	if (!ring)
		return;
	d = &ring[at % q->size];
	d->id = (uint16_t)id;
	d->len = len;
	if (at == q->n_shown)
		q->unshown = turn_flags(q, at, true);
	else
		__atomic_store_n(&d->flags, turn_flags(q, at, true), __ATOMIC_RELEASE);
}

static void show_used_packed(struct fake_virtio *fv, struct fv_queue *q)
{
	struct virtq_packed_desc *ring = places_of(fv, q);

	if (ring && q->n_shown != q->next_used)
		__atomic_store_n(&ring[q->n_shown % q->size].flags, q->unshown, __ATOMIC_RELEASE);
	q->n_shown = q->next_used;
}

/* --- split rings: 2.7 --------------------------------------------------------------------------------------------- */

static unsigned available_split(struct fake_virtio *fv, unsigned qi)
{
	struct fv_queue *q = &fv->queues[qi];
	uint16_t *avail = avail_of(fv, q);
	uint16_t n;

	if (!avail)
		return 0;
	n = __atomic_load_n(&avail[1], __ATOMIC_ACQUIRE) - q->next_avail;
	if (n > q->size)
		violation(fv, "offer %u chains in a ring of %u", n, q->size);
	return n;
}

unsigned fv_available(struct fake_virtio *fv, unsigned qi)
{
	return is_packed(fv) ? available_packed(fv, &fv->queues[qi]) : available_split(fv, qi);
}

static bool walk(struct fake_virtio *fv, struct fv_queue *q, struct fv_chain *chain)
{
	struct virtq_desc *table = dma(fv, q->desc, 16ull * q->size, VIREO_DMA_READ);
	uint16_t id = chain->id;
	bool wrote = false;

	for (chain->n = 0; table && chain->n < FV_MAX_CHAIN && chain->n < q->size; chain->n++) {
		struct virtq_desc d;

		if (id >= q->size) {
			violation(fv, "name descriptor %u of %u", id, q->size);
			return false;
		}
		d = table[id];
		expect_next(fv, q, id);
		if (!d.len || (wrote && !(d.flags & VIRTQ_DESC_F_WRITE)))
			violation(fv, "offer an empty descriptor, or one to read behind one to write");
		wrote = d.flags & VIRTQ_DESC_F_WRITE;
		chain->parts[chain->n].va = dma(fv, d.iova, d.len, wrote ? VIREO_DMA_WRITE : VIREO_DMA_READ);
		chain->parts[chain->n].len = d.len;
		chain->parts[chain->n].writable = wrote;
		if (!chain->parts[chain->n].va)
			return false;
		if (!(d.flags & VIRTQ_DESC_F_NEXT)) {
			chain->n++;
			return true;
		}
		id = d.next;
	}
	violation(fv, "build a chain without an end");
	return false;
}

bool fv_pop(struct fake_virtio *fv, unsigned qi, struct fv_chain *ret_chain)
{
	struct fv_queue *q = &fv->queues[qi];
	uint16_t *avail;

	if (!q->enabled || !fv_available(fv, qi))
		return false;
	if (is_packed(fv))
		return pop_packed(fv, q, ret_chain);
	avail = avail_of(fv, q);
	ret_chain->id = avail[2 + q->next_avail % q->size];
	q->next_avail++;
	if (!walk(fv, q, ret_chain))
		return false;
	remember(q, ret_chain);
	return true;
}

static void write_answer(struct fake_virtio *fv, struct fv_queue *q, uint16_t at, uint32_t id, uint32_t len)
{
	struct virtq_used *used;

	if (is_packed(fv)) {
		write_place(fv, q, at, id, len);
		return;
	}
	used = (struct virtq_used *)used_of(fv, q);
	if (used)
		used->ring[at % q->size] = (struct virtq_used_elem){id, len};
}

static void end_batch(struct fake_virtio *fv, struct fv_queue *q)
{
	if (q->batch_n)
		write_answer(fv, q, q->batch_at, q->batch_id, q->batch_len);
	q->batch_n = 0;
}

void fv_put_used(struct fake_virtio *fv, unsigned qi, uint32_t id, uint32_t len)
{
	struct fv_queue *q = &fv->queues[qi];

	if (!q->batch_n++)
		q->batch_at = q->next_used;
	q->batch_id = id;
	q->batch_len = len;
	q->next_used += is_packed(fv) ? n_places(q, id) : 1;
	if (!is_in_order(fv) || q->batch_n >= fv->batch_max || !may_be_skipped(q, id, len))
		end_batch(fv, q);
	if (q->chain_n && id < 65536)
		q->chain_n[id] = 0;
}

void fv_show_index(struct fake_virtio *fv, unsigned qi, uint16_t idx)
{
	uint16_t *used = used_of(fv, &fv->queues[qi]);

	if (used)
		__atomic_store_n(&used[1], idx, __ATOMIC_RELEASE);
}

void fv_show_used(struct fake_virtio *fv, unsigned qi)
{
	end_batch(fv, &fv->queues[qi]);
	if (is_packed(fv))
		show_used_packed(fv, &fv->queues[qi]);
	else
		fv_show_index(fv, qi, fv->queues[qi].next_used);
}

void fv_set_no_notify(struct fake_virtio *fv, unsigned qi, bool on)
{
	struct virtq_event *event = dma(fv, fv->queues[qi].used, sizeof(*event), VIREO_DMA_WRITE);
	uint16_t *used;

	if (is_packed(fv)) {
		if (event)
			__atomic_store_n(&event->flags, on ? VIRTQ_EVENT_F_DISABLE : VIRTQ_EVENT_F_ENABLE, __ATOMIC_RELAXED);
		return;
	}
	used = used_of(fv, &fv->queues[qi]);
	if (used)
		__atomic_store_n(&used[0], on ? VIRTQ_USED_F_NO_NOTIFY : 0, __ATOMIC_RELAXED);
}

bool fv_wants_interrupt(struct fake_virtio *fv, unsigned qi)
{
	struct virtq_event *event = dma(fv, fv->queues[qi].avail, sizeof(*event), VIREO_DMA_READ);
	uint16_t *avail = avail_of(fv, &fv->queues[qi]);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (is_packed(fv))
		return event && __atomic_load_n(&event->flags, __ATOMIC_RELAXED) != VIRTQ_EVENT_F_DISABLE;
	return avail && !(__atomic_load_n(&avail[0], __ATOMIC_RELAXED) & VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/* Frames */

bool fv_receive(struct fake_virtio *fv, unsigned qi, const struct virtio_net_hdr *hdr, const void *frame, uint32_t len)
{
	struct virtio_net_hdr copy = *hdr;
	struct virtio_net_hdr *first = NULL;
	uint32_t done = 0;
	uint16_t n = 0;

	do {
		struct fv_chain chain;
		uint32_t skip = first ? 0 : sizeof(copy), part;

		if (!fv_pop(fv, qi, &chain))
			return false;
		if (chain.n != 1 || !chain.parts[0].writable || chain.parts[0].len <= skip) {
			violation(fv, "offer such a receive buffer");
			return false;
		}
		part = chain.parts[0].len - skip < len - done ? chain.parts[0].len - skip : len - done;
		memcpy(chain.parts[0].va + skip, (const char *)frame + done, part);
		if (!first)
			first = (void *)chain.parts[0].va;
		done += part;
		n++;
		fv_put_used(fv, qi, chain.id, skip + part);
	} while (done < len && (fv->accepted & VIRTIO_NET_F_MRG_RXBUF));
	copy.num_buffers = n;
	memcpy(first, &copy, sizeof(copy));
	return done == len;
}

bool fv_receive_plain(struct fake_virtio *fv, unsigned qi, const void *frame, uint32_t len)
{
	static const struct virtio_net_hdr hdr;

	if (!fv_receive(fv, qi, &hdr, frame, len))
		return false;
	fv_show_used(fv, qi);
	if (fv->queues[qi].vector != VIRTIO_NO_VECTOR && fv_wants_interrupt(fv, qi))
		fake_device_signal(fv->bus, VIREO_IRQ_MSIX, fv->queues[qi].vector);
	return true;
}

bool fv_take(struct fake_virtio *fv, unsigned qi, struct fv_frame *ret_frame)
{
	struct fv_chain chain;
	uint32_t len = 0;
	uint8_t *raw;

	if (!fv_pop(fv, qi, &chain))
		return false;
	raw = malloc(FV_FRAME_MAX);
	for (unsigned i = 0; i < chain.n; i++) {
		if (chain.parts[i].writable || len + chain.parts[i].len > FV_FRAME_MAX) {
			violation(fv, "send such a descriptor");
			break;
		}
		memcpy(raw + len, chain.parts[i].va, chain.parts[i].len);
		len += chain.parts[i].len;
	}
	if (len <= sizeof(ret_frame->hdr))
		violation(fv, "send %u bytes", len);
	memcpy(&ret_frame->hdr, raw, sizeof(ret_frame->hdr));
	ret_frame->len = len - sizeof(ret_frame->hdr);
	ret_frame->n_descs = chain.n;
	ret_frame->id = chain.id;
	memcpy(ret_frame->data, raw + sizeof(ret_frame->hdr), ret_frame->len);
	free(raw);
	if (ret_frame->hdr.num_buffers || (ret_frame->hdr.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM))
		violation(fv, "say that in a header");
	if (!(ret_frame->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return true;
	if (!(fv->accepted & VIRTIO_NET_F_CSUM) ||
	    ret_frame->hdr.csum_start + ret_frame->hdr.csum_offset + 2u > ret_frame->len)
		violation(fv, "ask for a checksum at %u + %u", ret_frame->hdr.csum_start, ret_frame->hdr.csum_offset);
	else
		frame_complete(ret_frame->data, ret_frame->len, ret_frame->hdr.csum_start, ret_frame->hdr.csum_offset);
	return true;
}

bool fv_send(struct fake_virtio *fv, unsigned qi, struct fv_frame *ret_frame)
{
	if (!fv_take(fv, qi, ret_frame))
		return false;
	fv_put_used(fv, qi, ret_frame->id, 0);
	fv_show_used(fv, qi);
	return true;
}

/* Control queue */

static bool read_macs(const uint8_t **at, const uint8_t *end, uint32_t *n, uint8_t macs[][6])
{
	if (end - *at < 4)
		return false;
	memcpy(n, *at, 4);
	*at += 4;
	if (*n > FV_MAX_MACS || end - *at < (ptrdiff_t)*n * 6)
		return false;
	memcpy(macs, *at, *n * 6);
	*at += *n * 6;
	return true;
}

static bool execute(struct fake_virtio *fv, const uint8_t *cmd, uint32_t len)
{
	const uint8_t *data = cmd + 2, *end = cmd + len;
	uint16_t word = 0;

	if (len < 3)
		return false;
	if (len >= 4)
		memcpy(&word, data, 2);
	switch (cmd[0] << 8 | cmd[1]) {
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_PROMISC:
		fv->promisc = data[0];
		return len == 3;
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_ALLMULTI:
		fv->allmulti = data[0];
		return len == 3;
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR:
		memcpy(fv->set_mac, data, 6);
		return len == 8;
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_TABLE:
		return read_macs(&data, end, &fv->n_unicast, fv->unicast) &&
		       read_macs(&data, end, &fv->n_multicast, fv->multicast) && data == end;
	case VIRTIO_NET_CTRL_VLAN << 8 | VIRTIO_NET_CTRL_VLAN_ADD:
	case VIRTIO_NET_CTRL_VLAN << 8 | VIRTIO_NET_CTRL_VLAN_DEL:
		if (!(fv->accepted & VIRTIO_NET_F_CTRL_VLAN) || word > 4095)
			return false;
		fv->vlans[word] = cmd[1] == VIRTIO_NET_CTRL_VLAN_ADD;
		return len == 4;
	case VIRTIO_NET_CTRL_MQ << 8 | VIRTIO_NET_CTRL_MQ_PAIRS_SET:
		fv->pairs = word;
		return len == 4 && (fv->accepted & VIRTIO_NET_F_MQ) && word >= 1 && word <= fv->max_pairs;
	}
	return false;
}

static void control(struct fake_virtio *fv, unsigned qi)
{
	struct fv_chain chain;

	while (fv_pop(fv, qi, &chain)) {
		uint8_t cmd[1024];
		uint32_t len = 0;
		bool good;

		for (unsigned i = 0; i + 1 < chain.n; i++) {
			if (chain.parts[i].writable || len + chain.parts[i].len > sizeof(cmd))
				break;
			memcpy(cmd + len, chain.parts[i].va, chain.parts[i].len);
			len += chain.parts[i].len;
		}
		if (!chain.parts[chain.n - 1].writable || chain.parts[chain.n - 1].len != 1)
			violation(fv, "give a command no room for its answer");
		fv->n_commands++;
		if (fv->answer == FV_ANSWER_NONE)
			return;
		good = execute(fv, cmd, len) && fv->answer != FV_ANSWER_ERROR;
		if (!good && fv->answer == FV_ANSWER_OK)
			violation(fv, "send command %u.%u of %u bytes", cmd[0], cmd[1], len);
		chain.parts[chain.n - 1].va[0] = good ? 0 : 1;
		fv_put_used(fv, qi, fv->answer == FV_ANSWER_WRONG_ID ? chain.id + 1u : chain.id, 1);
		fv_show_used(fv, qi);
	}
}

/* Registers */

static void reset(struct fake_virtio *fv)
{
	fv->n_resets++;
	fv->status = 0;
	fv->accepted = 0;
	fv->config_vector = VIRTIO_NO_VECTOR;
	fv->promisc = true;
	fv->allmulti = false;
	fv->n_unicast = fv->n_multicast = 0;
	fv->pairs = 1;
	memset(fv->vlans, 0, sizeof(fv->vlans));
	for (unsigned i = 0; i < FV_MAX_QUEUES; i++) {
		struct fv_queue *q = &fv->queues[i];
		uint16_t max = q->max_size;

		free(q->chain_n);
		free(q->chain_room);
		memset(q, 0, sizeof(*q));
		q->max_size = q->size = max;
		q->vector = VIRTIO_NO_VECTOR;
	}
}

static uint64_t read_common(struct fake_virtio *fv, uint64_t at)
{
	const struct fv_queue *q = &fv->queues[fv->queue_select % FV_MAX_QUEUES];

	switch (at) {
	case VIRTIO_DEVICE_FEATURE_SELECT:
		return fv->device_select;
	case VIRTIO_DEVICE_FEATURE:
		return fv->device_select < 2 ? (uint32_t)(fv->offered >> 32 * fv->device_select) : 0;
	case VIRTIO_CONFIG_MSIX_VECTOR:
		return fv->config_vector;
	case VIRTIO_NUM_QUEUES:
		return fv->n_queues;
	case VIRTIO_DEVICE_STATUS:
		return fv->status;
	case VIRTIO_CONFIG_GENERATION:
		return fv->restless ? fv->generation++ : fv->generation;
	case VIRTIO_QUEUE_SELECT:
		return fv->queue_select;
	case VIRTIO_QUEUE_SIZE:
		return fv->queue_select < fv->n_queues ? q->size : 0;
	case VIRTIO_QUEUE_MSIX_VECTOR:
		return q->vector;
	case VIRTIO_QUEUE_ENABLE:
		return q->enabled;
	case VIRTIO_QUEUE_NOTIFY_OFF:
		return fv->notify_off[fv->queue_select % FV_MAX_QUEUES];
	}
	violation(fv, "read register %#llx", (unsigned long long)at);
	return 0;
}

static void set_half(uint64_t *reg, uint64_t at, uint64_t value)
{
	unsigned shift = at & 4 ? 32 : 0;

	*reg = (*reg & ~(0xffffffffull << shift)) | value << shift;
}

static void write_status(struct fake_virtio *fv, uint8_t value)
{
	uint64_t wrong = fv->accepted & ~fv->offered;

	if (value == 0) {
		if (!fv->reset_never_ends)
			reset(fv);
		return;
	}
	if ((value & VIRTIO_STATUS_FEATURES_OK) && !(fv->status & VIRTIO_STATUS_FEATURES_OK)) {
		if (wrong)
			violation(fv, "accept %#llx", (unsigned long long)wrong);
		if (fv->refuses_features)
			value &= ~VIRTIO_STATUS_FEATURES_OK;
	}
	if ((value & VIRTIO_STATUS_DRIVER_OK) && !(fv->status & VIRTIO_STATUS_DRIVER_OK) &&
	    (!(value & VIRTIO_STATUS_FEATURES_OK) || !fake_device_is_master(fv->bus)))
		violation(fv, "start the device before it is ready");
	fv->status = value;
}

static void write_queue(struct fake_virtio *fv, struct fv_queue *q, uint64_t at, uint64_t value)
{
	if (q->enabled)
		violation(fv, "change a queue that is enabled");
	switch (at) {
	case VIRTIO_QUEUE_SIZE:
		if (value == 0 || value > q->max_size || (value & (value - 1)))
			violation(fv, "make a queue of %u", (unsigned)value);
		else
			q->size = value;
		return;
	case VIRTIO_QUEUE_MSIX_VECTOR:
		q->vector = value < fv->n_vectors ? value : VIRTIO_NO_VECTOR;
		return;
	case VIRTIO_QUEUE_ENABLE:
		if (fv->status & VIRTIO_STATUS_DRIVER_OK || !(fv->status & VIRTIO_STATUS_FEATURES_OK) || value != 1)
			violation(fv, "enable a queue now");
		q->enabled = true;
		return;
	case VIRTIO_QUEUE_DESC:
	case VIRTIO_QUEUE_DESC + 4:
		set_half(&q->desc, at, value);
		return;
	case VIRTIO_QUEUE_DRIVER:
	case VIRTIO_QUEUE_DRIVER + 4:
		set_half(&q->avail, at, value);
		return;
	case VIRTIO_QUEUE_DEVICE:
	case VIRTIO_QUEUE_DEVICE + 4:
		set_half(&q->used, at, value);
		return;
	}
	violation(fv, "write register %#llx", (unsigned long long)at);
}

static void write_common(struct fake_virtio *fv, uint64_t at, uint64_t value)
{
	switch (at) {
	case VIRTIO_DEVICE_FEATURE_SELECT:
		fv->device_select = value;
		return;
	case VIRTIO_DRIVER_FEATURE_SELECT:
		fv->driver_select = value;
		return;
	case VIRTIO_DRIVER_FEATURE:
		if (fv->status & VIRTIO_STATUS_FEATURES_OK || fv->driver_select > 1)
			violation(fv, "change features now");
		set_half(&fv->accepted, 4 * fv->driver_select, value);
		return;
	case VIRTIO_CONFIG_MSIX_VECTOR:
		fv->config_vector = value < fv->n_vectors ? value : VIRTIO_NO_VECTOR;
		return;
	case VIRTIO_DEVICE_STATUS:
		write_status(fv, value);
		return;
	case VIRTIO_QUEUE_SELECT:
		fv->queue_select = value;
		return;
	}
	if (fv->queue_select >= fv->n_queues)
		violation(fv, "write to queue %u", fv->queue_select);
	else
		write_queue(fv, &fv->queues[fv->queue_select], at, value);
}

static void read_config(struct fake_virtio *fv, uint64_t at, void *buf, size_t len)
{
	struct {
		uint8_t mac[6];
		uint16_t status, max_pairs, mtu;
		uint32_t speed;
		uint8_t duplex;
		uint8_t rest[7];
	} config = {.status = fv->link,
		    .max_pairs = fv->max_pairs,
		    .mtu = fv->mtu,
		    .speed = fv->speed,
		    .duplex = fv->duplex};

	_Static_assert(sizeof(config) == CONFIG_SIZE, "5.1.4");
	memcpy(config.mac, fv->mac, 6);
	if (at + len > sizeof(config))
		violation(fv, "read configuration at %#llx", (unsigned long long)at);
	else
		memcpy(buf, (char *)&config + at, len);
}

static int bar_read(void *ctx, uint64_t at, void *buf, size_t len)
{
	struct fake_virtio *fv = ctx;
	uint64_t value;

	memset(buf, 0, len);
	if (at >= CONFIG_AT && at < NOTIFY_AT) {
		read_config(fv, at - CONFIG_AT, buf, len);
		return 0;
	}
	if (at >= ISR_AT) {
		violation(fv, "read %#llx", (unsigned long long)at);
		return 0;
	}
	value = read_common(fv, at);
	memcpy(buf, &value, len);
	return 0;
}

static int bar_write(void *ctx, uint64_t at, const void *buf, size_t len)
{
	struct fake_virtio *fv = ctx;
	uint64_t value = 0;

	memcpy(&value, buf, len);
	if (at < ISR_AT) {
		write_common(fv, at, value);
		return 0;
	}
	if (at < NOTIFY_AT || len != 2 || value >= fv->n_queues ||
	    at - NOTIFY_AT != (uint64_t)fv->notify_off[value] * NOTIFY_MULT ||
	    !(fv->status & VIRTIO_STATUS_DRIVER_OK)) {
		violation(fv, "write %#llx to %#llx", (unsigned long long)value, (unsigned long long)at);
		return 0;
	}
	atomic_fetch_add(&fv->queues[value].n_kicks, 1);
	if (value == ((fv->accepted & VIRTIO_NET_F_MQ) ? 2u * fv->max_pairs : 2u))
		control(fv, value);
	return 0;
}

static const struct fake_handlers handlers = {bar_read, bar_write};

void fake_virtio_add_cap(struct fake_virtio *fv, uint8_t at, uint8_t type, uint8_t bar, uint32_t offset,
			 uint32_t length)
{
	uint8_t body[18] = {type == VIRTIO_CAP_TYPE_NOTIFY ? 20 : 16, type, bar};
	uint32_t mult = NOTIFY_MULT;

	memcpy(body + 6, &offset, 4);
	memcpy(body + 10, &length, 4);
	memcpy(body + 14, &mult, 4);
	fake_device_add_capability(fv->bus, at, 0x09, body, type == VIRTIO_CAP_TYPE_NOTIFY ? 18 : 14);
}

void fake_virtio_remove_caps(struct fake_virtio *fv)
{
	memset(fv->bus->config + 64, 0, 256 - 64);
	fv->bus->config[PCI_CAPABILITY_LIST] = 0;
}

void fake_virtio_add_caps(struct fake_virtio *fv)
{
	fake_virtio_add_cap(fv, 0x90, VIRTIO_CAP_TYPE_NOTIFY, BAR, NOTIFY_AT, 0x1000);
	fake_virtio_add_cap(fv, 0x80, VIRTIO_CAP_TYPE_DEVICE, BAR, CONFIG_AT, CONFIG_SIZE);
	fake_virtio_add_cap(fv, 0x70, 3 /* ISR */, BAR, ISR_AT, 0x1000);
	fake_virtio_add_cap(fv, 0x60, VIRTIO_CAP_TYPE_COMMON, BAR, COMMON_AT, 0x1000);
	fake_virtio_add_cap(fv, 0x50, 5 /* PCI configuration access, which nobody needs */, 0, 0, 0);
}

struct fake_virtio *fake_virtio_create(const char *name)
{
	struct fake_virtio *fv = calloc(1, sizeof(*fv));

	if (!fv)
		abort();
	fv->bus = fake_device_create(name);
	fake_device_set_ids(fv->bus, VIRTIO_PCI_VENDOR, VIRTIO_PCI_NET, 0x020000);
	fake_device_add_registers(fv->bus, BAR, BAR_SIZE, &handlers, fv);
	fake_device_add_irqs(fv->bus, VIREO_IRQ_MSIX, 4);
	fake_virtio_add_caps(fv);
	fv->offered =
		VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM |
		VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
		VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN |
		VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX |
		VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_MQ | VIRTIO_NET_F_SPEED_DUPLEX |
		/* What the driver does not know it must leave alone. */
		VIRTIO_F(28) | VIRTIO_F(29) | VIRTIO_F(36) | VIRTIO_F(40) | VIRTIO_F(57) | VIRTIO_F(60);
	memcpy(fv->mac, "\x52\x54\0\x12\x34\x56", 6);
	fv->link = VIRTIO_NET_S_LINK_UP;
	fv->max_pairs = 1;
	fv->n_queues = 3;
	fv->mtu = 9000;
	fv->speed = 10000;
	fv->duplex = 1;
	fv->n_vectors = 4;
	for (unsigned i = 0; i < FV_MAX_QUEUES; i++) {
		fv->queues[i].max_size = 256;
		fv->notify_off[i] = i;
	}
	reset(fv);
	return fv;
}

void fake_virtio_destroy(struct fake_virtio *fv)
{
	reset(fv);
	fake_device_destroy(fv->bus);
	free(fv);
}

void fake_virtio_needs_reset(struct fake_virtio *fv)
{
	fv->status |= VIRTIO_STATUS_NEEDS_RESET;
	fv->generation++;
	if (fv->config_vector != VIRTIO_NO_VECTOR)
		fake_device_signal(fv->bus, VIREO_IRQ_MSIX, fv->config_vector);
}

void fake_virtio_set_link(struct fake_virtio *fv, bool up)
{
	fv->link = up ? VIRTIO_NET_S_LINK_UP : 0;
	fv->generation++;
	if (fv->config_vector != VIRTIO_NO_VECTOR)
		fake_device_signal(fv->bus, VIREO_IRQ_MSIX, fv->config_vector);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "internal.h"

/*
 * Receive. A burst of frames from the wire is classified and counted, then put into buffers: first every descriptor is
 * taken and its buffer looked up, then data are copied, then descriptors are written back in order, close together,
 * since a client that polls them takes their line away in between. A frame for a queue without descriptors is dropped if
 * the queue says so; else it waits in the packet buffer, and all behind it.
 */

#define TAG_LEN	       4
#define LINE	       64 /* of the cache */
#define DESCS_PER_LINE (LINE / sizeof(union ixgbe_rx_desc))

/* A frame that has a descriptor and a buffer. */
struct slot {
	union ixgbe_rx_desc *desc;
	uint8_t *dst;
	const struct sim_frame *frame;
	struct ixm_rx_meta *meta;
};

struct slots {
	unsigned n;
	struct slot list[IXM_BURST];
};

static inline uint32_t room(const struct ixm_queue *q)
{
	return q->tail >= q->head ? q->tail - q->head : q->tail + q->n - q->head;
}

/* The tail as the client has it now; one that lies outside the ring changes nothing. */
static void look_at_tail(struct ixgbe_model *m, struct ixm_queue *q)
{
	uint32_t tail = ixm_queue_reg(q, IXM_Q_TAIL);

	if (__builtin_expect(tail >= q->n, 0)) {
		ixm_mistake(m, "rx queue %u: tail %u is outside the ring of %u", q->id, tail, q->n);
		return;
	}
	q->tail = tail;
}

/*
 * Free descriptors, as far as a burst needs them: the tail's line comes from the client's core each time it is looked
 * at, so while enough are known it is left alone.
 */
static uint32_t free_descs(struct ixgbe_model *m, struct ixm_rxq *rxq)
{
	if (rxq->q.broken || (m->faults[IXM_FAULT_RXQ] && rxq->q.id == m->rx_on[0]))
		return 0;
	if (room(&rxq->q) < IXM_BURST)
		look_at_tail(m, &rxq->q);
	return room(&rxq->q);
}

/* The lines of the next @n descriptors, which another core has written and we are about to write. */
static void warm(const struct ixm_queue *q, const union ixgbe_rx_desc *ring, uint32_t n)
{
	uint32_t at = q->head, all = room(q);

	for (uint32_t i = 0; i < n && i < all; i += DESCS_PER_LINE) {
		ixm_prefetch_write(&ring[at]);
		at = at + DESCS_PER_LINE < q->n ? at + DESCS_PER_LINE : 0;
	}
}

/* The line that comes a burst behind @head: one at a time, for a core can wait for few lines of another at once. */
static inline void warm_ahead(const struct ixm_queue *q, const union ixgbe_rx_desc *ring, uint32_t head)
{
	uint32_t at = head + IXM_BURST < q->n ? head + IXM_BURST : head + IXM_BURST - q->n;

	if (room(q) > 2 * IXM_BURST)
		ixm_prefetch_write(&ring[at]);
}

static union ixgbe_rx_desc *ring_of(struct ixgbe_model *m, const struct ixm_queue *q)
{
	return sim_dma_at(&m->dev.dma, q->base, (uint64_t)q->n * sizeof(union ixgbe_rx_desc),
			  SIM_DMA_READ | SIM_DMA_WRITE);
}

/* While the wire is asked and frames are looked at; only where few queues share the burst is it clear enough which. */
static void warm_all(struct ixgbe_model *m)
{
	for (unsigned k = 0; m->n_rx <= 4 && k < m->n_rx; k++) {
		const struct ixm_queue *q = &m->rxq[m->rx_on[k]].q;
		const union ixgbe_rx_desc *ring = q->broken || !room(q) ? NULL : ring_of(m, q);

		if (ring)
			warm(q, ring, IXM_BURST / m->n_rx);
	}
}

/* Once for each queue in a burst: where its ring lies, and how far the client has filled it. */
static void queue_open(struct ixgbe_model *m, struct ixm_rxq *rxq)
{
	struct ixm_queue *q = &rxq->q;

	rxq->burst = m->burst;
	rxq->packets = rxq->bytes = 0;
	rxq->ring = NULL;
	rxq->plain_max = 0;
	if (!free_descs(m, rxq))
		return;
	rxq->ring = ring_of(m, q);
	if (rxq->ring) {
		ixm_prefetch_write(q->regs);
		rxq->plain_max = m->filter.keep_crc || rxq->legacy ? 0 : rxq->bsize;
		return;
	}
	ixm_mistake(m, "rx queue %u: its ring of %u descriptors at 0x%llx is not mapped", q->id, q->n,
		    (unsigned long long)q->base);
	m->counts[IXM_RX_REFUSED]++;
}

static void queue_close(struct ixgbe_model *m, struct ixm_rxq *rxq)
{
	struct ixm_queue *q = &rxq->q;

	if (!rxq->packets)
		return;
	ixm_queue_reg_set(q, IXM_Q_HEAD, q->head);
	m->stats[IXM_QPRC + q->counter] += rxq->packets;
	m->stats[IXM_QBRC + q->counter] += rxq->bytes;
	m->stats[IXM_RXDGPC] += rxq->packets;
	m->stats[IXM_RXDGBC] += rxq->bytes;
	m->counts[IXM_RX_FRAMES] += rxq->packets;
	ixm_irq_queue(m, q);
	if (room(q) < 2 * IXM_BURST)
		look_at_tail(m, q); /* its line is here now, see queue_open() */
}

/* Frames are seldom shorter than 32 bytes and mostly 60: overlapping moves of 16 and no call. */
static inline void copy(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	if (len > 64 || len < 32) {
		memcpy(dst, src, len);
		return;
	}
	__builtin_memcpy(dst, src, 16);
	__builtin_memcpy(dst + 16, src + 16, 16);
	if (len > 48)
		__builtin_memcpy(dst + 32, src + 32, 16);
	__builtin_memcpy(dst + len - 16, src + len - 16, 16);
}

static inline uint64_t qword_low(uint32_t type, uint32_t hash)
{
	return type | (uint64_t)hash << 32;
}

static inline uint64_t qword_high(uint32_t status, uint32_t len, uint32_t vlan)
{
	return status | (uint64_t)(len & 0xffff) << 32 | (uint64_t)vlan << 48;
}

static inline void write_back(union ixgbe_rx_desc *desc, uint64_t low, uint64_t high)
{
	__atomic_store_n(&desc->qwords[0], low, __ATOMIC_RELAXED);
	__atomic_store_n(&desc->qwords[1], high, __ATOMIC_RELEASE); /* DD after all that it promises */
}

static uint32_t spoilt_length(struct ixgbe_model *m, const struct ixm_rxq *rxq)
{
	const uint32_t lengths[] = {0xffff, 0, rxq->bsize + 1, 1};

	return lengths[m->bad_lengths++ % 4];
}

/* Fault write-back-order: the first descriptor of a burst is written back a turn after those behind it. */
static void hold_back(struct ixgbe_model *m, const struct slot *s)
{
	const struct ixm_rxq *rxq = &m->rxq[s->meta->queue];

	m->held_desc = s->desc;
	m->held_iova = rxq->q.base + (uint64_t)((uint8_t *)s->desc - (uint8_t *)rxq->ring);
	m->held[0] = s->meta->qwords[0];
	m->held[1] = s->meta->qwords[1];
}

static void release_held(struct ixgbe_model *m)
{
	union ixgbe_rx_desc *desc;

	if (!m->held_desc)
		return;
	m->held_desc = NULL;
	desc = sim_dma_at(&m->dev.dma, m->held_iova, sizeof(*desc), SIM_DMA_WRITE);
	if (desc)
		write_back(desc, m->held[0], m->held[1]);
}

/* What is shorter in memory than on the wire has lost its tag. */
static inline void copy_frame(const struct slot *s)
{
	const struct sim_frame *frame = s->frame;

	if (__builtin_expect(s->meta->len == frame->len, 1)) {
		copy(s->dst, frame->data, frame->len);
		return;
	}
	__builtin_memcpy(s->dst, frame->data, 12);
	copy(s->dst + 12, frame->data + 12 + TAG_LEN, frame->len - 12 - TAG_LEN);
}

/* Every slot's data, then every slot's descriptor. */
static void finish_slots(struct ixgbe_model *m, struct slots *slots)
{
	unsigned n = slots->n, first = 0;

	for (unsigned i = 0; i < n; i++)
		copy_frame(&slots->list[i]);
	for (unsigned i = 0; i < n && m->faults[IXM_FAULT_LENGTH]; i++)
		slots->list[i].meta->len = (uint16_t)spoilt_length(m, &m->rxq[slots->list[i].meta->queue]);
	if (__builtin_expect(m->faults[IXM_FAULT_ORDER] && n > 1, 0))
		hold_back(m, &slots->list[first++]);
	for (unsigned i = first; i < n; i++)
		write_back(slots->list[i].desc, slots->list[i].meta->qwords[0], slots->list[i].meta->qwords[1]);
	slots->n = 0;
}

static void refused(struct ixgbe_model *m, const struct ixm_queue *q, uint32_t head, uint64_t iova, uint32_t len)
{
	ixm_mistake(m, "rx queue %u: descriptor %u points to 0x%llx, where %u bytes are not mapped for writing", q->id,
		    head, (unsigned long long)iova, len);
	m->counts[IXM_RX_REFUSED]++;
	ixm_irq_misc(m, IXGBE_EICR_PCI);
}

/* The buffer of the descriptor at the head; NULL: refused, and the descriptor stays where it is. */
static inline uint8_t *buffer_at(struct ixgbe_model *m, const struct ixm_rxq *rxq, uint32_t head, uint32_t len)
{
	const union ixgbe_rx_desc *desc = &rxq->ring[head];
	uint64_t iova = __atomic_load_n(&desc->qwords[0], __ATOMIC_RELAXED);
	uint64_t header = __atomic_load_n(&desc->qwords[1], __ATOMIC_RELAXED);
	uint8_t *dst = sim_dma_at(&m->dev.dma, iova, len, SIM_DMA_WRITE);

	if (__builtin_expect(!dst, 0))
		refused(m, &rxq->q, head, iova, len);
	else if (__builtin_expect(header & IXGBE_RXD_DD && !rxq->legacy, 0))
		ixm_mistake(m, "rx queue %u: DD is still set in descriptor %u", rxq->q.id, head);
	return dst;
}

static inline uint32_t behind(const struct ixm_queue *q, uint32_t head)
{
	return head + 1 == q->n ? 0 : head + 1;
}

static uint8_t *take_buffer(struct ixgbe_model *m, struct ixm_rxq *rxq, uint32_t len, union ixgbe_rx_desc **ret_desc)
{
	uint8_t *dst = buffer_at(m, rxq, rxq->q.head, len);

	if (!dst)
		return NULL;
	*ret_desc = &rxq->ring[rxq->q.head];
	rxq->q.head = behind(&rxq->q, rxq->q.head);
	return dst;
}

/* The legacy layout keeps the address and says less. */
static void write_back_legacy(union ixgbe_rx_desc *desc, const struct ixm_rx_meta *meta, uint32_t len, bool last,
			      uint32_t vlan)
{
	uint64_t status = last ? meta->status & 0xff : IXGBE_RXD_DD, errors = 0;

	if (meta->status & IXGBE_RXD_RXE)
		errors |= IXGBE_RXD_LEGACY_RXE;
	if (meta->status & IXGBE_RXD_L4E)
		errors |= IXGBE_RXD_LEGACY_TCPE;
	if (meta->status & IXGBE_RXD_IPE)
		errors |= IXGBE_RXD_LEGACY_IPE;
	__atomic_store_n(&desc->qwords[1],
			 (len & 0xffff) | status << 32 | (last ? errors << 40 : 0) | (uint64_t)(last ? vlan : 0) << 48,
			 __ATOMIC_RELEASE);
}

/* A frame that needs more than one buffer, its CRC kept, or a legacy queue. @data is the frame as it goes to memory. */
static void scatter(struct ixgbe_model *m, struct ixm_rxq *rxq, const uint8_t *data, uint32_t len,
		    const struct ixm_rx_meta *meta, uint32_t vlan)
{
	uint32_t left = len, at = 0;

	while (left) {
		uint32_t part = left < rxq->bsize ? left : rxq->bsize, told = part;
		union ixgbe_rx_desc *desc;
		uint8_t *dst = take_buffer(m, rxq, part, &desc);
		bool last = part == left;

		if (!dst)
			return;
		memcpy(dst, data + at, part);
		if (m->faults[IXM_FAULT_LENGTH])
			told = spoilt_length(m, rxq);
		if (rxq->legacy)
			write_back_legacy(desc, meta, told, last, vlan);
		else if (last)
			write_back(desc, qword_low(meta->type, meta->hash), qword_high(meta->status, told, vlan));
		else
			write_back(desc, qword_low(meta->type, 0), qword_high(IXGBE_RXD_DD, told, 0));
		at += part;
		left -= part;
	}
	rxq->packets++;
	rxq->bytes += len;
}

static inline bool stripped(const struct ixm_rxq *rxq, const struct ixm_rx_meta *meta)
{
	return rxq->strip && meta->status & IXGBE_RXD_VP;
}

/* false: not enough descriptors yet. */
static bool place_slowly(struct ixgbe_model *m, struct ixm_rxq *rxq, const struct sim_frame *frame,
			 const struct ixm_rx_meta *meta)
{
	bool strip = stripped(rxq, meta);
	uint8_t data[SIM_FRAME_MAX + IXM_CRC_LEN];
	uint32_t len = frame->len, crc, need;

	memcpy(data, frame->data, len);
	if (m->filter.keep_crc) {
		crc = ixm_crc32(data, len);
		memcpy(data + len, &crc, sizeof(crc));
		len += IXM_CRC_LEN;
	}
	if (strip) {
		memmove(data + 12, data + 12 + TAG_LEN, len - 12 - TAG_LEN);
		len -= TAG_LEN;
	}
	need = (len + rxq->bsize - 1) / rxq->bsize;
	if (need > rxq->q.n - 1) {
		ixm_mistake(m, "rx queue %u: a frame of %u bytes needs %u descriptors of a ring of %u", rxq->q.id, len,
			    need, rxq->q.n);
		m->counts[IXM_RX_NO_DESC]++;
		return true;
	}
	if (room(&rxq->q) < need)
		return false;
	scatter(m, rxq, data, len, meta, strip ? meta->vlan : 0);
	return true;
}

static void no_descriptor(struct ixgbe_model *m, const struct ixm_rxq *rxq)
{
	m->stats[IXM_QPRDC + rxq->q.counter]++;
	m->counts[IXM_RX_NO_DESC]++;
}

/*
 * Frames that go to one queue after each other, as long as each takes one buffer and there are descriptors; how many.
 * Most frames come this way.
 */
static unsigned take_run(struct ixgbe_model *m, struct ixm_rxq *rxq, const struct sim_frame *frames,
			 struct ixm_rx_meta *metas, unsigned n, struct slots *slots)
{
	uint32_t bytes = 0, plain_max = rxq->plain_max, head = rxq->q.head, tail = rxq->q.tail;
	struct slot *first = &slots->list[slots->n], *s = first;
	uint8_t queue = metas->queue;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct ixm_rx_meta *meta = &metas[i];
		uint32_t len = frames[i].len;

		if (meta->queue != queue || meta->verdict != IXM_ACCEPT || len > plain_max || head == tail)
			break;
		if (stripped(rxq, meta))
			len -= TAG_LEN;
		else
			meta->vlan = 0;
		meta->len = (uint16_t)len;
		s->dst = buffer_at(m, rxq, head, len);
		if (__builtin_expect(!s->dst, 0))
			continue;
		ixm_prefetch_write(s->dst);
		if (head % DESCS_PER_LINE == 0)
			warm_ahead(&rxq->q, rxq->ring, head);
		s->desc = &rxq->ring[head];
		head = behind(&rxq->q, head);
		s->frame = &frames[i];
		s->meta = meta;
		bytes += len;
		s++;
	}
	rxq->q.head = head;
	slots->n += (unsigned)(s - first);
	rxq->packets += (uint32_t)(s - first);
	rxq->bytes += bytes;
	return i;
}

/* A frame that is not plain, or finds no descriptor; false: it has to wait. */
static bool deliver_slowly(struct ixgbe_model *m, struct ixm_rxq *rxq, const struct sim_frame *frame,
			   const struct ixm_rx_meta *meta, struct slots *slots)
{
	bool any = rxq->ring && rxq->q.head != rxq->q.tail;

	if (any)
		finish_slots(m, slots); /* descriptors before it come first */
	if (any && place_slowly(m, rxq, frame, meta))
		return true;
	if (!rxq->drop || m->end->waits)
		return false;
	no_descriptor(m, rxq);
	return true;
}

/* Put frames into buffers until one has to wait; how many were dealt with. */
static unsigned deliver(struct ixgbe_model *m, const struct sim_frame *frames, struct ixm_rx_meta *metas, unsigned n)
{
	uint8_t touched[IXM_BURST];
	unsigned n_touched = 0, i = 0, run;
	struct slots slots;

	slots.n = 0;
	m->burst++;
	while (i < n) {
		struct ixm_rxq *rxq = &m->rxq[metas[i].queue];

		if (metas[i].verdict != IXM_ACCEPT) {
			i++;
			continue;
		}
		if (__builtin_expect(!rxq->q.enabled, 0)) {
			m->counts[IXM_RX_NO_QUEUE]++;
			i++;
			continue;
		}
		if (rxq->burst != m->burst) {
			queue_open(m, rxq);
			touched[n_touched++] = metas[i].queue;
		}
		run = take_run(m, rxq, frames + i, metas + i, n - i, &slots);
		if (!run && !deliver_slowly(m, rxq, &frames[i], &metas[i], &slots))
			break;
		i += run ? run : 1;
	}
	finish_slots(m, &slots);
	for (unsigned k = 0; k < n_touched; k++)
		queue_close(m, &m->rxq[touched[k]]);
	return i;
}

static void count_bad(struct ixgbe_model *m, const struct sim_frame *frame, const struct ixm_rx_meta *meta)
{
	static const uint16_t stat[] = {
		[IXM_BAD_CRC] = IXM_CRCERRS,
		[IXM_RUNT] = IXM_RUC,
		[IXM_GIANT] = IXM_ROC,
		[IXM_BAD_LENGTH] = IXM_RLEC,
	};

	m->counts[IXM_RX_BAD]++;
	if (meta->verdict == IXM_RUNT && frame->len < 12)
		return; /* too short to be counted at all */
	m->stats[stat[meta->verdict]]++;
}

/* A frame that is not for us, or damaged: taken out of what count() has counted so far. */
static void count_other(struct ixgbe_model *m, const struct sim_frame *frame, const struct ixm_rx_meta *meta,
			uint64_t *ret_not_good)
{
	uint32_t len = frame->len + IXM_CRC_LEN;

	if (meta->verdict == IXM_FILTERED || meta->verdict == IXM_PAUSE) {
		m->counts[IXM_RX_FILTERED]++;
		return;
	}
	count_bad(m, frame, meta);
	m->stats[IXM_PRC64 + ixm_size_class(len)]--;
	m->stats[IXM_RXNFGPC]--;
	*ret_not_good += len;
}

/* What the MAC counts when frames arrive, whatever becomes of them. */
static void count(struct ixgbe_model *m, const struct sim_frame *frames, const struct ixm_rx_meta *metas, unsigned n)
{
	uint64_t *stats = m->stats, all = 0, not_good = 0, not_passed = 0, n_not_passed = 0, n_wrong = 0;
	uint32_t classes[6] = {0};

	for (unsigned i = 0; i < n; i++) {
		const struct ixm_rx_meta *meta = &metas[i];
		uint32_t len = frames[i].len + IXM_CRC_LEN;

		all += len;
		classes[ixm_size_class(len)]++;
		n_wrong += meta->status >> 30 != 0;
		if (__builtin_expect(meta->verdict != IXM_ACCEPT, 0)) {
			count_other(m, &frames[i], meta, &not_good);
			not_passed += len;
			n_not_passed++;
		} else if (__builtin_expect(frames[i].data[0] & 1, 0)) {
			stats[memcmp(frames[i].data, "\xff\xff\xff\xff\xff\xff", 6) ? IXM_MPRC : IXM_BPRC]++;
		}
	}
	for (unsigned k = 0; k < 6; k++)
		stats[IXM_PRC64 + k] += classes[k];
	stats[IXM_TPR] += n;
	stats[IXM_TOR] += all;
	stats[IXM_RXNFGPC] += n;
	stats[IXM_RXNFGBC] += all - not_good;
	stats[IXM_GPRC] += n - n_not_passed;
	stats[IXM_GORC] += all - not_passed - (m->filter.keep_crc ? 0 : (n - n_not_passed) * IXM_CRC_LEN);
	stats[IXM_XEC] += n_wrong;
}

/* The packet buffer: records of a length and the bytes, each at a multiple of 8, from head on. */

#define RECORD(len) (8 + (((len) + 7u) & ~7u))

static uint32_t buffer_limit(struct ixgbe_model *m)
{
	uint32_t kib = (ixm_reg(m, (uint32_t)IXGBE_RXPBSIZE(0)) & IXGBE_RXPBSIZE_MASK) >> IXGBE_RXPBSIZE_SHIFT;

	return kib * 1024 < m->buffer.size ? kib * 1024 : m->buffer.size;
}

static bool buffer_push(struct ixgbe_model *m, const struct sim_frame *frame)
{
	struct ixm_buffer *b = &m->buffer;
	uint32_t size = RECORD(frame->len);

	if (!b->data || b->used + size > buffer_limit(m))
		return false;
	if (b->head + b->used + size > b->size) {
		memmove(b->data, b->data + b->head, b->used);
		b->head = 0;
	}
	memcpy(b->data + b->head + b->used, &frame->len, 4);
	memcpy(b->data + b->head + b->used + 4, &frame->flags, 4);
	memcpy(b->data + b->head + b->used + 8, frame->data, frame->len);
	b->used += size;
	b->n++;
	return true;
}

static unsigned buffer_peek(const struct ixm_buffer *b, struct sim_frame *frames, unsigned n)
{
	uint32_t at = b->head;
	unsigned i;

	for (i = 0; i < n && i < b->n; i++) {
		memcpy(&frames[i].len, b->data + at, 4);
		memcpy(&frames[i].flags, b->data + at + 4, 4);
		frames[i].data = b->data + at + 8;
		at += RECORD(frames[i].len);
	}
	return i;
}

static void buffer_drop(struct ixm_buffer *b, const struct sim_frame *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		b->head += RECORD(frames[i].len);
		b->used -= RECORD(frames[i].len);
	}
	b->n -= n;
	if (!b->n)
		b->head = 0;
}

static unsigned buffer_drain(struct ixgbe_model *m)
{
	struct sim_frame frames[IXM_BURST];
	struct ixm_rx_meta metas[IXM_BURST];
	unsigned done = 0, n;

	while (m->buffer.n) {
		n = buffer_peek(&m->buffer, frames, IXM_BURST);
		ixm_classify(m, frames, metas, n);
		n = deliver(m, frames, metas, n);
		buffer_drop(&m->buffer, frames, n);
		done += n;
		if (!n)
			break;
	}
	return done;
}

/* Frames that have to wait for descriptors; without room in the packet buffer they are missed. */
static void keep(struct ixgbe_model *m, const struct sim_frame *frames, const struct ixm_rx_meta *metas, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (metas[i].verdict != IXM_ACCEPT || buffer_push(m, &frames[i]))
			continue;
		m->stats[IXM_MPC]++;
		m->counts[IXM_RX_MISSED]++;
		ixm_irq_misc(m, IXGBE_EICR_RX_MISS);
	}
}

void ixm_rx_frames(struct ixgbe_model *m, const struct sim_frame *frames, unsigned n)
{
	struct ixm_rx_meta metas[IXM_BURST];
	unsigned done = 0;

	ixm_classify(m, frames, metas, n);
	count(m, frames, metas, n);
	if (!m->buffer.n)
		done = deliver(m, frames, metas, n);
	keep(m, frames + done, metas + done, n - done);
}

void ixm_rx_reset(struct ixgbe_model *m)
{
	m->buffer.n = m->buffer.used = m->buffer.head = 0;
	m->held_desc = NULL;
}

static bool receiving(struct ixgbe_model *m)
{
	return m->link.up && ixm_reg(m, IXGBE_RXCTRL) & IXGBE_RXCTRL_RXEN && ixm_dma_allowed(m) &&
	       !(ixm_reg(m, IXGBE_SECRXCTRL) & IXGBE_SECRXCTRL_RX_DIS);
}

/*
 * How many frames to ask the wire for: all it has, or what there is room for if it is one that waits. A long frame may take more
 * than one descriptor, so that others have to wait: no more than the packet buffer holds.
 */
static unsigned appetite(struct ixgbe_model *m)
{
	uint32_t most = buffer_limit(m) / RECORD(m->filter.max_len + TAG_LEN), sum = 0;

	if (!m->end->waits)
		return IXM_BURST;
	if (m->buffer.n)
		return 0;
	most = most > IXM_BURST ? IXM_BURST : most ? most : 1;
	for (unsigned k = 0; k < m->n_rx && sum < most; k++)
		sum += free_descs(m, &m->rxq[m->rx_on[k]]);
	return sum < most ? sum : most;
}

unsigned ixm_rx_poll(struct ixgbe_model *m)
{
	struct sim_frame frames[IXM_BURST];
	unsigned n, moved = 0;

	if (m->held_desc)
		release_held(m);
	if (!receiving(m)) { /* the MAC is deaf; what a wire does not hold back is lost */
		if (!m->end->waits)
			m->counts[IXM_RX_DEAF] += m->end->ops->receive(m->end, frames, IXM_BURST, m->now_ns);
		return 0;
	}
	if (m->buffer.n)
		moved = buffer_drain(m);
	n = appetite(m);
	if (!n)
		return moved;
	warm_all(m);
	n = m->end->ops->receive(m->end, frames, n, m->now_ns);
	if (n)
		ixm_rx_frames(m, frames, n);
	return moved + n;
}

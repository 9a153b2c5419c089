/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "internal.h"

/*
 * Transmit. Queues have turns; in its turn a queue's packets become frames, which leave together. A packet that lies
 * in one buffer and wants nothing goes out from where it lies; all others are gathered first, and finished in
 * segment.c. What is reported to the driver is written after the frames have left, since only then its buffers are
 * free.
 */

#define QUANTUM	    128 /* descriptors of a queue in one turn */
#define MAX_REPORTS 256
#define MIN_PACKET  17 /* what is shorter the chip cannot take */
#define ROOM_FRONT  8  /* in a slot, for a tag */
#define SLOT_SIZE   (SIM_FRAME_MAX + 64)
#define TSO_MAX	    (256u * 1024)
#define LINE	    64 /* of the cache */

#define KIND_BITS  (IXGBE_TXD_DEXT | IXGBE_TXD_DTYP | IXGBE_TXD_EOP | IXGBE_TXD_IFCS | IXGBE_TXD_VLE | IXGBE_TXD_TSE)
#define KIND_PLAIN (IXGBE_TXD_DEXT | IXGBE_TXD_DATA | IXGBE_TXD_EOP | IXGBE_TXD_IFCS)

/* One queue's turn. */
struct turn {
	union ixgbe_tx_desc *ring;
	uint32_t done;	   /* descriptors that were dealt with */
	uint32_t reported; /* of those, how many no longer wait for their report */
	unsigned n_reports;
	uint16_t reports[MAX_REPORTS];
};

static uint32_t next(const struct ixm_queue *q, uint32_t i)
{
	return i + 1 == q->n ? 0 : i + 1;
}

uint8_t *ixm_tx_slot(struct ixgbe_model *m, struct ixm_txq *txq)
{
	if (m->tx.n == IXM_BURST)
		ixm_tx_flush(m, txq);
	return m->tx.scratch + (size_t)m->tx.n * SLOT_SIZE + ROOM_FRONT;
}

void ixm_tx_emit(struct ixgbe_model *m, struct ixm_txq *txq, const uint8_t *data, uint32_t len)
{
	struct sim_frame *frame;

	if (m->tx.n == IXM_BURST)
		ixm_tx_flush(m, txq);
	frame = &m->tx.frames[m->tx.n++];
	frame->data = data;
	frame->len = len;
	frame->flags = 0;
}

static void count(struct ixgbe_model *m, struct ixm_txq *txq)
{
	uint64_t *stats = m->stats, bytes = 0;
	uint32_t classes[6] = {0}, n = m->tx.n;

	for (unsigned i = 0; i < n; i++) {
		const struct sim_frame *frame = &m->tx.frames[i];

		bytes += frame->len;
		classes[ixm_size_class(frame->len + IXM_CRC_LEN)]++;
		if (__builtin_expect(frame->data[0] & 1, 0))
			stats[memcmp(frame->data, "\xff\xff\xff\xff\xff\xff", 6) ? IXM_MPTC : IXM_BPTC]++;
	}
	for (unsigned k = 0; k < 6; k++)
		stats[IXM_PTC64 + k] += classes[k];
	stats[IXM_GPTC] += n;
	stats[IXM_TPT] += n;
	stats[IXM_GOTC] += bytes + (uint64_t)n * IXM_CRC_LEN;
	stats[IXM_TXDGPC] += n;
	stats[IXM_TXDGBC] += bytes;
	stats[IXM_QPTC + txq->q.counter] += n;
	stats[IXM_QBTC + txq->q.counter] += bytes;
	m->counts[IXM_TX_FRAMES] += n;
}

/* All frames so far leave. */
void ixm_tx_flush(struct ixgbe_model *m, struct ixm_txq *txq)
{
	if (!m->tx.n)
		return;
	count(m, txq);
	if (ixm_reg(m, IXGBE_HLREG0) & IXGBE_HLREG0_LPBK)
		ixm_rx_frames(m, m->tx.frames, m->tx.n);
	else
		m->end->ops->send(m->end, m->tx.frames, m->tx.n, m->now_ns);
	m->tx.n = 0;
}

static void drop(struct ixgbe_model *m)
{
	m->counts[IXM_TX_DROPPED]++;
}

/* Reports */

static void set_done(union ixgbe_tx_desc *desc)
{
	__atomic_store_n(&desc->data.olinfo, IXGBE_TXD_DD, __ATOMIC_RELEASE);
}

/* The head goes to memory in place of DD; the chip takes no address that is not aligned to 16 bytes. */
static void write_head(struct ixgbe_model *m, struct ixm_txq *txq, uint32_t wbal)
{
	uint64_t iova = (wbal & ~3u) | (uint64_t)ixm_queue_reg(&txq->q, IXM_Q_WBAH) << 32;
	uint32_t *at;

	if (iova % 16) {
		ixm_mistake(m, "tx queue %u: the head's address 0x%llx is not aligned to 16 bytes", txq->q.id,
			    (unsigned long long)iova);
		return;
	}
	at = sim_dma_at(&m->dev.dma, iova, sizeof(*at), SIM_DMA_WRITE);
	if (at)
		__atomic_store_n(at, txq->q.head, __ATOMIC_RELEASE);
	else
		ixm_mistake(m, "tx queue %u: the head's address 0x%llx is not mapped for writing", txq->q.id,
			    (unsigned long long)iova);
}

/* WTHRESH > 0: RS says nothing; descriptors are written back in runs of WTHRESH, or when they have waited. */
static bool report_runs(struct ixm_txq *txq, union ixgbe_tx_desc *ring, uint32_t least)
{
	struct ixm_queue *q = &txq->q;
	bool any = false;

	while (txq->n_unreported && txq->n_unreported >= least) {
		uint32_t n = txq->n_unreported < least ? txq->n_unreported : least;
		uint32_t at = (q->head + q->n - txq->n_unreported) % q->n;

		for (uint32_t i = 0; i < n; i++, at = next(q, at))
			set_done(&ring[at]);
		txq->n_unreported -= n;
		any = true;
	}
	return any;
}

static void report(struct ixgbe_model *m, struct ixm_txq *txq, struct turn *t)
{
	uint32_t wbal = ixm_queue_reg(&txq->q, IXM_Q_WBAL);
	bool any = t->n_reports;

	ixm_tx_flush(m, txq);
	if (txq->wthresh) {
		txq->n_unreported += t->done - t->reported;
		t->reported = t->done;
		any = report_runs(txq, t->ring, txq->wthresh);
	} else if (!(wbal & IXGBE_TDWBAL_EN)) {
		for (unsigned i = 0; i < t->n_reports; i++)
			set_done(&t->ring[t->reports[i]]);
	}
	if (any && wbal & IXGBE_TDWBAL_EN)
		write_head(m, txq, wbal);
	t->n_reports = 0;
	ixm_queue_reg_set(&txq->q, IXM_Q_HEAD, txq->q.head);
	if (any)
		ixm_irq_queue(m, &txq->q);
}

/* One more descriptor is dealt with. */
static inline void advance(struct ixgbe_model *m, struct ixm_txq *txq, struct turn *t, uint32_t cmd)
{
	struct ixm_queue *q = &txq->q;

	if (cmd & IXGBE_TXD_RS)
		t->reports[t->n_reports++] = (uint16_t)q->head;
	q->head = next(q, q->head);
	t->done++;
	if (__builtin_expect(t->n_reports == MAX_REPORTS, 0))
		report(m, txq, t);
}

/* Packets */

static inline union ixgbe_tx_desc load(const union ixgbe_tx_desc *desc)
{
	union ixgbe_tx_desc d;

	d.qwords[0] = __atomic_load_n(&desc->qwords[0], __ATOMIC_RELAXED);
	d.qwords[1] = __atomic_load_n(&desc->qwords[1], __ATOMIC_RELAXED);
	return d;
}

static bool is_context(uint32_t cmd)
{
	return cmd & IXGBE_TXD_DEXT && (cmd & IXGBE_TXD_DTYP) == IXGBE_TXD_CONTEXT;
}

static void set_context(struct ixgbe_model *m, struct ixm_txq *txq, const union ixgbe_tx_desc *d)
{
	unsigned idx = d->ctx.mss >> IXGBE_TXC_IDX_SHIFT & 7;
	struct ixm_context *ctx;

	if (idx > 1) {
		ixm_mistake(m, "tx queue %u: there is no context %u", txq->q.id, idx);
		return;
	}
	ctx = &txq->ctx[idx];
	ctx->valid = true;
	ctx->ip_len = d->ctx.lens & IXGBE_TXC_IPLEN;
	ctx->mac_len = d->ctx.lens >> IXGBE_TXC_MACLEN_SHIFT & 0x7f;
	ctx->vlan = (uint16_t)(d->ctx.lens >> IXGBE_TXC_VLAN_SHIFT);
	ctx->mss = (uint16_t)(d->ctx.mss >> IXGBE_TXC_MSS_SHIFT);
	ctx->l4_len = (uint8_t)(d->ctx.mss >> IXGBE_TXC_L4LEN_SHIFT);
	ctx->cmd = d->ctx.cmd;
}

static uint32_t buffer_len(const union ixgbe_tx_desc *d)
{
	return d->data.cmd & IXGBE_TXD_DTALEN;
}

static const uint8_t *buffer(struct ixgbe_model *m, const struct ixm_txq *txq, uint32_t i, const union ixgbe_tx_desc *d)
{
	const uint8_t *src = sim_dma_at(&m->dev.dma, d->data.addr, buffer_len(d), SIM_DMA_READ);

	if (__builtin_expect(src != NULL, 1))
		return src;
	ixm_mistake(m, "tx queue %u: descriptor %u points to 0x%llx, where %u bytes are not mapped for reading",
		    txq->q.id, i, (unsigned long long)d->data.addr, buffer_len(d));
	m->counts[IXM_TX_REFUSED]++;
	ixm_irq_misc(m, IXGBE_EICR_PCI);
	return NULL;
}

/* How many descriptors the packet at the head has; 0: its end is not there yet. */
static uint32_t packet_descs(const struct ixm_queue *q, const union ixgbe_tx_desc *ring)
{
	uint32_t n = 0;

	for (uint32_t i = q->head; i != q->tail; i = next(q, i)) {
		n++;
		if (load(&ring[i]).data.cmd & IXGBE_TXD_EOP)
			return n;
	}
	return n == q->n - 1 ? n : 0; /* a ring full of a packet without end is dealt with, or it would stay so */
}

static bool job_of(struct ixgbe_model *m, const struct ixm_txq *txq, const union ixgbe_tx_desc *d,
		   struct ixm_tx_job *job)
{
	unsigned idx = d->data.olinfo >> IXGBE_TXD_IDX_SHIFT & 7;

	job->cmd = d->data.cmd;
	if (!(d->data.cmd & IXGBE_TXD_DEXT)) {
		job->legacy = true;
		job->cso = d->legacy.cso;
		job->css = d->legacy.css;
		job->vlan = d->legacy.vlan;
		return true;
	}
	job->olinfo = d->data.olinfo;
	if (!(job->cmd & (IXGBE_TXD_VLE | IXGBE_TXD_TSE)) && !(job->olinfo & (IXGBE_TXD_IXSM | IXGBE_TXD_TXSM)))
		return true;
	if (idx > 1 || !txq->ctx[idx].valid) {
		ixm_mistake(m, "tx queue %u: descriptor %u wants context %u, which was not set", txq->q.id, txq->q.head,
			    idx);
		return false;
	}
	job->ctx = &txq->ctx[idx];
	job->vlan = job->ctx->vlan;
	return true;
}

static const char *segments_wrong(const struct ixm_txq *txq, const union ixgbe_tx_desc *ring, uint32_t n,
				  uint32_t *ret_len)
{
	bool legacy = !(load(&ring[txq->q.head]).data.cmd & IXGBE_TXD_DEXT);
	uint32_t i = txq->q.head, len = 0;

	if (n > IXM_MAX_SEGS - txq->wthresh)
		return "has too many buffers";
	for (uint32_t k = 0; k < n; k++, i = next(&txq->q, i)) {
		union ixgbe_tx_desc d = load(&ring[i]);

		if (legacy != !(d.data.cmd & IXGBE_TXD_DEXT))
			return "mixes legacy and advanced descriptors";
		if (!legacy && (d.data.cmd & IXGBE_TXD_DTYP) != IXGBE_TXD_DATA)
			return "has a descriptor that is no data in its middle";
		if (!buffer_len(&d))
			return "has an empty buffer";
		len += buffer_len(&d);
		if (k + 1 == n && !(d.data.cmd & IXGBE_TXD_EOP))
			return "has no end";
	}
	*ret_len = len;
	return NULL;
}

static const char *lengths_wrong(const struct ixm_tx_job *job)
{
	bool tso = !job->legacy && job->cmd & IXGBE_TXD_TSE;

	if (job->len < MIN_PACKET)
		return "is shorter than 17 bytes";
	if (job->len > (tso ? TSO_MAX : IXM_MAX_FRAME))
		return "is longer than the chip can send";
	if (!(job->cmd & IXGBE_TXD_IFCS))
		return "has no IFCS, so it would go out without a CRC";
	if (!job->legacy && !tso && job->olinfo >> IXGBE_TXD_PAYLEN_SHIFT != job->len)
		return "has a PAYLEN that is not its length";
	return NULL;
}

static bool gather(struct ixgbe_model *m, const struct ixm_txq *txq, const union ixgbe_tx_desc *ring, uint32_t n,
		   uint8_t *to, uint32_t size)
{
	uint32_t i = txq->q.head, at = 0;

	for (uint32_t k = 0; k < n; k++, i = next(&txq->q, i)) {
		union ixgbe_tx_desc d = load(&ring[i]);
		uint32_t len = buffer_len(&d);
		const uint8_t *src;

		if (len > size - at)
			return false; /* it has changed since it was checked */
		src = buffer(m, txq, i, &d);
		if (!src)
			return false;
		memcpy(to + at, src, len);
		at += len;
	}
	return at == size;
}

/* The packet of @n descriptors at the head: checked as a whole, gathered, finished. */
static bool send_packet(struct ixgbe_model *m, struct ixm_txq *txq, const union ixgbe_tx_desc *ring, uint32_t n)
{
	struct ixm_tx_job job = {0};
	union ixgbe_tx_desc first = load(&ring[txq->q.head]);
	const char *wrong = segments_wrong(txq, ring, n, &job.len);
	uint8_t *to;

	if (!wrong && !job_of(m, txq, &first, &job))
		return false;
	if (!wrong)
		wrong = lengths_wrong(&job);
	if (wrong) {
		ixm_mistake(m, "tx queue %u: the packet at descriptor %u %s", txq->q.id, txq->q.head, wrong);
		return false;
	}
	to = !job.legacy && job.cmd & IXGBE_TXD_TSE ? m->tx.packet : ixm_tx_slot(m, txq);
	if (!gather(m, txq, ring, n, to, job.len))
		return false;
	ixm_tx_finish(m, txq, &job, to);
	return true;
}

/* What is not a plain packet; false: it is not complete. */
static bool take_slowly(struct ixgbe_model *m, struct ixm_txq *txq, struct turn *t)
{
	struct ixm_queue *q = &txq->q;
	union ixgbe_tx_desc d = load(&t->ring[q->head]);
	uint32_t n;

	if (is_context(d.data.cmd)) {
		set_context(m, txq, &d);
		advance(m, txq, t, d.data.cmd);
		return true;
	}
	n = packet_descs(q, t->ring);
	if (!n)
		return false;
	if (!send_packet(m, txq, t->ring, n))
		drop(m);
	while (n--)
		advance(m, txq, t, load(&t->ring[q->head]).data.cmd);
	return true;
}

static inline bool is_plain(const union ixgbe_tx_desc *d)
{
	uint32_t len = buffer_len(d);

	return (d->data.cmd & KIND_BITS) == KIND_PLAIN && !(d->data.olinfo & (IXGBE_TXD_IXSM | IXGBE_TXD_TXSM)) &&
	       len >= IXM_MIN_FRAME && len <= IXM_MAX_FRAME && d->data.olinfo >> IXGBE_TXD_PAYLEN_SHIFT == len;
}

/* The lines of the next @n descriptors, which the client has just written, all on their way at once. */
static void warm(const struct ixm_queue *q, const union ixgbe_tx_desc *ring)
{
	uint32_t n = q->tail >= q->head ? q->tail - q->head : q->n - q->head;

	for (uint32_t i = 0; i < n && i < QUANTUM; i += LINE / sizeof(*ring))
		ixm_prefetch_write(&ring[q->head + i]);
}

/* The tail as the client has it now, and the descriptors up to there; whether there are new ones. */
static bool look_at_tail(struct ixgbe_model *m, struct ixm_queue *q, const union ixgbe_tx_desc *ring)
{
	uint32_t tail = ixm_queue_reg(q, IXM_Q_TAIL);

	if (__builtin_expect(tail >= q->n, 0)) {
		ixm_mistake(m, "tx queue %u: tail %u is outside the ring of %u", q->id, tail, q->n);
		return false;
	}
	if (tail == q->tail)
		return false;
	q->tail = tail;
	warm(q, ring);
	return true;
}

/* Nothing new; what WTHRESH holds back goes when the interrupt's interval has passed. */
static void report_late(struct ixgbe_model *m, struct ixm_txq *txq)
{
	struct ixm_queue *q = &txq->q;
	uint64_t wait = q->vector == IXM_NO_VECTOR ? 0 : ixm_irq_interval_ns(m, q->vector);
	struct turn t = {0};

	if (!txq->n_unreported || m->now_ns < txq->last_ns + wait)
		return;
	t.ring = sim_dma_at(&m->dev.dma, q->base, (uint64_t)q->n * sizeof(union ixgbe_tx_desc),
			    SIM_DMA_READ | SIM_DMA_WRITE);
	if (!t.ring || !report_runs(txq, t.ring, txq->n_unreported))
		return;
	if (ixm_queue_reg(q, IXM_Q_WBAL) & IXGBE_TDWBAL_EN)
		write_head(m, txq, ixm_queue_reg(q, IXM_Q_WBAL));
	ixm_irq_queue(m, q);
}

static bool open_ring(struct ixgbe_model *m, struct ixm_queue *q, struct turn *t)
{
	t->ring = sim_dma_at(&m->dev.dma, q->base, (uint64_t)q->n * sizeof(union ixgbe_tx_desc),
			     SIM_DMA_READ | SIM_DMA_WRITE);
	if (t->ring)
		return true;
	ixm_mistake(m, "tx queue %u: its ring of %u descriptors at 0x%llx is not mapped", q->id, q->n,
		    (unsigned long long)q->base);
	m->counts[IXM_TX_REFUSED]++;
	q->broken = true;
	return false;
}

/*
 * Plain packets, one after another: up to @quantum, or as many as a burst has room for. How many descriptors; 0: what
 * comes next is not plain.
 */
static unsigned take_run(struct ixgbe_model *m, struct ixm_txq *txq, struct turn *t, unsigned quantum)
{
	struct ixm_queue *q = &txq->q;
	struct sim_frame *frames = m->tx.frames;
	uint32_t head = q->head, tail = q->tail, size = q->n, n_frames = m->tx.n;
	unsigned n_reports = t->n_reports, most = IXM_BURST - n_frames, n;

	if (most > MAX_REPORTS - n_reports)
		most = MAX_REPORTS - n_reports;
	if (most > quantum)
		most = quantum;
	for (n = 0; n < most && head != tail; n++) {
		union ixgbe_tx_desc d = load(&t->ring[head]);
		const uint8_t *src;

		if (!is_plain(&d))
			break;
		src = buffer(m, txq, head, &d);
		if (__builtin_expect(src != NULL, 1)) {
			__builtin_prefetch(src);
			frames[n_frames].data = src;
			frames[n_frames].len = buffer_len(&d);
			frames[n_frames++].flags = 0;
		} else {
			drop(m);
		}
		if (d.data.cmd & IXGBE_TXD_RS)
			t->reports[n_reports++] = (uint16_t)head;
		head = head + 1 == size ? 0 : head + 1;
	}
	q->head = head;
	m->tx.n = n_frames;
	t->n_reports = n_reports;
	t->done += n;
	return n;
}

/* Up to @quantum descriptors of those that are known, a little more if that ends a packet. */
static void take_known(struct ixgbe_model *m, struct ixm_txq *txq, struct turn *t, unsigned quantum)
{
	while (txq->q.head != txq->q.tail && t->done < quantum) {
		if (take_run(m, txq, t, quantum - t->done))
			continue;
		if (m->tx.n == IXM_BURST)
			ixm_tx_flush(m, txq);
		else if (t->n_reports == MAX_REPORTS)
			report(m, txq, t);
		else if (!take_slowly(m, txq, t))
			break;
	}
}

/*
 * A queue's turn. The client's lines take their time to come from another core, so while there is work the tail and the
 * descriptors of the next turn are on their way during this one.
 */
static unsigned turn_of(struct ixgbe_model *m, struct ixm_txq *txq, unsigned quantum)
{
	struct ixm_queue *q = &txq->q;
	bool known = q->head != q->tail;
	struct turn t;

	if (q->broken)
		return 0;
	if (!known && ixm_queue_reg(q, IXM_Q_TAIL) == q->tail) {
		report_late(m, txq);
		return 0;
	}
	t.done = t.reported = t.n_reports = 0;
	if (!open_ring(m, q, &t))
		return 0;
	if (!known && !look_at_tail(m, q, t.ring))
		return 0;
	__builtin_prefetch(q->regs);
	take_known(m, txq, &t, quantum);
	/* A packet whose end was not there waits no longer than until it is. */
	if ((t.done || known) && look_at_tail(m, q, t.ring) && !t.done)
		take_known(m, txq, &t, quantum);
	if (t.done)
		report(m, txq, &t);
	txq->last_ns = m->now_ns;
	return t.done;
}

static bool sending(struct ixgbe_model *m)
{
	return m->link.up && ixm_reg(m, IXGBE_DMATXCTL) & IXGBE_DMATXCTL_TE && ixm_dma_allowed(m) &&
	       !(ixm_reg(m, IXGBE_SECTXCTRL) & IXGBE_SECTXCTRL_TX_DIS) && m->now_ns >= m->paused_until_ns &&
	       !m->faults[IXM_FAULT_TX];
}

/* Every queue has the same share; who is first changes. */
unsigned ixm_tx_poll(struct ixgbe_model *m, unsigned turns)
{
	unsigned moved = 0, n = m->n_tx;

	if (!n || !sending(m))
		return 0;
	for (unsigned k = 0; k < n * turns && n == m->n_tx; k++) {
		m->tx.next = m->tx.next + 1 < n ? m->tx.next + 1 : 0;
		moved += turn_of(m, &m->txq[m->tx_on[m->tx.next]], QUANTUM);
	}
	return moved;
}

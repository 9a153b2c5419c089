/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "internal.h"

/*
 * Queues start and stop. In trap mode the ENABLE bit that a driver reads is the queue's own: it follows what was
 * written after the delay, and a tail that is written before is lost. In shared mode it is memory: the bit reads back
 * as written, and the model follows as soon as it looks.
 */

#define RING_ALIGN 128
#define MAX_DESCS  8192
#define DESC_SIZE  16
#define GLANCE	   16 /* queues of each kind that are looked at in one go */

_Static_assert(IXGBE_N_RXQ == IXGBE_N_TXQ, "one counter walks through both");

void ixm_queues_init(struct ixgbe_model *m)
{
	for (unsigned i = 0; i < IXGBE_N_RXQ; i++) {
		m->rxq[i].q.id = (uint16_t)i;
		m->rxq[i].q.regs = ixm_reg_at(m, (uint32_t)IXGBE_RXQ(i));
	}
	for (unsigned i = 0; i < IXGBE_N_TXQ; i++) {
		m->txq[i].q.id = (uint16_t)i;
		m->txq[i].q.regs = ixm_reg_at(m, (uint32_t)IXGBE_TXQ(i));
	}
}

static void queue_clear(struct ixm_queue *q)
{
	q->enabled = q->want = q->changing = q->broken = false;
	q->counter = 0;
	q->vector = IXM_NO_VECTOR;
	q->head = q->tail = q->n = 0;
}

/* Everything stops at once; the registers are reset elsewhere. */
void ixm_queues_reset(struct ixgbe_model *m)
{
	for (unsigned i = 0; i < IXGBE_N_RXQ; i++)
		queue_clear(&m->rxq[i].q);
	for (unsigned i = 0; i < IXGBE_N_TXQ; i++)
		queue_clear(&m->txq[i].q);
	m->n_rx = m->n_tx = 0;
}

static void list_queues(struct ixgbe_model *m)
{
	m->n_rx = m->n_tx = 0;
	for (unsigned i = 0; i < IXGBE_N_RXQ; i++)
		if (m->rxq[i].q.enabled)
			m->rx_on[m->n_rx++] = (uint8_t)i;
	for (unsigned i = 0; i < IXGBE_N_TXQ; i++)
		if (m->txq[i].q.enabled)
			m->tx_on[m->n_tx++] = (uint8_t)i;
}

/* Latch the ring. What is no ring leaves the queue enabled, as on the chip, but nothing moves. */
static void ring_latch(struct ixgbe_model *m, struct ixm_queue *q, const char *kind)
{
	uint32_t len = ixm_queue_reg(q, IXM_Q_LEN);
	uint32_t head = ixm_queue_reg(q, IXM_Q_HEAD);

	q->base = ixm_queue_reg(q, IXM_Q_BAL) | (uint64_t)ixm_queue_reg(q, IXM_Q_BAH) << 32;
	q->n = len / DESC_SIZE;
	q->broken = q->base % RING_ALIGN || len % RING_ALIGN || !q->n || q->n > MAX_DESCS;
	if (q->broken)
		ixm_mistake(m, "%s queue %u: a ring of %u bytes at 0x%llx cannot be", kind, q->id, len,
			    (unsigned long long)q->base);
	q->head = q->tail = head < q->n ? head : 0;
	q->enabled = true;
}

static void rx_settings(struct ixgbe_model *m, struct ixm_rxq *rxq)
{
	uint32_t srrctl = ixm_queue_reg(&rxq->q, IXM_Q_SRRCTL), ctl = ixm_queue_reg(&rxq->q, IXM_Q_CTL);
	uint32_t kib = srrctl & IXGBE_SRRCTL_BSIZEPACKET;

	rxq->bsize = (kib ? kib : 2) * 1024;
	rxq->drop = srrctl & IXGBE_SRRCTL_DROP_EN;
	rxq->legacy = !(srrctl & IXGBE_SRRCTL_DESCTYPE);
	rxq->strip = ctl & IXGBE_RXDCTL_VME;
}

static uint8_t byte_of(struct ixgbe_model *m, uint32_t table, unsigned i)
{
	return (uint8_t)(ixm_reg(m, table + (i & ~3u)) >> 8 * (i & 3));
}

void ixm_queues_settings(struct ixgbe_model *m)
{
	for (unsigned k = 0; k < m->n_rx; k++) {
		struct ixm_rxq *rxq = &m->rxq[m->rx_on[k]];

		rx_settings(m, rxq);
		rxq->q.counter = byte_of(m, IXGBE_RQSMR(0), rxq->q.id) & 0xf;
	}
	for (unsigned k = 0; k < m->n_tx; k++) {
		struct ixm_txq *txq = &m->txq[m->tx_on[k]];

		txq->wthresh = ixm_queue_reg(&txq->q, IXM_Q_CTL) >> IXGBE_TXDCTL_WTHRESH_SHIFT & 0x7f;
		txq->q.counter = byte_of(m, IXGBE_TQSM(0), txq->q.id) & 0xf;
	}
}

static void rx_start(struct ixgbe_model *m, struct ixm_rxq *rxq)
{
	uint32_t type = ixm_queue_reg(&rxq->q, IXM_Q_SRRCTL) & IXGBE_SRRCTL_DESCTYPE;

	ring_latch(m, &rxq->q, "rx");
	if (type && type != IXGBE_SRRCTL_ADVANCED) {
		ixm_mistake(m, "rx queue %u: the model splits no headers (SRRCTL.DESCTYPE %u)", rxq->q.id, type >> 25);
		rxq->q.broken = true;
	}
	rxq->burst = 0;
}

static void tx_start(struct ixgbe_model *m, struct ixm_txq *txq)
{
	ring_latch(m, &txq->q, "tx");
	memset(txq->ctx, 0, sizeof(txq->ctx));
	txq->n_unreported = 0;
}

/* The queue holds no more descriptors. In shared mode the tail is the client's alone. */
static void queue_stop(struct ixgbe_model *m, struct ixm_queue *q)
{
	q->enabled = false;
	ixm_queue_reg_set(q, IXM_Q_HEAD, 0);
	if (!m->shared)
		ixm_queue_reg_set(q, IXM_Q_TAIL, 0);
}

static void queue_follow(struct ixgbe_model *m, struct ixm_queue *q, bool rx, bool on)
{
	if (!on)
		queue_stop(m, q);
	else if (rx)
		rx_start(m, &m->rxq[q->id]);
	else
		tx_start(m, &m->txq[q->id]);
	list_queues(m);
	ixm_queues_settings(m);
}

/* Trap mode: the change that was asked for happens now. */
static void queue_change(struct ixgbe_model *m, struct ixm_queue *q, bool rx)
{
	uint32_t ctl = ixm_queue_reg(q, IXM_Q_CTL) & ~IXM_Q_ENABLE;

	if (!q->changing)
		return;
	if (m->faults[IXM_FAULT_ENABLE] || m->now_ns < q->when_ns) {
		ixm_timer(m, q->when_ns);
		return;
	}
	q->changing = false;
	ixm_queue_reg_set(q, IXM_Q_CTL, ctl | (q->want ? IXM_Q_ENABLE : 0));
	queue_follow(m, q, rx, q->want);
}

static void queue_look(struct ixgbe_model *m, struct ixm_queue *q, bool rx)
{
	bool on = ixm_queue_reg(q, IXM_Q_CTL) & IXM_Q_ENABLE;

	if (!m->shared)
		queue_change(m, q, rx);
	else if (on != q->enabled && !(on && m->faults[IXM_FAULT_ENABLE]))
		queue_follow(m, q, rx, on);
}

void ixm_queues_scan(struct ixgbe_model *m)
{
	for (unsigned i = 0; i < IXGBE_N_RXQ; i++)
		queue_look(m, &m->rxq[i].q, true);
	for (unsigned i = 0; i < IXGBE_N_TXQ; i++)
		queue_look(m, &m->txq[i].q, false);
	if (m->shared)
		ixm_queues_settings(m);
}

/* Shared mode, between messages: each running queue, and of all others a few each time, since each is a line of the cache. */
void ixm_queues_glance(struct ixgbe_model *m)
{
	unsigned n_rx = m->n_rx, n_tx = m->n_tx;
	uint8_t rx_on[IXGBE_N_RXQ], tx_on[IXGBE_N_TXQ];

	memcpy(rx_on, m->rx_on, n_rx); /* the lists change when a queue stops */
	memcpy(tx_on, m->tx_on, n_tx);
	for (unsigned k = 0; k < n_rx; k++)
		queue_look(m, &m->rxq[rx_on[k]].q, true);
	for (unsigned k = 0; k < n_tx; k++)
		queue_look(m, &m->txq[tx_on[k]].q, false);
	for (unsigned k = 0; k < GLANCE; k++, m->glance = (m->glance + 1) % IXGBE_N_RXQ) {
		queue_look(m, &m->rxq[m->glance].q, true);
		queue_look(m, &m->txq[m->glance].q, false);
	}
	ixm_queues_settings(m);
}

static void ctl_write(struct ixgbe_model *m, struct ixm_queue *q, bool rx, uint32_t value)
{
	bool on = value & IXM_Q_ENABLE;

	value &= ~IXM_Q_SWFLSH;
	if (m->shared) {
		ixm_queue_reg_set(q, IXM_Q_CTL, value);
		queue_look(m, q, rx);
		return;
	}
	value &= ~IXM_Q_ENABLE;
	ixm_queue_reg_set(q, IXM_Q_CTL, value | (q->enabled ? IXM_Q_ENABLE : 0));
	if (on != (q->changing ? q->want : q->enabled)) {
		q->want = on;
		q->changing = on != q->enabled;
		q->when_ns = m->now_ns + (uint64_t)m->cfg.delay_us * 1000;
		ixm_timer(m, q->when_ns);
	}
	ixm_queues_settings(m);
}

/* What a driver may not do in trap mode is told and does not happen; zeros are what drivers write before they begin. */
static bool index_refused(struct ixgbe_model *m, const struct ixm_queue *q, const char *name, bool head, uint32_t value)
{
	if (m->shared)
		return false;
	if (head && q->enabled && value != q->head) {
		ixm_mistake(m, "%s queue %u: the head is written while the queue runs", name, q->id);
		return true;
	}
	if (!head && !q->enabled && value) {
		ixm_mistake(m, "%s queue %u: the tail is written before ENABLE reads 1, and is lost", name, q->id);
		return true;
	}
	return false;
}

static void queue_write(struct ixgbe_model *m, struct ixm_queue *q, bool rx, uint32_t off, uint32_t value)
{
	const char *name = rx ? "rx" : "tx";
	uint32_t at = off % 0x40;

	switch (at) {
	case IXM_Q_CTL:
		ctl_write(m, q, rx, value);
		return;
	case IXM_Q_HEAD:
	case IXM_Q_TAIL:
		if (index_refused(m, q, name, at == IXM_Q_HEAD, value))
			return;
		break;
	default:
		break;
	}
	ixm_queue_reg_set(q, at, value);
	if (q->enabled && at == IXM_Q_SRRCTL)
		ixm_queues_settings(m);
}

void ixm_rx_queue_write(struct ixgbe_model *m, unsigned q, uint32_t off, uint32_t value)
{
	queue_write(m, &m->rxq[q].q, true, off, value);
}

void ixm_tx_queue_write(struct ixgbe_model *m, unsigned q, uint32_t off, uint32_t value)
{
	queue_write(m, &m->txq[q].q, false, off, value);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <linux/vfio.h>

#include "internal.h"

/*
 * Interrupts: causes, masks, vectors and how often they may fire. With MSI-X (GPIE) a queue's cause is the bit of its
 * vector; all other causes share the vector of IVAR_MISC. Without, there is one interrupt for everything.
 */

#define ITR_UNIT_NS 2048

static uint64_t bit(unsigned v)
{
	return 1ull << v;
}

static bool msix(struct ixgbe_model *m)
{
	return ixm_reg(m, IXGBE_GPIE) & IXGBE_GPIE_MSIX;
}

/* The vector of all causes that are not queues; IXM_NO_VECTOR: nowhere. */
static unsigned misc_vector(struct ixgbe_model *m)
{
	uint32_t other = ixm_reg(m, IXGBE_IVAR_MISC) >> IXGBE_IVAR_OTHER_SHIFT;

	if (!msix(m))
		return 0;
	return other & IXGBE_IVAR_VALID ? other & IXGBE_IVAR_VECTOR : IXM_NO_VECTOR;
}

/* Which vectors have a cause that is not masked. */
static uint64_t raised(struct ixgbe_model *m)
{
	uint64_t queues = m->irq.cause & m->irq.mask;
	bool misc = m->irq.misc & m->irq.misc_mask;
	unsigned v;

	if (!msix(m))
		return (queues & IXGBE_EICR_QUEUES) || misc ? bit(0) : 0;
	v = misc_vector(m);
	return queues | (misc && v != IXM_NO_VECTOR ? bit(v) : 0);
}

void ixm_irq_reset(struct ixgbe_model *m)
{
	memset(&m->irq, 0, sizeof(m->irq));
}

void ixm_irq_queue(struct ixgbe_model *m, const struct ixm_queue *q)
{
	uint64_t cause;

	if (q->vector == IXM_NO_VECTOR)
		return;
	cause = bit(msix(m) ? q->vector : q->vector & 0xf);
	m->irq.cause |= cause;
	m->irq.wants |= raised(m) & (msix(m) ? cause : bit(0));
}

void ixm_irq_misc(struct ixgbe_model *m, uint32_t causes)
{
	unsigned v = misc_vector(m);

	m->irq.misc |= causes;
	if (v != IXM_NO_VECTOR)
		m->irq.wants |= raised(m) & bit(v);
}

uint64_t ixm_irq_interval_ns(struct ixgbe_model *m, unsigned vector)
{
	uint32_t eitr = ixm_reg(m, (uint32_t)IXGBE_EITR(vector));

	return (uint64_t)((eitr & IXGBE_EITR_INTERVAL) >> IXGBE_EITR_INTERVAL_SHIFT) * ITR_UNIT_NS;
}

/* The message is on its way: what clears and masks itself by it. */
static void sent(struct ixgbe_model *m, unsigned v)
{
	uint32_t eiac = ixm_reg(m, IXGBE_EIAC), misc = 0;
	uint64_t queues = bit(v) & m->irq.cause;

	if (v == misc_vector(m))
		misc = m->irq.misc & m->irq.misc_mask;
	if (v >= 16 || eiac & bit(v)) /* those above are in no register that could clear them */
		m->irq.cause &= ~queues;
	if (ixm_reg(m, IXGBE_GPIE) & IXGBE_GPIE_EIAME) {
		m->irq.mask &= ~(queues & m->irq.automask);
		m->irq.misc_mask &= ~(misc & m->irq.misc_automask);
	}
	m->irq.misc &= ~(misc & eiac);
}

static void fire(struct ixgbe_model *m, unsigned v)
{
	const struct sim_irq *irqs = m->dev.irqs;

	m->counts[IXM_INTERRUPTS]++;
	if (msix(m)) {
		sim_irq_raise(&m->dev, VFIO_PCI_MSIX_IRQ_INDEX, v);
		sent(m, v);
	} else if (irqs[VFIO_PCI_MSIX_IRQ_INDEX].fds[0] >= 0) {
		sim_irq_raise(&m->dev, VFIO_PCI_MSIX_IRQ_INDEX, 0);
	} else if (irqs[VFIO_PCI_MSI_IRQ_INDEX].fds[0] >= 0) {
		sim_irq_raise(&m->dev, VFIO_PCI_MSI_IRQ_INDEX, 0);
	} else {
		sim_irq_raise(&m->dev, VFIO_PCI_INTX_IRQ_INDEX, 0);
	}
}

void ixm_irq_poll(struct ixgbe_model *m)
{
	struct ixm_irq *irq = &m->irq;

	irq->wants &= raised(m);
	for (uint64_t left = irq->wants; left; left &= left - 1) {
		unsigned v = (unsigned)__builtin_ctzll(left);

		if (m->now_ns < irq->next_ns[v])
			continue;
		irq->wants &= ~bit(v);
		irq->next_ns[v] = m->now_ns + ixm_irq_interval_ns(m, v);
		fire(m, v);
	}
}

static uint32_t causes(const struct ixgbe_model *m)
{
	return (uint32_t)(m->irq.cause & IXGBE_EICR_QUEUES) | m->irq.misc;
}

/* GPIE.OCD leaves the queues' bits; EIAM masks what was read. */
static uint32_t eicr_read(struct ixgbe_model *m)
{
	uint32_t value = causes(m);

	m->irq.mask &= ~(m->irq.automask & m->irq.cause & IXGBE_EICR_QUEUES);
	m->irq.misc_mask &= ~(m->irq.misc_automask & m->irq.misc);
	if (!(ixm_reg(m, IXGBE_GPIE) & IXGBE_GPIE_OCD))
		m->irq.cause &= ~(uint64_t)IXGBE_EICR_QUEUES;
	m->irq.misc &= 0xc0000000u & (ixm_reg(m, IXGBE_GPIE) & IXGBE_GPIE_OCD ? ~0u : 0);
	return value;
}

static uint32_t half(uint64_t bits, unsigned i)
{
	return (uint32_t)(bits >> 32 * i);
}

uint32_t ixm_irq_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	switch (off) {
	case IXGBE_EICR:
		return eicr_read(m);
	case IXGBE_EICS:
		/*
		 * Write only by its description; Linux' driver reads it to learn the causes without clearing them, and then
		 * writes those to EICR. One that read nothing here would never get rid of a cause.
		 */
		return causes(m);
	case IXGBE_EIMS:
		return (uint32_t)(m->irq.mask & IXGBE_EICR_QUEUES) | m->irq.misc_mask;
	case IXGBE_EIAM:
		return (uint32_t)(m->irq.automask & IXGBE_EICR_QUEUES) | m->irq.misc_automask;
	case IXGBE_EIMS_EX(0):
	case IXGBE_EIMS_EX(1):
		return half(m->irq.mask, i);
	case IXGBE_EIAM_EX(0):
	case IXGBE_EIAM_EX(1):
		return half(m->irq.automask, i);
	default: /* write only */
		return 0;
	}
}

static uint32_t queues(uint32_t value)
{
	return value & IXGBE_EICR_QUEUES;
}

static uint32_t misc(uint32_t value)
{
	return value & ~IXGBE_EICR_QUEUES;
}

void ixm_irq_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	uint64_t wide = (uint64_t)value << 32 * i;
	struct ixm_irq *irq = &m->irq;

	switch (off) {
	case IXGBE_EICR:
		irq->mask &= ~(irq->automask & irq->cause & queues(value));
		irq->misc_mask &= ~(irq->misc_automask & irq->misc & misc(value));
		irq->cause &= ~(uint64_t)queues(value);
		irq->misc &= ~misc(value);
		return;
	case IXGBE_EICS:
		irq->cause |= queues(value);
		irq->misc |= misc(value);
		break;
	case IXGBE_EICS_EX(0):
	case IXGBE_EICS_EX(1):
		irq->cause |= wide;
		break;
	case IXGBE_EIMS:
		irq->mask |= queues(value);
		irq->misc_mask |= misc(value);
		break;
	case IXGBE_EIMS_EX(0):
	case IXGBE_EIMS_EX(1):
		irq->mask |= wide;
		break;
	case IXGBE_EIMC:
		irq->mask &= ~(uint64_t)queues(value);
		irq->misc_mask &= ~misc(value);
		return;
	case IXGBE_EIMC_EX(0):
	case IXGBE_EIMC_EX(1):
		irq->mask &= ~wide;
		return;
	case IXGBE_EIAM:
		irq->automask = (irq->automask & ~(uint64_t)IXGBE_EICR_QUEUES) | queues(value);
		irq->misc_automask = misc(value);
		return;
	case IXGBE_EIAM_EX(0):
	case IXGBE_EIAM_EX(1):
		irq->automask = (irq->automask & ~(0xffffffffull << 32 * i)) | wide;
		return;
	default:
		return;
	}
	irq->wants |= raised(m); /* a cause was set by hand, or one that waited is no longer masked */
}

/* Without CNT_WDIS the counter is written too: the next interrupt need not wait for the last. */
void ixm_eitr_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	unsigned v = off >= (uint32_t)IXGBE_EITR(24) ? i + 24 : i;

	if (!(value & IXGBE_EITR_CNT_WDIS) && v < SIM_MAX_VECTORS)
		m->irq.next_ns[v] = m->now_ns;
	ixm_reg_set(m, off, value & ~IXGBE_EITR_CNT_WDIS);
}

static uint8_t vector_of(uint32_t entry)
{
	return entry & IXGBE_IVAR_VALID ? entry & IXGBE_IVAR_VECTOR : IXM_NO_VECTOR;
}

void ixm_ivar_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	ixm_reg_set(m, off, value);
	for (unsigned q = 2 * i; q < 2 * i + 2; q++) {
		m->rxq[q].q.vector = vector_of(value >> IXGBE_IVAR_RX_SHIFT(q));
		m->txq[q].q.vector = vector_of(value >> IXGBE_IVAR_TX_SHIFT(q));
	}
}

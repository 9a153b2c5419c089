/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

/*
 * Counters clear when they are read and wrap as they are wide. Of a pair the low half is read first: that takes the
 * whole value, and keeps its high bits for the read that follows.
 */

uint32_t ixm_stat_read(struct ixgbe_model *m, unsigned stat)
{
	uint32_t value = (uint32_t)m->stats[stat];

	m->stats[stat] = 0;
	return value;
}

uint32_t ixm_stat_read_low(struct ixgbe_model *m, unsigned stat)
{
	m->stats_high[stat] = (uint32_t)(m->stats[stat] >> 32) & 0xf;
	return ixm_stat_read(m, stat);
}

uint32_t ixm_stat_read_high(struct ixgbe_model *m, unsigned stat)
{
	uint32_t value = m->stats_high[stat];

	m->stats_high[stat] = 0;
	return value;
}

/*
 * Counters of the queues lie in pages that are shared, where nobody can tell when one is read. Drivers read all
 * statistics in one go, though: the errors of the MAC, then the queues, then the rest of the MAC's. So what has come since is
 * shown with the first of these reads and taken back with one of the last, and otherwise the page says 0.
 */
#define FIRST_OF_REST IXGBE_MLFC
#define LAST_OF_REST  IXGBE_XEC

static void show(struct ixgbe_model *m)
{
	for (unsigned i = 0; i < 16; i++) {
		uint64_t bytes = m->stats[IXM_QBRC + i];

		ixm_reg_set(m, IXGBE_QPRC(i), (uint32_t)m->stats[IXM_QPRC + i]);
		ixm_reg_set(m, IXGBE_QBRCL(i), (uint32_t)bytes);
		ixm_reg_set(m, IXGBE_QBRCH(i), (uint32_t)(bytes >> 32) & 0xf);
		ixm_reg_set(m, IXGBE_QPRDC(i), (uint32_t)m->stats[IXM_QPRDC + i]);
		ixm_reg_set(m, IXGBE_QPTC_ALIAS(i), (uint32_t)m->stats[IXM_QPTC + i]);
	}
}

/* What was shown in a register counts as read, unless a message has read it, too. */
static void take(struct ixgbe_model *m, unsigned stat, uint64_t shown)
{
	m->stats[stat] -= shown < m->stats[stat] ? shown : m->stats[stat];
}

static void take_back(struct ixgbe_model *m)
{
	for (unsigned i = 0; i < 16; i++) {
		uint64_t bytes = ixm_reg(m, IXGBE_QBRCL(i)) | (uint64_t)ixm_reg(m, IXGBE_QBRCH(i)) << 32;

		take(m, IXM_QPRC + i, ixm_reg(m, IXGBE_QPRC(i)));
		take(m, IXM_QBRC + i, bytes);
		take(m, IXM_QPRDC + i, ixm_reg(m, IXGBE_QPRDC(i)));
		take(m, IXM_QPTC + i, ixm_reg(m, IXGBE_QPTC_ALIAS(i)));
		ixm_reg_set(m, IXGBE_QPRC(i), 0);
		ixm_reg_set(m, IXGBE_QBRCL(i), 0);
		ixm_reg_set(m, IXGBE_QBRCH(i), 0);
		ixm_reg_set(m, IXGBE_QPRDC(i), 0);
		ixm_reg_set(m, IXGBE_QPTC_ALIAS(i), 0);
	}
}

void ixm_stats_pass(struct ixgbe_model *m, uint32_t off)
{
	if (off == IXGBE_CRCERRS)
		show(m);
	else if (off >= FIRST_OF_REST && off <= LAST_OF_REST)
		take_back(m);
}

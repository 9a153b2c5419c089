// SPDX-License-Identifier: BSD-2-Clause
/* The registers as they are, for people who look for a fault; none that a read would change. */
#include <stdio.h>

#include "ixgbe.h"

struct list {
	const struct ixgbe_hw *hw;
	struct vireo_register *regs;
	unsigned room, n;
};

static void add(struct list *l, const char *name, int idx, uint32_t offset)
{
	struct vireo_register *r = &l->regs[l->n];

	if (l->n++ >= l->room)
		return;
	if (idx < 0)
		snprintf(r->name, sizeof(r->name), "%s", name);
	else
		snprintf(r->name, sizeof(r->name), "%s(%d)", name, idx);
	r->offset = offset;
	r->value = ixgbe_read(l->hw, offset);
}

#define ONE(l, reg)  add(l, #reg, -1, IXGBE_##reg)
#define AT(l, reg, i) add(l, #reg, (int)(i), IXGBE_##reg(i))

static void add_card(struct list *l)
{
	ONE(l, CTRL);
	ONE(l, STATUS);
	ONE(l, CTRL_EXT);
	ONE(l, ESDP);
	ONE(l, LEDCTL);
	ONE(l, EEC);
	ONE(l, FWSM);
	ONE(l, FACTPS);
	ONE(l, SW_FW_SYNC);
	ONE(l, GCR_EXT);
	ONE(l, AUTOC);
	ONE(l, AUTOC2);
	ONE(l, LINKS);
	ONE(l, ANLP1);
	ONE(l, HLREG0);
	ONE(l, MAXFRS);
	ONE(l, MFLCN);
	ONE(l, FCCFG);
	AT(l, FCRTL, 0);
	AT(l, FCRTH, 0);
}

static void add_interrupts(struct list *l, unsigned n_rxq)
{
	ONE(l, EIMS);
	ONE(l, EIAC);
	ONE(l, EIAM);
	ONE(l, GPIE);
	ONE(l, IVAR_MISC);
	for (unsigned i = 0; i < 2; i++) {
		AT(l, EIMS_EX, i);
		AT(l, EIAM_EX, i);
	}
	for (unsigned i = 0; i < (n_rxq + 1) / 2; i++)
		AT(l, IVAR, i);
	for (unsigned i = 0; i <= n_rxq && i < IXGBE_N_VECTORS; i++)
		AT(l, EITR, i);
}

static void add_common(struct list *l)
{
	ONE(l, RXCTRL);
	ONE(l, SECRXCTRL);
	ONE(l, SECRXSTAT);
	ONE(l, RDRXCTL);
	AT(l, RXPBSIZE, 0);
	ONE(l, RXCSUM);
	ONE(l, RFCTL);
	ONE(l, FCTRL);
	ONE(l, VLNCTRL);
	ONE(l, MCSTCTRL);
	ONE(l, MRQC);
	AT(l, RAL, 0);
	AT(l, RAH, 0);
	ONE(l, DMATXCTL);
	ONE(l, DTXTCPFLGL);
	ONE(l, DTXTCPFLGH);
	ONE(l, RTTDCS);
	ONE(l, MTQC);
	ONE(l, DTXMXSZRQ);
	AT(l, TXPBSIZE, 0);
	AT(l, TXPBTHRESH, 0);
}

static void add_rxq(struct list *l, unsigned i)
{
	AT(l, RDBAL, i);
	AT(l, RDBAH, i);
	AT(l, RDLEN, i);
	AT(l, RDH, i);
	AT(l, RDT, i);
	AT(l, SRRCTL, i);
	AT(l, RXDCTL, i);
	AT(l, RSCCTL, i);
	AT(l, DCA_RXCTRL, i);
}

static void add_txq(struct list *l, unsigned i)
{
	AT(l, TDBAL, i);
	AT(l, TDBAH, i);
	AT(l, TDLEN, i);
	AT(l, TDH, i);
	AT(l, TDT, i);
	AT(l, TXDCTL, i);
	AT(l, TDWBAL, i);
	AT(l, DCA_TXCTRL, i);
}

int ixgbe_registers(struct vireo_port *port, struct vireo_register *regs, unsigned n)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct list l = {.hw = &ixgbe_port_of(port)->hw, .regs = regs, .room = n};
	int err;

	add_card(&l);
	add_interrupts(&l, cfg->n_rxq);
	add_common(&l);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		add_rxq(&l, i);
	for (unsigned i = 0; i < cfg->n_txq; i++)
		add_txq(&l, i);
	err = ixgbe_hw_check(l.hw);
	return err ? err : (int)l.n;
}

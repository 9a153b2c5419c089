/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "internal.h"

/* Power-on, the two resets of CTRL, and the master that is told to keep off memory. */

#define RESET_NS   1000ull /* the reset bits are seen for this long */
#define RESET_BITS (IXGBE_CTRL_RST | IXGBE_CTRL_LRST)

/* What RST and LRST have in common: everything but configuration space, the semaphores and the state of the link. */
static void device_reset(struct ixgbe_model *m)
{
	uint32_t swsm = ixm_reg(m, IXGBE_SWSM), sync = ixm_reg(m, IXGBE_SW_FW_SYNC);

	ixm_queues_reset(m);
	ixm_rx_reset(m);
	ixm_irq_reset(m);
	ixm_flow_reset(m);
	ixm_regs_reset(m);
	if (ixm_copper(m))
		ixm_reg_set(m, (uint32_t)IXGBE_RXPBSIZE(0), IXGBE_X540_RX_BUFFER_KIB << IXGBE_RXPBSIZE_SHIFT);
	ixm_reg_set(m, IXGBE_SWSM, swsm);
	ixm_reg_set(m, IXGBE_SW_FW_SYNC, sync);
	memset(m->stats, 0, sizeof(m->stats));
	memset(m->stats_high, 0, sizeof(m->stats_high));
	ixm_link_power_on(m);
	ixm_eeprom_load(m);
	m->gio_wanted_off = false;
	m->counts[IXM_RESETS]++;
}

void ixm_power_on(struct ixgbe_model *m)
{
	ixm_reg_set(m, IXGBE_SWSM, 0);
	ixm_reg_set(m, IXGBE_SW_FW_SYNC, 0);
	device_reset(m);
	ixm_config_init(m);
	memset(m->msix, 0, sizeof(m->msix));
	memset(&m->i2c, 0, sizeof(m->i2c));
	m->i2c.out = true;
	m->spi = (struct ixm_spi){0};
	m->phy = (struct ixm_phy){0};
	m->link.up = m->link.started = m->link.negotiating = false;
	m->link.autoc = m->link.autoc2 = 0;
	m->reset_done_ns = 0;
	m->timer_ns = 0;
}

void ixm_ctrl_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	if (value & RESET_BITS) {
		device_reset(m);
		if (value & IXGBE_CTRL_LRST || !m->link.started || m->link.autoc != ixm_reg(m, IXGBE_AUTOC))
			ixm_link_restart(m);
		ixm_reg_set(m, IXGBE_CTRL, value & RESET_BITS);
		m->reset_done_ns = m->now_ns + RESET_NS;
		ixm_timer(m, m->reset_done_ns);
		return;
	}
	ixm_reg_set(m, IXGBE_CTRL, value);
	if (value & IXGBE_CTRL_GIO_DIS && !m->gio_wanted_off) {
		m->gio_wanted_off = true;
		m->gio_done_ns = m->now_ns + (m->cfg.trap ? (uint64_t)m->cfg.delay_us * 1000 : 0);
	} else if (!(value & IXGBE_CTRL_GIO_DIS)) {
		m->gio_wanted_off = false;
	}
}

uint32_t ixm_ctrl_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	ixm_reset_poll(m);
	return ixm_reg(m, IXGBE_CTRL);
}

uint32_t ixm_status_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	bool off_now = m->gio_wanted_off && m->now_ns >= m->gio_done_ns && !m->faults[IXM_FAULT_MASTER];

	return (off_now ? 0 : IXGBE_STATUS_GIO) | (m->link.up ? IXGBE_STATUS_LINK : 0);
}

void ixm_reset_poll(struct ixgbe_model *m)
{
	uint32_t ctrl = ixm_reg(m, IXGBE_CTRL);

	if (!(ctrl & RESET_BITS) || m->faults[IXM_FAULT_RESET])
		return;
	if (m->now_ns >= m->reset_done_ns)
		ixm_reg_set(m, IXGBE_CTRL, ctrl & ~RESET_BITS);
	else
		ixm_timer(m, m->reset_done_ns);
}

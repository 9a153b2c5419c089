/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

/*
 * The link. After power-on it is down; a link reset or AUTOC's restart bit starts it with what AUTOC and AUTOC2 hold
 * then, and it comes up a moment later if that is 10G serial as SFI, the laser is on, and there is light.
 */

#define TRAINING_NS  (1000ull * 1000)
#define CARRIER_NS   (100ull * 1000) /* how often the wire is asked */
#define LASER_OFF    IXGBE_ESDP_SDP(3)
#define MODULE_THERE IXGBE_ESDP_SDP(2)
#define LINKS_10G_UP (IXGBE_LINKS_UP | 3u << IXGBE_LINKS_SPEED_SHIFT | 1u << 17 | 1u << 7)

static unsigned lms(uint32_t autoc)
{
	return (autoc & IXGBE_AUTOC_LMS) >> IXGBE_AUTOC_LMS_SHIFT;
}

static bool negotiates(uint32_t autoc)
{
	return lms(autoc) == IXGBE_AUTOC_LMS_KX4_KX_KR || lms(autoc) >= IXGBE_AUTOC_LMS_KX4_KX_KR_1G_AN;
}

static bool can_come_up(const struct ixgbe_model *m)
{
	const struct ixm_link *l = &m->link;

	if (m->faults[IXM_FAULT_LINK])
		return false;
	if (l->autoc & IXGBE_AUTOC_FLU)
		return true;
	if (ixm_copper(m))
		return l->started && l->carrier;
	return l->laser && l->carrier && lms(l->autoc) == IXGBE_AUTOC_LMS_10G_SFI &&
	       (l->autoc2 & IXGBE_AUTOC2_10G) >> IXGBE_AUTOC2_10G_SHIFT == IXGBE_AUTOC2_10G_SFI &&
	       !(l->autoc2 & IXGBE_AUTOC2_LINK_DIS);
}

static void set_laser(struct ixgbe_model *m, bool on)
{
	if (m->link.laser == on)
		return;
	m->link.laser = on;
	if (m->end->ops->set_laser)
		m->end->ops->set_laser(m->end, on);
}

void ixm_link_restart(struct ixgbe_model *m)
{
	struct ixm_link *l = &m->link;

	l->autoc = ixm_reg(m, IXGBE_AUTOC);
	l->autoc2 = ixm_reg(m, IXGBE_AUTOC2);
	l->started = true;
	l->negotiating = negotiates(l->autoc);
	l->ready_ns = m->now_ns + TRAINING_NS;
	l->carrier_ns = 0;
	if (l->up) {
		l->up = false;
		ixm_irq_misc(m, IXGBE_EICR_LSC);
	}
	m->timer_ns = 0;
}

/* AUTOC and AUTOC2 as the EEPROM has them; only a link reset starts anything. */
void ixm_link_power_on(struct ixgbe_model *m)
{
	ixm_reg_set(m, IXGBE_AUTOC, IXGBE_AUTOC_LMS_10G_SFI << IXGBE_AUTOC_LMS_SHIFT | IXGBE_AUTOC_1G_PMA);
	ixm_reg_set(m, IXGBE_AUTOC2, IXGBE_AUTOC2_10G_SFI << IXGBE_AUTOC2_10G_SHIFT);
	set_laser(m, true);
}

void ixm_link_poll(struct ixgbe_model *m)
{
	struct ixm_link *l = &m->link;
	bool up;

	if (m->now_ns >= l->carrier_ns) {
		l->carrier = m->end->ops->carrier ? m->end->ops->carrier(m->end, m->now_ns) : true;
		l->carrier_ns = m->now_ns + CARRIER_NS;
	}
	ixm_timer(m, l->carrier_ns);
	up = can_come_up(m);
	if (up && !l->up && m->now_ns < l->ready_ns) {
		ixm_timer(m, l->ready_ns);
		return;
	}
	if (!up)
		l->ready_ns = m->now_ns + TRAINING_NS;
	if (up != l->up) {
		l->up = up;
		ixm_irq_misc(m, IXGBE_EICR_LSC);
	}
}

void ixm_autoc_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	ixm_reg_set(m, off, value & ~IXGBE_AUTOC_RESTART);
	if (value & IXGBE_AUTOC_RESTART)
		ixm_link_restart(m);
	else if ((value ^ m->link.autoc) & IXGBE_AUTOC_FLU) {
		m->link.autoc = (m->link.autoc & ~IXGBE_AUTOC_FLU) | (value & IXGBE_AUTOC_FLU);
		m->timer_ns = 0;
	}
}

uint32_t ixm_links_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return m->link.up ? LINKS_10G_UP : 0;
}

/* Nobody answers on the other side, but the state machine has left state 0. */
uint32_t ixm_anlp1_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return m->link.negotiating ? 1u << 16 : 0;
}

uint32_t ixm_esdp_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return (ixm_reg(m, off) & ~MODULE_THERE) | MODULE_THERE;
}

void ixm_esdp_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	ixm_reg_set(m, off, value);
	set_laser(m, !(value & LASER_OFF));
	m->timer_ns = 0;
}

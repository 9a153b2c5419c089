/* SPDX-License-Identifier: BSD-2-Clause */
#include "internal.h"

/*
 * What is behind the MAC. An 82599 has nobody on its MDIO bus, and an SFP+ module whose identity lies in an EEPROM at an
 * I2C bus; an X540 or X550 has a PHY for twisted pair at address 0.
 */

#define X540_PHY_ID_HIGH 0x0154
#define X540_PHY_ID_LOW	 0x0200
#define AN_STATUS	 1
#define AN_STATUS_DONE	 (1u << 5)
#define AN_STATUS_LINK	 (1u << 2)

/* Where a register of autonegotiation is kept; NULL: it is none that the model has. */
static uint16_t *an_reg(struct ixgbe_model *m, unsigned mmd, uint16_t reg)
{
	if (mmd != IXGBE_MMD_AN)
		return NULL;
	switch (reg) {
	case IXGBE_AN_CONTROL:
		return &m->phy.control;
	case IXGBE_AN_ADVERTISE:
		return &m->phy.advertise;
	case IXGBE_AN_10G_CONTROL:
		return &m->phy.advertise_10g;
	default:
		return NULL;
	}
}

static uint16_t mdio_read(struct ixgbe_model *m, unsigned phy, unsigned mmd)
{
	const uint16_t *reg = an_reg(m, mmd, m->phy.addr);

	if (!ixm_copper(m) || phy)
		return 0xffff;
	if (mmd == IXGBE_MMD_PMA && m->phy.addr == IXGBE_PHY_ID_HIGH)
		return X540_PHY_ID_HIGH;
	if (mmd == IXGBE_MMD_PMA && m->phy.addr == IXGBE_PHY_ID_LOW)
		return X540_PHY_ID_LOW;
	if (mmd == IXGBE_MMD_AN && m->phy.addr == AN_STATUS)
		return m->link.up ? AN_STATUS_DONE | AN_STATUS_LINK : 0;
	return reg ? *reg : 0;
}

static void mdio_write(struct ixgbe_model *m, unsigned phy, unsigned mmd, uint16_t value)
{
	uint16_t *reg = an_reg(m, mmd, m->phy.addr);

	if (!ixm_copper(m) || phy || !reg)
		return;
	*reg = value;
	if (reg == &m->phy.control && value & IXGBE_AN_CONTROL_RESTART) {
		*reg &= (uint16_t)~IXGBE_AN_CONTROL_RESTART;
		ixm_link_restart(m);
	}
}

/* Clause 45: an address cycle, then one of data. The command bit is back at once. */
void ixm_msca_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	unsigned phy = value >> IXGBE_MSCA_PHY_SHIFT & 0x1f, mmd = value >> IXGBE_MSCA_MMD_SHIFT & 0x1f;
	uint32_t data = ixm_reg(m, IXGBE_MSRWD) & 0xffff;

	ixm_reg_set(m, off, value & ~IXGBE_MSCA_CMD);
	if (!(value & IXGBE_MSCA_CMD))
		return;
	if ((value & IXGBE_MSCA_OP) == IXGBE_MSCA_OP_ADDR)
		m->phy.addr = (uint16_t)(value & IXGBE_MSCA_REG);
	else if ((value & IXGBE_MSCA_OP) == IXGBE_MSCA_OP_READ)
		ixm_reg_set(m, IXGBE_MSRWD, data | (uint32_t)mdio_read(m, phy, mmd) << IXGBE_MSRWD_READ_SHIFT);
	else if ((value & IXGBE_MSCA_OP) == IXGBE_MSCA_OP_WRITE)
		mdio_write(m, phy, mmd, (uint16_t)data);
}

/* A 10GBASE-SR module: identifier, codes, vendor (Intel's OUI, so that no driver refuses it). */
static uint8_t module_byte(uint8_t addr)
{
	switch (addr) {
	case IXGBE_SFP_ID:
		return IXGBE_SFP_ID_SFP;
	case 1: /* extended identifier */
		return 4;
	case 2: /* LC connector */
		return 7;
	case IXGBE_SFP_10G_CODES:
		return IXGBE_SFP_10G_SR;
	case IXGBE_SFP_OUI + 1:
		return 0x1b;
	case IXGBE_SFP_OUI + 2:
		return 0x21;
	default:
		return 0;
	}
}

enum { I2C_IDLE, I2C_ADDRESS, I2C_OFFSET, I2C_WRITE, I2C_READ };

/* The ninth clock of a byte: the module acknowledges by pulling the line, or the driver did. */
static void i2c_byte_done(struct ixm_i2c *c)
{
	switch (c->state) {
	case I2C_ADDRESS:
		c->selected = (c->byte & ~1u) == IXGBE_SFP_I2C_ADDR;
		c->reading = c->byte & 1;
		break;
	case I2C_OFFSET:
		c->addr = c->byte;
		break;
	default:
		break;
	}
	c->out = !c->selected;
}

static void i2c_next_byte(struct ixm_i2c *c, bool acked)
{
	c->bit = 0;
	c->out = true;
	if (!c->selected)
		c->state = I2C_IDLE;
	else if (c->state == I2C_ADDRESS)
		c->state = c->reading ? I2C_READ : I2C_OFFSET;
	else if (c->state == I2C_OFFSET)
		c->state = I2C_WRITE;
	else if (c->state == I2C_READ && !acked)
		c->state = I2C_IDLE;
	if (c->state == I2C_READ) {
		c->byte = module_byte(c->addr++);
		c->out = c->byte & 0x80;
	}
}

static void i2c_rise(struct ixm_i2c *c, bool data)
{
	if (c->state == I2C_IDLE)
		return;
	if (c->bit < 8 && c->state != I2C_READ)
		c->byte = (uint8_t)(c->byte << 1 | data);
	else if (c->bit == 8 && c->state == I2C_READ)
		c->reading = !data; /* the driver's acknowledge */
}

static void i2c_fall(struct ixm_i2c *c)
{
	if (c->state == I2C_IDLE)
		return;
	if (++c->bit == 9) {
		i2c_next_byte(c, c->reading);
	} else if (c->bit == 8) {
		if (c->state == I2C_READ)
			c->out = true;
		else
			i2c_byte_done(c);
	} else if (c->state == I2C_READ) {
		c->out = c->byte >> (7 - c->bit) & 1;
	}
}

uint32_t ixm_i2c_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	const struct ixm_i2c *c = &m->i2c;
	uint32_t value = 0;

	if (c->clk)
		value |= IXGBE_I2CCTL_CLK_OUT | IXGBE_I2CCTL_CLK_IN;
	if (c->data)
		value |= IXGBE_I2CCTL_DATA_OUT;
	if (c->data && c->out)
		value |= IXGBE_I2CCTL_DATA_IN;
	return value;
}

void ixm_i2c_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	bool clk = value & IXGBE_I2CCTL_CLK_OUT, data = value & IXGBE_I2CCTL_DATA_OUT;
	struct ixm_i2c *c = &m->i2c;

	if (clk && c->clk && c->data && !data) { /* start */
		c->state = I2C_ADDRESS;
		c->bit = 0xff; /* the clock falls once before the first bit */
		c->selected = false;
		c->out = true;
	} else if (clk && c->clk && !c->data && data) { /* stop */
		c->state = I2C_IDLE;
		c->out = true;
	} else if (clk && !c->clk) {
		i2c_rise(c, data);
	} else if (!clk && c->clk) {
		i2c_fall(c);
	}
	c->clk = clk;
	c->data = data;
}

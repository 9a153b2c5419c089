// SPDX-License-Identifier: BSD-2-Clause
/*
 * The wire. An 82599 talks to an SFP+ module over I2C, which we clock by hand, and drives the line itself as AUTOC says; an
 * X540 or X550 has a PHY at its MDIO bus that agrees with the other side alone. In no case is the link waited for: it
 * comes up by itself, and an interrupt tells.
 */
#include <errno.h>
#include <string.h>

#include "ixgbe.h"

/* I2C in standard mode: 100 kHz. */
#define I2C_HALF_US 5

/* A module is looked for no more often than this. */
#define LOOK_US 1000000

#define N_PHY_ADDRS 32

/* I2C: the line is high unless somebody pulls it down, so writing a 1 means letting go. */

static void i2c_pause(void)
{
	struct deadline d = deadline_in_us(I2C_HALF_US);

	while (!deadline_passed(&d))
		;
}

static void i2c_set(const struct ixgbe_hw *hw, bool clock, bool data)
{
	ixgbe_write(hw, IXGBE_I2CCTL, (clock ? IXGBE_I2CCTL_CLK_OUT : 0) | (data ? IXGBE_I2CCTL_DATA_OUT : 0));
}

static void i2c_drive(const struct ixgbe_hw *hw, bool clock, bool data)
{
	i2c_set(hw, clock, data);
	i2c_pause();
}

/* Also in the middle of a transfer, where the clock is low. */
static void i2c_start(const struct ixgbe_hw *hw)
{
	i2c_drive(hw, false, true);
	i2c_drive(hw, true, true);
	i2c_drive(hw, true, false);
	i2c_drive(hw, false, false);
}

static void i2c_stop(const struct ixgbe_hw *hw)
{
	i2c_drive(hw, false, false);
	i2c_drive(hw, true, false);
	i2c_drive(hw, true, true);
}

/* The line is looked at while the clock is high; whoever comes next begins with a pause in which it is low. */
static bool i2c_bit(const struct ixgbe_hw *hw, bool bit, bool look)
{
	bool seen;

	i2c_drive(hw, false, bit);
	i2c_drive(hw, true, bit);
	seen = look && ixgbe_read(hw, IXGBE_I2CCTL) & IXGBE_I2CCTL_DATA_IN;
	i2c_set(hw, false, bit);
	return seen;
}

static bool i2c_send(const struct ixgbe_hw *hw, uint8_t byte)
{
	for (int i = 7; i >= 0; i--)
		i2c_bit(hw, byte >> i & 1, false);
	/* Who listens pulls the line down. */
	return !i2c_bit(hw, true, true);
}

static uint8_t i2c_receive(const struct ixgbe_hw *hw, bool last)
{
	uint8_t byte = 0;

	for (int i = 7; i >= 0; i--)
		byte |= i2c_bit(hw, true, true) << i;
	i2c_bit(hw, last, false);
	return byte;
}

/* Bytes of the module's memory from @at on; false when nothing answers. */
static bool read_module(const struct ixgbe_hw *hw, uint8_t at, uint8_t *bytes, unsigned n)
{
	bool ok;

	i2c_start(hw);
	ok = i2c_send(hw, IXGBE_SFP_I2C_ADDR) && i2c_send(hw, at);
	if (ok) {
		i2c_start(hw);
		ok = i2c_send(hw, IXGBE_SFP_I2C_ADDR | 1);
	}
	for (unsigned i = 0; ok && i < n; i++)
		bytes[i] = i2c_receive(hw, i + 1 == n);
	i2c_stop(hw);
	return ok;
}

/* What the first bytes of a module say of it. */
static enum ixgbe_media classify(const uint8_t id[IXGBE_SFP_CABLE + 1])
{
	if (id[IXGBE_SFP_ID] != IXGBE_SFP_ID_SFP)
		return IXGBE_MEDIA_BAD_MODULE;
	/* Whether an active cable limits or not: both are set up as the wire that they are. */
	if (id[IXGBE_SFP_CABLE] & (IXGBE_SFP_CABLE_PASSIVE | IXGBE_SFP_CABLE_ACTIVE))
		return IXGBE_MEDIA_DIRECT;
	if (id[IXGBE_SFP_10G_CODES] & (IXGBE_SFP_10G_SR | IXGBE_SFP_10G_LR))
		return IXGBE_MEDIA_SR_LR;
	if (id[IXGBE_SFP_1G_CODES] & (IXGBE_SFP_1G_SX | IXGBE_SFP_1G_LX | IXGBE_SFP_1G_T))
		return IXGBE_MEDIA_1G;
	return IXGBE_MEDIA_BAD_MODULE;
}

static enum ixgbe_media identify_module(const struct ixgbe_hw *hw)
{
	uint8_t id[IXGBE_SFP_CABLE + 1];
	bool found;

	if (ixgbe_hw_lock(hw, IXGBE_SYNC_PHY(hw->lan)))
		return IXGBE_MEDIA_UNKNOWN;
	/* A module that was interrupted in the middle of a byte needs one start and stop to come to its senses. */
	found = read_module(hw, 0, id, sizeof(id)) || read_module(hw, 0, id, sizeof(id));
	ixgbe_hw_unlock(hw, IXGBE_SYNC_PHY(hw->lan));
	return found ? classify(id) : IXGBE_MEDIA_NO_MODULE;
}

static bool is_cage(uint16_t device_id)
{
	switch (device_id) {
	case IXGBE_DEV_82599_SFP:
	case IXGBE_DEV_82599_SFP_EM:
	case IXGBE_DEV_82599_SFP_FF:
	case IXGBE_DEV_82599_SFP_SF2:
	case IXGBE_DEV_82599EN_SFP:
	case IXGBE_DEV_82599_FCOE:
	case IXGBE_DEV_82599_QSFP_SF:
		return true;
	default:
		return false;
	}
}

static enum ixgbe_media identify(const struct ixgbe_hw *hw)
{
	if (hw->kind->copper || hw->device_id == IXGBE_DEV_82599_T3)
		return IXGBE_MEDIA_COPPER;
	return is_cage(hw->device_id) ? identify_module(hw) : IXGBE_MEDIA_BACKPLANE;
}

const char *ixgbe_phy_media(const struct ixgbe_hw *hw)
{
	static const char *const names[] = {
		[IXGBE_MEDIA_UNKNOWN] = "unknown wire",
		[IXGBE_MEDIA_BACKPLANE] = "backplane",
		[IXGBE_MEDIA_COPPER] = "twisted pair",
		[IXGBE_MEDIA_NO_MODULE] = "no module",
		[IXGBE_MEDIA_DIRECT] = "direct-attach cable",
		[IXGBE_MEDIA_SR_LR] = "10 Gbit/s optics",
		[IXGBE_MEDIA_1G] = "1 Gbit/s module",
		[IXGBE_MEDIA_BAD_MODULE] = "unknown module",
	};

	return names[hw->media];
}

/* The EEPROM has a list of analog settings for each kind of module: pairs of kind and pointer, until 0xffff. */

static int find_settings(const struct ixgbe_hw *hw, uint16_t kind, uint16_t *ret_at)
{
	uint16_t list, found, at;
	int err;

	*ret_at = 0;
	err = ixgbe_hw_read_eeprom(hw, IXGBE_EE_SFP_LIST, &list);
	if (err || list == 0 || list == 0xffff)
		return err;
	for (unsigned i = 0; i < IXGBE_EE_MAX_LIST; i++) {
		err = ixgbe_hw_read_eeprom(hw, list + 1 + 2 * i, &found);
		if (err || found == 0xffff)
			return err;
		err = ixgbe_hw_read_eeprom(hw, list + 2 + 2 * i, &at);
		if (err)
			return err;
		if (found == kind) {
			*ret_at = at == 0xffff ? 0 : at;
			return 0;
		}
	}
	return 0;
}

static int write_settings(const struct ixgbe_hw *hw, uint16_t at)
{
	for (unsigned i = 1; i <= IXGBE_EE_MAX_LIST; i++) {
		uint16_t word;
		int err;

		err = ixgbe_hw_read_eeprom(hw, at + i, &word);
		if (err || word == 0xffff)
			return err;
		ixgbe_write(hw, IXGBE_CORECTL, word);
	}
	return 0;
}

static int set_up_analog(const struct ixgbe_hw *hw)
{
	uint16_t kind = hw->media == IXGBE_MEDIA_DIRECT ? IXGBE_EE_SFP_DIRECT : IXGBE_EE_SFP_OPTICS;
	uint16_t at;
	int err;

	if (hw->media != IXGBE_MEDIA_DIRECT && hw->media != IXGBE_MEDIA_SR_LR && hw->media != IXGBE_MEDIA_1G)
		return 0;
	err = ixgbe_hw_lock(hw, IXGBE_SYNC_MAC);
	if (err)
		return err;
	err = find_settings(hw, kind + hw->lan, &at);
	if (!err && at)
		err = write_settings(hw, at);
	ixgbe_hw_unlock(hw, IXGBE_SYNC_MAC);
	return err;
}

/* 22.19: what the line is, and go. A module that we do not know is taken for one of 10 Gbit/s, as most are. */
static int restart_line(const struct ixgbe_hw *hw)
{
	uint32_t autoc = hw->autoc, lms = IXGBE_AUTOC_LMS_10G_SFI;
	int err;

	err = ixgbe_hw_lock(hw, IXGBE_SYNC_MAC);
	if (err)
		return err;
	if (hw->media != IXGBE_MEDIA_BACKPLANE) {
		if (hw->media == IXGBE_MEDIA_1G)
			lms = IXGBE_AUTOC_LMS_1G_AN;
		autoc = (autoc & ~IXGBE_AUTOC_LMS) | lms << IXGBE_AUTOC_LMS_SHIFT;
		ixgbe_set(hw, IXGBE_AUTOC2, IXGBE_AUTOC2_10G, IXGBE_AUTOC2_10G_SFI << IXGBE_AUTOC2_10G_SHIFT);
	}
	ixgbe_write(hw, IXGBE_AUTOC, autoc | IXGBE_AUTOC_RESTART);
	ixgbe_hw_unlock(hw, IXGBE_SYNC_MAC);
	return 0;
}

/* MDIO: IEEE 802.3 clause 45. An access is an address cycle and a data cycle. */

static int mdio_cycle(const struct ixgbe_hw *hw, uint32_t op, unsigned phy, unsigned mmd, uint16_t reg)
{
	ixgbe_write(hw, IXGBE_MSCA,
		    reg | mmd << IXGBE_MSCA_MMD_SHIFT | phy << IXGBE_MSCA_PHY_SHIFT | op | IXGBE_MSCA_CMD);
	return ixgbe_hw_wait(hw, IXGBE_MSCA, IXGBE_MSCA_CMD, 0, "the MDIO bus did not answer");
}

static int mdio_read(const struct ixgbe_hw *hw, unsigned phy, unsigned mmd, uint16_t reg, uint16_t *ret_value)
{
	int err;

	err = mdio_cycle(hw, IXGBE_MSCA_OP_ADDR, phy, mmd, reg);
	if (!err)
		err = mdio_cycle(hw, IXGBE_MSCA_OP_READ, phy, mmd, reg);
	if (!err)
		*ret_value = ixgbe_read(hw, IXGBE_MSRWD) >> IXGBE_MSRWD_READ_SHIFT;
	return err;
}

static int mdio_write(const struct ixgbe_hw *hw, unsigned phy, unsigned mmd, uint16_t reg, uint16_t value)
{
	int err;

	err = mdio_cycle(hw, IXGBE_MSCA_OP_ADDR, phy, mmd, reg);
	if (err)
		return err;
	ixgbe_write(hw, IXGBE_MSRWD, value);
	return mdio_cycle(hw, IXGBE_MSCA_OP_WRITE, phy, mmd, reg);
}

/* The address of the PHY, or -ENOENT. */
static int find_phy(const struct ixgbe_hw *hw)
{
	for (unsigned phy = 0; phy < N_PHY_ADDRS; phy++) {
		uint16_t id;
		int err;

		err = mdio_read(hw, phy, IXGBE_MMD_PMA, IXGBE_PHY_ID_HIGH, &id);
		if (err)
			return err;
		if (id != 0 && id != 0xffff)
			return (int)phy;
	}
	return -ENOENT;
}

/* Offer 10 Gbit/s and pause frames, and agree anew. */
static int negotiate(const struct ixgbe_hw *hw, unsigned phy)
{
	uint16_t word;
	int err;

	err = mdio_read(hw, phy, IXGBE_MMD_AN, IXGBE_AN_10G_CONTROL, &word);
	if (!err)
		err = mdio_write(hw, phy, IXGBE_MMD_AN, IXGBE_AN_10G_CONTROL, word | IXGBE_AN_10G_ADVERTISE);
	if (!err)
		err = mdio_read(hw, phy, IXGBE_MMD_AN, IXGBE_AN_ADVERTISE, &word);
	if (!err)
		err = mdio_write(hw, phy, IXGBE_MMD_AN, IXGBE_AN_ADVERTISE,
				 word | IXGBE_AN_ADVERTISE_PAUSE | IXGBE_AN_ADVERTISE_ASM);
	if (!err)
		err = mdio_read(hw, phy, IXGBE_MMD_AN, IXGBE_AN_CONTROL, &word);
	if (!err)
		err = mdio_write(hw, phy, IXGBE_MMD_AN, IXGBE_AN_CONTROL,
				 word | IXGBE_AN_CONTROL_ENABLE | IXGBE_AN_CONTROL_RESTART);
	return err;
}

static int restart_copper(const struct ixgbe_hw *hw)
{
	int err, phy;

	err = ixgbe_hw_lock(hw, IXGBE_SYNC_PHY(hw->lan));
	if (err)
		return err;
	phy = find_phy(hw);
	/* Firmware may keep the PHY to itself, and then it has done all this. */
	err = phy >= 0 ? negotiate(hw, (unsigned)phy) : phy == -ENOENT ? 0 : phy;
	ixgbe_hw_unlock(hw, IXGBE_SYNC_PHY(hw->lan));
	return err;
}

/* The link */

static void set_laser(const struct ixgbe_hw *hw, bool on)
{
	if (is_cage(hw->device_id))
		ixgbe_set(hw, IXGBE_ESDP, IXGBE_ESDP_SDP(3), on ? 0 : IXGBE_ESDP_SDP(3));
}

int ixgbe_phy_start(struct ixgbe_hw *hw)
{
	int err;

	hw->looked_us = deadline_now_us();
	hw->media = identify(hw);
	err = ixgbe_hw_check(hw);
	if (err)
		return err;
	if (hw->media == IXGBE_MEDIA_COPPER)
		return restart_copper(hw);
	err = set_up_analog(hw);
	if (!err)
		err = restart_line(hw);
	if (!err)
		set_laser(hw, true);
	return err;
}

void ixgbe_phy_stop(struct ixgbe_hw *hw)
{
	set_laser(hw, false);
}

int ixgbe_phy_poll(struct ixgbe_hw *hw)
{
	if (hw->media != IXGBE_MEDIA_NO_MODULE || deadline_now_us() - hw->looked_us < LOOK_US)
		return 0;
	if (ixgbe_read(hw, IXGBE_LINKS) & IXGBE_LINKS_UP)
		return 0;
	return ixgbe_phy_start(hw);
}

static uint32_t speed_of(const struct ixgbe_hw *hw, uint32_t links)
{
	bool odd = hw->mac == IXGBE_X550 && (links & IXGBE_LINKS_X550_2G5_5G);

	switch ((links & IXGBE_LINKS_SPEED) >> IXGBE_LINKS_SPEED_SHIFT) {
	case 3:
		return odd ? 2500 : 10000;
	case 2:
		return 1000;
	case 1:
		return odd ? 5000 : 100;
	default:
		return 0;
	}
}

int ixgbe_phy_link(const struct ixgbe_hw *hw, struct vireo_link *ret_link)
{
	uint32_t links = ixgbe_read(hw, IXGBE_LINKS);

	if (links == IXGBE_LOST && ixgbe_hw_check(hw))
		return -ENODEV;
	*ret_link = (struct vireo_link){
		.up = links & IXGBE_LINKS_UP,
		.full_duplex = true,
		.speed_mbps = links & IXGBE_LINKS_UP ? speed_of(hw, links) : 0,
	};
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "model_rig.h"

/* The 82599 model: registers, reset, EEPROM, module, semaphores, link, configuration space. No driver is involved. */

static int shared_setup(void **state)
{
	*state = rig_create(NULL);
	return 0;
}

static int trap_setup(void **state)
{
	const struct ixgbe_model_config cfg = {.trap = true, .delay_us = 200};

	*state = rig_create(&cfg);
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

static uint32_t config_read(struct rig *rig, unsigned off, unsigned len)
{
	uint32_t value = 0;

	assert_int_equal(rig->dev->ops->read(rig->dev, VFIO_PCI_CONFIG_REGION_INDEX, off, &value, len), 0);
	return value;
}

static void config_write(struct rig *rig, unsigned off, uint32_t value, unsigned len)
{
	assert_int_equal(rig->dev->ops->write(rig->dev, VFIO_PCI_CONFIG_REGION_INDEX, off, &value, len), 0);
}

static void config_read_identity_is_an_82599(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(config_read(rig, PCI_VENDOR_ID, 2), 0x8086);
	assert_int_equal(config_read(rig, PCI_DEVICE_ID, 2), 0x10fb);
	assert_int_equal(config_read(rig, PCI_CLASS_REVISION, 4), 0x02000001);
}

static void config_write_bar_tells_its_size(void **state)
{
	struct rig *rig = *state;

	config_write(rig, PCI_BASE_ADDRESS_0, ~0u, 4);
	config_write(rig, PCI_BASE_ADDRESS_4, ~0u, 4);
	config_write(rig, PCI_BASE_ADDRESS_2, ~0u, 4);
	assert_int_equal(config_read(rig, PCI_BASE_ADDRESS_0, 4),
			 (uint32_t) ~(0x80000 - 1) | PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(config_read(rig, PCI_BASE_ADDRESS_4, 4),
			 (uint32_t) ~(0x4000 - 1) | PCI_BASE_ADDRESS_MEM_TYPE_64);
	assert_int_equal(config_read(rig, PCI_BASE_ADDRESS_2, 4), 0);
}

static void config_read_capabilities_are_chained(void **state)
{
	const uint8_t want[] = {PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP};
	struct rig *rig = *state;
	unsigned at = config_read(rig, PCI_CAPABILITY_LIST, 1), n = 0;

	for (; at; at = config_read(rig, at + 1, 1), n++) {
		assert_true(n < N_OF(want));
		assert_int_equal(config_read(rig, at, 1), want[n]);
	}
	assert_int_equal(n, N_OF(want));
	assert_int_equal(config_read(rig, 0x72, 2) & PCI_MSIX_FLAGS_QSIZE, 63);
}

static void config_write_flr_resets(void **state)
{
	struct rig *rig = *state;
	unsigned pcie = 0xa0;

	rig_write(rig, IXGBE_LEDCTL, 5);
	config_write(rig, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	config_write(rig, pcie + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(rig_read(rig, IXGBE_LEDCTL), 0);
	assert_int_equal(config_read(rig, PCI_COMMAND, 2), 0);
}

static void config_read_outside_refused(void **state)
{
	struct rig *rig = *state;
	uint8_t buf[16];

	assert_int_equal(rig->dev->ops->read(rig->dev, VFIO_PCI_CONFIG_REGION_INDEX, 4090, buf, 16), -EINVAL);
	assert_int_equal(rig->dev->ops->write(rig->dev, VFIO_PCI_CONFIG_REGION_INDEX, 4090, buf, 16), -EINVAL);
}

static void regs_modes_are_those_of_the_chip(void **state)
{
	struct rig *rig = *state;
	uint32_t status = rig_read(rig, IXGBE_STATUS);

	rig_write(rig, IXGBE_STATUS, ~0u); /* RO */
	assert_int_equal(rig_read(rig, IXGBE_STATUS), status);
	rig_write(rig, IXGBE_LEDCTL, 0x12345678); /* RW */
	assert_int_equal(rig_read(rig, IXGBE_LEDCTL), 0x12345678);
	rig_write(rig, IXGBE_RDRXCTL, 0);
	assert_int_equal(rig_read(rig, IXGBE_RDRXCTL), IXGBE_RDRXCTL_DMAIDONE);
	rig_write(rig, IXGBE_EICS, 1u << 20); /* sets EICR, and shows it without clearing */
	assert_int_equal(rig_read(rig, IXGBE_EICS), 1u << 20);
	assert_int_equal(rig_read(rig, IXGBE_EICS), 1u << 20);
	rig_write(rig, IXGBE_EICS, 1u << 24);
	rig_write(rig, IXGBE_EICR, 1u << 20); /* W1C */
	assert_int_equal(rig_read(rig, IXGBE_EICR), 1u << 24);
	assert_int_equal(rig_read(rig, IXGBE_EICR), 0); /* RC */
	rig_write(rig, IXGBE_GPRC, 77);			/* a counter cannot be written */
	assert_int_equal(rig_read(rig, IXGBE_GPRC), 0);
}

static void regs_aliases_are_one_register(void **state)
{
	const uint32_t pairs[][2] = {
		{IXGBE_SRRCTL_ALIAS(3), (uint32_t)IXGBE_SRRCTL(3)},
		{IXGBE_RAL_ALIAS(5), IXGBE_RAL(5)},
		{IXGBE_RAH_ALIAS(15), IXGBE_RAH(15)},
		{IXGBE_MRQC_ALIAS, IXGBE_MRQC},
		{IXGBE_RETA_ALIAS(31), IXGBE_RETA(31)},
		{IXGBE_RSSRK_ALIAS(9), IXGBE_RSSRK(9)},
		{IXGBE_PSRTYPE_ALIAS(2), IXGBE_PSRTYPE(2)},
		{IXGBE_DCA_RXCTRL_ALIAS(15), (uint32_t)IXGBE_DCA_RXCTRL(15)},
	};
	struct rig *rig = *state;

	for (unsigned i = 0; i < N_OF(pairs); i++) {
		rig_write(rig, pairs[i][0], 0x100 + i);
		assert_int_equal(rig_read(rig, pairs[i][1]), 0x100 + i);
		rig_write(rig, pairs[i][1], 0x200 + i);
		assert_int_equal(rig_read(rig, pairs[i][0]), 0x200 + i);
	}
	assert_int_equal(rig_counter(rig, "unknown_registers"), 0);
}

static void regs_unknown_is_told_once(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_read(rig, 0x1ff00), 0);
	rig_write(rig, 0x1ff00, 7);
	assert_int_equal(rig_read(rig, 0x1ff00), 0);
	assert_int_equal(rig_counter(rig, "unknown_registers"), 1);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "0x1ff00"));
	assert_ptr_equal(rig->dev->ops->complaint(rig->dev), ixgbe_model_complaint(rig->dev));
}

static void regs_narrow_write_is_a_mistake(void **state)
{
	struct rig *rig = *state;
	uint16_t value = 0xffff;

	assert_int_equal(rig->dev->ops->write(rig->dev, 0, IXGBE_LEDCTL, &value, 2), 0);
	assert_int_equal(rig_read(rig, IXGBE_LEDCTL), 0);
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
}

static void reset_bits_clear_themselves_and_registers(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, IXGBE_LEDCTL, 5);
	rig_write(rig, IXGBE_RAL(1), 5);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_RST);
	assert_int_equal(rig_read(rig, IXGBE_CTRL) & IXGBE_CTRL_RST, IXGBE_CTRL_RST);
	rig_run(rig, 2000, 1);
	assert_int_equal(rig_read(rig, IXGBE_CTRL), 0);
	assert_int_equal(rig_read(rig, IXGBE_LEDCTL), 0);
	assert_int_equal(rig_read(rig, IXGBE_RAL(1)), 0);
	assert_int_equal(rig_read(rig, IXGBE_RAL(0)), 0x33221102);
	assert_int_equal(rig_read(rig, IXGBE_RAH(0)), 0x80005544);
}

static void reset_fault_never_ends(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig->dev->ops->fault(rig->dev, "reset-never-ends", true), 0);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_RST);
	rig_run(rig, 1000000000, 100);
	assert_int_equal(rig_read(rig, IXGBE_CTRL) & IXGBE_CTRL_RST, IXGBE_CTRL_RST);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "reset-never-ends", false), 0);
	rig_run(rig, 1000, 1);
	assert_int_equal(rig_read(rig, IXGBE_CTRL), 0);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "no-such-fault", true), -EINVAL);
}

static void reset_master_disable_is_acknowledged(void **state)
{
	struct rig *rig = *state;

	assert_true(rig_read(rig, IXGBE_STATUS) & IXGBE_STATUS_GIO);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_GIO_DIS);
	rig_run(rig, 1000000, 1);
	assert_false(rig_read(rig, IXGBE_STATUS) & IXGBE_STATUS_GIO);
	rig_write(rig, IXGBE_CTRL, 0);
	assert_true(rig_read(rig, IXGBE_STATUS) & IXGBE_STATUS_GIO);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "master-stays", true), 0);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_GIO_DIS);
	rig_run(rig, 1000000, 1);
	assert_true(rig_read(rig, IXGBE_STATUS) & IXGBE_STATUS_GIO);
}

static uint16_t eeprom(struct rig *rig, uint32_t addr)
{
	uint32_t value;

	rig_write(rig, IXGBE_EERD, addr << IXGBE_EERD_ADDR_SHIFT | IXGBE_EERD_START);
	value = rig_read(rig, IXGBE_EERD);
	assert_true(value & IXGBE_EERD_DONE);
	return (uint16_t)(value >> IXGBE_EERD_DATA_SHIFT);
}

static uint16_t eeprom_sum(struct rig *rig)
{
	uint16_t sum = 0;

	for (uint32_t i = 0; i <= 0x3f; i++)
		sum = (uint16_t)(sum + eeprom(rig, i));
	for (uint32_t i = 0x03; i <= 0x0e; i++) {
		uint16_t at = eeprom(rig, i), len;

		if (at == 0 || at == 0xffff)
			continue;
		len = eeprom(rig, at);
		for (uint16_t k = 1; len != 0xffff && k <= len; k++)
			sum = (uint16_t)(sum + eeprom(rig, at + (uint32_t)k));
	}
	return sum;
}

static void eeprom_sum_is_baba(void **state)
{
	struct rig *rig = *state;

	assert_true(rig_read(rig, IXGBE_EEC) & IXGBE_EEC_PRES);
	assert_true(rig_read(rig, IXGBE_EEC) & IXGBE_EEC_ARD);
	assert_int_equal(eeprom_sum(rig), 0xbaba);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "bad-eeprom", true), 0);
	assert_int_not_equal(eeprom_sum(rig), 0xbaba);
}

/* The ways that public drivers go through the EEPROM end well. */
/* One bit in and one out over the wires of the EEPROM. */
static unsigned spi_bit(struct rig *rig, unsigned in)
{
	uint32_t wires = IXGBE_EEC_REQ | (in ? IXGBE_EEC_DI : 0);
	unsigned out;

	rig_write(rig, IXGBE_EEC, wires);
	rig_write(rig, IXGBE_EEC, wires | IXGBE_EEC_SK);
	out = rig_read(rig, IXGBE_EEC) & IXGBE_EEC_DO ? 1 : 0;
	rig_write(rig, IXGBE_EEC, wires);
	return out;
}

static uint32_t spi_bits(struct rig *rig, uint32_t value, unsigned n)
{
	uint32_t out = 0;

	while (n--)
		out = out << 1 | spi_bit(rig, value >> n & 1);
	return out;
}

/* The chip sends the low byte of a word first. */
static uint16_t spi_word(struct rig *rig, uint32_t word)
{
	uint32_t bytes;

	rig_write(rig, IXGBE_EEC, IXGBE_EEC_REQ | IXGBE_EEC_CS);
	rig_write(rig, IXGBE_EEC, IXGBE_EEC_REQ);
	spi_bits(rig, 3, 8);
	spi_bits(rig, 2 * word, 16);
	bytes = spi_bits(rig, 0, 16);
	return (uint16_t)(bytes << 8 | bytes >> 8);
}

/* DPDK reads its first word so. */
static void eeprom_bit_by_bit_is_the_same(void **state)
{
	struct rig *rig = *state;
	uint16_t next = eeprom(rig, 0x10);

	assert_false(rig_read(rig, IXGBE_EEC) & IXGBE_EEC_GNT);
	rig_write(rig, IXGBE_EEC, IXGBE_EEC_REQ);
	assert_true(rig_read(rig, IXGBE_EEC) & IXGBE_EEC_GNT);
	/* The status register: not busy. */
	spi_bits(rig, 5, 8);
	assert_int_equal(spi_bits(rig, 0, 8), 0);
	for (uint32_t i = 0; i < 0x200; i += 7)
		assert_int_equal(spi_word(rig, i), eeprom(rig, i));
	assert_int_equal(spi_word(rig, 0x3f), eeprom(rig, 0x3f));
	/* It goes on with the next word by itself. */
	assert_int_equal(spi_word(rig, 0x0f), eeprom(rig, 0x0f));
	assert_int_equal(spi_bits(rig, 0, 16), (uint16_t)(next << 8 | next >> 8));
	rig_write(rig, IXGBE_EEC, 0);
	assert_false(rig_read(rig, IXGBE_EEC) & IXGBE_EEC_GNT);
}

static void eeprom_blocks_satisfy_drivers(void **state)
{
	struct rig *rig = *state;
	uint16_t fw = eeprom(rig, IXGBE_EE_FIRMWARE), at = eeprom(rig, IXGBE_EE_SFP_LIST), type;

	assert_true(eeprom(rig, eeprom(rig, fw + 4u) + 7u) > 5);
	assert_int_equal(eeprom(rig, fw + 2u), 0);
	for (type = eeprom(rig, ++at); type != 5 && type != 0xffff; type = eeprom(rig, at))
		at = (uint16_t)(at + 2);
	assert_int_equal(type, 5);
	at = eeprom(rig, at + 1u);
	for (unsigned n = 0; eeprom(rig, at + 1u) != 0xffff; at++, n++)
		assert_true(n < 16);
	assert_int_equal(eeprom(rig, IXGBE_EE_CAPS) & 0x81, 0x81);
}

static void sem_smbi_is_taken_by_reading(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_read(rig, IXGBE_SWSM), 0);
	assert_int_equal(rig_read(rig, IXGBE_SWSM), IXGBE_SWSM_SMBI);
	rig_write(rig, IXGBE_SWSM, IXGBE_SWSM_SMBI | IXGBE_SWSM_SWESMBI);
	assert_int_equal(rig_read(rig, IXGBE_SWSM), IXGBE_SWSM_SMBI | IXGBE_SWSM_SWESMBI);
	rig_write(rig, IXGBE_SW_FW_SYNC, IXGBE_SYNC_EEPROM);
	rig_write(rig, IXGBE_SWSM, 0);
	assert_int_equal(rig_read(rig, IXGBE_SW_FW_SYNC), IXGBE_SYNC_EEPROM);
	assert_int_equal(rig_counter(rig, "driver_errors"), 0);
	rig_write(rig, IXGBE_SW_FW_SYNC, 0);
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
}

/* I2C by hand, from the bus's rules. */

static void i2c(struct rig *rig, bool clk, bool data)
{
	rig_write(rig, IXGBE_I2CCTL, (clk ? IXGBE_I2CCTL_CLK_OUT : 0) | (data ? IXGBE_I2CCTL_DATA_OUT : 0));
}

static bool i2c_bit(struct rig *rig, bool data)
{
	bool in;

	i2c(rig, false, data);
	i2c(rig, true, data);
	in = rig_read(rig, IXGBE_I2CCTL) & IXGBE_I2CCTL_DATA_IN;
	i2c(rig, false, data);
	return in;
}

static void i2c_start(struct rig *rig)
{
	i2c(rig, false, true);
	i2c(rig, true, true);
	i2c(rig, true, false);
	i2c(rig, false, false);
}

static bool i2c_send(struct rig *rig, uint8_t byte)
{
	for (int k = 7; k >= 0; k--)
		i2c_bit(rig, byte >> k & 1);
	return !i2c_bit(rig, true); /* acknowledged */
}

static uint8_t i2c_receive(struct rig *rig, bool ack)
{
	uint8_t byte = 0;

	for (int k = 0; k < 8; k++)
		byte = (uint8_t)(byte << 1 | i2c_bit(rig, true));
	i2c_bit(rig, !ack);
	return byte;
}

static void i2c_stop(struct rig *rig)
{
	i2c(rig, false, false);
	i2c(rig, true, false);
	i2c(rig, true, true);
}

static uint8_t module_read(struct rig *rig, uint8_t addr)
{
	uint8_t byte;

	i2c_start(rig);
	assert_true(i2c_send(rig, 0xa0));
	assert_true(i2c_send(rig, addr));
	i2c_start(rig);
	assert_true(i2c_send(rig, 0xa1));
	byte = i2c_receive(rig, false);
	i2c_stop(rig);
	return byte;
}

static void i2c_module_is_an_sr_of_intel(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(module_read(rig, 0x00), 0x03);
	assert_int_equal(module_read(rig, 0x03), 0x10);
	assert_int_equal(module_read(rig, 0x06), 0x00);
	assert_int_equal(module_read(rig, 0x08), 0x00);
	assert_int_equal(module_read(rig, 0x25), 0x00);
	assert_int_equal(module_read(rig, 0x26), 0x1b);
	assert_int_equal(module_read(rig, 0x27), 0x21);
	assert_true(rig_read(rig, IXGBE_ESDP) & IXGBE_ESDP_SDP(2));
}

static void i2c_other_address_is_not_acknowledged(void **state)
{
	struct rig *rig = *state;

	i2c_start(rig);
	assert_false(i2c_send(rig, 0x50));
	i2c_stop(rig);
	assert_int_equal(module_read(rig, 0x00), 0x03);
}

static void i2c_read_on_gives_the_next_bytes(void **state)
{
	struct rig *rig = *state;

	i2c_start(rig);
	assert_true(i2c_send(rig, 0xa0));
	assert_true(i2c_send(rig, 0x25));
	i2c_start(rig);
	assert_true(i2c_send(rig, 0xa1));
	assert_int_equal(i2c_receive(rig, true), 0x00);
	assert_int_equal(i2c_receive(rig, true), 0x1b);
	assert_int_equal(i2c_receive(rig, false), 0x21);
	i2c_stop(rig);
}

static void mdio_no_phy_answers(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, IXGBE_MSCA,
		  IXGBE_PHY_ID_HIGH | 1u << IXGBE_MSCA_MMD_SHIFT | IXGBE_MSCA_OP_READ | IXGBE_MSCA_CMD);
	assert_false(rig_read(rig, IXGBE_MSCA) & IXGBE_MSCA_CMD);
	assert_int_equal(rig_read(rig, IXGBE_MSRWD) >> 16, 0xffff);
}

static uint16_t mdio(struct rig *rig, unsigned phy, unsigned mmd, uint16_t reg, uint32_t op, uint16_t value)
{
	uint32_t where = phy << IXGBE_MSCA_PHY_SHIFT | mmd << IXGBE_MSCA_MMD_SHIFT | IXGBE_MSCA_CMD;

	rig_write(rig, IXGBE_MSCA, where | reg | IXGBE_MSCA_OP_ADDR);
	rig_write(rig, IXGBE_MSRWD, value);
	rig_write(rig, IXGBE_MSCA, where | op);
	return (uint16_t)(rig_read(rig, IXGBE_MSRWD) >> IXGBE_MSRWD_READ_SHIFT);
}

static bool link_up(struct rig *rig);

static void mdio_x540_has_a_phy_that_starts_the_link(void **state)
{
	const struct ixgbe_model_config cfg = {.device_id = IXGBE_DEV_X540T};
	struct rig *rig = rig_create(&cfg);

	assert_int_equal(mdio(rig, 1, IXGBE_MMD_PMA, IXGBE_PHY_ID_HIGH, IXGBE_MSCA_OP_READ, 0), 0xffff);
	assert_int_equal(mdio(rig, 0, IXGBE_MMD_PMA, IXGBE_PHY_ID_HIGH, IXGBE_MSCA_OP_READ, 0), 0x0154);
	assert_int_equal(mdio(rig, 0, IXGBE_MMD_PMA, IXGBE_PHY_ID_LOW, IXGBE_MSCA_OP_READ, 0), 0x0200);
	mdio(rig, 0, IXGBE_MMD_AN, IXGBE_AN_ADVERTISE, IXGBE_MSCA_OP_WRITE, 0xc01);
	assert_int_equal(mdio(rig, 0, IXGBE_MMD_AN, IXGBE_AN_ADVERTISE, IXGBE_MSCA_OP_READ, 0), 0xc01);
	rig_run(rig, 5000000, 50);
	assert_false(link_up(rig));
	mdio(rig, 0, IXGBE_MMD_AN, IXGBE_AN_CONTROL, IXGBE_MSCA_OP_WRITE, IXGBE_AN_CONTROL_ENABLE | IXGBE_AN_CONTROL_RESTART);
	assert_int_equal(mdio(rig, 0, IXGBE_MMD_AN, IXGBE_AN_CONTROL, IXGBE_MSCA_OP_READ, 0), IXGBE_AN_CONTROL_ENABLE);
	rig_run(rig, 5000000, 50);
	assert_true(link_up(rig));
	rig_destroy(rig);
}

static bool link_up(struct rig *rig)
{
	return rig_read(rig, IXGBE_LINKS) & IXGBE_LINKS_UP;
}

static void link_comes_after_link_reset(void **state)
{
	struct rig *rig = *state;

	rig_run(rig, 50000000, 50);
	assert_false(link_up(rig)); /* nobody has started it */
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_LRST);
	assert_false(link_up(rig));
	rig_run(rig, 5000000, 50);
	assert_true(link_up(rig));
	assert_int_equal((rig_read(rig, IXGBE_LINKS) & IXGBE_LINKS_SPEED) >> IXGBE_LINKS_SPEED_SHIFT, 3);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_RST); /* which leaves it alone */
	assert_true(link_up(rig));
}

static void link_needs_the_right_mode(void **state)
{
	struct rig *rig = *state;
	uint32_t autoc = rig_read(rig, IXGBE_AUTOC);

	rig_bring_up(rig);
	rig_write(rig, IXGBE_AUTOC,
		  autoc ^ IXGBE_AUTOC_LMS_KX4_KX_KR << IXGBE_AUTOC_LMS_SHIFT); /* not started with it */
	rig_run(rig, 5000000, 50);
	assert_true(link_up(rig));
	rig_write(rig, IXGBE_AUTOC, (autoc ^ 4u << IXGBE_AUTOC_LMS_SHIFT) | IXGBE_AUTOC_RESTART);
	assert_int_equal(rig_read(rig, IXGBE_AUTOC) & IXGBE_AUTOC_RESTART, 0);
	rig_run(rig, 5000000, 50);
	assert_false(link_up(rig));
	assert_int_not_equal(rig_read(rig, IXGBE_ANLP1) & IXGBE_ANLP1_AN_STATE, 0);
	rig_write(rig, IXGBE_AUTOC, autoc | IXGBE_AUTOC_RESTART);
	assert_false(link_up(rig));
	rig_run(rig, 5000000, 50);
	assert_true(link_up(rig));
}

static void link_follows_light(void **state)
{
	struct rig *rig = *state;

	rig_bring_up(rig);
	rig_read(rig, IXGBE_EICR);
	rig->carrier = false;
	rig_run(rig, 1000000, 10);
	assert_false(link_up(rig));
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_LSC);
	rig->carrier = true;
	rig_run(rig, 5000000, 50);
	assert_true(link_up(rig));
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_LSC);
	rig_write(rig, IXGBE_ESDP, rig_read(rig, IXGBE_ESDP) | IXGBE_ESDP_SDP(3));
	assert_false(rig->laser);
	rig_run(rig, 1000000, 10);
	assert_false(link_up(rig));
}

static void link_fault_never_comes(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig->dev->ops->fault(rig->dev, "link-never-comes", true), 0);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_LRST);
	rig_run(rig, 100000000, 100);
	assert_false(link_up(rig));
}

static void gone_everything_is_ones(void **state)
{
	struct rig *rig = *state;

	rig_bring_up(rig);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "all-ones", true), 0);
	assert_int_equal(rig_read(rig, IXGBE_STATUS), 0xffffffff);
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_RXDCTL(0)), 0xffffffff);
	assert_int_equal(config_read(rig, PCI_VENDOR_ID, 2), 0xffff);
	rig_write(rig, IXGBE_LEDCTL, 1);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "all-ones", false), 0);
	assert_int_equal(rig_read(rig, IXGBE_LEDCTL), 0);
	assert_int_equal(config_read(rig, PCI_VENDOR_ID, 2), 0x8086);
}

static void handshake_enable_takes_its_time(void **state)
{
	struct rig *rig = *state;
	uint32_t rxdctl = (uint32_t)IXGBE_RXDCTL(7);

	rig_bring_up(rig);
	rig_write(rig, (uint32_t)IXGBE_RDLEN(7), 2048);
	rig_write(rig, rxdctl, IXGBE_RXDCTL_ENABLE | IXGBE_RXDCTL_VME);
	assert_int_equal(rig_read(rig, rxdctl), IXGBE_RXDCTL_VME);
	rig_write(rig, (uint32_t)IXGBE_RDT(7), 127); /* too early */
	rig_run(rig, 100000, 1);
	assert_int_equal(rig_read(rig, rxdctl), IXGBE_RXDCTL_VME);
	rig_run(rig, 110000, 1);
	assert_int_equal(rig_read(rig, rxdctl), IXGBE_RXDCTL_VME | IXGBE_RXDCTL_ENABLE);
	assert_int_equal(rig_read(rig, (uint32_t)IXGBE_RDT(7)), 0);
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "rx queue 7"));
	rig_write(rig, (uint32_t)IXGBE_RDT(7), 127);
	assert_int_equal(rig_read(rig, (uint32_t)IXGBE_RDT(7)), 127);
	rig_write(rig, rxdctl, 0);
	assert_int_equal(rig_read(rig, rxdctl), IXGBE_RXDCTL_ENABLE);
	rig_run(rig, 210000, 1);
	assert_int_equal(rig_read(rig, rxdctl), 0);
}

static void handshake_fault_never_enables(void **state)
{
	struct rig *rig = *state;

	rig_bring_up(rig);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "enable-never", true), 0);
	rig_write(rig, (uint32_t)IXGBE_TXDCTL(0), IXGBE_TXDCTL_ENABLE);
	rig_run(rig, 10000000, 10);
	assert_int_equal(rig_read(rig, (uint32_t)IXGBE_TXDCTL(0)), 0);
}

static void create_multicast_address_refused(void **state)
{
	const struct ixgbe_model_config cfg = {.mac = {1}};
	struct sim_device *dev = NULL;
	struct sim_wire_end end = {0};

	assert_int_equal(ixgbe_model_create(&cfg, &end, &dev), -EINVAL);
	assert_int_equal(ixgbe_model_create(&(struct ixgbe_model_config){0}, NULL, &dev), -EINVAL);
	assert_null(dev);
}

#define BOTH(test)                                                                                                     \
	{#test "_shared", test, shared_setup, teardown, NULL},                                                         \
	{                                                                                                              \
#test "_trap", test, trap_setup, teardown, NULL                                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(config_read_identity_is_an_82599),
		BOTH(config_write_bar_tells_its_size),
		BOTH(config_read_capabilities_are_chained),
		BOTH(config_write_flr_resets),
		BOTH(config_read_outside_refused),
		BOTH(regs_modes_are_those_of_the_chip),
		BOTH(regs_aliases_are_one_register),
		BOTH(regs_unknown_is_told_once),
		BOTH(regs_narrow_write_is_a_mistake),
		BOTH(reset_bits_clear_themselves_and_registers),
		BOTH(reset_fault_never_ends),
		BOTH(reset_master_disable_is_acknowledged),
		BOTH(eeprom_sum_is_baba),
		BOTH(eeprom_bit_by_bit_is_the_same),
		BOTH(eeprom_blocks_satisfy_drivers),
		BOTH(sem_smbi_is_taken_by_reading),
		BOTH(i2c_module_is_an_sr_of_intel),
		BOTH(i2c_other_address_is_not_acknowledged),
		BOTH(i2c_read_on_gives_the_next_bytes),
		BOTH(mdio_no_phy_answers),
		BOTH(link_comes_after_link_reset),
		BOTH(link_needs_the_right_mode),
		BOTH(link_follows_light),
		BOTH(link_fault_never_comes),
		BOTH(gone_everything_is_ones),
		cmocka_unit_test_setup_teardown(handshake_enable_takes_its_time, trap_setup, teardown),
		cmocka_unit_test_setup_teardown(handshake_fault_never_enables, trap_setup, teardown),
		cmocka_unit_test(mdio_x540_has_a_phy_that_starts_the_link),
		cmocka_unit_test(create_multicast_address_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

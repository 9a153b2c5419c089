/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "internal.h"

/*
 * PCI configuration space. Each byte has a mask of the bits that a write changes; bus mastering, BAR sizing and the
 * function-level reset are what something hangs on.
 */

#define CAP_PM	 0x40
#define CAP_MSI	 0x50
#define CAP_MSIX IXGBE_CFG_MSIX
#define CAP_PCIE 0xa0
#define CAP_AER	 0x100
#define CAP_DSN	 0x140

#define ETHERNET_CLASS 0x0200
#define SUBSYSTEM      0x0003

struct field {
	uint16_t off;
	uint8_t len;
	uint32_t value, writable;
};

static const struct field fields[] = {
	{PCI_VENDOR_ID, 2, IXGBE_VENDOR, 0},
	{PCI_COMMAND, 2, 0,
	 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE},
	{PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0},
	{PCI_REVISION_ID, 1, 1, 0},
	{PCI_CLASS_DEVICE, 2, ETHERNET_CLASS, 0},
	{PCI_CACHE_LINE_SIZE, 1, 16, 0xff},
	{PCI_BASE_ADDRESS_0, 4, PCI_BASE_ADDRESS_MEM_TYPE_64, ~(uint32_t)(IXGBE_BAR0_SIZE - 1)},
	{PCI_BASE_ADDRESS_1, 4, 0, ~0u},
	{PCI_BASE_ADDRESS_4, 4, PCI_BASE_ADDRESS_MEM_TYPE_64, ~(uint32_t)(IXM_MSIX_BAR_SIZE - 1)},
	{PCI_BASE_ADDRESS_5, 4, 0, ~0u},
	{PCI_SUBSYSTEM_VENDOR_ID, 2, IXGBE_VENDOR, 0},
	{PCI_SUBSYSTEM_ID, 2, SUBSYSTEM, 0},
	{PCI_CAPABILITY_LIST, 1, CAP_PM, 0},
	{PCI_INTERRUPT_LINE, 1, 0, 0xff},
	{PCI_INTERRUPT_PIN, 1, 1, 0},

	{CAP_PM, 2, PCI_CAP_ID_PM | CAP_MSI << 8, 0},
	{CAP_PM + PCI_PM_PMC, 2, 3, 0},
	{CAP_PM + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK},

	{CAP_MSI, 2, PCI_CAP_ID_MSI | CAP_MSIX << 8, 0},
	{CAP_MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT, PCI_MSI_FLAGS_ENABLE},
	{CAP_MSI + PCI_MSI_ADDRESS_LO, 4, 0, ~3u},
	{CAP_MSI + PCI_MSI_ADDRESS_HI, 4, 0, ~0u},
	{CAP_MSI + PCI_MSI_DATA_64, 2, 0, 0xffff},
	{CAP_MSI + PCI_MSI_MASK_64, 4, 0, 1},

	{CAP_MSIX, 2, PCI_CAP_ID_MSIX | CAP_PCIE << 8, 0},
	{CAP_MSIX + PCI_MSIX_FLAGS, 2, IXGBE_N_VECTORS - 1, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL},
	{CAP_MSIX + PCI_MSIX_TABLE, 4, IXGBE_MSIX_TABLE | IXGBE_MSIX_BAR, 0},
	{CAP_MSIX + PCI_MSIX_PBA, 4, IXGBE_MSIX_PBA | IXGBE_MSIX_BAR, 0},

	{CAP_PCIE, 2, PCI_CAP_ID_EXP, 0},
	{CAP_PCIE + PCI_EXP_FLAGS, 2, 2, 0},
	{CAP_PCIE + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER | 2, 0},
	{CAP_PCIE + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
	 0x7fff},
	{CAP_PCIE + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_5_0GB | 8 << 4, 0},
	{CAP_PCIE + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_CCC},
	{CAP_PCIE + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_5_0GB | PCI_EXP_LNKSTA_NLW_X8, 0},
	{CAP_PCIE + PCI_EXP_DEVCTL2, 2, 0, 0x1f},
	{CAP_PCIE + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_5_0GT, 0},

	{CAP_AER, 4, PCI_EXT_CAP_ID_ERR | 1 << 16 | CAP_DSN << 20, 0},
	{CAP_AER + PCI_ERR_UNCOR_MASK, 4, 0, ~0u},
	{CAP_AER + PCI_ERR_COR_MASK, 4, 0x2000, ~0u},
	{CAP_DSN, 4, PCI_EXT_CAP_ID_DSN | 1 << 16, 0},
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void put(struct ixgbe_model *m, unsigned off, unsigned len, uint32_t value)
{
	for (unsigned i = 0; i < len; i++)
		m->config[off + i] = (uint8_t)(value >> 8 * i);
}

void ixm_config_init(struct ixgbe_model *m)
{
	const uint8_t *mac = m->cfg.mac;

	memset(m->config, 0, sizeof(m->config));
	for (unsigned i = 0; i < N_FIELDS; i++)
		put(m, fields[i].off, fields[i].len, fields[i].value);
	put(m, PCI_DEVICE_ID, 2, m->cfg.device_id);
	put(m, CAP_DSN + 4, 4, (uint32_t)mac[5] | (uint32_t)mac[4] << 8 | (uint32_t)mac[3] << 16 | 0xff000000u);
	put(m, CAP_DSN + 8, 4, 0xff | (uint32_t)mac[2] << 8 | (uint32_t)mac[1] << 16 | (uint32_t)mac[0] << 24);
	m->bus_master = false;
}

static uint8_t writable(unsigned off)
{
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (off >= fields[i].off && off < fields[i].off + fields[i].len)
			return (uint8_t)(fields[i].writable >> 8 * (off - fields[i].off));
	return 0;
}

int ixm_config_read(struct ixgbe_model *m, uint64_t off, void *buf, unsigned len)
{
	if (off > sizeof(m->config) || len > sizeof(m->config) - off)
		return -EINVAL;
	memcpy(buf, m->config + off, len);
	return 0;
}

int ixm_config_write(struct ixgbe_model *m, uint64_t off, const void *buf, unsigned len)
{
	const unsigned flr = CAP_PCIE + PCI_EXP_DEVCTL + 1;
	const uint8_t *bytes = buf;

	if (off > sizeof(m->config) || len > sizeof(m->config) - off)
		return -EINVAL;
	if (off <= flr && flr < off + len && bytes[flr - off] & PCI_EXP_DEVCTL_BCR_FLR >> 8) {
		ixm_power_on(m);
		return 0;
	}
	for (unsigned i = 0; i < len; i++) {
		uint8_t mask = writable((unsigned)off + i), *byte = &m->config[off + i];

		*byte = (uint8_t)((*byte & ~mask) | (bytes[i] & mask));
	}
	m->bus_master = m->config[PCI_COMMAND] & PCI_COMMAND_MASTER;
	return 0;
}

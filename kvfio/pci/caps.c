// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space, the capabilities (PCI Local Bus 3.0, 6.7 and appendix H). Those in the table are
 * shown, all others are hidden and the list is linked past them.
 */

#include "pci.h"

#define MAX_CAPS ((256 - PCI_STD_HEADER_SIZEOF) / 4)

struct cap {
	u8 id;
	/*
	 * Makes the registers behind the first two bytes visible; returns how many bytes the
	 * capability has.
	 */
	unsigned int (*add)(struct kvfio_pci *vdev, unsigned int pos);
};

static u16 hw_word(struct kvfio_pci *vdev, unsigned int pos)
{
	return config_hw_read(vdev, pos, 2);
}

/* --- Power management (PCI Bus Power Management 1.2, 3.2) --- */

static void pm_written(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 control = config_virt(&vdev->config, pos, 2);

	/* pci_power_t counts as the register does, which then shows what came of it. */
	set_power_state(vdev, (__force pci_power_t)(control & PCI_PM_CTRL_STATE_MASK));
}

static unsigned int add_pm(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 capable = hw_word(vdev, pos + PCI_PM_PMC) & ~PCI_PM_CAP_PME_MASK;
	u16 control = hw_word(vdev, pos + PCI_PM_CTRL) &
		      (PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_NO_SOFT_RESET);

	/* Waking the host up is not for users. */
	config_field(vdev, pos + PCI_PM_PMC, 2, 0xffff, 0);
	config_set_virt(&vdev->config, pos + PCI_PM_PMC, 2, capable);
	/* A version that the kernel does not know, it does not drive. */
	config_field(vdev, pos + PCI_PM_CTRL, 2, 0xffff,
		     pos == vdev->pdev->pm_cap ? PCI_PM_CTRL_STATE_MASK : 0);
	config_set_virt(&vdev->config, pos + PCI_PM_CTRL, 2, control);
	config_add_hook(vdev, pos + PCI_PM_CTRL, 2, pm_written);
	return PCI_PM_SIZEOF;
}

/* --- Vital product data (PCI Local Bus 3.0, appendix I) --- */

/*
 * The flag says which way: a user who wants to read clears it and waits until it is set, and the
 * other way round. It is in the upper byte, so it takes a write to that to begin.
 */
static void vpd_upper_written(struct kvfio_pci *vdev, unsigned int upper)
{
	struct config_space *config = &vdev->config;
	unsigned int pos = upper - 1;
	unsigned int data_pos = pos - PCI_VPD_ADDR + PCI_VPD_DATA;
	u16 address = config_virt(config, pos, 2);
	__le32 data;

	if (address & PCI_VPD_ADDR_F) {
		data = cpu_to_le32(config_virt(config, data_pos, 4));
		if (pci_write_vpd(vdev->pdev, address & PCI_VPD_ADDR_MASK & ~3, 4, &data) != 4)
			return;
	} else {
		if (pci_read_vpd(vdev->pdev, address & PCI_VPD_ADDR_MASK & ~3, 4, &data) != 4)
			return;
		config_set_virt(config, data_pos, 4, le32_to_cpu(data));
	}
	config_set_virt(config, pos, 2, address ^ PCI_VPD_ADDR_F);
}

static unsigned int add_vpd(struct kvfio_pci *vdev, unsigned int pos)
{
	config_field(vdev, pos + PCI_VPD_ADDR, 2, 0xffff, 0xffff);
	config_field(vdev, pos + PCI_VPD_DATA, 4, U32_MAX, U32_MAX);
	config_add_hook(vdev, pos + PCI_VPD_ADDR + 1, 1, vpd_upper_written);
	return PCI_CAP_VPD_SIZEOF;
}

/* --- Message signalled interrupts: the kernel sets them up, SET_IRQS is the way --- */

static unsigned int add_msi(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 flags = hw_word(vdev, pos + PCI_MSI_FLAGS);
	bool wide = flags & PCI_MSI_FLAGS_64BIT;
	unsigned int data = pos + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32);

	config_field(vdev, pos + PCI_MSI_FLAGS, 2, 0xffff,
		     PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	config_set_virt(&vdev->config, pos + PCI_MSI_FLAGS, 2, flags & ~PCI_MSI_FLAGS_ENABLE);
	/* The host's addresses are nobody's business; what the user writes is his to read. */
	config_field(vdev, pos + PCI_MSI_ADDRESS_LO, 4, U32_MAX, ~3);
	config_set_virt(&vdev->config, pos + PCI_MSI_ADDRESS_LO, 4, 0);
	if (wide) {
		config_field(vdev, pos + PCI_MSI_ADDRESS_HI, 4, U32_MAX, U32_MAX);
		config_set_virt(&vdev->config, pos + PCI_MSI_ADDRESS_HI, 4, 0);
	}
	config_field(vdev, data, 2, 0xffff, 0xffff);
	config_set_virt(&vdev->config, data, 2, 0);
	if (!(flags & PCI_MSI_FLAGS_MASKBIT))
		return data + 2 - pos;
	config_field(vdev, data + 4, 4, U32_MAX, U32_MAX);
	config_set_virt(&vdev->config, data + 4, 4, 0);
	config_field(vdev, data + 8, 4, 0, 0);
	return data + 12 - pos;
}

static unsigned int add_msix(struct kvfio_pci *vdev, unsigned int pos)
{
	config_field(vdev, pos + PCI_MSIX_FLAGS, 2, 0, 0);
	config_field(vdev, pos + PCI_MSIX_TABLE, 4, 0, 0);
	config_field(vdev, pos + PCI_MSIX_PBA, 4, 0, 0);
	return PCI_CAP_MSIX_SIZEOF;
}

/* --- PCI Express (PCIe 3.0, 7.8) --- */

static void devctl_written(struct kvfio_pci *vdev, unsigned int pos)
{
	const u16 through = PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE |
			    PCI_EXP_DEVCTL_URRE | PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_EXT_TAG |
			    PCI_EXP_DEVCTL_NOSNOOP_EN;
	struct config_space *config = &vdev->config;
	u16 control = config_virt(config, pos, 2);
	u16 hw = config_hw_read(vdev, pos, 2);
	int readrq = 128 << ((control & PCI_EXP_DEVCTL_READRQ) >> 12);

	config_hw_write(vdev, pos, 2, (hw & ~through) | (control & through));
	/*
	 * The payload size is agreed between all devices of the bus; a request below it makes some
	 * devices fail.
	 */
	readrq = max(readrq, pcie_get_mps(vdev->pdev));
	if (readrq <= 4096 && readrq != pcie_get_readrq(vdev->pdev))
		pcie_set_readrq(vdev->pdev, readrq);
	if (!(control & PCI_EXP_DEVCTL_BCR_FLR))
		return;
	config_set_virt(config, pos, 2, control & ~PCI_EXP_DEVCTL_BCR_FLR);
	reset_function(vdev);
}

/* Bytes of the structure: version 1 ends where the device type has nothing more to say. */
static unsigned int pcie_size(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 flags = hw_word(vdev, pos + PCI_EXP_FLAGS);

	if ((flags & PCI_EXP_FLAGS_VERS) > 1)
		return PCI_CAP_EXP_ENDPOINT_SIZEOF_V2;
	if (pci_pcie_type(vdev->pdev) == PCI_EXP_TYPE_RC_END)
		return PCI_EXP_LNKCAP;
	return PCI_CAP_EXP_ENDPOINT_SIZEOF_V1;
}

static unsigned int add_pcie(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 devctl = ~(PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_AUX_PME) & 0xffff;
	unsigned int size = pcie_size(vdev, pos), reg;

	/* Without function level reset the top bit is something else. */
	if (!(config_hw_read(vdev, pos + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR))
		devctl &= ~PCI_EXP_DEVCTL_BCR_FLR;
	config_field(vdev, pos + PCI_EXP_FLAGS, 2, 0, 0);
	for (reg = PCI_EXP_DEVCAP; reg < size; reg += 4)
		config_field(vdev, pos + reg, 4, 0, 0);
	config_field(vdev, pos + PCI_EXP_DEVCTL, 2, 0xffff, devctl);
	config_add_hook(vdev, pos + PCI_EXP_DEVCTL, 2, devctl_written);
	if (size > PCI_EXP_DEVCTL2)
		config_field(vdev, pos + PCI_EXP_DEVCTL2, 2, 0,
			     PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS);
	return size;
}

/* --- Advanced features of conventional PCI: a reset --- */

static void af_written(struct kvfio_pci *vdev, unsigned int pos)
{
	u8 control = config_virt(&vdev->config, pos, 1);

	config_set_virt(&vdev->config, pos, 1, 0);
	if (control & PCI_AF_CTRL_FLR)
		reset_function(vdev);
}

static unsigned int add_af(struct kvfio_pci *vdev, unsigned int pos)
{
	config_field(vdev, pos + PCI_AF_LENGTH, 1, 0, 0);
	config_field(vdev, pos + PCI_AF_CAP, 1, 0, 0);
	config_field(vdev, pos + PCI_AF_CTRL, 1, 0xff, PCI_AF_CTRL_FLR);
	config_field(vdev, pos + PCI_AF_STATUS, 1, 0, 0);
	config_add_hook(vdev, pos + PCI_AF_CTRL, 1, af_written);
	return PCI_CAP_AF_SIZEOF;
}

/* --- Vendor specific: the device's own, which its user drives --- */

static unsigned int add_vendor(struct kvfio_pci *vdev, unsigned int pos)
{
	unsigned int size = config_hw_read(vdev, pos + PCI_CAP_FLAGS, 1), i;

	config_field(vdev, pos + PCI_CAP_FLAGS, 1, 0, 0);
	for (i = 3; i < size && pos + i < 256; i++)
		config_field(vdev, pos + i, 1, 0, 0xff);
	return size;
}

static unsigned int add_pcix(struct kvfio_pci *vdev, unsigned int pos)
{
	config_field(vdev, pos + PCI_X_CMD, 2, 0, 0);
	config_field(vdev, pos + PCI_X_STATUS, 4, 0, 0);
	return PCI_CAP_PCIX_SIZEOF_V0;
}

static const struct cap caps[] = {
	{ PCI_CAP_ID_PM, add_pm },
	{ PCI_CAP_ID_VPD, add_vpd },
	{ PCI_CAP_ID_MSI, add_msi },
	{ PCI_CAP_ID_PCIX, add_pcix },
	{ PCI_CAP_ID_VNDR, add_vendor },
	{ PCI_CAP_ID_EXP, add_pcie },
	{ PCI_CAP_ID_MSIX, add_msix },
	{ PCI_CAP_ID_AF, add_af },
};

static const struct cap *cap_find(u8 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].id == id)
			return &caps[i];
	return NULL;
}

/* Each at most once per kind of register that does something, whatever the device says. */
static bool is_repeated(u8 id, u64 *seen)
{
	bool again = id < 64 && *seen & BIT_ULL(id);

	if (id < 64)
		*seen |= BIT_ULL(id);
	return again && id != PCI_CAP_ID_VNDR;
}

/*
 * config_add_caps() - walk the list of the device, every step checked, and link the one of the user
 */
void config_add_caps(struct kvfio_pci *vdev)
{
	struct config_space *config = &vdev->config;
	unsigned int link = PCI_CAPABILITY_LIST, pos, left = MAX_CAPS, end = 0;
	u64 seen = 0;

	config_field(vdev, link, 1, 0xff, 0);
	pos = config_virt(config, link, 1) & ~3;
	config_set_virt(config, link, 1, 0);
	if (!(config_hw_read(vdev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return;
	while (pos >= PCI_STD_HEADER_SIZEOF && left--) {
		u8 id = config_hw_read(vdev, pos + PCI_CAP_LIST_ID, 1);
		unsigned int next = config_hw_read(vdev, pos + PCI_CAP_LIST_NEXT, 1) & ~3;
		const struct cap *cap = cap_find(id);

		if (id == 0xff)
			break;
		if (cap && !is_repeated(id, &seen)) {
			config_field(vdev, pos + PCI_CAP_LIST_ID, 1, 0, 0);
			config_field(vdev, pos + PCI_CAP_LIST_NEXT, 1, 0xff, 0);
			config_set_virt(config, pos + PCI_CAP_LIST_NEXT, 1, 0);
			config_set_virt(config, link, 1, pos);
			end = max(end, pos + cap->add(vdev, pos));
			link = pos + PCI_CAP_LIST_NEXT;
		}
		pos = next;
	}
	if (end > 256)
		pci_dbg(vdev->pdev, "a capability ends behind the space for them\n");
}

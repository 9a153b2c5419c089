// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space, the extended capabilities (PCIe 3.0, 7.9.3). Shown read-only, apart from the
 * vendor's own; what would let a user out of his domain or into the host's power management is
 * hidden.
 */

#include "pci.h"

#define MAX_ECAPS ((PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 8)

/* Bytes of a capability that is shown; 0: hidden. */
static unsigned int ecap_size(struct kvfio_pci *vdev, u16 id, unsigned int pos)
{
	switch (id) {
	case PCI_EXT_CAP_ID_ERR:
		return PCI_ERR_ROOT_COMMAND;
	case PCI_EXT_CAP_ID_DSN:
		return PCI_EXT_CAP_DSN_SIZEOF;
	case PCI_EXT_CAP_ID_PWR:
		return PCI_EXT_CAP_PWR_SIZEOF;
	case PCI_EXT_CAP_ID_ACS:
		return PCI_ACS_EGRESS_CTL_V;
	case PCI_EXT_CAP_ID_ARI:
		return PCI_EXT_CAP_ARI_SIZEOF;
	case PCI_EXT_CAP_ID_LTR:
		return PCI_EXT_CAP_LTR_SIZEOF;
	case PCI_EXT_CAP_ID_VNDR:
	case PCI_EXT_CAP_ID_DVSEC:
		/* Both have their length in the same place. */
		return PCI_VNDR_HEADER_LEN(config_hw_read(vdev, pos + PCI_VNDR_HEADER, 4));
	default:
		return 0;
	}
}

static void show(struct kvfio_pci *vdev, u16 id, unsigned int pos, unsigned int size)
{
	unsigned int reg;

	for (reg = 4; reg < size && pos + reg < vdev->config.size; reg += 4)
		config_field(vdev, pos + reg, 4, 0,
			     id == PCI_EXT_CAP_ID_VNDR && reg > PCI_VNDR_HEADER ? U32_MAX : 0);
}

static void set_header(struct kvfio_pci *vdev, unsigned int pos, u32 header)
{
	config_field(vdev, pos, 4, U32_MAX, 0);
	config_set_virt(&vdev->config, pos, 4, header);
}

/**
 * config_add_ecaps() - walk the list of the device and link the one of the user
 * @vdev: the device
 *
 * The list begins at a fixed place, so the first cannot be linked past: hidden, it is a capability
 * of number 0 that leads to the next one that is shown.
 */
void config_add_ecaps(struct kvfio_pci *vdev)
{
	struct config_space *config = &vdev->config;
	unsigned int link = PCI_CFG_SPACE_SIZE, pos = link, left = MAX_ECAPS;

	if (config->size <= PCI_CFG_SPACE_SIZE)
		return;
	set_header(vdev, link, 0);
	while (pos >= PCI_CFG_SPACE_SIZE && pos <= config->size - 8 && left--) {
		u32 header = config_hw_read(vdev, pos, 4);
		unsigned int size = ecap_size(vdev, PCI_EXT_CAP_ID(header), pos);

		if (!header || header == U32_MAX)
			break;
		if (size) {
			if (pos != link)
				config_set_virt(config, link, 4,
						config_virt(config, link, 4) | pos << 20);
			set_header(vdev, pos, header & 0xfffff);
			show(vdev, PCI_EXT_CAP_ID(header), pos, size);
			link = pos;
		}
		pos = PCI_EXT_CAP_NEXT(header);
	}
}

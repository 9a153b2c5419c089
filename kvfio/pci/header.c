// SPDX-License-Identifier: GPL-2.0-only
/* Config space, the first 64 bytes (PCI Local Bus 3.0, 6.2). */

#include "pci.h"

static void command_written(struct kvfio_pci *vdev, unsigned int pos)
{
	u16 command = config_virt(&vdev->config, PCI_COMMAND, 2);

	memory_apply_command(vdev);
	intx_user_disable(vdev, command & PCI_COMMAND_INTX_DISABLE);
}

static void add_command(struct kvfio_pci *vdev)
{
	const u16 writable = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			     PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;
	u16 command;

	config_field(vdev, PCI_COMMAND, 2, 0xffff, writable);
	command = config_virt(&vdev->config, PCI_COMMAND, 2);
	/* The kernel uses this bit itself to mask INTx; the user has one of his own. */
	config_set_virt(&vdev->config, PCI_COMMAND, 2, command & ~PCI_COMMAND_INTX_DISABLE);
	config_add_hook(vdev, PCI_COMMAND, 2, command_written);
}

/*
 * Sizing a BAR needs no code: its low bits cannot be written, so that all ones read back as its
 * size. Nothing of it reaches the device.
 */
static void add_bar_dword(struct kvfio_pci *vdev, unsigned int pos, u32 value, u32 writable)
{
	config_field(vdev, pos, 4, U32_MAX, writable);
	config_set_virt(&vdev->config, pos, 4, value);
}

static u32 bar_type(struct resource *res)
{
	u32 type;

	if (res->flags & IORESOURCE_IO)
		return PCI_BASE_ADDRESS_SPACE_IO;
	type = res->flags & IORESOURCE_MEM_64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0;
	return type | (res->flags & IORESOURCE_PREFETCH ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
}

static void add_bars(struct kvfio_pci *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	unsigned int i, pos = PCI_BASE_ADDRESS_0;

	for (i = 0; i < PCI_STD_NUM_BARS; i++, pos += 4) {
		struct resource *res = &pdev->resource[i];
		u64 size = resource_size(res), start;
		struct pci_bus_region region;

		vdev->config.bars[i] = config_hw_read(vdev, pos, 4);
		if (!res->flags || !size || res->flags & IORESOURCE_UNSET) {
			add_bar_dword(vdev, pos, 0, 0);
			continue;
		}
		pcibios_resource_to_bus(pdev->bus, &region, res);
		start = region.start;
		add_bar_dword(vdev, pos, start | bar_type(res), ~(size - 1) & ~0xfULL);
		if (res->flags & IORESOURCE_IO)
			config_field(vdev, pos, 4, U32_MAX, ~(size - 1) & PCI_BASE_ADDRESS_IO_MASK);
		if (!(res->flags & IORESOURCE_MEM_64) || i + 1 == PCI_STD_NUM_BARS)
			continue;
		i++;
		pos += 4;
		vdev->config.bars[i] = config_hw_read(vdev, pos, 4);
		add_bar_dword(vdev, pos, start >> 32, ~(size - 1) >> 32);
	}
}

static void add_rom(struct kvfio_pci *vdev)
{
	u64 size = pci_resource_len(vdev->pdev, PCI_ROM_RESOURCE);
	u32 writable = size ? (~(size - 1) & PCI_ROM_ADDRESS_MASK) | PCI_ROM_ADDRESS_ENABLE : 0;

	vdev->config.bars[PCI_STD_NUM_BARS] = config_hw_read(vdev, PCI_ROM_ADDRESS, 4);
	config_field(vdev, PCI_ROM_ADDRESS, 4, U32_MAX, writable);
	if (!size)
		config_set_virt(&vdev->config, PCI_ROM_ADDRESS, 4, 0);
}

/** config_add_header() - the table */
void config_add_header(struct kvfio_pci *vdev)
{
	struct config_space *config = &vdev->config;
	struct pci_dev *pdev = vdev->pdev;
	unsigned int pos;

	/* Read-only as the device has it, but for what follows. */
	for (pos = 0; pos < PCI_STD_HEADER_SIZEOF; pos += 4)
		config_field(vdev, pos, 4, 0, 0);
	if (pdev->is_virtfn) {
		config_field(vdev, PCI_VENDOR_ID, 4, U32_MAX, 0);
		config_set_virt(config, PCI_VENDOR_ID, 2, pdev->vendor);
		config_set_virt(config, PCI_DEVICE_ID, 2, pdev->device);
	}
	add_command(vdev);
	config_field(vdev, PCI_CACHE_LINE_SIZE, 1, 0xff, 0xff);
	config_field(vdev, PCI_LATENCY_TIMER, 1, 0xff, 0xff);
	/* A self-test by the user could keep the bus busy: there is none. */
	config_field(vdev, PCI_BIST, 1, 0xff, 0);
	config_set_virt(config, PCI_BIST, 1, 0);
	add_bars(vdev);
	add_rom(vdev);
	config_field(vdev, PCI_INTERRUPT_LINE, 1, 0xff, 0xff);
	config_field(vdev, PCI_INTERRUPT_PIN, 1, 0xff, 0);
	if (!vdev->has_intx)
		config_set_virt(config, PCI_INTERRUPT_PIN, 1, 0);
}

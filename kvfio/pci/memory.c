// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the memory of the BARs can be reached. On a PCI bus an access that nobody answers can
 * take the machine down, so before memory decode goes off, the device sleeps or is reset, all maps
 * of its BARs are taken away; a fault comes to bar.c, which gives a bus error until memory is back.
 * vdev->lock held throughout.
 */

#include "pci.h"

/* By what the user wrote to COMMAND; virtual functions have no such bit and always decode. */
static bool decodes(struct kvfio_pci *vdev)
{
	u16 command = config_virt(&vdev->config, PCI_COMMAND, 2);

	return (vdev->pdev->is_virtfn || command & PCI_COMMAND_MEMORY) &&
	       vdev->pdev->current_state == PCI_D0;
}

static void revoke(struct kvfio_pci *vdev)
{
	if (!vdev->memory_on)
		return;
	vdev->memory_on = false;
	kvfio_revoke_mmap(&vdev->kdev, kvfio_region_to_offset(VFIO_PCI_BAR0_REGION_INDEX),
			  kvfio_region_to_offset(PCI_STD_NUM_BARS));
}

/** memory_take() - nobody reaches the BARs from here until memory_give() */
void memory_take(struct kvfio_pci *vdev)
{
	down_write(&vdev->memory_lock);
	revoke(vdev);
}

/** memory_take_nested() - the same for one device of several, with @outer held around all of them */
void memory_take_nested(struct kvfio_pci *vdev, struct mutex *outer)
{
	down_write_nest_lock(&vdev->memory_lock, outer);
	revoke(vdev);
}

/** memory_give() - they can be reached again, if the device decodes memory now */
void memory_give(struct kvfio_pci *vdev)
{
	vdev->memory_on = vdev->opened && decodes(vdev);
	up_write(&vdev->memory_lock);
}

/* A reset behind our back, of the bus or by a register of the device, takes its addresses away. */
static void restore_bars(struct kvfio_pci *vdev)
{
	struct config_space *config = &vdev->config;
	unsigned int i;

	if (vdev->pdev->is_virtfn)
		return;
	for (i = 0; i <= PCI_STD_NUM_BARS; i++) {
		unsigned int pos =
			i < PCI_STD_NUM_BARS ? PCI_BASE_ADDRESS_0 + 4 * i : PCI_ROM_ADDRESS;

		if (config_hw_read(vdev, pos, 4) != config->bars[i])
			config_hw_write(vdev, pos, 4, config->bars[i]);
	}
}

/* The device gets what the user wrote to COMMAND. */
static void write_command(struct kvfio_pci *vdev)
{
	const u16 ours = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			 PCI_COMMAND_PARITY | PCI_COMMAND_SERR;
	u16 command = config_virt(&vdev->config, PCI_COMMAND, 2);
	u16 hw = config_hw_read(vdev, PCI_COMMAND, 2);

	if (command & ~hw & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
		restore_bars(vdev);
	config_hw_write(vdev, PCI_COMMAND, 2, (hw & ~ours) | (command & ours));
	intx_reapply(vdev);
}

/** memory_apply_command() - make what the user wrote to COMMAND true */
void memory_apply_command(struct kvfio_pci *vdev)
{
	/* The usual write changes bus mastering alone: no reason to take the maps away. */
	if (vdev->memory_on == decodes(vdev)) {
		write_command(vdev);
		return;
	}
	memory_take(vdev);
	write_command(vdev);
	memory_give(vdev);
}

/**
 * memory_restore_command() - the same when an older COMMAND was restored, which memory_give() does not
 * go by
 * @vdev: open; between memory_take() and memory_give()
 */
void memory_restore_command(struct kvfio_pci *vdev)
{
	write_command(vdev);
}

/**
 * memory_decode_begin() - the device decodes memory, for the kernel's own use
 * @vdev: in D0, memory_lock held for writing
 *
 * Return: what memory_decode_end() wants.
 */
u16 memory_decode_begin(struct kvfio_pci *vdev)
{
	u16 command;

	pci_read_config_word(vdev->pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(vdev->pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	return command;
}

void memory_decode_end(struct kvfio_pci *vdev, u16 command)
{
	u16 now;

	if (command & PCI_COMMAND_MEMORY)
		return;
	/* The kernel may have changed other bits meanwhile. */
	pci_read_config_word(vdev->pdev, PCI_COMMAND, &now);
	pci_write_config_word(vdev->pdev, PCI_COMMAND, now & ~PCI_COMMAND_MEMORY);
	intx_reapply(vdev);
}

/**
 * memory_force_on() - decode memory for the kernel's own use, such as the table of MSI-X
 * @vdev: in D0
 *
 * Return: what memory_force_end() wants. Nobody else reaches the BARs in between.
 */
u16 memory_force_on(struct kvfio_pci *vdev)
{
	down_write(&vdev->memory_lock);
	return memory_decode_begin(vdev);
}

void memory_force_end(struct kvfio_pci *vdev, u16 command)
{
	memory_decode_end(vdev, command);
	up_write(&vdev->memory_lock);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Reset and power states, both done by the kernel on behalf of the user. vdev->lock held. */

#include <linux/slab.h>

#include "pci.h"

/*
 * reset_function() - reset this function alone; 0, -EAGAIN when somebody holds the device, -ENOTTY,
 * -EIO
 */
int reset_function(struct kvfio_pci *vdev)
{
	int ret;

	if (!vdev->reset_works)
		return -ENOTTY;
	set_power_state(vdev, PCI_D0);
	memory_take(vdev);
	/* Saves and restores config space, so that what the user has set stays. */
	ret = pci_try_reset_function(vdev->pdev);
	intx_reapply(vdev);
	memory_give(vdev);
	return ret;
}

static bool loses_state(struct pci_dev *pdev)
{
	u16 control;

	if (!pdev->pm_cap)
		return false;
	pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &control);
	return !(control & PCI_PM_CTRL_NO_SOFT_RESET);
}

static void change_power_state(struct kvfio_pci *vdev, pci_power_t state)
{
	struct pci_dev *pdev = vdev->pdev;

	memory_take(vdev);
	if (pdev->current_state == PCI_D0 && loses_state(pdev)) {
		pci_save_state(pdev);
		kfree(vdev->pm_saved);
		vdev->pm_saved = pci_store_saved_state(pdev);
	}
	pci_set_power_state(pdev, state);
	if (pdev->current_state == PCI_D0 && vdev->pm_saved) {
		pci_load_and_free_saved_state(pdev, &vdev->pm_saved);
		pci_restore_state(pdev);
		/* It is from before D3hot, where the user may have written another COMMAND. */
		if (vdev->opened)
			memory_restore_command(vdev);
	}
	memory_give(vdev);
}

/* The user reads in PMCSR which state it is, whoever brought the device there. */
static void show_power_state(struct kvfio_pci *vdev)
{
	unsigned int pos = vdev->pdev->pm_cap + PCI_PM_CTRL;
	u16 control;

	if (!vdev->opened || !vdev->pdev->pm_cap)
		return;
	control = config_virt(&vdev->config, pos, 2) & ~PCI_PM_CTRL_STATE_MASK;
	/* pci_power_t counts as the register does. */
	control |= (__force int)vdev->pdev->current_state & PCI_PM_CTRL_STATE_MASK;
	config_set_virt(&vdev->config, pos, 2, control);
}

/** set_power_state() - D0 to D3hot; what the device loses on the way is put back in D0 */
void set_power_state(struct kvfio_pci *vdev, pci_power_t state)
{
	/* Virtual functions would fall silent with it. */
	if (state != vdev->pdev->current_state && (!vdev->has_vfs || state == PCI_D0))
		change_power_state(vdev, state);
	show_power_state(vdev);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power while nobody needs the device: bound but not open, it sleeps in D3 by the kernel's runtime
 * power management; open, its user can send it to sleep with VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY.
 * Whoever uses the device holds a reference (power_get()), each ioctl, read and write for itself, so
 * that a device that sleeps is woken for them. Waking takes vdev->lock.
 */

#include <linux/module.h>
#include <linux/pm_runtime.h>

#include "pci.h"

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0644);
MODULE_PARM_DESC(disable_idle_d3, "Devices that are bound from now on stay awake while not open.");

/** power_begin() - the device is bound and nobody has it open */
void power_begin(struct kvfio_pci *vdev)
{
	struct device *dev = &vdev->pdev->dev;

	/* The parameter may change before the device goes: what was done here is what is undone. */
	vdev->sleeps = !disable_idle_d3;
	/* From a state that the kernel does not know it could not go to any other. */
	pci_set_power_state(vdev->pdev, PCI_D0);
	pm_runtime_allow(dev);
	if (vdev->sleeps)
		pm_runtime_put(dev);
}

void power_end(struct kvfio_pci *vdev)
{
	struct device *dev = &vdev->pdev->dev;

	if (vdev->sleeps)
		pm_runtime_get_noresume(dev);
	pm_runtime_forbid(dev);
}

/** power_get() - wake the device and keep it awake; vdev->lock not held */
int power_get(struct kvfio_pci *vdev)
{
	return pm_runtime_resume_and_get(&vdev->pdev->dev);
}

void power_put(struct kvfio_pci *vdev)
{
	pm_runtime_put(&vdev->pdev->dev);
}

/* vdev->lock held */
static void set_low_power(struct kvfio_pci *vdev, bool low_power)
{
	memory_take(vdev);
	vdev->low_power = low_power;
	memory_give(vdev);
}

/* Also when the device is awake already, it is its user's again. vdev->lock held. */
static void leave_low_power(struct kvfio_pci *vdev)
{
	if (!vdev->low_power)
		return;
	pm_runtime_get_noresume(&vdev->pdev->dev);
	set_low_power(vdev, false);
	if (vdev->wakeup_trigger)
		eventfd_ctx_put(vdev->wakeup_trigger);
	vdev->wakeup_trigger = NULL;
}

/**
 * power_enter_low() - the user does not need the device for a while
 * @vdev: open
 * @wakeup: signalled when the kernel wakes it, which ends the low power state; or NULL: then it
 * falls asleep again by itself
 *
 * Return: 0, with @wakeup taken over; -EINVAL when it is in that state.
 */
int power_enter_low(struct kvfio_pci *vdev, struct eventfd_ctx *wakeup)
{
	int ret = -EINVAL;

	mutex_lock(&vdev->lock);
	if (!vdev->low_power) {
		set_low_power(vdev, true);
		vdev->wakeup_trigger = wakeup;
		/* What open took; the caller's own reference lets the device sleep when it goes. */
		pm_runtime_put_noidle(&vdev->pdev->dev);
		ret = 0;
	}
	mutex_unlock(&vdev->lock);
	return ret;
}

void power_leave_low(struct kvfio_pci *vdev)
{
	mutex_lock(&vdev->lock);
	leave_low_power(vdev);
	mutex_unlock(&vdev->lock);
}

static int runtime_suspend(struct device *dev)
{
	struct kvfio_pci *vdev = dev_get_drvdata(dev);

	mutex_lock(&vdev->lock);
	/* In D3hot by its user's wish, it would not be saved by the kernel, and wake without its state. */
	set_power_state(vdev, PCI_D0);
	/* Asleep, it cannot be asked whether it was the one that raised a line. */
	vdev->intx_asleep = intx_sleep(vdev);
	mutex_unlock(&vdev->lock);
	return 0;
}

static int runtime_resume(struct device *dev)
{
	struct kvfio_pci *vdev = dev_get_drvdata(dev);

	mutex_lock(&vdev->lock);
	if (vdev->low_power && vdev->wakeup_trigger) {
		compat_eventfd_signal(vdev->wakeup_trigger);
		leave_low_power(vdev);
	}
	/* An eventfd may have unmasked it meanwhile. */
	if (vdev->opened)
		intx_reapply(vdev);
	if (vdev->intx_asleep)
		intx_wake(vdev);
	vdev->intx_asleep = false;
	mutex_unlock(&vdev->lock);
	return 0;
}

const struct dev_pm_ops power_ops = {
	SET_RUNTIME_PM_OPS(runtime_suspend, runtime_resume, NULL)
};

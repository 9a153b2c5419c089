// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx: a level, so it is masked when it fires and stays so until the user has served the device
 * and unmasks it. A device of PCI 2.3 says itself whether it is the one and can be masked in its
 * command register, so it may share the line; for others the line is masked at the interrupt
 * controller, and must be theirs alone.
 *
 * vdev->lock serialises all set-up. intx.lock protects the state against the handler and against
 * unmasking by eventfd, which comes from a work queue; eventfds are signalled with it held, so a
 * trigger that was replaced under it is in nobody's hands any more.
 */

#include <linux/interrupt.h>

#include "../include/kvfio_trace.h"
#include "pci.h"

/* intx.lock held */
static void signal_user(struct intx *intx)
{
	if (intx->trigger)
		compat_eventfd_signal(intx->trigger);
}

/* Did the device raise the line? Then it is masked with that. intx.lock held */
static bool mask_if_raised(struct kvfio_pci *vdev)
{
	if (vdev->intx.shared)
		return pci_check_and_mask_intx(vdev->pdev);
	disable_irq_nosync(vdev->pdev->irq);
	return true;
}

/*
 * Masked, but the device has lost the bit: with its power, by a reset that it has of its own, or since
 * COMMAND was written meanwhile. If nobody answered, the kernel would shut the line for all.
 */
static bool mask_again(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return !(command & PCI_COMMAND_INTX_DISABLE) && pci_check_and_mask_intx(pdev);
}

/* An interrupt that the user is not to hear of. intx.lock held */
static irqreturn_t handle_masked(struct kvfio_pci *vdev)
{
	/*
	 * A line of our own was switched off while we waited for the lock: to do so twice would
	 * never be undone.
	 */
	if (!vdev->intx.shared)
		return IRQ_HANDLED;
	return mask_again(vdev->pdev) ? IRQ_HANDLED : IRQ_NONE;
}

static irqreturn_t intx_handler(int irq, void *data)
{
	struct kvfio_pci *vdev = data;
	struct intx *intx = &vdev->intx;
	irqreturn_t ret = IRQ_NONE;
	unsigned long flags;

	spin_lock_irqsave(&intx->lock, flags);
	if (intx->masked) {
		ret = handle_masked(vdev);
	} else if (mask_if_raised(vdev)) {
		intx->masked = true;
		trace_kvfio_irq(&vdev->pdev->dev, VFIO_PCI_INTX_IRQ_INDEX, 0);
		signal_user(intx);
		ret = IRQ_HANDLED;
	}
	spin_unlock_irqrestore(&intx->lock, flags);
	return ret;
}

/* True: it was not masked before. */
static bool intx_mask(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;
	unsigned long flags;
	bool was_on;

	spin_lock_irqsave(&intx->lock, flags);
	was_on = intx->enabled && !intx->masked;
	if (was_on) {
		if (intx->shared)
			pci_intx(vdev->pdev, 0);
		else
			disable_irq_nosync(vdev->pdev->irq);
		intx->masked = true;
	}
	spin_unlock_irqrestore(&intx->lock, flags);
	return was_on;
}

/* If the device still has something to say it stays masked, and the user is told again. */
static void intx_unmask(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;
	unsigned long flags;

	spin_lock_irqsave(&intx->lock, flags);
	if (intx->enabled && intx->masked && !intx->user_disabled) {
		if (!intx->shared)
			enable_irq(vdev->pdev->irq);
		intx->masked = intx->shared && !pci_check_and_unmask_intx(vdev->pdev);
		if (intx->masked)
			signal_user(intx);
	}
	spin_unlock_irqrestore(&intx->lock, flags);
}

static void unmask_signalled(void *data)
{
	intx_unmask(data);
}

/* May the device raise its line? intx.lock held */
static bool may_raise(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;

	/* With MSI on, no device does, but the bit stops MSI, too, in some; the kernel knows them. */
	if (vdev->irq_index > VFIO_PCI_INTX_IRQ_INDEX)
		return vdev->pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	return intx->enabled && !(intx->shared && intx->masked);
}

/**
 * intx_reapply() - COMMAND was written or restored, or MSI went on or off: its bit for INTx as we want
 * it, whatever it is now
 * @vdev: the device
 *
 * The handler, and an eventfd that unmasks, change the bit between the reading and the writing of
 * others.
 */
void intx_reapply(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;
	unsigned long flags;

	spin_lock_irqsave(&intx->lock, flags);
	pci_intx(vdev->pdev, may_raise(vdev));
	spin_unlock_irqrestore(&intx->lock, flags);
}

/** intx_sleep() - the device goes to sleep; true: intx_wake() is due when it wakes */
bool intx_sleep(struct kvfio_pci *vdev)
{
	return intx_mask(vdev);
}

void intx_wake(struct kvfio_pci *vdev)
{
	intx_unmask(vdev);
}

/** intx_user_disable() - the user wrote INTX_DISABLE in COMMAND: a mask of his own beside ours */
void intx_user_disable(struct kvfio_pci *vdev, bool disable)
{
	if (disable == vdev->intx.user_disabled)
		return;
	if (disable)
		intx_mask(vdev);
	WRITE_ONCE(vdev->intx.user_disabled, disable);
	if (!disable)
		intx_unmask(vdev);
}

static int intx_enable(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;
	int ret;

	/*
	 * Masked until the handler is there: a level that nobody serves would make the kernel shut
	 * the line.
	 */
	intx->masked = true;
	intx->enabled = true;
	/* Somebody else may have the line; the user is told, and must not fill the log of the host. */
	ret = request_irq(vdev->pdev->irq, intx_handler,
			  intx->shared ? IRQF_SHARED : IRQF_NO_AUTOEN | IRQF_PROBE_SHARED,
			  "kvfio-intx", vdev);
	if (ret) {
		intx->enabled = false;
		return ret;
	}
	vdev->irq_index = VFIO_PCI_INTX_IRQ_INDEX;
	if (!intx->shared)
		pci_intx(vdev->pdev, 1);
	intx_unmask(vdev);
	return 0;
}

/* Puts the one that was there. */
static void replace_trigger(struct intx *intx, struct eventfd_ctx *trigger)
{
	unsigned long flags;

	spin_lock_irqsave(&intx->lock, flags);
	swap(intx->trigger, trigger);
	spin_unlock_irqrestore(&intx->lock, flags);
	if (trigger)
		eventfd_ctx_put(trigger);
}

/** intx_disable() - INTx is on: off with it */
void intx_disable(struct kvfio_pci *vdev)
{
	struct intx *intx = &vdev->intx;

	watch_destroy(intx->unmask);
	intx->unmask = NULL;
	/* The device first, so that it does not leave a level behind that nobody handles. */
	intx_mask(vdev);
	pci_intx(vdev->pdev, 0);
	free_irq(vdev->pdev->irq, vdev);
	intx->enabled = false;
	replace_trigger(intx, NULL);
	vdev->irq_index = -1;
}

static long set_trigger_fd(struct kvfio_pci *vdev, int fd)
{
	struct eventfd_ctx *trigger = NULL;
	int ret;

	if (fd >= 0) {
		trigger = eventfd_ctx_fdget(fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
	}
	replace_trigger(&vdev->intx, trigger);
	if (vdev->intx.enabled)
		return 0;
	ret = intx_enable(vdev);
	if (ret)
		replace_trigger(&vdev->intx, NULL);
	return ret;
}

static long set_trigger(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	unsigned long flags;
	bool is_on = vdev->intx.enabled;

	if (is_on && !set->count && set->type == VFIO_IRQ_SET_DATA_NONE) {
		intx_disable(vdev);
		return 0;
	}
	if ((!is_on && vdev->irq_index >= 0) || set->count != 1)
		return -EINVAL;
	if (set->type == VFIO_IRQ_SET_DATA_EVENTFD)
		return set_trigger_fd(vdev, set->fds[0]);
	if (!is_on)
		return -EINVAL;
	if (kvfio_irq_set_selects(set, 0)) {
		spin_lock_irqsave(&vdev->intx.lock, flags);
		signal_user(&vdev->intx);
		spin_unlock_irqrestore(&vdev->intx.lock, flags);
	}
	return 0;
}

static long set_unmask_fd(struct kvfio_pci *vdev, int fd)
{
	struct eventfd_watch *watch;

	if (fd < 0) {
		watch_destroy(vdev->intx.unmask);
		vdev->intx.unmask = NULL;
		return 0;
	}
	/* It stays until it is taken away or closed: QEMU closes it, and brings the next. */
	if (vdev->intx.unmask && !watch_is_closed(vdev->intx.unmask))
		return -EBUSY;
	watch = watch_create(fd, unmask_signalled, vdev);
	if (IS_ERR(watch))
		return PTR_ERR(watch);
	watch_destroy(vdev->intx.unmask);
	vdev->intx.unmask = watch;
	return 0;
}

/** intx_set() - VFIO_DEVICE_SET_IRQS for INTx; vdev->lock held */
long intx_set(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	bool is_eventfd = set->type == VFIO_IRQ_SET_DATA_EVENTFD;
	bool is_mask = set->action == VFIO_IRQ_SET_ACTION_MASK;

	if (set->action == VFIO_IRQ_SET_ACTION_TRIGGER)
		return set_trigger(vdev, set);
	if (!vdev->intx.enabled || set->count != 1)
		return -EINVAL;
	if (is_eventfd)
		return is_mask ? -ENOTTY : set_unmask_fd(vdev, set->fds[0]);
	if (!kvfio_irq_set_selects(set, 0))
		return 0;
	if (is_mask)
		intx_mask(vdev);
	else
		intx_unmask(vdev);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: what there are, and the way of VFIO_DEVICE_SET_IRQS to the kind that it means. INTx,
 * MSI and MSI-X exclude each other; the error and the request for the device are one eventfd each.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

static unsigned int n_vectors(struct kvfio_device *kdev, u32 index)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);
	struct pci_dev *pdev = vdev->pdev;
	u16 flags;

	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return vdev->has_intx;
	case VFIO_PCI_MSI_IRQ_INDEX:
		if (!pdev->msi_cap)
			return 0;
		pci_read_config_word(pdev, pdev->msi_cap + PCI_MSI_FLAGS, &flags);
		return 1 << ((flags & PCI_MSI_FLAGS_QMASK) >> 1);
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vdev->msix_size;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return pci_is_pcie(pdev);
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

static u32 irq_flags(struct kvfio_pci *vdev, u32 index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		if (compat_msix_can_grow(vdev->pdev))
			return VFIO_IRQ_INFO_EVENTFD;
		fallthrough;
	default:
		return VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	}
}

/** irq_info() - VFIO_DEVICE_GET_IRQ_INFO */
long irq_info(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (info.index == VFIO_PCI_ERR_IRQ_INDEX && !pci_is_pcie(vdev->pdev))
		return -EINVAL;
	info.flags = irq_flags(vdev, info.index);
	info.count = n_vectors(&vdev->kdev, info.index);
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* An eventfd that stands for itself: given, replaced, taken away or, as a test, signalled. */
static long set_single(struct eventfd_ctx **slot, const struct kvfio_irq_set *set)
{
	bool is_eventfd = set->type == VFIO_IRQ_SET_DATA_EVENTFD;
	struct eventfd_ctx *ctx = NULL;

	if (set->type == VFIO_IRQ_SET_DATA_NONE ? !*slot : !set->count)
		return -EINVAL;
	if (!is_eventfd && set->count) {
		if (*slot && kvfio_irq_set_selects(set, 0))
			compat_eventfd_signal(*slot);
		return 0;
	}
	if (is_eventfd && set->fds[0] >= 0) {
		ctx = eventfd_ctx_fdget(set->fds[0]);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	swap(*slot, ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

static long set_locked(struct kvfio_pci *vdev, const struct kvfio_irq_set *set)
{
	bool is_trigger = set->action == VFIO_IRQ_SET_ACTION_TRIGGER;

	switch (set->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return intx_set(vdev, set);
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return is_trigger ? msi_set_trigger(vdev, set) : -ENOTTY;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return is_trigger ? set_single(&vdev->error_trigger, set) : -ENOTTY;
	default:
		return is_trigger ? set_single(&vdev->request_trigger, set) : -ENOTTY;
	}
}

/** irq_set() - VFIO_DEVICE_SET_IRQS */
long irq_set(struct kvfio_pci *vdev, void __user *arg)
{
	struct kvfio_irq_set set;
	long ret;

	ret = kvfio_irq_set_copy(&vdev->kdev, arg, n_vectors, &set);
	if (ret)
		return ret;
	mutex_lock(&vdev->lock);
	ret = set_locked(vdev, &set);
	mutex_unlock(&vdev->lock);
	kfree(set.data);
	return ret;
}

static void drop_single(struct eventfd_ctx **slot)
{
	if (*slot)
		eventfd_ctx_put(*slot);
	*slot = NULL;
}

/** irq_disable_all() - at close; vdev->lock held */
void irq_disable_all(struct kvfio_pci *vdev)
{
	if (vdev->irq_index == VFIO_PCI_INTX_IRQ_INDEX)
		intx_disable(vdev);
	else if (vdev->irq_index >= 0)
		msi_disable(vdev);
	drop_single(&vdev->error_trigger);
	drop_single(&vdev->request_trigger);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver: which devices it takes, what state they are in at open and close, and where each
 * request goes.
 */

#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "front.h"
#include "pci.h"

static bool disable_denylist;
module_param(disable_denylist, bool, 0444);
MODULE_PARM_DESC(disable_denylist,
		 "Take devices whose users are known to be able to harm the host.");

/* Reset does not clear them, or an erratum lets their users write where they should not. */
static const struct pci_device_id denylist[] = {
	{ PCI_VDEVICE(INTEL, 0x0435) },	/* QAT DH895xCC */
	{ PCI_VDEVICE(INTEL, 0x0443) },
	{ PCI_VDEVICE(INTEL, 0x37c8) },	/* QAT C62x */
	{ PCI_VDEVICE(INTEL, 0x37c9) },
	{ PCI_VDEVICE(INTEL, 0x19e2) },	/* QAT C3xxx */
	{ PCI_VDEVICE(INTEL, 0x19e3) },
	{ PCI_VDEVICE(INTEL, 0x0b25) },	/* DSA of Sapphire Rapids */
	{ PCI_VDEVICE(INTEL, 0x0cfe) },	/* IAX of Sapphire Rapids */
	{ }
};

static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "Mask INTx at the interrupt controller, not in the device, for devices "
			     "opened from now on: for those that do it wrong. The line must be theirs "
			     "alone.");

static void find_msix(struct kvfio_pci *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	u32 table;
	u16 flags;

	vdev->msix_size = 0;
	if (!pdev->msix_cap)
		return;
	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &flags);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	vdev->msix_size = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	vdev->msix_bar = table & PCI_MSIX_TABLE_BIR;
	vdev->msix_offset = table & PCI_MSIX_TABLE_OFFSET;
}

/* Their status does not say that they raise INTx, so nobody on the line could tell; upstream's list. */
static const struct pci_device_id no_intx[] = {
	{ PCI_VDEVICE(INTEL, 0x1563) },	/* X550 */
	{ PCI_VDEVICE(INTEL, 0x1572) },	/* X710, XL710, XXV710 */
	{ PCI_VDEVICE(INTEL, 0x1574) },
	{ PCI_VDEVICE(INTEL, 0x1580) },
	{ PCI_VDEVICE(INTEL, 0x1581) },
	{ PCI_VDEVICE(INTEL, 0x1583) },
	{ PCI_VDEVICE(INTEL, 0x1584) },
	{ PCI_VDEVICE(INTEL, 0x1585) },
	{ PCI_VDEVICE(INTEL, 0x1586) },
	{ PCI_VDEVICE(INTEL, 0x1587) },
	{ PCI_VDEVICE(INTEL, 0x1588) },
	{ PCI_VDEVICE(INTEL, 0x1589) },
	{ PCI_VDEVICE(INTEL, 0x158a) },
	{ PCI_VDEVICE(INTEL, 0x158b) },
	{ PCI_VDEVICE(INTEL, 0x37d0) },	/* X722 */
	{ PCI_VDEVICE(INTEL, 0x37d1) },
	{ PCI_VDEVICE(INTEL, 0x37d2) },
	{ }
};

static void find_intx(struct kvfio_pci *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	u8 pin;

	pci_read_config_byte(pdev, PCI_INTERRUPT_PIN, &pin);
	vdev->has_intx = pin && !pdev->is_virtfn && pdev->irq && pdev->irq != IRQ_NOTCONNECTED &&
			 !pci_match_id(no_intx, pdev);
	vdev->intx.shared = !nointxmask && pci_intx_mask_supported(pdev);
	vdev->intx.user_disabled = false;
	/*
	 * Until the user wants it: a level that nobody serves would make the kernel shut the line
	 * for its neighbours, too. A device that does it wrong does no worse for being told.
	 */
	pci_intx(pdev, 0);
}

/* Bring the device to a state that every user finds alike: awake, reset, silent. */
static int device_enable(struct kvfio_pci *vdev)
{
	struct pci_dev *pdev = vdev->pdev;
	int ret;

	pci_set_power_state(pdev, PCI_D0);
	/* Whatever it was told by who had it before: no DMA until the user says so. */
	pci_clear_master(pdev);
	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	ret = pci_try_reset_function(pdev);
	if (ret == -EAGAIN) {
		pci_disable_device(pdev);
		return ret;
	}
	vdev->reset_works = !ret;
	/*
	 * A reset does not silence every device, so it must not find its way back to the line when
	 * this state is restored: the last user may have left an interrupt that nobody handles.
	 * pci_enable_device() lets INTx through again for the next driver.
	 */
	pci_intx(pdev, 0);
	pci_save_state(pdev);
	vdev->saved = pci_store_saved_state(pdev);
	if (!vdev->saved) {
		pci_disable_device(pdev);
		return -ENOMEM;
	}
	return 0;
}

/* Reset and back to what was found at open; the lock of the device is held. */
static void reset_and_restore(struct kvfio_pci *vdev)
{
	if (vdev->reset_works && !__pci_reset_function_locked(vdev->pdev))
		vdev->needs_reset = false;
	pci_restore_state(vdev->pdev);
}

static void device_disable(struct kvfio_pci *vdev)
{
	struct pci_dev *pdev = vdev->pdev;

	pci_set_power_state(pdev, PCI_D0);
	kfree(vdev->pm_saved);
	vdev->pm_saved = NULL;
	vdev->needs_reset = true;
	pci_load_and_free_saved_state(pdev, &vdev->saved);
	/* Who unbinds the driver holds the lock and waits for us; then remove() does the reset. */
	if (pci_dev_trylock(pdev)) {
		reset_and_restore(vdev);
		pci_dev_unlock(pdev);
	} else {
		pci_restore_state(pdev);
	}
	pci_clear_master(pdev);
	pci_disable_device(pdev);
}

static int kvfio_pci_open(struct kvfio_device *kdev)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);
	int ret;

	ret = power_get(vdev);
	if (ret)
		return ret;
	mutex_lock(&vdev->lock);
	ret = device_enable(vdev);
	if (ret)
		goto err_unlock;
	find_msix(vdev);
	find_intx(vdev);
	vdev->irq_index = -1;
	ret = config_create(vdev);
	if (ret) {
		device_disable(vdev);
		goto err_unlock;
	}
	bars_open(vdev);
	vdev->opened = true;
	memory_take(vdev);
	memory_give(vdev);
	mutex_unlock(&vdev->lock);
	sriov_open(vdev);
	return 0;

err_unlock:
	mutex_unlock(&vdev->lock);
	power_put(vdev);
	return ret;
}

static void kvfio_pci_close(struct kvfio_device *kdev)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);

	sriov_close(vdev);
	power_leave_low(vdev);
	/* Whatever it takes: what follows has to be done. */
	pm_runtime_resume(&vdev->pdev->dev);
	ioeventfds_close(vdev);
	mutex_lock(&vdev->lock);
	set_power_state(vdev, PCI_D0);
	/*
	 * First of all, also when the user crashed: no DMA any more. Soon the pages will be
	 * unpinned.
	 */
	pci_clear_master(vdev->pdev);
	irq_disable_all(vdev);
	memory_take(vdev);
	vdev->opened = false;
	memory_give(vdev);
	bars_close(vdev);
	config_destroy(vdev);
	device_disable(vdev);
	mutex_unlock(&vdev->lock);
	hot_reset_after_close(vdev);
	power_put(vdev);
}

static ssize_t rw(struct kvfio_pci *vdev, char __user *buf, size_t count, loff_t *ppos, bool write)
{
	unsigned int index = kvfio_offset_to_region(*ppos);
	u64 offset = *ppos & KVFIO_OFFSET_MASK;
	ssize_t ret;

	if (!count)
		return 0;
	ret = power_get(vdev);
	if (ret)
		return ret;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		ret = config_rw(vdev, buf, count, offset, write);
	else if (index < VFIO_PCI_CONFIG_REGION_INDEX)
		ret = bar_rw(vdev, index, buf, count, offset, write);
	else
		ret = -EINVAL;
	power_put(vdev);
	if (ret > 0)
		*ppos += ret;
	return ret;
}

static ssize_t kvfio_pci_read(struct kvfio_device *kdev, char __user *buf, size_t count,
			      loff_t *ppos)
{
	return rw(to_kvfio_pci(kdev), buf, count, ppos, false);
}

static ssize_t kvfio_pci_write(struct kvfio_device *kdev, const char __user *buf, size_t count,
			       loff_t *ppos)
{
	return rw(to_kvfio_pci(kdev), (char __user *)buf, count, ppos, true);
}

static int kvfio_pci_mmap(struct kvfio_device *kdev, struct vm_area_struct *vma)
{
	return bar_mmap(to_kvfio_pci(kdev), vma);
}

static void kvfio_pci_request(struct kvfio_device *kdev, unsigned int count)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);

	mutex_lock(&vdev->lock);
	if (vdev->request_trigger)
		compat_eventfd_signal(vdev->request_trigger);
	else if (!count)
		pci_notice(vdev->pdev,
			   "wanted back, but its user does not listen; waiting for it to close\n");
	mutex_unlock(&vdev->lock);
}

static long device_info(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = { 0 };
	size_t size;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	size = min_t(size_t, info.argsz, sizeof(info));
	info.flags = VFIO_DEVICE_FLAGS_PCI;
	if (vdev->reset_works)
		info.flags |= VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long device_reset(struct kvfio_pci *vdev)
{
	long ret;

	if (!vdev->reset_works)
		return -EINVAL;
	mutex_lock(&vdev->lock);
	ret = reset_function(vdev);
	mutex_unlock(&vdev->lock);
	return ret;
}

static long ioctl_awake(struct kvfio_pci *vdev, unsigned int cmd, void __user *uarg)
{

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return device_info(vdev, uarg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(vdev, uarg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(vdev, uarg);
	case VFIO_DEVICE_SET_IRQS:
		return irq_set(vdev, uarg);
	case VFIO_DEVICE_RESET:
		return device_reset(vdev);
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return hot_reset_info(vdev, uarg);
	case VFIO_DEVICE_PCI_HOT_RESET:
		return hot_reset(vdev, uarg);
	case VFIO_DEVICE_FEATURE:
		return device_feature(vdev, uarg);
	case VFIO_DEVICE_IOEVENTFD:
		return ioeventfd_set(vdev, uarg);
	default:
		return -ENOTTY;
	}
}

static long kvfio_pci_ioctl(struct kvfio_device *kdev, unsigned int cmd, unsigned long arg)
{
	struct kvfio_pci *vdev = to_kvfio_pci(kdev);
	long ret;

	ret = power_get(vdev);
	if (ret)
		return ret;
	ret = ioctl_awake(vdev, cmd, (void __user *)arg);
	power_put(vdev);
	return ret;
}

/* Name, owner and front are those of the driver that has the device. */
static const struct kvfio_device_ops kvfio_pci_ops = {
	.open = kvfio_pci_open,
	.close = kvfio_pci_close,
	.read = kvfio_pci_read,
	.write = kvfio_pci_write,
	.ioctl = kvfio_pci_ioctl,
	.mmap = kvfio_pci_mmap,
	.request = kvfio_pci_request,
	.match = kvfio_pci_match,
};

/* Why a device cannot be given to users, or NULL. */
static const char *unfit(struct pci_dev *pdev)
{
	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL)
		return "it is a bridge";
	if (pci_num_vf(pdev))
		return "its virtual functions are enabled: their users would depend on this one's";
	if (!disable_denylist && pci_match_id(denylist, pdev))
		return "users of this kind of device can harm the host (disable_denylist=1 permits "
		       "it)";
	return NULL;
}

static int kvfio_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct kvfio_pci_front *front;
	const char *reason = unfit(pdev);
	struct kvfio_pci *vdev;
	int ret;

	if (reason) {
		pci_warn(pdev, "not for users: %s\n", reason);
		return -EINVAL;
	}
	vdev = kzalloc(sizeof(*vdev), GFP_KERNEL);
	if (!vdev)
		return -ENOMEM;
	vdev->pdev = pdev;
	mutex_init(&vdev->lock);
	init_rwsem(&vdev->memory_lock);
	spin_lock_init(&vdev->intx.lock);
	vdev->irq_index = -1;
	INIT_LIST_HEAD(&vdev->ioeventfds);
	vf_token_init(vdev);
	pci_set_drvdata(pdev, vdev);
	front = container_of(to_pci_driver(pdev->dev.driver), struct kvfio_pci_front, driver);
	hot_reset_add(vdev);
	power_begin(vdev);
	ret = kvfio_register_device(&vdev->kdev, &pdev->dev, &front->ops);
	if (ret)
		goto err_end;
	return 0;

err_end:
	power_end(vdev);
	hot_reset_remove(vdev);
	kfree(vdev);
	return ret;
}

static void kvfio_pci_remove(struct pci_dev *pdev)
{
	struct kvfio_pci *vdev = pci_get_drvdata(pdev);

	sriov_disable(vdev);
	kvfio_unregister_device(&vdev->kdev);
	hot_reset_remove(vdev);
	power_end(vdev);
	if (vdev->needs_reset && !pci_channel_offline(pdev)) {
		pci_save_state(pdev);
		reset_and_restore(vdev);
	}
	kfree(vdev);
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct kvfio_pci *vdev = pci_get_drvdata(pdev);

	mutex_lock(&vdev->lock);
	if (vdev->error_trigger)
		compat_eventfd_signal(vdev->error_trigger);
	mutex_unlock(&vdev->lock);
	return PCI_ERS_RESULT_CAN_RECOVER;
}

static const struct pci_error_handlers error_handlers = {
	.error_detected = error_detected,
};

/*
 * By driver_override or new_id only; without a module table, so that nothing loads us for a device.
 */
static const struct pci_device_id ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_ANY_ID, PCI_ANY_ID, PCI_ID_F_VFIO_DRIVER_OVERRIDE) },
	{ }
};

int kvfio_pci_register_front(struct kvfio_pci_front *front, struct module *owner)
{
	front->ops = kvfio_pci_ops;
	front->ops.name = front->name;
	front->ops.owner = owner;
	front->ops.front = front->front;
	front->driver = (struct pci_driver){
		.name = front->name,
		.id_table = ids,
		.probe = kvfio_pci_probe,
		.remove = kvfio_pci_remove,
		.sriov_configure = sriov_configure,
		.err_handler = &error_handlers,
		.driver.pm = &power_ops,
		.driver_managed_dma = true,
	};
	return __pci_register_driver(&front->driver, owner, front->module_name);
}
EXPORT_SYMBOL_GPL(kvfio_pci_register_front);

void kvfio_pci_unregister_front(struct kvfio_pci_front *front)
{
	pci_unregister_driver(&front->driver);
}
EXPORT_SYMBOL_GPL(kvfio_pci_unregister_front);

static struct kvfio_pci_front own_front = {
	.name = "kvfio-pci",
	.module_name = KBUILD_MODNAME,
};

static int __init kvfio_pci_init(void)
{
	int ret;

	ret = sriov_init();
	if (ret)
		return ret;
	ret = kvfio_pci_register_front(&own_front, THIS_MODULE);
	if (ret)
		sriov_exit();
	return ret;
}

static void __exit kvfio_pci_exit(void)
{
	kvfio_pci_unregister_front(&own_front);
	sriov_exit();
}

module_init(kvfio_pci_init);
module_exit(kvfio_pci_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("kvfio: PCI devices for user space");
MODULE_VERSION("0.1");

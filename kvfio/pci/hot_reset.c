// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot reset: of a whole bus, or of the slot that a hot-plug controller resets, with every device on
 * it. It needs proof that all of them are the caller's, and it is what is left for devices that have
 * no reset of their own: those are reset when the last of their bus is closed.
 *
 * devices_lock keeps all devices of kvfio alive, and is what allows to hold the locks of several.
 */

#include <linux/file.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

static DEFINE_MUTEX(devices_lock);
static LIST_HEAD(devices);		/* vdev->entry: all that are bound, also while they wait for their users */

/* Functions that a reset hits, each with a reference. */
struct affected {
	struct pci_slot *slot;		/* NULL: the whole bus */
	struct pci_bus *bus;
	unsigned int n, room;
	struct pci_dev *pdev[];
};

/** hot_reset_add() - the device is bound: it may be part of somebody's bus */
void hot_reset_add(struct kvfio_pci *vdev)
{
	mutex_lock(&devices_lock);
	list_add_tail(&vdev->entry, &devices);
	mutex_unlock(&devices_lock);
}

/** hot_reset_remove() - when it returns, nobody resets the device any more */
void hot_reset_remove(struct kvfio_pci *vdev)
{
	mutex_lock(&devices_lock);
	list_del(&vdev->entry);
	mutex_unlock(&devices_lock);
}

/* devices_lock held */
static struct kvfio_pci *find_device(struct pci_dev *pdev)
{
	struct kvfio_pci *vdev;

	list_for_each_entry(vdev, &devices, entry)
		if (vdev->pdev == pdev)
			return vdev;
	return NULL;
}

/**
 * device_find() - what kvfio knows of a PCI device, or NULL
 * @pdev: of which the caller knows that it does not go meanwhile
 */
struct kvfio_pci *device_find(struct pci_dev *pdev)
{
	struct kvfio_pci *vdev;

	mutex_lock(&devices_lock);
	vdev = find_device(pdev);
	mutex_unlock(&devices_lock);
	return vdev;
}

static bool below_slot(struct pci_dev *pdev, const struct affected *affected)
{
	while (pdev && pdev->bus != affected->bus)
		pdev = pdev->bus->self;
	return pdev && pdev->slot == affected->slot;
}

static int take_affected(struct pci_dev *pdev, void *data)
{
	struct affected *affected = data;

	if (affected->slot && !below_slot(pdev, affected))
		return 0;
	if (affected->n < affected->room)
		affected->pdev[affected->n] = pci_dev_get(pdev);
	affected->n++;
	return 0;
}

static void affected_put(struct affected *affected)
{
	unsigned int i;

	for (i = 0; i < min(affected->n, affected->room); i++)
		pci_dev_put(affected->pdev[i]);
	kfree(affected);
}

static struct affected *try_affected(struct pci_dev *pdev, unsigned int room)
{
	struct affected *affected;

	affected = kzalloc(struct_size(affected, pdev, room), GFP_KERNEL_ACCOUNT);
	if (!affected)
		return ERR_PTR(-ENOMEM);
	affected->room = room;
	affected->bus = pdev->bus;
	if (!pci_probe_reset_slot(pdev->slot)) {
		affected->slot = pdev->slot;
	} else if (pci_probe_reset_bus(pdev->bus)) {
		kfree(affected);
		return ERR_PTR(-ENODEV);
	}
	pci_walk_bus(pdev->bus, take_affected, affected);
	return affected;
}

/* What a reset of @pdev hits; -ENODEV: neither its slot nor its bus can be reset. */
static struct affected *affected_get(struct pci_dev *pdev)
{
	struct affected *affected = try_affected(pdev, 8);

	/* Devices may be plugged in meanwhile. */
	while (!IS_ERR(affected) && affected->n > affected->room) {
		unsigned int room = affected->n;

		affected_put(affected);
		affected = try_affected(pdev, room);
	}
	return affected;
}

static int describe(struct pci_dev *pdev, struct vfio_pci_dependent_device *ret_device)
{
	struct iommu_group *group = iommu_group_get(&pdev->dev);

	/* Nobody could prove that such a device is his. */
	if (!group)
		return -EPERM;
	ret_device->group_id = iommu_group_id(group);
	ret_device->segment = pci_domain_nr(pdev->bus);
	ret_device->bus = pdev->bus->number;
	ret_device->devfn = pdev->devfn;
	iommu_group_put(group);
	return 0;
}

static int copy_descriptions(const struct affected *affected, void __user *arg)
{
	struct vfio_pci_dependent_device device;
	unsigned int i;
	int ret;

	for (i = 0; i < affected->n; i++) {
		ret = describe(affected->pdev[i], &device);
		if (ret)
			return ret;
		if (copy_to_user(arg + i * sizeof(device), &device, sizeof(device)))
			return -EFAULT;
	}
	return 0;
}

/** hot_reset_info() - VFIO_DEVICE_GET_PCI_HOT_RESET_INFO; -ENOSPC with the count when there is too little room */
long hot_reset_info(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	struct vfio_pci_hot_reset_info info;
	struct affected *affected;
	long ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	affected = affected_get(vdev->pdev);
	if (IS_ERR(affected))
		return PTR_ERR(affected);
	info.flags = 0;
	info.count = affected->n;
	if ((info.argsz - minsz) / sizeof(struct vfio_pci_dependent_device) < affected->n)
		ret = -ENOSPC;
	else
		ret = copy_descriptions(affected, arg + minsz);
	affected_put(affected);
	if ((!ret || ret == -ENOSPC) && copy_to_user(arg, &info, minsz))
		ret = -EFAULT;
	return ret;
}

/* Whose devices may be reset: of groups whose files the caller holds; without any, those that nobody has open. */
struct owner {
	struct file **groups;
	unsigned int n_groups;
};

static bool is_owned(const struct kvfio_pci *vdev, const struct owner *owner)
{
	unsigned int i;

	if (!owner->n_groups)
		return !vdev->opened;
	for (i = 0; i < owner->n_groups; i++)
		if (kvfio_file_has_device(owner->groups[i], &vdev->kdev))
			return true;
	return false;
}

static bool all_known(const struct affected *affected)
{
	unsigned int i;

	for (i = 0; i < affected->n; i++)
		if (!find_device(affected->pdev[i]))
			return false;
	return true;
}

/* Awake first: that takes the lock of each for itself. One that does not wake is reset as it is. */
static void lock_all(const struct affected *affected)
{
	unsigned int i;

	for (i = 0; i < affected->n; i++)
		pm_runtime_get_sync(&affected->pdev[i]->dev);
	for (i = 0; i < affected->n; i++)
		mutex_lock_nest_lock(&find_device(affected->pdev[i])->lock, &devices_lock);
}

static void unlock_all(const struct affected *affected)
{
	unsigned int i;

	for (i = 0; i < affected->n; i++) {
		mutex_unlock(&find_device(affected->pdev[i])->lock);
		pm_runtime_put(&affected->pdev[i]->dev);
	}
}

/* Is it right to reset them, and without a caller, is there a reason? */
static bool may_reset(const struct affected *affected, const struct owner *owner)
{
	bool wanted = owner->n_groups;
	unsigned int i;

	for (i = 0; i < affected->n; i++) {
		struct kvfio_pci *vdev = find_device(affected->pdev[i]);

		if (!is_owned(vdev, owner))
			return false;
		wanted |= vdev->needs_reset;
	}
	return wanted;
}

/*
 * They are awake and nobody reaches their registers; the kernel saves config space, resets and
 * restores it. -EAGAIN: somebody else holds one of the devices.
 */
static int reset_all(struct kvfio_pci *vdev, const struct affected *affected)
{
	struct kvfio_pci *other;
	unsigned int i;
	int ret;

	for (i = 0; i < affected->n; i++) {
		other = find_device(affected->pdev[i]);
		if (other->opened)
			set_power_state(other, PCI_D0);
	}
	for (i = 0; i < affected->n; i++)
		memory_take_nested(find_device(affected->pdev[i]), &devices_lock);
	ret = pci_reset_bus(vdev->pdev);
	for (i = 0; i < affected->n; i++) {
		other = find_device(affected->pdev[i]);
		if (!ret)
			other->needs_reset = false;
		if (other->opened)
			intx_reapply(other);
		memory_give(other);
	}
	return ret;
}

static int reset_owned(struct kvfio_pci *vdev, const struct affected *affected,
		       const struct owner *owner)
{
	int ret = -EINVAL;

	mutex_lock(&devices_lock);
	/*
	 * Asked first without their locks, so that nobody's device is woken for nothing; what counts
	 * is the answer when they are held.
	 */
	if (all_known(affected) && may_reset(affected, owner)) {
		lock_all(affected);
		ret = may_reset(affected, owner) ? reset_all(vdev, affected) : -EINVAL;
		unlock_all(affected);
	}
	mutex_unlock(&devices_lock);
	return ret;
}

static void put_groups(struct file **groups, unsigned int n)
{
	while (n--)
		fput(groups[n]);
	kfree(groups);
}

/* The files behind @n descriptors; n is bounded by the number of affected devices. */
static struct file **get_groups(const s32 __user *arg, unsigned int n)
{
	struct file **groups;
	unsigned int i;
	int ret;

	groups = kcalloc(n, sizeof(*groups), GFP_KERNEL_ACCOUNT);
	if (!groups)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < n; i++) {
		s32 fd;

		ret = -EFAULT;
		if (get_user(fd, arg + i))
			goto err_put;
		groups[i] = fget(fd);
		ret = -EBADF;
		if (!groups[i])
			goto err_put;
		ret = -EINVAL;
		if (!kvfio_file_is_group(groups[i])) {
			i++;
			goto err_put;
		}
	}
	return groups;

err_put:
	put_groups(groups, i);
	return ERR_PTR(ret);
}

/** hot_reset() - VFIO_DEVICE_PCI_HOT_RESET */
long hot_reset(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset, count);
	struct vfio_pci_hot_reset header;
	struct affected *affected;
	struct owner owner;
	long ret;

	if (copy_from_user(&header, arg, minsz))
		return -EFAULT;
	if (header.argsz < minsz || header.flags)
		return -EINVAL;
	affected = affected_get(vdev->pdev);
	if (IS_ERR(affected))
		return PTR_ERR(affected);
	ret = -EINVAL;
	if (!header.count || header.count > affected->n)
		goto out_put;
	owner.n_groups = header.count;
	owner.groups = get_groups(arg + minsz, header.count);
	ret = PTR_ERR_OR_ZERO(owner.groups);
	if (ret)
		goto out_put;
	ret = reset_owned(vdev, affected, &owner);
	put_groups(owner.groups, owner.n_groups);
out_put:
	affected_put(affected);
	return ret;
}

/*
 * hot_reset_after_close() - the device was closed: if one of its bus could not be reset alone and
 * nobody has any of them open, reset the bus. vdev->lock not held.
 */
void hot_reset_after_close(struct kvfio_pci *vdev)
{
	struct affected *affected = affected_get(vdev->pdev);
	const struct owner nobody = { 0 };

	if (IS_ERR(affected))
		return;
	reset_owned(vdev, affected, &nobody);
	affected_put(affected);
}

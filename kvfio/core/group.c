// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: the files /dev/kvfio/N. A group comes with its first registered device and goes with its
 * last. One file at a time may be open; the group counts as in use until that file and all files of
 * its devices are closed, in whatever order.
 */

#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/vfio.h>

#include "core.h"

/* The list of groups, and which devices make them come and go. */
static DEFINE_MUTEX(groups_lock);
static LIST_HEAD(groups);
static DEFINE_IDA(minors);
static dev_t first_devt;

static char *group_devnode(COMPAT_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "kvfio/%s", dev_name(dev));
}

static struct class group_class = {
	.name = "kvfio",
	.devnode = group_devnode,
};

/* With the group in no use any more, it leaves its container; group->lock held. */
static void drop_unused(struct kvfio_group *group)
{
	if (!group->opened && !group->n_open && group->container)
		container_detach_group(group);
}

static int group_file_open(struct inode *inode, struct file *file)
{
	struct kvfio_group *group = container_of(inode->i_cdev, struct kvfio_group, cdev);
	int ret = 0;

	mutex_lock(&group->lock);
	if (group->dead)
		ret = -ENODEV;
	else if (group->kind == GROUP_NOIOMMU && !capable(CAP_SYS_RAWIO))
		ret = -EPERM;
	else if (group->opened || group->n_open)
		ret = -EBUSY;
	if (!ret) {
		group->opened = true;
		get_device(&group->dev);
		file->private_data = group;
	}
	mutex_unlock(&group->lock);
	return ret;
}

static int group_file_release(struct inode *inode, struct file *file)
{
	struct kvfio_group *group = file->private_data;

	mutex_lock(&group->lock);
	group->opened = false;
	drop_unused(group);
	mutex_unlock(&group->lock);
	put_device(&group->dev);
	return 0;
}

/** group_put_device_file() - a file of a device of the group was closed; group->lock held */
void group_put_device_file(struct kvfio_group *group)
{
	group->n_open--;
	drop_unused(group);
}

static long get_status(struct kvfio_group *group, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_group_status, flags);
	struct vfio_group_status status;

	if (copy_from_user(&status, arg, minsz))
		return -EFAULT;
	if (status.argsz < minsz)
		return -EINVAL;

	status.flags = 0;
	mutex_lock(&group->lock);
	if (group->dead) {
		mutex_unlock(&group->lock);
		return -ENODEV;
	}
	/* Without a container the answer is a guess: only attaching finds out for good. */
	if (group->container)
		status.flags |= VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE;
	else if (group->kind != GROUP_IOMMU || !iommu_group_dma_owner_claimed(group->iommu_group))
		status.flags |= VFIO_GROUP_FLAGS_VIABLE;
	mutex_unlock(&group->lock);

	return copy_to_user(arg, &status, minsz) ? -EFAULT : 0;
}

static long set_container(struct kvfio_group *group, int __user *arg)
{
	long ret;
	int fd;

	if (get_user(fd, arg))
		return -EFAULT;
	mutex_lock(&group->lock);
	if (group->dead)
		ret = -ENODEV;
	else if (group->container)
		ret = -EINVAL;
	else if (group->kind == GROUP_NOIOMMU && !capable(CAP_SYS_RAWIO))
		ret = -EPERM;
	else
		ret = container_attach_group(fd, group);
	mutex_unlock(&group->lock);
	return ret;
}

static long unset_container(struct kvfio_group *group)
{
	long ret = 0;

	mutex_lock(&group->lock);
	if (!group->container)
		ret = -EINVAL;
	else if (group->n_open)
		ret = -EBUSY;
	else
		container_detach_group(group);
	mutex_unlock(&group->lock);
	return ret;
}

static long get_device_fd(struct kvfio_group *group, char __user *arg)
{
	char *name = strndup_user(arg, PAGE_SIZE);
	long ret;

	if (IS_ERR(name))
		return PTR_ERR(name);
	mutex_lock(&group->lock);
	if (!group->container || !container_has_type(group->container))
		ret = -EINVAL;
	else if (group->kind == GROUP_NOIOMMU && !capable(CAP_SYS_RAWIO))
		ret = -EPERM;
	else
		ret = device_open_fd(group, name);
	mutex_unlock(&group->lock);
	kfree(name);
	return ret;
}

static long group_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvfio_group *group = file->private_data;

	switch (cmd) {
	case VFIO_GROUP_GET_STATUS:
		return get_status(group, (void __user *)arg);
	case VFIO_GROUP_SET_CONTAINER:
		return set_container(group, (int __user *)arg);
	case VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(group);
	case VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd(group, (char __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations group_fops = {
	.owner = THIS_MODULE,
	.open = group_file_open,
	.release = group_file_release,
	.unlocked_ioctl = group_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static void group_release(struct device *dev)
{
	struct kvfio_group *group = container_of(dev, struct kvfio_group, dev);

	iommu_group_put(group->iommu_group);
	ida_free(&minors, MINOR(dev->devt));
	mutex_destroy(&group->lock);
	kfree(group);
}

/* A new group, without its node; takes over the reference on @iommu_group on success. */
static struct kvfio_group *group_create(struct iommu_group *iommu_group, enum group_kind kind)
{
	struct kvfio_group *group;
	int minor;

	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&minors, MINORMASK, GFP_KERNEL);
	if (minor < 0) {
		kfree(group);
		return ERR_PTR(minor);
	}
	mutex_init(&group->lock);
	INIT_LIST_HEAD(&group->devices);
	group->kind = kind;
	group->iommu_group = iommu_group;
	device_initialize(&group->dev);
	group->dev.devt = MKDEV(MAJOR(first_devt), minor);
	group->dev.class = &group_class;
	group->dev.release = group_release;
	cdev_init(&group->cdev, &group_fops);
	group->cdev.owner = THIS_MODULE;
	return group;
}

static int group_publish(struct kvfio_group *group)
{
	int ret;

	ret = dev_set_name(&group->dev, "%s%d", group->kind == GROUP_NOIOMMU ? "noiommu-" : "",
			   iommu_group_id(group->iommu_group));
	return ret ?: cdev_device_add(&group->cdev, &group->dev);
}

static struct kvfio_group *group_find(struct iommu_group *iommu_group)
{
	struct kvfio_group *group;

	list_for_each_entry(group, &groups, entry)
		if (group->iommu_group == iommu_group)
			return group;
	return NULL;
}

/* An IOMMU group for a device that has none of its own; the caller owns the reference. */
static struct iommu_group *fake_iommu_group(struct device *dev, const char *name)
{
	struct iommu_group *iommu_group = iommu_group_alloc();
	int ret;

	if (IS_ERR(iommu_group))
		return iommu_group;
	ret = iommu_group_set_name(iommu_group, name);
	if (!ret)
		ret = iommu_group_add_device(iommu_group, dev);
	if (ret) {
		iommu_group_put(iommu_group);
		return ERR_PTR(ret);
	}
	return iommu_group;
}

/* The IOMMU group of a device, made up where it has none; *kind says what it turned out to be. */
static struct iommu_group *iommu_group_for(struct device *dev, enum group_kind *kind)
{
	struct iommu_group *iommu_group;

	if (*kind == GROUP_SOFT)
		return fake_iommu_group(dev, "kvfio-soft");

	iommu_group = iommu_group_get(dev);
	if (iommu_group)
		return iommu_group;
	if (!enable_unsafe_noiommu_mode) {
		dev_err(dev,
			"no IOMMU: enable it in the firmware and on the kernel command line\n");
		return ERR_PTR(-EINVAL);
	}
	*kind = GROUP_NOIOMMU;
	return fake_iommu_group(dev, "kvfio-noiommu");
}

/**
 * group_join() - the group that a device to be registered belongs to
 * @dev: the device
 * @kind: GROUP_IOMMU or GROUP_SOFT
 *
 * Return: the group, to be left with group_leave(), or an ERR_PTR().
 */
struct kvfio_group *group_join(struct device *dev, enum group_kind kind)
{
	struct iommu_group *iommu_group;
	struct kvfio_group *group;
	int ret;

	iommu_group = iommu_group_for(dev, &kind);
	if (IS_ERR(iommu_group))
		return ERR_CAST(iommu_group);
	/* Else the user's stores could stay in a cache where the device does not see them. */
	if (kind == GROUP_IOMMU && !device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY)) {
		ret = -EINVAL;
		goto err_put;
	}

	mutex_lock(&groups_lock);
	group = group_find(iommu_group);
	if (group) {
		iommu_group_put(iommu_group);
		group->n_devices++;
		mutex_unlock(&groups_lock);
		return group;
	}
	group = group_create(iommu_group, kind);
	if (IS_ERR(group)) {
		ret = PTR_ERR(group);
		goto err_unlock;
	}
	ret = group_publish(group);
	if (ret) {
		/* The release function gives back the reference on the IOMMU group. */
		if (kind != GROUP_IOMMU)
			iommu_group_remove_device(dev);
		put_device(&group->dev);
		mutex_unlock(&groups_lock);
		return ERR_PTR(ret);
	}
	group->n_devices = 1;
	list_add(&group->entry, &groups);
	mutex_unlock(&groups_lock);
	if (kind == GROUP_NOIOMMU) {
		add_taint(TAINT_USER, LOCKDEP_STILL_OK);
		dev_warn(dev, "no IOMMU: its user can read and write all memory\n");
	}
	return group;

err_unlock:
	mutex_unlock(&groups_lock);
err_put:
	if (kind != GROUP_IOMMU)
		iommu_group_remove_device(dev);
	iommu_group_put(iommu_group);
	return ERR_PTR(ret);
}

/*
 * group_leave() - a device has gone; the last one takes the group with it, even while its file is
 * still open
 */
void group_leave(struct kvfio_group *group)
{
	mutex_lock(&groups_lock);
	if (--group->n_devices) {
		mutex_unlock(&groups_lock);
		return;
	}
	list_del(&group->entry);
	mutex_lock(&group->lock);
	group->dead = true;
	if (group->container)
		container_detach_group(group);
	mutex_unlock(&group->lock);
	cdev_device_del(&group->cdev, &group->dev);
	mutex_unlock(&groups_lock);
	put_device(&group->dev);
}

int __init group_init(void)
{
	int ret;

	ret = class_register(&group_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&first_devt, 0, MINORMASK + 1, "kvfio");
	if (ret)
		class_unregister(&group_class);
	return ret;
}

void group_exit(void)
{
	unregister_chrdev_region(first_devt, MINORMASK + 1);
	class_unregister(&group_class);
	ida_destroy(&minors);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: the files /dev/kvfio/N, or /dev/vfio/N in another front. A group comes with its first registered device and goes with its
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

/** groups_for_each() - for those who only look; groups_lock is held */
void groups_for_each(void (*fn)(struct kvfio_group *group, struct seq_file *out),
		     struct seq_file *out)
{
	struct kvfio_group *group;

	mutex_lock(&groups_lock);
	list_for_each_entry(group, &groups, entry)
		fn(group, out);
	mutex_unlock(&groups_lock);
}

static char *group_devnode(COMPAT_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "%s/%s", dev->class->name, dev_name(dev));
}

/* Has a virtual machine been told of the group? For people, and for tests. */
static ssize_t kvm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct kvfio_group *group = container_of(dev, struct kvfio_group, dev);

	return sysfs_emit(buf, "%d\n", READ_ONCE(group->kvm) ? 1 : 0);
}
static DEVICE_ATTR_RO(kvm);

static struct attribute *group_attrs[] = { &dev_attr_kvm.attr, NULL };
ATTRIBUTE_GROUPS(group);

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

/*
 * group_of_file() - the group that a file is open for, or NULL when it is a file of another kind
 */
struct kvfio_group *group_of_file(struct file *file)
{
	return file && file->f_op == &group_fops ? file->private_data : NULL;
}

/* Nothing of the front is touched here: it may have gone before the last file of a device. */
static void group_release(struct device *dev)
{
	struct kvfio_group *group = container_of(dev, struct kvfio_group, dev);

	iommu_group_put(group->iommu_group);
	mutex_destroy(&group->lock);
	kfree(group);
}

/* A new group, without its node; takes over the reference on @iommu_group on success. */
static struct kvfio_group *group_create(struct iommu_group *iommu_group, enum group_kind kind,
					struct kvfio_front *front)
{
	struct kvfio_group *group;
	int minor;

	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group)
		return ERR_PTR(-ENOMEM);
	minor = ida_alloc_max(&front->minors, MINORMASK, GFP_KERNEL);
	if (minor < 0) {
		kfree(group);
		return ERR_PTR(minor);
	}
	mutex_init(&group->lock);
	INIT_LIST_HEAD(&group->devices);
	group->kind = kind;
	group->front = front;
	group->iommu_group = iommu_group;
	device_initialize(&group->dev);
	group->dev.devt = MKDEV(MAJOR(front->first_devt), minor);
	group->dev.class = &front->class;
	group->dev.release = group_release;
	cdev_init(&group->cdev, &group_fops);
	group->cdev.owner = front->owner;
	return group;
}

static void group_free_minor(struct kvfio_group *group)
{
	ida_free(&group->front->minors, MINOR(group->dev.devt));
}

static int group_publish(struct kvfio_group *group)
{
	int ret;

	ret = dev_set_name(&group->dev, "%s%d", group->kind == GROUP_NOIOMMU ? "noiommu-" : "",
			   iommu_group_id(group->iommu_group));
	ret = ret ?: cdev_device_add(&group->cdev, &group->dev);
	if (ret)
		group_free_minor(group);
	return ret;
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
	if (!kvfio_unsafe_noiommu_mode) {
		dev_err(dev,
			"no IOMMU: enable it in the firmware and on the kernel command line\n");
		return ERR_PTR(-EINVAL);
	}
	*kind = GROUP_NOIOMMU;
	return fake_iommu_group(dev, "vfio-noiommu");
}

/**
 * group_join() - the group that a device to be registered belongs to
 * @dev: the device
 * @kind: GROUP_IOMMU or GROUP_SOFT
 * @front: under whose names the group shall be
 *
 * Return: the group, to be left with group_leave(), or an ERR_PTR(); -EBUSY when another front has
 * the group.
 */
struct kvfio_group *group_join(struct device *dev, enum group_kind kind,
			       struct kvfio_front *front)
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
	if (group && group->front != front) {
		dev_err(dev, "its IOMMU group is in /dev/%s already: bind all of it to one driver\n",
			group->front->name);
		ret = -EBUSY;
		goto err_unlock;
	}
	if (group) {
		iommu_group_put(iommu_group);
		group->n_devices++;
		mutex_unlock(&groups_lock);
		return group;
	}
	group = group_create(iommu_group, kind, front);
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
	group_free_minor(group);
	mutex_unlock(&groups_lock);
	put_device(&group->dev);
}

/**
 * group_nodes_begin() - make room for the groups of a front: a class in sysfs, device numbers
 * @front: new
 *
 * Return: 0; -EEXIST when the class is there already; -ENOMEM.
 */
int group_nodes_begin(struct kvfio_front *front)
{
	int ret;

	ida_init(&front->minors);
	front->class.name = front->name;
	front->class.devnode = group_devnode;
	front->class.dev_groups = group_groups;
	ret = class_register(&front->class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&front->first_devt, 0, MINORMASK + 1, front->name);
	if (ret)
		class_unregister(&front->class);
	return ret;
}

void group_nodes_end(struct kvfio_front *front)
{
	WARN_ON(!ida_is_empty(&front->minors));
	unregister_chrdev_region(front->first_devt, MINORMASK + 1);
	class_unregister(&front->class);
	ida_destroy(&front->minors);
}

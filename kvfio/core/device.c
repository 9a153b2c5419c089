// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: what drivers register, and the files that users get from VFIO_GROUP_GET_DEVICE_FD. All
 * files of one device share one address space, so that their maps can be found and taken away
 * together.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <uapi/linux/vfio.h>

#include "core.h"

#define DEVICE_FS_MAGIC		0x6b766669	/* "kvfi" */
#define REQUEST_INTERVAL	(10 * HZ)

static int device_fs_init(struct fs_context *fc)
{
	return init_pseudo(fc, DEVICE_FS_MAGIC) ? 0 : -ENOMEM;
}

/* Never mounted by anybody else: a place for inodes that are nothing but address spaces. */
static struct file_system_type device_fs = {
	.name = "kvfio",
	.owner = THIS_MODULE,
	.init_fs_context = device_fs_init,
	.kill_sb = kill_anon_super,
};
static struct vfsmount *device_mount;
static int device_mount_count;

static struct inode *device_inode_create(void)
{
	struct inode *inode;
	int ret;

	ret = simple_pin_fs(&device_fs, &device_mount, &device_mount_count);
	if (ret)
		return ERR_PTR(ret);
	inode = alloc_anon_inode(device_mount->mnt_sb);
	if (IS_ERR(inode))
		simple_release_fs(&device_mount, &device_mount_count);
	return inode;
}

static void device_inode_destroy(struct inode *inode)
{
	iput(inode);
	simple_release_fs(&device_mount, &device_mount_count);
}

static int device_file_release(struct inode *inode, struct file *file)
{
	struct kvfio_device *kdev = file->private_data;
	struct kvfio_group *group = kdev->group;

	/* The group must outlive its lock, whatever unregistering does meanwhile. */
	get_device(&group->dev);
	mutex_lock(&group->lock);
	if (--kdev->n_open == 0) {
		/* What its neighbours could do to its registers ends with this user. */
		container_forget_device(group->container, kdev);
		/*
		 * First the device falls silent, then the group may leave and the pages be
		 * unpinned.
		 */
		kdev->ops->close(kdev);
		module_put(kdev->ops->owner);
		wake_up_all(&kdev->closed);
	}
	group_put_device_file(group);
	mutex_unlock(&group->lock);
	put_device(&group->dev);
	return 0;
}

static ssize_t device_file_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	struct kvfio_device *kdev = file->private_data;

	return kdev->ops->read ? kdev->ops->read(kdev, buf, count, ppos) : -EINVAL;
}

static ssize_t device_file_write(struct file *file, const char __user *buf, size_t count,
				 loff_t *ppos)
{
	struct kvfio_device *kdev = file->private_data;

	return kdev->ops->write ? kdev->ops->write(kdev, buf, count, ppos) : -EINVAL;
}

static long device_file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct kvfio_device *kdev = file->private_data;

	return kdev->ops->ioctl(kdev, cmd, arg);
}

static int device_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kvfio_device *kdev = file->private_data;

	return kdev->ops->mmap ? kdev->ops->mmap(kdev, vma) : -EINVAL;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.release = device_file_release,
	.read = device_file_read,
	.write = device_file_write,
	.unlocked_ioctl = device_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_file_mmap,
};

/*
 * device_of_file() - the device that a file is open for, or NULL when it is a file of another kind
 */
struct kvfio_device *device_of_file(struct file *file)
{
	return file && file->f_op == &device_fops ? file->private_data : NULL;
}

static struct kvfio_device *device_find(struct kvfio_group *group, const char *name)
{
	struct kvfio_device *kdev;

	list_for_each_entry(kdev, &group->devices, group_entry) {
		int ret = kdev->ops->match ? kdev->ops->match(kdev, name) :
					     !strcmp(dev_name(kdev->dev), name);

		if (ret)
			return ret > 0 ? kdev : ERR_PTR(ret);
	}
	return ERR_PTR(-ENODEV);
}

/* The first user of a device: keep its driver, wake it up. */
static int device_open_first(struct kvfio_device *kdev)
{
	int ret;

	if (!try_module_get(kdev->ops->owner))
		return -ENODEV;
	ret = kdev->ops->open(kdev);
	if (ret)
		module_put(kdev->ops->owner);
	return ret;
}

static struct file *device_file_create(struct kvfio_device *kdev)
{
	struct file *file;

	file = anon_inode_getfile("[kvfio-device]", &device_fops, kdev, O_RDWR);
	if (IS_ERR(file))
		return file;
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	file->f_mapping = kdev->inode->i_mapping;
	return file;
}

/**
 * device_open_fd() - a new file for a device; group->lock held, group attached to a container with
 * a type
 * @group: the group
 * @name: of the device
 *
 * Return: a file descriptor; -ENODEV when the group has no such device, or what its driver says.
 */
int device_open_fd(struct kvfio_group *group, const char *name)
{
	struct kvfio_device *kdev = device_find(group, name);
	struct file *file;
	int ret, fd;

	if (IS_ERR(kdev))
		return PTR_ERR(kdev);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (!kdev->n_open) {
		ret = device_open_first(kdev);
		if (ret)
			goto err_put_fd;
	}
	file = device_file_create(kdev);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_close;
	}
	kdev->n_open++;
	group->n_open++;
	fd_install(fd, file);
	return fd;

err_close:
	if (!kdev->n_open) {
		kdev->ops->close(kdev);
		module_put(kdev->ops->owner);
	}
err_put_fd:
	put_unused_fd(fd);
	return ret;
}

static int device_offer(struct kvfio_device *kdev, struct device *dev,
			   const struct kvfio_device_ops *ops, enum group_kind kind)
{
	struct kvfio_group *group;
	int ret;

	kdev->dev = dev;
	kdev->ops = ops;
	init_waitqueue_head(&kdev->closed);
	kdev->inode = device_inode_create();
	if (IS_ERR(kdev->inode))
		return PTR_ERR(kdev->inode);
	group = group_join(dev, kind, ops->front ?: &kvfio_own_front);
	if (IS_ERR(group)) {
		ret = PTR_ERR(group);
		goto err_destroy_inode;
	}
	kdev->group = group;
	mutex_lock(&group->lock);
	list_add_tail(&kdev->group_entry, &group->devices);
	mutex_unlock(&group->lock);
	return 0;

err_destroy_inode:
	device_inode_destroy(kdev->inode);
	return ret;
}

int kvfio_register_device(struct kvfio_device *kdev, struct device *dev,
			  const struct kvfio_device_ops *ops)
{
	return device_offer(kdev, dev, ops, GROUP_IOMMU);
}
EXPORT_SYMBOL_GPL(kvfio_register_device);

int kvfio_register_soft_device(struct kvfio_device *kdev, struct device *dev,
			       const struct kvfio_device_ops *ops)
{
	return device_offer(kdev, dev, ops, GROUP_SOFT);
}
EXPORT_SYMBOL_GPL(kvfio_register_soft_device);

static bool device_is_closed(struct kvfio_device *kdev)
{
	bool closed;

	mutex_lock(&kdev->group->lock);
	closed = !kdev->n_open;
	mutex_unlock(&kdev->group->lock);
	return closed;
}

static void wait_for_users(struct kvfio_device *kdev)
{
	unsigned int count = 0;
	bool interrupted = false;
	long ret;

	while (!device_is_closed(kdev)) {
		if (kdev->ops->request)
			kdev->ops->request(kdev, count++);
		if (interrupted) {
			wait_event_timeout(kdev->closed, !READ_ONCE(kdev->n_open),
					   REQUEST_INTERVAL);
			continue;
		}
		ret = wait_event_interruptible_timeout(kdev->closed, !READ_ONCE(kdev->n_open),
						       REQUEST_INTERVAL);
		if (ret < 0) {
			interrupted = true;
			dev_warn(kdev->dev, "in use: \"%s\" (%d) waits until its user closes it\n",
				 current->comm, task_pid_nr(current));
		}
	}
}

void kvfio_unregister_device(struct kvfio_device *kdev)
{
	struct kvfio_group *group = kdev->group;

	mutex_lock(&group->lock);
	list_del(&kdev->group_entry);
	mutex_unlock(&group->lock);

	wait_for_users(kdev);

	if (group->kind != GROUP_IOMMU)
		iommu_group_remove_device(kdev->dev);
	group_leave(group);
	device_inode_destroy(kdev->inode);
}
EXPORT_SYMBOL_GPL(kvfio_unregister_device);

void kvfio_revoke_mmap(struct kvfio_device *kdev, u64 offset, u64 size)
{
	unmap_mapping_range(kdev->inode->i_mapping, offset, size, true);
}
EXPORT_SYMBOL_GPL(kvfio_revoke_mmap);

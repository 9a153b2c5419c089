// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to a BAR that an eventfd stands for: signalling it makes the kernel write a fixed value to a
 * fixed place, which spares a virtual machine the way through its monitor. vdev->lock protects the
 * list; it is not held while one is ended, because the write wakes a device that sleeps, and that
 * takes the lock.
 */

#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "pci.h"

#define MAX_IOEVENTFDS	1000	/* for each device: they are memory of the kernel */

struct ioeventfd {
	struct list_head entry;		/* vdev->ioeventfds */
	struct kvfio_pci *vdev;
	struct eventfd_watch *watch;
	unsigned int index;
	u64 offset;
	unsigned int size;
	u8 bytes[8];
};

static void signalled(void *data)
{
	struct ioeventfd *io = data;

	/* What a write of the user would do at this moment, also when it would fail. */
	if (power_get(io->vdev))
		return;
	bar_access(io->vdev, io->index, io->offset, io->bytes, io->size, true);
	power_put(io->vdev);
}

/* When it returns, it does not write any more. NULL is fine. */
static void ioeventfd_destroy(struct ioeventfd *io)
{
	if (!io)
		return;
	watch_destroy(io->watch);
	kfree(io);
}

static struct ioeventfd *find(struct kvfio_pci *vdev, const struct ioeventfd *like)
{
	struct ioeventfd *io;

	list_for_each_entry(io, &vdev->ioeventfds, entry)
		if (io->index == like->index && io->offset == like->offset &&
		    io->size == like->size && !memcmp(io->bytes, like->bytes, sizeof(io->bytes)))
			return io;
	return NULL;
}

static int ioeventfd_create(struct kvfio_pci *vdev, const struct ioeventfd *like, int fd)
{
	struct ioeventfd *io;
	int ret;

	if (vdev->n_ioeventfds == MAX_IOEVENTFDS)
		return -ENOSPC;
	io = kmemdup(like, sizeof(*like), GFP_KERNEL_ACCOUNT);
	if (!io)
		return -ENOMEM;
	io->watch = watch_create(fd, signalled, io);
	if (IS_ERR(io->watch)) {
		ret = PTR_ERR(io->watch);
		kfree(io);
		return ret;
	}
	list_add(&io->entry, &vdev->ioeventfds);
	vdev->n_ioeventfds++;
	return 0;
}

/* *ret_doomed is to be destroyed without the lock. */
static long set_locked(struct kvfio_pci *vdev, const struct ioeventfd *like, int fd,
		       struct ioeventfd **ret_doomed)
{
	struct ioeventfd *old = find(vdev, like);

	if (!old)
		return fd < 0 ? -ENODEV : ioeventfd_create(vdev, like, fd);
	if (fd >= 0)
		return -EEXIST;
	list_del(&old->entry);
	vdev->n_ioeventfds--;
	*ret_doomed = old;
	return 0;
}

/** ioeventfd_set() - VFIO_DEVICE_IOEVENTFD; vdev->lock not held */
long ioeventfd_set(struct kvfio_pci *vdev, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct ioeventfd like = { .vdev = vdev };
	struct ioeventfd *doomed = NULL;
	struct vfio_device_ioeventfd param;
	long ret;

	if (copy_from_user(&param, arg, minsz))
		return -EFAULT;
	if (param.argsz < minsz || param.flags & ~VFIO_DEVICE_IOEVENTFD_SIZE_MASK)
		return -EINVAL;
	/* The flags are the sizes in bytes. */
	like.size = param.flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK;
	if (hweight8(like.size) != 1 || param.fd < -1)
		return -EINVAL;
	like.index = kvfio_offset_to_region(param.offset);
	like.offset = param.offset & KVFIO_OFFSET_MASK;
	put_unaligned_le64(param.data, like.bytes);
	memset(like.bytes + like.size, 0, sizeof(like.bytes) - like.size);
	ret = bar_check_access(vdev, like.index, like.offset, like.size);
	if (ret)
		return ret;
	mutex_lock(&vdev->lock);
	ret = set_locked(vdev, &like, param.fd, &doomed);
	mutex_unlock(&vdev->lock);
	ioeventfd_destroy(doomed);
	return ret;
}

/** ioeventfds_close() - the last file was closed, so that nobody else is here; vdev->lock not held */
void ioeventfds_close(struct kvfio_pci *vdev)
{
	struct ioeventfd *io, *next;

	list_for_each_entry_safe(io, next, &vdev->ioeventfds, entry)
		ioeventfd_destroy(io);
	INIT_LIST_HEAD(&vdev->ioeventfds);
	vdev->n_ioeventfds = 0;
}

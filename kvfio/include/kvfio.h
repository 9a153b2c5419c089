/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_H
#define KVFIO_H

/*
 * The bus-driver API of kvfio: what a driver calls to hand a device to user space. The core knows
 * groups, containers and memory; the driver knows the device.
 */

#include <linux/list.h>
#include <linux/types.h>
#include <linux/wait.h>

struct device;
struct file;
struct inode;
struct kvfio_device;
struct kvfio_front;
struct kvfio_group;
struct module;
struct vm_area_struct;

/*
 * Where a region begins in the file of a device: the index of the region in the bits from 40 up.
 * User space takes the offset from VFIO_DEVICE_GET_REGION_INFO and need not know.
 */
#define KVFIO_OFFSET_SHIFT	40
#define KVFIO_OFFSET_MASK	((1ULL << KVFIO_OFFSET_SHIFT) - 1)

static inline u64 kvfio_region_to_offset(unsigned int index)
{
	return (u64)index << KVFIO_OFFSET_SHIFT;
}

static inline unsigned int kvfio_offset_to_region(u64 offset)
{
	return offset >> KVFIO_OFFSET_SHIFT;
}

/**
 * struct kvfio_device_ops - what a driver does for the users of its device
 * @name: for messages
 * @owner: module that is kept loaded while the device is open
 * @front: under whose names in /dev the device shall be; NULL: /dev/kvfio
 * @open: the first user comes; the device gets into a sane state. DMA must stay off until the user
 * turns it on
 * @close: the last user has gone, also by a crash. Guarantee: when it returns the device makes no
 * DMA and no interrupt
 * @read: read from a region, as pread(2)
 * @write: write to a region, as pwrite(2)
 * @ioctl: every ioctl of the device file; -ENOTTY for those it does not know
 * @mmap: map a region; called with the mmap_lock of the caller held
 * @request: the kernel wants the device back: tell the user. @count says how often it has been
 * asked
 * @match: is @name, which a user gave, that of the device, and may he have it? 1; 0: it is not; or an
 * error that ends the search. NULL: the name is that in sysfs
 *
 * open, close and match are called with the lock of the group held and never in parallel for one device;
 * the others without a lock, in parallel, between open and close. request may come at any time.
 * read, write, mmap and request may be NULL.
 */
struct kvfio_device_ops {
	const char *name;
	struct module *owner;
	struct kvfio_front *front;
	int (*open)(struct kvfio_device *kdev);
	void (*close)(struct kvfio_device *kdev);
	ssize_t (*read)(struct kvfio_device *kdev, char __user *buf, size_t count, loff_t *ppos);
	ssize_t (*write)(struct kvfio_device *kdev, const char __user *buf, size_t count,
			 loff_t *ppos);
	long (*ioctl)(struct kvfio_device *kdev, unsigned int cmd, unsigned long arg);
	int (*mmap)(struct kvfio_device *kdev, struct vm_area_struct *vma);
	void (*request)(struct kvfio_device *kdev, unsigned int count);
	int (*match)(struct kvfio_device *kdev, const char *name);
};

/**
 * struct kvfio_device - a device that user space may open; part of the driver's own structure
 *
 * All members belong to the core. The memory must stay until kvfio_unregister_device() has
 * returned.
 */
struct kvfio_device {
	struct device *dev;
	const struct kvfio_device_ops *ops;
	struct kvfio_group *group;
	struct list_head group_entry;	/* group->lock */
	unsigned int n_open;		/* group->lock: files of this device */
	wait_queue_head_t closed;	/* n_open has become 0 */
	struct inode *inode;		/* address space of all maps of this device */
};

/**
 * kvfio_register_device() - offer a device to user space
 * @kdev: zeroed memory inside the driver's structure
 * @dev: the device. It must be in an IOMMU group, unless no-IOMMU mode is on
 * @ops: what to do for its users
 *
 * The driver must have driver_managed_dma set, because ownership of DMA is taken when a user
 * attaches the group. Users can come before the function returns.
 *
 * Return: 0; -EINVAL when the device has no IOMMU group, or one that cannot keep DMA coherent with
 * the caches; -EBUSY when the group is in another front; -ENOMEM.
 */
int kvfio_register_device(struct kvfio_device *kdev, struct device *dev,
			  const struct kvfio_device_ops *ops);

/**
 * kvfio_register_soft_device() - offer a device that is software alone
 * @kdev: zeroed memory inside the driver's structure
 * @dev: the device; it gets an IOMMU group of its own
 * @ops: what to do for its users
 *
 * Such a device reaches the memory of its user with kvfio_dma_rw() and in no other way.
 *
 * Return: 0 or -ENOMEM.
 */
int kvfio_register_soft_device(struct kvfio_device *kdev, struct device *dev,
			       const struct kvfio_device_ops *ops);

/**
 * kvfio_unregister_device() - take a device away from user space
 * @kdev: a registered device
 *
 * Nobody can open it any more. Waits until those who have it open have closed it, and calls
 * ops->request every ten seconds meanwhile. Context: process, may sleep without bound; the caller
 * holds no lock that close of a file needs.
 */
void kvfio_unregister_device(struct kvfio_device *kdev);

/**
 * kvfio_revoke_mmap() - take away the pages of a range of the device file
 * @kdev: a registered device
 * @offset: first byte in the file, see kvfio_region_to_offset()
 * @size: bytes
 *
 * The next access faults and asks the vm_ops of the driver. The driver's own lock keeps a fault
 * from putting them back.
 */
void kvfio_revoke_mmap(struct kvfio_device *kdev, u64 offset, u64 size);

/**
 * kvfio_dma_rw() - reach the memory that the user of a device has mapped
 * @kdev: a device that is open
 * @iova: first byte, as the device sees it
 * @buf: kernel memory
 * @len: bytes
 * @write: true: from @buf to memory; false: from memory to @buf
 *
 * What an IOMMU does for hardware: only mapped pages are reached, and only as their flags allow.
 *
 * Return: 0; -EFAULT when a byte of the range is not mapped or not allowed. Earlier bytes may have
 * been copied then.
 */
int kvfio_dma_rw(struct kvfio_device *kdev, u64 iova, void *buf, size_t len, bool write);

/** kvfio_file_is_group() - is it an open group? */
bool kvfio_file_is_group(struct file *file);

/**
 * kvfio_file_has_device() - is it the open group of this device? Who holds that file owns the
 * device: nobody else can open the group.
 * @file: any
 * @kdev: registered, or on its way
 */
bool kvfio_file_has_device(struct file *file, const struct kvfio_device *kdev);

/**
 * struct kvfio_irq_set - VFIO_DEVICE_SET_IRQS, taken apart and checked
 * @index: kind of interrupt
 * @start: first vector
 * @count: of vectors; start + count is not beyond what the driver said it has
 * @action: one of VFIO_IRQ_SET_ACTION_*
 * @type: one of VFIO_IRQ_SET_DATA_*
 * @data: @count bools (u8) or eventfds (s32), or NULL; belongs to the caller, kfree()
 */
struct kvfio_irq_set {
	u32 index;
	u32 start;
	u32 count;
	u32 action;
	u32 type;
	union {
		void *data;
		s32 *fds;
		u8 *bools;
	};
};

/**
 * kvfio_irq_set_copy() - take the argument of VFIO_DEVICE_SET_IRQS from user space
 * @kdev: passed to @n_vectors
 * @arg: struct vfio_irq_set of the user
 * @n_vectors: how many vectors the device has of a kind; 0: none, or no such kind
 * @ret_set: written on success
 *
 * Return: 0; -EINVAL for unknown flags, vectors that do not exist, or a size that does not fit;
 * -EFAULT; -ENOMEM.
 */
int kvfio_irq_set_copy(struct kvfio_device *kdev, void __user *arg,
		       unsigned int (*n_vectors)(struct kvfio_device *kdev, u32 index),
		       struct kvfio_irq_set *ret_set);

/**
 * kvfio_irq_set_selects() - does a set with data NONE or BOOL mean its i-th vector?
 * @set: of one of these types
 * @i: below set->count
 */
static inline bool kvfio_irq_set_selects(const struct kvfio_irq_set *set, u32 i)
{
	return !set->data || set->bools[i];
}

#endif

// SPDX-License-Identifier: GPL-2.0-only
/* The argument of VFIO_DEVICE_SET_IRQS: the same checks for every driver. */

#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>

#include "core.h"

/* Bytes of data for each vector; negative: several types at once, or none. */
static int bytes_per_vector(u32 type)
{
	switch (type) {
	case VFIO_IRQ_SET_DATA_NONE:
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		return sizeof(u8);
	case VFIO_IRQ_SET_DATA_EVENTFD:
		return sizeof(s32);
	default:
		return -EINVAL;
	}
}

static int check_header(const struct vfio_irq_set *header, u32 n_vectors, size_t *ret_size)
{
	const u32 known = VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK;
	int size = bytes_per_vector(header->flags & VFIO_IRQ_SET_DATA_TYPE_MASK);

	if (header->flags & ~known || size < 0)
		return -EINVAL;
	/* Bounded by what the device has, so that no multiplication below can overflow. */
	if (header->start >= n_vectors || header->count > n_vectors - header->start)
		return -EINVAL;
	if ((header->argsz - sizeof(*header)) / (size ?: 1) < (size ? header->count : 0))
		return -EINVAL;
	/* Last, as upstream, which finds that there is no function for it. */
	if (!is_power_of_2(header->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -ENOTTY;
	*ret_size = (size_t)header->count * size;
	return 0;
}

int kvfio_irq_set_copy(struct kvfio_device *kdev, void __user *arg,
		       unsigned int (*n_vectors)(struct kvfio_device *kdev, u32 index),
		       struct kvfio_irq_set *ret_set)
{
	struct vfio_irq_set header;
	void *data = NULL;
	size_t size;
	int ret;

	if (copy_from_user(&header, arg, sizeof(header)))
		return -EFAULT;
	if (header.argsz < sizeof(header))
		return -EINVAL;
	ret = check_header(&header, n_vectors(kdev, header.index), &size);
	if (ret)
		return ret;
	if (size) {
		data = memdup_user(arg + sizeof(header), size);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	ret_set->index = header.index;
	ret_set->start = header.start;
	ret_set->count = header.count;
	ret_set->action = header.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	ret_set->type = header.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	ret_set->data = data;
	return 0;
}
EXPORT_SYMBOL_GPL(kvfio_irq_set_copy);

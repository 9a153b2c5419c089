// SPDX-License-Identifier: BSD-2-Clause
#include "vfio_device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload.h"

#define MAX_VECTORS 2048 /* MSI-X knows no more */

/* From the program, which says at its start how long it is; @min at least. */
static int copy_in_argsz(void *to, const void *arg, size_t min)
{
	uint32_t argsz;

	if (preload_copy_in(&argsz, arg, sizeof(argsz)))
		return -EFAULT;
	if (argsz < min)
		return -EINVAL;
	return preload_copy_in(to, arg, min);
}

static long get_info(struct device *dev, void *arg)
{
	struct vfio_device_info info;
	int err = copy_in_argsz(&info, arg, VFIO_USER_DEVICE_INFO_SIZE);

	if (err)
		return err;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_N_REGIONS;
	info.num_irqs = VFIO_N_IRQS;
	return preload_copy_out(arg, &info, VFIO_USER_DEVICE_INFO_SIZE);
}

/* As the kernel says it: the whole BAR can be mapped, the part with the MSI-X table, too. */
static long get_region_info(struct device *dev, void *arg)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header msix;
	} answer = {0};
	size_t size = sizeof(answer.info);
	uint32_t argsz, index;
	int err = copy_in_argsz(&answer.info, arg, sizeof(answer.info));

	if (err)
		return err;
	argsz = answer.info.argsz;
	index = answer.info.index;
	if (index >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	answer.info = (struct vfio_region_info){
		.argsz = sizeof(answer.info),
		.index = index,
		.size = dev->regions[index].size,
		.offset = (uint64_t)index << VFIO_REGION_SHIFT,
	};
	if (answer.info.size)
		answer.info.flags = dev->regions[index].flags & ~VFIO_REGION_INFO_FLAG_MMAP;
	if (device_can_map(dev, index))
		answer.info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	if (answer.info.flags & VFIO_REGION_INFO_FLAG_MMAP && (int)index == dev->msix_bar) {
		answer.msix.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE;
		answer.msix.version = 1;
		answer.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
		answer.info.argsz = sizeof(answer);
		if (argsz >= sizeof(answer)) {
			answer.info.cap_offset = sizeof(answer.info);
			size = sizeof(answer);
		}
	}
	return preload_copy_out(arg, &answer, size);
}

static long get_irq_info(struct device *dev, void *arg)
{
	struct vfio_irq_info info;
	int err = copy_in_argsz(&info, arg, sizeof(info));

	if (err)
		return err;
	if (info.index >= VFIO_N_IRQS)
		return -EINVAL;
	info.flags = dev->irqs[info.index].flags;
	info.count = dev->irqs[info.index].count;
	return preload_copy_out(arg, &info, sizeof(info));
}

static bool one_bit(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

static int check_irq_set(const struct device *dev, const struct vfio_irq_set *set)
{
	uint32_t count;

	if (set->index >= VFIO_N_IRQS || set->flags & ~(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (!one_bit(set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) || !one_bit(set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	count = dev->irqs[set->index].count;
	if (set->count > MAX_VECTORS || set->start >= count || set->count > count - set->start)
		return -EINVAL;
	/* "No vectors" means all of them off, which only goes without data. */
	if (!set->count && !(set->flags & VFIO_IRQ_SET_DATA_NONE))
		return -EINVAL;
	return 0;
}

static int pass_irq_set(struct device *dev, const struct vfio_irq_set *set, const void *data)
{
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (dev->own_irqs[set->index])
		return action == VFIO_IRQ_SET_ACTION_TRIGGER ? 0 : -ENOTTY;
	if (set->flags & VFIO_IRQ_SET_DATA_NONE)
		return vfio_user_irqs_none(&dev->conn, action, set->index, set->start, set->count);
	if (set->flags & VFIO_IRQ_SET_DATA_BOOL)
		return vfio_user_irqs_bool(&dev->conn, action, set->index, set->start, set->count, data);
	return vfio_user_irqs_eventfd(&dev->conn, action, set->index, set->start, set->count, data);
}

static long set_irqs(struct device *dev, void *arg)
{
	struct vfio_irq_set set;
	void *data = NULL;
	size_t size;
	int err = copy_in_argsz(&set, arg, sizeof(set));

	if (!err)
		err = check_irq_set(dev, &set);
	if (err)
		return err;
	size = set.flags & VFIO_IRQ_SET_DATA_NONE ? 0 : set.flags & VFIO_IRQ_SET_DATA_BOOL ? 1 : sizeof(int32_t);
	size *= set.count;
	if (set.argsz - sizeof(set) < size)
		return -EINVAL;
	if (size) {
		data = malloc(size);
		if (!data)
			return -ENOMEM;
		err = preload_copy_in(data, (uint8_t *)arg + sizeof(set), size);
	}
	if (!err)
		err = pass_irq_set(dev, &set, data);
	free(data);
	return err;
}

/* The kernel puts back what its own view of config space holds; so do we, the command register last. */
int device_reset(struct device *dev)
{
	uint8_t header[PCI_STD_HEADER_SIZEOF];
	unsigned at;
	int err = device_read_config(dev, 0, header, sizeof(header));

	if (!err)
		err = vfio_user_reset(&dev->conn);
	for (at = PCI_BASE_ADDRESS_0; !err && at <= PCI_BASE_ADDRESS_5; at += 4)
		err = device_write_config(dev, at, header + at, 4);
	if (!err)
		err = device_write_config(dev, PCI_INTERRUPT_LINE, header + PCI_INTERRUPT_LINE, 1);
	if (!err)
		err = device_write_config(dev, PCI_COMMAND, header + PCI_COMMAND, 2);
	return err;
}

/* Each card has a bus of its own, so that a reset of the bus concerns it alone. */
static long get_hot_reset_info(struct device *dev, void *arg)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device device;
	} answer;
	unsigned segment, bus, slot, function;
	int err = copy_in_argsz(&answer.info, arg, sizeof(answer.info));

	if (err)
		return err;
	if (sscanf(dev->name, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return -ENODEV;
	answer.info.flags = 0;
	answer.info.count = 1;
	answer.device = (struct vfio_pci_dependent_device){
		.group_id = (uint32_t)dev->group->id,
		.segment = (uint16_t)segment,
		.bus = (uint8_t)bus,
		.devfn = (uint8_t)(slot << 3 | function),
	};
	if (answer.info.argsz >= sizeof(answer))
		return preload_copy_out(arg, &answer, sizeof(answer));
	err = preload_copy_out(arg, &answer.info, sizeof(answer.info));
	return err ? err : -ENOSPC;
}

static long hot_reset(struct device *dev, void *arg)
{
	struct {
		struct vfio_pci_hot_reset head;
		int32_t fd;
	} ask;
	int err = copy_in_argsz(&ask.head, arg, sizeof(ask.head));

	if (err)
		return err;
	if (ask.head.flags || ask.head.count != 1 || ask.head.argsz < sizeof(ask))
		return -EINVAL;
	if (preload_copy_in(&ask, arg, sizeof(ask)))
		return -EFAULT;
	if (object_of(ask.fd) != &dev->group->object)
		return -EINVAL;
	return device_reset(dev);
}

long device_ioctl(struct object *object, unsigned long request, void *arg)
{
	struct device *dev = (struct device *)object;
	sigset_t saved;
	long ret;

	preload_lock(&saved);
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		ret = get_info(dev, arg);
		break;
	case VFIO_DEVICE_GET_REGION_INFO:
		ret = get_region_info(dev, arg);
		break;
	case VFIO_DEVICE_GET_IRQ_INFO:
		ret = get_irq_info(dev, arg);
		break;
	case VFIO_DEVICE_SET_IRQS:
		ret = set_irqs(dev, arg);
		break;
	case VFIO_DEVICE_RESET:
		ret = device_reset(dev);
		break;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		ret = get_hot_reset_info(dev, arg);
		break;
	case VFIO_DEVICE_PCI_HOT_RESET:
		ret = hot_reset(dev, arg);
		break;
	default:
		ret = -ENOTTY;
	}
	preload_unlock(&saved);
	return ret;
}

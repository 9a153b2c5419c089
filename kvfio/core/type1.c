// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of VFIO_TYPE1_IOMMU and VFIO_TYPE1v2_IOMMU: arguments are checked here, once.
 * container->lock held. The two differ in VFIO_IOMMU_UNMAP_DMA only: v1 unmaps more than it was
 * asked to where v2 refuses to cut a map in two.
 */

#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/vfio.h>

#include "core.h"

/* Page sizes that all domains can map; any, in whole pages, when there is none. */
static u64 page_sizes(struct kvfio_container *container)
{
	struct kvfio_domain *domain;
	unsigned long sizes = ULONG_MAX;

	list_for_each_entry(domain, &container->domains, entry)
		sizes &= domain->iommu->pgsize_bitmap;
	/* Memory is pinned in pages of the CPU, so nothing smaller is offered. */
	if (sizes & ~PAGE_MASK)
		sizes = (sizes & PAGE_MASK) | PAGE_SIZE;
	return sizes;
}

static unsigned long smallest_page(struct kvfio_container *container)
{
	return 1UL << __ffs64(page_sizes(container));
}

/* The two capabilities, in the order in which they stand behind the info. */
struct info_caps {
	struct vfio_iommu_type1_info_dma_avail avail;
	struct vfio_iommu_type1_info_cap_iova_range ranges;
};

static size_t caps_size(struct kvfio_container *container)
{
	return struct_size((struct info_caps *)NULL, ranges.iova_ranges, container->valid.n);
}

static struct info_caps *caps_create(struct kvfio_container *container, size_t base)
{
	struct info_caps *caps = kzalloc(caps_size(container), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!caps)
		return NULL;
	caps->avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	caps->avail.header.version = 1;
	caps->avail.header.next = base + offsetof(struct info_caps, ranges);
	caps->avail.avail = container->n_maps_left;
	caps->ranges.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	caps->ranges.header.version = 1;
	caps->ranges.nr_iovas = container->valid.n;
	for (i = 0; i < container->valid.n; i++) {
		caps->ranges.iova_ranges[i].start = container->valid.range[i].first;
		caps->ranges.iova_ranges[i].end = container->valid.range[i].last;
	}
	return caps;
}

static long get_info(struct kvfio_container *container, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_iommu_type1_info info = { 0 };
	struct info_caps *caps;
	size_t size;
	long ret = 0;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	size = min_t(size_t, info.argsz, sizeof(info));

	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = page_sizes(container);
	info.cap_offset = 0;
	if (info.argsz < sizeof(info) + caps_size(container)) {
		info.argsz = sizeof(info) + caps_size(container);
	} else {
		caps = caps_create(container, sizeof(info));
		if (!caps)
			return -ENOMEM;
		info.cap_offset = sizeof(info);
		if (copy_to_user(arg + sizeof(info), caps, caps_size(container)))
			ret = -EFAULT;
		kfree(caps);
	}
	if (copy_to_user(arg, &info, size))
		ret = -EFAULT;
	return ret;
}

/* A range of 64-bit user numbers as inclusive native ones. */
static int check_range(u64 first, u64 size, unsigned long align, struct iova_range *ret_range)
{
	u64 last;

	if (!size || (first | size) & (align - 1))
		return -EINVAL;
	if (check_add_overflow(first, size - 1, &last) || last > ULONG_MAX)
		return -EOVERFLOW;
	ret_range->first = first;
	ret_range->last = last;
	return 0;
}

static long map_dma(struct kvfio_container *container, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	unsigned long align = smallest_page(container);
	struct vfio_iommu_type1_dma_map param;
	struct iova_range iova, va;
	int prot = 0;
	int ret;

	if (copy_from_user(&param, arg, minsz))
		return -EFAULT;
	if (param.argsz < minsz ||
	    param.flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;
	if (param.flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (param.flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	if (!prot)
		return -EINVAL;
	ret = check_range(param.iova, param.size, align, &iova);
	ret = ret ?: check_range(param.vaddr, param.size, align, &va);
	if (ret)
		return ret;

	if (map_find(container, iova.first, iova.last))
		return -EEXIST;
	/*
	 * Maps of registers are not charged: this is what bounds the memory of the kernel that they
	 * take.
	 */
	if (!container->n_maps_left)
		return -ENOSPC;
	if (!iova_ranges_contain(&container->valid, iova.first, iova.last))
		return -EINVAL;
	return map_create(container, iova, va.first, prot);
}

/* v2: does an end of the range lie inside a map? */
static bool cuts_a_map(struct kvfio_container *container, const struct iova_range *range)
{
	struct dma_map *first = map_find(container, range->first, range->first);
	struct dma_map *last = map_find(container, range->last, range->last);

	return (first && first->node.start != range->first) ||
	       (last && last->node.last != range->last);
}

/* All maps that begin in the range; v1 stops short at one that began before. */
static u64 unmap_range(struct kvfio_container *container, const struct iova_range *range)
{
	struct interval_tree_node *node;
	LIST_HEAD(doomed);
	u64 size = 0;

	node = interval_tree_iter_first(&container->maps, range->first, range->last);
	for (; node; node = interval_tree_iter_next(node, range->first, range->last)) {
		struct dma_map *map = to_dma_map(node);

		if (node->start < range->first)
			break;
		list_add_tail(&map->doomed, &doomed);
		size += map_size(map);
	}
	map_destroy_list(container, &doomed);
	return size;
}

static long unmap_dma(struct kvfio_container *container, void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap param;
	struct iova_range range = { .first = 0, .last = ULONG_MAX };
	bool all;
	int ret;

	if (copy_from_user(&param, arg, minsz))
		return -EFAULT;
	if (param.argsz < minsz || param.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	all = param.flags & VFIO_DMA_UNMAP_FLAG_ALL;
	if (all && (param.iova || param.size))
		return -EINVAL;
	if (!all) {
		ret = check_range(param.iova, param.size, smallest_page(container), &range);
		if (ret)
			return ret;
		if (container->type == VFIO_TYPE1v2_IOMMU && cuts_a_map(container, &range))
			return -EINVAL;
	}
	param.size = unmap_range(container, &range);
	return copy_to_user(arg, &param, minsz) ? -EFAULT : 0;
}

long type1_ioctl(struct kvfio_container *container, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		return get_info(container, (void __user *)arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(container, (void __user *)arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(container, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

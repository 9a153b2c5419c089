// SPDX-License-Identifier: BSD-2-Clause
/*
 * Containers: which memory the devices of their groups may reach. Both types of the kernel's type1 IOMMU; version 1 differs
 * in what an unmap does that does not fit the maps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"
#include "vfio.h"

#define API_VERSION 0
#define PAGE	    4096ull
#define MAX_MAPS    65535 /* as the kernel's dma_entry_limit */

/* What an x86 machine's IOMMU maps: all but the addresses of message-signalled interrupts. */
static const struct vfio_iova_range valid[] = {
	{.start = 0, .end = 0xfedfffff},
	{.start = 0xfef00000, .end = (1ull << 48) - 1},
};
#define N_VALID (sizeof(valid) / sizeof(valid[0]))

static struct container *unused;

static void map_free(struct vfio_map *map)
{
	memory_pieces_free(map->pieces, map->n_pieces);
}

static void drop_maps(struct container *c)
{
	unsigned i;

	for (i = 0; i < c->n_maps; i++)
		map_free(&c->maps[i]);
	free(c->maps);
	c->maps = NULL;
	c->n_maps = c->max_maps = 0;
	c->iommu = 0;
}

/* Nobody has a descriptor and no group is inside. Not freed: a call on another thread may still look at it. */
static void give_back(struct container *c)
{
	if (c->object.n_fds || c->n_groups)
		return;
	drop_maps(c);
	c->next = unused;
	unused = c;
}

static void container_release(struct object *object)
{
	give_back((struct container *)object);
}

void vfio_container_join(struct container *c)
{
	c->n_groups++;
}

void vfio_container_leave(struct container *c)
{
	if (--c->n_groups)
		return;
	/* With the last group go the IOMMU and what it maps. */
	drop_maps(c);
	give_back(c);
}

static long check_extension(unsigned long what)
{
	switch (what) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
	case VFIO_DMA_CC_IOMMU:
		return 1;
	default:
		return 0;
	}
}

static long set_iommu(struct container *c, unsigned long type)
{
	if (c->iommu || !c->n_groups)
		return -EINVAL;
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return -ENODEV;
	c->iommu = (unsigned)type;
	return 0;
}

static bool is_valid(uint64_t iova, uint64_t last)
{
	size_t i;

	for (i = 0; i < N_VALID; i++)
		if (iova >= valid[i].start && last <= valid[i].end)
			return true;
	return false;
}

/* Index of the first map that ends after @iova. */
static unsigned search(const struct container *c, uint64_t iova)
{
	unsigned low = 0, high = c->n_maps;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (c->maps[middle].iova + (c->maps[middle].size - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct container *c)
{
	unsigned max = c->max_maps ? 2 * c->max_maps : 16;
	struct vfio_map *bigger;

	if (c->n_maps >= MAX_MAPS)
		return -ENOSPC;
	if (c->n_maps < c->max_maps)
		return 0;
	bigger = realloc(c->maps, max * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	c->maps = bigger;
	c->max_maps = max;
	return 0;
}

static int map_on(struct device *dev, void *ctx)
{
	return vfio_device_map(dev, ctx);
}

static int unmap_on(struct device *dev, void *ctx)
{
	vfio_device_unmap(dev, ctx);
	return 0;
}

static int add_map(struct container *c, struct vfio_map *map, uint64_t va)
{
	unsigned at = search(c, map->iova);
	int err;

	if (at < c->n_maps && c->maps[at].iova <= map->iova + (map->size - 1))
		return -EEXIST;
	err = make_room(c);
	if (err)
		return err;
	err = memory_share(va, map->size, map->flags & VFIO_DMA_MAP_FLAG_WRITE, &map->pieces, &map->n_pieces);
	if (err)
		return err;
	err = vfio_each_device(c, map_on, map);
	if (err) {
		vfio_each_device(c, unmap_on, map);
		map_free(map);
		return err;
	}
	memmove(&c->maps[at + 1], &c->maps[at], (c->n_maps - at) * sizeof(*map));
	c->maps[at] = *map;
	c->n_maps++;
	return 0;
}

static long map_dma(struct container *c, void *arg)
{
	const uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_iommu_type1_dma_map ask;
	struct vfio_map map;

	if (preload_copy_in(&ask, arg, sizeof(ask)))
		return -EFAULT;
	if (ask.argsz < sizeof(ask) || ask.flags & ~both || !(ask.flags & both))
		return -EINVAL;
	if (!ask.size || (ask.size | ask.iova | ask.vaddr) & (PAGE - 1))
		return -EINVAL;
	if (ask.iova + ask.size - 1 < ask.iova || ask.vaddr + ask.size - 1 < ask.vaddr)
		return -EINVAL;
	if (!is_valid(ask.iova, ask.iova + ask.size - 1))
		return -EINVAL;
	map = (struct vfio_map){.iova = ask.iova, .size = ask.size, .flags = ask.flags};
	return add_map(c, &map, ask.vaddr);
}

static uint64_t remove_map(struct container *c, unsigned at)
{
	struct vfio_map map = c->maps[at];

	vfio_each_device(c, unmap_on, &map);
	c->n_maps--;
	memmove(&c->maps[at], &c->maps[at + 1], (c->n_maps - at) * sizeof(map));
	map_free(&map);
	return map.size;
}

/* Version 2 refuses to cut a map in two; version 1 takes away whole what begins in the range, and stops at what does not. */
static long unmap_range(struct container *c, uint64_t iova, uint64_t last, uint64_t *ret_size)
{
	unsigned at = search(c, iova), tail = search(c, last);
	bool v2 = c->iommu == VFIO_TYPE1v2_IOMMU;

	*ret_size = 0;
	if (v2 && at < c->n_maps && c->maps[at].iova < iova)
		return -EINVAL;
	if (v2 && tail < c->n_maps && c->maps[tail].iova <= last &&
	    c->maps[tail].iova + (c->maps[tail].size - 1) > last)
		return -EINVAL;
	while (at < c->n_maps && c->maps[at].iova <= last) {
		if (c->maps[at].iova < iova)
			break;
		*ret_size += remove_map(c, at);
	}
	return 0;
}

static long unmap_dma(struct container *c, void *arg)
{
	struct vfio_iommu_type1_dma_unmap ask;
	uint64_t size = 0;
	long ret;

	if (preload_copy_in(&ask, arg, sizeof(ask)))
		return -EFAULT;
	if (ask.argsz < sizeof(ask) || ask.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	if (ask.flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (ask.iova || ask.size)
			return -EINVAL;
		while (c->n_maps)
			size += remove_map(c, c->n_maps - 1);
		ret = 0;
	} else {
		if (!ask.size || (ask.size | ask.iova) & (PAGE - 1) || ask.iova + ask.size - 1 < ask.iova)
			return -EINVAL;
		ret = unmap_range(c, ask.iova, ask.iova + ask.size - 1, &size);
	}
	if (ret)
		return ret;
	ask.size = size;
	return preload_copy_out(arg, &ask, sizeof(ask));
}

/* The answer with all of its capabilities; programs ask once for its size and once more for all of it. */
struct iommu_answer {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_cap_iova_range ranges;
	struct vfio_iova_range valid[N_VALID];
	struct vfio_iommu_type1_info_dma_avail avail;
};

static long get_info(struct container *c, void *arg)
{
	const size_t min = offsetof(struct vfio_iommu_type1_info, cap_offset);
	struct iommu_answer answer = {
		.info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
		.info.iova_pgsizes = ~(PAGE - 1),
		.info.cap_offset = offsetof(struct iommu_answer, ranges),
		.ranges.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
		.ranges.header.version = 1,
		.ranges.header.next = offsetof(struct iommu_answer, avail),
		.ranges.nr_iovas = N_VALID,
		.avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
		.avail.header.version = 1,
		.avail.avail = MAX_MAPS - c->n_maps,
	};
	uint32_t argsz;

	memcpy(answer.valid, valid, sizeof(valid));
	if (preload_copy_in(&argsz, arg, sizeof(argsz)))
		return -EFAULT;
	if (argsz < min)
		return -EINVAL;
	answer.info.argsz = sizeof(answer);
	if (argsz >= sizeof(answer))
		return preload_copy_out(arg, &answer, sizeof(answer));
	answer.info.cap_offset = 0;
	return preload_copy_out(arg, &answer, argsz < sizeof(answer.info) ? min : sizeof(answer.info));
}

static long iommu_ioctl(struct container *c, unsigned long request, void *arg)
{
	if (!c->iommu)
		return -EINVAL;
	switch (request) {
	case VFIO_IOMMU_GET_INFO:
		return get_info(c, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(c, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(c, arg);
	default:
		return -ENOTTY;
	}
}

static long container_ioctl(struct object *object, unsigned long request, void *arg)
{
	struct container *c = (struct container *)object;
	sigset_t saved;
	long ret;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension((unsigned long)arg);
	default:
		break;
	}
	preload_lock(&saved);
	if (request == VFIO_SET_IOMMU)
		ret = set_iommu(c, (unsigned long)arg);
	else
		ret = iommu_ioctl(c, request, arg);
	preload_unlock(&saved);
	return ret;
}

static const struct object_ops container_ops = {
	.ioctl = container_ioctl,
	.release = container_release,
};

struct container *vfio_container_of(int fd)
{
	struct object *object = object_of(fd);

	return object && object->ops == &container_ops ? (struct container *)object : NULL;
}

int vfio_open_container(void)
{
	struct container *c;
	sigset_t saved;
	int fd;

	preload_lock(&saved);
	c = unused;
	if (c)
		unused = c->next;
	else
		c = malloc(sizeof(*c));
	fd = -ENOMEM;
	if (c) {
		*c = (struct container){.object.ops = &container_ops};
		fd = object_new_fd("vfio", &c->object);
		if (fd < 0)
			give_back(c);
	}
	preload_unlock(&saved);
	return fd;
}

// SPDX-License-Identifier: BSD-2-Clause
/* Regions as the kernel describes them. Nothing in a description is believed before it is checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "vfio.h"

static int compare_areas(const void *a, const void *b)
{
	const struct vireo_area *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Whole pages inside the region, without overlap; empty ones mean nothing and go. */
static int check_areas(struct vireo_area *areas, unsigned *n_areas, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t end = 0;
	unsigned n = 0;

	qsort(areas, *n_areas, sizeof(*areas), compare_areas);
	for (unsigned i = 0; i < *n_areas; i++) {
		if (areas[i].size == 0)
			continue;
		if (areas[i].offset % page || areas[i].offset < end || areas[i].offset > size ||
		    areas[i].size > size - areas[i].offset)
			return -EIO;
		end = areas[i].offset + areas[i].size;
		areas[n++] = areas[i];
	}
	*n_areas = n;
	return 0;
}

static int set_areas(struct vireo_region_info *region, struct vireo_area *areas, unsigned n)
{
	int err = check_areas(areas, &n, region->size);

	if (err || n == 0) {
		free(areas);
		region->flags &= ~VIREO_REGION_MMAP;
		return err;
	}
	region->areas = areas;
	region->n_areas = n;
	return 0;
}

static int whole_area(struct vireo_region_info *region)
{
	struct vireo_area *area = calloc(1, sizeof(*area));

	if (!area)
		return -ENOMEM;
	area->size = region->size;
	return set_areas(region, area, 1);
}

static int sparse_areas(struct vireo_region_info *region, const uint8_t *info, size_t size, size_t cap)
{
	struct vfio_region_info_cap_sparse_mmap head;
	struct vireo_area *areas;

	memcpy(&head, info + cap, sizeof(head));
	if (head.nr_areas > (size - cap - sizeof(head)) / sizeof(struct vfio_region_sparse_mmap_area)) {
		region->flags &= ~VIREO_REGION_MMAP;
		return -EIO;
	}
	areas = calloc(head.nr_areas + 1, sizeof(*areas));
	if (!areas)
		return -ENOMEM;
	for (unsigned i = 0; i < head.nr_areas; i++) {
		struct vfio_region_sparse_mmap_area a;

		memcpy(&a, info + cap + sizeof(head) + i * sizeof(a), sizeof(a));
		areas[i] = (struct vireo_area){.offset = a.offset, .size = a.size};
	}
	return set_areas(region, areas, head.nr_areas);
}

static uint32_t region_flags(uint32_t flags)
{
	return (flags & VFIO_REGION_INFO_FLAG_READ ? VIREO_REGION_READ : 0) |
	       (flags & VFIO_REGION_INFO_FLAG_WRITE ? VIREO_REGION_WRITE : 0) |
	       (flags & VFIO_REGION_INFO_FLAG_MMAP ? VIREO_REGION_MMAP : 0);
}

static int parse_region(struct vireo_region_info *region, const void *buf, size_t size)
{
	struct vfio_region_info info;
	size_t sparse = 0;

	memcpy(&info, buf, sizeof(info));
	region->size = info.size;
	region->flags = region_flags(info.flags);
	if (info.flags & VFIO_REGION_INFO_FLAG_CAPS) {
		sparse = vfio_find_cap(buf, size, info.cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
				       sizeof(struct vfio_region_info_cap_sparse_mmap));
		region->msix_mappable = vfio_find_cap(buf, size, info.cap_offset, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
						      sizeof(struct vfio_info_cap_header)) != 0;
	}
	if (!(region->flags & VIREO_REGION_MMAP) || region->size == 0)
		return 0;
	return sparse ? sparse_areas(region, buf, size, sparse) : whole_area(region);
}

static int setup_region(struct vireo_device *dev, unsigned index)
{
	struct vfio_device *vdev = dev->bus_priv;
	struct vireo_region_info *region = &dev->regions[index].info;
	size_t size;
	void *info;
	int err;

	err = vfio_get_info(vdev->fd, VFIO_DEVICE_GET_REGION_INFO, sizeof(struct vfio_region_info), index, &info,
			    &size);
	/* A device without a VGA region answers -EINVAL, and one with fewer regions as well. */
	if (err == -EINVAL && index != VIREO_REGION_CONFIG)
		return 0;
	if (err)
		return vireo_error(err, "%s: the kernel does not describe region %u: %s", dev->address, index,
				   strerror(-err));
	vdev->offsets[index] = ((const struct vfio_region_info *)info)->offset;
	err = parse_region(region, info, size);
	free(info);
	if (err == -ENOMEM)
		return vireo_error(err, "no memory for a region of %s", dev->address);
	if (err)
		vireo_log(VIREO_LOG_WARN,
			  "%s: what the kernel says about mapping region %u makes no sense; it is not mapped",
			  dev->address, index);
	return 0;
}

int vfio_regions_setup(struct vireo_device *dev)
{
	for (unsigned i = 0; i < VIREO_N_REGIONS; i++) {
		int err = setup_region(dev, i);

		if (err)
			return err;
	}
	if (dev->regions[VIREO_REGION_CONFIG].info.size < 64)
		return vireo_error(-EIO, "%s has no configuration space", dev->address);
	return 0;
}

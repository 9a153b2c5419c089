// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IOVAs a container may use: inside the aperture of every domain, outside what any group
 * reserves.
 */

#include <linux/slab.h>

#include "core.h"

static int ranges_insert(struct iova_ranges *ranges, unsigned int at, struct iova_range range)
{
	struct iova_range *bigger;

	bigger = krealloc(ranges->range, array_size(ranges->n + 1, sizeof(range)),
			  GFP_KERNEL_ACCOUNT);
	if (!bigger)
		return -ENOMEM;
	memmove(bigger + at + 1, bigger + at, (ranges->n - at) * sizeof(range));
	bigger[at] = range;
	ranges->range = bigger;
	ranges->n++;
	return 0;
}

static void ranges_remove(struct iova_ranges *ranges, unsigned int at)
{
	ranges->n--;
	memmove(ranges->range + at, ranges->range + at + 1,
		(ranges->n - at) * sizeof(*ranges->range));
}

/* Take [first, last] out of all ranges. */
static int ranges_exclude(struct iova_ranges *ranges, unsigned long first, unsigned long last)
{
	unsigned int i = 0;

	while (i < ranges->n) {
		struct iova_range *r = &ranges->range[i];
		struct iova_range rest = { .first = last + 1, .last = r->last };
		bool keep_low = r->first < first;
		bool keep_high = r->last > last;

		if (r->last < first || r->first > last) {
			i++;
		} else if (keep_low && keep_high) {
			r->last = first - 1;
			return ranges_insert(ranges, i + 1, rest);
		} else if (keep_low) {
			r->last = first - 1;
			i++;
		} else if (keep_high) {
			*r = rest;
			i++;
		} else {
			ranges_remove(ranges, i);
		}
	}
	return 0;
}

static int exclude_outside_aperture(struct iova_ranges *ranges, struct kvfio_domain *domain)
{
	struct iommu_domain_geometry *geometry = &domain->iommu->geometry;
	int ret = 0;

	if (geometry->aperture_start)
		ret = ranges_exclude(ranges, 0, geometry->aperture_start - 1);
	if (!ret && geometry->aperture_end < ULONG_MAX)
		ret = ranges_exclude(ranges, geometry->aperture_end + 1, ULONG_MAX);
	return ret;
}

static int exclude_reserved(struct iova_ranges *ranges, struct kvfio_group *group)
{
	struct iommu_resv_region *region, *next;
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(group->iommu_group, &regions);
	list_for_each_entry_safe(region, next, &regions, list) {
		/* Relaxable: the firmware wants it, but not once a user owns the device. */
		if (!ret && region->length && region->type != IOMMU_RESV_DIRECT_RELAXABLE)
			ret = ranges_exclude(ranges, region->start,
					     region->start + region->length - 1);
		kfree(region);
	}
	return ret;
}

/**
 * iova_ranges_compute() - the ranges that the domains of a container allow now; container->lock
 * held
 * @container: the container; its maps do not matter
 * @ret_ranges: written on success; to be freed with iova_ranges_free()
 *
 * Return: 0 or -ENOMEM.
 */
int iova_ranges_compute(struct kvfio_container *container, struct iova_ranges *ret_ranges)
{
	const struct iova_range everything = { .first = 0, .last = ULONG_MAX };
	struct iova_ranges ranges = { 0 };
	struct kvfio_domain *domain;
	struct kvfio_group *group;
	int ret;

	ret = ranges_insert(&ranges, 0, everything);
	list_for_each_entry(domain, &container->domains, entry) {
		ret = ret ?: exclude_outside_aperture(&ranges, domain);
		list_for_each_entry(group, &domain->groups, domain_entry)
			ret = ret ?: exclude_reserved(&ranges, group);
	}
	if (ret) {
		iova_ranges_free(&ranges);
		return ret;
	}
	*ret_ranges = ranges;
	return 0;
}

void iova_ranges_free(struct iova_ranges *ranges)
{
	kfree(ranges->range);
	ranges->range = NULL;
	ranges->n = 0;
}

/** iova_ranges_contain() - does [first, last] lie inside one of the ranges? */
bool iova_ranges_contain(const struct iova_ranges *ranges, unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < ranges->n; i++)
		if (first >= ranges->range[i].first && last <= ranges->range[i].last)
			return true;
	return false;
}

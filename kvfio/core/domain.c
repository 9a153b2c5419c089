// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains: sets of IOMMU tables. Each group of real devices is in one; groups whose IOMMUs agree
 * share one. Every map of the container is in every domain. container->lock is held throughout.
 */

#include <linux/slab.h>

#include "core.h"

static int take_device(struct device *dev, void *data)
{
	struct device **ret_dev = data;

	*ret_dev = dev;
	return 1;
}

static struct kvfio_domain *domain_create(struct kvfio_group *group)
{
	struct kvfio_domain *domain;
	struct device *dev = NULL;

	iommu_group_for_each_dev(group->iommu_group, &dev, take_device);
	if (!dev)
		return ERR_PTR(-ENODEV);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->iommu = compat_domain_alloc(dev);
	if (IS_ERR(domain->iommu)) {
		long ret = PTR_ERR(domain->iommu);

		kfree(domain);
		return ERR_PTR(ret);
	}
	INIT_LIST_HEAD(&domain->groups);
	return domain;
}

static void domain_destroy(struct kvfio_domain *domain)
{
	iommu_domain_free(domain->iommu);
	kfree(domain);
}

/* Where interrupts are translated by the same tables, their doorbell needs a place in them. */
static int reserve_msi(struct kvfio_domain *domain, struct kvfio_group *group)
{
	struct iommu_resv_region *region, *next;
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(group->iommu_group, &regions);
	list_for_each_entry_safe(region, next, &regions, list) {
		if (!ret && region->type == IOMMU_RESV_SW_MSI)
			ret = iommu_get_msi_cookie(domain->iommu, region->start);
		kfree(region);
	}
	return ret == -ENODEV ? 0 : ret;
}

/**
 * domain_map() - put all pages of a map into the tables
 * @domain: the domain
 * @map: pinned
 *
 * Return: 0, or what the IOMMU says; nothing of the map is left in the tables then.
 */
int domain_map(struct kvfio_domain *domain, struct dma_map *map)
{
	unsigned long iova = map->node.start;
	int prot = map->prot | IOMMU_CACHE;
	struct pin_chunk *chunk;
	struct pin_run *run;
	int ret;

	for_each_run(chunk, run, map) {
		size_t size = run->n_pages << PAGE_SHIFT;

		ret = compat_iommu_map(domain->iommu, iova, PFN_PHYS(run->pfn), size, prot);
		if (ret)
			goto err_unmap;
		iova += size;
		cond_resched();
	}
	return 0;

err_unmap:
	if (iova > map->node.start)
		iommu_unmap(domain->iommu, map->node.start, iova - map->node.start);
	return ret;
}

/**
 * domain_unmap_list() - take maps out of the tables
 * @domain: the domain
 * @doomed: struct dma_map, linked by doomed
 *
 * When it returns, no device of the domain can reach the pages any more: the IOTLB is flushed, once
 * for all of them. A map that the IOMMU would not let go is marked, so that its pages are never
 * given back.
 */
void domain_unmap_list(struct kvfio_domain *domain, struct list_head *doomed)
{
	struct iommu_iotlb_gather gather;
	struct dma_map *map;

	iommu_iotlb_gather_init(&gather);
	list_for_each_entry(map, doomed, doomed) {
		unsigned long size = map_size(map);

		if (WARN_ON(iommu_unmap_fast(domain->iommu, map->node.start, size, &gather) !=
			    size))
			map->leak = true;
		cond_resched();
	}
	iommu_iotlb_sync(domain->iommu, &gather);
}

static int map_everything(struct kvfio_container *container, struct kvfio_domain *domain)
{
	struct interval_tree_node *node, *undo;
	int ret;

	node = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		ret = domain_map(domain, to_dma_map(node));
		if (ret)
			goto err_unmap;
	}
	return 0;

err_unmap:
	undo = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	for (; undo != node; undo = interval_tree_iter_next(undo, 0, ULONG_MAX))
		iommu_unmap(domain->iommu, undo->start, map_size(to_dma_map(undo)));
	return ret;
}

/* Attach to a domain that is there, or else to @fresh. NULL: the IOMMU refuses both. */
static struct kvfio_domain *attach_somewhere(struct kvfio_container *container,
					     struct kvfio_group *group,
					     struct kvfio_domain *fresh, int *ret_error)
{
	struct kvfio_domain *domain;

	list_for_each_entry(domain, &container->domains, entry) {
		/* A domain means nothing to the driver of another kind of IOMMU. */
		if (domain->iommu->ops == fresh->iommu->ops &&
		    !iommu_attach_group(domain->iommu, group->iommu_group))
			return domain;
	}
	*ret_error = iommu_attach_group(fresh->iommu, group->iommu_group);
	return *ret_error ? NULL : fresh;
}

static int fill_fresh_domain(struct kvfio_container *container, struct kvfio_group *group,
			     struct kvfio_domain *domain)
{
	const struct iommu_domain_ops *ops = domain->iommu->ops;
	int ret;

	/* Has to be known before the first map. */
	domain->coherent = ops->enforce_cache_coherency &&
			   ops->enforce_cache_coherency(domain->iommu);
	ret = reserve_msi(domain, group);
	return ret ?: map_everything(container, domain);
}

static void link_group(struct kvfio_container *container, struct kvfio_group *group,
		       struct kvfio_domain *domain)
{
	if (list_empty(&domain->groups))
		list_add_tail(&domain->entry, &container->domains);
	list_add_tail(&group->domain_entry, &domain->groups);
	group->domain = domain;
}

static void unlink_group(struct kvfio_group *group)
{
	struct kvfio_domain *domain = group->domain;

	list_del(&group->domain_entry);
	if (list_empty(&domain->groups))
		list_del(&domain->entry);
	group->domain = NULL;
}

/*
 * Page sizes and valid ranges after a group has come or gone; with -EINVAL when a map would be
 * outside.
 */
static int update_limits(struct kvfio_container *container)
{
	struct interval_tree_node *node;
	struct iova_ranges valid;
	int ret;

	ret = iova_ranges_compute(container, &valid);
	if (ret)
		return ret;
	node = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		if (!iova_ranges_contain(&valid, node->start, node->last)) {
			iova_ranges_free(&valid);
			return -EINVAL;
		}
	}
	iova_ranges_free(&container->valid);
	container->valid = valid;
	return 0;
}

/**
 * domain_attach_group() - bring the tables of a container to the devices of a group
 * @container: with a type
 * @group: not attached
 *
 * Return: 0; -EPERM when a device of the group could raise any interrupt of the host; -EINVAL when
 * a map lies where the group reserves addresses; -ENOMEM; or what the IOMMU says.
 */
int domain_attach_group(struct kvfio_container *container, struct kvfio_group *group)
{
	struct kvfio_domain *fresh, *domain;
	int ret = 0;

	if (group->kind != GROUP_IOMMU)
		return 0;
	if (!allow_unsafe_interrupts && !compat_group_has_isolated_msi(group->iommu_group)) {
		dev_warn(&group->dev,
			 "interrupts are not isolated: allow_unsafe_interrupts=1 permits it\n");
		return -EPERM;
	}
	fresh = domain_create(group);
	if (IS_ERR(fresh))
		return PTR_ERR(fresh);
	domain = attach_somewhere(container, group, fresh, &ret);
	if (!domain)
		goto err_destroy;
	link_group(container, group, domain);
	/* Before the maps go in: one that is outside must never reach the tables. */
	ret = update_limits(container);
	if (!ret && domain == fresh)
		ret = fill_fresh_domain(container, group, domain);
	if (ret)
		goto err_detach;
	if (domain != fresh)
		domain_destroy(fresh);
	return 0;

err_detach:
	iommu_detach_group(domain->iommu, group->iommu_group);
	unlink_group(group);
	/*
	 * What was valid without the group is so again; on failure the narrower ranges stay, which
	 * is safe.
	 */
	update_limits(container);
err_destroy:
	domain_destroy(fresh);
	return ret;
}

/*
 * domain_detach_group() - take the tables away again; the kernel blocks all DMA of the group then
 */
void domain_detach_group(struct kvfio_container *container, struct kvfio_group *group)
{
	struct kvfio_domain *domain = group->domain;

	if (!domain)
		return;
	iommu_detach_group(domain->iommu, group->iommu_group);
	unlink_group(group);
	if (list_empty(&domain->groups))
		domain_destroy(domain);
	update_limits(container);
}

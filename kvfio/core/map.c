// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps of a container as wholes: made, found, and destroyed in the one order that is safe.
 * container->lock held.
 */

#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "../include/kvfio_trace.h"
#include "core.h"

/** map_find() - the map with the lowest IOVA that has a byte in [first, last], or NULL */
struct dma_map *map_find(struct kvfio_container *container, unsigned long first,
			 unsigned long last)
{
	struct interval_tree_node *node = interval_tree_iter_first(&container->maps, first, last);

	return node ? to_dma_map(node) : NULL;
}

/* Into all domains or none. */
static int map_into_domains(struct kvfio_container *container, struct dma_map *map)
{
	struct kvfio_domain *domain;
	int ret;

	list_for_each_entry(domain, &container->domains, entry) {
		ret = domain_map(domain, map);
		if (ret)
			goto err_unmap;
	}
	return 0;

err_unmap:
	list_for_each_entry_continue_reverse(domain, &container->domains, entry)
		iommu_unmap(domain->iommu, map->node.start, map_size(map));
	return ret;
}

/**
 * map_create() - let the devices of a container reach memory of the caller
 * @container: with a type
 * @iova: where; valid, aligned and free
 * @va: first byte of the memory
 * @prot: IOMMU_READ, IOMMU_WRITE
 *
 * Return: 0, or as pin_map() and domain_map().
 */
int map_create(struct kvfio_container *container, struct iova_range iova, unsigned long va,
	       int prot)
{
	struct dma_map *map;
	int ret;

	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	map->node.start = iova.first;
	map->node.last = iova.last;
	map->va = va;
	map->prot = prot;
	ret = pin_map(container, map);
	if (ret)
		goto err_unpin;
	ret = map_into_domains(container, map);
	if (ret)
		goto err_unpin;
	interval_tree_insert(&map->node, &container->maps);
	container->n_maps_left--;
	trace_kvfio_map(container->id, map->node.start, map_size(map));
	return 0;

err_unpin:
	unpin_map(map);
	kfree(map);
	return ret;
}

/**
 * map_destroy_list() - undo maps
 * @container: the container
 * @doomed: struct dma_map, linked by doomed; empty afterwards
 *
 * First out of the tables of all domains, then the IOTLBs flushed, and only then are the pages let
 * go.
 */
void map_destroy_list(struct kvfio_container *container, struct list_head *doomed)
{
	struct kvfio_domain *domain;
	struct dma_map *map, *next;

	if (list_empty(doomed))
		return;
	list_for_each_entry(domain, &container->domains, entry)
		domain_unmap_list(domain, doomed);
	list_for_each_entry_safe(map, next, doomed, doomed) {
		trace_kvfio_unmap(container->id, map->node.start, map_size(map));
		interval_tree_remove(&map->node, &container->maps);
		container->n_maps_left++;
		unpin_map(map);
		kfree(map);
		cond_resched();
	}
	INIT_LIST_HEAD(doomed);
}

static void destroy_if(struct kvfio_container *container, const struct kvfio_device *registers_of)
{
	struct interval_tree_node *node = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	LIST_HEAD(doomed);

	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		struct dma_map *map = to_dma_map(node);

		if (!registers_of || map->registers == registers_of)
			list_add_tail(&map->doomed, &doomed);
	}
	map_destroy_list(container, &doomed);
}

void map_destroy_all(struct kvfio_container *container)
{
	destroy_if(container, NULL);
}

/*
 * map_destroy_registers() - maps of the registers of a device that is going to be somebody else's
 */
void map_destroy_registers(struct kvfio_container *container, struct kvfio_device *kdev)
{
	destroy_if(container, kdev);
}

/* The page frame behind an IOVA inside the map. */
static unsigned long map_pfn(struct dma_map *map, unsigned long iova)
{
	unsigned long page = (iova - map->node.start) >> PAGE_SHIFT;
	struct pin_chunk *chunk;
	struct pin_run *run;

	for_each_run(chunk, run, map) {
		if (page < run->n_pages)
			return run->pfn + page;
		page -= run->n_pages;
	}
	return ULONG_MAX;
}

/** map_n_runs() - in how many pieces of physical memory a map is */
unsigned long map_n_runs(struct dma_map *map)
{
	struct pin_chunk *chunk;
	unsigned long n = 0;

	list_for_each_entry(chunk, &map->chunks, entry)
		n += chunk->n_runs;
	return n;
}

/* Within one page. */
static int copy_page_part(struct dma_map *map, unsigned long iova, void *buf, size_t len,
			  bool write)
{
	unsigned long pfn = map_pfn(map, iova);
	void *page;

	if (map->registers || WARN_ON(pfn == ULONG_MAX))
		return -EFAULT;
	page = kmap_local_page(pfn_to_page(pfn));
	if (write)
		memcpy(page + offset_in_page(iova), buf, len);
	else
		memcpy(buf, page + offset_in_page(iova), len);
	kunmap_local(page);
	return 0;
}

static int dma_rw_locked(struct kvfio_container *container, unsigned long iova, void *buf,
			 size_t len, bool write)
{
	int need = write ? IOMMU_WRITE : IOMMU_READ;
	int ret;

	while (len) {
		size_t part = min_t(size_t, len, PAGE_SIZE - offset_in_page(iova));
		struct dma_map *map = map_find(container, iova, iova);

		if (!map || !(map->prot & need))
			return -EFAULT;
		ret = copy_page_part(map, iova, buf, part, write);
		if (ret)
			return ret;
		iova += part;
		buf += part;
		len -= part;
	}
	return 0;
}

int kvfio_dma_rw(struct kvfio_device *kdev, u64 iova, void *buf, size_t len, bool write)
{
	struct kvfio_container *container = kdev->group->container;
	int ret;

	/* Stable: the group stays attached as long as the device is open. */
	if (WARN_ON(!container))
		return -EINVAL;
	if (!len)
		return 0;
	if (iova > ULONG_MAX || len - 1 > ULONG_MAX - (unsigned long)iova)
		return -EFAULT;
	mutex_lock(&container->lock);
	ret = dma_rw_locked(container, iova, buf, len, write);
	mutex_unlock(&container->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(kvfio_dma_rw);

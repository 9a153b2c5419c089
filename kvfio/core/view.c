// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is, to be looked at by the administrator: groups with their devices, and containers with
 * their maps, in two files of debugfs. And the tracepoints.
 */

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <uapi/linux/vfio.h>

#include "core.h"

#define CREATE_TRACE_POINTS
#include "../include/kvfio_trace.h"
EXPORT_TRACEPOINT_SYMBOL_GPL(kvfio_irq);

static struct dentry *view_dir;

static const char *kind_name(enum group_kind kind)
{
	static const char *const names[] = {
		[GROUP_IOMMU] = "iommu", [GROUP_SOFT] = "software", [GROUP_NOIOMMU] = "no-iommu",
	};

	return names[kind];
}

static void show_group(struct kvfio_group *group, struct seq_file *out)
{
	struct kvfio_device *kdev;

	/* A device of it may be opening or closing for long, and who registers one waits for us. */
	if (!mutex_trylock(&group->lock)) {
		seq_printf(out, "group %s busy\n", dev_name(&group->dev));
		return;
	}
	seq_printf(out, "group %s front %s kind %s file %s", dev_name(&group->dev),
		   group->front->name, kind_name(group->kind), group->opened ? "open" : "closed");
	if (group->container)
		seq_printf(out, " container %u", group->container->id);
	seq_putc(out, '\n');
	list_for_each_entry(kdev, &group->devices, group_entry)
		seq_printf(out, "  device %s driver %s files %u\n", dev_name(kdev->dev),
			   kdev->ops->name, kdev->n_open);
	mutex_unlock(&group->lock);
}

static int groups_show(struct seq_file *out, void *unused)
{
	groups_for_each(show_group, out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(groups);

static const char *type_name(int type)
{
	switch (type) {
	case VFIO_TYPE1_IOMMU:
		return "type1";
	case VFIO_TYPE1v2_IOMMU:
		return "type1v2";
	case VFIO_NOIOMMU_IOMMU:
		return "noiommu";
	default:
		return "none";
	}
}

static void show_map(struct dma_map *map, struct seq_file *out)
{
	seq_printf(out, "  map %#lx-%#lx %c%c %lu runs", map->node.start, map->node.last,
		   map->prot & IOMMU_READ ? 'r' : '-', map->prot & IOMMU_WRITE ? 'w' : '-',
		   map_n_runs(map));
	if (map->registers)
		seq_printf(out, " registers of %s\n", dev_name(map->registers->dev));
	else
		seq_printf(out, " %lu pages\n", map->n_charged);
}

static void show_container(struct kvfio_container *container, struct seq_file *out)
{
	struct interval_tree_node *node;
	struct kvfio_group *group;
	unsigned long n_maps = 0, n_pages = 0;

	/* It may be pinning pages for long, and who opens a container waits for us. */
	if (!mutex_trylock(&container->lock)) {
		seq_printf(out, "container %u busy\n", container->id);
		return;
	}
	node = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		n_maps++;
		n_pages += to_dma_map(node)->n_charged;
	}
	seq_printf(out, "container %u type %s maps %lu pinned %lu pages groups",
		   container->id, type_name(container->type), n_maps, n_pages);
	list_for_each_entry(group, &container->groups, container_entry)
		seq_printf(out, " %s", dev_name(&group->dev));
	seq_putc(out, '\n');
	node = interval_tree_iter_first(&container->maps, 0, ULONG_MAX);
	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX))
		show_map(to_dma_map(node), out);
	mutex_unlock(&container->lock);
}

static int containers_show(struct seq_file *out, void *unused)
{
	containers_for_each(show_container, out);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(containers);

/* Without debugfs there is no view, and nothing else is missing. */
void __init view_init(void)
{
	view_dir = debugfs_create_dir("kvfio", NULL);
	debugfs_create_file("groups", 0400, view_dir, NULL, &groups_fops);
	debugfs_create_file("containers", 0400, view_dir, NULL, &containers_fops);
}

void view_exit(void)
{
	debugfs_remove(view_dir);
}

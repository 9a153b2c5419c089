/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_CORE_H
#define KVFIO_CORE_H

/*
 * What the files of the core share. docs/kvfio.md has the picture of who holds whom, and the lock
 * order:
 *
 * 	groups_lock > group->lock > containers_lock > container->lock > mmap_lock
 */

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/interval_tree.h>
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "../compat.h"
#include "../include/kvfio.h"
#include "../include/kvfio_front.h"
#include "../fault.h"

#undef pr_fmt
#define pr_fmt(fmt) "kvfio: " fmt

/* Inclusive at both ends, as all ranges here: the last byte of the address space is usable. */
struct iova_range {
	unsigned long first;
	unsigned long last;
};

/* Sorted, without overlap. */
struct iova_ranges {
	unsigned int n;
	struct iova_range *range;
};

/* A part of a map that is contiguous in physical memory. */
struct pin_run {
	unsigned long pfn;
	unsigned long n_pages;
};

/* As many runs as a map can have, at most a page full. */
struct pin_chunk {
	struct list_head entry;
	unsigned int n_runs, n_max;
	struct pin_run runs[];
};

/*
 * One mapping: what the user asked for, and the pages that were pinned for it. The runs are the
 * only record of what is pinned; the tables of the IOMMU are made from them and never read back.
 */
struct dma_map {
	struct interval_tree_node node;	/* IOVAs, inclusive */
	struct list_head doomed;	/* on its way out */
	unsigned long va;
	int prot;			/* IOMMU_READ, IOMMU_WRITE */
	struct kvfio_device *registers;	/* of this device are mapped: neither pinned nor charged */
	bool leak;			/* the IOMMU would not let go: pages stay pinned for ever */
	struct mm_struct *mm;		/* mmgrab()ed: who is charged */
	unsigned long n_charged;	/* pages */
	struct list_head chunks;	/* struct pin_chunk, in order of IOVA */
};

/* One set of IOMMU tables; groups that can share one do. */
struct kvfio_domain {
	struct list_head entry;		/* container->domains */
	struct list_head groups;	/* group->domain_entry */
	struct iommu_domain *iommu;
	bool coherent;			/* no-snoop DMA cannot get past the caches */
};

/* An open /dev/kvfio/kvfio or /dev/vfio/vfio, and what lives on in it until the last group has left. */
struct kvfio_container {
	struct kref ref;		/* the file and every attached group */
	struct list_head entry;		/* containers_lock */
	unsigned int id;		/* to be shown */
	struct mutex lock;		/* all below */
	struct list_head groups;	/* group->container_entry */
	bool noiommu;			/* the groups have no IOMMU */
	int type;			/* VFIO_TYPE1_IOMMU, ...; 0 until VFIO_SET_IOMMU */
	struct list_head domains;
	struct rb_root_cached maps;	/* struct dma_map */
	unsigned int n_maps_left;
	struct iova_ranges valid;
};

enum group_kind {
	GROUP_IOMMU,
	GROUP_SOFT,	/* software devices: they go through kvfio_dma_rw() */
	GROUP_NOIOMMU,	/* real devices without protection */
};

/* /dev/kvfio/N or /dev/vfio/N: the smallest set of devices that can be given away. */
struct kvfio_group {
	struct device dev;		/* its reference count is the group's */
	struct cdev cdev;
	struct kvfio_front *front;	/* whose names it has */
	enum group_kind kind;
	struct iommu_group *iommu_group;
	struct list_head entry;		/* groups_lock */
	unsigned int n_devices;		/* groups_lock: registered, or waiting for their users */

	struct mutex lock;		/* all below */
	struct list_head devices;	/* that can be opened */
	bool dead;			/* the last device has gone */
	bool opened;			/* one file at a time */
	unsigned int n_open;		/* files of its devices */
	struct kvm *kvm;		/* the virtual machine that was told of it; only to be shown */
	struct kvfio_container *container;
	struct list_head container_entry;	/* container->lock */
	struct kvfio_domain *domain;		/* container->lock */
	struct list_head domain_entry;		/* container->lock */
};

/* front.c */
extern struct kvfio_front kvfio_own_front;

/* container.c */
int container_node_create(struct kvfio_front *front);
void container_node_destroy(struct kvfio_front *front);
bool container_is_coherent(struct kvfio_container *container);
void containers_for_each(void (*fn)(struct kvfio_container *container, struct seq_file *out),
			 struct seq_file *out);
int container_attach_group(int fd, struct kvfio_group *group);
void container_detach_group(struct kvfio_group *group);
bool container_has_type(struct kvfio_container *container);
void container_forget_device(struct kvfio_container *container, struct kvfio_device *kdev);

/* group.c */
int group_nodes_begin(struct kvfio_front *front);
void group_nodes_end(struct kvfio_front *front);
void groups_for_each(void (*fn)(struct kvfio_group *group, struct seq_file *out),
		     struct seq_file *out);
struct kvfio_group *group_of_file(struct file *file);
struct kvfio_group *group_join(struct device *dev, enum group_kind kind,
			       struct kvfio_front *front);
void group_leave(struct kvfio_group *group);
void group_put_device_file(struct kvfio_group *group);

/* device.c */
struct kvfio_device *device_of_file(struct file *file);
int device_open_fd(struct kvfio_group *group, const char *name);

/* view.c */
void view_init(void);
void view_exit(void);

/* type1.c */
long type1_ioctl(struct kvfio_container *container, unsigned int cmd, unsigned long arg);

/* domain.c: container->lock held */
int domain_attach_group(struct kvfio_container *container, struct kvfio_group *group);
void domain_detach_group(struct kvfio_container *container, struct kvfio_group *group);
int domain_map(struct kvfio_domain *domain, struct dma_map *map);
void domain_unmap_list(struct kvfio_domain *domain, struct list_head *doomed);

/* map.c: container->lock held */
int map_create(struct kvfio_container *container, struct iova_range iova, unsigned long va,
	       int prot);
void map_destroy_list(struct kvfio_container *container, struct list_head *doomed);
void map_destroy_all(struct kvfio_container *container);
void map_destroy_registers(struct kvfio_container *container, struct kvfio_device *kdev);
struct dma_map *map_find(struct kvfio_container *container, unsigned long first,
			 unsigned long last);

unsigned long map_n_runs(struct dma_map *map);

/* pin.c: container->lock held */
int pin_map(struct kvfio_container *container, struct dma_map *map);
void unpin_map(struct dma_map *map);

/* iova.c */
int iova_ranges_compute(struct kvfio_container *container, struct iova_ranges *ret_ranges);
void iova_ranges_free(struct iova_ranges *ranges);
bool iova_ranges_contain(const struct iova_ranges *ranges, unsigned long first,
			 unsigned long last);

#define to_dma_map(n) container_of(n, struct dma_map, node)

#define for_each_run(chunk, run, map)						\
	list_for_each_entry(chunk, &(map)->chunks, entry)			\
		for (run = chunk->runs; run < chunk->runs + chunk->n_runs; run++)

static inline unsigned long map_size(const struct dma_map *map)
{
	return map->node.last - map->node.start + 1;
}

extern bool allow_unsafe_interrupts;
extern bool kvfio_unsafe_noiommu_mode;
extern unsigned int dma_entry_limit;

#endif

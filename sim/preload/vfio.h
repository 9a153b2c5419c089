/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_VFIO_H
#define SIM_PRELOAD_VFIO_H

/*
 * What the kernel does for VFIO programs, done here for simulated cards: containers (container.c), groups (group.c) and
 * devices (device.c), with the answers and errors of <linux/vfio.h>. Each card is a group of its own and a vfio-user socket
 * below the folder of "vireo-sim run". What the ioctls do not say stays out: no limit on locked memory, no dirty pages,
 * no migration.
 */

#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory_map.h"
#include "objects.h"

#define VFIO_MAX_CARDS	  32
#define VFIO_N_REGIONS	  VFIO_PCI_NUM_REGIONS
#define VFIO_N_IRQS	  VFIO_PCI_NUM_IRQS
#define VFIO_REGION_SHIFT 40 /* where a region is in the descriptor; some programs know it by heart */

/* One map for the devices of a container, in as many pieces as the program's memory has files. */
struct vfio_map {
	uint64_t iova, size;
	uint32_t flags; /* VFIO_DMA_MAP_FLAG_* */
	struct memory_piece *pieces;
	unsigned n_pieces;
};

struct container {
	struct object object; /* first */
	unsigned n_groups;
	unsigned iommu; /* VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU; 0: none yet */
	struct vfio_map *maps;
	unsigned n_maps, max_maps;
	struct container *next; /* of those that are not used */
};

struct group {
	struct object object; /* first */
	int id;
	struct container *container;
	unsigned n_devices; /* open ones */
};

struct device;

/* A descriptor for /dev/vfio/vfio or /dev/vfio/@id, or a negative errno. */
int vfio_open_container(void);
int vfio_open_group(int id);

/* Under the lock, like all that follows. The container a descriptor stands for, or NULL. */
struct container *vfio_container_of(int fd);
void vfio_container_join(struct container *c);
void vfio_container_leave(struct container *c);

/* A device of the group was closed. */
void vfio_group_put_device(struct group *g);

/* Gives each open device of the container to @fn, until one returns non-zero. */
int vfio_each_device(struct container *c, int (*fn)(struct device *dev, void *ctx), void *ctx);

/* A descriptor for the device called @name, which must be in @group. */
int vfio_open_device(struct group *group, const char *name);
struct group *vfio_device_group(const struct device *dev);
int vfio_device_map(struct device *dev, const struct vfio_map *map);
void vfio_device_unmap(struct device *dev, const struct vfio_map *map);

/* Without the lock: one access of up to 8 bytes as the program made it; all-ones when the device is lost. */
uint64_t vfio_device_load(struct device *dev, unsigned region, uint64_t offset, unsigned size);
void vfio_device_store(struct device *dev, unsigned region, uint64_t offset, uint64_t value, unsigned size);
const char *vfio_device_name(const struct device *dev);

#endif

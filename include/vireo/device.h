/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_DEVICE_H
#define VIREO_DEVICE_H

/*
 * The layer below a port: a device reached through VFIO. For people who drive something of their own with it. Offsets,
 * lengths and flags are checked here, once, for every way to reach a device. One thread at a time, except where said.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vireo/memory.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vireo_device;

/* Region numbers, as in <linux/vfio.h>. */
enum vireo_region {
	VIREO_REGION_BAR0,
	VIREO_REGION_BAR1,
	VIREO_REGION_BAR2,
	VIREO_REGION_BAR3,
	VIREO_REGION_BAR4,
	VIREO_REGION_BAR5,
	VIREO_REGION_ROM,
	VIREO_REGION_CONFIG,
	VIREO_REGION_VGA,
	VIREO_N_REGIONS
};

/* Interrupt kinds, as in <linux/vfio.h>. */
enum vireo_irq {
	VIREO_IRQ_INTX,
	VIREO_IRQ_MSI,
	VIREO_IRQ_MSIX,
	VIREO_IRQ_ERROR,   /* the device reported an uncorrectable error */
	VIREO_IRQ_REQUEST, /* the kernel asks for the device back */
	VIREO_N_IRQS
};

/**
 * vireo_device_open() - open a device by its address
 * @spec: as vireo_port_open()
 * @ret_dev: written on success; give it back with vireo_device_close()
 *
 * Bus mastering is off until vireo_device_set_master().
 *
 * Return: 0 or a negative errno as vireo_port_open().
 */
int vireo_device_open(const char *spec, struct vireo_device **ret_dev);

/**
 * vireo_device_open_fd() - use descriptors that somebody else opened
 * @device_fd:    a VFIO device
 * @container_fd: the container, with its IOMMU type set, that the device's group is in
 * @ret_dev:      written on success
 *
 * Both are duplicated; the caller keeps its own. The container must not hold mappings inside the window.
 *
 * Return: 0; -EINVAL when a descriptor is of another kind; -ENOSPC, -EDQUOT from mapping what exists.
 */
int vireo_device_open_fd(int device_fd, int container_fd, struct vireo_device **ret_dev);

/**
 * vireo_device_close() - interrupts off, bus mastering off, unmap, give back
 * @dev: the device, or NULL; pointers into its regions are invalid afterwards
 *
 * Devices of one group and groups of one container may be closed in any order.
 */
void vireo_device_close(struct vireo_device *dev);

/**
 * struct vireo_device_info - what a device is; strings live as long as the device
 * @address: "0000:03:00.0", or "fd:N"
 * @bus: "vfio", ...
 * @vendor_id, @device_id, @subsystem_vendor_id, @subsystem_id, @class_code (24 bits), @revision: from config space
 * @numa_node: or -1
 * @group: number of the IOMMU group, or -1
 * @can_reset: vireo_device_reset() works
 * @iommu: an IOMMU stands between the device and memory
 */
struct vireo_device_info {
	const char *address;
	const char *bus;
	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id;
	uint32_t class_code;
	uint8_t revision;
	int numa_node;
	int group;
	bool can_reset;
	bool iommu;
};

/** vireo_device_info() - fill in @ret_info for @dev; any thread */
void vireo_device_info(const struct vireo_device *dev, struct vireo_device_info *ret_info);

/* A part of a region that can be mapped. */
struct vireo_area {
	uint64_t offset;
	uint64_t size;
};

#define VIREO_REGION_READ  (1u << 0)
#define VIREO_REGION_WRITE (1u << 1)
#define VIREO_REGION_MMAP  (1u << 2)

/**
 * struct vireo_region_info - a region
 * @size:    bytes; 0: the device has no such region
 * @flags:   VIREO_REGION_*
 * @n_areas: parts that can be mapped, when MMAP is set: one of the whole size, or several of a sparse region
 * @areas:   sorted, without overlap; live as long as the device
 * @msix_mappable: the MSI-X table lies inside what can be mapped
 */
struct vireo_region_info {
	uint64_t size;
	uint32_t flags;
	unsigned n_areas;
	const struct vireo_area *areas;
	bool msix_mappable;
};

/** vireo_device_region() - describe @region; 0, -EINVAL out of range, or what the kernel says; any thread */
int vireo_device_region(struct vireo_device *dev, enum vireo_region region, struct vireo_region_info *ret_info);

/**
 * vireo_device_map_region() - a pointer to registers
 * @dev:    the device
 * @region: which
 * @offset: first byte
 * @size:   bytes; the whole range must lie inside one mappable area
 * @ret_va: written on success; valid until close; the same page is mapped once, however often it is asked for
 *
 * Return: 0; -EINVAL out of bounds; -EOPNOTSUPP when that part cannot be mapped (read and write still work).
 */
int vireo_device_map_region(struct vireo_device *dev, enum vireo_region region, uint64_t offset, uint64_t size,
			    volatile void **ret_va);

/**
 * vireo_device_read() - read from a region by system call or message
 * @dev:    the device
 * @region: which
 * @offset: first byte
 * @buf:    filled
 * @len:    bytes; 1, 2, 4 or 8 are one access, anything else is cut into such
 *
 * Return: 0; -EINVAL out of bounds; -EPERM when the region cannot be read; -EIO; -ENODEV. Any thread.
 */
int vireo_device_read(struct vireo_device *dev, enum vireo_region region, uint64_t offset, void *buf, size_t len);

/** vireo_device_write() - the counterpart of vireo_device_read(); -EPERM when the region cannot be written */
int vireo_device_write(struct vireo_device *dev, enum vireo_region region, uint64_t offset, const void *buf,
		       size_t len);

/** vireo_device_set_master() - let the device access memory, or not; 0 or a negative errno */
int vireo_device_set_master(struct vireo_device *dev, bool on);

/**
 * struct vireo_irq_info - an interrupt kind
 * @count:       vectors; 0: the device has none of this kind
 * @maskable:    mask and unmask work
 * @automasked:  masks itself when it fires (INTx): unmask it after handling
 * @resizable:   vectors can be added while others stay enabled
 */
struct vireo_irq_info {
	unsigned count;
	bool maskable;
	bool automasked;
	bool resizable;
};

/** vireo_device_irq() - describe @irq; 0 or -EINVAL; any thread */
int vireo_device_irq(struct vireo_device *dev, enum vireo_irq irq, struct vireo_irq_info *ret_info);

/**
 * vireo_device_irq_enable() - have eventfds signalled by a range of vectors
 * @dev:   the device
 * @irq:   which kind; INTx, MSI and MSI-X exclude each other
 * @start: first vector
 * @count: how many
 * @fds:   an eventfd for each; -1 takes one away. They stay with the caller, who closes them after disable or close
 *
 * Return: 0; -EINVAL out of range or no eventfd; -EBUSY when another kind is on; -ENOSPC when the system has fewer
 * vectors (nothing is enabled then).
 */
int vireo_device_irq_enable(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count,
			    const int *fds);

/** vireo_device_irq_disable() - all vectors of one kind off; 0 (also when none was on) or a negative errno */
int vireo_device_irq_disable(struct vireo_device *dev, enum vireo_irq irq);

/* Mask, unmask or (as a test) trigger a range of enabled vectors; 0, -EINVAL, or -EOPNOTSUPP. */
int vireo_device_irq_mask(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count);
int vireo_device_irq_unmask(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count);
int vireo_device_irq_trigger(struct vireo_device *dev, enum vireo_irq irq, unsigned start, unsigned count);

/**
 * vireo_device_irq_unmask_fd() - unmask INTx whenever an eventfd is signalled
 * @dev: the device
 * @fd:  the eventfd, or -1 to end it
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int vireo_device_irq_unmask_fd(struct vireo_device *dev, int fd);

#define VIREO_DMA_READ  (1u << 0) /* the device may read */
#define VIREO_DMA_WRITE (1u << 1) /* the device may write */

/**
 * vireo_device_dma_map() - let the device reach memory outside the window
 * @dev:   the device; every device of its container can reach it
 * @va:    first byte, page-aligned; must stay allocated until it is unmapped
 * @size:  bytes, whole pages
 * @flags: VIREO_DMA_*
 * @ret_iova: where the device sees it, inside the container's valid ranges and outside the window
 *
 * Memory from pools, vireo_memory_alloc() and vireo_memory_import() is mapped already. Any thread.
 *
 * Return: 0; -EINVAL; -ENOSPC when no range is free or the container's entry limit is reached; -EDQUOT for
 * RLIMIT_MEMLOCK; -EFAULT when the memory is not there.
 */
int vireo_device_dma_map(struct vireo_device *dev, void *va, size_t size, unsigned flags, vireo_iova_t *ret_iova);

/** vireo_device_dma_unmap() - undo exactly one vireo_device_dma_map(); 0 or -ENOENT; any thread */
int vireo_device_dma_unmap(struct vireo_device *dev, vireo_iova_t iova, size_t size);

/* Addresses that devices of a container may use, inclusive. */
struct vireo_iova_range {
	vireo_iova_t start;
	vireo_iova_t last;
};

/** vireo_device_iova_ranges() - the valid ranges, sorted; *ret_ranges lives as long as the device; returns how many */
unsigned vireo_device_iova_ranges(const struct vireo_device *dev, const struct vireo_iova_range **ret_ranges);

/** vireo_device_reset() - reset this function only; BARs and interrupts must be set up again; 0, -EOPNOTSUPP, -EIO */
int vireo_device_reset(struct vireo_device *dev);

/**
 * vireo_device_hot_reset() - reset the whole bus or slot that the device is on
 * @dev: the device; all others that are affected must be open in this process too
 *
 * Return: 0; -EPERM with the names of the devices that are not ours; -EOPNOTSUPP.
 */
int vireo_device_hot_reset(struct vireo_device *dev);

/**
 * vireo_device_find_capability() - walk the PCI capability list, every step checked
 * @dev: the device
 * @id:  capability id (PCI Local Bus 3.0, 6.7)
 * @after: offset of the previous one of this id, or 0 for the first
 *
 * Return: its offset in config space, 64 to 252; -ENOENT; -EIO when the list makes no sense.
 */
int vireo_device_find_capability(struct vireo_device *dev, uint8_t id, unsigned after);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

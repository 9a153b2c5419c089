/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KVFIO_TEST_VFIO_H
#define KVFIO_TEST_VFIO_H

/* The few steps that every test takes with a VFIO: a directory of nodes, a group, a device. */

#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kvfio/uapi/kvfio.h"
#include "tap.h"

struct vfio_names {
	const char *dir;	/* "/dev/vfio" or "/dev/kvfio" */
	const char *group;	/* "7" */
	const char *device;	/* "0000:06:00.0" */
	bool upstream;
};

struct vfio {
	int container, group, device;
};

static inline int vfio_open_node(const struct vfio_names *names, const char *node)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", names->dir, node);
	return sys(open(path, O_RDWR | O_CLOEXEC));
}

static inline int vfio_open_container(const struct vfio_names *names)
{
	return vfio_open_node(names, strrchr(names->dir, '/') + 1);
}

/* /dev/vfio is upstream's, or that of kvfio's drop-in front. */
static inline struct vfio_names vfio_names(const char *dir, const char *group, const char *device)
{
	struct vfio_names names = { .dir = dir, .group = group, .device = device };
	int container = vfio_open_container(&names);

	names.upstream = ioctl(container, VFIO_CHECK_EXTENSION, KVFIO_EXTENSION) != KVFIO_VERSION;
	close(container);
	return names;
}

/* A group file that was just closed by a process that died may take a moment to be free. */
static inline int vfio_open_group(const struct vfio_names *names)
{
	int fd, tries;

	for (tries = 0; tries < 100; tries++) {
		fd = vfio_open_node(names, names->group);
		if (fd != -EBUSY)
			break;
		usleep(20000);
	}
	return fd;
}

static inline int vfio_attach(struct vfio *vfio, const struct vfio_names *names, int type)
{
	int ret;

	vfio->device = -1;
	vfio->container = vfio_open_container(names);
	vfio->group = vfio_open_group(names);
	if (vfio->container < 0 || vfio->group < 0)
		return vfio->container < 0 ? vfio->container : vfio->group;
	ret = io(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container);
	return ret ?: io(vfio->container, VFIO_SET_IOMMU, type);
}

static inline int vfio_open(struct vfio *vfio, const struct vfio_names *names, int type)
{
	int ret = vfio_attach(vfio, names, type);

	if (ret)
		return ret;
	vfio->device = io(vfio->group, VFIO_GROUP_GET_DEVICE_FD, names->device);
	return vfio->device < 0 ? vfio->device : 0;
}

static inline void vfio_close(struct vfio *vfio)
{
	close(vfio->device);
	close(vfio->group);
	close(vfio->container);
}

static inline long vfio_map(int container, void *va, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = flags, .vaddr = (uintptr_t)va, .iova = iova, .size = size,
	};

	return io(container, VFIO_IOMMU_MAP_DMA, &map);
}

#define VFIO_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* Bytes unmapped, or an error. */
static inline long vfio_unmap_flags(int container, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = iova, .size = size,
	};
	long ret = io(container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return ret ?: (long)unmap.size;
}

static inline long vfio_unmap(int container, uint64_t iova, uint64_t size)
{
	return vfio_unmap_flags(container, iova, size, 0);
}

/* An eventfd for the first, or only, vector of an index. */
static inline long vfio_set_eventfd(int device, uint32_t index, int fd)
{
	char bytes[sizeof(struct vfio_irq_set) + 4] = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)bytes;

	set->argsz = sizeof(bytes);
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
	set->index = index;
	set->count = 1;
	memcpy(set->data, &fd, 4);
	return io(device, VFIO_DEVICE_SET_IRQS, set);
}

/* Kilobytes that this process has locked. */
static inline long vfio_locked_kb(void)
{
	char line[128];
	long kilobytes = -1;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmLck: %ld", &kilobytes);
	if (file)
		fclose(file);
	return kilobytes;
}

static inline void *memory(size_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (va == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return va;
}

#endif

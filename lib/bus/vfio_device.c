// SPDX-License-Identifier: BSD-2-Clause
/* A device behind VFIO: from an address to a descriptor, its regions, its resets. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "pci_sysfs.h"
#include "vfio.h"

#define MAX_INFO_SIZE (1u << 20)
#define MAX_INFO_TRIES 8

static int sys_open(const char *path, int flags)
{
	return open(path, flags);
}

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static const struct vfio_sys kernel = {
	.open = sys_open,
	.ioctl = sys_ioctl,
};

const struct vfio_sys *vfio_sys = &kernel;
const char *vfio_dev_root = "/dev";
const char *vfio_proc_root = "/proc";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct vfio_device *devices; /* under the lock */

void vfio_lock(void)
{
	pthread_mutex_lock(&lock);
}

void vfio_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

int vfio_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = vfio_sys->ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_open_node(const char *path)
{
	int fd = vfio_sys->open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Every structure that has capabilities starts like this one. */
struct info_head {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index; /* regions only */
};

int vfio_get_info(int fd, unsigned long request, size_t min, unsigned index, void **ret_info, size_t *ret_size)
{
	size_t size = min;
	int err;

	/* To a bound and so many times, so that a kernel that asks for more each time is not followed for ever. */
	for (unsigned tries = 0; tries < MAX_INFO_TRIES && size <= MAX_INFO_SIZE; tries++) {
		struct info_head *info = calloc(1, size < sizeof(*info) ? sizeof(*info) : size);

		if (!info)
			return -ENOMEM;
		info->argsz = (uint32_t)size;
		if (request == VFIO_DEVICE_GET_REGION_INFO)
			info->index = index;
		err = vfio_ioctl(fd, request, info);
		if (err >= 0 && info->argsz <= size) {
			*ret_info = info;
			*ret_size = info->argsz < min ? min : info->argsz;
			return 0;
		}
		if (err >= 0)
			size = info->argsz;
		free(info);
		if (err < 0)
			return err;
	}
	return -E2BIG;
}

size_t vfio_find_cap(const void *info, size_t size, size_t first, unsigned id, size_t len)
{
	struct vfio_info_cap_header head;
	size_t steps = size / sizeof(head);

	for (size_t at = first; at && steps > 0; at = head.next, steps--) {
		if (at > size || sizeof(head) > size - at)
			return 0;
		memcpy(&head, (const uint8_t *)info + at, sizeof(head));
		if (head.id == id)
			return len <= size - at ? at : 0;
	}
	return 0;
}

/* Under which name in /dev the driver's devices are. */
static const char *front_of(const char *driver)
{
	return strncmp(driver, "kvfio", 5) == 0 ? "kvfio" : "vfio";
}

static bool is_open(const char *address)
{
	const struct vfio_device *d = devices;

	while (d && strcmp(d->address, address) != 0)
		d = d->next;
	return d != NULL;
}

static int open_in_group(struct vfio_device *vdev, const struct bus_identity *id, int group, const char *container)
{
	int err;

	if (is_open(vdev->address))
		return vireo_error(-EBUSY, "%s is open in this process already", vdev->address);
	err = vfio_group_get(front_of(id->driver), group, container, vdev->address, &vdev->group);
	if (err)
		return err;
	vdev->container = vdev->group->container;
	vdev->fd = vfio_ioctl(vdev->group->fd, VFIO_GROUP_GET_DEVICE_FD, vdev->address);
	if (vdev->fd < 0) {
		err = vfio_explain_device_fd(vdev->address, vdev->fd);
		vfio_group_put(vdev->group);
		return err;
	}
	fcntl(vdev->fd, F_SETFD, FD_CLOEXEC);
	vdev->next = devices;
	devices = vdev;
	return 0;
}

/* Only the IOMMU decides first: without one, binding the device to another driver helps nobody. */
static int check_usable(const char *address, struct bus_identity *id, int *ret_group)
{
	if (pci_sysfs_identify(address, id))
		return vfio_explain_no_device(address);
	*ret_group = pci_sysfs_group(address);
	if (*ret_group < 0)
		return vfio_explain_no_group(address);
	if (pci_sysfs_is_noiommu(address))
		return vfio_explain_noiommu(address);
	if (!pci_sysfs_is_vfio_driver(id->driver))
		return vfio_explain_unbound(address, id);
	return 0;
}

/* What the descriptor says about itself. */
static int device_setup(struct vireo_device *dev)
{
	struct vfio_device *vdev = dev->bus_priv;
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int err;

	err = vfio_ioctl(vdev->fd, VFIO_DEVICE_GET_INFO, &info);
	if (err < 0)
		return vireo_error(err == -ENOTTY ? -EINVAL : err, "%s does not say what it is: %s", dev->address,
				   strerror(-err));
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return vireo_error(-EINVAL, "%s is no PCI device", dev->address);
	dev->info.can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	dev->info.iommu = true;
	dev->dma = &vdev->container->client;
	err = vfio_regions_setup(dev);
	if (err)
		return err;
	return vfio_irqs_setup(dev);
}

static struct vfio_device *device_alloc(struct vireo_device *dev)
{
	struct vfio_device *vdev = calloc(1, sizeof(*vdev));

	if (!vdev) {
		vireo_error(-ENOMEM, "no memory for a device");
		return NULL;
	}
	vdev->fd = -1;
	dev->bus_priv = vdev;
	return vdev;
}

static void vfio_close(struct vireo_device *dev)
{
	struct vfio_device *vdev = dev->bus_priv;
	struct vfio_device **p = &devices;

	/* The device first: it holds the group, which holds the container. */
	vfio_lock();
	close(vdev->fd);
	while (*p && *p != vdev)
		p = &(*p)->next;
	if (*p)
		*p = vdev->next;
	if (vdev->group)
		vfio_group_put(vdev->group);
	else
		vfio_container_release(vdev->container);
	vfio_unlock();
	vfio_irqs_free(vdev);
	free(vdev);
}

static int vfio_open(const struct spec *spec, struct vireo_device *dev)
{
	static const char *const known_options[] = {"container", NULL};
	struct bus_identity id;
	struct vfio_device *vdev;
	int group = -1, err;

	err = spec_check_options(spec, known_options);
	if (err)
		return err;
	err = check_usable(spec->address, &id, &group);
	if (err)
		return err;
	vdev = device_alloc(dev);
	if (!vdev)
		return -ENOMEM;
	snprintf(dev->address, sizeof(dev->address), "%s", spec->address);
	snprintf(vdev->address, sizeof(vdev->address), "%.15s", spec->address);
	dev->info.group = group;
	dev->info.numa_node = pci_sysfs_numa_node(spec->address);

	vfio_lock();
	err = open_in_group(vdev, &id, group, spec_option(spec, "container"));
	vfio_unlock();
	if (err) {
		free(vdev);
		return err;
	}
	err = device_setup(dev);
	if (err)
		vfio_close(dev);
	return err;
}

static int adopt(struct vfio_device *vdev, int device_fd, int container_fd)
{
	int err;

	vdev->fd = fcntl(device_fd, F_DUPFD_CLOEXEC, 0);
	if (vdev->fd < 0)
		return vireo_error(-EINVAL, "descriptor %d cannot be duplicated: %m", device_fd);
	err = vfio_container_adopt(container_fd, &vdev->container);
	if (err)
		close(vdev->fd);
	return err;
}

int vfio_open_fd(int device_fd, int container_fd, struct vireo_device *dev)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct vfio_device *vdev;
	int err;

	/* Before the container is taken, so that two descriptors given the wrong way round are told apart. */
	if (vfio_ioctl(device_fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return vireo_error(-EINVAL, "descriptor %d is no VFIO device", device_fd);
	vdev = device_alloc(dev);
	if (!vdev)
		return -ENOMEM;
	snprintf(dev->address, sizeof(dev->address), "fd:%d", device_fd);
	vfio_lock();
	err = adopt(vdev, device_fd, container_fd);
	vfio_unlock();
	if (err) {
		free(vdev);
		return err;
	}
	err = device_setup(dev);
	if (err)
		vfio_close(dev);
	return err;
}

static int vfio_identify(const struct spec *spec, struct bus_identity *ret_id)
{
	return pci_sysfs_identify(spec->address, ret_id) ? vfio_explain_no_device(spec->address) : 0;
}

static int access_error(const struct vireo_device *dev, const char *what, unsigned region, uint64_t offset, ssize_t n)
{
	int err = n < 0 ? -errno : -EIO;

	return vireo_error(err == -ENXIO ? -ENODEV : err, "%s: %s region %u at %#llx failed: %s", dev->address, what,
			   region, (unsigned long long)offset, strerror(-err));
}

static int vfio_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len)
{
	const struct vfio_device *vdev = dev->bus_priv;
	ssize_t n = pread(vdev->fd, buf, len, (off_t)(vdev->offsets[region] + offset));

	return n == (ssize_t)len ? 0 : access_error(dev, "reading", region, offset, n);
}

static int vfio_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	const struct vfio_device *vdev = dev->bus_priv;
	ssize_t n = pwrite(vdev->fd, buf, len, (off_t)(vdev->offsets[region] + offset));

	return n == (ssize_t)len ? 0 : access_error(dev, "writing", region, offset, n);
}

static int vfio_map(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va)
{
	const struct vfio_device *vdev = dev->bus_priv;
	uint32_t flags = dev->regions[region].info.flags;
	int prot = (flags & VIREO_REGION_READ ? PROT_READ : 0) | (flags & VIREO_REGION_WRITE ? PROT_WRITE : 0);
	void *va = mmap(NULL, size, prot, MAP_SHARED, vdev->fd, (off_t)(vdev->offsets[region] + offset));

	if (va == MAP_FAILED)
		return vireo_error(-errno, "%s: cannot map %#llx bytes at %#llx of region %u: %m", dev->address,
				   (unsigned long long)size, (unsigned long long)offset, region);
	*ret_va = va;
	return 0;
}

static void vfio_unmap(struct vireo_device *dev, void *va, uint64_t size)
{
	munmap(va, size);
}

static int vfio_reset(struct vireo_device *dev)
{
	const struct vfio_device *vdev = dev->bus_priv;
	int err = vfio_ioctl(vdev->fd, VFIO_DEVICE_RESET, NULL);

	if (err == -ENOTTY || err == -EINVAL)
		return vireo_error(-EOPNOTSUPP, "%s has no reset of its own", dev->address);
	if (err < 0)
		return vireo_error(err == -ENODEV ? err : -EIO, "%s: reset failed: %s", dev->address, strerror(-err));
	return 0;
}

const struct bus_ops vfio_bus = {
	.name = "vfio",
	.prefix = "",
	.identify = vfio_identify,
	.open = vfio_open,
	.close = vfio_close,
	.read = vfio_read,
	.write = vfio_write,
	.map = vfio_map,
	.unmap = vfio_unmap,
	.irq = vfio_irq,
	.reset = vfio_reset,
	.hot_reset = vfio_hot_reset,
};

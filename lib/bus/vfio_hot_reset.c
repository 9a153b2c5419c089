// SPDX-License-Identifier: BSD-2-Clause
/* Resetting a whole bus or slot: only with proof that every device on it is ours, the descriptors of their groups. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/driver.h>

#include "vfio.h"

#define MAX_AFFECTED 256 /* functions of a bus */

/* The devices that would be reset. With too little room the kernel says -ENOSPC and how many there are. */
static int affected_devices(const struct vireo_device *dev, struct vfio_pci_hot_reset_info **ret_info)
{
	const struct vfio_device *vdev = dev->bus_priv;
	unsigned room = 0;

	for (;;) {
		size_t size = sizeof(struct vfio_pci_hot_reset_info) + room * sizeof(struct vfio_pci_dependent_device);
		struct vfio_pci_hot_reset_info *info = calloc(1, size);
		int err;

		if (!info)
			return vireo_error(-ENOMEM, "no memory to reset the bus of %s", dev->address);
		info->argsz = (uint32_t)size;
		err = vfio_ioctl(vdev->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
		if (err >= 0 && info->count <= room) {
			*ret_info = info;
			return 0;
		}
		if (err == -ENOSPC && info->count > room && info->count <= MAX_AFFECTED) {
			room = info->count;
			free(info);
			continue;
		}
		free(info);
		if (err == -ENODEV || err == -ENOTTY)
			return vireo_error(-EOPNOTSUPP, "%s: neither its slot nor its bus can be reset", dev->address);
		return vireo_error(err < 0 && err != -ENOSPC ? err : -EIO,
				   "%s: the kernel does not tell which devices a bus reset affects", dev->address);
	}
}

static void append_address(char *text, size_t size, const struct vfio_pci_dependent_device *d)
{
	size_t n = strlen(text);

	snprintf(text + n, size - n, "%s%04x:%02x:%02x.%x", n ? ", " : "", d->segment, d->bus, d->devfn >> 3,
		 d->devfn & 7);
}

/* Under the lock. Fills in the descriptors of all groups, each once; names the devices of groups that are not ours. */
static unsigned collect_groups(const struct vfio_device *vdev, const struct vfio_pci_hot_reset_info *info, int32_t *fds,
			       char *foreign, size_t foreign_size)
{
	unsigned n = 0;

	for (unsigned i = 0; i < info->count; i++) {
		const struct vfio_group *g = vfio_group_find(vdev->group->front, (int)info->devices[i].group_id);
		bool is_new = g != NULL;

		if (!g)
			append_address(foreign, foreign_size, &info->devices[i]);
		for (unsigned j = 0; j < n && is_new; j++)
			is_new = fds[j] != g->fd;
		if (is_new)
			fds[n++] = g->fd;
	}
	return n;
}

static int hot_reset_locked(const struct vireo_device *dev, const struct vfio_pci_hot_reset_info *info,
			    struct vfio_pci_hot_reset *reset)
{
	const struct vfio_device *vdev = dev->bus_priv;
	char foreign[256] = "";
	int err;

	reset->count = collect_groups(vdev, info, reset->group_fds, foreign, sizeof(foreign));
	if (foreign[0])
		return vireo_error(-EPERM,
				   "a bus reset of %s would reset devices that are not open in this process: %s",
				   dev->address, foreign);
	err = vfio_ioctl(vdev->fd, VFIO_DEVICE_PCI_HOT_RESET, reset);
	if (err < 0)
		return vireo_error(err, "%s: bus reset failed: %s", dev->address, strerror(-err));
	return 0;
}

int vfio_hot_reset(struct vireo_device *dev)
{
	const struct vfio_device *vdev = dev->bus_priv;
	struct vfio_pci_hot_reset_info *info = NULL;
	struct vfio_pci_hot_reset *reset;
	size_t size;
	int err;

	if (!vdev->group)
		return vireo_error(-EOPNOTSUPP, "%s: a bus reset needs the group, and only a descriptor was given",
				   dev->address);
	err = affected_devices(dev, &info);
	if (err)
		return err;
	size = sizeof(*reset) + info->count * sizeof(int32_t);
	reset = calloc(1, size);
	if (!reset) {
		free(info);
		return vireo_error(-ENOMEM, "no memory to reset the bus of %s", dev->address);
	}
	reset->argsz = (uint32_t)size;
	vfio_lock();
	err = hot_reset_locked(dev, info, reset);
	vfio_unlock();
	free(reset);
	free(info);
	return err;
}

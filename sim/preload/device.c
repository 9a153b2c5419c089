// SPDX-License-Identifier: BSD-2-Clause
#include "vfio_device.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

static struct device devices[VFIO_MAX_CARDS];
static unsigned n_devices;

struct group *vfio_device_group(const struct device *dev)
{
	return dev->group;
}

const char *vfio_device_name(const struct device *dev)
{
	return dev->name;
}

int vfio_each_device(struct container *c, int (*fn)(struct device *dev, void *ctx), void *ctx)
{
	unsigned i;
	int ret = 0;

	for (i = 0; !ret && i < n_devices; i++)
		if (devices[i].open && devices[i].group->container == c)
			ret = fn(&devices[i], ctx);
	return ret;
}

int device_read_config(struct device *dev, unsigned offset, void *buf, unsigned len)
{
	return vfio_user_region_read(&dev->conn, VFIO_PCI_CONFIG_REGION_INDEX, offset, buf, len);
}

int device_write_config(struct device *dev, unsigned offset, const void *buf, unsigned len)
{
	return vfio_user_region_write(&dev->conn, VFIO_PCI_CONFIG_REGION_INDEX, offset, buf, len, false);
}

/* Which BAR holds the MSI-X table; a list of capabilities longer than config space bites its tail. */
static int find_msix_bar(struct device *dev)
{
	uint8_t at, cap[2];
	uint32_t table;
	unsigned n;

	if (device_read_config(dev, PCI_CAPABILITY_LIST, &at, 1))
		return -1;
	for (n = 0; at >= PCI_STD_HEADER_SIZEOF && n < 48; n++, at = cap[1]) {
		if (device_read_config(dev, at, cap, 2))
			return -1;
		if (cap[0] != PCI_CAP_ID_MSIX)
			continue;
		if (at > 252 - PCI_MSIX_TABLE || device_read_config(dev, at + PCI_MSIX_TABLE, &table, 4))
			return -1;
		return (int)(table & PCI_MSIX_TABLE_BIR);
	}
	return -1;
}

/* The kernel has memory accesses on when it hands a device out, and bus mastering off. */
static int enable_memory(struct device *dev)
{
	uint16_t command;
	int err = device_read_config(dev, PCI_COMMAND, &command, 2);

	if (err)
		return err;
	command = (uint16_t)((command | PCI_COMMAND_MEMORY) & ~PCI_COMMAND_MASTER);
	return device_write_config(dev, PCI_COMMAND, &command, 2);
}

static void close_regions(struct device *dev)
{
	unsigned i;

	for (i = 0; i < VFIO_N_REGIONS; i++)
		if (dev->regions[i].fd >= 0)
			NEXT(close)(dev->regions[i].fd);
}

static int ask_regions(struct device *dev, unsigned n)
{
	unsigned i;
	int err = 0;

	dev->posted = true;
	for (i = 0; i < VFIO_N_REGIONS; i++)
		dev->regions[i] = (struct vfio_user_region){.fd = -1};
	for (i = 0; !err && i < n && i < VFIO_N_REGIONS; i++) {
		err = vfio_user_region_info(&dev->conn, i, &dev->regions[i]);
		if (err == -EINVAL) /* a region that there may not be, such as VGA */
			err = 0;
		else if (!err && dev->regions[i].n_areas)
			dev->posted = false;
	}
	if (err)
		close_regions(dev);
	return err;
}

static int ask_irqs(struct device *dev, unsigned n)
{
	unsigned i;
	int err;

	for (i = 0; i < VFIO_N_IRQS; i++) {
		dev->irqs[i] = (struct vfio_irq_info){.index = i};
		dev->own_irqs[i] = false;
		if (i < n) {
			err = vfio_user_irq_info(&dev->conn, i, &dev->irqs[i]);
			if (err && err != -EINVAL)
				return err;
		}
		if (dev->irqs[i].count || (i != VFIO_PCI_ERR_IRQ_INDEX && i != VFIO_PCI_REQ_IRQ_INDEX))
			continue;
		dev->own_irqs[i] = true;
		dev->irqs[i].count = 1;
		dev->irqs[i].flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	}
	return 0;
}

static int learn(struct device *dev)
{
	struct vfio_device_info info;
	int err;

	err = vfio_user_device_info(&dev->conn, &info);
	if (!err)
		err = ask_regions(dev, info.num_regions);
	if (err)
		return err;
	err = ask_irqs(dev, info.num_irqs);
	if (!err)
		err = enable_memory(dev);
	if (err)
		close_regions(dev);
	dev->msix_bar = find_msix_bar(dev);
	return err;
}

static uint32_t dma_flags(uint32_t flags)
{
	return (flags & VFIO_DMA_MAP_FLAG_READ ? VFIO_USER_DMA_FLAG_READ : 0) |
	       (flags & VFIO_DMA_MAP_FLAG_WRITE ? VFIO_USER_DMA_FLAG_WRITE : 0);
}

int vfio_device_map(struct device *dev, const struct vfio_map *map)
{
	uint64_t iova = map->iova;
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < map->n_pieces; i++) {
		const struct memory_piece *p = &map->pieces[i];

		err = vfio_user_dma_map(&dev->conn, iova, p->size, dma_flags(map->flags), p->file->fd, p->offset);
		iova += p->size;
	}
	return err;
}

void vfio_device_unmap(struct device *dev, const struct vfio_map *map)
{
	uint64_t iova = map->iova;
	unsigned i;

	for (i = 0; i < map->n_pieces; i++) {
		/* A card that is lost reaches nothing any more. */
		vfio_user_dma_unmap(&dev->conn, iova, map->pieces[i].size);
		iova += map->pieces[i].size;
	}
}

static int map_all(struct device *dev, const struct container *c)
{
	unsigned i;
	int err = 0;

	for (i = 0; !err && i < c->n_maps; i++)
		err = vfio_device_map(dev, &c->maps[i]);
	return err;
}

static int device_connect(struct device *dev, struct group *group)
{
	char path[600];
	int sock, err;

	snprintf(path, sizeof(path), "%s/cards/%s", preload_root(), dev->name);
	sock = vfio_user_sock_connect(path);
	if (sock < 0)
		return sock == -EAGAIN ? -EBUSY : -ENODEV;
	err = vfio_user_conn_open(&dev->conn, sock, 0);
	if (err)
		return -ENODEV;
	err = learn(dev);
	if (err)
		goto err_close;
	err = map_all(dev, group->container);
	if (err)
		goto err_regions;
	dev->group = group;
	group->n_devices++;
	__atomic_store_n(&dev->open, true, __ATOMIC_RELEASE);
	return 0;

err_regions:
	close_regions(dev);
err_close:
	vfio_user_conn_close(&dev->conn);
	return err;
}

/*
 * Nothing is said to the card: it resets itself when the last descriptor of the connection has gone, and a child of the
 * program may have one of them.
 */
static void device_release(struct object *object)
{
	struct device *dev = (struct device *)object;

	__atomic_store_n(&dev->open, false, __ATOMIC_RELEASE);
	close_regions(dev);
	vfio_user_conn_close(&dev->conn);
	vfio_group_put_device(dev->group);
}

static const struct object_ops device_ops = {
	.ioctl = device_ioctl,
	.read = device_read,
	.write = device_write,
	.mmap = device_mmap,
	.release = device_release,
};

static struct device *find(const char *name)
{
	unsigned i;

	for (i = 0; i < n_devices; i++)
		if (strcmp(devices[i].name, name) == 0)
			return &devices[i];
	if (n_devices == VFIO_MAX_CARDS)
		return NULL;
	devices[n_devices] = (struct device){.object.ops = &device_ops};
	snprintf(devices[n_devices].name, sizeof(devices[0].name), "%s", name);
	return &devices[n_devices++];
}

static bool in_group(const char *name, int group)
{
	char path[700];

	if (strlen(name) >= sizeof(devices[0].name) || strspn(name, "0123456789abcdef:.") != strlen(name))
		return false;
	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices/%s", preload_root(), group, name);
	return NEXT(access)(path, F_OK) == 0;
}

int vfio_open_device(struct group *group, const char *name)
{
	struct device *dev;
	int fd, err;

	dev = in_group(name, group->id) ? find(name) : NULL;
	if (!dev)
		return -ENODEV;
	if (!dev->open) {
		err = device_connect(dev, group);
		if (err)
			return err;
	}
	fd = object_new_fd("vfio-device", &dev->object);
	if (fd < 0 && !dev->object.n_fds)
		device_release(&dev->object);
	return fd;
}

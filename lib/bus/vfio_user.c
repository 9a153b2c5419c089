// SPDX-License-Identifier: BSD-2-Clause
/*
 * A device behind a vfio-user socket ("vfio-user:SOCKET"): another process, or a thread of this one, is the device. The
 * peer is told of every arena with its memfd, and maps it. What it says is checked in lib/vfio_user/ already; here it
 * becomes the device that lib/device.c knows, and every failure a sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "vfio_user.h"
#include "vfio_user_conn.h"

#define MAX_VECTORS 2048 /* PCI Local Bus 3.0, 6.8.2: an MSI-X table has at most so many */
#define IOVA_LAST   ((1ULL << 52) - 1)

/* The eventfds of one kind: where vectors cannot be added, all have to be given again. */
struct irq_state {
	unsigned n; /* vectors that were ever enabled since the kind was off */
	int *fds;   /* one for each vector there could be; -1: none */
};

struct vfio_user_device {
	struct dma_client client; /* first */
	struct vfio_user_conn conn;
	int fds[VIREO_N_REGIONS]; /* what can be mapped, or -1 */
	uint64_t fd_offsets[VIREO_N_REGIONS];
	struct irq_state irqs[VIREO_N_IRQS];
};

/* The sentence of a call that failed: the server said no, or is lost. */
static int explain(struct vfio_user_device *vdev, int err, const char *what)
{
	const char *why = vfio_user_conn_why(&vdev->conn);

	if (why)
		return vireo_error(err, "%s: the server %s", vdev->client.name, why);
	return vireo_error(err, "%s: %s: the server says: %s", vdev->client.name, what, strerror(-err));
}

static int user_map(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vfio_user_device *vdev = (struct vfio_user_device *)client;
	uint32_t flags = (mapping->flags & VIREO_DMA_READ ? VFIO_USER_DMA_FLAG_READ : 0) |
			 (mapping->flags & VIREO_DMA_WRITE ? VFIO_USER_DMA_FLAG_WRITE : 0);
	char what[96];
	int err;

	/* The peer could ask for it byte by byte, but nobody would answer between two calls of the program. */
	if (mapping->fd < 0)
		return vireo_error(-EOPNOTSUPP,
				   "%s: memory at %p has no descriptor that could be given to the server; take it from "
				   "vireo_memory_alloc(), or bring it in with vireo_memory_import()",
				   client->name, mapping->va);
	err = vfio_user_dma_map(&vdev->conn, mapping->iova, mapping->size, flags, mapping->fd,
				(uint64_t)mapping->fd_offset);
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "mapping %#zx bytes at IOVA %#llx failed", mapping->size,
		 (unsigned long long)mapping->iova);
	return explain(vdev, err, what);
}

static int user_unmap(struct dma_client *client, const struct dma_mapping *mapping)
{
	struct vfio_user_device *vdev = (struct vfio_user_device *)client;
	char what[96];
	int err;

	err = vfio_user_dma_unmap(&vdev->conn, mapping->iova, mapping->size);
	/* With the connection the server has lost what came over it, and nobody could say more. */
	if (!err || vfio_user_conn_why(&vdev->conn))
		return 0;
	snprintf(what, sizeof(what), "unmapping %#zx bytes at IOVA %#llx failed", mapping->size,
		 (unsigned long long)mapping->iova);
	return explain(vdev, err, what);
}

static const struct dma_ops user_dma_ops = {
	.map = user_map,
	.unmap = user_unmap,
};

static int setup_region(struct vireo_device *dev, unsigned index)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	struct vireo_region_info *info = &dev->regions[index].info;
	struct vfio_user_region region;
	struct vireo_area *areas;
	int err;

	err = vfio_user_region_info(&vdev->conn, index, &region);
	/* A kind of region that the server does not know. */
	if (err == -EINVAL && index != VIREO_REGION_CONFIG && !vfio_user_conn_why(&vdev->conn))
		return 0;
	if (err)
		return explain(vdev, err, "describing a region failed");
	info->size = region.size;
	info->flags = (region.flags & VFIO_REGION_INFO_FLAG_READ ? VIREO_REGION_READ : 0) |
		      (region.flags & VFIO_REGION_INFO_FLAG_WRITE ? VIREO_REGION_WRITE : 0);
	if (region.n_areas == 0)
		return 0;
	vdev->fds[index] = region.fd;
	vdev->fd_offsets[index] = region.fd_offset;
	areas = calloc(region.n_areas, sizeof(*areas));
	if (!areas)
		return vireo_error(-ENOMEM, "no memory for a region of %s", dev->address);
	for (unsigned i = 0; i < region.n_areas; i++)
		areas[i] = (struct vireo_area){.offset = region.areas[i].offset, .size = region.areas[i].size};
	info->flags |= VIREO_REGION_MMAP;
	info->areas = areas;
	info->n_areas = region.n_areas;
	return 0;
}

static int setup_irq(struct vireo_device *dev, unsigned index)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	struct vireo_irq_info *irq = &dev->irqs[index];
	struct vfio_irq_info info;
	int err;

	err = vfio_user_irq_info(&vdev->conn, index, &info);
	if (err == -EINVAL && !vfio_user_conn_why(&vdev->conn))
		return 0;
	if (err)
		return explain(vdev, err, "describing an interrupt kind failed");
	if (!(info.flags & VFIO_IRQ_INFO_EVENTFD) || info.count == 0)
		return 0;
	irq->count = info.count < MAX_VECTORS ? info.count : MAX_VECTORS;
	irq->maskable = info.flags & VFIO_IRQ_INFO_MASKABLE;
	irq->automasked = info.flags & VFIO_IRQ_INFO_AUTOMASKED;
	irq->resizable = !(info.flags & VFIO_IRQ_INFO_NORESIZE);
	vdev->irqs[index].fds = malloc(irq->count * sizeof(int));
	if (!vdev->irqs[index].fds)
		return vireo_error(-ENOMEM, "no memory for the interrupts of %s", dev->address);
	for (unsigned i = 0; i < irq->count; i++)
		vdev->irqs[index].fds[i] = -1;
	return 0;
}

/* What the server says about its device. */
static int device_setup(struct vireo_device *dev)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	struct vfio_device_info info;
	int err;

	err = vfio_user_device_info(&vdev->conn, &info);
	if (err)
		return explain(vdev, err, "describing the device failed");
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI))
		return vireo_error(-EINVAL, "%s is no PCI device", dev->address);
	dev->info.can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	dev->info.iommu = true;
	for (unsigned i = 0; i < VIREO_N_REGIONS && i < info.num_regions; i++) {
		err = setup_region(dev, i);
		if (err)
			return err;
	}
	if (dev->regions[VIREO_REGION_CONFIG].info.size < 64)
		return vireo_error(-EIO, "%s has no configuration space", dev->address);
	for (unsigned i = 0; i < VIREO_N_IRQS && i < info.num_irqs; i++) {
		err = setup_irq(dev, i);
		if (err)
			return err;
	}
	return 0;
}

static struct vfio_user_device *vdev_alloc(const struct vireo_device *dev)
{
	struct vfio_user_device *vdev = calloc(1, sizeof(*vdev));

	if (!vdev) {
		vireo_error(-ENOMEM, "no memory for a device");
		return NULL;
	}
	vdev->client.ops = &user_dma_ops;
	snprintf(vdev->client.name, sizeof(vdev->client.name), "%.63s", dev->address);
	vdev->client.n_ranges = 1;
	vdev->client.ranges[0] = (struct vireo_iova_range){.start = 0, .last = IOVA_LAST};
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++)
		vdev->fds[r] = -1;
	return vdev;
}

static void vdev_free(struct vfio_user_device *vdev)
{
	vfio_user_conn_close(&vdev->conn);
	for (unsigned r = 0; r < VIREO_N_REGIONS; r++) {
		if (vdev->fds[r] >= 0)
			close(vdev->fds[r]);
	}
	for (unsigned i = 0; i < VIREO_N_IRQS; i++)
		free(vdev->irqs[i].fds);
	free(vdev);
}

int vfio_user_open_fd(int fd, struct vireo_device *dev)
{
	struct vfio_user_device *vdev = vdev_alloc(dev);
	int err;

	if (!vdev) {
		close(fd);
		return -ENOMEM;
	}
	dev->bus_priv = vdev;
	err = vfio_user_conn_open(&vdev->conn, fd, 0);
	if (err == -ETIMEDOUT) {
		err = vireo_error(err, "%s: the server %s; a server with another client lets the next one wait",
				  dev->address, vfio_user_conn_why(&vdev->conn));
		goto err_free;
	}
	if (err) {
		err = explain(vdev, err, "agreeing on a version failed");
		goto err_free;
	}
	err = device_setup(dev);
	if (err)
		goto err_free;
	err = dma_attach(&vdev->client);
	if (err)
		goto err_free;
	dev->dma = &vdev->client;
	return 0;

err_free:
	vdev_free(vdev);
	dev->bus_priv = NULL;
	return err;
}

static int explain_connect(const char *path, int err)
{
	switch (err) {
	case -ENOENT:
		return vireo_error(err, "there is no socket %s: is the server (such as vireo-sim) running?", path);
	case -ECONNREFUSED:
	case -ENOTSOCK:
		return vireo_error(err, "nobody listens at %s: is the server (such as vireo-sim) still running?", path);
	case -EACCES:
	case -EPERM:
		return vireo_error(err, "no permission to use %s: it belongs to another user; its server runs as whom?",
				   path);
	case -ENAMETOOLONG:
		return vireo_error(err, "the path of a socket has at most 107 characters, %s has %zu", path,
				   strlen(path));
	case -EAGAIN:
		return vireo_error(-EBUSY, "the server at %s takes no more clients: others wait there already", path);
	default:
		return vireo_error(err, "cannot connect to %s: %s", path, strerror(-err));
	}
}

static int vfio_user_open(const struct spec *spec, struct vireo_device *dev)
{
	static const char *const known_options[] = {NULL};
	int fd, err;

	err = spec_check_options(spec, known_options);
	if (err)
		return err;
	if (!spec->address[0])
		return vireo_error(-EINVAL, "which socket? A device behind one is named vfio-user:SOCKET");
	fd = vfio_user_sock_connect(spec->address);
	if (fd < 0)
		return explain_connect(spec->address, fd);
	/* What users call it. */
	snprintf(dev->address, sizeof(dev->address), "vfio-user:%.240s", spec->address);
	return vfio_user_open_fd(fd, dev);
}

void vfio_user_close(struct vireo_device *dev)
{
	struct vfio_user_device *vdev = dev->bus_priv;

	dma_detach(&vdev->client);
	vdev_free(vdev);
}

int vfio_user_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	int err = vfio_user_region_read(&vdev->conn, region, offset, buf, (uint32_t)len);

	return err ? explain(vdev, err, "reading a register failed") : 0;
}

/* Writes to registers are posted, as on the bus of a card: what follows them comes after them in any case. */
int vfio_user_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	int err =
		vfio_user_region_write(&vdev->conn, region, offset, buf, (uint32_t)len, region != VIREO_REGION_CONFIG);

	return err ? explain(vdev, err, "writing a register failed") : 0;
}

/* What could not be sent is known to the connection; the next read tells. */
void vfio_user_gather(struct vireo_device *dev, bool on)
{
	struct vfio_user_device *vdev = dev->bus_priv;

	if (on)
		vfio_user_conn_hold(&vdev->conn);
	else
		vfio_user_conn_release(&vdev->conn);
}

int vfio_user_map(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va)
{
	const struct vfio_user_device *vdev = dev->bus_priv;
	uint32_t flags = dev->regions[region].info.flags;
	int prot = (flags & VIREO_REGION_READ ? PROT_READ : 0) | (flags & VIREO_REGION_WRITE ? PROT_WRITE : 0);
	void *va = mmap(NULL, size, prot, MAP_SHARED, vdev->fds[region], (off_t)(vdev->fd_offsets[region] + offset));

	if (va == MAP_FAILED)
		return vireo_error(-errno, "%s: cannot map %#llx bytes at %#llx of region %u: %m", dev->address,
				   (unsigned long long)size, (unsigned long long)offset, region);
	*ret_va = va;
	return 0;
}

void vfio_user_unmap(struct vireo_device *dev, void *va, uint64_t size)
{
	munmap(va, size);
}

/* Vectors that were on while the server had them all off: say that something may have come. */
static void resignal(const struct irq_state *irq, unsigned start, unsigned count)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < irq->n; i++) {
		/* An eventfd that is full is signalled already. */
		if (irq->fds[i] >= 0 && (i < start || i - start >= count) &&
		    write(irq->fds[i], &one, sizeof(one)) != (ssize_t)sizeof(one))
			continue;
	}
}

static int enable(struct vireo_device *dev, unsigned index, unsigned start, unsigned count, const int *fds)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	struct irq_state *irq = &vdev->irqs[index];
	const uint32_t trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	bool again = irq->n > 0 && start + count > irq->n && !dev->irqs[index].resizable;
	int err = 0;

	/* More vectors than were enabled first: this server takes them only all at once. */
	if (again)
		err = vfio_user_irqs_none(&vdev->conn, trigger, index, 0, 0);
	if (!err && again && start > 0)
		err = vfio_user_irqs_eventfd(&vdev->conn, trigger, index, 0, start, irq->fds);
	if (!err)
		err = vfio_user_irqs_eventfd(&vdev->conn, trigger, index, start, count, fds);
	if (again)
		resignal(irq, start, err ? 0 : count);
	if (err)
		return explain(vdev, err, "enabling interrupts failed");
	memcpy(irq->fds + start, fds, count * sizeof(int));
	if (start + count > irq->n)
		irq->n = start + count;
	return 0;
}

static int disable(struct vfio_user_device *vdev, unsigned index)
{
	struct irq_state *irq = &vdev->irqs[index];
	int err = vfio_user_irqs_none(&vdev->conn, VFIO_IRQ_SET_ACTION_TRIGGER, index, 0, 0);

	if (err)
		return explain(vdev, err, "disabling interrupts failed");
	for (unsigned i = 0; i < irq->n; i++)
		irq->fds[i] = -1;
	irq->n = 0;
	return 0;
}

int vfio_user_irq(struct vireo_device *dev, unsigned index, enum bus_irq_action action, unsigned start, unsigned count,
		  const int *fds)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	struct vfio_user_conn *conn = &vdev->conn;
	int err = -EINVAL;

	switch (action) {
	case BUS_IRQ_ENABLE:
		return enable(dev, index, start, count, fds);
	case BUS_IRQ_DISABLE:
		return disable(vdev, index);
	case BUS_IRQ_MASK:
		err = vfio_user_irqs_none(conn, VFIO_IRQ_SET_ACTION_MASK, index, start, count);
		break;
	case BUS_IRQ_UNMASK:
		err = vfio_user_irqs_none(conn, VFIO_IRQ_SET_ACTION_UNMASK, index, start, count);
		break;
	case BUS_IRQ_TRIGGER:
		err = vfio_user_irqs_none(conn, VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count);
		break;
	case BUS_IRQ_UNMASK_FD:
		err = vfio_user_irqs_eventfd(conn, VFIO_IRQ_SET_ACTION_UNMASK, index, start, count, fds);
		break;
	}
	return err ? explain(vdev, err, "changing interrupts failed") : 0;
}

int vfio_user_device_reset(struct vireo_device *dev)
{
	struct vfio_user_device *vdev = dev->bus_priv;
	int err = vfio_user_reset(&vdev->conn);

	return err ? explain(vdev, err, "reset failed") : 0;
}

const struct bus_ops vfio_user_bus = {
	.name = "vfio-user",
	.prefix = "vfio-user",
	.open = vfio_user_open,
	.close = vfio_user_close,
	.read = vfio_user_read,
	.write = vfio_user_write,
	.gather = vfio_user_gather,
	.map = vfio_user_map,
	.unmap = vfio_user_unmap,
	.irq = vfio_user_irq,
	.reset = vfio_user_device_reset,
};

// SPDX-License-Identifier: BSD-2-Clause
/* Interrupts as eventfds, by VFIO_DEVICE_SET_IRQS. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vireo/driver.h>

#include "vfio.h"

#define MAX_VECTORS 2048 /* PCI Local Bus 3.0, 6.8.2: an MSI-X table has at most so many */

static int setup_irq(struct vireo_device *dev, unsigned index)
{
	struct vfio_device *vdev = dev->bus_priv;
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};
	struct vireo_irq_info *irq = &dev->irqs[index];
	int err;

	err = vfio_ioctl(vdev->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);
	/* A kind that the kernel or the device lacks. */
	if (err == -EINVAL)
		return 0;
	if (err < 0)
		return vireo_error(err, "%s: the kernel does not describe interrupt kind %u: %s", dev->address, index,
				   strerror(-err));
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

int vfio_irqs_setup(struct vireo_device *dev)
{
	for (unsigned i = 0; i < VIREO_N_IRQS; i++) {
		int err = setup_irq(dev, i);

		if (err)
			return err;
	}
	return 0;
}

void vfio_irqs_free(struct vfio_device *vdev)
{
	for (unsigned i = 0; i < VIREO_N_IRQS; i++)
		free(vdev->irqs[i].fds);
}

/* What the ioctl gives: 0, a number of vectors that the system could have given instead, or a negative errno. */
static int set_irqs(const struct vfio_device *vdev, unsigned index, uint32_t flags, unsigned start, unsigned count,
		    const int *fds)
{
	size_t data = fds ? count * sizeof(int) : 0;
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + data);
	int ret;

	if (!set)
		return -ENOMEM;
	set->argsz = (uint32_t)(sizeof(*set) + data);
	set->flags = flags | (fds ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->start = start;
	set->count = count;
	if (fds)
		memcpy(set->data, fds, data);
	ret = vfio_ioctl(vdev->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

static int disable(const struct vfio_device *vdev, unsigned index)
{
	return set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, NULL);
}

static int no_vectors(const struct vireo_device *dev, unsigned wanted, int ret)
{
	if (ret > 0)
		return vireo_error(
			-ENOSPC, "%s: the system has %d interrupt vectors left for it, %u are needed: use fewer queues",
			dev->address, ret, wanted);
	if (ret == -ENOSPC)
		return vireo_error(-ENOSPC,
				   "%s: the system has no interrupt vectors left, %u are needed: use fewer queues",
				   dev->address, wanted);
	if (ret == -EINVAL)
		return vireo_error(ret,
				   "%s: enabling %u interrupt vectors failed: one of the descriptors is no eventfd",
				   dev->address, wanted);
	return vireo_error(ret, "%s: enabling %u interrupt vectors failed: %s", dev->address, wanted, strerror(-ret));
}

/* Vectors that were on while the kernel had them all off: say that something may have come. */
static void resignal(const struct vfio_irq_state *irq, unsigned start, unsigned count)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < irq->n; i++) {
		/* An eventfd that is full is signalled already. */
		if (irq->fds[i] >= 0 && (i < start || i - start >= count) &&
		    write(irq->fds[i], &one, sizeof(one)) != (ssize_t)sizeof(one))
			continue;
	}
}

/*
 * More vectors than the kernel has allocated, while some are on: it takes them only all at once. Those that were on are
 * off for a moment, so their eventfds are signalled after it, and nobody waits for an interrupt that fell into it.
 */
static int grow(struct vireo_device *dev, unsigned index, unsigned start, unsigned count, const int *fds)
{
	const struct vfio_device *vdev = dev->bus_priv;
	const struct vfio_irq_state *irq = &vdev->irqs[index];
	unsigned n = start + count;
	int *all = malloc(n * sizeof(int));
	int ret;

	if (!all)
		return vireo_error(-ENOMEM, "no memory for the interrupts of %s", dev->address);
	for (unsigned i = 0; i < n; i++)
		all[i] = i >= start ? fds[i - start] : irq->fds[i];
	ret = disable(vdev, index);
	if (!ret)
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, n, all);
	free(all);
	if (ret) {
		ret = no_vectors(dev, n, ret);
		/* What was on before stays on. */
		if (set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, irq->n, irq->fds))
			vireo_log(VIREO_LOG_ERR, "%s: its interrupts cannot be enabled again", dev->address);
	}
	resignal(irq, start, ret ? 0 : count);
	return ret;
}

static int enable(struct vireo_device *dev, unsigned index, unsigned start, unsigned count, const int *fds)
{
	struct vfio_device *vdev = dev->bus_priv;
	struct vfio_irq_state *irq = &vdev->irqs[index];
	unsigned n = start + count > irq->n ? start + count : irq->n;
	int ret;

	if (irq->n > 0 && n > irq->n && !dev->irqs[index].resizable) {
		ret = grow(dev, index, start, count, fds);
	} else {
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_TRIGGER, start, count, fds);
		if (ret)
			ret = no_vectors(dev, count, ret);
	}
	if (ret)
		return ret;
	irq->n = n;
	memcpy(irq->fds + start, fds, count * sizeof(int));
	return 0;
}

static void forget(struct vfio_irq_state *irq)
{
	for (unsigned i = 0; i < irq->n; i++)
		irq->fds[i] = -1;
	irq->n = 0;
}

int vfio_irq(struct vireo_device *dev, unsigned index, enum bus_irq_action action, unsigned start, unsigned count,
	     const int *fds)
{
	struct vfio_device *vdev = dev->bus_priv;
	int ret = -EINVAL;

	switch (action) {
	case BUS_IRQ_ENABLE:
		return enable(dev, index, start, count, fds);
	case BUS_IRQ_DISABLE:
		ret = disable(vdev, index);
		if (!ret)
			forget(&vdev->irqs[index]);
		break;
	case BUS_IRQ_MASK:
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_MASK, start, count, NULL);
		break;
	case BUS_IRQ_UNMASK:
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_UNMASK, start, count, NULL);
		break;
	case BUS_IRQ_TRIGGER:
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_TRIGGER, start, count, NULL);
		break;
	case BUS_IRQ_UNMASK_FD:
		ret = set_irqs(vdev, index, VFIO_IRQ_SET_ACTION_UNMASK, start, count, fds);
		break;
	}
	if (ret == -ENOTTY)
		ret = -EOPNOTSUPP;
	if (ret < 0)
		return vireo_error(ret, "%s: changing interrupt kind %u failed: %s", dev->address, index,
				   strerror(-ret));
	return 0;
}

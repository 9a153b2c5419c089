// SPDX-License-Identifier: BSD-2-Clause
/* Interrupts: vectors, and the eventfds that a client has connected to them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "irq.h"

/*
 * The client holds the eventfd as well and may have filled its counter; a write to one that blocks would then stop the
 * model thread. Changing its flags would change them for the client too, so it is asked first whether there is room: a
 * full one is signalled already.
 */
static void signal_fd(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t one = 1;

	if (poll(&p, 1, 0) == 1 && p.revents == POLLOUT && write(fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		return;
}

void sim_irq_raise(struct sim_device *dev, unsigned irq, unsigned vector)
{
	struct sim_irq *i;

	if (irq >= SIM_N_IRQS || vector >= SIM_MAX_VECTORS || vector >= dev->irqs[irq].count)
		return;
	i = &dev->irqs[irq];
	if (i->fds[vector] < 0)
		return;
	if (i->masked[vector]) {
		i->pending[vector] = true;
		return;
	}
	/* Before the signal: who receives it may unmask at once. */
	if (i->flags & VFIO_IRQ_INFO_AUTOMASKED)
		i->masked[vector] = true;
	signal_fd(i->fds[vector]);
}

void sim_irq_connect(struct sim_device *dev, unsigned irq, unsigned vector, int fd)
{
	struct sim_irq *i = &dev->irqs[irq];

	if (i->fds[vector] >= 0)
		close(i->fds[vector]);
	i->fds[vector] = fd;
	if (fd < 0)
		i->pending[vector] = false;
}

void sim_irq_mask(struct sim_device *dev, unsigned irq, unsigned vector, bool masked)
{
	struct sim_irq *i = &dev->irqs[irq];

	i->masked[vector] = masked;
	if (!masked && i->pending[vector]) {
		i->pending[vector] = false;
		sim_irq_raise(dev, irq, vector);
	}
}

void sim_irq_disable(struct sim_device *dev, unsigned irq)
{
	for (unsigned v = 0; v < SIM_MAX_VECTORS; v++) {
		sim_irq_connect(dev, irq, v, -1);
		dev->irqs[irq].masked[v] = false;
	}
}

// SPDX-License-Identifier: BSD-2-Clause
/* What every model begins with. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

void sim_device_init(struct sim_device *dev, const struct sim_device_ops *ops)
{
	memset(dev, 0, sizeof(*dev));
	dev->ops = ops;
	sim_dma_init(&dev->dma);
	for (unsigned r = 0; r < SIM_N_REGIONS; r++)
		dev->regions[r].fd = -1;
	for (unsigned i = 0; i < SIM_N_IRQS; i++) {
		for (unsigned v = 0; v < SIM_MAX_VECTORS; v++)
			dev->irqs[i].fds[v] = -1;
	}
}

int sim_region_memfd(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	/* A client that could shrink the file would turn the model's next access into a signal. */
	if (size > INT64_MAX || ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		int err = size > INT64_MAX ? -EINVAL : -errno;

		close(fd);
		return err;
	}
	return fd;
}

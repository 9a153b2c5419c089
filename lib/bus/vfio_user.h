/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_BUS_VFIO_USER_H
#define VIREO_LIB_BUS_VFIO_USER_H

/* A device behind a vfio-user socket. The ops are here for a bus that brings a connection of its own. */

#include "bus.h"

/*
 * Open the device at the other end of the connected socket @fd, which is closed also when this fails. As the open op,
 * with dev->address set by the caller.
 */
int vfio_user_open_fd(int fd, struct vireo_device *dev);

void vfio_user_close(struct vireo_device *dev);
int vfio_user_read(struct vireo_device *dev, unsigned region, uint64_t offset, void *buf, size_t len);
int vfio_user_write(struct vireo_device *dev, unsigned region, uint64_t offset, const void *buf, size_t len);
void vfio_user_gather(struct vireo_device *dev, bool on);
int vfio_user_map(struct vireo_device *dev, unsigned region, uint64_t offset, uint64_t size, void **ret_va);
void vfio_user_unmap(struct vireo_device *dev, void *va, uint64_t size);
int vfio_user_irq(struct vireo_device *dev, unsigned irq, enum bus_irq_action action, unsigned start, unsigned count,
		  const int *fds);
int vfio_user_device_reset(struct vireo_device *dev);

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include "drivers.h"

extern const struct vireo_driver ixgbe_driver;
extern const struct vireo_driver virtio_driver;

const struct vireo_driver *const vireo_drivers[] = {
	&ixgbe_driver,
	&virtio_driver,
	NULL,
};

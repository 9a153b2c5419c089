// SPDX-License-Identifier: BSD-2-Clause
#include "drivers.h"

extern const struct vireo_driver virtio_driver;

const struct vireo_driver *const vireo_drivers[] = {
	&virtio_driver,
	NULL,
};

// SPDX-License-Identifier: BSD-2-Clause
#include "drivers.h"

const struct vireo_driver *const vireo_drivers[] = {
	NULL,
};

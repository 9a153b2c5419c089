/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_DRIVERS_H
#define VIREO_LIB_DRIVERS_H

#include <vireo/driver.h>

/* Every driver of the tree; the library looks nowhere else, so static linking loses none. */
extern const struct vireo_driver *const vireo_drivers[]; /* ends with NULL */

#endif

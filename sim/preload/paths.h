/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_PATHS_H
#define SIM_PRELOAD_PATHS_H

#include <limits.h>
#include <stdbool.h>

/*
 * Where @path is for this program: below the folder of "vireo-sim run" when it is one of those that show PCI devices and
 * VFIO, in which case it is written to @buf; @path itself otherwise.
 */
const char *paths_map(const char *path, char buf[PATH_MAX]);
/* The other way: takes the folder off the front of @path again. */
void paths_unmap(char *path);
/* The part of @path behind /dev/vfio/, or NULL. */
const char *paths_vfio_node(const char *path, char buf[PATH_MAX]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_SIM_RUN_PROGRAM_H
#define APPS_SIM_RUN_PROGRAM_H

#include <limits.h>

/* Where the shell would find @name. -ENOENT. */
int run_program_find(const char *name, char path[PATH_MAX]);
/*
 * Whether a library can be put in front of this program: -EOPNOTSUPP with a sentence that says why not. A script is as
 * good as its interpreter.
 */
int run_program_check(const char *path);

#endif

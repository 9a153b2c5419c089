/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_SIM_RUN_CHILD_H
#define APPS_SIM_RUN_CHILD_H

/* Signals wait from now on until run_child() takes them: to be called before there is a second thread. */
void run_child_prepare(void);

/*
 * Run the program at @path with @object in front of the C library and @root as its world, hand on the signals that
 * somebody sends to us, and wait for its end. *ret_status: its exit status, or 128 and the signal that ended it.
 */
int run_child(const char *path, char **argv, const char *object, const char *root, int *ret_status);

#endif

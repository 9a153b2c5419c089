/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_SIM_RUN_H
#define APPS_SIM_RUN_H

/*
 * "vireo-sim run": a program that knows nothing of simulators, with simulated cards as its PCI devices.
 *
 * run.c          the command: cards, folder, program, report
 * run_program.c  whether the program can be run so
 * run_tree.c     the folder that is /dev/vfio and sysfs for it
 * run_child.c    the program as a process
 */

/* All of the command, with argv[0] "run"; returns the exit code. */
int run_main(int argc, char **argv);

#endif

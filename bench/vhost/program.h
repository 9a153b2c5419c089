/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_VHOST_PROGRAM_H
#define BENCH_VHOST_PROGRAM_H

/* Programs that are measured on the sockets of backend.h, each on a CPU of its own. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_MAX	    8
#define PROGRAM_PATIENCE_NS 20000000000ull /* for a first packet, and for the end */
#define CPU_DEVICE	    0
#define CPU_PROGRAM	    1

struct program {
	const char *path, *peer; /* peer: whose it is, or "-" for ours */
	char **argv;
};

uint64_t program_now_ns(void);

/* Cut "{ :: PATH PEER COMMAND... }..." at the "::"; how many there are, 0 when that makes no sense. */
unsigned program_read(char **argv, struct program programs[PROGRAM_MAX]);
/* Its output goes to @log; its standard input stays open and silent, for testpmd ends when that ends. -1 after a sentence. */
pid_t program_start(const struct program *p, const char *log);
/*
 * Where we may: this process and all threads of @pid run before all other programs of the machine, the threads of DPDK that
 * serve the sockets first of all. For less than a second, for in the end the kernel gives the others their turn. For programs
 * that run: dpdk-testpmd does not start that way on one CPU.
 */
void program_go_first(pid_t pid, bool on);
/* True when it is over; it is waited for then. */
bool program_gone(pid_t pid);
/*
 * End it, and wait until the device has noticed, so that the next finds it as the first did. False when it had to be
 * killed.
 */
bool program_end(pid_t pid);
/* Serve the sockets for a while: DPDK's thread looks once a second for those that are new to it. */
void program_warm_up(void);

#endif

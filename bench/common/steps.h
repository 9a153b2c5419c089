/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_COMMON_STEPS_H
#define BENCH_COMMON_STEPS_H

/*
 * Exact instruction counts without a counter of the machine's: with the trap flag set the CPU stops behind every
 * instruction, and a signal handler counts.
 */

#include <stdint.h>

/* How many instructions @fn takes, less what calling it costs. */
uint64_t steps_count(void (*fn)(void *ctx), void *ctx);

/* Call @each with the address of every instruction of @fn, in order, and of a few around it. */
void steps_each(void (*fn)(void *ctx), void *ctx, void (*each)(uintptr_t pc));

#endif

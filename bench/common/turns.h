/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_COMMON_TURNS_H
#define BENCH_COMMON_TURNS_H

/*
 * Two programs that measure in turns (bench_in_turns in scripts/lib/bench.sh): says by an empty line that it is somebody
 * else's, and waits for a line. For struct target's yield. Ends the program when whoever gives turns has gone.
 */
void turns_give_way(void);

#endif

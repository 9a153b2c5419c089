/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_CLOCK_H
#define APPS_CLOCK_H

/*
 * Two clocks: CLOCK_MONOTONIC, on which all processes of a machine agree and which packets carry, and the counter of the
 * CPU, cheap enough to be read in every turn of a loop, which paces.
 */

#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t clock_ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return clock_ns();
#endif
}

/* How fast the counter runs, measured from a fixed beginning: the longer it goes on, the better it is known. */
struct tick_rate {
	uint64_t start_ticks, start_ns;
	double ticks_per_second;
};

/* Takes 20 ms. */
static inline struct tick_rate tick_rate_measure(void)
{
	struct tick_rate r = { .start_ticks = clock_ticks(), .start_ns = clock_ns() };
	struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&pause, NULL);
	r.ticks_per_second = (double)(clock_ticks() - r.start_ticks) * 1e9 / (double)(clock_ns() - r.start_ns);
	return r;
}

/* Measure again, over all the time that has passed since; worth a call every second. */
static inline void tick_rate_refine(struct tick_rate *r)
{
	uint64_t ns = clock_ns() - r->start_ns;

	if (ns > 20 * 1000 * 1000)
		r->ticks_per_second = (double)(clock_ticks() - r->start_ticks) * 1e9 / (double)ns;
}

#endif

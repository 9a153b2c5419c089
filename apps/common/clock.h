/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_CLOCK_H
#define APPS_CLOCK_H

/*
 * Two clocks: CLOCK_MONOTONIC, on which all processes of a machine agree and which packets carry, and the counter of
 * the CPU, cheap enough to be read in every turn of a loop, which paces.
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

/* Both clocks at one moment. */
struct clock_pair {
	uint64_t ticks, ns;
};

/* The best of a few tries: one between whose two readings the thread was not put to sleep. */
static inline struct clock_pair clock_pair_read(void)
{
	struct clock_pair best = {0};
	uint64_t best_gap = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_ticks(), ns = clock_ns(), gap = clock_ticks() - before;

		if (gap >= best_gap)
			continue;
		best_gap = gap;
		best = (struct clock_pair){ .ticks = before + gap / 2, .ns = ns };
	}
	return best;
}

/* How fast the counter runs, measured from a fixed beginning: the longer it goes on, the better it is known. */
struct tick_rate {
	struct clock_pair start;
	double ticks_per_second;
};

/* Measure again, over all the time that has passed since; worth a call every second. */
static inline void tick_rate_refine(struct tick_rate *r)
{
	struct clock_pair now = clock_pair_read();

	if (now.ns > r->start.ns)
		r->ticks_per_second = (double)(now.ticks - r->start.ticks) * 1e9 / (double)(now.ns - r->start.ns);
}

/* Less would not tell the rate to a few millionths. */
#define TICK_RATE_MIN_NS 5000000

/* Begin; what the program does next is time to measure over. */
static inline struct tick_rate tick_rate_begin(void)
{
	return (struct tick_rate){.start = clock_pair_read(), .ticks_per_second = 1e9};
}

/* The rate, at least TICK_RATE_MIN_NS after it began: sleeps as long as it is too early. */
static inline void tick_rate_settle(struct tick_rate *r)
{
	uint64_t passed = clock_ns() - r->start.ns;
	struct timespec pause = {.tv_nsec = TICK_RATE_MIN_NS};

	if (passed < TICK_RATE_MIN_NS) {
		pause.tv_nsec -= (long)passed;
		nanosleep(&pause, NULL);
	}
	tick_rate_refine(r);
}

#endif

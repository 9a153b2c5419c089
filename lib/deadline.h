/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_DEADLINE_H
#define VIREO_LIB_DEADLINE_H

/* Waiting for hardware, never without an end. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct deadline {
	uint64_t end_us;
};

static inline uint64_t deadline_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline struct deadline deadline_in_us(uint64_t us)
{
	return (struct deadline){deadline_now_us() + us};
}

/* Look at the condition once more after it passed: the thread may have slept through the last part of it. */
static inline bool deadline_passed(const struct deadline *d)
{
	return deadline_now_us() >= d->end_us;
}

/* For poll(): rounded up, and 0 when it has passed. */
static inline int deadline_left_ms(const struct deadline *d)
{
	uint64_t now = deadline_now_us();

	return now < d->end_us ? (int)((d->end_us - now + 999) / 1000) : 0;
}

/* Between two looks. */
static inline void deadline_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

#endif

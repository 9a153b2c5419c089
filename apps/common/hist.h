/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_HIST_H
#define APPS_HIST_H

/*
 * A histogram of times that is fine where values are small and coarse where they are large: 64 buckets for each power
 * of two, so a percentile is at most 1.6 % above the truth, over the whole range of 64 bits, in 30 KiB.
 */

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_SUB      (1u << HIST_SUB_BITS)
#define HIST_BUCKETS  ((64 - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
	uint64_t count, min, max;
	double sum;
	uint64_t buckets[HIST_BUCKETS];
};

static inline unsigned hist_bucket(uint64_t value)
{
	unsigned shift;

	if (value < HIST_SUB)
		return (unsigned)value;
	shift = 63u - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
	return (shift + 1) * HIST_SUB + (unsigned)((value >> shift) - HIST_SUB);
}

static inline void hist_add(struct hist *h, uint64_t value)
{
	if (!h->count++ || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->sum += (double)value;
	h->buckets[hist_bucket(value)]++;
}

/* The largest value that belongs into a bucket. */
uint64_t hist_bucket_last(unsigned bucket);
/* A value that @percent of all values do not exceed; 0 when there are none. */
uint64_t hist_percentile(const struct hist *h, double percent);
double hist_mean(const struct hist *h);
void hist_merge(struct hist *h, const struct hist *other);

#endif

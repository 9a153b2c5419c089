// SPDX-License-Identifier: BSD-2-Clause
#include <math.h>

#include "hist.h"

uint64_t hist_bucket_last(unsigned bucket)
{
	unsigned shift;

	if (bucket < HIST_SUB)
		return bucket;
	shift = bucket / HIST_SUB - 1;
	return ((uint64_t)(bucket % HIST_SUB + HIST_SUB) << shift) + ((1ull << shift) - 1);
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	/* The smallest number of values that makes @percent; a hair less than exact: 99.9 is no binary fraction. */
	double wanted = ceil((double)h->count * percent / 100 - 1e-9 * (double)h->count);
	uint64_t seen = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen && (double)seen >= wanted)
			return hist_bucket_last(i) < h->max ? hist_bucket_last(i) : h->max;
	}
	return 0;
}

double hist_mean(const struct hist *h)
{
	return h->count ? h->sum / (double)h->count : 0;
}

void hist_merge(struct hist *h, const struct hist *other)
{
	if (!other->count)
		return;
	if (!h->count || other->min < h->min)
		h->min = other->min;
	if (other->max > h->max)
		h->max = other->max;
	h->count += other->count;
	h->sum += other->sum;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		h->buckets[i] += other->buckets[i];
}

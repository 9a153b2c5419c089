// SPDX-License-Identifier: BSD-2-Clause
/*
 * Valid ranges, and a sorted array of what is taken inside them. Spaces hold tens of extents, not millions, so a scan
 * that is easy to believe beats a tree. Not locked: the owner of a space is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iova.h"

struct iova_space {
	unsigned n_ranges;
	struct vireo_iova_range *ranges; /* sorted; those that touch are merged, so an extent lies in exactly one */
	size_t n_taken, max_taken;
	struct vireo_iova_range *taken; /* sorted, without overlap */
};

static int copy_ranges(struct iova_space *space, const struct vireo_iova_range *ranges, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vireo_iova_range *prev = space->n_ranges ? &space->ranges[space->n_ranges - 1] : NULL;

		if (ranges[i].last < ranges[i].start || (prev && ranges[i].start <= prev->last))
			return -EINVAL;
		if (prev && ranges[i].start == prev->last + 1)
			prev->last = ranges[i].last;
		else
			space->ranges[space->n_ranges++] = ranges[i];
	}
	return 0;
}

int iova_space_create(const struct vireo_iova_range *ranges, unsigned n, struct iova_space **ret_space)
{
	struct iova_space *space;
	int err;

	if (!n)
		return -EINVAL;
	space = calloc(1, sizeof(*space));
	if (!space)
		return -ENOMEM;
	space->ranges = calloc(n, sizeof(*space->ranges));
	err = space->ranges ? copy_ranges(space, ranges, n) : -ENOMEM;
	if (err) {
		iova_space_destroy(space);
		return err;
	}
	*ret_space = space;
	return 0;
}

void iova_space_destroy(struct iova_space *space)
{
	if (!space)
		return;
	free(space->taken);
	free(space->ranges);
	free(space);
}

/* Index of the first extent that ends at or after @iova. */
static size_t find(const struct iova_space *space, vireo_iova_t iova)
{
	size_t low = 0, high = space->n_taken;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (space->taken[mid].last < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int insert(struct iova_space *space, size_t at, vireo_iova_t iova, uint64_t size)
{
	if (space->n_taken == space->max_taken) {
		size_t max = space->max_taken ? 2 * space->max_taken : 16;
		struct vireo_iova_range *taken = reallocarray(space->taken, max, sizeof(*taken));

		if (!taken)
			return -ENOMEM;
		space->taken = taken;
		space->max_taken = max;
	}
	memmove(&space->taken[at + 1], &space->taken[at], (space->n_taken - at) * sizeof(*space->taken));
	space->taken[at] = (struct vireo_iova_range){.start = iova, .last = iova + size - 1};
	space->n_taken++;
	return 0;
}

/* Whether @size bytes lie in the gap from @start to @last, and where. */
static bool fits(vireo_iova_t start, vireo_iova_t last, uint64_t size, uint64_t align, vireo_iova_t *ret_iova)
{
	vireo_iova_t iova = (start + align - 1) & ~(align - 1);

	if (iova < start || iova > last || last - iova < size - 1)
		return false;
	*ret_iova = iova;
	return true;
}

/* The first gap of @range that holds @size bytes; *@at goes from the first extent not below @range to that gap. */
static bool find_gap(const struct iova_space *space, const struct vireo_iova_range *range, uint64_t size,
		     uint64_t align, size_t *at, vireo_iova_t *ret_iova)
{
	vireo_iova_t start = range->start;

	for (; *at < space->n_taken && space->taken[*at].start <= range->last; (*at)++) {
		const struct vireo_iova_range *taken = &space->taken[*at];

		if (taken->start > start && fits(start, taken->start - 1, size, align, ret_iova))
			return true;
		if (taken->last == range->last) { /* also where the next address would be 2^64 */
			(*at)++;
			return false;
		}
		start = taken->last + 1;
	}
	return fits(start, range->last, size, align, ret_iova);
}

int iova_alloc(struct iova_space *space, uint64_t size, uint64_t align, vireo_iova_t *ret_iova)
{
	vireo_iova_t iova = 0;
	size_t at = 0;
	int err;

	if (!size || !align || (align & (align - 1)))
		return -EINVAL;
	for (unsigned i = 0; i < space->n_ranges; i++) {
		if (!find_gap(space, &space->ranges[i], size, align, &at, &iova))
			continue;
		err = insert(space, at, iova, size);
		if (!err)
			*ret_iova = iova;
		return err;
	}
	return -ENOSPC;
}

static bool is_valid(const struct iova_space *space, vireo_iova_t start, vireo_iova_t last)
{
	for (unsigned i = 0; i < space->n_ranges; i++)
		if (start >= space->ranges[i].start && last <= space->ranges[i].last)
			return true;
	return false;
}

int iova_reserve(struct iova_space *space, vireo_iova_t iova, uint64_t size)
{
	vireo_iova_t last = iova + size - 1;
	size_t at;

	if (!size)
		return -EINVAL;
	if (last < iova || !is_valid(space, iova, last))
		return -ERANGE;
	at = find(space, iova);
	if (at < space->n_taken && space->taken[at].start <= last)
		return -EEXIST;
	return insert(space, at, iova, size);
}

int iova_free(struct iova_space *space, vireo_iova_t iova, uint64_t size)
{
	size_t at = find(space, iova);

	if (!size || iova_taken(space, iova) != size)
		return -ENOENT;
	space->n_taken--;
	memmove(&space->taken[at], &space->taken[at + 1], (space->n_taken - at) * sizeof(*space->taken));
	return 0;
}

uint64_t iova_taken(const struct iova_space *space, vireo_iova_t iova)
{
	size_t at = find(space, iova);

	if (at == space->n_taken || space->taken[at].start != iova)
		return 0;
	return space->taken[at].last - iova + 1;
}

bool iova_space_is_empty(const struct iova_space *space)
{
	return !space->n_taken;
}

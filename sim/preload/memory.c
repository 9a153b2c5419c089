// SPDX-License-Identifier: BSD-2-Clause
#include "memory_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"

/* By address, without overlap. */
static struct memory_range *ranges;
static size_t n_ranges, max_ranges;

void memory_file_put(struct memory_file *file)
{
	if (!file || --file->n_users)
		return;
	NEXT(close)(file->fd);
	free(file);
}

/* Index of the first range that ends after @va. */
static size_t search(uint64_t va)
{
	size_t low = 0, high = n_ranges;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ranges[middle].va + ranges[middle].size <= va)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct memory_range *memory_first(uint64_t va)
{
	size_t i = search(va);

	return i < n_ranges ? &ranges[i] : NULL;
}

const struct memory_range *memory_next(const struct memory_range *range)
{
	return range + 1 < ranges + n_ranges ? range + 1 : NULL;
}

const struct memory_range *memory_find(uint64_t va)
{
	const struct memory_range *range = memory_first(va);

	return range && range->va <= va ? range : NULL;
}

static int make_room(size_t more)
{
	size_t max = max_ranges ? max_ranges : 64;
	struct memory_range *bigger;

	while (max < n_ranges + more)
		max *= 2;
	if (max == max_ranges)
		return 0;
	bigger = realloc(ranges, max * sizeof(*ranges));
	if (!bigger)
		return -ENOMEM;
	ranges = bigger;
	max_ranges = max;
	return 0;
}

static void insert(size_t at, const struct memory_range *range)
{
	memmove(&ranges[at + 1], &ranges[at], (n_ranges - at) * sizeof(*ranges));
	ranges[at] = *range;
	n_ranges++;
}

static void delete (size_t at)
{
	memory_file_put(ranges[at].file);
	n_ranges--;
	memmove(&ranges[at], &ranges[at + 1], (n_ranges - at) * sizeof(*ranges));
}

/* Have a range begin at @va, if one covers it; there is room for one more. */
static void split(uint64_t va)
{
	size_t i = search(va);
	struct memory_range rest;

	if (i == n_ranges || ranges[i].va >= va)
		return;
	rest = ranges[i];
	rest.offset += va - rest.va;
	rest.size -= va - rest.va;
	rest.va = va;
	ranges[i].size -= rest.size;
	if (rest.file)
		rest.file->n_users++;
	insert(i + 1, &rest);
}

int memory_forget(uint64_t va, uint64_t size)
{
	size_t i;

	if (!n_ranges)
		return 0;
	if (make_room(2))
		return -ENOMEM;
	split(va);
	split(va + size);
	for (i = search(va); i < n_ranges && ranges[i].va < va + size;)
		delete (i);
	return 0;
}

static int note(const struct memory_range *range)
{
	int err = memory_forget(range->va, range->size);

	if (!err)
		err = make_room(1);
	if (!err)
		insert(search(range->va), range);
	return err;
}

int memory_note_file(uint64_t va, uint64_t size, int fd, uint64_t offset)
{
	struct memory_file *file = malloc(sizeof(*file));
	struct memory_range range = {.va = va, .size = size, .offset = offset, .file = file};
	int err;

	if (!file)
		return -ENOMEM;
	file->n_users = 1;
	file->fd = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, 0);
	err = file->fd < 0 ? -errno : note(&range);
	if (err) {
		if (file->fd >= 0)
			NEXT(close)(file->fd);
		free(file);
	}
	return err;
}

int memory_note_window(uint64_t va, uint64_t size, struct device *device, unsigned region, uint64_t offset, int prot)
{
	struct memory_range range = {
		.va = va,
		.size = size,
		.offset = offset,
		.device = device,
		.region = region,
		.prot = prot,
	};

	return note(&range);
}

int memory_protect_windows(uint64_t va, uint64_t size, int prot)
{
	size_t i;
	int n = 0;

	if (make_room(2))
		return -ENOMEM;
	for (i = search(va); i < n_ranges && ranges[i].va < va + size; i++)
		n += ranges[i].device != NULL;
	if (!n)
		return 0;
	split(va);
	split(va + size);
	for (i = search(va); i < n_ranges && ranges[i].va < va + size; i++)
		if (ranges[i].device)
			ranges[i].prot = prot;
	return 1;
}

void memory_pieces_free(struct memory_piece *pieces, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		memory_file_put(pieces[i].file);
	free(pieces);
}

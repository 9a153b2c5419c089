// SPDX-License-Identifier: BSD-2-Clause
/* The client's memory: mapped here, sorted by address, every access looked up. */
#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "dma.h"

/*
 * Maps that follow each other for the device shall do so here, so that an access across two of them is one piece of memory:
 * a client's memory may come in many files, such as one for each huge page. So each device has a part of our address space
 * in which the low bits of an address say where a map goes. What does not fit there (a collision, a sanitizer that needs
 * the space itself) goes anywhere, and then an access must stay inside one map.
 */
#define PLACE_BASE  (1ull << 45)
#define PLACE_SIZE  (1ull << 40)
#define PLACE_COUNT 32u

void sim_dma_init(struct sim_dma *dma)
{
	static unsigned count;

	*dma = (struct sim_dma){0};
	dma->place = PLACE_BASE + __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED) % PLACE_COUNT * PLACE_SIZE;
}

static void forget_last(struct sim_dma *dma)
{
	dma->last = (struct sim_dma_map){0};
}

static void release(const struct sim_dma_map *map)
{
	if (map->base)
		munmap(map->base, map->base_len);
}

void sim_dma_clear(struct sim_dma *dma)
{
	for (unsigned i = 0; i < dma->n_maps; i++)
		release(&dma->maps[i]);
	free(dma->maps);
	dma->maps = NULL;
	dma->n_maps = 0;
	dma->max_maps = 0;
	dma->torn = false;
	forget_last(dma);
}

/* The first map that ends behind @iova; n_maps when there is none. */
static unsigned lower_bound(const struct sim_dma *dma, uint64_t iova)
{
	unsigned low = 0, high = dma->n_maps;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		/* The last byte: the sum of both may be 2^64. */
		if (dma->maps[mid].iova + (dma->maps[mid].size - 1) < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int make_room(struct sim_dma *dma)
{
	unsigned max = dma->max_maps ? dma->max_maps * 2 : 16;
	struct sim_dma_map *maps;

	if (dma->n_maps < dma->max_maps)
		return 0;
	if (dma->n_maps >= SIM_DMA_MAX_MAPS)
		return -ENOSPC;
	maps = realloc(dma->maps, max * sizeof(*maps));
	if (!maps)
		return -ENOMEM;
	dma->maps = maps;
	dma->max_maps = max;
	return 0;
}

static int check_range(uint64_t iova, uint64_t size, uint64_t offset, uint32_t flags)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (size == 0 || iova % page || size % page || offset % page || flags & ~(SIM_DMA_READ | SIM_DMA_WRITE))
		return -EINVAL;
	if (size - 1 > UINT64_MAX - iova || size - 1 > UINT64_MAX - offset)
		return -EOVERFLOW;
	return 0;
}

/* Huge pages can be mapped only as a whole, and a client may give us a part of one. */
static uint64_t page_of(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC && fs.f_bsize > 0)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* MAP_FAILED where something else lies, or nothing may lie: the thread sanitizer keeps most addresses for itself. */
static void *map_at(uint64_t place, size_t size, int prot, int fd, uint64_t offset)
{
#if defined(__SANITIZE_THREAD__)
	return MAP_FAILED;
#endif
	return mmap((void *)(uintptr_t)place, size, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, (off_t)offset);
}

/* Only files whose size can be known: what lies behind the end of one would be a signal at the first access. */
static int map_file(const struct sim_dma *dma, struct sim_dma_map *map, int fd, uint64_t offset)
{
	int prot = (map->flags & SIM_DMA_READ ? PROT_READ : 0) | (map->flags & SIM_DMA_WRITE ? PROT_WRITE : 0);
	uint64_t page = page_of(fd), start = offset & ~(page - 1), end, place;
	struct stat st;
	void *base;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || offset > (uint64_t)st.st_size || map->size > (uint64_t)st.st_size - offset)
		return -EINVAL;
	end = (offset + map->size + page - 1) & ~(page - 1);
	place = dma->place + (map->iova & (PLACE_SIZE - 1)) - (offset - start);
	base = map_at(place, end - start, prot, fd, start);
	if (base == MAP_FAILED)
		base = mmap(NULL, end - start, prot, MAP_SHARED, fd, (off_t)start);
	if (base == MAP_FAILED)
		return -errno;
	map->base = base;
	map->base_len = end - start;
	map->va = map->base + (offset - start);
	return 0;
}

int sim_dma_map(struct sim_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	struct sim_dma_map map = {.iova = iova, .size = size, .flags = flags};
	unsigned at;
	int err;

	err = check_range(iova, size, offset, flags);
	if (err)
		return err;
	at = lower_bound(dma, iova);
	if (at < dma->n_maps && dma->maps[at].iova <= iova + (size - 1))
		return -EEXIST;
	err = make_room(dma);
	if (err)
		return err;
	if (fd >= 0) {
		err = map_file(dma, &map, fd, offset);
		if (err)
			return err;
	} else {
		map.flags = 0;
	}
	memmove(&dma->maps[at + 1], &dma->maps[at], (dma->n_maps - at) * sizeof(map));
	dma->maps[at] = map;
	dma->n_maps++;
	return 0;
}

int sim_dma_unmap(struct sim_dma *dma, uint64_t iova, uint64_t size)
{
	unsigned at = lower_bound(dma, iova);

	if (at == dma->n_maps || dma->maps[at].iova != iova || dma->maps[at].size != size)
		return -ENOENT;
	release(&dma->maps[at]);
	dma->n_maps--;
	memmove(&dma->maps[at], &dma->maps[at + 1], (dma->n_maps - at) * sizeof(dma->maps[0]));
	forget_last(dma);
	return 0;
}

static void *refuse(struct sim_dma *dma, uint64_t iova, uint64_t len, uint32_t flags)
{
	dma->refused++;
	dma->refused_iova = iova;
	dma->refused_len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
	dma->refused_flags = flags;
	return NULL;
}

/* The memory of map @i goes on for @more bytes in the maps behind it. */
static bool goes_on(const struct sim_dma *dma, unsigned i, uint64_t more, uint32_t flags)
{
	while (more) {
		const struct sim_dma_map *map = &dma->maps[i], *next = map + 1;

		if (++i == dma->n_maps || next->iova != map->iova + map->size || next->va != map->va + map->size ||
		    (next->flags & flags) != flags)
			return false;
		more -= more < next->size ? more : next->size;
	}
	return true;
}

void *sim_dma_find(struct sim_dma *dma, uint64_t iova, uint64_t len, uint32_t flags)
{
	unsigned i = lower_bound(dma, iova);
	const struct sim_dma_map *map;

	if (i == dma->n_maps || !flags)
		return refuse(dma, iova, len, flags);
	map = &dma->maps[i];
	if (iova < map->iova || (map->flags & flags) != flags)
		return refuse(dma, iova, len, flags);
	if (len > map->size - (iova - map->iova) && !goes_on(dma, i, len - (map->size - (iova - map->iova)), flags))
		return refuse(dma, iova, len, flags);
	dma->last = *map;
	return map->va + (iova - map->iova);
}

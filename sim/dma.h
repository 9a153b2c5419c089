/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_DMA_H
#define SIM_DMA_H

/*
 * What a client has mapped for its device, and nothing else: a model reaches memory through sim_dma_at() only, which
 * looks every access up and refuses what lies outside, as an IOMMU would. All of it runs on the device's model thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_DMA_READ  (1u << 0) /* the device may read */
#define SIM_DMA_WRITE (1u << 1) /* the device may write */

#define SIM_DMA_MAX_MAPS 32768 /* each is a mapping of this process, of which the kernel gives 65530 by default */

struct sim_dma_map {
	uint64_t iova;
	uint64_t size;
	uint8_t *va;   /* where this process has it; NULL: the client cannot share it */
	uint8_t *base; /* what was mapped for it, in whole pages of the file; holds va */
	uint64_t base_len;
	uint32_t flags; /* SIM_DMA_*; none without va */
};

struct sim_dma {
	struct sim_dma_map *maps; /* sorted by iova, without overlap */
	unsigned n_maps, max_maps;
	struct sim_dma_map last; /* where the last access went; size 0 when nothing is mapped */
	bool torn;		 /* memory vanished below an access, see guard.h: the client has to go */
	uint64_t refused;	 /* accesses outside the maps */
	uint64_t refused_iova;	 /* the latest of them, for people */
	uint32_t refused_len;
	uint32_t refused_flags;
	uint64_t place; /* the part of our address space that maps go to when they can */
};

/* Nothing mapped, nothing counted; only of one that holds nothing. */
void sim_dma_init(struct sim_dma *dma);
/* Unmaps everything; the counters stay. */
void sim_dma_clear(struct sim_dma *dma);
/*
 * Map @size bytes of @fd from @offset on; @fd stays with the caller. With -1 the client has something there that it
 * cannot share: known, and every access refused. -EINVAL not page-aligned, empty or beyond the end of the file;
 * -EOVERFLOW wraps; -EEXIST overlaps; -ENOSPC too many; -EACCES @fd is not open for what @flags ask; -ENOMEM.
 */
int sim_dma_map(struct sim_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset);
/* Undo exactly one map; -ENOENT. */
int sim_dma_unmap(struct sim_dma *dma, uint64_t iova, uint64_t size);

/* The long way of sim_dma_at(): searches, or counts the refusal and returns NULL. */
void *sim_dma_find(struct sim_dma *dma, uint64_t iova, uint64_t len, uint32_t flags);

/*
 * A pointer to @len bytes at @iova, all inside one map, or in several that follow each other here as well, which allow
 * @flags; NULL: refused and counted.
 */
static inline void *sim_dma_at(struct sim_dma *dma, uint64_t iova, uint64_t len, uint32_t flags)
{
	const struct sim_dma_map *last = &dma->last;
	uint64_t at = iova - last->iova;

	if (at < last->size && len <= last->size - at && (last->flags & flags) == flags)
		return last->va + at;
	return sim_dma_find(dma, iova, len, flags);
}

#endif

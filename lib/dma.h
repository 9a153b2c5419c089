/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_DMA_H
#define VIREO_LIB_DMA_H

/*
 * The one DMA domain of the process: a window of addresses, the arenas in it, and the clients (IOMMU containers, peers
 * on a socket) that all arenas are mapped into.
 */

#include <sys/types.h>

#include <vireo/device.h>
#include <vireo/memory.h>

struct dma_client;
struct iova_space;

/* Memory that a client shall let its devices reach. */
struct dma_mapping {
	void *va;
	vireo_iova_t iova;
	size_t size;
	unsigned flags;   /* VIREO_DMA_* */
	int fd;           /* the file behind it and where in it, or -1 */
	off_t fd_offset;
};

struct dma_ops {
	/* 0, or a negative errno with its sentence set; nothing stays mapped on failure. */
	int (*map)(struct dma_client *client, const struct dma_mapping *mapping);
	int (*unmap)(struct dma_client *client, const struct dma_mapping *mapping);
};

#define DMA_MAX_RANGES 32

struct dma_client {
	const struct dma_ops *ops;
	char name[64];                   /* for sentences: "container of 0000:03:00.0" */
	unsigned n_ranges;               /* valid IOVA ranges, sorted; set before dma_attach() */
	struct vireo_iova_range ranges[DMA_MAX_RANGES];
	struct iova_space *space;        /* what dma_map_foreign() hands out; owned by dma.c */
	struct dma_client *next;         /* protected by the domain's lock */
};

/*
 * Map every arena into @client and keep it informed from now on. -ERANGE with both ranges in the sentence when the
 * window does not fit into what the client's devices can address; the window moves instead while nothing lies in it
 * and no other client is attached.
 */
int dma_attach(struct dma_client *client);
/* Unmap everything and forget @client; also of one whose devices are gone. */
void dma_detach(struct dma_client *client);
/* The client's ranges changed (a group joined its container): check the window again, before the group is used. */
int dma_ranges_changed(struct dma_client *client);

/* Memory outside the window, at an address of the client's own; see vireo_device_dma_map(). */
int dma_map_foreign(struct dma_client *client, void *va, size_t size, unsigned flags, vireo_iova_t *ret_iova);
int dma_unmap_foreign(struct dma_client *client, vireo_iova_t iova, size_t size);

/* iova - va of everything in the window; constant once memory exists. Hidden, so that one load gets at it. */
extern uint64_t dma_iova_offset __attribute__((visibility("hidden")));

static inline vireo_iova_t dma_iova(const void *va)
{
	return (uintptr_t)va + dma_iova_offset;
}

/* Size of the pages that allocations use, and how many arenas there are, for tests and messages. */
uint64_t dma_page_size(void);
unsigned dma_n_arenas(void);
/* Bytes of all arenas, for sentences of the ops above: they run under the domain's lock, which this needs. */
extern uint64_t dma_arena_bytes;

#endif

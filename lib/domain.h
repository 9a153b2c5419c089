/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_DOMAIN_H
#define VIREO_LIB_DOMAIN_H

/* What memory.c (the window and the arenas) and dma.c (the clients) share; nobody else includes this. */

#include <pthread.h>

#include "dma.h"

struct arena {
	char *va;
	size_t size;
	int fd;
	off_t fd_offset;
	int node;
	struct iova_space *space; /* what of it is handed out, by virtual address; NULL when it was imported */
	size_t n_used;            /* bytes from the start that were handed out at least once; the rest is still zero */
	struct arena *next;
};

/* Memory that a client maps outside the window. */
struct foreign {
	struct dma_client *client;
	struct dma_mapping mapping;
	struct foreign *next;
};

struct domain {
	/*
	 * Protects all of this and the lists of the clients, and is held while clients map: a new client and a new
	 * arena never miss each other. Bursts never take it.
	 */
	pthread_mutex_t lock;
	uint64_t window_size;
	vireo_iova_t iova_base;
	uint64_t page_size;        /* 0: not decided yet */
	char *window;              /* NULL: not reserved yet */
	struct iova_space *places; /* what of the window is taken, by virtual address; NULL with the window */
	struct arena *arenas;
	struct dma_client *clients;
	struct foreign *foreign;
	bool warned_small_pages;
};

extern struct domain domain;

static inline struct dma_mapping arena_mapping(const struct arena *arena)
{
	return (struct dma_mapping){
		.va = arena->va,
		.iova = dma_iova(arena->va),
		.size = arena->size,
		.flags = VIREO_DMA_READ | VIREO_DMA_WRITE,
		.fd = arena->fd,
		.fd_offset = arena->fd_offset,
	};
}

#endif

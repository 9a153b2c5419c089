/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_POOL_H
#define VIREO_POOL_H

/*
 * A pool holds buffers of one size in DMA memory. Every pool may be used by every thread and every port at once; a
 * cache per thread keeps the common case free of atomics.
 */

#include <stddef.h>
#include <stdint.h>

#include <vireo/packet.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The most pools a process may have at a time; 8 bits of a packet's flags name one. */
#define VIREO_MAX_POOLS 256

struct vireo_pool;

/**
 * struct vireo_pool_config - zero means the default
 * @name:      for messages and statistics; copied, at most 31 bytes; default "poolN"
 * @n_bufs:    how many buffers; default 8192
 * @buf_size:  bytes of data a buffer holds behind the headroom; default 2048, at most 65535 - VIREO_HEADROOM
 * @cache:     buffers a thread may keep for itself; default 256, rounded up to a multiple of 64, but no more than a
 *             quarter of the pool; others still get at them when the pool has no more
 * @no_cache:  no cache per thread at all: every buffer is visible to every thread at once
 * @numa_node: 1 + node, or 0 for the node of the calling thread
 */
struct vireo_pool_config {
	const char *name;
	uint32_t n_bufs;
	uint32_t buf_size;
	uint32_t cache;
	uint8_t no_cache;
	uint8_t numa_node;
};

/**
 * vireo_pool_create() - make a pool; its memory is mapped into every open port before this returns
 * @cfg:      what it shall be, or NULL for all defaults
 * @ret_pool: written on success; destroy it with vireo_pool_destroy()
 *
 * Any thread. The environment variable VIREO_POOL_DEBUG=1 gives every buffer an owner and names double frees, use after
 * transmit and frees while the device owns the buffer.
 *
 * Return: 0; -EINVAL; -ENOMEM without hugepages; -ENOSPC with too few of them; -EDQUOT when RLIMIT_MEMLOCK is too small
 * for an open port; -EMFILE when VIREO_MAX_POOLS exist.
 */
int vireo_pool_create(const struct vireo_pool_config *cfg, struct vireo_pool **ret_pool);

/**
 * vireo_pool_destroy() - give the memory back
 * @pool: a pool that no other thread uses any more, or NULL
 *
 * Return: 0; -EBUSY when buffers are out (with an application, in a ring or with a device) or a port still receives
 * into it; the pool stays as it was then.
 */
int vireo_pool_destroy(struct vireo_pool *pool);

/**
 * vireo_pool_alloc() - take buffers
 * @pool: where from
 * @pkts: filled in: buf, off (VIREO_HEADROOM), len (0) and flags (the pool); the second half is zero
 * @n:    how many
 *
 * All or nothing. The caller owns the buffers until it frees or sends them. Any thread.
 *
 * Return: @n, or 0 when the pool has fewer left.
 */
unsigned vireo_pool_alloc(struct vireo_pool *pool, struct vireo_pkt *pkts, unsigned n);

/**
 * struct vireo_pool_info - what a pool is and how it stands
 * @name:     as given
 * @n_bufs:   buffers in all
 * @n_free:   buffers that nobody holds (a snapshot when other threads are at work)
 * @buf_size: bytes of data behind the headroom
 * @stride:   bytes from one buffer to the next; never a power of two
 * @page_size: size of the pages behind it, in bytes
 * @alloc_failed: how often an allocation found too few buffers
 */
struct vireo_pool_info {
	const char *name;
	uint32_t n_bufs;
	uint32_t n_free;
	uint32_t buf_size;
	uint32_t stride;
	uint64_t page_size;
	uint64_t alloc_failed;
};

/**
 * vireo_pool_info() - look at a pool
 * @pool: the pool
 * @ret_info: filled in; its strings live as long as the pool
 *
 * Any thread.
 */
void vireo_pool_info(const struct vireo_pool *pool, struct vireo_pool_info *ret_info);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

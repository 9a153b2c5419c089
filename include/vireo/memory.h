/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_MEMORY_H
#define VIREO_MEMORY_H

/*
 * One DMA domain per process. All memory that devices may touch lies in one window of virtual addresses; the devices see
 * the same window at another place, and the distance between the two is one constant. Programs that only send and
 * receive packets never need this header: pools take their memory from here by themselves.
 *
 * After fork() parent and child see the same memory; one of the two may go on using the library, never both.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef uint64_t vireo_iova_t;

/**
 * struct vireo_memory_config - zero means the default
 * @window_size: bytes of address space (not of memory); multiple of 1 GiB; default 64 GiB
 * @iova_base:   where devices see the window, multiple of 1 GiB; default 4 GiB
 * @page_size:   4096, 2 MiB or 1 GiB; default 2 MiB, or what VIREO_PAGE_SIZE (4K, 2M, 1G) says. 4096 needs no
 *               hugepages and costs up to 62 % of the 64-byte rate behind an IOMMU, which a warning in the log says
 */
struct vireo_memory_config {
	uint64_t window_size;
	vireo_iova_t iova_base;
	uint64_t page_size;
};

/**
 * vireo_memory_configure() - choose the window; before the first pool, allocation or port
 * @cfg: the wishes
 *
 * Return: 0; -EINVAL; -EBUSY once memory exists or a port is open; -ENOMEM when the address space has no such gap.
 */
int vireo_memory_configure(const struct vireo_memory_config *cfg);

/**
 * vireo_memory_alloc() - DMA memory for rings and the like, zeroed
 * @size:      bytes
 * @align:     a power of two, at most 2 MiB
 * @numa_node: 1 + node, or 0 for the node of the calling thread
 * @ret_va:    written on success
 *
 * The memory is contiguous for devices and mapped into every open port before this returns. Any thread.
 *
 * Return: 0; -EINVAL; -ENOMEM without hugepages; -ENOSPC with too few of them or with the window full; -EDQUOT when
 * RLIMIT_MEMLOCK does not cover it.
 */
int vireo_memory_alloc(size_t size, size_t align, unsigned numa_node, void **ret_va);

/**
 * vireo_memory_free() - give back what vireo_memory_alloc() gave
 * @va: its address, or NULL
 *
 * No device may use it any more. Any thread.
 */
void vireo_memory_free(void *va);

/**
 * vireo_memory_import() - let devices reach memory that somebody else made
 * @fd:     a file that can be mapped shared (memfd, hugetlbfs, shared memory); duplicated, the caller keeps its own
 * @offset: where in the file, multiple of the file's page size
 * @size:   bytes, multiple of the file's page size
 * @ret_va: where it is mapped, inside the window
 *
 * Return: 0; -EINVAL; -ENOSPC; -EDQUOT; what mmap() says.
 */
int vireo_memory_import(int fd, off_t offset, size_t size, void **ret_va);

/**
 * vireo_memory_release() - undo vireo_memory_import()
 * @va: what it wrote
 *
 * Return: 0; -ENOENT when nothing was imported at @va.
 */
int vireo_memory_release(void *va);

/**
 * vireo_iova() - the address at which devices see a byte of the window
 * @va: inside memory from a pool, vireo_memory_alloc() or vireo_memory_import()
 *
 * Return: @va plus the one constant of this process. Any thread.
 */
vireo_iova_t vireo_iova(const void *va);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_IOVA_H
#define VIREO_LIB_IOVA_H

/* An allocator of addresses inside a set of valid ranges. Ends are inclusive, so the last byte of 2^64 is usable. */

#include <stdbool.h>

#include <vireo/device.h>

struct iova_space;

/* @ranges: sorted, without overlap. 0, -EINVAL, -ENOMEM. */
int iova_space_create(const struct vireo_iova_range *ranges, unsigned n, struct iova_space **ret_space);
void iova_space_destroy(struct iova_space *space);

/* First fit; @align a power of two. 0, -EINVAL, -ENOSPC, -ENOMEM. */
int iova_alloc(struct iova_space *space, uint64_t size, uint64_t align, vireo_iova_t *ret_iova);
/* Take a fixed place. 0, -EEXIST when part of it is taken, -ERANGE when part of it is outside the valid ranges. */
int iova_reserve(struct iova_space *space, vireo_iova_t iova, uint64_t size);
/* Give back exactly what one of the two above gave. 0, -ENOENT. */
int iova_free(struct iova_space *space, vireo_iova_t iova, uint64_t size);

/* Bytes that were taken at exactly @iova; 0 when nothing was. */
uint64_t iova_taken(const struct iova_space *space, vireo_iova_t iova);
/* Nothing is taken at all. */
bool iova_space_is_empty(const struct iova_space *space);

#endif

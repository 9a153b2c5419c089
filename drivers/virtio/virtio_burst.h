/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_BURST_H
#define VIRTIO_BURST_H

/*
 * Burst functions of a direction: for each kind of ring and set of vector instructions bursts[enum simd][packed]. One packet by itself, few
 * and many go different ways, each of which has less to save than one for all:
 *
 *   DIR_one(queue, pkts, packed, rest)      one plain packet, or all else by rest(head, pkts, 1), with which it ends
 *   DIR_burst(queue, pkts, n, packed, vec)  anything; with vec NULL in scalar loops
 */

#include "simd.h"
#include "virtio_vec.h"

#define VIRTIO_BURST_SCALAR(dir, kind, packed)                                                                         \
	static __attribute__((noinline)) unsigned kind##_few(struct vireo_##dir##q *pub, struct vireo_pkt *pkts,       \
							     unsigned n)                                               \
	{                                                                                                              \
		return dir##_burst((struct virtio_##dir##q *)pub, pkts, n, packed, NULL);                              \
	}                                                                                                              \
	static unsigned kind##_scalar(struct vireo_##dir##q *pub, struct vireo_pkt *pkts, unsigned n)                  \
	{                                                                                                              \
		if (n == 1)                                                                                            \
			return dir##_one((struct virtio_##dir##q *)pub, pkts, packed, kind##_few);                     \
		return kind##_few(pub, pkts, n);                                                                       \
	}

#define VIRTIO_BURST_VEC(dir, kind, packed, isa)                                                                       \
	static __attribute__((noinline)) unsigned kind##_many_##isa(struct vireo_##dir##q *pub,                        \
								    struct vireo_pkt *pkts, unsigned n)                \
	{                                                                                                              \
		return dir##_burst((struct virtio_##dir##q *)pub, pkts, n, packed, &virtio_vec_##isa);                 \
	}                                                                                                              \
	static unsigned kind##_##isa(struct vireo_##dir##q *pub, struct vireo_pkt *pkts, unsigned n)                   \
	{                                                                                                              \
		return n < VIRTIO_VEC_MIN ? kind##_scalar(pub, pkts, n) : kind##_many_##isa(pub, pkts, n);             \
	}

#if defined(__x86_64__)
#define VIRTIO_BURST_ISA(dir, isa)                                                                                     \
	VIRTIO_BURST_VEC(dir, split, false, isa)                                                                       \
	VIRTIO_BURST_VEC(dir, packed, true, isa)
#define VIRTIO_BURST_ROW(simd, isa) [simd] = {split_##isa, packed_##isa},
#else
#define VIRTIO_BURST_ISA(dir, isa)
#define VIRTIO_BURST_ROW(simd, isa)
#endif

#define VIRTIO_BURSTS(dir)                                                                                             \
	VIRTIO_BURST_SCALAR(dir, split, false)                                                                         \
	VIRTIO_BURST_SCALAR(dir, packed, true)                                                                         \
	VIRTIO_BURST_ISA(dir, sse42)                                                                                   \
	VIRTIO_BURST_ISA(dir, avx2)                                                                                    \
	VIRTIO_BURST_ISA(dir, avx512)                                                                                  \
	static const virtio_##dir##_burst_fn bursts[N_SIMD][2] = {                                                     \
		[SIMD_SCALAR] = {split_scalar, packed_scalar},                                                         \
		VIRTIO_BURST_ROW(SIMD_SSE42, sse42) VIRTIO_BURST_ROW(SIMD_AVX2, avx2)                                  \
			VIRTIO_BURST_ROW(SIMD_AVX512, avx512)}

#endif

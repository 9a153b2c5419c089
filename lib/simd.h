/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_SIMD_H
#define VIREO_LIB_SIMD_H

/* Sets of vector instructions that drivers have loops for. */
enum simd {
	SIMD_SCALAR,
	SIMD_SSE42,
	SIMD_AVX2,
	SIMD_AVX512, /* F, BW, VL and DQ */
	N_SIMD,
};

/*
 * The best that this processor has; or the one that the environment variable VIREO_SIMD names (sse42, avx2, avx512), none if the
 * processor has not got that or nobody knows it (scalar).
 */
enum simd simd_choose(void);

#endif

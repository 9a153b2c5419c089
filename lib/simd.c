// SPDX-License-Identifier: BSD-2-Clause
#include "simd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The thread sanitizer does not understand vector accesses to rings. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

static bool is_there(enum simd simd)
{
	switch (simd) {
	case SIMD_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
	case SIMD_AVX2:
		return __builtin_cpu_supports("avx2");
	default:
		return __builtin_cpu_supports("sse4.2");
	}
}

enum simd simd_choose(void)
{
	static const char *const names[N_SIMD] = {"scalar", "sse42", "avx2", "avx512"};
	const char *wish = getenv("VIREO_SIMD");

	for (enum simd simd = SIMD_AVX512; simd != SIMD_SCALAR; simd--)
		if (is_there(simd) && (!wish || !strcmp(wish, names[simd])))
			return simd;
	return SIMD_SCALAR;
}

#else

enum simd simd_choose(void)
{
	return SIMD_SCALAR;
}

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * Vector loops: SSE4.2, AVX2 and AVX-512, side by side so that they can be compared. Each does the same four steps to a
 * group of packets: bring one kind of field of all of them into one register, check all at once, compute, and bring the
 * results into the order of memory.
 *
 * A descriptor is read and written with accesses of 16 bytes or more that are aligned to 16: what the card writes back in
 * one piece is seen so, and everything a packet needs is in the very qword that has DD.
 */
#include "ixgbe_vec.h"

#include <stddef.h>

#include "simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BULK 32

#define RX_WANT (IXGBE_RXD_DD | IXGBE_RXD_EOP)
#define RX_LOOK (RX_WANT | IXGBE_RXD_RXE)
/* A length is the low half of a descriptor's upper dword; other halves are compared with the greatest there is. */
#define RX_ONE	     (1ll << 32)
#define RX_MAX(max)  ((long long)(0xffff0000ffffffffull | (uint64_t)((max)-1u) << 32))
#define RX_LEN_FIELD 0xffff0000ll

/* off, len and flags of a packet in one word: the length is its second half. */
#define TX_FLAGS     ((long long)((uint64_t)(IXGBE_TX_NOT_PLAIN | IXGBE_TX_OWNER_FLAGS) << 32))
#define TX_OWNER(o)  ((long long)((uint64_t)(o) << 32))
#define TX_MIN	     ((long long)IXGBE_TX_MIN_LEN << 16)
#define TX_MAX	     ((long long)(0xffffffff0000ffffull | (uint64_t)(IXGBE_TX_MAX_LEN - IXGBE_TX_MIN_LEN) << 16))
#define TX_PAYLEN_AT (32 + IXGBE_TXD_PAYLEN_SHIFT)

/* --- SSE4.2: four packets as two pairs ---------------------------------------------------------------------------- */

#define SSE42 __attribute__((target("sse4.2")))

SSE42 static inline __m128i rx_bad_sse42(__m128i qw, __m128i max)
{
	__m128i state = _mm_xor_si128(_mm_and_si128(qw, _mm_set1_epi64x(RX_LOOK)), _mm_set1_epi64x(RX_WANT));

	/* Unsigned, so that a length of 0 is a very long one. */
	return _mm_or_si128(state, _mm_subs_epu16(_mm_sub_epi64(qw, _mm_set1_epi64x(RX_ONE)), max));
}

SSE42 static inline void rx_store_sse42(struct vireo_pkt *pkts, __m128i bufs, __m128i qw, __m128i word, __m128i port)
{
	word = _mm_or_si128(word, _mm_and_si128(_mm_srli_epi64(qw, 16), _mm_set1_epi64x(RX_LEN_FIELD)));
	_mm_storeu_si128((__m128i *)&pkts[0], _mm_unpacklo_epi64(bufs, word));
	_mm_storeu_si128((__m128i *)&pkts[0].hash, port);
	_mm_storeu_si128((__m128i *)&pkts[1], _mm_unpackhi_epi64(bufs, word));
	_mm_storeu_si128((__m128i *)&pkts[1].hash, port);
}

SSE42 static unsigned rx_run_sse42(const union ixgbe_rx_desc *d, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
				   const struct ixgbe_rx_consts *c, uint64_t *bytes)
{
	const __m128i max = _mm_set1_epi64x(RX_MAX(c->max_len)), word = _mm_set1_epi64x((long long)c->word);
	const __m128i port = _mm_set_epi64x(0, (long long)c->port);
	__m128i sum = _mm_setzero_si128();
	unsigned i;

	for (i = 0; i + 4 <= n; i += 4) {
		const __m128i *at = (const __m128i *)&d[i];
		__m128i a = _mm_unpackhi_epi64(_mm_load_si128(at), _mm_load_si128(at + 1));
		__m128i b = _mm_unpackhi_epi64(_mm_load_si128(at + 2), _mm_load_si128(at + 3));
		__m128i bad = _mm_or_si128(rx_bad_sse42(a, max), rx_bad_sse42(b, max));

		if (!_mm_testz_si128(bad, bad))
			break;
		rx_store_sse42(&pkts[i], _mm_loadu_si128((const __m128i *)&bufs[i]), a, word, port);
		rx_store_sse42(&pkts[i + 2], _mm_loadu_si128((const __m128i *)&bufs[i + 2]), b, word, port);
		/* Lengths are all that is left above bit 32 but for the tag, whose half is shifted out. */
		sum = _mm_add_epi64(sum, _mm_srli_epi64(_mm_slli_epi64(a, 16), 48));
		sum = _mm_add_epi64(sum, _mm_srli_epi64(_mm_slli_epi64(b, 16), 48));
	}
	*bytes += (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
	return i;
}

SSE42 static void rx_arm_sse42(union ixgbe_rx_desc *d, void *const *bufs, uint64_t add)
{
	const __m128i zero = _mm_setzero_si128(), plus = _mm_set1_epi64x((long long)add);

	for (unsigned i = 0; i < BULK; i += 2) {
		__m128i b = _mm_add_epi64(_mm_loadu_si128((const __m128i *)&bufs[i]), plus);

		_mm_store_si128((__m128i *)&d[i], _mm_unpacklo_epi64(b, zero));
		_mm_store_si128((__m128i *)&d[i + 1], _mm_unpackhi_epi64(b, zero));
	}
}

SSE42 static inline __m128i tx_bad_sse42(__m128i word, __m128i owner)
{
	return _mm_or_si128(_mm_and_si128(_mm_xor_si128(word, owner), _mm_set1_epi64x(TX_FLAGS)),
			    _mm_subs_epu16(_mm_sub_epi16(word, _mm_set1_epi64x(TX_MIN)), _mm_set1_epi64x(TX_MAX)));
}

SSE42 static inline __m128i tx_store_sse42(union ixgbe_tx_desc *d, void **bufs, __m128i buf, __m128i word,
					   __m128i offset)
{
	__m128i iova = _mm_add_epi64(_mm_add_epi64(buf, offset), _mm_and_si128(word, _mm_set1_epi64x(0xffff)));
	__m128i len = _mm_srli_epi64(_mm_slli_epi64(word, 32), 48);
	__m128i second =
		_mm_or_si128(_mm_or_si128(len, _mm_set1_epi64x(IXGBE_TX_PLAIN_CMD)), _mm_slli_epi64(len, TX_PAYLEN_AT));

	_mm_store_si128((__m128i *)&d[0], _mm_unpacklo_epi64(iova, second));
	_mm_store_si128((__m128i *)&d[1], _mm_unpackhi_epi64(iova, second));
	_mm_storeu_si128((__m128i *)bufs, buf);
	return len;
}

SSE42 static unsigned tx_run_sse42(union ixgbe_tx_desc *d, void **bufs, const struct vireo_pkt *pkts, unsigned n,
				   uint32_t owner, uint64_t iova_offset, uint64_t *bytes)
{
	const __m128i offset = _mm_set1_epi64x((long long)iova_offset), whose = _mm_set1_epi64x(TX_OWNER(owner));
	__m128i sum = _mm_setzero_si128();
	unsigned i;

	for (i = 0; i + 4 <= n; i += 4) {
		__m128i p0 = _mm_loadu_si128((const __m128i *)&pkts[i]);
		__m128i p1 = _mm_loadu_si128((const __m128i *)&pkts[i + 1]);
		__m128i p2 = _mm_loadu_si128((const __m128i *)&pkts[i + 2]);
		__m128i p3 = _mm_loadu_si128((const __m128i *)&pkts[i + 3]);
		__m128i a = _mm_unpackhi_epi64(p0, p1), b = _mm_unpackhi_epi64(p2, p3);
		__m128i bad = _mm_or_si128(tx_bad_sse42(a, whose), tx_bad_sse42(b, whose));

		if (!_mm_testz_si128(bad, bad))
			break;
		sum = _mm_add_epi64(sum, tx_store_sse42(&d[i], &bufs[i], _mm_unpacklo_epi64(p0, p1), a, offset));
		sum = _mm_add_epi64(sum,
				    tx_store_sse42(&d[i + 2], &bufs[i + 2], _mm_unpacklo_epi64(p2, p3), b, offset));
	}
	*bytes += (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
	return i;
}

const struct ixgbe_vec ixgbe_vec_sse42 = {"sse42", rx_run_sse42, rx_arm_sse42, tx_run_sse42};

/* --- AVX2: four packets in one register --------------------------------------------------------------------------- */

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline uint64_t sum_avx2(__m256i sum)
{
	__m128i two = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

AVX2 static unsigned rx_run_avx2(const union ixgbe_rx_desc *d, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
				 const struct ixgbe_rx_consts *c, uint64_t *bytes)
{
	const __m256i look = _mm256_set1_epi64x(RX_LOOK), want = _mm256_set1_epi64x(RX_WANT);
	const __m256i one = _mm256_set1_epi64x(RX_ONE), max = _mm256_set1_epi64x(RX_MAX(c->max_len));
	const __m256i field = _mm256_set1_epi64x(RX_LEN_FIELD), word = _mm256_set1_epi64x((long long)c->word);
	const __m128i port = _mm_set_epi64x(0, (long long)c->port);
	__m256i sum = _mm256_setzero_si256();
	unsigned i;

	for (i = 0; i + 4 <= n; i += 4) {
		/* Rings are aligned to their size, so two descriptors are one aligned access where a group begins so. */
		__m256i a = _mm256_loadu_si256((const __m256i *)&d[i]);
		__m256i b = _mm256_loadu_si256((const __m256i *)&d[i + 2]);
		/* Of descriptors 0, 2, 1, 3: put into order with the buffers, not before. */
		__m256i qw = _mm256_unpackhi_epi64(a, b), buf, w, lo, hi;
		__m256i bad = _mm256_or_si256(_mm256_xor_si256(_mm256_and_si256(qw, look), want),
					      _mm256_subs_epu16(_mm256_sub_epi64(qw, one), max));

		if (!_mm256_testz_si256(bad, bad))
			break;
		buf = _mm256_permute4x64_epi64(_mm256_loadu_si256((const __m256i *)&bufs[i]), 0xd8);
		w = _mm256_or_si256(word, _mm256_and_si256(_mm256_srli_epi64(qw, 16), field));
		lo = _mm256_unpacklo_epi64(buf, w); /* packets 0 and 1 */
		hi = _mm256_unpackhi_epi64(buf, w); /* packets 2 and 3 */
		_mm_storeu_si128((__m128i *)&pkts[i], _mm256_castsi256_si128(lo));
		_mm_storeu_si128((__m128i *)&pkts[i].hash, port);
		_mm_storeu_si128((__m128i *)&pkts[i + 1], _mm256_extracti128_si256(lo, 1));
		_mm_storeu_si128((__m128i *)&pkts[i + 1].hash, port);
		_mm_storeu_si128((__m128i *)&pkts[i + 2], _mm256_castsi256_si128(hi));
		_mm_storeu_si128((__m128i *)&pkts[i + 2].hash, port);
		_mm_storeu_si128((__m128i *)&pkts[i + 3], _mm256_extracti128_si256(hi, 1));
		_mm_storeu_si128((__m128i *)&pkts[i + 3].hash, port);
		sum = _mm256_add_epi64(sum, _mm256_srli_epi64(_mm256_slli_epi64(qw, 16), 48));
	}
	*bytes += sum_avx2(sum);
	return i;
}

AVX2 static void rx_arm_avx2(union ixgbe_rx_desc *d, void *const *bufs, uint64_t add)
{
	const __m256i zero = _mm256_setzero_si256(), plus = _mm256_set1_epi64x((long long)add);

	for (unsigned i = 0; i < BULK; i += 4) {
		__m256i b = _mm256_loadu_si256((const __m256i *)&bufs[i]), lo, hi;

		b = _mm256_permute4x64_epi64(_mm256_add_epi64(b, plus), 0xd8);
		lo = _mm256_unpacklo_epi64(b, zero);
		hi = _mm256_unpackhi_epi64(b, zero);
		_mm256_storeu_si256((__m256i *)&d[i], lo);
		_mm256_storeu_si256((__m256i *)&d[i + 2], hi);
	}
}

AVX2 static unsigned tx_run_avx2(union ixgbe_tx_desc *d, void **bufs, const struct vireo_pkt *pkts, unsigned n,
				 uint32_t owner, uint64_t iova_offset, uint64_t *bytes)
{
	const __m256i look = _mm256_set1_epi64x(TX_FLAGS), whose = _mm256_set1_epi64x(TX_OWNER(owner));
	const __m256i min = _mm256_set1_epi64x(TX_MIN);
	const __m256i max = _mm256_set1_epi64x(TX_MAX), offset = _mm256_set1_epi64x((long long)iova_offset);
	const __m256i low = _mm256_set1_epi64x(0xffff), cmd = _mm256_set1_epi64x(IXGBE_TX_PLAIN_CMD);
	__m256i sum = _mm256_setzero_si256();
	unsigned i;

	for (i = 0; i + 4 <= n; i += 4) {
		__m256i even = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)&pkts[i]));
		__m256i odd = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)&pkts[i + 1]));
		__m256i buf, word, bad, iova, len, second, lo, hi;

		even = _mm256_inserti128_si256(even, _mm_loadu_si128((const __m128i *)&pkts[i + 2]), 1);
		odd = _mm256_inserti128_si256(odd, _mm_loadu_si128((const __m128i *)&pkts[i + 3]), 1);
		buf = _mm256_unpacklo_epi64(even, odd);
		word = _mm256_unpackhi_epi64(even, odd);
		bad = _mm256_or_si256(_mm256_and_si256(_mm256_xor_si256(word, whose), look),
				      _mm256_subs_epu16(_mm256_sub_epi16(word, min), max));
		if (!_mm256_testz_si256(bad, bad))
			break;
		iova = _mm256_add_epi64(_mm256_add_epi64(buf, offset), _mm256_and_si256(word, low));
		len = _mm256_srli_epi64(_mm256_slli_epi64(word, 32), 48);
		second = _mm256_or_si256(_mm256_or_si256(len, cmd), _mm256_slli_epi64(len, TX_PAYLEN_AT));
		lo = _mm256_unpacklo_epi64(iova, second);
		hi = _mm256_unpackhi_epi64(iova, second);
		_mm256_storeu_si256((__m256i *)&d[i], _mm256_permute2x128_si256(lo, hi, 0x20));
		_mm256_storeu_si256((__m256i *)&d[i + 2], _mm256_permute2x128_si256(lo, hi, 0x31));
		_mm256_storeu_si256((__m256i *)&bufs[i], buf);
		sum = _mm256_add_epi64(sum, len);
	}
	*bytes += sum_avx2(sum);
	return i;
}

const struct ixgbe_vec ixgbe_vec_avx2 = {"avx2", rx_run_avx2, rx_arm_avx2, tx_run_avx2};

/* --- AVX-512: eight packets, each pair of them a store --------------------------------------------------------------- */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

/* Two packets of 32 bytes: buffer and word of each between what is the same for all. */
#define FRONT_HALVES 0x33

AVX512 static unsigned rx_run_avx512(const union ixgbe_rx_desc *d, void *const *bufs, struct vireo_pkt *pkts,
				     unsigned n, const struct ixgbe_rx_consts *c, uint64_t *bytes)
{
	const __m512i look = _mm512_set1_epi64(RX_LOOK), want = _mm512_set1_epi64(RX_WANT);
	const __m512i one = _mm512_set1_epi64(RX_ONE), max = _mm512_set1_epi64(RX_MAX(c->max_len));
	const __m512i field = _mm512_set1_epi64(RX_LEN_FIELD), word = _mm512_set1_epi64((long long)c->word);
	const __m512i second = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
	/*
	 * Buffers are elements 0 to 7, words 8 to 15. The permutation leaves the lanes of its index that are not in the mask as
	 * they are: there stands what is the same for all packets.
	 */
	const __m512i rest = _mm512_set_epi64(0, (long long)c->port, 0, 0, 0, (long long)c->port, 0, 0);
	const __m512i p01 = _mm512_or_si512(rest, _mm512_setr_epi64(0, 8, 0, 0, 1, 9, 0, 0));
	const __m512i p23 = _mm512_or_si512(rest, _mm512_setr_epi64(2, 10, 0, 0, 3, 11, 0, 0));
	const __m512i p45 = _mm512_or_si512(rest, _mm512_setr_epi64(4, 12, 0, 0, 5, 13, 0, 0));
	const __m512i p67 = _mm512_or_si512(rest, _mm512_setr_epi64(6, 14, 0, 0, 7, 15, 0, 0));
	__m512i sum = _mm512_setzero_si512();
	unsigned i;

	for (i = 0; i + 8 <= n; i += 8) {
		__m512i qw =
			_mm512_permutex2var_epi64(_mm512_loadu_si512(&d[i]), second, _mm512_loadu_si512(&d[i + 4]));
		__m512i bad = _mm512_or_si512(_mm512_xor_si512(_mm512_and_si512(qw, look), want),
					      _mm512_subs_epu16(_mm512_sub_epi64(qw, one), max));
		__m512i buf, w, len;

		if (_mm512_test_epi64_mask(bad, bad))
			break;
		buf = _mm512_loadu_si512(&bufs[i]);
		len = _mm512_and_si512(_mm512_srli_epi64(qw, 16), field);
		w = _mm512_or_si512(word, len);
		_mm512_storeu_si512(&pkts[i], _mm512_mask2_permutex2var_epi64(buf, p01, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[i + 2], _mm512_mask2_permutex2var_epi64(buf, p23, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[i + 4], _mm512_mask2_permutex2var_epi64(buf, p45, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[i + 6], _mm512_mask2_permutex2var_epi64(buf, p67, FRONT_HALVES, w));
		sum = _mm512_add_epi64(sum, len);
	}
	*bytes += (uint64_t)_mm512_reduce_add_epi64(sum) >> 16;
	return n - i < 4 ? i : i + rx_run_avx2(&d[i], &bufs[i], &pkts[i], n - i, c, bytes);
}

AVX512 static void rx_arm_avx512(union ixgbe_rx_desc *d, void *const *bufs, uint64_t add)
{
	const __m512i plus = _mm512_set1_epi64((long long)add);
	const __m512i low = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0), high = _mm512_setr_epi64(4, 0, 5, 0, 6, 0, 7, 0);

	for (unsigned i = 0; i < BULK; i += 8) {
		__m512i b = _mm512_add_epi64(_mm512_loadu_si512(&bufs[i]), plus);

		_mm512_storeu_si512(&d[i], _mm512_maskz_permutexvar_epi64(0x55, low, b));
		_mm512_storeu_si512(&d[i + 4], _mm512_maskz_permutexvar_epi64(0x55, high, b));
	}
}

AVX512 static unsigned tx_run_avx512(union ixgbe_tx_desc *d, void **bufs, const struct vireo_pkt *pkts, unsigned n,
				     uint32_t owner, uint64_t iova_offset, uint64_t *bytes)
{
	const __m512i look = _mm512_set1_epi64(TX_FLAGS), whose = _mm512_set1_epi64(TX_OWNER(owner));
	const __m512i min = _mm512_set1_epi64(TX_MIN);
	const __m512i max = _mm512_set1_epi64(TX_MAX), offset = _mm512_set1_epi64((long long)iova_offset);
	const __m512i low = _mm512_set1_epi64(0xffff), cmd = _mm512_set1_epi64(IXGBE_TX_PLAIN_CMD);
	/* Buffers of four packets, then their words. */
	const __m512i split = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
	const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
	const __m512i last = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
	__m512i sum = _mm512_setzero_si512();
	unsigned i;

	for (i = 0; i + 8 <= n; i += 8) {
		const __m512i *at = (const __m512i *)&pkts[i];
		__m512i a = _mm512_permutex2var_epi64(_mm512_loadu_si512(at), split, _mm512_loadu_si512(at + 1));
		__m512i b = _mm512_permutex2var_epi64(_mm512_loadu_si512(at + 2), split, _mm512_loadu_si512(at + 3));
		__m512i buf = _mm512_shuffle_i64x2(a, b, 0x44), word = _mm512_shuffle_i64x2(a, b, 0xee);
		__m512i bad = _mm512_or_si512(_mm512_and_si512(_mm512_xor_si512(word, whose), look),
					      _mm512_subs_epu16(_mm512_sub_epi16(word, min), max));
		__m512i iova, len, second;

		if (_mm512_test_epi64_mask(bad, bad))
			break;
		iova = _mm512_add_epi64(_mm512_add_epi64(buf, offset), _mm512_and_si512(word, low));
		len = _mm512_srli_epi64(_mm512_slli_epi64(word, 32), 48);
		second = _mm512_or_si512(_mm512_or_si512(len, cmd), _mm512_slli_epi64(len, TX_PAYLEN_AT));
		_mm512_storeu_si512(&d[i], _mm512_permutex2var_epi64(iova, first, second));
		_mm512_storeu_si512(&d[i + 4], _mm512_permutex2var_epi64(iova, last, second));
		_mm512_storeu_si512(&bufs[i], buf);
		sum = _mm512_add_epi64(sum, len);
	}
	*bytes += (uint64_t)_mm512_reduce_add_epi64(sum);
	return n - i < 4 ? i : i + tx_run_avx2(&d[i], &bufs[i], &pkts[i], n - i, owner, iova_offset, bytes);
}

const struct ixgbe_vec ixgbe_vec_avx512 = {"avx512", rx_run_avx512, rx_arm_avx512, tx_run_avx512};

const struct ixgbe_vec *ixgbe_vec_choose(void)
{
	static const struct ixgbe_vec *const all[N_SIMD] = {
		[SIMD_SSE42] = &ixgbe_vec_sse42,
		[SIMD_AVX2] = &ixgbe_vec_avx2,
		[SIMD_AVX512] = &ixgbe_vec_avx512,
	};

	return all[simd_choose()];
}

#else

const struct ixgbe_vec *ixgbe_vec_choose(void)
{
	return NULL;
}

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * Vector loops: SSE4.2, AVX2 and AVX-512, side by side so that they can be compared. Each does the same steps to a group of
 * packets: bring what is said of each into one register, check all at once, look into the headers, compute, and bring the
 * results into the order of memory.
 *
 * An answer of a split ring is visible before the index that was read says so. A place of a packed ring is judged by its own
 * second word, which the device hands over as a whole and which is read in one access that is aligned to 16: other places of the
 * same access may be older or newer, and are judged by theirs. What is read after that, headers, comes later in the
 * program, and x86 keeps loads in their order; fence() keeps the compiler from changing it.
 */
#include "virtio_vec.h"

#include <string.h>

#include "offload.h"
#include "simd.h"
#include "virtio.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BULK   VIRTIO_VEC_BULK
#define INLINE static inline __attribute__((always_inline))

/* Of a split ring's answer the length is the upper half, of a packed ring's place the lower one; of none it is that of a header. */
#define RX_LEN(len, packed) ((long long)((uint64_t)(len) << ((packed) ? 0 : 32)))
/* What the first answer of a packet of one byte says, and how much more it can be. */
#define RX_FIRST(first, packed)	 ((long long)(first) + RX_LEN(VIRTIO_NET_HDR_LEN + 1, packed))
#define RX_MOST(max_len, packed) RX_LEN((max_len)-1, packed)
/* Lengths are one too small until they become that of a packet. */
#define RX_WORD(word) ((long long)((word) + (1u << 16)))

#define PACKED_ID      (1ll << VIRTQ_PACKED_ID_SHIFT)
#define PACKED_UPPER   ((uint32_t)VIRTQ_PACKED_TURN << 16 | 0xffff)
#define PACKED_TURN_ID ((uint64_t)PACKED_UPPER << 32)
#define PACKED_LOOK    ((long long)(PACKED_TURN_ID | 0xffffffff))

/*
 * A header is read together with the 4 bytes in front of it: all of that lies in the line that ends where data begins, and no
 * line with data is touched.
 */
#define HEADER_BEFORE 4
static_assert(VIRTIO_HDR_AT >= HEADER_BEFORE && (VIRTIO_HDR_AT - HEADER_BEFORE) % 16 == 0, "16 bytes of one line");

/* A bit of a header's first byte becomes one of a packet's flags; both are in the upper half of a word. */
#define VALID_SHIFT	  9
#define VALID_BITS(flags) ((long long)((uint64_t)(flags) << 32))
static_assert(VIREO_PKT_RX_L4_OK == VIRTIO_NET_HDR_F_DATA_VALID << 9, "one bit becomes the other");

/* off, len and flags of a packet in one word. */
#define TX_FLAGS ((long long)((uint64_t)VIRTIO_TX_NOT_PLAIN << 32))
/* One with less room in front of its header is left to the scalar loop. */
#define TX_MIN ((long long)((VIRTIO_NET_HDR_LEN + HEADER_BEFORE) | ETH_HLEN << 16))

INLINE void fence(void)
{
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
}

INLINE __m128i load128(const void *at)
{
	return _mm_loadu_si128(at);
}

INLINE const __m128i *header_at(const void *buf)
{
	return (const __m128i *)((const char *)buf + VIRTIO_HDR_AT - HEADER_BEFORE);
}

INLINE __m128i load_header(const void *buf)
{
	return load128(header_at(buf));
}

/* Where what was read of a header has the bits of a queue's mask: those of flags and gso_type, and those of num_buffers. */
INLINE __m128i header_bits(uint32_t word)
{
	return _mm_set_epi32((int)(word & 0xffff0000), 0, (int)(word & 0xffff), 0);
}

INLINE __m128i header_bytes(void)
{
	return _mm_set_epi32(-1, -1, -1, 0);
}

INLINE char *tx_header(const struct vireo_pkt *p)
{
	return (char *)p->buf + p->off - VIRTIO_NET_HDR_LEN - HEADER_BEFORE;
}

/* Lengths of @n packets, each one too small, and at bit 16. */
INLINE uint64_t rx_bytes(uint64_t sum, unsigned n)
{
	return (sum >> 16) + n;
}

/* --- SSE4.2: four packets as two pairs ---------------------------------------------------------------------------- */

#define SSE42 __attribute__((target("sse4.2")))

SSE42 INLINE uint64_t sum_sse42(__m128i sum)
{
	return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1);
}

SSE42 INLINE bool any_sse42(__m128i v)
{
	return !_mm_testz_si128(v, v);
}

/* What of it is above the greatest, of each half as a number without sign. */
SSE42 INLINE __m128i above_sse42(__m128i x, __m128i most)
{
	return _mm_xor_si128(_mm_min_epu32(x, most), x);
}

SSE42 INLINE void rx_store_sse42(struct vireo_pkt *pkts, __m128i bufs, __m128i w, __m128i port)
{
	_mm_storeu_si128((__m128i *)&pkts[0], _mm_unpacklo_epi64(bufs, w));
	_mm_storeu_si128((__m128i *)&pkts[0].hash, port);
	_mm_storeu_si128((__m128i *)&pkts[1], _mm_unpackhi_epi64(bufs, w));
	_mm_storeu_si128((__m128i *)&pkts[1].hash, port);
}

SSE42 INLINE unsigned rx_run_sse42(const void *ring, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
				   const struct virtio_rx_consts *c, uint64_t *bytes, const bool packed)
{
	const __m128i look = _mm_set1_epi64x(PACKED_LOOK), two = _mm_set1_epi64x(packed ? 2 * PACKED_ID : 2);
	const __m128i most = _mm_set1_epi64x(RX_MOST(c->max_len, packed)), word = _mm_set1_epi64x(RX_WORD(c->word));
	const __m128i port = _mm_set_epi64x(0, (long long)c->port), valid = _mm_set1_epi64x(VALID_BITS(c->valid_mask));
	const __m128i mask = header_bits(c->hdr_mask), plain = header_bits(c->hdr_want);
	__m128i want =
		_mm_set_epi64x(RX_FIRST(c->first, packed) + (packed ? PACKED_ID : 1), RX_FIRST(c->first, packed));
	__m128i sum = _mm_setzero_si128();
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		__m128i a, b, wa, wb;

		if (packed) {
			const __m128i *d = ring;

			a = _mm_and_si128(_mm_unpackhi_epi64(_mm_load_si128(d), _mm_load_si128(d + 1)), look);
			b = _mm_and_si128(_mm_unpackhi_epi64(_mm_load_si128(d + 2), _mm_load_si128(d + 3)), look);
		} else {
			a = load128(ring);
			b = load128((const struct virtq_used_elem *)ring + 2);
		}
		fence();
		a = _mm_sub_epi32(a, want);
		want = _mm_add_epi64(want, two);
		b = _mm_sub_epi32(b, want);
		want = _mm_add_epi64(want, two);
		if (any_sse42(_mm_or_si128(above_sse42(a, most), above_sse42(b, most))))
			break;
		a = packed ? _mm_slli_epi64(a, 16) : _mm_srli_epi64(a, 16);
		b = packed ? _mm_slli_epi64(b, 16) : _mm_srli_epi64(b, 16);
		wa = _mm_add_epi64(word, a);
		wb = _mm_add_epi64(word, b);
		if (c->hdr_mask) {
			__m128i h0 = load_header(bufs[0]), h1 = load_header(bufs[1]);
			__m128i h2 = load_header(bufs[2]), h3 = load_header(bufs[3]);
			__m128i bad = _mm_or_si128(_mm_or_si128(_mm_xor_si128(h0, plain), _mm_xor_si128(h1, plain)),
						   _mm_or_si128(_mm_xor_si128(h2, plain), _mm_xor_si128(h3, plain)));

			if (!_mm_testz_si128(bad, mask))
				break;
			h0 = _mm_and_si128(_mm_unpacklo_epi64(h0, h1), valid);
			h2 = _mm_and_si128(_mm_unpacklo_epi64(h2, h3), valid);
			wa = _mm_or_si128(wa, _mm_slli_epi64(h0, VALID_SHIFT));
			wb = _mm_or_si128(wb, _mm_slli_epi64(h2, VALID_SHIFT));
		}
		rx_store_sse42(&pkts[0], load128(&bufs[0]), wa, port);
		rx_store_sse42(&pkts[2], load128(&bufs[2]), wb, port);
		sum = _mm_add_epi64(sum, _mm_add_epi64(a, b));
		ring = (const char *)ring +
		       4 * (packed ? sizeof(struct virtq_packed_desc) : sizeof(struct virtq_used_elem));
		bufs += 4;
		pkts += 4;
	}
	*bytes += rx_bytes(sum_sse42(sum), n - left);
	return n - left;
}

SSE42 static unsigned rx_split_sse42(const struct virtq_used_elem *e, void *const *bufs, struct vireo_pkt *pkts,
				     unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_sse42(e, bufs, pkts, n, c, bytes, false);
}

SSE42 static unsigned rx_packed_sse42(const struct virtq_packed_desc *d, void *const *bufs, struct vireo_pkt *pkts,
				      unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_sse42(d, bufs, pkts, n, c, bytes, true);
}

SSE42 static void rx_arm_packed_sse42(struct virtq_packed_desc *d, void *const *bufs,
				      const struct virtio_desc_consts *c)
{
	const __m128i add = _mm_set1_epi64x((long long)c->add), two = _mm_set1_epi64x((long long)(2 * c->step));
	__m128i second = _mm_set_epi64x((long long)(c->second + c->step), (long long)(c->second - c->hold));
	__m128i next = _mm_add_epi64(two, _mm_set_epi64x(0, (long long)c->hold));

	for (unsigned i = 0; i < BULK; i += 2) {
		__m128i b = _mm_add_epi64(_mm_loadu_si128((const __m128i *)&bufs[i]), add);

		_mm_store_si128((__m128i *)&d[i], _mm_unpacklo_epi64(b, second));
		_mm_store_si128((__m128i *)&d[i + 1], _mm_unpackhi_epi64(b, second));
		second = _mm_add_epi64(second, next);
		next = two;
	}
}

SSE42 INLINE __m128i tx_bad_sse42(__m128i word)
{
	return _mm_or_si128(_mm_and_si128(word, _mm_set1_epi64x(TX_FLAGS)),
			    _mm_subs_epu16(_mm_set1_epi64x(TX_MIN), word));
}

SSE42 INLINE __m128i tx_store_sse42(struct virtq_desc *d, void **bufs, __m128i buf, __m128i word, __m128i second,
				    __m128i add)
{
	__m128i iova = _mm_add_epi64(_mm_add_epi64(buf, add), _mm_and_si128(word, _mm_set1_epi64x(0xffff)));
	__m128i len = _mm_srli_epi64(_mm_slli_epi64(word, 32), 48);

	second = _mm_add_epi64(second, len);
	_mm_store_si128((__m128i *)&d[0], _mm_unpacklo_epi64(iova, second));
	_mm_store_si128((__m128i *)&d[1], _mm_unpackhi_epi64(iova, second));
	_mm_storeu_si128((__m128i *)bufs, buf);
	return len;
}

/* Headers of four packets say nothing from now on. */
SSE42 INLINE void clear_headers_sse42(const struct vireo_pkt *p)
{
	char *h0 = tx_header(&p[0]), *h1 = tx_header(&p[1]), *h2 = tx_header(&p[2]), *h3 = tx_header(&p[3]);
	__m128i said = _mm_or_si128(_mm_or_si128(load128(h0), load128(h1)), _mm_or_si128(load128(h2), load128(h3)));

	if (_mm_testz_si128(said, header_bytes()))
		return;
	memset(h0 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h1 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h2 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h3 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
}

SSE42 static unsigned tx_run_sse42(struct virtq_desc *d, void **bufs, uint32_t *owners, const struct vireo_pkt *pkts,
				   unsigned n, const struct virtio_desc_consts *c, uint64_t *bytes)
{
	const __m128i add = _mm_set1_epi64x((long long)c->add), two = _mm_set1_epi64x((long long)(2 * c->step));
	const __m128i pool = _mm_set1_epi32((int)VIRTIO_OWNER_POOL), one = _mm_set1_epi32(1);
	__m128i second = _mm_set_epi64x((long long)(c->second + c->step), (long long)(c->second - c->hold));
	__m128i next = _mm_add_epi64(two, _mm_set_epi64x(0, (long long)c->hold)), sum = _mm_setzero_si128();
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		__m128i p0 = load128(&pkts[0]), p1 = load128(&pkts[1]);
		__m128i p2 = load128(&pkts[2]), p3 = load128(&pkts[3]);
		__m128i a = _mm_unpackhi_epi64(p0, p1), b = _mm_unpackhi_epi64(p2, p3), owner;

		if (any_sse42(_mm_or_si128(tx_bad_sse42(a), tx_bad_sse42(b))))
			break;
		clear_headers_sse42(pkts);
		owner = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(a), _mm_castsi128_ps(b), 0xdd));
		_mm_storeu_si128((__m128i *)owners, _mm_or_si128(_mm_and_si128(owner, pool), one));
		sum = _mm_add_epi64(sum, tx_store_sse42(&d[0], &bufs[0], _mm_unpacklo_epi64(p0, p1), a, second, add));
		second = _mm_add_epi64(second, next);
		sum = _mm_add_epi64(sum, tx_store_sse42(&d[2], &bufs[2], _mm_unpacklo_epi64(p2, p3), b, second, add));
		second = _mm_add_epi64(second, two);
		next = two;
		d += 4;
		bufs += 4;
		owners += 4;
		pkts += 4;
	}
	*bytes += sum_sse42(sum);
	return n - left;
}

/* Whether each of four is the only descriptor of its packet. */
SSE42 INLINE __m128i not_alone_sse42(const uint32_t *owners)
{
	return _mm_xor_si128(_mm_and_si128(load128(owners), _mm_set1_epi32(VIRTIO_OWNER_N)), _mm_set1_epi32(1));
}

SSE42 static unsigned tx_look_split_sse42(const struct virtq_used_elem *e, const uint32_t *owners, unsigned n,
					  uint64_t first)
{
	const __m128i four = _mm_set1_epi32(4);
	__m128i want = _mm_add_epi32(_mm_set1_epi32((int)first), _mm_set_epi32(3, 2, 1, 0));
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		__m128 a = _mm_castsi128_ps(load128(&e[0])), b = _mm_castsi128_ps(load128(&e[2]));
		__m128i bad = _mm_xor_si128(_mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)), want);

		if (any_sse42(_mm_or_si128(bad, not_alone_sse42(owners))))
			break;
		want = _mm_add_epi32(want, four);
		e += 4;
		owners += 4;
	}
	fence();
	return n - left;
}

SSE42 static unsigned tx_look_packed_sse42(const struct virtq_packed_desc *d, const uint32_t *owners, unsigned n,
					   uint64_t first)
{
	const __m128i four = _mm_set1_epi32(4), look = _mm_set1_epi32((int)PACKED_UPPER);
	__m128i want = _mm_add_epi32(_mm_set1_epi32((int)(first >> 32)), _mm_set_epi32(3, 2, 1, 0));
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		const __m128i *at = (const __m128i *)d;
		__m128 a = _mm_castsi128_ps(_mm_unpackhi_epi32(_mm_load_si128(at), _mm_load_si128(at + 1)));
		__m128 b = _mm_castsi128_ps(_mm_unpackhi_epi32(_mm_load_si128(at + 2), _mm_load_si128(at + 3)));
		__m128i place = _mm_castps_si128(_mm_movehl_ps(b, a));
		__m128i bad = _mm_xor_si128(_mm_and_si128(place, look), want);

		if (any_sse42(_mm_or_si128(bad, not_alone_sse42(owners))))
			break;
		want = _mm_add_epi32(want, four);
		d += 4;
		owners += 4;
	}
	fence();
	return n - left;
}

const struct virtio_vec virtio_vec_sse42 = {
	"sse42",      rx_split_sse42,	   rx_packed_sse42,	 rx_arm_packed_sse42,
	tx_run_sse42, tx_look_split_sse42, tx_look_packed_sse42,
};

/* --- AVX2: four packets in one register --------------------------------------------------------------------------- */

#define AVX2 __attribute__((target("avx2")))

AVX2 INLINE uint64_t sum_avx2(__m256i sum)
{
	__m128i two = _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));

	return (uint64_t)_mm_cvtsi128_si64(two) + (uint64_t)_mm_extract_epi64(two, 1);
}

AVX2 INLINE __m256i load256(const void *at)
{
	return _mm256_loadu_si256(at);
}

AVX2 INLINE __m256i join_avx2(__m128i low, __m128i high)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* @a, @a + @step and so on. */
AVX2 INLINE __m256i row_avx2(uint64_t a, uint64_t step)
{
	return _mm256_setr_epi64x((long long)a, (long long)(a + step), (long long)(a + 2 * step),
				  (long long)(a + 3 * step));
}

/* The second words of four places, in their order. */
AVX2 INLINE __m256i places_avx2(const struct virtq_packed_desc *d)
{
	return _mm256_permute4x64_epi64(_mm256_unpackhi_epi64(load256(&d[0]), load256(&d[2])), 0xd8);
}

AVX2 INLINE void rx_store_avx2(struct vireo_pkt *pkts, __m256i buf, __m256i w, __m256i port)
{
	__m256i even = _mm256_unpacklo_epi64(buf, w), odd = _mm256_unpackhi_epi64(buf, w);

	_mm256_storeu_si256((__m256i *)&pkts[0], _mm256_blend_epi32(even, port, 0xf0));
	_mm256_storeu_si256((__m256i *)&pkts[1], _mm256_blend_epi32(odd, port, 0xf0));
	_mm256_storeu_si256((__m256i *)&pkts[2], _mm256_permute2x128_si256(even, port, 0x31));
	_mm256_storeu_si256((__m256i *)&pkts[3], _mm256_permute2x128_si256(odd, port, 0x31));
}

AVX2 INLINE unsigned rx_run_avx2(const void *ring, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
				 const struct virtio_rx_consts *c, uint64_t *bytes, const bool packed)
{
	const __m256i look = _mm256_set1_epi64x(PACKED_LOOK), four = _mm256_set1_epi64x(packed ? 4 * PACKED_ID : 4);
	const __m256i most = _mm256_set1_epi64x(RX_MOST(c->max_len, packed)),
		      word = _mm256_set1_epi64x(RX_WORD(c->word));
	const __m256i port = _mm256_set_epi64x(0, (long long)c->port, 0, 0),
		      valid = _mm256_set1_epi64x(VALID_BITS(c->valid_mask));
	const __m128i mask = header_bits(c->hdr_mask), plain = header_bits(c->hdr_want);
	__m256i want = row_avx2((uint64_t)RX_FIRST(c->first, packed), packed ? PACKED_ID : 1),
		sum = _mm256_setzero_si256();
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		__m256i x, w, bad;

		x = packed ? _mm256_and_si256(places_avx2(ring), look) : load256(ring);
		fence();
		x = _mm256_sub_epi32(x, want);
		bad = _mm256_xor_si256(_mm256_min_epu32(x, most), x);
		if (!_mm256_testz_si256(bad, bad))
			break;
		x = packed ? _mm256_slli_epi64(x, 16) : _mm256_srli_epi64(x, 16);
		w = _mm256_add_epi64(word, x);
		if (c->hdr_mask) {
			__m128i h0 = load_header(bufs[0]), h1 = load_header(bufs[1]);
			__m128i h2 = load_header(bufs[2]), h3 = load_header(bufs[3]);
			__m128i says = _mm_or_si128(_mm_or_si128(_mm_xor_si128(h0, plain), _mm_xor_si128(h1, plain)),
						    _mm_or_si128(_mm_xor_si128(h2, plain), _mm_xor_si128(h3, plain)));
			__m256i h;

			if (!_mm_testz_si128(says, mask))
				break;
			h = join_avx2(_mm_unpacklo_epi64(h0, h1), _mm_unpacklo_epi64(h2, h3));
			w = _mm256_or_si256(w, _mm256_slli_epi64(_mm256_and_si256(h, valid), VALID_SHIFT));
		}
		rx_store_avx2(pkts, load256(bufs), w, port);
		want = _mm256_add_epi64(want, four);
		sum = _mm256_add_epi64(sum, x);
		ring = (const char *)ring +
		       4 * (packed ? sizeof(struct virtq_packed_desc) : sizeof(struct virtq_used_elem));
		bufs += 4;
		pkts += 4;
	}
	*bytes += rx_bytes(sum_avx2(sum), n - left);
	return n - left;
}

AVX2 static unsigned rx_split_avx2(const struct virtq_used_elem *e, void *const *bufs, struct vireo_pkt *pkts,
				   unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_avx2(e, bufs, pkts, n, c, bytes, false);
}

AVX2 static unsigned rx_packed_avx2(const struct virtq_packed_desc *d, void *const *bufs, struct vireo_pkt *pkts,
				    unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_avx2(d, bufs, pkts, n, c, bytes, true);
}

/* Of either kind of ring: four of them. */
AVX2 INLINE void store_descs_avx2(void *descs, __m256i iova, __m256i second)
{
	struct virtq_desc *d = descs;
	__m256i even = _mm256_unpacklo_epi64(iova, second), odd = _mm256_unpackhi_epi64(iova, second);

	_mm256_storeu_si256((__m256i *)&d[0], _mm256_inserti128_si256(even, _mm256_castsi256_si128(odd), 1));
	_mm256_storeu_si256((__m256i *)&d[2], _mm256_permute2x128_si256(even, odd, 0x31));
}

AVX2 static void rx_arm_packed_avx2(struct virtq_packed_desc *d, void *const *bufs, const struct virtio_desc_consts *c)
{
	const __m256i add = _mm256_set1_epi64x((long long)c->add), four = _mm256_set1_epi64x((long long)(4 * c->step));
	const __m256i held = _mm256_setr_epi64x((long long)c->hold, 0, 0, 0);
	__m256i second = _mm256_sub_epi64(row_avx2(c->second, c->step), held), next = _mm256_add_epi64(four, held);

	for (unsigned i = 0; i < BULK; i += 4) {
		store_descs_avx2(&d[i], _mm256_add_epi64(load256(&bufs[i]), add), second);
		second = _mm256_add_epi64(second, next);
		next = four;
	}
}

AVX2 INLINE void clear_headers_avx2(const struct vireo_pkt *p)
{
	char *h0 = tx_header(&p[0]), *h1 = tx_header(&p[1]), *h2 = tx_header(&p[2]), *h3 = tx_header(&p[3]);
	__m128i said = _mm_or_si128(_mm_or_si128(load128(h0), load128(h1)), _mm_or_si128(load128(h2), load128(h3)));

	if (_mm_testz_si128(said, header_bytes()))
		return;
	memset(h0 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h1 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h2 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
	memset(h3 + HEADER_BEFORE, 0, VIRTIO_NET_HDR_LEN);
}

AVX2 static unsigned tx_run_avx2(struct virtq_desc *d, void **bufs, uint32_t *owners, const struct vireo_pkt *pkts,
				 unsigned n, const struct virtio_desc_consts *c, uint64_t *bytes)
{
	const __m256i flags = _mm256_set1_epi64x(TX_FLAGS), min = _mm256_set1_epi64x(TX_MIN);
	const __m256i add = _mm256_set1_epi64x((long long)c->add), four = _mm256_set1_epi64x((long long)(4 * c->step));
	const __m256i held = _mm256_setr_epi64x((long long)c->hold, 0, 0, 0), low = _mm256_set1_epi64x(0xffff);
	const __m256i upper = _mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7);
	const __m128i pool = _mm_set1_epi32((int)VIRTIO_OWNER_POOL), one = _mm_set1_epi32(1);
	__m256i second = _mm256_sub_epi64(row_avx2(c->second, c->step), held), next = _mm256_add_epi64(four, held);
	__m256i sum = _mm256_setzero_si256();
	unsigned left;

	for (left = n; left >= 4; left -= 4) {
		__m256i even = join_avx2(load128(&pkts[0]), load128(&pkts[2]));
		__m256i odd = join_avx2(load128(&pkts[1]), load128(&pkts[3]));
		__m256i buf = _mm256_unpacklo_epi64(even, odd), word = _mm256_unpackhi_epi64(even, odd);
		__m256i bad = _mm256_or_si256(_mm256_and_si256(word, flags), _mm256_subs_epu16(min, word)), len;
		__m128i owner;

		if (!_mm256_testz_si256(bad, bad))
			break;
		clear_headers_avx2(pkts);
		len = _mm256_srli_epi64(_mm256_slli_epi64(word, 32), 48);
		store_descs_avx2(d, _mm256_add_epi64(_mm256_add_epi64(buf, add), _mm256_and_si256(word, low)),
				 _mm256_add_epi64(second, len));
		_mm256_storeu_si256((__m256i *)bufs, buf);
		owner = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(word, upper));
		_mm_storeu_si128((__m128i *)owners, _mm_or_si128(_mm_and_si128(owner, pool), one));
		second = _mm256_add_epi64(second, next);
		next = four;
		sum = _mm256_add_epi64(sum, len);
		d += 4;
		bufs += 4;
		owners += 4;
		pkts += 4;
	}
	*bytes += sum_avx2(sum);
	return n - left;
}

AVX2 INLINE __m256i not_alone_avx2(const uint32_t *owners)
{
	return _mm256_xor_si256(_mm256_and_si256(load256(owners), _mm256_set1_epi32(VIRTIO_OWNER_N)),
				_mm256_set1_epi32(1));
}

AVX2 static unsigned tx_look_split_avx2(const struct virtq_used_elem *e, const uint32_t *owners, unsigned n,
					uint64_t first)
{
	const __m256i eight = _mm256_set1_epi32(8), order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
	__m256i want = _mm256_add_epi32(_mm256_set1_epi32((int)first), order);
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m256 a = _mm256_castsi256_ps(load256(&e[0])), b = _mm256_castsi256_ps(load256(&e[4]));
		__m256i bad = _mm256_xor_si256(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)), want);

		bad = _mm256_or_si256(bad, not_alone_avx2(owners));
		if (!_mm256_testz_si256(bad, bad))
			break;
		want = _mm256_add_epi32(want, eight);
		e += 8;
		owners += 8;
	}
	fence();
	return n - left;
}

AVX2 static unsigned tx_look_packed_avx2(const struct virtq_packed_desc *d, const uint32_t *owners, unsigned n,
					 uint64_t first)
{
	const __m256i four = _mm256_set1_epi64x(4 * PACKED_ID), look = _mm256_set1_epi64x((long long)PACKED_TURN_ID);
	__m256i want = row_avx2(first, PACKED_ID);
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m256i a = _mm256_xor_si256(_mm256_and_si256(places_avx2(&d[0]), look), want), b, bad;

		want = _mm256_add_epi64(want, four);
		b = _mm256_xor_si256(_mm256_and_si256(places_avx2(&d[4]), look), want);
		bad = _mm256_or_si256(_mm256_or_si256(a, b), not_alone_avx2(owners));
		if (!_mm256_testz_si256(bad, bad))
			break;
		want = _mm256_add_epi64(want, four);
		d += 8;
		owners += 8;
	}
	fence();
	return n - left;
}

const struct virtio_vec virtio_vec_avx2 = {
	"avx2", rx_split_avx2, rx_packed_avx2, rx_arm_packed_avx2, tx_run_avx2, tx_look_split_avx2, tx_look_packed_avx2,
};

/* --- AVX-512: eight packets, each pair of them a store --------------------------------------------------------------- */

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

/* Two packets of 32 bytes: buffer and word of each between what is the same for all. */
#define FRONT_HALVES 0x33
/* a | (b ^ c) and a | (b & c) */
#define OR_XOR 0xf6
#define OR_AND 0xf8
#define OR_OR  0xfe
/* All of what is read of a header but what is in front of it. */
#define HEADER_WORDS 0xe
#define AND_OR	     0xea

AVX512 INLINE __m512i load512(const void *at)
{
	return _mm512_loadu_si512(at);
}

AVX512 INLINE __m512i row_avx512(uint64_t a, uint64_t step)
{
	return _mm512_add_epi64(
		_mm512_set1_epi64((long long)a),
		_mm512_mullo_epi64(_mm512_set1_epi64((long long)step), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)));
}

AVX512 INLINE __m512i places_avx512(const struct virtq_packed_desc *d)
{
	return _mm512_permutex2var_epi64(load512(&d[0]), _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), load512(&d[4]));
}

/* What eight headers have that a plain one has not. */
AVX512 INLINE __m128i rx_headers_avx512(void *const *bufs, __m128i plain)
{
	__m128i bad = _mm_setzero_si128();

#pragma GCC unroll 8
	for (unsigned k = 0; k < 8; k++)
		bad = _mm_ternarylogic_epi32(bad, plain, load_header(bufs[k]), OR_XOR);
	return bad;
}

/* The flags of eight headers, each in a word; what of them is used was checked before, or may be either. */
AVX512 INLINE __m512i rx_valid_avx512(void *const *bufs)
{
	__m512i h = _mm512_setzero_si512();

#pragma GCC unroll 8
	for (unsigned k = 0; k < 8; k++)
		h = _mm512_mask_broadcastq_epi64(h, (__mmask8)(1 << k), _mm_loadl_epi64(header_at(bufs[k])));
	return h;
}

AVX512 INLINE unsigned rx_run_avx512(const void *ring, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
				     const struct virtio_rx_consts *c, uint64_t *bytes, const bool packed)
{
	const __m512i look = _mm512_set1_epi64(PACKED_LOOK), eight = _mm512_set1_epi64(packed ? 8 * PACKED_ID : 8);
	const __m512i most = _mm512_set1_epi64(RX_MOST(c->max_len, packed)), word = _mm512_set1_epi64(RX_WORD(c->word));
	const __m512i valid = _mm512_set1_epi64(VALID_BITS(c->valid_mask));
	const __m128i mask = header_bits(c->hdr_mask), plain = header_bits(c->hdr_want);
	/*
	 * Buffers are elements 0 to 7, words 8 to 15. The permutation leaves the lanes of its index that are not in the mask as
	 * they are: there stands what is the same for all packets.
	 */
	const __m512i rest = _mm512_set_epi64(0, (long long)c->port, 0, 0, 0, (long long)c->port, 0, 0);
	const __m512i p01 = _mm512_or_si512(rest, _mm512_setr_epi64(0, 8, 0, 0, 1, 9, 0, 0));
	const __m512i p23 = _mm512_or_si512(rest, _mm512_setr_epi64(2, 10, 0, 0, 3, 11, 0, 0));
	const __m512i p45 = _mm512_or_si512(rest, _mm512_setr_epi64(4, 12, 0, 0, 5, 13, 0, 0));
	const __m512i p67 = _mm512_or_si512(rest, _mm512_setr_epi64(6, 14, 0, 0, 7, 15, 0, 0));
	__m512i want = row_avx512((uint64_t)RX_FIRST(c->first, packed), packed ? PACKED_ID : 1),
		sum = _mm512_setzero_si512();
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m512i x, w, buf;

		x = packed ? _mm512_and_si512(places_avx512(ring), look) : load512(ring);
		fence();
		x = _mm512_sub_epi32(x, want);
		if (_mm512_cmpgt_epu32_mask(x, most))
			break;
		x = packed ? _mm512_slli_epi64(x, 16) : _mm512_srli_epi64(x, 16);
		w = _mm512_add_epi64(word, x);
		if (c->hdr_mask) {
			if (!_mm_testz_si128(rx_headers_avx512(bufs, plain), mask))
				break;
			if (c->valid_mask)
				w = _mm512_or_si512(w, _mm512_slli_epi64(_mm512_and_si512(rx_valid_avx512(bufs), valid),
									 VALID_SHIFT));
		}
		buf = load512(bufs);
		_mm512_storeu_si512(&pkts[0], _mm512_mask2_permutex2var_epi64(buf, p01, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[2], _mm512_mask2_permutex2var_epi64(buf, p23, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[4], _mm512_mask2_permutex2var_epi64(buf, p45, FRONT_HALVES, w));
		_mm512_storeu_si512(&pkts[6], _mm512_mask2_permutex2var_epi64(buf, p67, FRONT_HALVES, w));
		want = _mm512_add_epi64(want, eight);
		sum = _mm512_add_epi64(sum, x);
		ring = (const char *)ring +
		       8 * (packed ? sizeof(struct virtq_packed_desc) : sizeof(struct virtq_used_elem));
		bufs += 8;
		pkts += 8;
	}
	*bytes += rx_bytes((uint64_t)_mm512_reduce_add_epi64(sum), n - left);
	return n - left;
}

AVX512 static unsigned rx_split_avx512(const struct virtq_used_elem *e, void *const *bufs, struct vireo_pkt *pkts,
				       unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_avx512(e, bufs, pkts, n, c, bytes, false);
}

AVX512 static unsigned rx_packed_avx512(const struct virtq_packed_desc *d, void *const *bufs, struct vireo_pkt *pkts,
					unsigned n, const struct virtio_rx_consts *c, uint64_t *bytes)
{
	return rx_run_avx512(d, bufs, pkts, n, c, bytes, true);
}

/* Of either kind of ring: eight of them. */
AVX512 INLINE void store_descs_avx512(void *descs, __m512i iova, __m512i second)
{
	struct virtq_desc *d = descs;
	const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
		      high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);

	_mm512_storeu_si512(&d[0], _mm512_permutex2var_epi64(iova, low, second));
	_mm512_storeu_si512(&d[4], _mm512_permutex2var_epi64(iova, high, second));
}

AVX512 static void rx_arm_packed_avx512(struct virtq_packed_desc *d, void *const *bufs,
					const struct virtio_desc_consts *c)
{
	const __m512i add = _mm512_set1_epi64((long long)c->add), eight = _mm512_set1_epi64((long long)(8 * c->step));
	const __m512i held = _mm512_maskz_set1_epi64(1, (long long)c->hold);
	__m512i second = _mm512_sub_epi64(row_avx512(c->second, c->step), held), next = _mm512_add_epi64(eight, held);

	for (unsigned i = 0; i < BULK; i += 8) {
		store_descs_avx512(&d[i], _mm512_add_epi64(load512(&bufs[i]), add), second);
		second = _mm512_add_epi64(second, next);
		next = eight;
	}
}

/* Headers of four packets say nothing from now on. */
AVX512 INLINE void clear_headers_avx512(const struct vireo_pkt *p)
{
	char *h0 = tx_header(&p[0]), *h1 = tx_header(&p[1]), *h2 = tx_header(&p[2]), *h3 = tx_header(&p[3]);
	__m128i said = _mm_ternarylogic_epi32(_mm_or_si128(load128(h0), load128(h1)), load128(h2), load128(h3), OR_OR);

	if (_mm_testz_si128(said, header_bytes()))
		return;
	_mm_mask_storeu_epi32(h0, HEADER_WORDS, _mm_setzero_si128());
	_mm_mask_storeu_epi32(h1, HEADER_WORDS, _mm_setzero_si128());
	_mm_mask_storeu_epi32(h2, HEADER_WORDS, _mm_setzero_si128());
	_mm_mask_storeu_epi32(h3, HEADER_WORDS, _mm_setzero_si128());
}

AVX512 static unsigned tx_run_avx512(struct virtq_desc *d, void **bufs, uint32_t *owners, const struct vireo_pkt *pkts,
				     unsigned n, const struct virtio_desc_consts *c, uint64_t *bytes)
{
	const __m512i flags = _mm512_set1_epi64(TX_FLAGS), min = _mm512_set1_epi64(TX_MIN);
	const __m512i add = _mm512_set1_epi64((long long)c->add), eight = _mm512_set1_epi64((long long)(8 * c->step));
	const __m512i held = _mm512_maskz_set1_epi64(1, (long long)c->hold), low = _mm512_set1_epi64(0xffff);
	const __m256i pool = _mm256_set1_epi32((int)VIRTIO_OWNER_POOL), one = _mm256_set1_epi32(1);
	/* Buffers of four packets, then their words. */
	const __m512i split = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
	__m512i second = _mm512_sub_epi64(row_avx512(c->second, c->step), held), next = _mm512_add_epi64(eight, held);
	__m512i sum = _mm512_setzero_si512();
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m512i a = _mm512_permutex2var_epi64(load512(&pkts[0]), split, load512(&pkts[2]));
		__m512i b = _mm512_permutex2var_epi64(load512(&pkts[4]), split, load512(&pkts[6]));
		__m512i buf = _mm512_shuffle_i64x2(a, b, 0x44), word = _mm512_shuffle_i64x2(a, b, 0xee), len;
		__m512i bad = _mm512_ternarylogic_epi64(_mm512_subs_epu16(min, word), word, flags, OR_AND);
		__m256i owner;

		if (_mm512_test_epi64_mask(bad, bad))
			break;
		clear_headers_avx512(&pkts[0]);
		clear_headers_avx512(&pkts[4]);
		len = _mm512_srli_epi64(_mm512_slli_epi64(word, 32), 48);
		store_descs_avx512(d, _mm512_add_epi64(_mm512_add_epi64(buf, add), _mm512_and_si512(word, low)),
				   _mm512_add_epi64(second, len));
		_mm512_storeu_si512(bufs, buf);
		owner = _mm512_cvtepi64_epi32(_mm512_srli_epi64(word, 32));
		_mm256_storeu_si256((__m256i *)owners, _mm256_ternarylogic_epi32(owner, pool, one, AND_OR));
		second = _mm512_add_epi64(second, next);
		next = eight;
		sum = _mm512_add_epi64(sum, len);
		d += 8;
		bufs += 8;
		owners += 8;
		pkts += 8;
	}
	*bytes += (uint64_t)_mm512_reduce_add_epi64(sum);
	return n - left;
}

AVX512 INLINE __mmask8 alone_avx512(const uint32_t *owners)
{
	return _mm256_cmpeq_epi32_mask(_mm256_and_si256(load256(owners), _mm256_set1_epi32(VIRTIO_OWNER_N)),
				       _mm256_set1_epi32(1));
}

AVX512 static unsigned tx_look_split_avx512(const struct virtq_used_elem *e, const uint32_t *owners, unsigned n,
					    uint64_t first)
{
	const __m512i eight = _mm512_set1_epi64(8), look = _mm512_set1_epi64(0xffffffff);
	__m512i want = row_avx512(first, 1);
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m512i x = _mm512_and_si512(load512(e), look);

		if ((_mm512_cmpeq_epi64_mask(x, want) & alone_avx512(owners)) != 0xff)
			break;
		want = _mm512_add_epi64(want, eight);
		e += 8;
		owners += 8;
	}
	fence();
	return n - left;
}

AVX512 static unsigned tx_look_packed_avx512(const struct virtq_packed_desc *d, const uint32_t *owners, unsigned n,
					     uint64_t first)
{
	const __m512i eight = _mm512_set1_epi64(8 * PACKED_ID), look = _mm512_set1_epi64((long long)PACKED_TURN_ID);
	__m512i want = row_avx512(first, PACKED_ID);
	unsigned left;

	for (left = n; left >= 8; left -= 8) {
		__m512i x = _mm512_and_si512(places_avx512(d), look);

		if ((_mm512_cmpeq_epi64_mask(x, want) & alone_avx512(owners)) != 0xff)
			break;
		want = _mm512_add_epi64(want, eight);
		d += 8;
		owners += 8;
	}
	fence();
	return n - left;
}

const struct virtio_vec virtio_vec_avx512 = {
	"avx512",      rx_split_avx512,	     rx_packed_avx512,	    rx_arm_packed_avx512,
	tx_run_avx512, tx_look_split_avx512, tx_look_packed_avx512,
};

const struct virtio_vec *virtio_vec_choose(void)
{
	static const struct virtio_vec *const all[N_SIMD] = {
		[SIMD_SSE42] = &virtio_vec_sse42,
		[SIMD_AVX2] = &virtio_vec_avx2,
		[SIMD_AVX512] = &virtio_vec_avx512,
	};

	return all[simd_choose()];
}

#else

const struct virtio_vec *virtio_vec_choose(void)
{
	return NULL;
}

#endif

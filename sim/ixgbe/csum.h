/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_IXGBE_CSUM_H
#define SIM_IXGBE_CSUM_H

/*
 * The internet checksum (RFC 1071) over words as they lie in memory: a sum is right in either byte order, as long as
 * it is stored the way it was added. And the two CRCs.
 */

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* An addition whose carry comes in again at the bottom. */
static inline uint64_t ixm_add(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

static inline uint64_t ixm_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline uint64_t ixm_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static inline uint64_t ixm_sum16(const uint8_t *p, uint64_t sum)
{
	return ixm_add(ixm_add(sum, ixm_load64(p)), ixm_load64(p + 8));
}

uint64_t ixm_sum_lines(const uint8_t *p, size_t n_lines, uint64_t sum); /* of 64 bytes */

/* Short packets are most packets, so what is below 64 bytes has no loop, and no call. */
static inline __attribute__((always_inline)) uint64_t ixm_sum(const uint8_t *p, size_t len, uint64_t sum)
{
	uint64_t v = 0;

	if (len < 8) {
		memcpy(&v, p, len);
		return ixm_add(sum, v);
	}
	if (len >= 64) {
		sum = ixm_sum_lines(p, len / 64, sum);
		p += len & ~(size_t)63;
	}
	if (len & 32) {
		sum = ixm_sum16(p + 16, ixm_sum16(p, sum));
		p += 32;
	}
	if (len & 16) {
		sum = ixm_sum16(p, sum);
		p += 16;
	}
	if (len & 8) {
		sum = ixm_add(sum, ixm_load64(p));
		p += 8;
	}
	/* The last word again, without what has been added. */
	if (len & 7)
		sum = ixm_add(sum, ixm_load64(p + (len & 7) - 8) >> (64 - 8 * (len & 7)));
	return sum;
}

/* To 16 bits: a number and itself with its halves swapped have their sum, carry included, in the upper half. */
static inline uint16_t ixm_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/*
 * Whether what was added up, its checksum included, is right: folded it would be 0xffff, so the sum is a multiple of that
 * (2^64 - 1 is one, so the carries change nothing). A sum of nothing but zeros is not asked about: headers are not zero.
 */
static inline bool ixm_sum_good(uint64_t sum)
{
	return sum % 0xffff == 0;
}

static inline uint16_t ixm_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void ixm_put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A number of host order as a term of such a sum: to swap the bytes of a word is to multiply it by 256, modulo 0xffff. */
static inline uint64_t ixm_sum_term(uint32_t v)
{
	return htons(1) == 1 ? v : (uint64_t)v << 8;
}

/*
 * CRC-32 of Ethernet (reflected 0xedb88320) and CRC-32c of SCTP (reflected 0x82f63b78), as they are stored:
 * little-endian.
 */
uint32_t ixm_crc32(const uint8_t *p, size_t len);
uint32_t ixm_crc32c(const uint8_t *p, size_t len);

#endif

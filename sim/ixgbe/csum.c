/* SPDX-License-Identifier: BSD-2-Clause */
#include "csum.h"

uint64_t ixm_sum_lines(const uint8_t *p, size_t n_lines, uint64_t sum)
{
	for (; n_lines; p += 64, n_lines--)
		sum = ixm_sum16(p + 48, ixm_sum16(p + 32, ixm_sum16(p + 16, ixm_sum16(p, sum))));
	return sum;
}

/* Rarely wanted (frames that keep their CRC, SCTP), so bit by bit. */
static uint32_t crc(const uint8_t *p, size_t len, uint32_t poly)
{
	uint32_t r = ~0u;

	for (; len; len--) {
		r ^= *p++;
		for (int k = 0; k < 8; k++)
			r = r >> 1 ^ (r & 1 ? poly : 0);
	}
	return ~r;
}

uint32_t ixm_crc32(const uint8_t *p, size_t len)
{
	return crc(p, len, 0xedb88320u);
}

uint32_t ixm_crc32c(const uint8_t *p, size_t len)
{
	return crc(p, len, 0x82f63b78u);
}

// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "frame.h"

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

/* Sum of big-endian words, a last odd byte counting as the high half of one. */
static uint32_t add(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

unsigned frame_l2(const struct frame_shape *shape)
{
	return shape->tagged ? 18 : 14;
}

unsigned frame_l3(const struct frame_shape *shape)
{
	return shape->ipv6 ? 40 : 20u + shape->ip_options;
}

unsigned frame_l4(const struct frame_shape *shape)
{
	return shape->udp ? 8 : 20;
}

static void build_ip(const struct frame_shape *shape, uint8_t *ip, uint32_t l4_len)
{
	unsigned hlen = frame_l3(shape);

	memset(ip, 0, hlen);
	if (shape->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, l4_len);
		ip[6] = shape->udp ? 17 : 6;
		ip[7] = 64;
		for (unsigned i = 8; i < 40; i++)
			ip[i] = 0x20 + i * 7;
		return;
	}
	ip[0] = 0x40 | hlen / 4;
	put16(ip + 2, hlen + l4_len);
	ip[8] = 64;
	ip[9] = shape->udp ? 17 : 6;
	for (unsigned i = 12; i < hlen; i++)
		ip[i] = i < 20 ? 10 + i * 13 : 1;
	put16(ip + 10, ~add(ip, hlen, 0));
}

static uint32_t pseudo(const struct frame_shape *shape, const uint8_t *ip, uint32_t l4_len)
{
	uint32_t sum = shape->ipv6 ? add(ip + 8, 32, 0) : add(ip + 12, 8, 0);

	return sum + (shape->udp ? 17 : 6) + (l4_len & 0xffff) + (l4_len >> 16);
}

uint32_t frame_build(const struct frame_shape *shape, uint8_t *ret_frame)
{
	unsigned l2 = frame_l2(shape), l4 = frame_l4(shape);
	uint8_t *ip = ret_frame + l2, *th = ip + frame_l3(shape);
	uint32_t l4_len = l4 + shape->payload, len = th - ret_frame + l4_len;

	memcpy(ret_frame, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	if (shape->tagged) {
		put16(ret_frame + 12, 0x8100);
		put16(ret_frame + 14, shape->tci);
	}
	put16(ret_frame + l2 - 2, shape->ipv6 ? 0x86dd : 0x0800);
	build_ip(shape, ip, l4_len);
	memset(th, 0, l4);
	put16(th, 4000);
	put16(th + 2, 5000);
	if (shape->udp)
		put16(th + 4, l4_len);
	else
		th[12] = 0x50;
	for (uint32_t i = 0; i < shape->payload; i++)
		th[l4 + i] = i * 31 + (i >> 8);
	frame_make_partial(shape, ret_frame, len);
	frame_complete(ret_frame, len, th - ret_frame, shape->udp ? 6 : 16);
	return len;
}

void frame_make_partial(const struct frame_shape *shape, uint8_t *frame, uint32_t len)
{
	uint8_t *ip = frame + frame_l2(shape), *th = ip + frame_l3(shape);

	put16(th + (shape->udp ? 6 : 16), add(NULL, 0, pseudo(shape, ip, frame + len - th)));
}

void frame_complete(uint8_t *frame, uint32_t len, uint32_t csum_start, uint32_t csum_offset)
{
	uint16_t csum = ~add(frame + csum_start, len - csum_start, 0);

	put16(frame + csum_start + csum_offset, csum ? csum : 0xffff);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "frame.h"

#define ETH_LEN	 14
#define VLAN_LEN 4
#define IP_LEN	 20
#define UDP_LEN	 8
#define TAG_LEN	 18

#define MAGIC	   0x76697265u
#define PROTO_UDP  17
#define SRC_IP	   0xc6120001u /* 198.18.0.1, of the range for benchmarks (RFC 2544) */
#define DST_IP	   0xc6130001u /* 198.19.0.1 */
#define FIRST_PORT 1024u
#define DST_PORT   9u /* discard */

static void put16(uint8_t *p, uint32_t v)
{
	uint16_t be = __builtin_bswap16((uint16_t)v);

	memcpy(p, &be, sizeof(be));
}

static void put32(uint8_t *p, uint32_t v)
{
	uint32_t be = __builtin_bswap32(v);

	memcpy(p, &be, sizeof(be));
}

/*
 * The Internet checksum (RFC 1071) before it is inverted. The sum may have words of 16 and of 32 bits as its terms; of a
 * number and itself with its halves swapped, the upper half of their sum is that of the halves, carry included.
 */
static uint16_t fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

static unsigned head_len(const struct frame_writer *w)
{
	return w->l2_len + IP_LEN + UDP_LEN + TAG_LEN;
}

static void sum_filling(struct frame_writer *w)
{
	unsigned head = head_len(w);

	for (unsigned len = head + 1; len <= FRAME_MAX; len++) {
		unsigned i = len - 1 - head;
		uint32_t byte = (uint8_t)i;

		w->fill_sum[len] = fold((uint64_t)w->fill_sum[len - 1] + (i % 2 ? byte : byte << 8));
	}
}

void frame_writer_init(struct frame_writer *w, const struct frame_config *cfg)
{
	uint8_t *p = w->header;

	memset(w, 0, sizeof(*w));
	w->l2_len = ETH_LEN + (cfg->tagged ? VLAN_LEN : 0);
	w->n_flows = cfg->n_flows;
	for (unsigned i = head_len(w); i < FRAME_HEADER; i++)
		p[i] = (uint8_t)(i - head_len(w));
	memcpy(p, cfg->dst, MAC_LEN);
	memcpy(p + MAC_LEN, cfg->src, MAC_LEN);
	if (cfg->tagged) {
		put16(p + 12, 0x8100);
		put16(p + 14, cfg->vlan);
	}
	put16(p + w->l2_len - 2, 0x0800);
	p += w->l2_len;
	p[0] = 0x45;
	put16(p + 6, 0x4000); /* don't fragment */
	p[8] = 64;	      /* time to live */
	p[9] = PROTO_UDP;
	put32(p + 16, DST_IP);
	w->ip_sum = 0x4500 + 0x4000 + (64 << 8 | PROTO_UDP) + (uint64_t)DST_IP;
	p += IP_LEN;
	put16(p + 2, DST_PORT);
	p += UDP_LEN;
	put32(p, MAGIC);
	put16(p + 4, cfg->stream);
	w->fixed_udp_sum = (uint64_t)DST_IP + PROTO_UDP + DST_PORT + MAGIC + cfg->stream;
	sum_filling(w);
}

void frame_writer_fill(const struct frame_writer *w, uint8_t *frame, unsigned len)
{
	for (unsigned i = head_len(w); i < len; i++)
		frame[i] = (uint8_t)(i - head_len(w));
}

void frame_writer_set_time(struct frame_writer *w, uint64_t now_ns)
{
	uint8_t *tag = w->header + w->l2_len + IP_LEN + UDP_LEN;

	put32(tag + 10, (uint32_t)(now_ns >> 32));
	put32(tag + 14, (uint32_t)now_ns);
	w->udp_sum = w->fixed_udp_sum + (now_ns >> 32) + (uint32_t)now_ns;
}

/* What differs from frame to frame of one writer. */
struct cursor {
	uint32_t flow, seq;
};

/* Wrong is another value than the right one in ones' complement too, and not zero, which would mean none. */
static inline void write_ip(const struct frame_writer *restrict w, struct cursor at, uint32_t frame_len, uint8_t fault,
			    uint32_t src, uint8_t *restrict ip)
{
	uint32_t len = frame_len - w->l2_len;
	uint32_t csum = fold(w->ip_sum + len + (at.seq & 0xffff) + src) ^ 0xffff;

	if (__builtin_expect(fault == FRAME_BAD_IP, 0))
		csum ^= 0x5555;
	put32(ip + 2, len << 16 | (at.seq & 0xffff));
	put16(ip + 10, csum);
	put32(ip + 12, src);
}

static inline void write_udp(const struct frame_writer *restrict w, struct cursor at, uint32_t frame_len, uint8_t fault,
			     uint32_t src, uint8_t *restrict udp)
{
	uint32_t len = frame_len - w->l2_len - IP_LEN, src_port = FIRST_PORT + at.flow % FRAME_PORTS;
	uint64_t sum = w->udp_sum + 2 * len + src + src_port + at.seq + w->fill_sum[frame_len];
	uint32_t csum = fold(sum) ^ 0xffff;

	if (__builtin_expect(!csum, 0))
		csum = 0xffff;
	if (__builtin_expect(fault == FRAME_BAD_L4, 0))
		csum = csum == 0x5555 ? 0xaaaa : csum ^ 0x5555;
	put16(udp, src_port);
	put32(udp + 4, len << 16 | csum);
	put32(udp + UDP_LEN + 6, at.seq);
}

static inline void write_frame(const struct frame_writer *restrict w, struct cursor at, uint32_t len, uint8_t fault,
			       uint8_t *restrict frame)
{
	static const uint8_t stranger[MAC_LEN] = {0x02, 0x00, 0x5e, 0x00, 0x53, 0xff};
	uint32_t src = SRC_IP + at.flow / FRAME_PORTS;

	memcpy(frame, w->header, FRAME_HEADER);
	write_ip(w, at, len, fault, src, frame + w->l2_len);
	write_udp(w, at, len, fault, src, frame + w->l2_len + IP_LEN);
	if (__builtin_expect(fault == FRAME_FOREIGN, 0))
		memcpy(frame, stranger, MAC_LEN);
}

void frame_writer_burst(struct frame_writer *w, const struct sim_frame *frames, const uint8_t *faults, unsigned n)
{
	struct cursor at = {.flow = w->flow, .seq = w->seq};
	uint32_t n_flows = w->n_flows;

	for (unsigned i = 0; i < n; i++) {
		write_frame(w, at, frames[i].len, faults[i], (uint8_t *)frames[i].data);
		at.seq++;
		at.flow = at.flow + 1 == n_flows ? 0 : at.flow + 1;
	}
	w->flow = at.flow;
	w->seq = at.seq;
}

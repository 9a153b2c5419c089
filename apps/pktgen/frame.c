// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <string.h>

#include <vireo/log.h>

#include "frame.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define PROTO_UDP      17

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* The Internet checksum (RFC 1071) as a sum of big-endian words, not yet folded. */
static uint64_t sum_bytes(const uint8_t *p, unsigned len)
{
	uint64_t sum = 0;

	for (; len >= 4; len -= 4, p += 4)
		sum += get32(p);
	if (len >= 2) {
		sum += get16(p);
		p += 2;
	}
	if (len & 1)
		sum += (uint64_t)*p << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint64_t range_size(struct units_range r)
{
	return (uint64_t)r.last - r.first + 1;
}

/* Products of four ranges reach 2^96; nobody counts that far. */
static uint64_t count_flows(const struct frame_config *cfg)
{
	unsigned __int128 n = (unsigned __int128)range_size(cfg->src_ip) * range_size(cfg->dst_ip) *
			      range_size(cfg->src_port) * range_size(cfg->dst_port);

	return n > UINT64_MAX ? UINT64_MAX : (uint64_t)n;
}

static void write_template(struct frame_gen *gen)
{
	const struct frame_config *cfg = &gen->cfg;
	uint8_t *p = gen->header;

	memcpy(p, cfg->dst_mac, VIREO_MAC_LEN);
	memcpy(p + 6, cfg->src_mac, VIREO_MAC_LEN);
	if (cfg->tagged) {
		put16(p + 12, ETHERTYPE_VLAN);
		put16(p + 14, cfg->vlan);
	}
	put16(p + gen->l2_len - 2, ETHERTYPE_IPV4);
	p += gen->l2_len;
	p[0] = 0x45;
	put16(p + 6, 0x4000); /* don't fragment */
	p[8] = 64;	      /* time to live */
	p[9] = PROTO_UDP;
	p += IP_LEN + UDP_LEN;
	put32(p, FRAME_MAGIC);
	put16(p + 4, cfg->stream);
}

static void first_flow(struct frame_gen *gen)
{
	gen->flow = 0;
	gen->src_ip = gen->cfg.src_ip.first;
	gen->dst_ip = gen->cfg.dst_ip.first;
	gen->src_port = gen->cfg.src_port.first;
	gen->dst_port = gen->cfg.dst_port.first;
}

int frame_gen_init(struct frame_gen *gen, const struct frame_config *cfg)
{
	uint64_t n;
	unsigned head;

	memset(gen, 0, sizeof(*gen));
	gen->cfg = *cfg;
	/* Flows without ranges: the source port tells them apart. */
	if (cfg->n_flows > 1 && count_flows(cfg) == 1) {
		if (cfg->n_flows > 65536u - cfg->src_port.first)
			return vireo_error(
				-EINVAL, "--flows %llu: source ports from %u on do not suffice; give --src-ip a range",
				(unsigned long long)cfg->n_flows, cfg->src_port.first);
		gen->cfg.src_port.last = cfg->src_port.first + (uint32_t)cfg->n_flows - 1;
	}
	n = count_flows(&gen->cfg);
	if (cfg->n_flows > n)
		return vireo_error(-EINVAL, "--flows %llu: the ranges of addresses and ports make only %llu",
				   (unsigned long long)cfg->n_flows, (unsigned long long)n);
	gen->n_flows = cfg->n_flows ? cfg->n_flows : n;
	gen->l2_len = ETH_LEN + (cfg->tagged ? VLAN_LEN : 0);
	write_template(gen);
	first_flow(gen);

	head = gen->l2_len + IP_LEN + UDP_LEN + TAG_LEN;
	for (unsigned len = head + 1; len <= FRAME_MAX; len++) {
		unsigned i =
			len - 1 - head; /* the last byte of a frame of this length, counted from the filling's start */
		uint64_t byte = (uint8_t)i;

		gen->fill_sum[len] = fold(gen->fill_sum[len - 1] + (i % 2 ? byte : byte << 8));
	}
	return 0;
}

unsigned frame_len(const struct frame_gen *gen, unsigned size)
{
	return size - FRAME_FCS + (gen->cfg.tagged ? VLAN_LEN : 0);
}

void frame_fill(const struct frame_gen *gen, uint8_t *frame, unsigned len)
{
	unsigned head = gen->l2_len + IP_LEN + UDP_LEN + TAG_LEN;

	for (unsigned i = head; i < len; i++)
		frame[i] = (uint8_t)(i - head);
}

static bool turn(uint32_t *value, struct units_range r)
{
	if (*value < r.last) {
		++*value;
		return true;
	}
	*value = r.first;
	return false;
}

static void next_flow(struct frame_gen *gen)
{
	if (++gen->flow == gen->n_flows)
		first_flow(gen);
	else if (!turn(&gen->src_port, gen->cfg.src_port) && !turn(&gen->dst_port, gen->cfg.dst_port) &&
		 !turn(&gen->src_ip, gen->cfg.src_ip))
		turn(&gen->dst_ip, gen->cfg.dst_ip);
}

void frame_write(struct frame_gen *gen, uint8_t *frame, unsigned len, uint64_t now_ns)
{
	uint8_t *ip = frame + gen->l2_len, *udp = ip + IP_LEN, *tag = udp + UDP_LEN;
	unsigned ip_len = len - gen->l2_len, udp_len = ip_len - IP_LEN;
	uint16_t csum;

	memcpy(frame, gen->header, gen->l2_len + IP_LEN + UDP_LEN + TAG_LEN);
	put16(ip + 2, ip_len);
	put16(ip + 4, gen->seq & 0xffff);
	put32(ip + 12, gen->src_ip);
	put32(ip + 16, gen->dst_ip);
	put16(udp, gen->src_port);
	put16(udp + 2, gen->dst_port);
	put16(udp + 4, udp_len);
	put32(tag + 6, gen->seq++);
	put32(tag + 10, (uint32_t)(now_ns >> 32));
	put32(tag + 14, (uint32_t)now_ns);

	if (!gen->cfg.offload) {
		put16(ip + 10, (uint16_t)~fold(sum_bytes(ip, IP_LEN)));
		/* RFC 768: pseudo header, header and data; a sum of zero is sent as all ones. */
		csum = (uint16_t)~fold(sum_bytes(ip + 12, 8) + PROTO_UDP + udp_len + sum_bytes(udp, UDP_LEN + TAG_LEN) +
				       gen->fill_sum[len]);
		put16(udp + 6, csum ? csum : 0xffff);
	}
	next_flow(gen);
}

/* Where the IPv4 header starts, or 0. */
static unsigned find_ipv4(const uint8_t *frame, unsigned len)
{
	unsigned at = ETH_LEN;

	while (len >= at + VLAN_LEN &&
	       (get16(frame + at - 2) == ETHERTYPE_VLAN || get16(frame + at - 2) == ETHERTYPE_QINQ))
		at += VLAN_LEN;
	return len >= at + IP_LEN + UDP_LEN + TAG_LEN && get16(frame + at - 2) == ETHERTYPE_IPV4 ? at : 0;
}

/* An IPv4 header without options whose checksum and lengths hold, UDP inside. */
static bool headers_valid(const uint8_t *ip, unsigned len)
{
	unsigned ip_len = get16(ip + 2), udp_len = get16(ip + IP_LEN + 4);

	return ip[0] == 0x45 && ip[9] == PROTO_UDP && fold(sum_bytes(ip, IP_LEN)) == 0xffff && ip_len <= len &&
	       udp_len >= UDP_LEN && udp_len + IP_LEN == ip_len;
}

static bool udp_sum_valid(const uint8_t *ip)
{
	unsigned udp_len = get16(ip + IP_LEN + 4);

	return fold(sum_bytes(ip + 12, 8) + PROTO_UDP + udp_len + sum_bytes(ip + IP_LEN, udp_len)) == 0xffff;
}

enum frame_kind frame_check(const uint8_t *frame, unsigned len, struct frame_tag *ret_tag)
{
	unsigned at = find_ipv4(frame, len);
	const uint8_t *ip = frame + at, *udp = ip + IP_LEN, *tag = udp + UDP_LEN;

	if (!at)
		return FRAME_FOREIGN;
	if (get32(tag) != FRAME_MAGIC) {
		/* UDP with a wrong checksum is ours, damaged where we would have known it: nobody else sends such. */
		if (headers_valid(ip, len - at) && get16(udp + 6) && !udp_sum_valid(ip))
			return FRAME_CORRUPT;
		return FRAME_FOREIGN;
	}
	if (!headers_valid(ip, len - at) || get16(udp + 4) < UDP_LEN + TAG_LEN || !udp_sum_valid(ip))
		return FRAME_CORRUPT;
	ret_tag->stream = (uint16_t)get16(tag + 4);
	ret_tag->seq = get32(tag + 6);
	ret_tag->time_ns = (uint64_t)get32(tag + 10) << 32 | get32(tag + 14);
	return FRAME_OURS;
}

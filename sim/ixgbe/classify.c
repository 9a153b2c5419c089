/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "csum.h"
#include "internal.h"

/*
 * What a frame that arrives is: whether it is for us, what is in it, whether its checksums are right, its hash, and
 * the queue that it goes to. Looks at nothing but the frame and the filter; counts nothing.
 */

#define ETHER_IPV4	  0x0800
#define ETHER_IPV6	  0x86dd
#define ETHER_MAC_CONTROL 0x8808

#define PROTO_TCP  6
#define PROTO_UDP  17
#define PROTO_SCTP 132

/* What the headers turned out to be. */
struct parsed {
	const uint8_t *l3, *l4; /* NULL: not there */
	uint64_t addresses;	/* their sum */
	uint32_t l4_len;	/* bytes, header included */
	uint32_t type, status;	/* as in the descriptor */
	uint32_t proto;
	bool v6, fragment;
};

static inline uint64_t load48(const uint8_t *p)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, p, 4);
	memcpy(&high, p + 4, 2);
	return low | (uint64_t)high << 32;
}

static inline void hash_bytes(const struct ixm_filter *f, const uint8_t *p, unsigned n, unsigned at, uint32_t *hash)
{
	uint32_t h = *hash;

	for (unsigned i = 0; i < n; i++)
		h ^= f->toeplitz[at + i][p[i]];
	*hash = h;
}

static inline bool has_ports(const struct parsed *p)
{
	return p->l4 && (p->proto == PROTO_TCP || p->proto == PROTO_UDP);
}

/* Which hash MRQC asks for, 0: none. */
static unsigned hash_kind(uint32_t fields, const struct parsed *p)
{
	if (!p->v6) {
		if (has_ports(p) && fields & (p->proto == PROTO_TCP ? IXGBE_MRQC_IPV4_TCP : IXGBE_MRQC_IPV4_UDP))
			return p->proto == PROTO_TCP ? IXGBE_RXD_RSS_IPV4_TCP : IXGBE_RXD_RSS_IPV4_UDP;
		return fields & IXGBE_MRQC_IPV4 ? IXGBE_RXD_RSS_IPV4 : 0;
	}
	if (has_ports(p) && p->proto == PROTO_TCP) {
		if (fields & IXGBE_MRQC_IPV6_TCP)
			return IXGBE_RXD_RSS_IPV6_TCP;
		if (fields & IXGBE_MRQC_IPV6_TCP_EX)
			return IXGBE_RXD_RSS_IPV6_TCP_EX;
	} else if (has_ports(p)) {
		if (fields & IXGBE_MRQC_IPV6_UDP)
			return IXGBE_RXD_RSS_IPV6_UDP;
		if (fields & IXGBE_MRQC_IPV6_UDP_EX)
			return IXGBE_RXD_RSS_IPV6_UDP_EX;
	}
	return fields & IXGBE_MRQC_IPV6 ? IXGBE_RXD_RSS_IPV6 : fields & IXGBE_MRQC_IPV6_EX ? IXGBE_RXD_RSS_IPV6_EX : 0;
}

static inline void rss(const struct ixm_filter *f, struct parsed *p, struct ixm_rx_meta *meta)
{
	unsigned kind = hash_kind(f->rss_fields, p);
	unsigned n = p->v6 ? 32 : 8;
	uint32_t hash = 0;

	if (!kind)
		return;
	hash_bytes(f, p->l3 + (p->v6 ? 8 : 12), n, 0, &hash);
	if (kind != IXGBE_RXD_RSS_IPV4 && kind != IXGBE_RXD_RSS_IPV6 && kind != IXGBE_RXD_RSS_IPV6_EX)
		hash_bytes(f, p->l4, 4, n, &hash);
	meta->queue = f->reta[hash & f->reta_mask];
	if (f->hash_reported) {
		meta->hash = hash;
		p->type |= kind;
	}
}

static inline uint64_t pseudo_sum(const struct parsed *p)
{
	return ixm_add(p->addresses, ixm_sum_term(p->proto + p->l4_len));
}

static bool sctp_good(const uint8_t *l4, uint32_t len)
{
	uint8_t packet[IXM_MAX_FRAME];
	uint32_t want;

	if (len > sizeof(packet))
		return false;
	memcpy(packet, l4, len);
	memcpy(&want, packet + 8, 4);
	memset(packet + 8, 0, 4);
	return ixm_crc32c(packet, len) == want;
}

/* A UDP datagram over IPv4 may have no checksum; then there is nothing to check. What goes into the status. */
static inline uint32_t check_l4(const struct parsed *p)
{
	uint32_t status = IXGBE_RXD_L4CS;
	bool good;

	if (__builtin_expect(p->proto == PROTO_SCTP, 0)) {
		good = sctp_good(p->l4, p->l4_len);
	} else {
		if (p->proto == PROTO_UDP) {
			uint32_t len = ixm_be16(p->l4 + 4);

			if (len < 8 || len > p->l4_len || (!p->v6 && !ixm_be16(p->l4 + 6)))
				return 0;
			status |= IXGBE_RXD_UDPCS;
		}
		good = ixm_sum_good(ixm_sum(p->l4, p->l4_len, pseudo_sum(p)));
	}
	return good ? status : status | IXGBE_RXD_L4E;
}

/* What the chip knows above IP, by protocol, and the least length of its header. */
static const struct l4_kind {
	uint16_t type, header;
} l4_kinds[256] = {
	[PROTO_TCP] = {IXGBE_RXD_TYPE_TCP, 20},
	[PROTO_UDP] = {IXGBE_RXD_TYPE_UDP, 8},
	[PROTO_SCTP] = {IXGBE_RXD_TYPE_SCTP, 12},
};

/* From @l4 on there are @len bytes of the packet, which may be what the protocol says. */
static inline void parse_l4(const uint8_t *l4, uint32_t len, struct parsed *p)
{
	const struct l4_kind *kind = &l4_kinds[p->proto];

	if (!kind->type || len < kind->header)
		return;
	p->type |= kind->type;
	p->l4 = l4;
	p->l4_len = len;
}

/* @room bytes from @l3 on, 42 at least; p->l3 stays NULL when there is no IPv4 header that the chip would recognise. */
static inline void parse_ipv4(const uint8_t *l3, uint32_t room, struct parsed *p)
{
	uint32_t header = (l3[0] & 0xf) * 4u, total = ixm_be16(l3 + 2);
	uint64_t sum;

	if (l3[0] < 0x45 || l3[0] > 0x4f || header > room) /* version 4, at least 5 words */
		return;
	p->l3 = l3;
	p->type = IXGBE_RXD_TYPE_IPV4;
	p->addresses = ixm_load32(l3 + 12) + ixm_load32(l3 + 16);
	sum = ixm_load32(l3) + ixm_load32(l3 + 4) + ixm_load32(l3 + 8) + p->addresses;
	if (__builtin_expect(header > 20, 0)) {
		p->type |= IXGBE_RXD_TYPE_IPV4_OPT;
		sum = ixm_sum(l3 + 20, header - 20, sum);
	}
	p->status = ixm_sum_good(sum) ? IXGBE_RXD_IPCS : IXGBE_RXD_IPCS | IXGBE_RXD_IPE;
	p->proto = l3[9];
	p->fragment = ixm_be16(l3 + 6) & 0x3fff;
	if (!p->fragment && total <= room && total >= header)
		parse_l4(l3 + header, total - header, p);
}

static void parse_ipv6(const uint8_t *l3, uint32_t room, struct parsed *p)
{
	uint32_t at = 40, end;

	if (room < 40 || l3[0] >> 4 != 6)
		return;
	p->l3 = l3;
	p->v6 = true;
	p->addresses = ixm_sum(l3 + 8, 32, 0);
	p->proto = l3[6];
	p->type = IXGBE_RXD_TYPE_IPV6;
	end = 40u + ixm_be16(l3 + 4);
	if (end > room)
		return;
	while (p->proto == 0 || p->proto == 43 || p->proto == 60 || p->proto == 44) { /* options, routing, fragment */
		p->type |= IXGBE_RXD_TYPE_IPV6_EXT;
		if (at + 8 > end)
			return;
		if (p->proto == 44) {
			p->fragment = true;
			return;
		}
		p->proto = l3[at];
		at += 8u + 8u * l3[at + 1];
	}
	if (at <= end)
		parse_l4(l3 + at, end - at, p);
}

/* With RXCSUM.PCSD off the field of the hash holds a fragment's IP id and the sum of its payload. */
static uint32_t fragment_csum(const uint8_t *l3, uint32_t room)
{
	unsigned header = (l3[0] & 0xf) * 4u, total = ixm_be16(l3 + 2);

	if (total < header || total > room)
		return 0;
	return ixm_be16(l3 + 4) | (uint32_t)ixm_fold(ixm_sum(l3 + header, total - header, 0)) << 16;
}

static enum ixm_verdict check_frame(const struct ixm_filter *f, const struct sim_frame *frame, bool tagged,
				    uint16_t type, uint32_t l3)
{
	if (frame->len > f->max_len + (tagged ? 4 : 0))
		return IXM_GIANT;
	if (f->check_length && type < 0x600 && type > frame->len - l3)
		return IXM_BAD_LENGTH;
	return IXM_ACCEPT;
}

/* The tag at offset 12; false: the VLAN filter does not let it pass. */
static bool take_tag(struct ixgbe_model *m, const uint8_t *data, struct ixm_rx_meta *meta)
{
	const struct ixm_filter *f = &m->filter;
	unsigned id;

	meta->vlan = ixm_be16(data + 14);
	meta->status |= IXGBE_RXD_VP;
	id = meta->vlan & 0xfff;
	if (!f->vlan_filter)
		return true;
	if (f->cfi_filter && (meta->vlan >> 12 & 1) != f->cfi_value)
		return false;
	return ixm_reg(m, (uint32_t)IXGBE_VFTA(id / 32)) >> id % 32 & 1;
}

/* Damaged or too short; true: it goes to memory all the same. */
static bool store_damaged(const struct ixm_filter *f, const struct sim_frame *frame, struct ixm_rx_meta *meta)
{
	meta->verdict = frame->flags & SIM_FRAME_BAD_FCS ? IXM_BAD_CRC : IXM_RUNT;
	if (!f->store_bad || frame->len < IXM_MIN_FRAME || frame->len > SIM_FRAME_MAX)
		return false;
	meta->status = IXGBE_RXD_RXE;
	return true;
}

/* What is above Ethernet, @l3 bytes into the frame: checksums, hash, queue. */
static inline void classify_packet(struct ixgbe_model *m, const struct sim_frame *frame, uint32_t l3, uint16_t type,
				   uint32_t status, struct ixm_rx_meta *meta)
{
	const struct ixm_filter *f = &m->filter;
	uint32_t room = frame->len - l3;
	struct parsed p = {0};
	int queue;

	if (__builtin_expect(type == ETHER_IPV4, 1))
		parse_ipv4(frame->data + l3, room, &p);
	else if (type == ETHER_IPV6)
		parse_ipv6(frame->data + l3, room, &p);
	if (p.l4)
		p.status |= check_l4(&p);
	if (p.l3 && f->rss)
		rss(f, &p, meta);
	else if (__builtin_expect(p.fragment, 0) && !p.v6 && f->fragment_csum && !f->hash_reported)
		meta->hash = fragment_csum(p.l3, room);
	meta->type = p.type;
	meta->status = status | p.status;
	if (__builtin_expect(f->any_rule, 0)) {
		queue = ixm_filter_queue(m, type, p.l3 && !p.v6 && !p.fragment ? p.l3 : NULL, p.l4, p.proto, frame->len,
					 meta);
		if (queue >= 0)
			meta->queue = (uint8_t)queue;
	}
}

static inline void classify(struct ixgbe_model *m, const struct sim_frame *frame, struct ixm_rx_meta *meta)
{
	const struct ixm_filter *f = &m->filter;
	const uint8_t *data = frame->data;
	uint32_t l3 = 14, status;
	enum ixm_verdict verdict;
	bool passed = true;
	uint64_t mac;
	uint16_t type;
	int by;

	*meta = (struct ixm_rx_meta){0};
	if (__builtin_expect(frame->flags & SIM_FRAME_BAD_FCS || frame->len < IXM_MIN_FRAME, 0) &&
	    !store_damaged(f, frame, meta))
		return;
	type = ixm_be16(data + 12);
	if (type == f->vet) {
		passed = take_tag(m, data, meta);
		type = ixm_be16(data + 16);
		l3 = 18;
	}
	verdict = check_frame(f, frame, l3 == 18, type, l3);
	if (__builtin_expect(type == ETHER_MAC_CONTROL, 0) && !verdict && ixm_flow_received(m, frame))
		verdict = IXM_PAUSE;
	mac = load48(data);
	by = __builtin_expect(mac == f->mac0, 1) ? 1 : ixm_filter_mac(m, mac);
	if (!verdict && !(by && passed))
		verdict = IXM_FILTERED;
	meta->verdict = (uint8_t)verdict;
	if (__builtin_expect(verdict != IXM_ACCEPT, 0))
		return;
	status = meta->status | IXGBE_RXD_DD | IXGBE_RXD_EOP | (by == 2 ? IXGBE_RXD_PIF : 0);
	classify_packet(m, frame, l3, type, status, meta);
}

void ixm_classify(struct ixgbe_model *m, const struct sim_frame *frames, struct ixm_rx_meta *ret_metas, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		classify(m, &frames[i], &ret_metas[i]);
}

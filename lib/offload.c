// SPDX-License-Identifier: BSD-2-Clause
/*
 * Checksums after RFC 1071: a one's complement sum does not care about byte order as long as all its words have the
 * same, so everything is added up and stored as it lies in the packet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <vireo/port.h>

#include "offload.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_TCP 6
#define PROTO_UDP 17

#define IPV4_HLEN_MIN 20
#define IPV4_HLEN_MAX 60
#define IPV4_CSUM     10
#define IPV6_HLEN     40
#define TCP_HLEN_MIN  20
#define TCP_CSUM      16
#define TCP_FLAGS     13
#define TCP_FLAG_CWR  0x80
#define UDP_HLEN      8
#define UDP_CSUM      6

#define L4_REQUESTS (VIREO_PKT_TX_TCP_CSUM | VIREO_PKT_TX_UDP_CSUM | VIREO_PKT_TX_TSO)

/* A header at the network layer, as far as checksums care. */
struct l3 {
	uint32_t start;
	uint32_t l4_start;
	uint32_t l4_len; /* what the header says, or, of a packet to be cut, what there is */
	uint32_t addrs;	 /* sum of both addresses, as stored */
	bool large;	 /* its length fields are for whoever cuts it to set */
	uint8_t protocol;
	uint8_t bytes[IPV4_HLEN_MAX];
};

uint32_t offload_length(const struct vireo_pkt *pkts, unsigned n)
{
	uint32_t len = 0;

	for (unsigned i = 0; i < n; i++)
		len += pkts[i].len;
	return len;
}

bool offload_copy(const struct vireo_pkt *pkts, unsigned n, uint32_t from, void *dst, uint32_t len)
{
	char *out = dst;

	for (unsigned i = 0; i < n && len; i++) {
		uint32_t part;

		if (from >= pkts[i].len) {
			from -= pkts[i].len;
			continue;
		}
		part = pkts[i].len - from < len ? pkts[i].len - from : len;
		memcpy(out, (char *)vireo_pkt_data(&pkts[i]) + from, part);
		out += part;
		len -= part;
		from = 0;
	}
	return len == 0;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t sum_bytes(const void *data, uint32_t len)
{
	const char *p = data;
	uint64_t sum = 0;
	uint32_t word = 0;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, p, len);
	return fold(sum + word);
}

static uint16_t swap_bytes(uint16_t sum)
{
	return sum << 8 | sum >> 8;
}

uint16_t offload_sum(const struct vireo_pkt *pkts, unsigned n, uint32_t from, uint32_t len)
{
	uint64_t sum = 0;
	bool odd = false;

	for (unsigned i = 0; i < n && len; i++) {
		uint32_t part;
		uint16_t s;

		if (from >= pkts[i].len) {
			from -= pkts[i].len;
			continue;
		}
		part = pkts[i].len - from < len ? pkts[i].len - from : len;
		s = sum_bytes((char *)vireo_pkt_data(&pkts[i]) + from, part);
		/* RFC 1071, 2(B): a part that starts at an odd place is summed with its bytes swapped. */
		sum += odd ? swap_bytes(s) : s;
		odd ^= part & 1;
		len -= part;
		from = 0;
	}
	return fold(sum);
}

/* A checksum of 0 would say that there is none (UDP) or is the same as 0xffff (TCP). */
static uint16_t finish_l4(uint64_t sum)
{
	uint16_t csum = ~fold(sum);

	return csum ? csum : 0xffff;
}

static uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return ntohs(v);
}

static int read_ipv4(const struct vireo_pkt *pkts, unsigned n, uint32_t len, struct l3 *l3)
{
	uint32_t hlen = l3->l4_start - l3->start;
	uint32_t total;

	if (hlen < IPV4_HLEN_MIN || hlen > IPV4_HLEN_MAX || !offload_copy(pkts, n, l3->start, l3->bytes, hlen))
		return -EINVAL;
	if (l3->bytes[0] != (0x40 | hlen / 4) || hlen % 4)
		return -EINVAL;
	total = load16(l3->bytes + 2);
	if (!l3->large && (total < hlen || total > len - l3->start))
		return -EINVAL;
	l3->l4_len = total - hlen;
	l3->protocol = l3->bytes[9];
	l3->addrs = sum_bytes(l3->bytes + 12, 8);
	return 0;
}

/* The protocol field names an extension header perhaps; the request says what comes after it. */
static int read_ipv6(const struct vireo_pkt *pkts, unsigned n, uint32_t len, struct l3 *l3)
{
	uint32_t hlen = l3->l4_start - l3->start;
	uint32_t payload;

	if (hlen < IPV6_HLEN || !offload_copy(pkts, n, l3->start, l3->bytes, IPV6_HLEN))
		return -EINVAL;
	if (l3->bytes[0] >> 4 != 6)
		return -EINVAL;
	payload = load16(l3->bytes + 4);
	if (!l3->large && (payload < hlen - IPV6_HLEN || payload > len - l3->start - IPV6_HLEN))
		return -EINVAL;
	l3->l4_len = payload - (hlen - IPV6_HLEN);
	l3->protocol = hlen == IPV6_HLEN ? l3->bytes[6] : 0;
	l3->addrs = sum_bytes(l3->bytes + 8, 32);
	return 0;
}

static int read_l3(const struct vireo_pkt *pkts, unsigned n, uint32_t len, struct l3 *ret_l3)
{
	const struct vireo_pkt *p = &pkts[0];

	ret_l3->large = p->flags & (VIREO_PKT_TX_TSO | VIREO_PKT_LARGE);
	ret_l3->start = p->tx.l2_len;
	ret_l3->l4_start = (uint32_t)p->tx.l2_len + p->tx.l3_len;
	if (ret_l3->start < ETH_HLEN || ret_l3->l4_start > len)
		return -EINVAL;
	if (p->flags & VIREO_PKT_IPV6)
		return read_ipv6(pkts, n, len, ret_l3);
	return read_ipv4(pkts, n, len, ret_l3);
}

static uint64_t pseudo_sum(const struct l3 *l3, uint8_t protocol)
{
	return (uint64_t)l3->addrs + htons(protocol) + htons(l3->l4_len);
}

static void add_word(struct offload_plan *plan, uint32_t at, uint16_t value)
{
	plan->words[plan->n_words].at = at;
	plan->words[plan->n_words].value = value;
	plan->n_words++;
	if (plan->head < at + 2)
		plan->head = at + 2;
}

static int plan_ip_csum(const struct vireo_pkt *p, const struct l3 *l3, const struct offload_caps *caps,
			struct offload_plan *plan)
{
	uint16_t old;

	if (p->flags & VIREO_PKT_IPV6)
		return -EINVAL;
	if (caps->ip_csum) {
		plan->ip_csum = true;
		add_word(plan, l3->start + IPV4_CSUM, 0);
		return 0;
	}
	memcpy(&old, l3->bytes + IPV4_CSUM, sizeof(old));
	/* Adding the complement of the old checksum takes it out of the sum. */
	add_word(plan, l3->start + IPV4_CSUM,
		 ~fold((uint64_t)sum_bytes(l3->bytes, l3->l4_start - l3->start) + (uint16_t)~old));
	return 0;
}

static int plan_l4_csum(const struct vireo_pkt *pkts, unsigned n, uint32_t len, const struct l3 *l3,
			const struct offload_caps *caps, struct offload_plan *plan)
{
	bool udp = pkts[0].flags & VIREO_PKT_TX_UDP_CSUM;
	uint8_t protocol = udp ? PROTO_UDP : PROTO_TCP;
	uint32_t at = l3->l4_start + (udp ? UDP_CSUM : TCP_CSUM);
	uint64_t sum = pseudo_sum(l3, protocol);
	uint16_t old;

	if (l3->l4_len < (udp ? UDP_HLEN : TCP_HLEN_MIN) || (l3->protocol && l3->protocol != protocol))
		return -EINVAL;
	/* Behind a padded packet the device would add up the padding too. */
	if (caps->csum && l3->l4_start + l3->l4_len == len) {
		plan->partial = true;
		plan->csum_start = l3->l4_start;
		plan->csum_offset = at - l3->l4_start;
		add_word(plan, at, fold(sum));
		return 0;
	}
	if (!offload_copy(pkts, n, at, &old, sizeof(old)))
		return -EINVAL;
	sum += offload_sum(pkts, n, l3->l4_start, l3->l4_len);
	add_word(plan, at, finish_l4(sum + (uint16_t)~old));
	return 0;
}

/* The pseudo-header of a packet to be cut holds the length of the whole; the device corrects it for each segment. */
static int plan_large(const struct vireo_pkt *pkts, unsigned n, uint32_t len, struct l3 *l3,
		      const struct offload_caps *caps, struct offload_plan *plan)
{
	const struct vireo_pkt *p = &pkts[0];
	uint8_t tcp[TCP_HLEN_MIN];

	plan->ipv6 = p->flags & VIREO_PKT_IPV6;
	if (!caps->csum || !(plan->ipv6 ? caps->tso6 : caps->tso4) || !p->tx.seg_size)
		return -EINVAL;
	if (l3->protocol && l3->protocol != PROTO_TCP)
		return -EINVAL;
	if (!offload_copy(pkts, n, l3->l4_start, tcp, sizeof(tcp)) || p->tx.l4_len != (tcp[12] >> 4) * 4u ||
	    p->tx.l4_len < TCP_HLEN_MIN || l3->l4_start + p->tx.l4_len > len || len - l3->start > UINT16_MAX)
		return -EINVAL;
	l3->l4_len = len - l3->l4_start;
	plan->large = plan->partial = true;
	plan->cwr = tcp[TCP_FLAGS] & TCP_FLAG_CWR;
	plan->csum_start = l3->l4_start;
	plan->csum_offset = TCP_CSUM;
	plan->seg_size = p->tx.seg_size;
	plan->hdr_len = l3->l4_start + p->tx.l4_len;
	if (caps->tso_bare) {
		l3->l4_len = 0;
		/* Each segment gets a header checksum of its own, so the device must be asked for it. */
		if (!plan->ipv6 && !plan->ip_csum)
			add_word(plan, l3->start + IPV4_CSUM, 0);
		plan->ip_csum = !plan->ipv6;
	}
	if (caps->tso_bare || !(p->flags & VIREO_PKT_LARGE))
		add_word(plan, l3->l4_start + TCP_CSUM, fold(pseudo_sum(l3, PROTO_TCP)));
	return 0;
}

/* A partial checksum covers everything from its start to the end of the frame. */
static int plan_partial(const struct vireo_pkt *pkts, unsigned n, uint32_t len, const struct offload_caps *caps,
			struct offload_plan *plan)
{
	uint32_t start = pkts[0].tx.csum_start;
	uint32_t at = start + pkts[0].tx.csum_offset;

	if (start < ETH_HLEN || at + 2 > len || at + 2 > UINT16_MAX)
		return -EINVAL;
	if (caps->csum) {
		plan->partial = true;
		plan->csum_start = start;
		plan->csum_offset = pkts[0].tx.csum_offset;
	} else {
		add_word(plan, at, finish_l4(offload_sum(pkts, n, start, len - start)));
	}
	return 0;
}

static bool requests_fit(uint32_t flags, uint32_t tx_offloads)
{
	uint32_t l4 = flags & L4_REQUESTS;
	uint32_t need = 0;

	if (flags & VIREO_PKT_TX_IP_CSUM)
		need |= VIREO_TX_IP_CSUM;
	if (flags & (VIREO_PKT_TX_TCP_CSUM | VIREO_PKT_TX_UDP_CSUM))
		need |= VIREO_TX_L4_CSUM;
	if (flags & (VIREO_PKT_TX_TSO | VIREO_PKT_LARGE))
		need |= VIREO_TX_TSO;
	if (need & ~tx_offloads)
		return false;
	/* One word of the packet holds either csum_offset or l3_len. */
	if ((flags & VIREO_PKT_CSUM_PARTIAL) && !(flags & VIREO_PKT_LARGE))
		return !(flags & VIREO_PKT_TX_MASK);
	if ((flags & VIREO_PKT_TX_UDP_CSUM) && ((l4 & ~VIREO_PKT_TX_UDP_CSUM) || (flags & VIREO_PKT_LARGE)))
		return false;
	return true;
}

static int plan_requests(const struct vireo_pkt *pkts, unsigned n, uint32_t len, const struct offload_caps *caps,
			 struct offload_plan *plan)
{
	uint32_t flags = pkts[0].flags;
	struct l3 l3;
	int err;

	err = read_l3(pkts, n, len, &l3);
	if (err)
		return err;
	if (flags & VIREO_PKT_TX_IP_CSUM)
		err = plan_ip_csum(&pkts[0], &l3, caps, plan);
	if (err)
		return err;
	if (flags & (VIREO_PKT_TX_TSO | VIREO_PKT_LARGE))
		return plan_large(pkts, n, len, &l3, caps, plan);
	if (flags & L4_REQUESTS)
		return plan_l4_csum(pkts, n, len, &l3, caps, plan);
	return 0;
}

static int plan_tag(const struct vireo_pkt *p, struct offload_plan *plan)
{
	if (plan->csum_start > UINT16_MAX - VLAN_TAG_LEN || plan->hdr_len > UINT16_MAX - VLAN_TAG_LEN)
		return -EINVAL;
	plan->tag = true;
	plan->tci = p->vlan;
	if (plan->head < ETH_ADDRS_LEN)
		plan->head = ETH_ADDRS_LEN;
	if (plan->partial)
		plan->csum_start += VLAN_TAG_LEN;
	if (plan->large)
		plan->hdr_len += VLAN_TAG_LEN;
	return 0;
}

int offload_plan(const struct vireo_pkt *pkts, unsigned n, const struct offload_caps *caps,
		 struct offload_plan *ret_plan)
{
	uint32_t len = offload_length(pkts, n);
	uint32_t flags = pkts[0].flags;
	struct offload_plan plan = {0};
	int err = 0;

	if (len < ETH_HLEN || !requests_fit(flags, caps->tx_offloads))
		return -EINVAL;
	if (flags & (VIREO_PKT_TX_MASK | VIREO_PKT_LARGE))
		err = plan_requests(pkts, n, len, caps, &plan);
	else if (flags & VIREO_PKT_CSUM_PARTIAL)
		err = plan_partial(pkts, n, len, caps, &plan);
	if (!err && (flags & VIREO_PKT_VLAN) && !caps->vlan)
		err = plan_tag(&pkts[0], &plan);
	if (!err)
		*ret_plan = plan;
	return err;
}

/* Byte by byte, since the word may begin in one element and end in the next. */
static void store_word(const struct vireo_pkt *pkts, unsigned n, uint32_t at, uint16_t value)
{
	uint8_t bytes[2];
	unsigned done = 0;

	memcpy(bytes, &value, sizeof(bytes));
	for (unsigned i = 0; i < n && done < 2; i++) {
		while (done < 2 && at + done < pkts[i].len) {
			((uint8_t *)vireo_pkt_data(&pkts[i]))[at + done] = bytes[done];
			done++;
		}
		at -= pkts[i].len;
	}
}

void *offload_apply(const struct offload_plan *plan, const struct vireo_pkt *pkts, unsigned n)
{
	uint16_t tag[2] = {htons(ETHERTYPE_VLAN), htons(plan->tci)};
	char *start = vireo_pkt_data(&pkts[0]);

	for (unsigned i = 0; i < plan->n_words; i++)
		store_word(pkts, n, plan->words[i].at, plan->words[i].value);
	if (!plan->tag)
		return start;
	memmove(start - VLAN_TAG_LEN, start, ETH_ADDRS_LEN);
	start -= VLAN_TAG_LEN;
	memcpy(start + ETH_ADDRS_LEN, tag, sizeof(tag));
	return start;
}

/* Two 32-bit words, as stored. */
static inline uint64_t sum_two(const uint8_t *p)
{
	uint32_t words[2];

	memcpy(words, p, sizeof(words));
	return (uint64_t)words[0] + words[1];
}

/* A header of @hlen bytes in one piece: protocol, what is behind it, and the sum of its addresses. */
static inline bool read_flat(const uint8_t *ip, uint32_t hlen, bool ipv6, uint8_t *ret_protocol, uint32_t *ret_l4_len,
			     uint64_t *ret_sum)
{
	uint32_t total = load16(ip + 2);

	if (ipv6) {
		*ret_protocol = ip[6];
		*ret_l4_len = load16(ip + 4);
		*ret_sum = sum_two(ip + 8) + sum_two(ip + 16) + sum_two(ip + 24) + sum_two(ip + 32);
		return hlen == IPV6_HLEN && ip[0] >> 4 == 6;
	}
	*ret_protocol = ip[9];
	*ret_l4_len = total - hlen;
	*ret_sum = sum_two(ip + 12);
	return total >= hlen && hlen % 4 == 0 && ip[0] == (0x40 | hlen / 4);
}

bool offload_fill_headers(const struct vireo_pkt *pkt, uint32_t flags)
{
	uint32_t l3_len = pkt->tx.l3_len, l4_at = pkt->tx.l2_len + l3_len, l4_len;
	uint8_t *ip = (uint8_t *)vireo_pkt_data(pkt) + pkt->tx.l2_len;
	bool udp = flags & VIREO_PKT_TX_UDP_CSUM, ipv6 = flags & VIREO_PKT_IPV6;
	uint8_t protocol, wanted = udp ? PROTO_UDP : PROTO_TCP;
	uint16_t csum;
	uint64_t sum;

	if (pkt->tx.l2_len < ETH_HLEN || l3_len < IPV4_HLEN_MIN || l4_at > pkt->len || (ipv6 && l3_len != IPV6_HLEN))
		return false;
	if (!read_flat(ip, l3_len, ipv6, &protocol, &l4_len, &sum))
		return false;
	if (flags & L4_REQUESTS) {
		if (l4_at + l4_len != pkt->len || protocol != wanted || l4_len < (udp ? UDP_HLEN : TCP_HLEN_MIN))
			return false;
		csum = fold(sum + htons(wanted) + htons((uint16_t)l4_len));
		memcpy(ip + l3_len + (udp ? UDP_CSUM : TCP_CSUM), &csum, sizeof(csum));
	} else if (l4_at + l4_len > pkt->len) {
		return false;
	}
	if (flags & VIREO_PKT_TX_IP_CSUM)
		memset(ip + IPV4_CSUM, 0, sizeof(csum));
	return true;
}

/* The ethertype behind up to two tags; 0 when the packet ends before. */
static uint16_t find_ethertype(const struct vireo_pkt *pkts, unsigned n, unsigned *ret_l2_len)
{
	for (unsigned at = ETH_ADDRS_LEN; at <= ETH_ADDRS_LEN + 2 * VLAN_TAG_LEN; at += VLAN_TAG_LEN) {
		uint16_t type;

		if (!offload_copy(pkts, n, at, &type, sizeof(type)))
			return 0;
		type = ntohs(type);
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ) {
			*ret_l2_len = at + sizeof(type);
			return type;
		}
	}
	return 0;
}

static bool l3_carries_tcp(const uint8_t ip[IPV4_HLEN_MIN], bool ipv6, uint32_t l3_len)
{
	if (!ipv6)
		return ip[0] >> 4 == 4 && l3_len >= IPV4_HLEN_MIN && l3_len == (ip[0] & 0xfu) * 4 && ip[9] == PROTO_TCP;
	return ip[0] >> 4 == 6 && l3_len >= IPV6_HLEN && (l3_len > IPV6_HLEN || ip[6] == PROTO_TCP);
}

int offload_find_tcp(const struct vireo_pkt *pkts, unsigned n, uint32_t l4_start, struct offload_headers *ret_headers)
{
	uint8_t ip[IPV4_HLEN_MIN], offset;
	struct offload_headers h;
	unsigned l2_len = 0;
	uint16_t type = find_ethertype(pkts, n, &l2_len);

	if ((type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6) || l4_start <= l2_len || l4_start - l2_len > UINT16_MAX)
		return -EINVAL;
	h.ipv6 = type == ETHERTYPE_IPV6;
	h.l2_len = l2_len;
	h.l3_len = l4_start - l2_len;
	if (!offload_copy(pkts, n, l2_len, ip, sizeof(ip)) || !l3_carries_tcp(ip, h.ipv6, h.l3_len))
		return -EINVAL;
	if (!offload_copy(pkts, n, l4_start + 12, &offset, sizeof(offset)))
		return -EINVAL;
	h.l4_len = (offset >> 4) * 4;
	if (h.l4_len < TCP_HLEN_MIN || l4_start + h.l4_len > offload_length(pkts, n))
		return -EINVAL;
	*ret_headers = h;
	return 0;
}

bool offload_vlan_tci(const struct vireo_pkt *pkt, uint16_t *ret_tci)
{
	const uint8_t *data = vireo_pkt_data(pkt);

	if (pkt->len < ETH_HLEN + VLAN_TAG_LEN || load16(data + ETH_ADDRS_LEN) != ETHERTYPE_VLAN)
		return false;
	*ret_tci = load16(data + ETH_HLEN);
	return true;
}

void offload_strip_vlan(struct vireo_pkt *pkt, uint16_t tci)
{
	char *data = vireo_pkt_data(pkt);

	memmove(data + VLAN_TAG_LEN, data, ETH_ADDRS_LEN);
	pkt->off += VLAN_TAG_LEN;
	pkt->len -= VLAN_TAG_LEN;
	pkt->vlan = tci;
	pkt->flags |= VIREO_PKT_VLAN;
}

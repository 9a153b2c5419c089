/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_LIB_OFFLOAD_H
#define VIREO_LIB_OFFLOAD_H

/*
 * What a packet asks of transmit, checked against its bytes, and done in software where the device cannot. All of it is
 * off the plain path: a burst without state or requests never comes here. A packet is an array of @n elements, the last
 * of which is the one without MORE; the sum of their lengths counts, however the headers are spread over them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <vireo/packet.h>

#define ETH_HLEN      14
#define ETH_ADDRS_LEN 12
#define VLAN_TAG_LEN  4

/* Bytes in all elements together. */
uint32_t offload_length(const struct vireo_pkt *pkts, unsigned n);
/* Copy @len bytes from place @from of the packet; false, and nothing useful in @dst, when it is shorter. */
bool offload_copy(const struct vireo_pkt *pkts, unsigned n, uint32_t from, void *dst, uint32_t len);
/*
 * The one's complement sum of @len bytes from place @from, folded to 16 bits, not complemented, in the byte order of
 * the packet: it is stored as it is. Bytes beyond the end count as zero.
 */
uint16_t offload_sum(const struct vireo_pkt *pkts, unsigned n, uint32_t from, uint32_t len);

/* What the port was opened for and what the device does of it. */
struct offload_caps {
	uint32_t tx_offloads; /* VIREO_TX_* */
	bool csum;            /* completes a partial checksum that runs to the end of the frame */
	bool ip_csum;         /* fills in an IPv4 header checksum that is 0 */
	bool tso4, tso6;      /* cuts segments */
	bool tso_bare;        /* and wants both their checksums without anything that depends on their length */
	bool vlan;            /* inserts a tag */
};

/*
 * What makes the data in the elements into what the device is handed: words that change, a tag that goes in, and what
 * is left for the device to do. Places in words[] count from the start of the data as it is, without the tag;
 * csum_start and hdr_len count as on the wire.
 */
struct offload_plan {
	uint16_t head;       /* bytes at the start of the packet that change or move; 0: the data stays as it is */
	uint8_t n_words;
	bool tag;            /* insert a VLAN tag */
	bool partial;        /* the device completes the checksum ... */
	bool large;          /* ... and cuts segments of seg_size */
	bool ip_csum;        /* the device fills in the IPv4 header checksum, also of each segment */
	bool ipv6;
	bool cwr;            /* large: congestion window reduced, which only the first segment may say */
	uint16_t tci;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t seg_size;
	uint16_t hdr_len;    /* large: all headers together */
	struct {
		uint16_t at;
		uint16_t value; /* as stored */
	} words[3];
};

/*
 * Look at the first element's flags and the packet's headers. 0, or -EINVAL for a packet that can never be sent: no
 * Ethernet frame, a request that the port was not opened for, requests that exclude each other, header lengths that
 * disagree with the headers. The packet is only read.
 */
int offload_plan(const struct vireo_pkt *pkts, unsigned n, const struct offload_caps *caps,
		 struct offload_plan *ret_plan);

/*
 * Carry the plan out where the data lies, or in a copy of its first plan->head bytes in one element. With a tag the first
 * ETH_ADDRS_LEN bytes are in the first element and VLAN_TAG_LEN bytes in front of them are free. The elements
 * themselves are not written. Returns where the packet starts now: where it did, or VLAN_TAG_LEN in front.
 */
void *offload_apply(const struct offload_plan *plan, const struct vireo_pkt *pkts, unsigned n);

/*
 * For a packet of one element that is not SHARED and asks for nothing but VIREO_PKT_TX_IP_CSUM and one of the L4 checksums (@flags:
 * with IPV6), all of which the device does: what offload_plan() and offload_apply() would make of it, much faster. False, and
 * nothing is changed, when they would have to do anything else, or would refuse it; they are asked then.
 */
bool offload_fill_headers(const struct vireo_pkt *pkt, uint32_t flags);

/* Where the headers of a TCP packet end. */
struct offload_headers {
	uint8_t l2_len;
	uint8_t l4_len;
	uint16_t l3_len;
	bool ipv6;
};

/* Find the headers of a received TCP packet whose TCP header starts at @l4_start; -EINVAL when there is none. */
int offload_find_tcp(const struct vireo_pkt *pkts, unsigned n, uint32_t l4_start, struct offload_headers *ret_headers);

/* The TCI of the outer VLAN tag in the data of @pkt; false when it has none. Reads the first element only. */
bool offload_vlan_tci(const struct vireo_pkt *pkt, uint16_t *ret_tci);
/* Take out that tag: data moves, off and len change, VLAN and vlan are set. Guarantees needed: it has one; not SHARED. */
void offload_strip_vlan(struct vireo_pkt *pkt, uint16_t tci);

#endif

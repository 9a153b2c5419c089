/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_PACKET_H
#define VIREO_PACKET_H

/*
 * A packet is passed by value: a burst is an array of these structs, and the buffers behind them hold frame data only.
 * The driver never reads a line of the buffer to learn about the packet, and 32 packets of metadata fit in 1 KiB.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Space that receive leaves in front of the data, in bytes: room for a tunnel header or a VLAN tag. */
#define VIREO_HEADROOM 128

/* The most elements one packet may have. */
#define VIREO_MAX_SEGS 64

/*
 * State: how the elements differ from the frame on the wire. Receive sets them, transmit brings the frame to the wire
 * accordingly, so a received packet that is sent unchanged is always right.
 */
#define VIREO_PKT_MORE         (1u << 0) /* the packet goes on in the next element */
#define VIREO_PKT_SHARED       (1u << 1) /* several references to the buffer exist: its data is read-only */
#define VIREO_PKT_CSUM_PARTIAL (1u << 2) /* the L4 checksum field holds the pseudo-header sum only; tx.csum_start, tx.csum_offset */
#define VIREO_PKT_LARGE        (1u << 3) /* TCP over several frames of tx.seg_size payload bytes; implies CSUM_PARTIAL, tx.l*_len valid */
#define VIREO_PKT_IPV6         (1u << 4) /* with LARGE, TX_TSO, TX_TCP_CSUM, TX_UDP_CSUM: the network header is IPv6 */
#define VIREO_PKT_VLAN         (1u << 5) /* a VLAN tag in .vlan that is not in the data */

/* Results of receive. A bit is set only for what was really checked; neither OK nor BAD: nobody looked. */
#define VIREO_PKT_RX_IP_OK   (1u << 8)
#define VIREO_PKT_RX_IP_BAD  (1u << 9)
#define VIREO_PKT_RX_L4_OK   (1u << 10)
#define VIREO_PKT_RX_L4_BAD  (1u << 11)
#define VIREO_PKT_RX_HASH    (1u << 12) /* .hash is valid */
#define VIREO_PKT_RX_TIME    (1u << 13) /* .time_ns is valid */

/* Requests to transmit; tx.l2_len and tx.l3_len (with TSO also l4_len and seg_size) must be filled in. */
#define VIREO_PKT_TX_IP_CSUM  (1u << 16) /* fill in the IPv4 header checksum */
#define VIREO_PKT_TX_TCP_CSUM (1u << 17) /* fill in the TCP checksum; the library computes the pseudo-header sum */
#define VIREO_PKT_TX_UDP_CSUM (1u << 18) /* fill in the UDP checksum; likewise */
#define VIREO_PKT_TX_TSO      (1u << 19) /* cut TCP payload into frames of tx.seg_size payload bytes */

#define VIREO_PKT_STATE_MASK 0x0000003fu
#define VIREO_PKT_RX_MASK    0x00003f00u
#define VIREO_PKT_TX_MASK    0x000f0000u

/* Bits 24-31 say which pool the buffer belongs to; set by the library, to be kept by everybody. */
#define VIREO_PKT_POOL_SHIFT 24

/**
 * struct vireo_pkt - one element of a packet; most packets have just one
 * @buf:     the buffer, from a pool; never changed by the application
 * @off:     where the data starts: @buf + @off
 * @len:     bytes of data in this element
 * @flags:   VIREO_PKT_*
 * @hash:    RSS hash, when RX_HASH is set (first element)
 * @vlan:    TCI of the tag, host byte order, when VLAN is set (first element)
 * @port:    index of the port that received it; free for the application otherwise
 * @time_ns: when it was received, when RX_TIME is set
 * @user:    free for the application when neither time nor tx is in use
 * @tx:      header lengths in bytes, for requests and for CSUM_PARTIAL and LARGE
 *
 * The second half is read only when flags say so. csum_offset shares its place with l3_len: CSUM_PARTIAL without LARGE
 * uses the one, requests and LARGE the other (a LARGE packet is TCP, so its offset is 16).
 */
struct vireo_pkt {
	void *buf;
	uint16_t off;
	uint16_t len;
	uint32_t flags;

	uint32_t hash;
	uint16_t vlan;
	uint16_t port;
	union {
		uint64_t time_ns;
		uint64_t user;
		struct {
			uint8_t l2_len;
			uint8_t l4_len;
			union {
				uint16_t l3_len;
				uint16_t csum_offset;
			};
			uint16_t seg_size;
			uint16_t csum_start;
		} tx;
	};
};

/**
 * vireo_pkt_data() - where the data of an element starts
 * @pkt: the element
 *
 * Return: @pkt->buf + @pkt->off. Any thread.
 */
static inline void *vireo_pkt_data(const struct vireo_pkt *pkt)
{
	return (char *)pkt->buf + pkt->off;
}

/**
 * vireo_pkt_free() - give buffers back to their pools
 * @pkts: elements that the caller owns; they may come from different pools and be SHARED
 * @n:    how many elements
 *
 * A shared buffer returns to its pool with its last reference. Any thread.
 */
void vireo_pkt_free(const struct vireo_pkt *pkts, unsigned n);

/**
 * vireo_pkt_share() - let a packet go out several times (flood, multicast, mirror)
 * @pkt: first element of a packet that the caller owns; all elements up to the one without MORE are shared
 * @n:   how many references the caller holds afterwards in place of one, 1 to 65535 in total
 *
 * Sets VIREO_PKT_SHARED in each element. Copies of the elements may then be sent or freed @n times, by any thread and
 * through any port. Offset and length may differ in each copy; the data behind them must not be written any more.
 *
 * Return: 0; -EINVAL for @n of 0; -EOVERFLOW when a buffer would have more than 65535 references (nothing is changed).
 */
int vireo_pkt_share(struct vireo_pkt *pkt, unsigned n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
static_assert(sizeof(struct vireo_pkt) == 32 || sizeof(void *) != 8, "a burst of 32 must stay within 1 KiB");
#else
_Static_assert(sizeof(struct vireo_pkt) == 32 || sizeof(void *) != 8, "a burst of 32 must stay within 1 KiB");
#endif
#endif

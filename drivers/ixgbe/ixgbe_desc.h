/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_DESC_H
#define IXGBE_DESC_H

/*
 * What lies in memory that the card shares with us: descriptors, 16 bytes each, little-endian. A receive descriptor is
 * read by the card in one layout and written back in another, over the addresses. Bits of a transmit descriptor's second
 * qword are given as they stand in its two halves.
 */

#include <stdint.h>

/* Receive, advanced */

union ixgbe_rx_desc {
	struct {
		uint64_t pkt_addr;
		uint64_t hdr_addr; /* bit 0 is where DD will be: 0 */
	} read;
	struct {
		uint32_t type;     /* IXGBE_RXD_TYPE_* */
		uint32_t hash;     /* RSS hash, or IP id and fragment checksum */
		uint32_t status;   /* IXGBE_RXD_*; the last that is written */
		uint16_t len;      /* of the data in this buffer */
		uint16_t vlan;     /* the tag that was taken out */
	} wb;
	uint64_t qwords[2];
};

#define IXGBE_RXD_RSS_TYPE        0x0000000fu /* of wb.type: what the hash is over; 0: there is none */
#define IXGBE_RXD_RSS_IPV4_TCP    1u
#define IXGBE_RXD_RSS_IPV4        2u
#define IXGBE_RXD_RSS_IPV6_TCP    3u
#define IXGBE_RXD_RSS_IPV6_EX     4u
#define IXGBE_RXD_RSS_IPV6        5u
#define IXGBE_RXD_RSS_IPV6_TCP_EX 6u
#define IXGBE_RXD_RSS_IPV4_UDP    7u
#define IXGBE_RXD_RSS_IPV6_UDP    8u
#define IXGBE_RXD_RSS_IPV6_UDP_EX 9u
#define IXGBE_RXD_TYPE_IPV4       (1u << 4)
#define IXGBE_RXD_TYPE_IPV4_OPT   (1u << 5)
#define IXGBE_RXD_TYPE_IPV6       (1u << 6)
#define IXGBE_RXD_TYPE_IPV6_EXT   (1u << 7)
#define IXGBE_RXD_TYPE_TCP        (1u << 8)
#define IXGBE_RXD_TYPE_UDP        (1u << 9)
#define IXGBE_RXD_TYPE_SCTP       (1u << 10)
#define IXGBE_RXD_TYPE_NFS        (1u << 11)
#define IXGBE_RXD_TYPE_L2         (1u << 15) /* then 6:4 is the number of an ETQF */
#define IXGBE_RXD_TYPE_SPH        (1u << 31) /* split header */

#define IXGBE_RXD_DD              (1u << 0)  /* done; in every descriptor of a packet */
#define IXGBE_RXD_EOP             (1u << 1)  /* end of packet; all that follows only with it */
#define IXGBE_RXD_FLM             (1u << 2)
#define IXGBE_RXD_VP              (1u << 3)  /* a VLAN tag; wb.vlan has it when RXDCTL.VME */
#define IXGBE_RXD_UDPCS           (1u << 4)
#define IXGBE_RXD_L4CS            (1u << 5)  /* checked; L4E tells the result */
#define IXGBE_RXD_IPCS            (1u << 6)  /* checked; IPE tells the result */
#define IXGBE_RXD_PIF             (1u << 7)  /* passed by a filter that is not exact */
#define IXGBE_RXD_VEXT            (1u << 9)
#define IXGBE_RXD_UDPV            (1u << 10)
#define IXGBE_RXD_LLINT           (1u << 11)
#define IXGBE_RXD_TS              (1u << 16)
#define IXGBE_RXD_LB              (1u << 18)
#define IXGBE_RXD_RXE             (1u << 29) /* damaged; comes only with FCTRL.SBP */
#define IXGBE_RXD_L4E             (1u << 30)
#define IXGBE_RXD_IPE             (1u << 31)

/* Receive, legacy: the card in a queue whose SRRCTL says so. The driver does not use it. */

struct ixgbe_rx_legacy_desc {
	uint64_t addr;
	uint16_t len;
	uint16_t csum;
	uint8_t status;  /* IXGBE_RXD_DD to PIF */
	uint8_t errors;  /* IXGBE_RXD_LEGACY_* */
	uint16_t vlan;
};

#define IXGBE_RXD_LEGACY_RXE      (1u << 0)
#define IXGBE_RXD_LEGACY_TCPE     (1u << 6)
#define IXGBE_RXD_LEGACY_IPE      (1u << 7)

/* Transmit. cmd tells the kinds apart. */

union ixgbe_tx_desc {
	struct {
		uint64_t addr;
		uint32_t cmd;      /* 15:0 length of this buffer, IXGBE_TXD_* */
		uint32_t olinfo;   /* IXGBE_TXD_DD when written back; else IXGBE_TXD_IDX, CC, IXSM, TXSM, PAYLEN */
	} data;
	struct {
		uint32_t lens;     /* 8:0 length of the IP header, 15:9 of the MAC header, 31:16 VLAN tag */
		uint32_t sa;       /* IPsec and FCoE: 0 */
		uint32_t cmd;      /* IXGBE_TXD_*, IXGBE_TXC_* */
		uint32_t mss;      /* IXGBE_TXC_IDX, L4LEN, MSS */
	} ctx;
	struct {
		uint64_t addr;
		uint16_t len;
		uint8_t cso;       /* where the checksum is stored */
		uint8_t cmd;       /* the high byte of IXGBE_TXD_* */
		uint8_t status;    /* bit 0 DD */
		uint8_t css;       /* where it starts */
		uint16_t vlan;
	} legacy;
	uint64_t qwords[2];
};

#define IXGBE_TXD_DTALEN          0x0000ffffu
#define IXGBE_TXD_LINKSEC         (1u << 18)
#define IXGBE_TXD_1588            (1u << 19)
#define IXGBE_TXD_DTYP            0x00f00000u
#define IXGBE_TXD_CONTEXT         (2u << 20)
#define IXGBE_TXD_DATA            (3u << 20)
#define IXGBE_TXD_EOP             (1u << 24)
#define IXGBE_TXD_IFCS            (1u << 25) /* append the CRC; must be set with any offload */
#define IXGBE_TXD_LEGACY_IC       (1u << 26) /* legacy: insert a checksum */
#define IXGBE_TXD_RS              (1u << 27) /* report: write DD back */
#define IXGBE_TXD_DEXT            (1u << 29) /* not legacy */
#define IXGBE_TXD_VLE             (1u << 30) /* insert the tag */
#define IXGBE_TXD_TSE             (1u << 31) /* cut segments */

#define IXGBE_TXD_DD              (1u << 0)  /* in olinfo, by the card */
#define IXGBE_TXD_IDX_SHIFT       4
#define IXGBE_TXD_CC              (1u << 7)  /* the context that IDX names holds */
#define IXGBE_TXD_IXSM            (1u << 8)  /* fill in the IPv4 header checksum */
#define IXGBE_TXD_TXSM            (1u << 9)  /* fill in the L4 checksum */
#define IXGBE_TXD_PAYLEN_SHIFT    14         /* the whole packet; with TSE the L4 payload */

#define IXGBE_TXC_IPLEN           0x000001ffu
#define IXGBE_TXC_MACLEN_SHIFT    9
#define IXGBE_TXC_VLAN_SHIFT      16
#define IXGBE_TXC_SNAP            (1u << 9)  /* cmd */
#define IXGBE_TXC_IPV4            (1u << 10)
#define IXGBE_TXC_L4T             (3u << 11)
#define IXGBE_TXC_L4T_UDP         (0u << 11)
#define IXGBE_TXC_L4T_TCP         (1u << 11)
#define IXGBE_TXC_L4T_SCTP        (2u << 11)
#define IXGBE_TXC_IDX_SHIFT       4          /* mss */
#define IXGBE_TXC_L4LEN_SHIFT     8
#define IXGBE_TXC_MSS_SHIFT       16

#ifndef __cplusplus
_Static_assert(sizeof(union ixgbe_rx_desc) == 16, "the card's size");
_Static_assert(sizeof(struct ixgbe_rx_legacy_desc) == 16, "the card's size");
_Static_assert(sizeof(union ixgbe_tx_desc) == 16, "the card's size");
_Static_assert(__builtin_offsetof(union ixgbe_rx_desc, wb.status) == 8, "DD lies where bit 0 of hdr_addr was");
_Static_assert(__builtin_offsetof(union ixgbe_rx_desc, wb.vlan) == 14, "the card's layout");
_Static_assert(__builtin_offsetof(struct ixgbe_rx_legacy_desc, vlan) == 14, "the card's layout");
_Static_assert(__builtin_offsetof(union ixgbe_tx_desc, data.olinfo) == 12, "the card's layout");
_Static_assert(__builtin_offsetof(union ixgbe_tx_desc, ctx.mss) == 12, "the card's layout");
_Static_assert(__builtin_offsetof(union ixgbe_tx_desc, legacy.vlan) == 14, "the card's layout");
#endif

#endif

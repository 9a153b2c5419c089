/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_DESC_H
#define VIRTIO_DESC_H

/* What lies in memory that the device shares with us: VIRTIO 1.2, all of it little-endian. */

#include <assert.h>
#include <stdint.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are used without conversion");

/* 2.7.5 Descriptor table */
struct virtq_desc {
	uint64_t iova;
	union {
		struct {
			uint32_t len;
			uint16_t flags;
			uint16_t next;
		};
		uint64_t second;
	};
};
static_assert(sizeof(struct virtq_desc) == 16, "2.7.5");

#define VIRTQ_DESC_F_NEXT  1
#define VIRTQ_DESC_F_WRITE 2

/* 2.7.6 Available ring: written by us */
struct virtq_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];
};

#define VIRTQ_AVAIL_F_NO_INTERRUPT 1

/* 2.7.8 Used ring: written by the device */
struct virtq_used_elem {
	uint32_t id;
	uint32_t len;
};
#define VIRTQ_USED_ID(word)  ((uint32_t)(word))
#define VIRTQ_USED_LEN(word) ((uint32_t)((word) >> 32))
struct virtq_used {
	uint16_t flags;
	uint16_t idx;
	struct virtq_used_elem ring[];
};
static_assert(sizeof(struct virtq_used_elem) == 8 && sizeof(struct virtq_used) == 4, "2.7.8");

#define VIRTQ_USED_F_NO_NOTIFY 1

/* 2.8.13 Packed ring: descriptors that both sides write in turn */
struct virtq_packed_desc {
	uint64_t iova;
	union {
		struct {
			uint32_t len;
			uint16_t id;
			uint16_t flags; /* VIRTQ_DESC_F_*, and whose turn it is */
		};
		uint64_t second;
	};
};
static_assert(sizeof(struct virtq_packed_desc) == 16, "2.8.13");

/* The second word: length, id and flags. */
#define VIRTQ_PACKED_ID_SHIFT    32
#define VIRTQ_PACKED_FLAGS_SHIFT 48

#define VIRTQ_PACKED_F_AVAIL (1u << 7)
#define VIRTQ_PACKED_F_USED  (1u << 15)

/* 2.8.14 Event suppression: one that each side writes */
struct virtq_event {
	uint16_t desc;
	uint16_t flags;
};

#define VIRTQ_EVENT_F_ENABLE  0
#define VIRTQ_EVENT_F_DISABLE 1

/* 5.1.6 In front of every packet; with VERSION_1 it always has num_buffers. */
struct virtio_net_hdr {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};
#define VIRTIO_NET_HDR_LEN 12
static_assert(sizeof(struct virtio_net_hdr) == VIRTIO_NET_HDR_LEN, "5.1.6");

#define VIRTIO_NET_HDR_F_NEEDS_CSUM 1
#define VIRTIO_NET_HDR_F_DATA_VALID 2

#define VIRTIO_NET_HDR_GSO_NONE  0
#define VIRTIO_NET_HDR_GSO_TCPV4 1
#define VIRTIO_NET_HDR_GSO_TCPV6 4
#define VIRTIO_NET_HDR_GSO_ECN   0x80

/* 5.1.6.5 Control virtqueue: class and command, then data, then one byte that the device writes. */
struct virtio_net_ctrl_hdr {
	uint8_t class;
	uint8_t command;
};

#define VIRTIO_NET_CTRL_OK 0

#define VIRTIO_NET_CTRL_RX           0 /* one byte of data: on or off */
#define VIRTIO_NET_CTRL_RX_PROMISC   0
#define VIRTIO_NET_CTRL_RX_ALLMULTI  1
#define VIRTIO_NET_CTRL_MAC          1
#define VIRTIO_NET_CTRL_MAC_TABLE    0 /* two tables: 32-bit count and addresses, unicast then multicast */
#define VIRTIO_NET_CTRL_MAC_ADDR     1 /* six bytes */
#define VIRTIO_NET_CTRL_VLAN         2 /* 16-bit VLAN id */
#define VIRTIO_NET_CTRL_VLAN_ADD     0
#define VIRTIO_NET_CTRL_VLAN_DEL     1
#define VIRTIO_NET_CTRL_MQ           4 /* 16-bit number of pairs */
#define VIRTIO_NET_CTRL_MQ_PAIRS_SET 0

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_H
#define VIRTIO_H

/* What the parts of the driver know of each other. README.md says which part does what. */

#include <assert.h>

#include <vireo/driver.h>

#include "io.h"
#include "virtio_desc.h"
#include "virtio_regs.h"
#include "virtio_ring.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Buffers move between ring and pool in bulk of this many. */
#define VIRTIO_BULK 32

/* The innermost loops in vectors: virtio_vec.h */
struct virtio_vec;

/* The header of a packet lies in the headroom, right in front of the data. */
#define VIRTIO_HDR_AT (VIREO_HEADROOM - VIRTIO_NET_HDR_LEN)

/* The device through its registers: virtio_pci.c */

struct virtio_pci {
	struct vireo_device *dev;
	const char *name; /* for sentences */
	struct io_window common;
	struct io_window notify;
	struct io_window config; /* of the network device; size 0: none */
	uint32_t notify_mult;
};

/* 5.1.4, as one consistent picture; what the device has no feature for holds a default. */
struct virtio_net_config {
	uint8_t mac[VIREO_MAC_LEN];
	bool up;
	bool full_duplex;
	uint16_t max_pairs;
	uint16_t mtu;
	uint32_t speed_mbps;
};

/*
 * How long the device may take to reset, to answer a command, and to send what is in its rings. Microseconds do for the
 * first two unless a back end in another process is busy. Tests of devices that never answer have less patience.
 */
extern unsigned virtio_patience_us;

/* Find the windows. -EOPNOTSUPP with a sentence for a device that is not modern, -EIO for one that makes no sense. */
int virtio_pci_open(struct virtio_pci *pci, struct vireo_device *dev);
/* Back to the state after power on, all memory of the driver forgotten; -ENODEV, -ETIMEDOUT. */
int virtio_pci_reset(const struct virtio_pci *pci);
/* VIRTIO_STATUS_* bits, or -ENODEV. */
int virtio_pci_status(const struct virtio_pci *pci);
void virtio_pci_add_status(const struct virtio_pci *pci, uint8_t bits);
/* What the device offers; of features whose part of the configuration does not exist, nothing. */
uint64_t virtio_pci_features(const struct virtio_pci *pci);
/* After a reset: say hello and settle on @features; -EIO when the device does not agree with what it offered. */
int virtio_pci_negotiate(const struct virtio_pci *pci, uint64_t features);
/* Read the configuration for @features; -EIO when it never holds still, -ENODEV. */
int virtio_pci_read_config(const struct virtio_pci *pci, uint64_t features, struct virtio_net_config *ret_config);
unsigned virtio_pci_n_queues(const struct virtio_pci *pci);
/* The most descriptors that queue @idx can have; a power of two, or 0: there is no such queue. */
unsigned virtio_pci_queue_size(const struct virtio_pci *pci, unsigned idx);
/* Tell the device where queue @idx lies and which vector it signals; *ret_kick is the register that wakes it. */
int virtio_pci_enable_queue(const struct virtio_pci *pci, unsigned idx, const struct virtq *vq, uint16_t vector,
			    struct io_window *ret_kick);
/* Let configuration changes signal a vector, or VIRTIO_NO_VECTOR; -EIO when the device has none left. */
int virtio_pci_set_config_vector(const struct virtio_pci *pci, uint16_t vector);

/* Wake the device for queue @idx, if it sleeps. */
static inline void virtio_kick(const struct virtq *vq, const struct io_window *kick, uint16_t idx)
{
	if (virtq_wants_kick(vq))
		io_write16(kick, 0, idx);
}

/* The control queue: virtio_ctrl.c */

#define VIRTIO_CTRL_RING 16

struct virtio_ctrl {
	struct virtq vq;
	uint16_t free_ids[VIRTIO_CTRL_RING];
	uint16_t idx;
	bool ready;    /* started; false after a command without an answer */
	char *mem;     /* ring, then the request that is on its way, then the answer */
	char *request;
	uint8_t *ack;
	struct io_window kick;
};

struct virtio_port;

int virtio_ctrl_create(struct virtio_port *vp);
void virtio_ctrl_destroy(struct virtio_port *vp);
/* Before DRIVER_OK: hand the queue to the device. */
int virtio_ctrl_enable(struct virtio_port *vp);
/* After the device was reset. */
void virtio_ctrl_disable(struct virtio_port *vp);
/* After DRIVER_OK: bring a device that was just reset to the port's settings. */
int virtio_ctrl_apply(struct virtio_port *vp);

int virtio_set_rx_mode(struct vireo_port *port);
int virtio_set_mac(struct vireo_port *port);
int virtio_set_mac_filter(struct vireo_port *port);
int virtio_set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on);

/* Receive: virtio_rx.c, and virtio_rxq.c for the life of a queue */

struct virtio_rxq {
	struct vireo_rxq_head head;
	struct virtq vq;
	void **bufs;         /* by id: what the device may write to; once ids are shuffled, NULL where it has none */
	uint32_t buf_len;    /* what it may write to each, header included */
	uint32_t pkt_flags;  /* the pool, as packets name it */
	uint16_t port_index;
	uint16_t bulk;       /* VIRTIO_BULK, less for a tiny ring */
	uint8_t valid_mask;  /* header flags that mean a good checksum */
	uint8_t inspect;     /* written by the control thread: look into every packet, for VLANs */
	bool special;        /* armed or debug: not for the fast path */
	bool starved;        /* a refill found too few buffers; counted once */

	uint32_t hdr_mask;   /* bits of flags, gso_type and, above, num_buffers that a plain packet ... */
	uint32_t hdr_want;   /* ... has like this; a mask of 0: the header need not be looked at */
	bool armed;
	bool debug;
	struct io_window kick;
	struct virtio_port *vp;
	int fd;              /* eventfd, or -1 */
	void *mem;
	uint16_t *free_ids;
};

int virtio_rxq_create(struct vireo_port *port, unsigned idx, struct vireo_rxq_head **ret_q);
void virtio_rxq_destroy(struct vireo_rxq_head *head);
unsigned virtio_rx_burst_nothing(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n);
typedef unsigned (*virtio_rx_burst_fn)(struct vireo_rxq *pub, struct vireo_pkt *pkts, unsigned n);
/* The best for this processor. */
virtio_rx_burst_fn virtio_rx_burst_choose(bool packed);
int virtio_rxq_arm(struct vireo_rxq_head *head);
void virtio_rxq_disarm(struct virtio_rxq *q);
int virtio_rxq_fd(struct vireo_rxq_head *head);
/* Offer a buffer in every descriptor that is free; false when the pool has too few. */
bool virtio_rxq_fill(struct virtio_rxq *q);
/* The ids are in no order from now on. */
void virtio_rxq_shuffle(struct virtio_rxq *q);
/* Fill the ring; -ENOSPC. */
int virtio_rxq_start(struct virtio_rxq *q);
/* The device was reset: every buffer back to its pool. */
void virtio_rxq_stop(struct virtio_rxq *q);

/* Transmit: virtio_tx.c, and virtio_txq.c for what becomes of buffers and for the life of a queue */

/*
 * What is kept of a buffer beside its address, by id: its pool where packets have it, and in the first descriptor of a packet
 * how many it has (0: the device has no packet that begins here).
 */
#define VIRTIO_OWNER_N      0xffu
#define VIRTIO_OWNER_SHARED (1u << 16)
#define VIRTIO_OWNER_POOL   (0xffu << VIREO_PKT_POOL_SHIFT)

static_assert(1 + VIREO_MAX_SEGS <= VIRTIO_OWNER_N, "so many descriptors");

/* What a packet has when it is more than one element to be sent as it is. */
#define VIRTIO_TX_NOT_PLAIN                                                                                            \
	(VIREO_PKT_MORE | VIREO_PKT_SHARED | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE | VIREO_PKT_VLAN |               \
	 VIREO_PKT_TX_MASK)

/* Room for a header where the packet has none, and for the first bytes of packets that must not be written. */
#define VIRTIO_SLOT_SIZE 256

struct virtio_txq {
	struct vireo_txq_head head;
	struct virtq vq;
	void **bufs;         /* by id; NULL: a header slot */
	uint32_t *owners;    /* by id */
	const struct virtio_vec *vec; /* or NULL */
	uint16_t clean_at;   /* look for what was sent once so few descriptors are free */
	bool debug;

	uint16_t max_segs;
	uint16_t *nexts;     /* by id: that of the next descriptor of the packet */
	char *slots;         /* by id, VIRTIO_SLOT_SIZE apart */
	struct io_window kick;
	struct virtio_port *vp;
	void *mem;
	uint16_t *free_ids;
};

int virtio_txq_create(struct vireo_port *port, unsigned idx, struct vireo_txq_head **ret_q);
void virtio_txq_destroy(struct vireo_txq_head *head);
unsigned virtio_tx_burst_nothing(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n);
typedef unsigned (*virtio_tx_burst_fn)(struct vireo_txq *pub, struct vireo_pkt *pkts, unsigned n);
/* The best for this processor. */
virtio_tx_burst_fn virtio_tx_burst_choose(bool packed);
unsigned virtio_txq_reclaim(struct vireo_txq_head *head);
void virtio_txq_start(struct virtio_txq *q);
bool virtio_txq_is_empty(const struct virtio_txq *q);
/* The device was reset: every buffer back to its pool. */
void virtio_txq_stop(struct virtio_txq *q);

/* What a burst touches without state or requests lies in two lines. */
static_assert(offsetof(struct virtio_rxq, hdr_mask) <= 128, "two cache lines");
static_assert(offsetof(struct virtio_txq, max_segs) <= 128, "two cache lines");

/* The port: virtio.c */

struct virtio_port {
	struct vireo_port *port;
	struct virtio_pci pci;
	struct virtio_ctrl ctrl;
	uint64_t offered;
	uint64_t features;    /* settled on at the last start */
	uint16_t max_pairs;   /* what the device has, for the place of the control queue */
	uint16_t rx_size, tx_size; /* the longest rings */
	int event_fd;         /* configuration changes; -1: no MSI-X */
	bool link_up;         /* as last told */
	uint64_t vlans[4096 / 64]; /* what receive queues filter by; atomic words */
};

/* What only this device's rings, queues and vectors can decide; called with the first queue. */
int virtio_check_config(const struct virtio_port *vp);

static inline struct virtio_port *virtio_port_of(const struct vireo_port *port)
{
	return vireo_port_priv(port);
}

static inline bool virtio_has(const struct virtio_port *vp, uint64_t feature)
{
	return vp->features & feature;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_VEC_H
#define VIRTIO_VEC_H

/*
 * The innermost loops of plain packets, several at a time, for processors with vector units. What they do is what
 * receive_run(), post_natural(), send_run() and the two functions look_...() do, which are the reference: the same results, or they
 * stop and leave the rest to those. No loop goes around the end of a ring.
 */

#include <stdbool.h>
#include <stdint.h>

#include <vireo/packet.h>

#include "virtio_desc.h"

/* Where a loop begins to be worth its while; below, the scalar one is faster. */
#define VIRTIO_VEC_MIN 8
/* Buffers that are offered at once. */
#define VIRTIO_VEC_BULK 32

/* What is the same for every packet of a run. */
struct virtio_rx_consts {
	uint64_t word;	/* off, len (0) and flags of a packet, as they lie in memory */
	uint64_t port;	/* hash (0), vlan (0) and port */
	uint64_t first; /* what the first answer must say: split, its id; packed, id and turn where a place has them */
	uint32_t max_len;	     /* of a packet, without its header */
	uint32_t hdr_mask, hdr_want; /* as a queue has them */
	uint8_t valid_mask;
};

struct virtio_desc_consts {
	uint64_t add;	 /* makes the address of a packet's data that of its header, for the device */
	uint64_t second; /* of the first packet's descriptor, all but the packet's length */
	uint64_t hold;	 /* taken off that one, which the device shall not have yet */
	uint64_t step;	 /* from one descriptor to the next */
};

struct virtio_vec {
	const char *name; /* as in VIREO_SIMD */
	/*
	 * Packets from up to @n answers; stops in front of a group with one that is not plain or, in a packed ring, not there.
	 * Everything that the device wrote before an answer is visible.
	 */
	unsigned (*rx_split)(const struct virtq_used_elem *e, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
			     const struct virtio_rx_consts *c, uint64_t *bytes);
	unsigned (*rx_packed)(const struct virtq_packed_desc *d, void *const *bufs, struct vireo_pkt *pkts, unsigned n,
			      const struct virtio_rx_consts *c, uint64_t *bytes);
	/* Places for VIRTIO_VEC_BULK buffers; @c->add makes a buffer's address what the device needs. */
	void (*rx_arm_packed)(struct virtq_packed_desc *d, void *const *bufs, const struct virtio_desc_consts *c);
	/* Descriptors for up to @n packets, whose headers are cleared; stops in front of a group with one that is not plain. */
	unsigned (*tx_run)(struct virtq_desc *d, void **bufs, uint32_t *owners, const struct vireo_pkt *pkts,
			   unsigned n, const struct virtio_desc_consts *c, uint64_t *bytes);
	/*
	 * How many of @n answers from the front are what they must be, as @first says it of the first, each about a packet of one
	 * descriptor; stops in front of a group with one that is not.
	 */
	unsigned (*tx_look_split)(const struct virtq_used_elem *e, const uint32_t *owners, unsigned n, uint64_t first);
	unsigned (*tx_look_packed)(const struct virtq_packed_desc *d, const uint32_t *owners, unsigned n,
				   uint64_t first);
};

extern const struct virtio_vec virtio_vec_sse42, virtio_vec_avx2, virtio_vec_avx512;

/* The best that this processor has, and that the environment variable VIREO_SIMD allows; NULL: none. */
const struct virtio_vec *virtio_vec_choose(void);

#endif

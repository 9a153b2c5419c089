/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_RING_H
#define VIREO_RING_H

/*
 * A ring hands bursts of packets from one thread to another, by value. One consumer always; one producer, or several
 * when asked for.
 */

#include <vireo/packet.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VIREO_RING_MULTI_PRODUCER (1u << 0)

struct vireo_ring;

/**
 * vireo_ring_create() - make a ring
 * @size:     elements it holds, a power of two from 2 to 2^20
 * @flags:    0 or VIREO_RING_MULTI_PRODUCER
 * @ret_ring: written on success; destroy it with vireo_ring_destroy()
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int vireo_ring_create(unsigned size, unsigned flags, struct vireo_ring **ret_ring);

/**
 * vireo_ring_destroy() - free a ring and every packet that is still in it
 * @ring: a ring that no thread uses any more, or NULL
 */
void vireo_ring_destroy(struct vireo_ring *ring);

/**
 * vireo_ring_put() - append packets
 * @ring: the ring
 * @pkts: elements that the caller owns; a packet of several elements is taken whole or not at all
 * @n:    how many elements
 *
 * Return: how many elements the ring took, from the first on. The caller keeps the others. One thread, unless the ring
 * is MULTI_PRODUCER.
 */
unsigned vireo_ring_put(struct vireo_ring *ring, const struct vireo_pkt *pkts, unsigned n);

/**
 * vireo_ring_get() - take packets out
 * @ring: the ring
 * @pkts: filled with elements that the caller owns from now on
 * @n:    how many elements fit in @pkts
 *
 * A packet of several elements is given whole or not at all; with @n smaller than the packet in front nothing is ever
 * given, so use an @n of VIREO_MAX_SEGS or more when packets have segments.
 *
 * Return: how many elements. One thread.
 */
unsigned vireo_ring_get(struct vireo_ring *ring, struct vireo_pkt *pkts, unsigned n);

/**
 * vireo_ring_count() - how many elements are in the ring, a snapshot
 * @ring: the ring
 *
 * Return: 0 to the size of the ring. Any thread.
 */
unsigned vireo_ring_count(const struct vireo_ring *ring);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

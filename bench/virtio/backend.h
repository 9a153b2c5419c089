/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_VIRTIO_BACKEND_H
#define BENCH_VIRTIO_BACKEND_H

/*
 * The other process of a vhost-user port, in this one, for measuring what a driver costs. A thread answers the messages of
 * whatever driver connects, ours or DPDK's, as the protocol wants it; it never touches a ring. Receive and transmit happen when
 * the bench says so, between measurements, and do to the rings what DPDK's vhost does: an answer for every received packet, and
 * for sent ones too, but for a packed ring in order, which gets one for all. Nothing in here can be seen by the driver.
 */

#include <stdbool.h>
#include <stdint.h>

#define BACKEND_PACKED    (1ull << 34)
#define BACKEND_IN_ORDER  (1ull << 35)
#define BACKEND_MERGEABLE (1ull << 15)

struct backend;

/* Listen on @path; @features: BACKEND_* that are offered. Stops the program when that fails. */
struct backend *backend_start(const char *path, uint64_t features);
/* Until the driver has handed over its rings; stops the program after 10 s. */
void backend_wait(struct backend *b);
/* Whether the driver has given @n receive buffers. */
bool backend_has_room(const struct backend *b, unsigned n);
/* Receive @n frames of @len bytes on queue 0; stops the program when the driver has not given enough buffers. */
void backend_receive(struct backend *b, unsigned n, unsigned len);
/* Send everything that queue 1 holds; returns how many packets that were. */
unsigned backend_send(struct backend *b);

#endif

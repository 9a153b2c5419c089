/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_VHOST_BACKEND_H
#define BENCH_VHOST_BACKEND_H

/*
 * The other side of vhost-user sockets: DPDK's vhost library (net_vhost), in this process and on this thread. Packets go
 * out at the first socket and come in at the last; each carries a number.
 */

#include <stdbool.h>
#include <stdint.h>

#define BACKEND_MAX   2
#define BACKEND_BURST 32

/* Serve @n sockets with these paths, on CPU @cpu. False, after saying why, when DPDK does not start. */
bool backend_open(const char *const *paths, unsigned n, unsigned cpu);
/* Send a packet for each of @n numbers, BACKEND_BURST at most; how many went, the first ones. */
unsigned backend_send(const uint64_t *numbers, unsigned n);
/* The numbers of packets that arrived, BACKEND_BURST at most; how many. */
unsigned backend_receive(uint64_t numbers[BACKEND_BURST]);
/* Whether a program has any of the sockets. */
bool backend_taken(void);
void backend_close(void);

#endif

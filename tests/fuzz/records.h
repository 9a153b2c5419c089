/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_FUZZ_RECORDS_H
#define VIREO_FUZZ_RECORDS_H

/*
 * What the fuzzers of both sides of vfio-user are made of: an input is a row of records, each of which is sent through a
 * socket as it is. A byte: in bits 0 and 1 how many descriptors go with it, in bits 2 and 3 of which kind; two bytes: its
 * length; then so many bytes, or what is left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next record of @*data; false at the end. The descriptors live as long as the process. */
bool record_next(const uint8_t **data, size_t *size, const uint8_t **ret_bytes, size_t *ret_len, int *fds,
		 unsigned *ret_n_fds);

/* A pair of connected sockets. */
void record_sockets(int socks[2]);

/* Send a record; false when the other side has hung up or its buffer is full. */
bool record_send(int sock, const uint8_t *bytes, size_t len, const int *fds, unsigned n_fds);

/* The lowest descriptor that is free: higher than before means that one was kept. */
int record_free_fd(void);

/* As assert(), in every build. */
void record_check(bool ok, const char *what);

#endif

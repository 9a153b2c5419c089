/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_DRIVER_STUB_H
#define BENCH_DRIVER_STUB_H

/*
 * The data path of an 82599 over registers in plain memory, one for all drivers that are measured. Nobody polls them: receive and
 * transmit happen when the bench says so, between measurements, and do to the rings exactly what the chip does: descriptors
 * written back, DD and EOP set, only those with RS for transmit.
 */

#include <stdbool.h>
#include <stdint.h>

struct stub {
	uint8_t *pages;	      /* BAR 0, as far as it is memory */
	uint64_t iova_offset; /* what makes addresses of ours into those of the card */
	unsigned rx_head, tx_head;
};

/* Where the lines that the card has written are when the driver looks. */
enum card_cache {
	CARD_HOT, /* where they fall: the first levels of the cache */
	CARD_L3,  /* the last level, where a card with direct cache access puts them */
};

/* Whether the processor can send single lines there; where not, the driver's own lines go as well. */
bool stub_can_demote(void);

/* A UDP packet over IPv4 of fewer than 256 bytes, as far as anybody looks. */
void stub_write_frame(uint8_t *data, unsigned len);
/* Receive @n frames of @len bytes of queue 0; stops the program when the driver has not given enough buffers. */
void stub_receive(struct stub *stub, unsigned n, unsigned len, enum card_cache cache);
/* Send everything that queue 0 holds; returns how many packets that were. */
unsigned stub_send(struct stub *stub, enum card_cache cache);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FRAME_H
#define FRAME_H

/* Frames for tests, and a judge of frames that shares no code with the library: it adds byte by byte. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 65600

struct frame_shape {
	bool ipv6;
	bool udp;
	bool tagged;      /* VLAN tag with this TCI in the data */
	uint16_t tci;
	uint16_t ip_options; /* bytes, a multiple of 4; IPv4 only */
	uint32_t payload; /* bytes behind the L4 header */
};

/* A frame, its IPv4 and L4 checksums right. Returns its length. */
uint32_t frame_build(const struct frame_shape *shape, uint8_t *ret_frame);
/* Lengths of the headers of @shape, tag included. */
unsigned frame_l2(const struct frame_shape *shape);
unsigned frame_l3(const struct frame_shape *shape);
unsigned frame_l4(const struct frame_shape *shape);
/* Put the pseudo-header sum where the L4 checksum was, as a sender that wants offload does. */
void frame_make_partial(const struct frame_shape *shape, uint8_t *frame, uint32_t len);
/* Finish what frame_make_partial() began, from its two numbers alone, as a device does. */
void frame_complete(uint8_t *frame, uint32_t len, uint32_t csum_start, uint32_t csum_offset);

#endif

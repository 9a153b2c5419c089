/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WIRE_RIG_H
#define WIRE_RIG_H

/* A hand at the end of a wire: plugs it in from text, moves frames, reads counters. */

#include "unit.h"

#include "wire/wires.h"

extern const uint8_t rig_mac[6];

/* The wire of @text, which must be right; to be unplugged. */
struct sim_wire_end *rig_plug(struct sim_wires *wires, const char *text);
/* The error of @text, which must not be right, and whose sentence must hold @part. */
int rig_refused(struct sim_wires *wires, const char *text, const char *part);
void rig_unplug(struct sim_wire_end *end);

unsigned rig_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns);
/* A frame of @len bytes whose bytes are told by @number. */
void rig_make(uint8_t *data, uint32_t len, uint32_t number);
void rig_send(struct sim_wire_end *end, uint32_t len, uint32_t number, uint64_t now_ns);
/* The number that a frame was made with; fails when any byte of it differs. */
uint32_t rig_number(const struct sim_frame *frame);
/* A counter by name, which must exist. */
uint64_t rig_counter(struct sim_wire_end *end, const char *name);

/* What is wrong with a generator's frame, found out from the bytes alone. */
enum rig_fault {
	RIG_GOOD,
	RIG_BAD_IP,
	RIG_BAD_L4,
	RIG_FOREIGN,
	RIG_NONSENSE,
};

struct rig_packet {
	unsigned l2_len;
	uint16_t vlan, src_port, stream;
	uint32_t src_ip, seq;
	uint64_t time_ns;
};

enum rig_fault rig_dissect(const struct sim_frame *frame, struct rig_packet *ret);

#endif

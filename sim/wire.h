/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

/*
 * What a port's connector is plugged into. A model sends frames into an end of a wire and takes the frames that arrive
 * there; where they come from and go to, and what happens to them on the way, is the wire's business. Frames have no
 * preamble and no frame check sequence; they are at least 60 bytes long unless a wire means to hurt. All calls are made
 * on the port's model thread. sim/wire/wires.h makes ends out of text.
 */

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

#define SIM_FRAME_MAX 16384

struct sim_frame {
	const uint8_t *data;
	uint32_t len;
	uint32_t flags; /* SIM_FRAME_* */
};

#define SIM_FRAME_BAD_FCS (1u << 0) /* damaged on the way; the port must notice */

struct sim_wire_end;

struct sim_wire_ops {
	const char *name;
	/*
	 * Up to @n frames that arrive at @end; their data stay valid until the next receive() for this end. Frames that
	 * nobody asks for are not lost here but wait, unless the wire has a pace of its own. A port that takes none calls
	 * with 0 once in a turn: what is on its way in either direction moves then.
	 */
	unsigned (*receive)(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns);
	/* All @n frames leave the port; the data belong to the port again when this returns. */
	void (*send)(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns);
	/* Light at this end: somebody is at the other one. */
	bool (*carrier)(struct sim_wire_end *end, uint64_t now_ns);
	/* The port turns its laser on or off (SFP+ TX disable, link not set up); it is on when the wire is plugged in. */
	void (*set_laser)(struct sim_wire_end *end, bool on);
	/* The port of this end goes away; frees the end. */
	void (*unplug)(struct sim_wire_end *end);
	/* What the wire counts, as the device's op of this name; NULL: nothing. */
	unsigned (*counters)(struct sim_wire_end *end, struct sim_counter *counters, unsigned n);
};

struct sim_wire_end {
	const struct sim_wire_ops *ops;
	/*
	 * The wire goes as fast as the port takes frames (a generator without a rate): the port asks for no more than it has
	 * descriptors for. Otherwise frames arrive whether there is room or not, and the port drops what it cannot place.
	 */
	bool waits;
};

#endif

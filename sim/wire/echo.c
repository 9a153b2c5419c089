// SPDX-License-Identifier: BSD-2-Clause
/* An echo: what goes comes back, with source and destination address exchanged or as it was. */
#include <stdlib.h>

#include "internal.h"
#include "queue.h"

#define ECHO_BYTES (512u << 10) /* under way, unless room= says otherwise */

struct echo {
	struct sim_wire_end base;
	struct frame_queue back;
	bool as_is;
	struct wire_count in, out;
	uint64_t lost_full;
};

static unsigned echo_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct echo *e = (struct echo *)end;

	n = frame_queue_take(&e->back, frames, n < WIRE_BURST ? n : WIRE_BURST, now_ns);
	for (unsigned i = 0; i < n; i++)
		wire_count(&e->in, frames[i].len);
	return n;
}

static void copy_swapped(uint8_t *to, const struct sim_frame *f, bool as_is)
{
	memcpy(to, f->data, f->len);
	if (as_is || f->len < 2 * MAC_LEN)
		return;
	memcpy(to, f->data + MAC_LEN, MAC_LEN);
	memcpy(to + MAC_LEN, f->data, MAC_LEN);
}

static void echo_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct echo *e = (struct echo *)end;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *room = frame_queue_room(&e->back, frames[i].len);

		wire_count(&e->out, frames[i].len);
		if (!room) {
			e->lost_full++;
			continue;
		}
		copy_swapped(room, &frames[i], e->as_is);
		frame_queue_put(&e->back, frames[i].len, frames[i].flags, 0);
	}
}

static void echo_unplug(struct sim_wire_end *end)
{
	struct echo *e = (struct echo *)end;

	frame_queue_free(&e->back);
	free(e);
}

static unsigned echo_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct echo *e = (struct echo *)end;
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "in", &e->in);
	wire_counter_pair(&c, "out", &e->out);
	wire_counter(&c, "out_lost_full", e->lost_full);
	return c.n;
}

static const struct sim_wire_ops echo_ops = {
	.name = "echo",
	.receive = echo_receive,
	.send = echo_send,
	.carrier = wire_carrier_on,
	.set_laser = wire_laser_ignored,
	.unplug = echo_unplug,
	.counters = echo_counters,
};

struct sim_wire_end *wire_echo_plug(struct sim_text *t)
{
	uint64_t room = ECHO_BYTES;
	bool as_is = sim_text_flag(t, "asis");
	struct echo *e;

	sim_text_number(t, "room", 64000, 1 << 30, &room);
	if (t->err)
		return NULL;
	e = aligned_alloc(_Alignof(struct echo), sizeof(*e));
	if (!e)
		return NULL;
	*e = (struct echo){.base.ops = &echo_ops, .as_is = as_is};
	if (frame_queue_init(&e->back, (uint32_t)room)) {
		free(e);
		return NULL;
	}
	return &e->base;
}

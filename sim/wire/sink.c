// SPDX-License-Identifier: BSD-2-Clause
/* A sink: nothing comes, and every byte of what goes is read. */
#include <stdlib.h>

#include "internal.h"

struct sink {
	struct sim_wire_end base;
	struct wire_count out;
	uint64_t sum;
};

static unsigned sink_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	return 0;
}

static void sink_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct sink *s = (struct sink *)end;
	uint64_t bytes = 0;
	wire_sum sum = {0};

	for (unsigned i = 0; i < n; i++) {
		bytes += frames[i].len;
		sum = wire_sum_frame(sum, frames[i].data, frames[i].len);
	}
	s->out.frames += n;
	s->out.bytes += bytes;
	s->sum += wire_sum_total(sum);
}

static void sink_unplug(struct sim_wire_end *end)
{
	free(end);
}

static unsigned sink_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct sink *s = (struct sink *)end;
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "out", &s->out);
	wire_counter(&c, "out_sum", s->sum);
	return c.n;
}

static const struct sim_wire_ops sink_ops = {
	.name = "sink",
	.receive = sink_receive,
	.send = sink_send,
	.carrier = wire_carrier_on,
	.set_laser = wire_laser_ignored,
	.unplug = sink_unplug,
	.counters = sink_counters,
};

struct sim_wire_end *wire_sink_plug(struct sim_text *t)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->base.ops = &sink_ops;
	return &s->base;
}

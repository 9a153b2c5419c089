// SPDX-License-Identifier: BSD-2-Clause
/* A generator: frames at a rate, or as fast as the port takes them; what the port sends is counted and read. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "frame.h"

#define LINE 64 /* of the cache */

struct gen {
	struct sim_wire_end base;
	struct frame_writer writer;
	struct wire_pace pace; /* rate 0: none */
	uint32_t first_len, n_lens;
	uint64_t left; /* frames still to come */
	uint64_t random;
	uint64_t bad_ip, bad_l4, foreign; /* of 2^32 frames: those, and those before */
	double per_log;			  /* how far it is to the next bad one, see draw_distance() */
	uint64_t until_fault;		  /* good frames before the next bad one */
	bool want_sum;
	uint64_t n_faults[4];
	uint64_t in_sum;
	struct wire_count in, out;
	uint64_t out_sum;
	uint8_t *buffers;
	size_t stride; /* from one to the next */
};

/*
 * How many good frames come before the next bad one: drawn at once, which is the same as drawing for each frame
 * (geometric distribution), but costs nothing for most of them.
 */
static uint64_t draw_distance(struct gen *g)
{
	double draw = (double)(wire_random(&g->random) >> 11) * 0x1p-53; /* in [0, 1) */

	return g->foreign ? (uint64_t)fmin(log1p(-draw) * g->per_log, 0x1p62) : 1ull << 62;
}

static enum frame_fault draw_fault(struct gen *g)
{
	uint64_t draw = (wire_random(&g->random) >> 32) * g->foreign >> 32;

	return draw < g->bad_ip ? FRAME_BAD_IP : draw < g->bad_l4 ? FRAME_BAD_L4 : FRAME_FOREIGN;
}

static void draw_faults(struct gen *g, uint8_t *faults, unsigned n)
{
	memset(faults, FRAME_GOOD, n);
	for (; g->until_fault < n; g->until_fault += 1 + draw_distance(g)) {
		enum frame_fault fault = draw_fault(g);

		faults[g->until_fault] = (uint8_t)fault;
		g->n_faults[fault]++;
	}
	g->until_fault -= n;
}

static uint32_t draw_len(struct gen *g)
{
	return g->first_len + (uint32_t)((wire_random(&g->random) >> 32) * g->n_lens >> 32);
}

/* Where frames lie and how long they are, for as many as are due, up to @n. */
static unsigned draw_frames(struct gen *g, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	bool paced = g->pace.rate.per_second > 0;
	uint32_t one_len = g->n_lens == 1 ? g->first_len : 0;
	uint8_t *buffer = g->buffers;
	uint64_t bytes = 0;
	unsigned i;

	for (i = 0; i < n; i++, buffer += g->stride) {
		if (paced && !wire_pace_due(&g->pace, now_ns))
			break;
		frames[i].data = buffer;
		frames[i].len = one_len ? one_len : draw_len(g);
		frames[i].flags = 0;
		bytes += frames[i].len;
		if (paced)
			wire_pace_next(&g->pace, frames[i].len);
	}
	g->left -= i;
	g->in.frames += i;
	g->in.bytes += bytes;
	return i;
}

/* Of what the port will take. */
static void add_sum(struct gen *g, const struct sim_frame *frames, const uint8_t *faults, unsigned n)
{
	wire_sum sum = {0};

	for (unsigned i = 0; i < n; i++)
		if (__builtin_expect(faults[i] != FRAME_FOREIGN, 1))
			sum = wire_sum_frame(sum, frames[i].data, frames[i].len);
	g->in_sum += wire_sum_total(sum);
}

static unsigned gen_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct gen *g = (struct gen *)end;
	uint8_t faults[WIRE_BURST];

	if (n > WIRE_BURST)
		n = WIRE_BURST;
	if (n > g->left)
		n = (unsigned)g->left;
	n = draw_frames(g, frames, n, now_ns);
	draw_faults(g, faults, n);
	frame_writer_set_time(&g->writer, now_ns);
	frame_writer_burst(&g->writer, frames, faults, n);
	if (g->want_sum)
		add_sum(g, frames, faults, n);
	return n;
}

static void gen_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct gen *g = (struct gen *)end;

	wire_sum sum = {0};

	for (unsigned i = 0; i < n; i++) {
		wire_count(&g->out, frames[i].len);
		sum = wire_sum_frame(sum, frames[i].data, frames[i].len);
	}
	g->out_sum += wire_sum_total(sum);
}

static void gen_unplug(struct sim_wire_end *end)
{
	struct gen *g = (struct gen *)end;

	free(g->buffers);
	free(g);
}

static unsigned gen_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct gen *g = (struct gen *)end;
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "in", &g->in);
	wire_counter(&c, "in_bad_ip", g->n_faults[FRAME_BAD_IP]);
	wire_counter(&c, "in_bad_l4", g->n_faults[FRAME_BAD_L4]);
	wire_counter(&c, "in_foreign", g->n_faults[FRAME_FOREIGN]);
	wire_counter(&c, "in_late", g->pace.late);
	if (g->want_sum)
		wire_counter(&c, "in_sum", g->in_sum);
	wire_counter_pair(&c, "out", &g->out);
	wire_counter(&c, "out_sum", g->out_sum);
	return c.n;
}

static const struct sim_wire_ops gen_ops = {
	.name = "gen",
	.receive = gen_receive,
	.send = gen_send,
	.carrier = wire_carrier_on,
	.set_laser = wire_laser_ignored,
	.unplug = gen_unplug,
	.counters = gen_counters,
};

static void parse_faults(struct sim_text *t, struct gen *g)
{
	uint64_t bad_ip = 0, bad_l4 = 0, foreign = 0;

	sim_text_share(t, "bad_ip", &bad_ip);
	sim_text_share(t, "bad_l4", &bad_l4);
	sim_text_share(t, "foreign", &foreign);
	g->bad_ip = bad_ip;
	g->bad_l4 = g->bad_ip + bad_l4;
	g->foreign = g->bad_l4 + foreign;
	if (g->foreign > 1ull << 32)
		sim_text_fail(t, -EINVAL, "bad_ip, bad_l4 and foreign are more than 100%% together");
}

static void parse_options(struct sim_text *t, struct gen *g, struct frame_config *cfg)
{
	uint64_t first = FRAME_MIN + FRAME_FCS, last = first, flows = 256, stream = 0, vlan = 0, seed = 1;

	/* Sizes are what people know: with FCS and without tag, so that 64 is the smallest frame. */
	sim_text_range(t, "size", FRAME_MIN + FRAME_FCS, FRAME_MAX, &first, &last);
	sim_text_rate(t, "rate", &g->pace.rate);
	sim_text_number(t, "count", 1, UINT64_MAX, &g->left);
	sim_text_number(t, "flows", 1, 1 << 24, &flows);
	sim_text_number(t, "stream", 0, UINT16_MAX, &stream);
	sim_text_number(t, "vlan", 1, 4094, &vlan);
	sim_text_number(t, "seed", 0, UINT64_MAX, &seed);
	sim_text_mac(t, "dst", cfg->dst);
	sim_text_mac(t, "src", cfg->src);
	g->want_sum = sim_text_flag(t, "sum");
	parse_faults(t, g);
	cfg->n_flows = (uint32_t)flows;
	cfg->stream = (uint16_t)stream;
	cfg->vlan = (uint16_t)vlan;
	cfg->tagged = vlan != 0;
	g->first_len = (uint32_t)first - FRAME_FCS + (cfg->tagged ? 4 : 0);
	g->n_lens = (uint32_t)(last - first) + 1;
	g->random = wire_random_start(seed);
	g->per_log = 1 / log1p(-(double)g->foreign * 0x1p-32);
	g->until_fault = draw_distance(g);
	g->base.waits = g->pace.rate.per_second <= 0;
}

/*
 * No longer than the longest frame, so that they need few lines and pages; an odd number of lines apart, because those
 * a power of two apart would share places in the cache.
 */
static int make_buffers(struct gen *g)
{
	size_t len = g->first_len + g->n_lens - 1, lines = (len + LINE - 1) / LINE | 1;

	g->stride = lines * LINE;
	g->buffers = aligned_alloc(LINE, WIRE_BURST * g->stride);
	if (!g->buffers)
		return -ENOMEM;
	for (unsigned i = 0; i < WIRE_BURST; i++)
		frame_writer_fill(&g->writer, g->buffers + i * g->stride, (unsigned)len);
	return 0;
}

struct sim_wire_end *wire_gen_plug(struct sim_text *t, const uint8_t mac[MAC_LEN])
{
	struct frame_config cfg = {.src = {0x02, 0x00, 0x5e, 0x00, 0x53, 0x01}};
	struct gen *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->base.ops = &gen_ops;
	g->left = UINT64_MAX;
	memcpy(cfg.dst, mac, MAC_LEN);
	parse_options(t, g, &cfg);
	frame_writer_init(&g->writer, &cfg);
	if (t->err || make_buffers(g)) {
		gen_unplug(&g->base);
		return NULL;
	}
	return &g->base;
}

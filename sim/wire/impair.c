// SPDX-License-Identifier: BSD-2-Clause
/*
 * What happens to frames on the way: an end of its own around that of any wire. Each direction draws from a random
 * sequence of its own, so that the same frames with the same seed have the same fate whatever the other direction does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "queue.h"

#define LINE_BYTES (1u << 20) /* under way in each direction, unless room= says otherwise */
/* A frame that was held back goes when so many others have passed it, or when nothing comes for a while. */
#define REORDER_GAP 3
#define REORDER_NS  10000000u

/* Shares are of 2^32. */
struct impairment {
	uint64_t loss, dup, corrupt, garble, reorder;
	uint64_t delay_ns, jitter_ns;
	struct sim_rate bandwidth;
	uint64_t flap_ns, down_ns; /* light for flap_ns, then dark for down_ns; flap_ns 0: always light */
};

/* One direction. */
struct line {
	const char *name;
	bool on;
	bool stores; /* frames are copied into the queue: they change, wait or come in another order */
	uint64_t random;
	struct frame_queue queue;
	uint64_t free_ns; /* the wire has sent what it was given, at its bandwidth */
	uint64_t due_ns;  /* of the latest frame: jitter delays, but does not reorder */
	uint8_t *held;
	uint32_t held_len, held_flags;
	unsigned held_left; /* frames that still go first; 0: nothing is held */
	uint64_t held_ns;

	uint64_t n_lost, n_lost_down, n_lost_full, n_duplicated, n_corrupted, n_garbled, n_reordered;
};

struct impair {
	struct sim_wire_end base;
	struct sim_wire_end *inner;
	struct impairment cfg;
	struct line in, out;
	bool laser, dark, started;
	uint64_t start_ns, n_flaps;
};

/* Where the flapping stands; the other end sees it too. */
static void look_at_flaps(struct impair *m, uint64_t now_ns)
{
	bool dark;

	if (!m->cfg.flap_ns)
		return;
	if (!m->started) {
		m->started = true;
		m->start_ns = now_ns;
	}
	dark = (now_ns - m->start_ns) % (m->cfg.flap_ns + m->cfg.down_ns) >= m->cfg.flap_ns;
	if (dark == m->dark)
		return;
	m->dark = dark;
	m->n_flaps += dark;
	m->inner->ops->set_laser(m->inner, m->laser && !dark);
}

static uint64_t wire_time(const struct impair *m, uint32_t len)
{
	double units = m->cfg.bandwidth.bits ? (double)(len + FRAME_OVERHEAD) * 8 : 1;

	return (uint64_t)(units * 1e9 / m->cfg.bandwidth.per_second);
}

/* When the frame arrives at the other side. */
static uint64_t due(struct impair *m, struct line *l, uint32_t len, uint64_t now_ns)
{
	uint64_t at = now_ns;

	if (m->cfg.bandwidth.per_second > 0) {
		l->free_ns = (l->free_ns > now_ns ? l->free_ns : now_ns) + wire_time(m, len);
		at = l->free_ns;
	}
	at += m->cfg.delay_ns;
	if (m->cfg.jitter_ns)
		at += wire_random(&l->random) % (m->cfg.jitter_ns + 1);
	if (at < l->due_ns)
		at = l->due_ns;
	l->due_ns = at;
	return at;
}

/* One bit changes, at or behind byte @from. */
static void flip_bit(struct line *l, uint8_t *data, uint32_t from, uint32_t len)
{
	uint64_t draw = wire_random(&l->random);

	if (len > from)
		data[from + (draw >> 32) % (len - from)] ^= (uint8_t)(1u << (draw & 7));
}

static void put(struct impair *m, struct line *l, const uint8_t *data, uint32_t len, uint32_t flags, uint64_t now_ns)
{
	bool corrupt = wire_chance(&l->random, m->cfg.corrupt), garble = wire_chance(&l->random, m->cfg.garble);
	uint8_t *room = frame_queue_room(&l->queue, len);

	if (!room) {
		l->n_lost_full++;
		return;
	}
	memcpy(room, data, len);
	if (corrupt) {
		flip_bit(l, room, 0, len);
		flags |= SIM_FRAME_BAD_FCS;
		l->n_corrupted++;
	}
	if (garble) {
		/* The addresses stay, so that the port does not simply look away. */
		flip_bit(l, room, 2 * MAC_LEN, len);
		l->n_garbled++;
	}
	frame_queue_put(&l->queue, len, flags, due(m, l, len, now_ns));
}

static void release_held(struct impair *m, struct line *l, uint64_t now_ns)
{
	l->held_left = 0;
	put(m, l, l->held, l->held_len, l->held_flags, now_ns);
}

static void hold(struct line *l, const struct sim_frame *f, uint64_t now_ns)
{
	memcpy(l->held, f->data, f->len);
	l->held_len = f->len;
	l->held_flags = f->flags;
	l->held_left = REORDER_GAP;
	l->held_ns = now_ns;
	l->n_reordered++;
}

static void store(struct impair *m, struct line *l, const struct sim_frame *f, uint64_t now_ns)
{
	bool reorder = wire_chance(&l->random, m->cfg.reorder), twice = wire_chance(&l->random, m->cfg.dup);

	if (reorder && !l->held_left && f->len <= SIM_FRAME_MAX) {
		hold(l, f, now_ns);
	} else {
		put(m, l, f->data, f->len, f->flags, now_ns);
		if (l->held_left && --l->held_left == 0)
			release_held(m, l, now_ns);
	}
	if (twice) {
		l->n_duplicated++;
		put(m, l, f->data, f->len, f->flags, now_ns);
	}
}

static bool lost(struct impair *m, struct line *l)
{
	/* Drawn whether it is dark or not: the fate of later frames does not depend on the time. */
	bool by_chance = wire_chance(&l->random, m->cfg.loss);

	if (m->dark)
		l->n_lost_down++;
	else if (by_chance)
		l->n_lost++;
	return m->dark || by_chance;
}

/* Takes the lost ones out of @frames, which may be @from itself; how many are left. */
static unsigned thin_out(struct impair *m, struct line *l, struct sim_frame *frames, const struct sim_frame *from,
			 unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!lost(m, l))
			frames[kept++] = from[i];
	}
	return kept;
}

static void store_all(struct impair *m, struct line *l, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		if (!lost(m, l))
			store(m, l, &frames[i], now_ns);
	}
	if (l->held_left && now_ns - l->held_ns >= REORDER_NS)
		release_held(m, l, now_ns);
}

/* What is due on its way out goes. */
static void flush_out(struct impair *m, uint64_t now_ns)
{
	struct sim_frame frames[WIRE_BURST];
	unsigned n;

	if (!m->out.stores)
		return;
	store_all(m, &m->out, NULL, 0, now_ns);
	while ((n = frame_queue_take(&m->out.queue, frames, WIRE_BURST, now_ns)) > 0)
		m->inner->ops->send(m->inner, frames, n, now_ns);
}

/* How many frames to take from the wire: of one that waits, never more than there is room for, all of them twice. */
static unsigned how_many(struct impair *m, unsigned n)
{
	struct line *l = &m->in;
	uint64_t room;

	if (!m->inner->waits)
		return WIRE_BURST;
	room = (l->queue.size - frame_queue_used(&l->queue)) / (2 * (SIM_FRAME_MAX + 64));
	return room < n ? (unsigned)room : n;
}

static unsigned impair_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct impair *m = (struct impair *)end;
	struct sim_frame arrived[WIRE_BURST];
	struct line *l = &m->in;
	unsigned got;

	if (n > WIRE_BURST)
		n = WIRE_BURST;
	look_at_flaps(m, now_ns);
	flush_out(m, now_ns);
	if (!l->stores) {
		n = m->inner->ops->receive(m->inner, frames, n, now_ns);
		return l->on ? thin_out(m, l, frames, frames, n) : n;
	}
	got = m->inner->ops->receive(m->inner, arrived, how_many(m, n), now_ns);
	store_all(m, l, arrived, got, now_ns);
	return frame_queue_take(&l->queue, frames, n, now_ns);
}

static void impair_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct impair *m = (struct impair *)end;
	struct sim_frame left[WIRE_BURST];

	look_at_flaps(m, now_ns);
	if (!m->out.on) {
		m->inner->ops->send(m->inner, frames, n, now_ns);
		return;
	}
	while (n) {
		unsigned part = n < WIRE_BURST ? n : WIRE_BURST;

		if (m->out.stores) {
			store_all(m, &m->out, frames, part, now_ns);
		} else {
			unsigned kept = thin_out(m, &m->out, left, frames, part);

			if (kept)
				m->inner->ops->send(m->inner, left, kept, now_ns);
		}
		frames += part;
		n -= part;
	}
	flush_out(m, now_ns);
}

static bool impair_carrier(struct sim_wire_end *end, uint64_t now_ns)
{
	struct impair *m = (struct impair *)end;

	look_at_flaps(m, now_ns);
	/* A port that takes no frames still looks for light: what it has sent before must not wait for it. */
	flush_out(m, now_ns);
	return !m->dark && m->inner->ops->carrier(m->inner, now_ns);
}

static void impair_set_laser(struct sim_wire_end *end, bool on)
{
	struct impair *m = (struct impair *)end;

	m->laser = on;
	m->inner->ops->set_laser(m->inner, on && !m->dark);
}

static void line_free(struct line *l)
{
	frame_queue_free(&l->queue);
	free(l->held);
}

static void impair_unplug(struct sim_wire_end *end)
{
	struct impair *m = (struct impair *)end;

	m->inner->ops->unplug(m->inner);
	line_free(&m->in);
	line_free(&m->out);
	free(m);
}

static void line_counter(struct wire_counters *c, const struct line *l, const char *what, uint64_t value)
{
	char name[40];

	snprintf(name, sizeof(name), "%s_%s", l->name, what);
	wire_counter(c, name, value);
}

static void line_counters(struct wire_counters *c, const struct line *l)
{
	if (!l->on)
		return;
	line_counter(c, l, "lost_chance", l->n_lost);
	line_counter(c, l, "lost_dark", l->n_lost_down);
	line_counter(c, l, "lost_room", l->n_lost_full);
	line_counter(c, l, "duplicated", l->n_duplicated);
	line_counter(c, l, "corrupted", l->n_corrupted);
	line_counter(c, l, "garbled", l->n_garbled);
	line_counter(c, l, "reordered", l->n_reordered);
}

static unsigned impair_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct impair *m = (struct impair *)end;
	struct wire_counters c = {.list = counters, .room = n};

	if (m->inner->ops->counters)
		c.n = m->inner->ops->counters(m->inner, counters, n);
	line_counters(&c, &m->in);
	line_counters(&c, &m->out);
	if (m->cfg.flap_ns)
		wire_counter(&c, "flaps", m->n_flaps);
	return c.n;
}

static const struct sim_wire_ops impair_ops = {
	.name = "impaired",
	.receive = impair_receive,
	.send = impair_send,
	.carrier = impair_carrier,
	.set_laser = impair_set_laser,
	.unplug = impair_unplug,
	.counters = impair_counters,
};

static void parse_options(struct sim_text *t, struct impairment *cfg)
{
	cfg->down_ns = 1000000000;
	sim_text_share(t, "loss", &cfg->loss);
	sim_text_share(t, "dup", &cfg->dup);
	sim_text_share(t, "corrupt", &cfg->corrupt);
	sim_text_share(t, "garble", &cfg->garble);
	sim_text_share(t, "reorder", &cfg->reorder);
	sim_text_duration(t, "delay", &cfg->delay_ns);
	sim_text_duration(t, "jitter", &cfg->jitter_ns);
	sim_text_rate(t, "bandwidth", &cfg->bandwidth);
	sim_text_duration(t, "flap", &cfg->flap_ns);
	sim_text_duration(t, "down", &cfg->down_ns);
	if (cfg->flap_ns > 1ull << 60 || cfg->down_ns > 1ull << 60 || cfg->delay_ns > 1ull << 60 ||
	    cfg->jitter_ns > 1ull << 60)
		sim_text_fail(t, -EINVAL, "delay, jitter, flap and down are at most 30 years");
}

static bool stores(const struct impairment *cfg)
{
	return cfg->dup || cfg->corrupt || cfg->garble || cfg->reorder || cfg->delay_ns || cfg->jitter_ns ||
	       cfg->bandwidth.per_second > 0;
}

static bool line_init(struct line *l, const struct impairment *cfg, uint64_t seed, uint64_t room)
{
	l->random = wire_random_start(seed);
	l->stores = l->on && stores(cfg);
	if (!l->stores)
		return true;
	l->held = malloc(SIM_FRAME_MAX);
	return l->held && !frame_queue_init(&l->queue, (uint32_t)room);
}

static void parse_side(struct sim_text *t, bool *ret_in, bool *ret_out)
{
	const char *side = sim_text_value(t, "side");

	*ret_in = !side || !strcmp(side, "in") || !strcmp(side, "both");
	*ret_out = !side || !strcmp(side, "out") || !strcmp(side, "both");
	if (!*ret_in && !*ret_out)
		sim_text_fail(t, -EINVAL, "side=%.60s: say in (towards the port), out or both", side);
}

struct sim_wire_end *wire_impair_plug(struct sim_text *t, struct sim_wire_end *inner)
{
	uint64_t room = LINE_BYTES, seed = 1;
	struct impairment cfg = {0};
	struct impair *m;
	bool in, out;

	/* Known whether they matter or not: a loss of 0 % is still a loss with a seed. */
	parse_options(t, &cfg);
	parse_side(t, &in, &out);
	sim_text_number(t, "room", 64000, 1 << 30, &room);
	sim_text_number(t, "seed", 0, UINT64_MAX, &seed);
	if (!t->err && !cfg.loss && !cfg.flap_ns && !stores(&cfg))
		return inner;
	m = aligned_alloc(_Alignof(struct impair), sizeof(*m));
	if (!m) {
		inner->ops->unplug(inner);
		return NULL;
	}
	*m = (struct impair){.base.ops = &impair_ops, .inner = inner, .cfg = cfg, .laser = true};
	m->base.waits = inner->waits && cfg.bandwidth.per_second <= 0;
	m->in = (struct line){.name = "in", .on = in};
	m->out = (struct line){.name = "out", .on = out};
	if (t->err || !line_init(&m->in, &cfg, seed, room) || !line_init(&m->out, &cfg, ~seed, room)) {
		impair_unplug(&m->base);
		return NULL;
	}
	return &m->base;
}

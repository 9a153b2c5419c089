/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_WIRE_INTERNAL_H
#define SIM_WIRE_INTERNAL_H

/* What the kinds of wires share. */

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "wires.h"

#define FRAME_FCS      4
#define FRAME_MIN      60  /* without FCS */
#define FRAME_OVERHEAD 24  /* preamble, FCS and gap between frames, in bytes */
#define WIRE_BURST     128 /* no wire gives more frames at once */
#define MAC_LEN	       6

/* One end, from either side of it: "in" goes to the port, "out" comes from it. */
struct wire_count {
	uint64_t frames, bytes;
};

struct cable;

struct sim_wires {
	pthread_mutex_t lock; /* cables, n_refs */
	struct cable *cables;
	unsigned n_refs; /* the owner, and each cable */
};

void wires_put_locked(struct sim_wires *wires); /* drops a reference and the lock */

/* Each kind takes its options out of @t and makes an end; on failure t->err is set. */
struct sim_wire_end *wire_cable_plug(struct sim_wires *wires, struct sim_text *t);
struct sim_wire_end *wire_gen_plug(struct sim_text *t, const uint8_t mac[MAC_LEN]);
struct sim_wire_end *wire_sink_plug(struct sim_text *t);
struct sim_wire_end *wire_echo_plug(struct sim_text *t);
struct sim_wire_end *wire_tap_plug(struct sim_text *t);
struct sim_wire_end *wire_pcap_plug(struct sim_text *t);
/* Wrap @inner in what the options ask for; @inner itself when they ask for nothing. Unplugs @inner on failure. */
struct sim_wire_end *wire_impair_plug(struct sim_text *t, struct sim_wire_end *inner);

static inline void wire_count(struct wire_count *c, uint32_t len)
{
	c->frames++;
	c->bytes += len;
}

/* Counters for people: filled in as far as there is room, counted all. */
struct wire_counters {
	struct sim_counter *list;
	unsigned room, n;
};

void wire_counter(struct wire_counters *c, const char *name, uint64_t value);
/* PREFIX_frames and PREFIX_bytes */
void wire_counter_pair(struct wire_counters *c, const char *prefix, const struct wire_count *count);

/* For wires that have nothing to tell: always light, no laser. */
bool wire_carrier_on(struct sim_wire_end *end, uint64_t now_ns);
void wire_laser_ignored(struct sim_wire_end *end, bool on);

/*
 * A sum over every byte of frames that does not depend on their order: the words of 64 bits of each, little-endian, the
 * last one filled up with zeros, added up modulo 2^64. It is added up in two halves, side by side.
 */
typedef uint64_t wire_sum __attribute__((vector_size(16)));

static inline wire_sum wire_load16(const uint8_t *data)
{
	wire_sum v;

	memcpy(&v, data, 16);
	return v;
}

static inline wire_sum wire_load_tail(const uint8_t *data, uint32_t len)
{
	uint64_t low = 0, high = 0;

	if (len & 8) {
		memcpy(&low, data, 8);
		data += 8;
	}
	if (len & 4) {
		memcpy(&high, data, 4);
		data += 4;
	}
	if (len & 3) {
		uint32_t rest = 0;

		memcpy(&rest, data, len & 3);
		high |= (uint64_t)rest << (len & 4 ? 32 : 0);
	}
	return (wire_sum){low, high};
}

/* Short frames are most frames, so what is below 64 bytes has no loop. */
static inline wire_sum wire_sum_frame(wire_sum sum, const uint8_t *data, uint32_t len)
{
	for (; len >= 64; len -= 64, data += 64)
		sum += wire_load16(data) + wire_load16(data + 16) + wire_load16(data + 32) + wire_load16(data + 48);
	if (len & 32) {
		sum += wire_load16(data) + wire_load16(data + 16);
		data += 32;
	}
	if (len & 16) {
		sum += wire_load16(data);
		data += 16;
	}
	return len & 15 ? sum + wire_load_tail(data, len) : sum;
}

static inline uint64_t wire_sum_total(wire_sum sum)
{
	return sum[0] + sum[1];
}

/*
 * splitmix64: from one state to the next is one addition, so that numbers can be drawn for many frames at once. Its
 * start is mixed too, so that close seeds share no part of their sequences.
 */
static inline uint64_t wire_random_mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline uint64_t wire_random_start(uint64_t seed)
{
	return wire_random_mix(seed + 0x9e3779b97f4a7c15u);
}

static inline uint64_t wire_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	return wire_random_mix(*state);
}

/* True for @share of 2^32 of all calls. */
static inline bool wire_chance(uint64_t *state, uint64_t share)
{
	return share && wire_random(state) >> 32 < share;
}

/* When a frame is due that keeps a rate. Behind by more than WIRE_LATE_NS, the time is lost instead of made up for. */
#define WIRE_LATE_NS 10000000u

struct wire_pace {
	struct sim_rate rate;
	bool started;
	uint64_t start_ns;
	double next_ns; /* after start_ns */
	uint64_t late;	/* how often time was lost */
};

static inline bool wire_pace_due(struct wire_pace *p, uint64_t now_ns)
{
	double now;

	if (!p->started) {
		p->started = true;
		p->start_ns = now_ns;
	}
	now = (double)(now_ns - p->start_ns);
	if (p->next_ns + WIRE_LATE_NS < now) {
		p->next_ns = now;
		p->late++;
	}
	return p->next_ns <= now;
}

/* A frame of @len bytes goes. */
static inline void wire_pace_next(struct wire_pace *p, uint32_t len)
{
	double units = p->rate.bits ? (double)(len + FRAME_OVERHEAD) * 8 : 1;

	p->next_ns += units * 1e9 / p->rate.per_second;
}

#endif

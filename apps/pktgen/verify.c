// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "verify.h"

#define UNKNOWN UINT64_MAX

static struct verify_stream *find_stream(struct verify *v, uint16_t id)
{
	if (v->last && v->last->id == id)
		return v->last;
	for (unsigned i = 0; i < v->n_streams; i++)
		if (v->streams[i]->id == id)
			return v->last = v->streams[i];
	return NULL;
}

static struct verify_stream *add_stream(struct verify *v, uint16_t id)
{
	struct verify_stream *s;

	if (v->n_streams == VERIFY_MAX_STREAMS)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->id = id;
	s->sent = UNKNOWN;
	v->streams[v->n_streams++] = s;
	return s;
}

int verify_announce(struct verify *v, uint16_t stream)
{
	struct verify_stream *s = find_stream(v, stream);

	if (!s)
		s = add_stream(v, stream);
	if (!s)
		return vireo_error(-ENOMEM, "no memory for one more stream to verify");
	s->begun = true;
	return 0;
}

static uint64_t bit(uint64_t seq)
{
	return 1ull << (seq % 64);
}

static uint64_t *word(struct verify_stream *s, uint64_t seq)
{
	return &s->seen[seq % VERIFY_WINDOW / 64];
}

/* Forget what lies a window behind the numbers up to and including @seq, which become the newest. */
static void advance(struct verify_stream *s, uint64_t seq)
{
	if (seq - s->next >= VERIFY_WINDOW)
		memset(s->seen, 0, sizeof(s->seen));
	else
		for (uint64_t n = s->next; n <= seq; n++)
			*word(s, n) &= ~bit(n);
	s->next = seq + 1;
}

/* The 32 bits of the packet, put next to where the stream is. */
static uint64_t extend(const struct verify_stream *s, uint32_t seq)
{
	return s->next + (uint64_t)(int64_t)(int32_t)(seq - (uint32_t)s->next);
}

/* One thread writes, the one that draws the table reads. */
static void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static void count(uint64_t *counter)
{
	add(counter, 1);
}

static void count_packet(struct verify_counts *c, struct verify_stream *s, uint32_t seq32)
{
	uint64_t seq;

	if (!s->begun) {
		s->begun = true;
		s->first = s->next = (1ull << 32) + seq32; /* room for those that are behind it */
	}
	seq = extend(s, seq32);
	if (seq >= s->next && seq - s->next < UINT32_MAX) {
		add(&c->lost, seq - s->next);
		advance(s, seq);
	} else if (s->next - seq > VERIFY_WINDOW || *word(s, seq) & bit(seq)) {
		count(&c->duplicated); /* or later than anybody remembers, which nothing but a loop brings about */
		return;
	} else {
		count(&c->reordered);
		if (seq < s->first)
			s->first = seq;
		else
			add(&c->lost, (uint64_t)-1);
	}
	*word(s, seq) |= bit(seq);
	s->unique++;
	count(&c->received);
}

void verify_frame(struct verify *v, const uint8_t *frame, unsigned len, uint64_t now_ns)
{
	struct verify_stream *s;
	struct frame_tag tag;

	switch (frame_check(frame, len, &tag)) {
	case FRAME_CORRUPT:
		count(&v->counts.corrupted);
		return;
	case FRAME_FOREIGN:
		count(&v->counts.foreign);
		return;
	case FRAME_OURS:
		break;
	}
	s = find_stream(v, tag.stream);
	if (!s)
		s = add_stream(v, tag.stream);
	if (!s) {
		count(&v->counts.foreign);
		return;
	}
	count_packet(&v->counts, s, tag.seq);
	/* Clocks of other machines do not agree with ours: a time to come is worth nothing. */
	if (tag.time_ns <= now_ns)
		hist_add(&v->latency, now_ns - tag.time_ns);
}

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

struct verify_counts verify_counts(const struct verify *v)
{
	const struct verify_counts *c = &v->counts;

	return (struct verify_counts){
		.received = get(&c->received),
		.lost = get(&c->lost),
		.reordered = get(&c->reordered),
		.duplicated = get(&c->duplicated),
		.corrupted = get(&c->corrupted),
		.foreign = get(&c->foreign),
	};
}

void verify_sent(struct verify *v, uint16_t stream, uint64_t n)
{
	struct verify_stream *s = find_stream(v, stream);

	if (s)
		s->sent = n;
}

static uint64_t stream_missing(const struct verify_stream *s)
{
	uint64_t expected = s->sent != UNKNOWN ? s->sent : s->next - s->first;

	return expected > s->unique ? expected - s->unique : 0;
}

static uint64_t missing(const struct verify *v)
{
	uint64_t n = 0;

	if (v->expect)
		return v->expect > v->counts.received ? v->expect - v->counts.received : 0;
	for (unsigned i = 0; i < v->n_streams; i++)
		n += stream_missing(v->streams[i]);
	return n;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t verify_outstanding(const struct verify *v)
{
	uint64_t n = 0;

	if (v->expect)
		return less(missing(v), v->counts.corrupted);
	for (unsigned i = 0; i < v->n_streams; i++)
		if (v->streams[i]->sent != UNKNOWN)
			n += stream_missing(v->streams[i]);
	return less(n, v->counts.corrupted);
}

void verify_finish(struct verify *v)
{
	/* A damaged packet has arrived, only its number is not to be trusted. */
	v->counts.lost = less(missing(v), v->counts.corrupted);
}

void verify_destroy(struct verify *v)
{
	for (unsigned i = 0; i < v->n_streams; i++)
		free(v->streams[i]);
	v->n_streams = 0;
	v->last = NULL;
}

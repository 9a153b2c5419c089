// SPDX-License-Identifier: BSD-2-Clause
/* The sending side: build what is due, hand it to the card. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "pktgen.h"

/* After the end a full ring is given this long before what waits is dropped: its link may be down for good. */
#define STUCK_NS 1000000000u

static bool told_to_stop(const struct sender *s)
{
	return __atomic_load_n(s->stop, __ATOMIC_ACQUIRE);
}

static void restock(struct sender *s)
{
	s->first = s->built = 0;
	s->stock = vireo_pool_alloc(s->pool, s->pkts, (unsigned)s->opts->burst);
	/* The device has all buffers and may have nothing more to send that would make tx_burst look. */
	if (!s->stock)
		vireo_txq_reclaim(s->q);
}

/* What a frame costs in the units of the rate. */
static double cost(const struct sender *s, unsigned len)
{
	return s->opts->rate.bits ? (len + FRAME_FCS + FRAME_OVERHEAD) * 8.0 : 1.0;
}

static bool all_built(const struct sender *s)
{
	if (s->count && s->n_built == s->count)
		return true;
	return told_to_stop(s) || (s->replay && s->opts->n_loops && s->round == s->opts->n_loops);
}

static void build_udp(struct sender *s, struct vireo_pkt *pkt, uint64_t now_ns)
{
	unsigned size = s->opts->sizes[s->next_size];

	s->next_size = s->next_size + 1 < s->opts->n_sizes ? s->next_size + 1 : 0;
	pkt->len = (uint16_t)frame_len(&s->gen, size);
	frame_write(&s->gen, vireo_pkt_data(pkt), pkt->len, now_ns);
	if (s->gen.cfg.offload) {
		pkt->flags |= VIREO_PKT_TX_IP_CSUM | VIREO_PKT_TX_UDP_CSUM;
		pkt->tx.l2_len = (uint8_t)s->gen.l2_len;
		pkt->tx.l3_len = IP_LEN;
	}
}

static const struct replay_frame *replay_frame(const struct sender *s)
{
	return &s->replay->frames[s->next_size];
}

/* Frames of a capture go when their time has come, unless a rate says otherwise. */
static bool replay_due(const struct sender *s, uint64_t now_ns)
{
	if (s->rate > 0)
		return true;
	return now_ns >= s->first_ns + s->round * s->replay->period_ns + replay_frame(s)->offset_ns;
}

static void build_replayed(struct sender *s, struct vireo_pkt *pkt)
{
	const struct replay_frame *f = replay_frame(s);

	pkt->len = (uint16_t)f->len;
	memcpy(vireo_pkt_data(pkt), s->replay->data + f->at, f->len);
	if (++s->next_size == s->replay->n_frames) {
		s->next_size = 0;
		s->round++;
	}
}

/* The time of the first packet is now, not when the sender was made ready. */
static void start(struct sender *s, uint64_t now_ticks, uint64_t now_ns)
{
	if (s->first_ns)
		return;
	s->first_ns = now_ns;
	pacer_start(&s->pacer, s->clock, s->rate, now_ticks);
}

/* Fill buffers as long as packets are due. One look at the clocks serves the whole burst. */
static void build(struct sender *s)
{
	uint64_t now_ticks = clock_ticks(), now_ns = clock_ns();
	double credit, spent = 0;

	start(s, now_ticks, now_ns);
	credit = pacer_credit(&s->pacer, now_ticks);
	while (s->built < s->stock && spent <= credit && !all_built(s)) {
		struct vireo_pkt *pkt = &s->pkts[s->built];

		if (!s->replay)
			build_udp(s, pkt, now_ns);
		else if (replay_due(s, now_ns))
			build_replayed(s, pkt);
		else
			break;
		spent += cost(s, pkt->len);
		s->built++;
		s->n_built++;
	}
	pacer_spend(&s->pacer, spent);
}

static void account(struct sender *s, unsigned n)
{
	s->last_units = 0;
	for (unsigned i = s->first; i < s->first + n; i++) {
		s->last_units += cost(s, s->pkts[i].len);
		s->bits += (s->pkts[i].len + FRAME_FCS + FRAME_OVERHEAD) * 8u;
	}
	s->units += s->last_units;
	s->n_sent += n;
	s->last_ns = clock_ns();
}

/* True when there is nothing more to send, or no way to send it. */
static bool at_end(struct sender *s)
{
	if (!all_built(s))
		return false;
	if (s->first == s->built)
		return true;
	if (!told_to_stop(s))
		return false;
	if (!s->stuck_ns)
		s->stuck_ns = clock_ns();
	return clock_ns() - s->stuck_ns > STUCK_NS;
}

bool sender_pass(struct sender *s)
{
	unsigned taken;

	if (__atomic_load_n(&s->finished, __ATOMIC_RELAXED))
		return false;
	if (s->first == s->stock)
		restock(s);
	build(s);
	taken = vireo_tx_burst(s->q, &s->pkts[s->first], s->built - s->first);
	if (taken)
		account(s, taken);
	s->first += taken;
	if (at_end(s)) {
		vireo_pkt_free(&s->pkts[s->first], s->stock - s->first);
		s->first = s->built = s->stock = 0;
		/* Release: who sees the end sees how many were sent. */
		__atomic_store_n(&s->finished, 1, __ATOMIC_RELEASE);
	}
	return taken;
}

double sender_wait_s(const struct sender *s)
{
	uint64_t now_ns, due_ns;

	if (!s->replay || s->rate > 0)
		return pacer_wait_s(&s->pacer, clock_ticks());
	now_ns = clock_ns();
	due_ns = s->first_ns + s->round * s->replay->period_ns + replay_frame(s)->offset_ns;
	return due_ns > now_ns ? (double)(due_ns - now_ns) / 1e9 : 0;
}

/* The filling is written once: nobody but us writes into buffers of our own pool. */
static int fill_pool(struct sender *s, unsigned n_bufs, unsigned len)
{
	struct vireo_pkt *pkts = calloc(n_bufs, sizeof(*pkts));
	unsigned n;

	if (!pkts)
		return vireo_error(-ENOMEM, "no memory to prepare %u packets", n_bufs);
	n = vireo_pool_alloc(s->pool, pkts, n_bufs);
	for (unsigned i = 0; i < n; i++)
		frame_fill(&s->gen, vireo_pkt_data(&pkts[i]), len);
	vireo_pkt_free(pkts, n);
	free(pkts);
	return 0;
}

/* An even share of the port's packets; what is left over goes to the first queues. */
static uint64_t share_of(uint64_t count, unsigned queue, unsigned queues)
{
	return count / queues + (queue < count % queues);
}

int sender_open(struct sender *s, struct pktgen *g, unsigned port, unsigned queue, const struct frame_config *frame)
{
	const struct vireo_port_info *info = &g->ports[port].info;
	struct vireo_pool_config cfg = {
		.name = "pktgen",
		.n_bufs = 2 * info->tx_ring + 1024,
		.numa_node = (uint8_t)(info->numa_node + 1),
	};
	unsigned len;
	int err;

	s->opts = &g->opts;
	s->port = port;
	s->queue = queue;
	s->rate = g->opts.rate.per_second / (double)g->opts.queues;
	s->count = share_of(g->opts.count, queue, (unsigned)g->opts.queues);
	/* No limit is said with 0, but the share of a queue may be nothing at all. */
	if (g->opts.count && !s->count)
		s->finished = 1;
	s->replay = g->replay.n_frames ? &g->replay : NULL;
	s->stop = &g->stop;
	s->clock = g->clock;
	s->q = vireo_port_txq(g->ports[port].port, queue);
	err = frame_gen_init(&s->gen, frame);
	if (err)
		return err;
	len = s->replay ? s->replay->max_len : frame_len(&s->gen, pktgen_max_size(s->opts));
	cfg.buf_size = len > 2048 ? len : 2048;
	err = vireo_pool_create(&cfg, &s->pool);
	if (err)
		return err;
	return s->replay ? 0 : fill_pool(s, cfg.n_bufs, len);
}

void sender_close(struct sender *s)
{
	vireo_pkt_free(&s->pkts[s->first], s->stock - s->first);
	if (s->pool)
		vireo_pool_destroy(s->pool);
	s->pool = NULL;
}

struct sender_result sender_result(const struct sender *s)
{
	struct sender_result r = {.seconds = (double)(s->last_ns - s->first_ns) / 1e9};
	double per_unit;

	if (!s->n_sent || r.seconds <= 0)
		return r;
	/* N packets lie N - 1 gaps apart: what went last has not used up its time yet. */
	per_unit = (s->units - s->last_units) / r.seconds / s->units;
	r.pps = per_unit * (double)s->n_sent;
	r.bps = per_unit * (double)s->bits;
	if (s->rate > 0)
		r.error_percent = (per_unit * s->units / s->rate - 1) * 100;
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/* What a thread of the generator does, and when it has done enough. */
#include "pktgen.h"

/* After the last packet went: packets that are still on their way may take so long to show up one after another... */
#define QUIET_NS 500000000u
/* ...and if none is missing, this is the time for one that comes twice. */
#define COMPLETE_NS 50000000u
/* However long they keep coming, this is the end. */
#define DRAIN_NS 2000000000u

unsigned pktgen_peer(const struct pktgen *g, unsigned port)
{
	unsigned n_senders = g->opts.n_senders, n_rx = g->opts.n_ports - n_senders;

	return n_rx ? n_senders + port % n_rx : (port + 1) % n_senders;
}

/* Lanes go round; but what one port verifies is one thread's, since it is counted in one place. */
void pktgen_share_out(struct pktgen *g)
{
	for (unsigned i = 0; i < g->n_senders; i++) {
		struct pktgen_thread *t = &g->threads[i % g->n_threads];

		t->senders[t->n_senders++] = i;
	}
	for (unsigned i = 0; i < g->n_receivers; i++) {
		unsigned owner = g->receivers[i].verify ? i / (unsigned)g->opts.queues : i;
		struct pktgen_thread *t = &g->threads[owner % g->n_threads];

		t->receivers[t->n_receivers++] = i;
	}
}

static bool senders_finished(struct pktgen *g)
{
	for (unsigned i = 0; i < g->n_senders; i++)
		if (!__atomic_load_n(&g->senders[i]->finished, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

static bool stopped(const struct pktgen *g)
{
	return __atomic_load_n(&g->stop, __ATOMIC_ACQUIRE);
}

/* Nothing more is to come: every packet of the senders was seen, or all that the user told us to expect. */
static bool complete(struct pktgen *g, unsigned port)
{
	struct verify *v = g->verifies[port];

	if (!v)
		return false;
	for (unsigned i = 0; i < g->n_senders; i++)
		if (pktgen_peer(g, g->senders[i]->port) == port)
			verify_sent(v, g->senders[i]->gen.cfg.stream, g->senders[i]->n_sent);
	return verify_outstanding(v) == 0;
}

/* With senders elsewhere only a signal, the time or the number of packets ends the waiting. */
static bool ending(struct pktgen *g, struct pktgen_thread *t)
{
	if (g->opts.n_senders)
		return senders_finished(g);
	if (stopped(g))
		return true;
	for (unsigned i = 0; i < t->n_receivers; i++) {
		const struct receiver *r = &g->receivers[t->receivers[i]];

		if (!r->verify || !r->verify->expect || verify_outstanding(r->verify))
			return false;
	}
	return true;
}

/* True when receive lane @lane may still get packets that count. */
static bool in_flight(struct pktgen *g, struct pktgen_thread *t, unsigned lane, uint64_t now_ns)
{
	const struct receiver *r = &g->receivers[lane];
	unsigned port = lane / (unsigned)g->opts.queues;
	uint64_t since = r->last_ns > t->ending_ns ? r->last_ns : t->ending_ns;

	/* What the verdict does not need, and what a sender gets unasked, is not waited for. */
	if (!r->verify && (g->opts.verify || port < g->opts.n_senders))
		return false;
	if (!g->opts.n_senders)
		return now_ns - t->ending_ns < COMPLETE_NS;
	return now_ns - t->ending_ns < DRAIN_NS && now_ns - since < (complete(g, port) ? COMPLETE_NS : QUIET_NS);
}

static bool drained(struct pktgen *g, struct pktgen_thread *t)
{
	uint64_t now_ns = clock_ns();

	if (!t->ending_ns)
		t->ending_ns = now_ns;
	for (unsigned i = 0; i < t->n_receivers; i++)
		if (in_flight(g, t, t->receivers[i], now_ns))
			return false;
	return true;
}

/* A thread that only sends, and seldom, need not spin in between; it wakes up early, for sleep is never exact. */
static void rest(struct pktgen *g, struct pktgen_thread *t)
{
	double wait = 0.01;
	struct timespec ts = {0};

	if (g->opts.verify || g->opts.n_senders < g->opts.n_ports)
		return;
	for (unsigned i = 0; i < t->n_senders; i++)
		wait = fmin(wait, sender_wait_s(g->senders[t->senders[i]]) - 100e-6);
	if (wait < 100e-6)
		return;
	ts.tv_nsec = (long)(wait * 1e9);
	nanosleep(&ts, NULL);
}

bool pktgen_pass(void *ctx)
{
	struct pktgen_thread *t = ctx;
	struct pktgen *g = t->gen;
	bool busy = false;

	for (unsigned i = 0; i < t->n_senders; i++)
		busy |= sender_pass(g->senders[t->senders[i]]);
	for (unsigned i = 0; i < t->n_receivers; i++)
		busy |= receiver_pass(&g->receivers[t->receivers[i]]);
	if (ending(g, t))
		return !drained(g, t);
	if (!busy)
		rest(g, t);
	return true;
}

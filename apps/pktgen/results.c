// SPDX-License-Identifier: BSD-2-Clause
/* What people and machines are told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vireo/log.h>

#include "app.h"
#include "pktgen.h"

typedef unsigned long long ull;

static const struct {
	const char *name;
	double percent;
} percentiles[] = {{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}};

#define N_PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static bool has_seen(const struct verify *v, uint16_t id)
{
	for (unsigned i = 0; v && i < v->n_streams; i++)
		if (v->streams[i]->id == id && v->streams[i]->unique)
			return true;
	return false;
}

/* A stream is complete wherever a part of it arrived; one that arrived nowhere is missing where it should have. */
static void settle_stream(struct pktgen *g, const struct sender *s)
{
	uint16_t id = s->gen.cfg.stream;
	bool anywhere = false;

	for (unsigned i = 0; i < g->opts.n_ports; i++)
		anywhere |= has_seen(g->verifies[i], id);
	for (unsigned i = 0; i < g->opts.n_ports; i++) {
		struct verify *v = g->verifies[i];
		bool here = anywhere ? has_seen(v, id) : i == pktgen_peer(g, s->port);

		if (v)
			verify_sent(v, id, here ? s->n_sent : UINT64_MAX);
	}
}

static void add_counts(struct verify_counts *sum, const struct verify_counts *c)
{
	sum->received += c->received;
	sum->lost += c->lost;
	sum->reordered += c->reordered;
	sum->duplicated += c->duplicated;
	sum->corrupted += c->corrupted;
	sum->foreign += c->foreign;
}

static struct verify_counts total_counts(const struct pktgen *g)
{
	struct verify_counts sum = {0}, c;

	for (unsigned i = 0; i < g->opts.n_ports; i++) {
		if (!g->verifies[i])
			continue;
		c = verify_counts(g->verifies[i]);
		add_counts(&sum, &c);
	}
	return sum;
}

/* A stream that is spread over several receive queues is not taken in as it was sent, though each of its flows is. */
static bool allows_reorder(const struct pktgen_options *o)
{
	return o->allow_reorder || o->queues > 1;
}

int pktgen_verdict(struct pktgen *g)
{
	const struct pktgen_options *o = &g->opts;
	struct verify_counts c;
	double percent;

	if (!o->verify)
		return 0;
	for (unsigned i = 0; i < g->n_senders; i++)
		settle_stream(g, g->senders[i]);
	for (unsigned i = 0; i < o->n_ports; i++)
		if (g->verifies[i])
			verify_finish(g->verifies[i]);
	c = total_counts(g);
	percent = c.lost ? 100.0 * (double)c.lost / (double)(c.lost + c.received + c.corrupted) : 0;
	if (!c.received && !c.corrupted)
		return vireo_error(-EBADMSG, "verification failed: no packet of a vireo-pktgen arrived");
	if ((c.lost > o->allow_lost && percent > o->allow_lost_percent) || (c.reordered && !allows_reorder(o)) ||
	    c.duplicated || c.corrupted)
		return vireo_error(-EBADMSG,
				   "verification failed: %llu received, %llu lost, %llu reordered, %llu duplicated, "
				   "%llu corrupted",
				   (ull)c.received, (ull)c.lost, (ull)c.reordered, (ull)c.duplicated, (ull)c.corrupted);
	return 0;
}

void pktgen_draw(void *ctx, struct screen *screen)
{
	const struct pktgen *g = ctx;
	struct verify_counts c;

	if (!g->opts.verify)
		return;
	c = total_counts(g);
	screen_line(screen, "verified %llu, %llu missing, %llu reordered, %llu duplicated, %llu corrupted",
		    (ull)c.received, (ull)c.lost, (ull)c.reordered, (ull)c.duplicated, (ull)c.corrupted);
}

static void print_sender(const struct pktgen *g, const struct sender *s)
{
	struct sender_result r = sender_result(s);
	char asked[UNITS_BUF], pps[UNITS_BUF], bps[UNITS_BUF];

	if (r.pps <= 0)
		return; /* a single burst has no rate */
	printf("%s ", g->ports[s->port].spec);
	if (g->opts.queues > 1)
		printf("queue %u ", s->queue);
	printf("sent at %s pkt/s, %s bit/s", units_format(r.pps, pps), units_format(r.bps, bps));
	if (s->rate > 0)
		printf("; asked for %s %s: %+.3f %%", units_format(s->rate, asked),
		       g->opts.rate.bits ? "bit/s" : "pkt/s", r.error_percent);
	putchar('\n');
}

static void print_latency(const struct hist *h)
{
	char buf[UNITS_BUF];

	if (!h->count)
		return;
	printf("  latency: min %s", units_format_ns(h->min, buf));
	for (unsigned i = 0; i < N_PERCENTILES; i++)
		printf(", %s %s", percentiles[i].name,
		       units_format_ns(hist_percentile(h, percentiles[i].percent), buf));
	printf(", max %s\n", units_format_ns(h->max, buf));
}

static void print_receiver(const struct pktgen *g, unsigned i)
{
	const struct verify *v = g->verifies[i];

	if (!v)
		return;
	printf("%s verified %llu, %llu lost, %llu reordered, %llu duplicated, %llu corrupted\n", g->ports[i].spec,
	       (ull)v->counts.received, (ull)v->counts.lost, (ull)v->counts.reordered, (ull)v->counts.duplicated,
	       (ull)v->counts.corrupted);
	if (v->counts.foreign)
		printf("  others' packets that came along: %llu\n", (ull)v->counts.foreign);
	print_latency(&v->latency);
}

void pktgen_summary(struct pktgen *g)
{
	if (g->screen.mode == SCREEN_OFF || g->seconds <= 0)
		return;
	screen_summary(&g->screen, g->ports, g->opts.n_ports, g->seconds);
	for (unsigned i = 0; i < g->n_senders; i++)
		print_sender(g, g->senders[i]);
	for (unsigned i = 0; i < g->opts.n_ports; i++)
		print_receiver(g, i);
	if (g->replay.n_cut)
		printf("%llu frames of the capture were recorded only in part and sent so\n", (ull)g->replay.n_cut);
	fflush(stdout);
}

static struct json_object *sender_object(const struct pktgen *g, const struct sender *s)
{
	struct sender_result r = sender_result(s);
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "port", json_object_new_string(g->ports[s->port].spec));
	report_add_count(obj, "queue", s->queue);
	report_add_count(obj, "stream", s->gen.cfg.stream);
	report_add_count(obj, "packets", s->n_sent);
	report_add_count(obj, "wire_bytes", s->bits / 8);
	json_object_object_add(obj, "duration_s", report_double(r.seconds, 6));
	json_object_object_add(obj, "achieved_pps", report_double(r.pps, 1));
	json_object_object_add(obj, "achieved_bps", report_double(r.bps, 0));
	if (s->rate > 0) {
		json_object_object_add(obj, g->opts.rate.bits ? "asked_bps" : "asked_pps", report_double(s->rate, 1));
		json_object_object_add(obj, "error_percent", report_double(r.error_percent, 4));
	}
	return obj;
}

static void add_verify_counts(struct json_object *obj, const struct verify_counts *c)
{
	report_add_count(obj, "received", c->received);
	report_add_count(obj, "lost", c->lost);
	report_add_count(obj, "reordered", c->reordered);
	report_add_count(obj, "duplicated", c->duplicated);
	report_add_count(obj, "corrupted", c->corrupted);
	report_add_count(obj, "foreign", c->foreign);
}

static void add_latency(struct json_object *obj, const struct hist *h)
{
	struct json_object *l = json_object_new_object();

	report_add_count(l, "count", h->count);
	report_add_count(l, "min", h->min);
	json_object_object_add(l, "mean", report_double(hist_mean(h), 1));
	for (unsigned i = 0; i < N_PERCENTILES; i++)
		report_add_count(l, percentiles[i].name, hist_percentile(h, percentiles[i].percent));
	report_add_count(l, "max", h->max);
	json_object_object_add(obj, "latency_ns", l);
}

static struct json_object *receiver_object(const struct pktgen *g, unsigned i)
{
	const struct verify *v = g->verifies[i];
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "port", json_object_new_string(g->ports[i].spec));
	add_verify_counts(obj, &v->counts);
	add_latency(obj, &v->latency);
	return obj;
}

static struct json_object *verify_object(const struct pktgen *g)
{
	static struct hist latency; /* too large for a stack frame */
	struct json_object *obj = json_object_new_object(), *ports = json_object_new_array();
	struct verify_counts sum = total_counts(g);

	memset(&latency, 0, sizeof(latency));
	for (unsigned i = 0; i < g->opts.n_ports; i++) {
		if (!g->verifies[i])
			continue;
		json_object_array_add(ports, receiver_object(g, i));
		hist_merge(&latency, &g->verifies[i]->latency);
	}
	add_verify_counts(obj, &sum);
	add_latency(obj, &latency);
	json_object_object_add(obj, "ports", ports);
	return obj;
}

struct json_object *pktgen_report(struct pktgen *g)
{
	bool ran = g->seconds > 0;
	struct json_object *root = report_create(&g->opts.report, g->seconds, g->ports, ran ? g->opts.n_ports : 0);
	struct json_object *tx;

	if (!root || !ran)
		return root;
	tx = json_object_new_array();
	for (unsigned i = 0; i < g->n_senders; i++)
		json_object_array_add(tx, sender_object(g, g->senders[i]));
	json_object_object_add(root, "tx", tx);
	if (g->opts.verify)
		json_object_object_add(root, "verify", verify_object(g));
	return root;
}

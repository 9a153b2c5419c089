// SPDX-License-Identifier: BSD-2-Clause
/*
 * vireo-pktgen: from the command line to the verdict. Then read engine.c (what a thread does), send.c and receive.c;
 * frame.c and verify.c know what the packets look like, results.c what people and machines are told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <vireo/log.h>

#include "app.h"
#include "pktgen.h"

static bool verifies(const struct pktgen_options *o, unsigned port)
{
	return o->verify && (port >= o->n_senders || o->n_senders == o->n_ports);
}

static int open_ports(struct pktgen *g)
{
	const struct pktgen_options *o = &g->opts;
	unsigned size = g->replay.n_frames ? g->replay.max_len + FRAME_FCS : pktgen_max_size(o);
	struct vireo_port_config cfg = {
		.mtu = size > 1518 ? (uint16_t)(size - FRAME_FCS - ETH_LEN) : 1500,
		.promiscuous = o->verify || o->n_senders < o->n_ports,
		.tx_offloads = o->frame.offload ? VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM : 0,
	};
	int err = 0;

	for (unsigned i = 0; i < o->n_ports && !err; i++)
		err = app_port_open(&g->ports[i], o->specs[i], &cfg);
	for (unsigned i = 0; i < o->n_ports && !err; i++)
		err = receiver_open(&g->receivers[i], &g->ports[i], verifies(o, i), o->n_senders ? 0 : o->count);
	return err;
}

static const uint8_t *peer_mac(const struct pktgen *g, unsigned sender)
{
	static const uint8_t nobody[VIREO_MAC_LEN] = {0x02, 0, 0, 0, 0, 0x02};

	return g->opts.n_ports > 1 ? g->ports[pktgen_peer(g, sender)].info.mac : nobody;
}

/* The stream may come back anywhere: through a forwarder, a switch or a plug that loops. */
static int announce(struct pktgen *g, uint16_t stream)
{
	int err = 0;

	for (unsigned i = 0; i < g->opts.n_ports && !err; i++)
		if (g->receivers[i].verify)
			err = verify_announce(g->receivers[i].verify, stream);
	return err;
}

static int open_sender(struct pktgen *g, unsigned i, uint16_t stream)
{
	struct frame_config frame = g->opts.frame;
	struct sender *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return vireo_error(-ENOMEM, "no memory for a sender");
	g->senders[i] = s;
	frame.stream = stream;
	if (!g->opts.src_mac_given)
		memcpy(frame.src_mac, g->ports[i].info.mac, VIREO_MAC_LEN);
	if (!g->opts.dst_mac_given)
		memcpy(frame.dst_mac, peer_mac(g, i), VIREO_MAC_LEN);
	err = sender_open(s, g, i, &frame);
	return err ? err : announce(g, stream);
}

static int set_up(struct pktgen *g)
{
	struct vireo_memory_config memory = {.page_size = g->opts.page_size};
	uint16_t stream;
	int err = 0;

	if (g->opts.pcap)
		err = replay_load(g->opts.pcap, &g->replay);
	if (!err && g->opts.page_size)
		err = vireo_memory_configure(&memory);
	if (!err)
		err = open_ports(g);
	g->clock = tick_rate_measure();
	/* Streams of this run are told from what an earlier one left on the wire. */
	if (getrandom(&stream, sizeof(stream), GRND_NONBLOCK) != sizeof(stream))
		stream = (uint16_t)clock_ns();
	for (unsigned i = 0; i < g->opts.n_senders && !err; i++)
		err = open_sender(g, i, (uint16_t)(stream + i));
	for (unsigned i = 0; i < g->opts.n_ports && !err; i++)
		err = app_port_start(&g->ports[i]);
	return err;
}

static void tear_down(struct pktgen *g)
{
	for (unsigned i = 0; i < g->opts.n_ports; i++) {
		receiver_close(&g->receivers[i]);
		app_port_close(&g->ports[i]);
	}
	/* After the ports: what they had in their rings is back in the pools then. */
	for (unsigned i = 0; i < g->opts.n_senders; i++) {
		if (g->senders[i])
			sender_close(g->senders[i]);
		free(g->senders[i]);
	}
	replay_free(&g->replay);
}

static void time_up(void *ctx)
{
	struct pktgen *g = ctx;

	__atomic_store_n(&g->stop, 1, __ATOMIC_RELEASE);
}

static int run(struct pktgen *g)
{
	struct control control = {
		.ports = g->ports,
		.n_ports = g->opts.n_ports,
		.workers = g->workers,
		.screen = &g->screen,
		.duration_ns = g->opts.duration_ns,
		.interval_ns = g->opts.interval_ns,
		.draw = pktgen_draw,
		.time_up = time_up,
		.ctx = g,
	};
	int err;

	g->n_threads = g->opts.n_cpus ? g->opts.n_cpus : 1;
	if (g->n_threads > g->opts.n_ports)
		g->n_threads = g->opts.n_ports;
	for (unsigned i = 0; i < g->n_threads; i++) {
		g->threads[i] = (struct pktgen_thread){.gen = g, .idx = i};
		g->workers[i] = (struct worker){
			.pass = pktgen_pass,
			.ctx = &g->threads[i],
			.cpu = g->opts.n_cpus ? g->opts.cpus[i] : WORKER_ANY_CPU,
		};
	}
	control.n_workers = g->n_threads;
	err = control_run(&control);
	g->seconds = control_seconds(&control);
	return err;
}

int main(int argc, char **argv)
{
	static struct pktgen g;
	struct json_object *report;
	int err, report_err;

	app_init("vireo-pktgen");
	err = pktgen_options_parse(argc, argv, &g.opts);
	if (err || g.opts.done)
		return app_finish(err);
	app_catch_signals();
	screen_open(&g.screen, g.opts.quiet, g.opts.report.to_stdout);

	err = set_up(&g);
	if (!err)
		err = run(&g);
	app_failed(err);
	for (unsigned i = 0; i < g.opts.n_ports; i++)
		app_port_close(&g.ports[i]);
	if (!err)
		err = app_failed(pktgen_verdict(&g));

	pktgen_summary(&g);
	report = pktgen_report(&g);
	tear_down(&g);
	report_err = report_close(&g.opts.report, report, err);
	return app_finish(err ? err : report_err);
}

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

static int open_receivers(struct pktgen *g, unsigned port)
{
	const struct pktgen_options *o = &g->opts;
	int err = 0;

	if (verifies(o, port)) {
		g->verifies[port] = calloc(1, sizeof(struct verify));
		if (!g->verifies[port])
			return vireo_error(-ENOMEM, "no memory to verify packets");
		g->verifies[port]->expect = o->n_senders ? 0 : o->count;
	}
	for (unsigned q = 0; q < o->queues && !err; q++)
		err = receiver_open(&g->receivers[g->n_receivers++], &g->ports[port], q, g->verifies[port]);
	return err;
}

static int open_ports(struct pktgen *g)
{
	const struct pktgen_options *o = &g->opts;
	unsigned size = g->replay.n_frames ? g->replay.max_len + FRAME_FCS : pktgen_max_size(o);
	struct vireo_port_config cfg = {
		.n_rxq = (uint16_t)o->queues,
		.n_txq = (uint16_t)o->queues,
		.mtu = size > 1518 ? (uint16_t)(size - FRAME_FCS - ETH_LEN) : 1500,
		.promiscuous = o->verify || o->n_senders < o->n_ports,
		.tx_offloads = o->frame.offload ? VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM : 0,
	};
	int err;

	err = app_ports_open(g->ports, o->specs, o->n_ports, &cfg);
	for (unsigned i = 0; i < o->n_ports && !err; i++)
		err = open_receivers(g, i);
	return err;
}

static const uint8_t *peer_mac(const struct pktgen *g, unsigned port)
{
	static const uint8_t nobody[VIREO_MAC_LEN] = {0x02, 0, 0, 0, 0, 0x02};

	return g->opts.n_ports > 1 ? g->ports[pktgen_peer(g, port)].info.mac : nobody;
}

/* The stream may come back anywhere: through a forwarder, a switch or a plug that loops. */
static int announce(struct pktgen *g, uint16_t stream)
{
	int err = 0;

	for (unsigned i = 0; i < g->opts.n_ports && !err; i++)
		if (g->verifies[i])
			err = verify_announce(g->verifies[i], stream);
	return err;
}

static int open_sender(struct pktgen *g, unsigned port, unsigned queue, uint16_t stream)
{
	struct frame_config frame = g->opts.frame;
	struct sender *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return vireo_error(-ENOMEM, "no memory for a sender");
	g->senders[g->n_senders++] = s;
	frame.stream = stream;
	if (!g->opts.src_mac_given)
		memcpy(frame.src_mac, g->ports[port].info.mac, VIREO_MAC_LEN);
	if (!g->opts.dst_mac_given)
		memcpy(frame.dst_mac, peer_mac(g, port), VIREO_MAC_LEN);
	err = sender_open(s, g, port, queue, &frame);
	return err ? err : announce(g, stream);
}

static int set_up(struct pktgen *g)
{
	struct vireo_memory_config memory = {.page_size = g->opts.page_size};
	uint16_t stream;
	int err = 0;

	g->clock = tick_rate_begin();
	if (g->opts.pcap)
		err = replay_load(g->opts.pcap, &g->replay);
	if (!err && g->opts.page_size)
		err = vireo_memory_configure(&memory);
	if (!err)
		err = open_ports(g);
	/* Opening cards takes about as long as it takes to know how fast the counter runs. */
	if (g->opts.rate.per_second > 0)
		tick_rate_settle(&g->clock);
	/* Streams of this run are told from what an earlier one left on the wire. */
	if (getrandom(&stream, sizeof(stream), GRND_NONBLOCK) != sizeof(stream))
		stream = (uint16_t)clock_ns();
	for (unsigned i = 0; i < g->opts.n_senders * g->opts.queues && !err; i++)
		err = open_sender(g, i / (unsigned)g->opts.queues, i % (unsigned)g->opts.queues, (uint16_t)(stream + i));
	for (unsigned i = 0; i < g->opts.n_ports && !err; i++)
		err = app_port_start(&g->ports[i]);
	return err;
}

static void tear_down(struct pktgen *g)
{
	for (unsigned i = 0; i < g->n_receivers; i++)
		receiver_close(&g->receivers[i]);
	for (unsigned i = 0; i < g->opts.n_ports; i++) {
		if (g->verifies[i])
			verify_destroy(g->verifies[i]);
		free(g->verifies[i]);
		app_port_close(&g->ports[i]);
	}
	/* After the ports: what they had in their rings is back in the pools then. */
	for (unsigned i = 0; i < g->n_senders; i++) {
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

	g->n_threads = g->opts.n_cores ? g->opts.n_cores : 1;
	pktgen_share_out(g);
	for (unsigned i = 0; i < g->n_threads; i++) {
		g->threads[i].gen = g;
		g->workers[i] = (struct worker){
			.pass = pktgen_pass,
			.ctx = &g->threads[i],
			.cpu = g->opts.n_cores ? g->opts.cores[i] : WORKER_ANY_CPU,
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

// SPDX-License-Identifier: BSD-2-Clause
/* vireo-fwd: from the command line to the summary. The packets' way is in fwd.c. */
#include "app.h"
#include "fwd.h"

static unsigned max(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static int configure_memory(const struct fwd_options *o)
{
	struct vireo_memory_config cfg = {.page_size = o->page_size};

	return o->page_size ? vireo_memory_configure(&cfg) : 0;
}

static int open_ports(const struct fwd_options *o, struct app_port ports[2])
{
	struct vireo_port_config cfg = {
		.mtu = (uint16_t)o->mtu,
		.promiscuous = !o->not_promiscuous,
		.rx_interrupts = o->idle != FWD_POLL,
		.rx_offloads = (o->csum || o->lro ? VIREO_RX_CSUM : 0) | (o->lro ? VIREO_RX_LARGE : 0),
		.tx_offloads = (o->csum || o->lro ? VIREO_TX_L4_CSUM : 0) | (o->lro ? VIREO_TX_TSO : 0),
	};
	int err = 0;

	for (unsigned i = 0; i < 2 && !err; i++)
		err = app_port_open(&ports[i], o->specs[i], &cfg);
	for (unsigned i = 0; i < 2 && !err; i++)
		err = app_port_start(&ports[i]);
	return err;
}

static void connect(struct fwd *fwd, const struct fwd_options *o, struct app_port ports[2])
{
	fwd->idle = o->idle;
	for (unsigned i = 0; i < 2; i++) {
		struct fwd_lane *lane = &fwd->lanes[i];
		unsigned out = 1 - i;

		lane->rx = vireo_port_rxq(ports[i].port, 0);
		lane->tx = vireo_port_txq(ports[out].port, 0);
		/* A packet in several elements must fit into one burst. */
		lane->burst = max((unsigned)o->burst, vireo_rxq_max_segs(lane->rx));
		lane->mac_swap = o->mac_swap;
		lane->set_mac = o->set_mac[out] ? o->macs[out] : NULL;
	}
}

static int run(const struct fwd_options *o, struct app_port ports[2], struct screen *screen, double *ret_seconds)
{
	static struct fwd fwd;
	struct worker worker = {.pass = fwd_pass, .ctx = &fwd, .cpu = o->cpu};
	struct control control = {
		.ports = ports,
		.n_ports = 2,
		.workers = &worker,
		.n_workers = 1,
		.screen = screen,
		.duration_ns = o->duration_ns,
		.interval_ns = o->interval_ns,
	};
	int err;

	connect(&fwd, o, ports);
	err = control_run(&control);
	*ret_seconds = control_seconds(&control);
	fwd_drop_waiting(&fwd);
	return err;
}

int main(int argc, char **argv)
{
	struct app_port ports[2] = {0};
	struct fwd_options o;
	struct screen screen;
	double seconds = 0;
	int err, report_err;

	app_init("vireo-fwd");
	err = fwd_options_parse(argc, argv, &o);
	if (err || o.done)
		return app_finish(err);
	app_catch_signals();
	screen_open(&screen, o.quiet, o.report.to_stdout);

	err = configure_memory(&o);
	if (!err)
		err = open_ports(&o, ports);
	if (!err)
		err = run(&o, ports, &screen, &seconds);
	app_failed(err);
	for (unsigned i = 0; i < 2; i++)
		app_port_close(&ports[i]);

	if (seconds > 0)
		screen_summary(&screen, ports, 2, seconds);
	report_err = report_close(&o.report, report_create(&o.report, seconds, ports, ports[0].spec ? 2 : 0), err);
	return app_finish(err ? err : report_err);
}

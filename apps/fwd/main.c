// SPDX-License-Identifier: BSD-2-Clause
/* vireo-fwd: from the command line to the summary. The packets' way is in fwd.c. */
#include <errno.h>
#include <stdlib.h>

#include <vireo/log.h>

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
		.n_rxq = (uint16_t)o->queues,
		.n_txq = (uint16_t)o->queues,
		.mtu = (uint16_t)o->mtu,
		.promiscuous = !o->not_promiscuous,
		.rx_interrupts = o->idle != FWD_POLL,
		.rx_offloads = (o->csum || o->lro ? VIREO_RX_CSUM : 0) | (o->lro ? VIREO_RX_LARGE : 0) |
			       (o->vlan_strip ? VIREO_RX_VLAN_STRIP : 0),
		.tx_offloads = (o->csum || o->lro ? VIREO_TX_L4_CSUM : 0) | (o->lro ? VIREO_TX_TSO : 0),
	};
	int err;

	err = app_ports_open(ports, o->specs, 2, &cfg);
	for (unsigned i = 0; i < 2 && !err; i++)
		err = app_port_start(&ports[i]);
	return err;
}

/* Both directions of the queue pair @idx of each port. */
static void connect_pair(struct fwd_thread *t, struct fwd_lane lanes[2], const struct fwd_options *o,
			 struct app_port ports[2], unsigned idx)
{
	for (unsigned i = 0; i < 2; i++) {
		struct fwd_lane *lane = &lanes[i];
		unsigned out = 1 - i;

		lane->rx = vireo_port_rxq(ports[i].port, idx);
		lane->tx = vireo_port_txq(ports[out].port, idx);
		/* A packet in several elements must fit into one burst. */
		lane->burst = max((unsigned)o->burst, vireo_rxq_max_segs(lane->rx));
		lane->mac_swap = o->mac_swap;
		lane->set_mac = o->set_mac[out] ? o->macs[out] : NULL;
		t->lanes[t->n_lanes++] = lane;
	}
}

static int run(const struct fwd_options *o, struct app_port ports[2], struct screen *screen, double *ret_seconds,
	       uint64_t *ret_cycles)
{
	static struct fwd_thread threads[VIREO_MAX_QUEUES];
	static struct worker workers[VIREO_MAX_QUEUES];
	unsigned n_threads = o->n_cores ? o->n_cores : 1, n_lanes = 2 * (unsigned)o->queues;
	struct fwd_lane *lanes = calloc(n_lanes, sizeof(*lanes));
	struct control control = {
		.ports = ports,
		.n_ports = 2,
		.workers = workers,
		.n_workers = n_threads,
		.screen = screen,
		.duration_ns = o->duration_ns,
		.interval_ns = o->interval_ns,
	};
	int err;

	if (!lanes)
		return vireo_error(-ENOMEM, "no memory for %u queues", n_lanes);
	for (unsigned i = 0; i < n_threads; i++) {
		threads[i] = (struct fwd_thread){.idle = o->idle, .count_cycles = o->cycles};
		workers[i] = (struct worker){
			.pass = fwd_pass,
			.ctx = &threads[i],
			.cpu = o->n_cores ? o->cores[i] : WORKER_ANY_CPU,
		};
	}
	for (unsigned i = 0; i < o->queues; i++)
		connect_pair(&threads[i % n_threads], lanes + 2 * i, o, ports, i);
	err = control_run(&control);
	*ret_seconds = control_seconds(&control);
	for (unsigned i = 0; i < n_threads; i++)
		*ret_cycles += threads[i].cycles;
	for (unsigned i = 0; i < n_lanes; i++)
		fwd_drop_waiting(&lanes[i]);
	free(lanes);
	return err;
}

/* What a packet cost the threads, in cycles of the CPU's counter; 0 if nobody asked. */
static double cycles_per_packet(const struct app_port ports[2], uint64_t cycles)
{
	uint64_t n = ports[0].stats.rx_packets + ports[1].stats.rx_packets;

	return n ? (double)cycles / (double)n : 0;
}

int main(int argc, char **argv)
{
	struct app_port ports[2] = {0};
	struct fwd_options o;
	struct screen screen;
	struct json_object *root;
	uint64_t cycles = 0;
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
		err = run(&o, ports, &screen, &seconds, &cycles);
	app_failed(err);
	for (unsigned i = 0; i < 2; i++)
		app_port_close(&ports[i]);

	if (seconds > 0)
		screen_summary(&screen, ports, 2, seconds);
	root = report_create(&o.report, seconds, ports, ports[0].spec ? 2 : 0);
	if (root && o.cycles)
		json_object_object_add(root, "cycles_per_packet", report_double(cycles_per_packet(ports, cycles), 1));
	if (!o.report.to_stdout && o.cycles && !err)
		printf("%.1f cycles of the time stamp counter for each packet\n", cycles_per_packet(ports, cycles));
	report_err = report_close(&o.report, root, err);
	return app_finish(err ? err : report_err);
}

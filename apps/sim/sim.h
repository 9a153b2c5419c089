/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_SIM_H
#define VIREO_SIM_H

/*
 * The parts of vireo-sim: what was asked for (options.c), the ports and what is done to them (serve.c), what is shown of
 * them (view.c). This app alone sees sim/ beside the public headers.
 */

#include <sim_port.h>

#include "app.h"
#include "cli.h"
#include "screen.h"

#define SIM_MAX_PORTS    64
#define SIM_MAX_THREADS  16
#define SIM_MAX_FAULTS   64
#define SIM_PATH_MAX     512
#define SIM_MAX_COUNTERS 256

#define SIM_ALL_PORTS UINT32_MAX

/* "5s-8s:port0:link-never-comes" */
struct sim_fault {
	uint64_t begin_ns, end_ns; /* after the start; end 0: never */
	uint32_t port;             /* or SIM_ALL_PORTS */
	char name[64];
	bool on, over;
};

struct sim_wanted {
	char path[SIM_PATH_MAX];
	char words[SIM_TEXT_MAX];
};

struct sim_options {
	struct sim_wanted ports[SIM_MAX_PORTS];
	unsigned n_ports;
	struct sim_fault faults[SIM_MAX_FAULTS];
	unsigned n_faults;
	const char *dir;
	uint64_t n_threads, duration_ns, interval_ns;
	bool quiet, done;
	struct report report;
};

int sim_options_parse(int argc, char **argv, struct sim_options *ret_options);

/* What is looked at of a port now and then. */
struct sim_sample {
	struct sim_counter counters[SIM_MAX_COUNTERS];
	unsigned n;
	uint64_t at_ns;
	char complaint[160]; /* the driver's latest mistake; "": none */
};

struct served_port {
	char name[16]; /* "port0" */
	const struct sim_wanted *wanted;
	struct sim_port *port;
	struct sim_sample sample, before;
};

struct sim {
	struct sim_options options;
	struct screen screen;
	struct sim_engine *engines[SIM_MAX_THREADS];
	struct sim_wires *wires;
	struct served_port ports[SIM_MAX_PORTS];
	unsigned n_ports;
	uint64_t start_ns, end_ns;
};

/* Start all ports; what was started is stopped by serve_stop(), also after a failure. */
int serve_start(struct sim *sim);
/* Until a signal comes or the time is over. */
int serve_run(struct sim *sim);
void serve_stop(struct sim *sim);
void serve_sample(struct served_port *p);

/* A counter by name, 0 when there is none. */
uint64_t sample_get(const struct sim_sample *s, const char *name);
/* Whether a counter tells of something that went wrong. */
bool counter_is_loss(const char *name);

void view_draw(struct sim *sim, double elapsed_s);
void view_summary(struct sim *sim, double seconds);
struct json_object *view_report(const struct sim *sim, double seconds);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_PORTS_H
#define APPS_PORTS_H

/* The ports of an app with what the screen and the report tell about them. */

#include <vireo/vireo.h>

#define PORTS_MAX 16

struct app_port {
	const char *spec;
	struct vireo_port *port;
	struct vireo_port_info info;
	struct vireo_link link;
	struct vireo_stats stats;      /* the last sample */
	struct vireo_stats before;     /* the one before it */
	double sample_s;               /* seconds between the two */
	uint64_t sampled_ns;
	unsigned n_recoveries;         /* stopped and started again after a device error */
	unsigned n_link_changes;
	unsigned n_failures;           /* since it last worked for a while */
	uint64_t failed_ns;            /* the last one */
};

/* Whether two specs name one card. Each opening of a simulated one is another card, whatever it is plugged into. */
bool app_spec_same(const char *a, const char *b);

/* All of them or none. */
int app_ports_open(struct app_port *ports, const char *const *specs, unsigned n, const struct vireo_port_config *cfg);
int app_port_start(struct app_port *p);
/* Stops, reads the counters for the last time, closes. */
void app_port_close(struct app_port *p);

/* It has failed just now: whether it has so often, without a good minute in between, that trying on would only hide it. */
bool app_port_is_broken(struct app_port *p, uint64_t now_ns);

/* Read the counters; those of a device that is gone stay as they were. */
void app_port_sample(struct app_port *p);

struct app_rates {
	double rx_pps, rx_bps, tx_pps, tx_bps; /* bits on the wire: with FCS, preamble and gap */
};

/* Between the last two samples. */
struct app_rates app_port_rates(const struct app_port *p);
/* The same over the whole of @seconds. */
struct app_rates app_port_mean_rates(const struct app_port *p, double seconds);
uint64_t app_port_drops(const struct app_port *p);

#endif

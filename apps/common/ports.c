// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "clock.h"
#include "ports.h"

/* A back end that is restarted now and then is no broken device. */
#define GOOD_NS	     (60 * 1000000000ull)
#define MAX_FAILURES 16

#define WIRE_OVERHEAD 24 /* FCS 4, preamble and start delimiter 8, gap 12 */

bool app_spec_same(const char *a, const char *b)
{
	return !strcmp(a, b) && strcmp(a, "sim") != 0 && strncmp(a, "sim:", 4) != 0 && strncmp(a, "sim,", 4) != 0;
}

int app_ports_open(struct app_port *ports, const char *const *specs, unsigned n, const struct vireo_port_config *cfg)
{
	struct vireo_port *opened[PORTS_MAX];
	int err;

	for (unsigned i = 0; i < n; i++)
		ports[i].spec = specs[i];
	err = vireo_port_open_all(specs, cfg, n, opened);
	for (unsigned i = 0; i < n && !err; i++) {
		ports[i].port = opened[i];
		vireo_port_info(ports[i].port, &ports[i].info);
	}
	return err;
}

int app_port_start(struct app_port *p)
{
	int err = vireo_port_start(p->port);

	if (err)
		return err;
	p->sampled_ns = clock_ns();
	return vireo_port_link(p->port, &p->link);
}

void app_port_close(struct app_port *p)
{
	if (!p->port)
		return;
	/* What stop has still sent belongs into the last figures. On a lost device it fails, and nothing is left to do. */
	vireo_port_stop(p->port);
	vireo_port_stats(p->port, &p->stats);
	vireo_port_close(p->port);
	p->port = NULL;
}

bool app_port_is_broken(struct app_port *p, uint64_t now_ns)
{
	if (now_ns - p->failed_ns > GOOD_NS)
		p->n_failures = 0;
	p->failed_ns = now_ns;
	return ++p->n_failures > MAX_FAILURES;
}

void app_port_sample(struct app_port *p)
{
	uint64_t now = clock_ns();

	p->before = p->stats;
	vireo_port_stats(p->port, &p->stats);
	p->sample_s = (double)(now - p->sampled_ns) / 1e9;
	p->sampled_ns = now;
}

static struct app_rates rates(const struct vireo_stats *now, const struct vireo_stats *before, double seconds)
{
	uint64_t rx = now->rx_packets - before->rx_packets, tx = now->tx_packets - before->tx_packets;
	uint64_t rx_bytes = now->rx_bytes - before->rx_bytes, tx_bytes = now->tx_bytes - before->tx_bytes;

	if (seconds <= 0)
		return (struct app_rates){0};
	return (struct app_rates){
		.rx_pps = (double)rx / seconds,
		.rx_bps = (double)(rx_bytes + rx * WIRE_OVERHEAD) * 8 / seconds,
		.tx_pps = (double)tx / seconds,
		.tx_bps = (double)(tx_bytes + tx * WIRE_OVERHEAD) * 8 / seconds,
	};
}

struct app_rates app_port_rates(const struct app_port *p)
{
	return rates(&p->stats, &p->before, p->sample_s);
}

struct app_rates app_port_mean_rates(const struct app_port *p, double seconds)
{
	static const struct vireo_stats zero;

	return rates(&p->stats, &zero, seconds);
}

uint64_t app_port_drops(const struct app_port *p)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		n += p->stats.drops[i];
	return n;
}

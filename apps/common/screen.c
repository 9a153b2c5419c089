// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "screen.h"
#include "units.h"

#define SPEC_WIDTH 22
#define CLEAR_DOWN "\033[J"

void screen_open(struct screen *s, bool quiet, bool stdout_is_json)
{
	*s = (struct screen){0};
	if (stdout_is_json)
		s->mode = SCREEN_OFF;
	else if (quiet)
		s->mode = SCREEN_QUIET;
	else
		s->mode = isatty(STDOUT_FILENO) ? SCREEN_TABLE : SCREEN_LINES;
}

static void erase_table(struct screen *s)
{
	if (s->n_lines)
		printf("\033[%uA\r" CLEAR_DOWN, s->n_lines);
	s->n_lines = 0;
}

void screen_line(struct screen *s, const char *fmt, ...)
{
	va_list ap;

	if (s->mode < SCREEN_LINES)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	s->n_lines += s->mode == SCREEN_TABLE;
}

void screen_begin(struct screen *s, double elapsed_s)
{
	s->elapsed_s = elapsed_s;
	if (s->mode != SCREEN_TABLE)
		return;
	erase_table(s);
	screen_line(s, "%s, %.0f s", app_name(), elapsed_s);
}

void screen_end(struct screen *s)
{
	fflush(stdout);
}

/* The end of a spec tells more than its beginning. */
static const char *short_spec(const char *spec, char buf[SPEC_WIDTH + 1])
{
	size_t len = strlen(spec);

	if (len <= SPEC_WIDTH)
		return spec;
	snprintf(buf, SPEC_WIDTH + 1, "..%s", spec + len - (SPEC_WIDTH - 2));
	return buf;
}

static const char *link_text(const struct vireo_link *link, char buf[UNITS_BUF])
{
	char speed[UNITS_BUF];

	if (!link->up)
		return "DOWN";
	if (!link->speed_mbps)
		return "up";
	snprintf(buf, UNITS_BUF, "up %.10s", units_format(link->speed_mbps * 1e6, speed));
	return buf;
}

static void table_port(struct screen *s, const struct app_port *p)
{
	struct app_rates r = app_port_rates(p);
	char spec[SPEC_WIDTH + 1], link[UNITS_BUF], b[4][UNITS_BUF];

	screen_line(s, "%-*s %-9s %8s %8s %8s %8s %10llu", SPEC_WIDTH, short_spec(p->spec, spec),
		    link_text(&p->link, link), units_format(r.rx_pps, b[0]), units_format(r.rx_bps, b[1]),
		    units_format(r.tx_pps, b[2]), units_format(r.tx_bps, b[3]), (unsigned long long)app_port_drops(p));
}

static void log_port(struct screen *s, const struct app_port *p)
{
	struct app_rates r = app_port_rates(p);
	char b[4][UNITS_BUF];

	screen_line(s, "%.1f s  %s  rx %s packet/s %s bit/s  tx %s packet/s %s bit/s  dropped %llu", s->elapsed_s,
		    p->spec, units_format(r.rx_pps, b[0]), units_format(r.rx_bps, b[1]), units_format(r.tx_pps, b[2]),
		    units_format(r.tx_bps, b[3]), (unsigned long long)app_port_drops(p));
}

void screen_ports(struct screen *s, const struct app_port *ports, unsigned n)
{
	if (s->mode == SCREEN_TABLE)
		screen_line(s, "%-*s %-9s %8s %8s %8s %8s %10s", SPEC_WIDTH, "port", "link", "rx pkt/s", "bit/s",
			    "tx pkt/s", "bit/s", "dropped");
	for (unsigned i = 0; i < n; i++)
		if (s->mode == SCREEN_TABLE)
			table_port(s, &ports[i]);
		else
			log_port(s, &ports[i]);
}

void screen_event(struct screen *s, const char *fmt, ...)
{
	FILE *out = s->mode == SCREEN_OFF ? stderr : stdout;
	va_list ap;

	erase_table(s);
	if (out == stderr)
		fprintf(out, "%s: ", app_name());
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fputc('\n', out);
	fflush(out);
}

static void summary_drops(const struct app_port *p)
{
	for (unsigned i = 0; i < VIREO_N_DROPS; i++)
		if (p->stats.drops[i])
			printf("  dropped %llu as %s: %s\n", (unsigned long long)p->stats.drops[i], vireo_drop_name(i),
			       vireo_drop_hint(i));
}

static void summary_port(const struct app_port *p, double seconds)
{
	struct app_rates r = app_port_mean_rates(p, seconds);
	char spec[SPEC_WIDTH + 1], b[4][UNITS_BUF];

	printf("%-*s %12llu %7s %7s %12llu %7s %7s\n", SPEC_WIDTH, short_spec(p->spec, spec),
	       (unsigned long long)p->stats.rx_packets, units_format(r.rx_pps, b[0]), units_format(r.rx_bps, b[1]),
	       (unsigned long long)p->stats.tx_packets, units_format(r.tx_pps, b[2]), units_format(r.tx_bps, b[3]));
}

void screen_summary(struct screen *s, const struct app_port *ports, unsigned n, double seconds)
{
	if (s->mode == SCREEN_OFF)
		return;
	erase_table(s);
	printf("%s, %.1f s in all\n%-*s %12s %7s %7s %12s %7s %7s\n", app_name(), seconds, SPEC_WIDTH, "port",
	       "received", "pkt/s", "bit/s", "sent", "pkt/s", "bit/s");
	for (unsigned i = 0; i < n; i++) {
		summary_port(&ports[i], seconds);
		if (ports[i].n_recoveries)
			printf("  device errors after which it was started again: %u\n", ports[i].n_recoveries);
		summary_drops(&ports[i]);
	}
	fflush(stdout);
}

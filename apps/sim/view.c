// SPDX-License-Identifier: BSD-2-Clause
/* What is shown of the ports, from the counters that cards and wires have. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define PATH_WIDTH     28
#define FRAME_OVERHEAD 24 /* preamble, FCS and gap, in bytes */

uint64_t sample_get(const struct sim_sample *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (!strcmp(s->counters[i].name, name))
			return s->counters[i].value;
	}
	return 0;
}

bool counter_is_loss(const char *name)
{
	static const char *const words[] = {"lost", "missed", "drop", "no_buffer"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return false;
}

static uint64_t losses(const struct sim_sample *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += counter_is_loss(s->counters[i].name) ? s->counters[i].value : 0;
	return sum;
}

struct rates {
	double pps, bps;
};

/* Of what went "in" or "out" on the wire between two samples. */
static struct rates rates_between(const struct sim_sample *from, const struct sim_sample *to, const char *way)
{
	double seconds = (double)(to->at_ns - from->at_ns) / 1e9, frames, bytes;
	char name[40];

	if (seconds <= 0)
		return (struct rates){0};
	snprintf(name, sizeof(name), "wire_%s_frames", way);
	frames = (double)(sample_get(to, name) - sample_get(from, name));
	snprintf(name, sizeof(name), "wire_%s_bytes", way);
	bytes = (double)(sample_get(to, name) - sample_get(from, name));
	return (struct rates){.pps = frames / seconds, .bps = (bytes + frames * FRAME_OVERHEAD) * 8 / seconds};
}

/* The end of a path tells more than its beginning. */
static const char *short_path(const char *path, char buf[PATH_WIDTH + 1])
{
	size_t len = strlen(path);

	if (len <= PATH_WIDTH)
		return path;
	snprintf(buf, PATH_WIDTH + 1, "..%s", path + len - (PATH_WIDTH - 2));
	return buf;
}

static void draw_port(struct sim *sim, struct served_port *p)
{
	struct rates in = rates_between(&p->before, &p->sample, "in");
	struct rates out = rates_between(&p->before, &p->sample, "out");
	unsigned long long lost = losses(&p->sample), refused = sample_get(&p->sample, "dma_refused");
	char path[PATH_WIDTH + 1], b[4][UNITS_BUF];

	if (sim->screen.mode == SCREEN_TABLE)
		screen_line(&sim->screen, "%-*s %8s %8s %8s %8s %9llu %7llu", PATH_WIDTH,
			    short_path(p->wanted->path, path), units_format(in.pps, b[0]), units_format(in.bps, b[1]),
			    units_format(out.pps, b[2]), units_format(out.bps, b[3]), lost, refused);
	else
		screen_line(&sim->screen,
			    "%.1f s  %s  in %s frame/s %s bit/s  out %s frame/s %s bit/s  lost %llu  refused %llu",
			    sim->screen.elapsed_s, p->name, units_format(in.pps, b[0]), units_format(in.bps, b[1]),
			    units_format(out.pps, b[2]), units_format(out.bps, b[3]), lost, refused);
}

void view_draw(struct sim *sim, double elapsed_s)
{
	screen_begin(&sim->screen, elapsed_s);
	if (sim->screen.mode == SCREEN_TABLE)
		screen_line(&sim->screen, "%-*s %8s %8s %8s %8s %9s %7s", PATH_WIDTH, "socket", "in fr/s", "bit/s",
			    "out fr/s", "bit/s", "lost", "refused");
	for (unsigned i = 0; i < sim->n_ports; i++)
		draw_port(sim, &sim->ports[i]);
	screen_end(&sim->screen);
}

void view_summary(struct sim *sim, double seconds)
{
	if (sim->screen.mode == SCREEN_OFF)
		return;
	screen_event(&sim->screen, "%s, %.1f s in all", app_name(), seconds);
	for (unsigned i = 0; i < sim->n_ports; i++) {
		const struct served_port *p = &sim->ports[i];

		printf("%s, %s, %s\n", p->name, p->wanted->path, p->wanted->words);
		for (unsigned c = 0; c < p->sample.n; c++) {
			if (p->sample.counters[c].value)
				printf("  %-32s %llu\n", p->sample.counters[c].name,
				       (unsigned long long)p->sample.counters[c].value);
		}
		if (*p->sample.complaint)
			printf("  latest: %s\n", p->sample.complaint);
	}
	fflush(stdout);
}

static struct json_object *port_object(const struct served_port *p)
{
	struct json_object *obj = json_object_new_object(), *drops = json_object_new_object();
	struct json_object *counters = json_object_new_object();

	json_object_object_add(obj, "port", json_object_new_string(p->name));
	json_object_object_add(obj, "socket", json_object_new_string(p->wanted->path));
	json_object_object_add(obj, "wire", json_object_new_string(p->wanted->words));
	report_add_count(obj, "rx_packets", sample_get(&p->sample, "wire_in_frames"));
	report_add_count(obj, "rx_bytes", sample_get(&p->sample, "wire_in_bytes"));
	report_add_count(obj, "tx_packets", sample_get(&p->sample, "wire_out_frames"));
	report_add_count(obj, "tx_bytes", sample_get(&p->sample, "wire_out_bytes"));
	for (unsigned i = 0; i < p->sample.n; i++)
		report_add_count(counter_is_loss(p->sample.counters[i].name) ? drops : counters,
				 p->sample.counters[i].name, p->sample.counters[i].value);
	json_object_object_add(obj, "drops", drops);
	json_object_object_add(obj, "counters", counters);
	if (*p->sample.complaint)
		json_object_object_add(obj, "complaint", json_object_new_string(p->sample.complaint));
	return obj;
}

struct json_object *view_report(const struct sim *sim, double seconds)
{
	struct json_object *root = report_create(&sim->options.report, seconds, NULL, 0), *ports;

	if (!root)
		return NULL;
	ports = json_object_new_array();
	for (unsigned i = 0; i < sim->n_ports; i++)
		json_object_array_add(ports, port_object(&sim->ports[i]));
	json_object_object_add(root, "ports", ports);
	return root;
}

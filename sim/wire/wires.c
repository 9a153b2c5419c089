// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

struct sim_wires *sim_wires_create(void)
{
	struct sim_wires *wires = calloc(1, sizeof(*wires));

	if (!wires)
		return NULL;
	pthread_mutex_init(&wires->lock, NULL);
	wires->n_refs = 1;
	return wires;
}

void wires_put_locked(struct sim_wires *wires)
{
	bool last = --wires->n_refs == 0;

	pthread_mutex_unlock(&wires->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&wires->lock);
	free(wires);
}

void sim_wires_destroy(struct sim_wires *wires)
{
	if (!wires)
		return;
	pthread_mutex_lock(&wires->lock);
	wires_put_locked(wires);
}

static struct sim_wire_end *plug_kind(struct sim_wires *wires, struct sim_text *t, const uint8_t mac[MAC_LEN])
{
	if (!strcmp(t->kind, "cable"))
		return wire_cable_plug(wires, t);
	if (!strcmp(t->kind, "tap"))
		return wire_tap_plug(t);
	if (t->arg[0]) {
		sim_text_fail(t, -EINVAL, "%.60s:%.60s: only cable and tap have a name; options follow after commas",
			      t->kind, t->arg);
		return NULL;
	}
	if (!strcmp(t->kind, "gen"))
		return wire_gen_plug(t, mac);
	if (!strcmp(t->kind, "sink"))
		return wire_sink_plug(t);
	if (!strcmp(t->kind, "echo"))
		return wire_echo_plug(t);
	if (!strcmp(t->kind, "pcap"))
		return wire_pcap_plug(t);
	sim_text_fail(t, -EINVAL, "\"%.60s\" is no kind of wire; there is: gen sink echo cable:NAME tap:NAME pcap",
		      t->kind);
	return NULL;
}

int sim_wire_plug(struct sim_wires *wires, struct sim_text *t, const uint8_t mac[MAC_LEN],
		  struct sim_wire_end **ret_end)
{
	struct sim_wire_end *end = NULL;

	if (!t->err)
		end = plug_kind(wires, t, mac);
	if (end)
		end = wire_impair_plug(t, end);
	if (!end)
		return t->err ? t->err : sim_text_fail(t, -ENOMEM, "no memory for a wire");
	if (t->err) {
		end->ops->unplug(end);
		return t->err;
	}
	*ret_end = end;
	return 0;
}

void wire_counter(struct wire_counters *c, const char *name, uint64_t value)
{
	if (c->n < c->room) {
		snprintf(c->list[c->n].name, sizeof(c->list[c->n].name), "%s", name);
		c->list[c->n].value = value;
	}
	c->n++;
}

void wire_counter_pair(struct wire_counters *c, const char *prefix, const struct wire_count *count)
{
	char name[40];

	snprintf(name, sizeof(name), "%s_frames", prefix);
	wire_counter(c, name, count->frames);
	snprintf(name, sizeof(name), "%s_bytes", prefix);
	wire_counter(c, name, count->bytes);
}

bool wire_carrier_on(struct sim_wire_end *end, uint64_t now_ns)
{
	return true;
}

void wire_laser_ignored(struct sim_wire_end *end, bool on)
{
}

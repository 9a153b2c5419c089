// SPDX-License-Identifier: BSD-2-Clause
/* The ports: started, broken when it is time, looked at, stopped. The cards live on model threads (sim/engine.h). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <guard.h>

#include "clock.h"
#include "sim.h"

/* So often is looked whether a signal came, however rare the screen is. */
#define LOOK_NS (50 * 1000000ull)

static int start_engines(struct sim *sim)
{
	int err = 0;

	/* Strangers share memory with us, and may take it back. */
	err = sim_guard_install();
	if (err)
		return vireo_error(err, "cannot take SIGBUS: %s", strerror(-err));
	sim->wires = sim_wires_create();
	if (!sim->wires)
		return vireo_error(-ENOMEM, "no memory for wires");
	for (unsigned i = 0; i < sim->options.n_threads && !err; i++)
		err = sim_engine_create(&sim->engines[i]);
	return err ? vireo_error(err, "cannot start a model thread: %s", strerror(-err)) : 0;
}

static int start_port(struct sim *sim, unsigned index)
{
	struct served_port *p = &sim->ports[index];
	struct sim_why why = {""};
	int err;

	p->wanted = &sim->options.ports[index];
	snprintf(p->name, sizeof(p->name), "port%u", index);
	err = sim_port_open(sim->engines[index % sim->options.n_threads], sim->wires, p->wanted->words, index,
			    p->wanted->path, -1, &p->port, &why);
	if (err)
		return vireo_error(err, "%s: %s", p->name, why.text);
	sim->n_ports++;
	screen_event(&sim->screen, "%s: vfio-user:%s is a card plugged into %s", p->name, p->wanted->path,
		     p->wanted->words);
	return 0;
}

static int set_fault(struct sim *sim, const struct sim_fault *f, bool on)
{
	for (unsigned i = 0; i < sim->n_ports; i++) {
		if (f->port != SIM_ALL_PORTS && f->port != i)
			continue;
		if (sim_port_fault(sim->ports[i].port, f->name, on))
			return vireo_error(-EINVAL, "--fault %s: the card has no fault of this name", f->name);
	}
	return 0;
}

/* Mending what is not broken tells whether there is such a fault, before its time has come. */
static int check_faults(struct sim *sim)
{
	int err = 0;

	for (unsigned i = 0; i < sim->options.n_faults && !err; i++)
		err = set_fault(sim, &sim->options.faults[i], false);
	return err;
}

/* Break and mend what is due at @ns after the start; returns when the next is due. */
static uint64_t do_faults(struct sim *sim, uint64_t ns)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < sim->options.n_faults; i++) {
		struct sim_fault *f = &sim->options.faults[i];
		uint64_t due = f->on ? f->end_ns : f->begin_ns;

		if (f->over)
			continue;
		if (due <= ns) {
			f->on = !f->on;
			f->over = !f->on || !f->end_ns;
			set_fault(sim, f, f->on);
			screen_event(&sim->screen, "%.1f s: fault %s %s", (double)ns / 1e9, f->name,
				     f->on ? "begins" : "ends");
			due = f->end_ns;
		}
		if (!f->over && due < next)
			next = due;
	}
	return next;
}

int serve_start(struct sim *sim)
{
	int err = start_engines(sim);

	for (unsigned i = 0; i < sim->options.n_ports && !err; i++)
		err = start_port(sim, i);
	if (!err)
		err = check_faults(sim);
	sim->start_ns = clock_ns();
	if (err)
		return err;
	do_faults(sim, 0);
	/* Scripts wait for this line. */
	screen_event(&sim->screen, "ready: %u card%s", sim->n_ports, sim->n_ports == 1 ? "" : "s");
	return 0;
}

void serve_sample(struct served_port *p)
{
	p->before = p->sample;
	p->sample.n = sim_port_counters(p->port, p->sample.counters, SIM_MAX_COUNTERS);
	if (p->sample.n > SIM_MAX_COUNTERS)
		p->sample.n = SIM_MAX_COUNTERS;
	sim_port_complaint(p->port, p->sample.complaint, sizeof(p->sample.complaint));
	p->sample.at_ns = clock_ns();
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void sleep_until(uint64_t now, uint64_t then)
{
	uint64_t ns = then > now ? min(then - now, LOOK_NS) : 0;
	struct timespec ts = {.tv_nsec = (long)ns};

	ppoll(NULL, 0, &ts, NULL);
}

int serve_run(struct sim *sim)
{
	uint64_t interval = sim->options.interval_ns, next_draw = interval, now = 0;
	uint64_t end = sim->options.duration_ns ? sim->options.duration_ns : UINT64_MAX;

	for (unsigned i = 0; i < sim->n_ports; i++)
		serve_sample(&sim->ports[i]);
	while (!app_stopping() && now < end) {
		uint64_t next_fault = do_faults(sim, now);

		sleep_until(now, min(min(next_draw, next_fault), end));
		now = clock_ns() - sim->start_ns;
		if (now < next_draw)
			continue;
		for (unsigned i = 0; i < sim->n_ports; i++)
			serve_sample(&sim->ports[i]);
		view_draw(sim, (double)now / 1e9);
		next_draw = now + interval;
	}
	return 0;
}

void serve_stop(struct sim *sim)
{
	sim->end_ns = clock_ns();
	for (unsigned i = 0; i < sim->n_ports; i++) {
		serve_sample(&sim->ports[i]);
		sim_port_close(sim->ports[i].port);
	}
	for (unsigned i = 0; i < SIM_MAX_THREADS; i++)
		sim_engine_destroy(sim->engines[i]);
	sim_wires_destroy(sim->wires);
}

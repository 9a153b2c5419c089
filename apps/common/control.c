// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <poll.h>

#include <vireo/log.h>

#include "app.h"
#include "clock.h"
#include "control.h"

/* So often is looked whether workers have finished, however rare the screen is. */
#define LOOK_NS (50 * 1000000ull)

static int recover(struct control *c, struct app_port *p)
{
	int err;

	if (app_port_is_broken(p, clock_ns()))
		return vireo_error(-EIO, "%s failed %u times in short order, giving up", p->spec, p->n_failures);
	p->n_recoveries++;
	screen_event(c->screen, "%s: the device reports an error; starting it again", p->spec);
	for (unsigned i = 0; i < c->n_workers; i++)
		worker_pause(&c->workers[i]);
	/* The device is in trouble: that it cannot stop in good order is no news. */
	vireo_port_stop(p->port);
	err = vireo_port_start(p->port);
	for (unsigned i = 0; i < c->n_workers; i++)
		worker_resume(&c->workers[i]);
	return err;
}

static int handle_link(struct control *c, struct app_port *p)
{
	struct vireo_link link;
	int err = vireo_port_link(p->port, &link);

	if (err)
		return err;
	p->link = link;
	p->n_link_changes++;
	if (link.up && link.speed_mbps)
		screen_event(c->screen, "%s: link up, %u Mbit/s", p->spec, link.speed_mbps);
	else
		screen_event(c->screen, "%s: link %s", p->spec, link.up ? "up" : "down");
	return 0;
}

static int handle_port(struct control *c, struct app_port *p)
{
	int events = vireo_port_poll(p->port);

	if (events == -EIO)
		return recover(c, p);
	if (events == -ENODEV)
		return vireo_error(events, "%s: the device is gone: it was removed, or answers no more", p->spec);
	if (events < 0)
		return events;
	if (events & VIREO_EVENT_REMOVE)
		return vireo_error(-ENODEV, "%s: the kernel wants the device back (it is being unbound or removed)",
				   p->spec);
	return events & VIREO_EVENT_LINK ? handle_link(c, p) : 0;
}

static int handle_ports(struct control *c)
{
	int err = 0;

	for (unsigned i = 0; i < c->n_ports && !err; i++)
		err = handle_port(c, &c->ports[i]);
	return err;
}

static void draw(struct control *c)
{
	for (unsigned i = 0; i < c->n_ports; i++)
		app_port_sample(&c->ports[i]);
	screen_begin(c->screen, (double)(clock_ns() - c->start_ns) / 1e9);
	screen_ports(c->screen, c->ports, c->n_ports);
	if (c->draw)
		c->draw(c->ctx, c->screen);
	screen_end(c->screen);
}

static bool workers_finished(const struct control *c)
{
	for (unsigned i = 0; i < c->n_workers; i++)
		if (!worker_finished(&c->workers[i]))
			return false;
	return true;
}

/* Sleep until a port has news, a signal comes or @ns have passed. */
static void wait_for_events(struct control *c, uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	struct pollfd fds[PORTS_MAX];

	for (unsigned i = 0; i < c->n_ports; i++)
		fds[i] = (struct pollfd){.fd = vireo_port_event_fd(c->ports[i].port), .events = POLLIN};
	ppoll(fds, c->n_ports, &ts, NULL);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* True when the show is over: whoever ends it, workers that can end by themselves get their time. */
static bool over(struct control *c, uint64_t now, bool *told)
{
	bool time_up = app_stopping() || (c->duration_ns && now - c->start_ns >= c->duration_ns);

	if (workers_finished(c))
		return true;
	if (!time_up)
		return false;
	if (!c->time_up)
		return true;
	if (!*told) {
		/* What is still on its way gets its time, which is not time of the show. */
		c->end_ns = now;
		c->time_up(c->ctx);
	}
	*told = true;
	return false;
}

static int control_loop(struct control *c)
{
	uint64_t now = clock_ns(), next_draw = now + c->interval_ns;
	bool told = false;
	int err;

	while (!over(c, now, &told)) {
		uint64_t wake = min(next_draw, now + LOOK_NS);

		if (c->duration_ns && !told)
			wake = min(wake, c->start_ns + c->duration_ns);
		wait_for_events(c, wake > now ? wake - now : 0);
		err = handle_ports(c);
		if (err)
			return err;
		now = clock_ns();
		if (now >= next_draw) {
			draw(c);
			next_draw = now + c->interval_ns;
		}
	}
	return 0;
}

int control_run(struct control *c)
{
	int err = 0;

	c->start_ns = clock_ns();
	for (unsigned i = 0; i < c->n_workers && !err; i++)
		err = worker_start(&c->workers[i]);
	if (!err)
		err = control_loop(c);
	for (unsigned i = 0; i < c->n_workers; i++)
		worker_stop(&c->workers[i]);
	if (!c->end_ns)
		c->end_ns = clock_ns();
	return err;
}

double control_seconds(const struct control *c)
{
	return (double)(c->end_ns - c->start_ns) / 1e9;
}

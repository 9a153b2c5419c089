/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_CONTROL_H
#define APPS_CONTROL_H

/* The control thread: looks after the ports and the screen while workers move packets. */

#include "ports.h"
#include "screen.h"
#include "worker.h"

struct control {
	struct app_port *ports;
	unsigned n_ports;
	struct worker *workers;
	unsigned n_workers;
	struct screen *screen;
	uint64_t duration_ns; /* 0: until a signal comes or all workers have finished */
	uint64_t interval_ns;
	void (*draw)(void *ctx, struct screen *screen); /* lines below the ports, or NULL */
	void (*time_up)(void *ctx);                     /* lets workers end by themselves; NULL: they are stopped */
	void *ctx;

	uint64_t start_ns, end_ns;
};

/*
 * Start workers, and return when all is over, with the workers stopped. Ports must be started; they are left so. A port
 * whose device gave up is stopped and started again. 0; -ENODEV with a sentence when a device is lost or wanted back;
 * -EIO when a device does not recover.
 */
int control_run(struct control *c);
double control_seconds(const struct control *c);

#endif

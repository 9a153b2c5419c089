/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_SCREEN_H
#define APPS_SCREEN_H

/*
 * What people see while an app runs: on a terminal a table that stays in place, otherwise a line per port and interval.
 * Everything goes to stdout, unless that is where the JSON goes: then nothing is shown.
 */

#include <stdbool.h>

#include "ports.h"

enum screen_mode {
	SCREEN_OFF,   /* stdout belongs to the JSON */
	SCREEN_QUIET, /* only the summary */
	SCREEN_LINES,
	SCREEN_TABLE,
};

struct screen {
	enum screen_mode mode;
	unsigned n_lines; /* of the table that is on the terminal */
	double elapsed_s;
};

void screen_open(struct screen *s, bool quiet, bool stdout_is_json);
/* Begin to draw the state after @elapsed_s seconds over the one before. */
void screen_begin(struct screen *s, double elapsed_s);
void screen_ports(struct screen *s, const struct app_port *ports, unsigned n);
/* A further line, of the table or in a log; one without a newline. */
void screen_line(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void screen_end(struct screen *s);
/* Something has happened: a line that stays. On stderr when stdout is not ours. */
void screen_event(struct screen *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Totals per port, and what to do against each cause of loss. */
void screen_summary(struct screen *s, const struct app_port *ports, unsigned n, double seconds);

#endif

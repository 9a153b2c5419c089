/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_REPORT_H
#define APPS_REPORT_H

/* The one JSON object that an app ends with. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "ports.h"

/*
 * "--json" may be followed by a file. A word behind it is taken for one unless it begins with "-" or looks like a port
 * (it contains ":", or is "sim"); "--json=FILE" leaves no doubt. Rewrites @argv in place so that getopt_long() sees
 * only "--json" and "--json=FILE"; returns the new argc.
 */
int report_join_json(int argc, char **argv);

struct report {
	bool wanted;
	FILE *file;     /* stdout, or the file */
	bool to_stdout;
};

/* @path NULL or "-": stdout. -EBADF when it cannot be written; before any port is touched. */
int report_open(struct report *r, const char *path);
/* {"app", "version", "duration_s", "ports": [...]} to which the app adds its own; NULL when no report is wanted. */
struct json_object *report_create(const struct report *r, double seconds, const struct app_port *ports, unsigned n);
/* Write @root, with the sentence of app_failed() as "error" when @err is not 0, and free it. */
int report_close(struct report *r, struct json_object *root, int err);

/* A number with as many digits as it deserves. */
struct json_object *report_double(double value, int digits);
void report_add_count(struct json_object *obj, const char *key, uint64_t value);

#endif

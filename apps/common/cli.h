/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_CLI_H
#define APPS_CLI_H

/* A command line as a table: what an option is called, what it takes and which member of the app's options it fills. */

#include <stdbool.h>
#include <stddef.h>

#include "report.h"
#include "units.h"

enum cli_kind {
	CLI_SET,        /* no value; int becomes @value */
	CLI_FLAG,       /* no value; bool becomes @value */
	CLI_NUMBER,     /* uint64_t from @min to @max */
	CLI_DURATION,   /* uint64_t, nanoseconds */
	CLI_PAGE_SIZE,  /* uint64_t, bytes */
	CLI_RATE,       /* struct units_rate */
	CLI_IP_RANGE,   /* struct units_range */
	CLI_PORT_RANGE, /* struct units_range */
	CLI_TEXT,       /* const char * */
	CLI_PARSE,      /* whatever @parse makes of the text; it gets the whole of the app's options */
	CLI_JSON,       /* struct report; the value may be missing */
};

struct cli_option {
	const char *name;
	char letter; /* or 0 */
	enum cli_kind kind;
	size_t offset;
	int value;
	uint64_t min, max;
	int (*parse)(void *options, const char *text);
};

struct cli {
	const char *usage;                /* all of --help; fits a screen */
	const struct cli_option *options; /* ends with a name of NULL */
	void *target;
	bool done;                        /* --help or --version: it has been said, there is nothing to do */
};

/*
 * --help, --version and --verbose are understood in every app. Returns the index of the first PORT in @argv, which is
 * reordered so that ports come last, and its new length in @argc; or -EINVAL.
 */
int cli_parse(struct cli *cli, int *argc, char **argv);

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <vireo/log.h>

#include "app.h"
#include "cli.h"

#define MAX_OPTIONS 64

/* Values that getopt_long() returns: 0x100 and the place in the app's table, or one of these. */
enum {
	FIRST_OPTION = 0x100,
	OPT_HELP = 1,
	OPT_VERSION,
	OPT_VERBOSE,
};

static int apply(const struct cli *cli, const struct cli_option *o, const char *text)
{
	void *member = (char *)cli->target + o->offset;
	char name[40];

	snprintf(name, sizeof(name), "--%s", o->name);
	switch (o->kind) {
	case CLI_SET:
		*(int *)member = o->value;
		return 0;
	case CLI_FLAG:
		*(bool *)member = o->value;
		return 0;
	case CLI_NUMBER:
		return units_number(name, text, o->min, o->max, member);
	case CLI_DURATION:
		return units_duration(name, text, member);
	case CLI_PAGE_SIZE:
		return units_page_size(name, text, member);
	case CLI_RATE:
		return units_rate(name, text, member);
	case CLI_IP_RANGE:
		return units_ip_range(name, text, member);
	case CLI_PORT_RANGE:
		return units_port_range(name, text, member);
	case CLI_TEXT:
		*(const char **)member = text;
		return 0;
	case CLI_PARSE:
		return o->parse(cli->target, text);
	case CLI_JSON:
		return report_open(member, text);
	}
	return -EINVAL;
}

static int has_value(enum cli_kind kind)
{
	if (kind == CLI_JSON)
		return optional_argument;
	return kind == CLI_SET || kind == CLI_FLAG ? no_argument : required_argument;
}

/* Our table in the two forms that getopt_long() wants. */
static void build_tables(const struct cli *cli, struct option longs[MAX_OPTIONS], char letters[3 * MAX_OPTIONS])
{
	static const struct option common[] = {
		{"help", no_argument, NULL, OPT_HELP},
		{"version", no_argument, NULL, OPT_VERSION},
		{"verbose", no_argument, NULL, OPT_VERBOSE},
		{NULL, 0, NULL, 0},
	};
	int n = 0;

	/* The colon in front: a missing value and an unknown option are told apart. */
	letters += sprintf(letters, ":hVv");
	for (const struct cli_option *o = cli->options; o->name; o++, n++) {
		int value = has_value(o->kind);

		longs[n] = (struct option){o->name, value, NULL, FIRST_OPTION + n};
		if (o->letter)
			letters += sprintf(letters, "%c%s", o->letter, value == required_argument ? ":" : "");
	}
	memcpy(&longs[n], common, sizeof(common));
}

static const struct cli_option *find_option(const struct cli *cli, int got)
{
	if (got >= FIRST_OPTION)
		return &cli->options[got - FIRST_OPTION];
	for (const struct cli_option *o = cli->options; o->name; o++)
		if (got == o->letter)
			return o;
	return NULL;
}

static int handle(struct cli *cli, int got, const char *word)
{
	const struct cli_option *o;

	switch (got) {
	case OPT_HELP:
	case 'h':
		fputs(cli->usage, stdout);
		cli->done = true;
		return 0;
	case OPT_VERSION:
	case 'V':
		printf("%s %s\n", app_name(), vireo_version());
		cli->done = true;
		return 0;
	case OPT_VERBOSE:
	case 'v':
		app_log_to_stderr(VIREO_LOG_DEBUG);
		return 0;
	case ':':
		return vireo_error(-EINVAL, "%s needs a value; see %s --help", word, app_name());
	}
	o = find_option(cli, got);
	if (!o)
		return vireo_error(-EINVAL, "cannot understand %s; see %s --help", word, app_name());
	return apply(cli, o, optarg);
}

int cli_parse(struct cli *cli, int *argc, char **argv)
{
	struct option longs[MAX_OPTIONS] = {0};
	char letters[3 * MAX_OPTIONS];
	int got, err;

	*argc = report_join_json(*argc, argv);
	build_tables(cli, longs, letters);
	optind = 0;
	while ((got = getopt_long(*argc, argv, letters, longs, NULL)) != -1) {
		err = handle(cli, got, argv[optind - 1]);
		if (err || cli->done)
			return err;
	}
	return optind;
}

// SPDX-License-Identifier: BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const char usage[] = "Usage: vireo-sim [options] [SOCKET=]WIRE[,option=value]...\n"
			    "       vireo-sim run [options] -- PROGRAM [argument]...\n"
			    "Simulate Intel 82599 cards and serve each on a socket, from which programs reach it as\n"
			    "vfio-user:SOCKET. No privileges are needed. A WIRE says what the card is plugged into:\n"
			    "  gen sink echo cable:NAME tap:NAME pcap, with options such as rate=1M or loss=1%;\n"
			    "  see vireo-sim(1)\n"
			    "\n"
			    "  -f, --file FILE      take ports, faults and threads from FILE too\n"
			    "  -D, --dir DIR        where sockets without a name are made: DIR/port0.sock ... [.]\n"
			    "  -t, --threads N      spread the cards over so many threads               [1]\n"
			    "      --fault [TIME[-TIME]:][portN:]NAME\n"
			    "                       break a card, from the start or at a time\n"
			    "  -d, --duration TIME  end after 10s, 500ms, 2m                        [Ctrl-C]\n"
			    "  -i, --interval TIME  between two looks at the counters                   [1s]\n"
			    "      --json [FILE]    one JSON object at the end; without FILE only that\n"
			    "  -q, --quiet          only the sockets and the summary\n"
			    "  -v, --verbose   -h, --help   -V, --version\n";

static int add_port(struct sim_options *o, const char *text)
{
	struct sim_wanted *p = &o->ports[o->n_ports];
	const char *equals = strchr(text, '=');
	size_t wire_len = strcspn(text, ",");

	if (o->n_ports == SIM_MAX_PORTS)
		return vireo_error(-EINVAL, "more than %d ports", SIM_MAX_PORTS);
	/* An "=" behind the first comma belongs to an option. */
	if (equals && (size_t)(equals - text) > wire_len)
		equals = NULL;
	if (equals == text)
		return vireo_error(-EINVAL, "%s: the name of the socket is missing", text);
	if (strlen(equals ? equals + 1 : text) >= sizeof(p->words) ||
	    (equals && (size_t)(equals - text) >= sizeof(p->path)))
		return vireo_error(-EINVAL, "%.40s...: too long", text);
	snprintf(p->path, sizeof(p->path), "%.*s", equals ? (int)(equals - text) : 0, text);
	strcpy(p->words, equals ? equals + 1 : text);
	o->n_ports++;
	return 0;
}

/* "5s" or "5s-8s" */
static int parse_times(const char *text, struct sim_fault *f)
{
	const char *minus = strchr(text, '-');
	char first[32];
	int err;

	snprintf(first, sizeof(first), "%.*s", minus ? (int)(minus - text) : 31, text);
	/* The smallest time that can be said is more than zero; from the start is what is meant. */
	err = strcmp(first, "0s") != 0 && strcmp(first, "0") != 0 ? units_duration("--fault", first, &f->begin_ns) : 0;
	if (err || !minus)
		return err;
	err = units_duration("--fault", minus + 1, &f->end_ns);
	if (!err && f->end_ns <= f->begin_ns)
		return vireo_error(-EINVAL, "--fault %s: ends before it begins", text);
	return err;
}

static bool parse_port_name(const char *text, uint32_t *ret_port)
{
	char *end;
	unsigned long n;

	if (strncmp(text, "port", 4) != 0 || !isdigit((unsigned char)text[4]))
		return false;
	n = strtoul(text + 4, &end, 10);
	if (*end || n >= SIM_MAX_PORTS)
		return false;
	*ret_port = (uint32_t)n;
	return true;
}

static int parse_fault(void *options, const char *text)
{
	struct sim_options *o = options;
	struct sim_fault *f = &o->faults[o->n_faults];
	char copy[128], *next = copy, *part;
	int err;

	if (o->n_faults == SIM_MAX_FAULTS)
		return vireo_error(-EINVAL, "more than %d faults", SIM_MAX_FAULTS);
	if (strlen(text) >= sizeof(copy))
		return vireo_error(-EINVAL, "--fault %.40s...: too long", text);
	strcpy(copy, text);
	*f = (struct sim_fault){.port = SIM_ALL_PORTS};
	part = strsep(&next, ":");
	if (next && isdigit((unsigned char)*part)) {
		err = parse_times(part, f);
		if (err)
			return err;
		part = strsep(&next, ":");
	}
	if (next && parse_port_name(part, &f->port))
		part = strsep(&next, ":");
	if (next || !*part || strlen(part) >= sizeof(f->name))
		return vireo_error(-EINVAL, "--fault %s: say NAME, port0:NAME, 5s:port0:NAME or 5s-8s:port0:NAME",
				   text);
	strcpy(f->name, part);
	o->n_faults++;
	return 0;
}

/* One line of a file: what is said on the command line, without its dashes. */
static int take_line(struct sim_options *o, char *line)
{
	char *rest = line, *word;

	line[strcspn(line, "\n")] = '\0';
	rest += strspn(rest, " \t");
	if (!*rest || *rest == '#')
		return 0;
	for (char *end = rest + strlen(rest); end > rest && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	word = strsep(&rest, " \t");
	if (rest)
		rest += strspn(rest, " \t");
	if (!rest || !*rest)
		return vireo_error(-EINVAL, "\"%s\" has nothing behind it", word);
	if (!strcmp(word, "port"))
		return add_port(o, rest);
	if (!strcmp(word, "fault"))
		return parse_fault(o, rest);
	if (!strcmp(word, "threads"))
		return units_number("threads", rest, 1, SIM_MAX_THREADS, &o->n_threads);
	return vireo_error(-EINVAL, "\"%s\": lines begin with port, fault or threads", word);
}

static int parse_file(void *options, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[2 * SIM_TEXT_MAX], why[512];
	unsigned number = 0;
	int err = 0;

	if (!file)
		return vireo_error(-EINVAL, "--file %s: %s", path, strerror(errno));
	while (!err && fgets(line, sizeof(line), file)) {
		number++;
		err = strchr(line, '\n') || feof(file) ? take_line(options, line)
						       : vireo_error(-EINVAL, "a line that is too long");
	}
	if (!err && ferror(file))
		err = vireo_error(-EINVAL, "%s", strerror(errno));
	fclose(file);
	if (!err)
		return 0;
	snprintf(why, sizeof(why), "%s", vireo_last_error());
	return vireo_error(err, "%s:%u: %s", path, number, why);
}

/* Sockets without a name get one, and no two are the same. */
static int name_sockets(struct sim_options *o)
{
	for (unsigned i = 0; i < o->n_ports; i++) {
		struct sim_wanted *p = &o->ports[i];

		if (!p->path[0] &&
		    snprintf(p->path, sizeof(p->path), "%s/port%u.sock", o->dir, i) >= (int)sizeof(p->path))
			return vireo_error(-EINVAL, "--dir %.60s...: too long", o->dir);
		for (unsigned j = 0; j < i; j++) {
			if (!strcmp(o->ports[j].path, p->path))
				return vireo_error(-EINVAL, "two ports on the socket %s", p->path);
		}
	}
	return 0;
}

static int check_faults(const struct sim_options *o)
{
	for (unsigned i = 0; i < o->n_faults; i++) {
		if (o->faults[i].port != SIM_ALL_PORTS && o->faults[i].port >= o->n_ports)
			return vireo_error(-EINVAL, "--fault: there is no port%u", o->faults[i].port);
	}
	return 0;
}

#define FIELD(name) offsetof(struct sim_options, name)

static const struct cli_option table[] = {
	{"file", 'f', CLI_PARSE, .parse = parse_file},
	{"dir", 'D', CLI_TEXT, FIELD(dir)},
	{"threads", 't', CLI_NUMBER, FIELD(n_threads), .min = 1, .max = SIM_MAX_THREADS},
	{"fault", 0, CLI_PARSE, .parse = parse_fault},
	{"duration", 'd', CLI_DURATION, FIELD(duration_ns)},
	{"interval", 'i', CLI_DURATION, FIELD(interval_ns)},
	{"json", 0, CLI_JSON, FIELD(report)},
	{"quiet", 'q', CLI_FLAG, FIELD(quiet), true},
	{NULL},
};

int sim_options_parse(int argc, char **argv, struct sim_options *ret_options)
{
	struct cli cli = {.usage = usage, .options = table, .target = ret_options};
	int first, err = 0;

	*ret_options = (struct sim_options){.dir = ".", .n_threads = 1, .interval_ns = 1000000000};
	first = cli_parse(&cli, &argc, argv);
	ret_options->done = cli.done;
	if (first < 0 || cli.done)
		return first < 0 ? first : 0;
	for (int i = first; i < argc && !err; i++)
		err = add_port(ret_options, argv[i]);
	if (!err && !ret_options->n_ports)
		return vireo_error(-EINVAL, "needs at least one port, such as gen,rate=1M; see vireo-sim --help");
	if (!err)
		err = name_sockets(ret_options);
	return err ? err : check_faults(ret_options);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "run_child.h"
#include "run_program.h"
#include "run_tree.h"
#include "sim.h"

static const char usage[] = "Usage: vireo-sim run [options] -- PROGRAM [argument]...\n"
			    "Run a program that drives PCI devices through VFIO with simulated Intel 82599 cards\n"
			    "as its devices 0000:05:00.0, 0000:06:00.0 and so on. The program is not changed; it has\n"
			    "to use the C library's shared object. Exits as the program does.\n"
			    "\n"
			    "  -w, --wire WIRE[,option=value]...\n"
			    "                       a card plugged into WIRE; repeat it for more      [sink]\n"
			    "  -t, --threads N      spread the cards over so many threads                [1]\n"
			    "      --json FILE      one JSON object with what cards and wires counted\n"
			    "  -q, --quiet          say nothing\n"
			    "  -v, --verbose   -h, --help   -V, --version\n";

#define FIRST_BUS 5 /* where no bridge of a real machine puts anything that matters */

static struct sim sim;

static int add_wire(void *options, const char *text)
{
	struct sim_options *o = options;

	if (o->n_ports == RUN_MAX_CARDS)
		return vireo_error(-EINVAL, "more than %d cards", RUN_MAX_CARDS);
	if (strlen(text) >= sizeof(o->ports[0].words))
		return vireo_error(-EINVAL, "--wire %.40s...: too long", text);
	strcpy(o->ports[o->n_ports++].words, text);
	return 0;
}

#define FIELD(name) offsetof(struct sim_options, name)

static const struct cli_option table[] = {
	{"wire", 'w', CLI_PARSE, .parse = add_wire},
	{"threads", 't', CLI_NUMBER, FIELD(n_threads), .min = 1, .max = SIM_MAX_THREADS},
	{"json", 0, CLI_JSON, FIELD(report)},
	{"quiet", 'q', CLI_FLAG, FIELD(quiet), true},
	{NULL},
};

/* What stands behind "--" is the program's and not looked at. */
static int parse(int argc, char **argv, struct sim_options *o, char ***ret_program)
{
	struct cli cli = {.usage = usage, .options = table, .target = o};
	int n = 1, first;

	*o = (struct sim_options){.n_threads = 1};
	while (n < argc && strcmp(argv[n], "--") != 0)
		n++;
	*ret_program = n + 1 < argc ? argv + n + 1 : NULL;
	first = cli_parse(&cli, &n, argv);
	o->done = cli.done;
	if (first < 0 || cli.done)
		return first < 0 ? first : 0;
	if (first < n)
		return vireo_error(-EINVAL, "%s: the program and its arguments stand behind \"--\"", argv[first]);
	if (!*ret_program)
		return vireo_error(-EINVAL, "no program; see vireo-sim run --help");
	if (o->report.to_stdout)
		return vireo_error(-EINVAL, "--json needs a file: the output belongs to the program");
	return o->n_ports ? 0 : add_wire(o, "sink");
}

static int start_engines(void)
{
	int err = 0;

	sim.wires = sim_wires_create();
	if (!sim.wires)
		return vireo_error(-ENOMEM, "no memory for wires");
	for (unsigned i = 0; i < sim.options.n_threads && !err; i++)
		err = sim_engine_create(&sim.engines[i]);
	return err ? vireo_error(err, "cannot start a model thread: %s", strerror(-err)) : 0;
}

/* The card on its socket, and in the folder what sysfs shows of it. */
static int start_card(struct run_tree *tree, unsigned index)
{
	struct served_port *p = &sim.ports[index];
	struct run_card card = {.group = index + 1};
	struct sim_why why = {""};
	int err;

	snprintf(card.address, sizeof(card.address), "0000:%02x:00.0", FIRST_BUS + index);
	memcpy(p->name, card.address, sizeof(p->name));
	p->wanted = &sim.options.ports[index];
	run_tree_socket(tree, card.address, sim.options.ports[index].path, sizeof(sim.options.ports[index].path));
	err = sim_port_open(sim.engines[index % sim.options.n_threads], sim.wires, p->wanted->words, index,
			    p->wanted->path, -1, &p->port, &why);
	if (err)
		return vireo_error(err, "--wire %s: %s", p->wanted->words, why.text);
	sim.n_ports++;
	sim_port_identify(p->port, card.config, card.bar_size);
	return run_tree_add_card(tree, &card);
}

static void say_cards(void)
{
	for (unsigned i = 0; i < sim.n_ports && !sim.options.quiet; i++)
		fprintf(stderr, "%s: %s is a card plugged into %s\n", app_name(), sim.ports[i].name,
			sim.ports[i].wanted->words);
}

static void stop(struct run_tree *tree)
{
	sim.end_ns = clock_ns();
	for (unsigned i = 0; i < sim.n_ports; i++) {
		serve_sample(&sim.ports[i]);
		sim_port_close(sim.ports[i].port);
	}
	for (unsigned i = 0; i < SIM_MAX_THREADS; i++)
		sim_engine_destroy(sim.engines[i]);
	sim_wires_destroy(sim.wires);
	run_tree_remove(tree);
}

/*
 * The preloaded object: beside us in the folder that we were built in, or where the installation has put it. Not the
 * absolute path of the installation, so that the folder may be moved.
 */
static int find_object(char path[PATH_MAX])
{
	static const char *const places[] = {"../../sim/preload/vireo-preload.so", SIM_PRELOAD_FROM_BINDIR};
	char self[PATH_MAX], tried[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return vireo_error(-ENOENT, "cannot find out where %s is installed: is /proc mounted?", app_name());
	*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(tried, sizeof(tried), "%s/%s", self, places[i]) < PATH_MAX && realpath(tried, path))
			return 0;
	}
	return vireo_error(-ENOENT, "%s is missing: the installation is not complete", tried);
}

static int run(char **program, int *ret_status)
{
	char path[PATH_MAX], object[PATH_MAX];
	struct run_tree tree = {""};
	int err;

#ifndef __x86_64__
	return vireo_error(-EOPNOTSUPP, "vireo-sim run works on x86-64 only: it decodes instructions");
#endif
	err = run_program_find(program[0], path);
	if (!err)
		err = run_program_check(path);
	if (!err)
		err = find_object(object);
	if (err)
		return err;
	run_child_prepare();
	err = start_engines();
	if (!err)
		err = run_tree_create(&tree);
	if (!err)
		err = run_tree_add_common(&tree);
	for (unsigned i = 0; i < sim.options.n_ports && !err; i++)
		err = start_card(&tree, i);
	sim.start_ns = clock_ns();
	if (!err) {
		say_cards();
		err = run_child(path, program, object, tree.path, ret_status);
	}
	app_failed(err);
	stop(&tree);
	return err;
}

int run_main(int argc, char **argv)
{
	char **program;
	int status = 0, err, report_err;

	err = parse(argc, argv, &sim.options, &program);
	if (err || sim.options.done)
		return app_finish(err);
	err = run(program, &status);
	report_err =
		report_close(&sim.options.report, view_report(&sim, (double)(sim.end_ns - sim.start_ns) / 1e9), err);
	if (!err)
		err = report_err;
	return err ? app_finish(err) : status;
}

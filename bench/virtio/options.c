// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "turns.h"

static const char usage[] =
	"usage: %s [--packed] [--in-order] [--mergeable] [--large] [--path NAME] [--windows N] [--counted N]\n"
	"       [--batches 1,8,32,...] [--round N] [--turns]\n"
	"  --packed, --in-order, --mergeable  what the back end offers\n"
	"  --large    packets can be larger than a buffer, though none is here\n"
	"  --path     the row's name\n"
	"  --windows  windows of 256 packets that are timed for each figure            [1000]\n"
	"  --counted  windows whose instructions are counted, one by one; 0: none      [4]\n"
	"  --round    a number for the row\n"
	"  --turns    each figure in ten parts: before each an empty line, and then one is waited for\n";

static void parse_batches(struct options *opt, char *text)
{
	char *save, *word;

	opt->n_batches = 0;
	for (word = strtok_r(text, ",", &save); word && opt->n_batches < 16; word = strtok_r(NULL, ",", &save)) {
		unsigned batch = (unsigned)atoi(word);

		if (batch < 1 || batch > MAX_BATCH || WINDOW % batch)
			errx(2, "--batches: %s is no divisor of %u", word, WINDOW);
		opt->batches[opt->n_batches++] = batch;
	}
}

struct options options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"packed", no_argument, NULL, 'p'},	   {"in-order", no_argument, NULL, 'i'},
		{"mergeable", no_argument, NULL, 'm'},	   {"path", required_argument, NULL, 'n'},
		{"windows", required_argument, NULL, 'w'}, {"counted", required_argument, NULL, 'c'},
		{"batches", required_argument, NULL, 'b'}, {"round", required_argument, NULL, 'r'},
		{"turns", no_argument, NULL, 't'},	   {"large", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},	   {NULL, 0, NULL, 0},
	};
	struct options opt = {
		.path = "split", .n_windows = 1000, .n_counted = 4, .batches = {1, 8, 32, 256}, .n_batches = 4};
	int c;

	snprintf(opt.socket, sizeof(opt.socket), "/tmp/bench-virtio-%d.sock", (int)getpid());
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			opt.features |= BACKEND_PACKED;
			break;
		case 'i':
			opt.features |= BACKEND_IN_ORDER;
			break;
		case 'm':
			opt.features |= BACKEND_MERGEABLE;
			break;
		case 'n':
			opt.path = optarg;
			break;
		case 'w':
			opt.n_windows = (unsigned)atoi(optarg);
			break;
		case 'c':
			opt.n_counted = (unsigned)atoi(optarg);
			break;
		case 'r':
			opt.round = (unsigned)atoi(optarg);
			break;
		case 'l':
			opt.large = true;
			break;
		case 't':
			opt.turns = true;
			break;
		case 'b':
			parse_batches(&opt, optarg);
			break;
		default:
			fprintf(c == 'h' ? stdout : stderr, usage, argv[0]);
			exit(c == 'h' ? 0 : 2);
		}
	}
	return opt;
}

static void print(const struct options *opt, enum op op, unsigned batch, const char *peer, const struct result *r)
{
	printf("{\"what\": \"virtio\", ");
	if (peer)
		printf("\"peer\": \"%s\", ", peer);
	printf("\"path\": \"%s\", \"op\": \"%s\", \"batch\": %u, \"cache\": \"hot\", \"round\": %u, ", opt->path,
	       op_names[op], batch, opt->round);
	if (opt->n_counted)
		printf("\"insn_per_pkt\": %.1f, ", r->insn);
	printf("\"tsc_per_pkt\": %.2f, \"spread\": %.2f}\n", r->tsc, r->high - r->low);
	fflush(stdout);
}

void options_run(const struct options *opt, const struct target *target, const char *peer)
{
	struct target t = *target;

	t.yield = opt->turns ? turns_give_way : NULL;
	for (unsigned i = 0; i < opt->n_batches; i++) {
		for (enum op op = 0; op < N_OPS; op++) {
			struct result r = measure(&t, op, opt->batches[i], opt->n_windows, opt->n_counted);

			print(opt, op, opt->batches[i], peer, &r);
		}
	}
	unlink(opt->socket);
}

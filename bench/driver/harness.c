// SPDX-License-Identifier: BSD-2-Clause
#include "harness.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turns.h"

static const char usage[] =
	"usage: %s [OPTION...]\n"
	"  --path NAME      what rows call it                                               [default]\n"
	"  --round N        which round of several this is                                  [1]\n"
	"  --batches LIST   burst sizes, divisors of 256                                    [1,4,8,32,64,128,256]\n"
	"  --windows N      windows of 256 packets that are timed for each figure           [1000]\n"
	"  --l3-windows N   the same with everything of the card in the last level's cache; 0: not at all  [300]\n"
	"  --counted N      windows whose instructions are counted, one by one; 0: none     [4]\n"
	"  --turns          each figure in ten parts: before each an empty line, and then one is waited for\n"
	"  --full           every offload on\n"
	"  --offload NAME   one on: csum, hash, vlan, scatter, tx-csum, tso, or request: csum, asked for by each "
	"packet\n"
	"  --profile OP     rx, tx or fwd: instead, how often each instruction runs per packet, by its place\n";

enum {
	OPT_PATH = 256,
	OPT_ROUND,
	OPT_BATCHES,
	OPT_WINDOWS,
	OPT_L3_WINDOWS,
	OPT_COUNTED,
	OPT_TURNS,
	OPT_FULL,
	OPT_OFFLOAD,
	OPT_PROFILE,
};

static const struct option options[] = {
	{"path", required_argument, NULL, OPT_PATH},
	{"round", required_argument, NULL, OPT_ROUND},
	{"batches", required_argument, NULL, OPT_BATCHES},
	{"windows", required_argument, NULL, OPT_WINDOWS},
	{"l3-windows", required_argument, NULL, OPT_L3_WINDOWS},
	{"counted", required_argument, NULL, OPT_COUNTED},
	{"turns", no_argument, NULL, OPT_TURNS},
	{"full", no_argument, NULL, OPT_FULL},
	{"offload", required_argument, NULL, OPT_OFFLOAD},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool set_option(struct harness_options *o, int c)
{
	switch (c) {
	case OPT_PATH:
		o->path = optarg;
		break;
	case OPT_ROUND:
		o->round = (unsigned)atoi(optarg);
		break;
	case OPT_BATCHES:
		o->batches = optarg;
		break;
	case OPT_WINDOWS:
		o->n_windows = (unsigned)atoi(optarg);
		break;
	case OPT_L3_WINDOWS:
		o->n_l3_windows = (unsigned)atoi(optarg);
		break;
	case OPT_COUNTED:
		o->n_counted = (unsigned)atoi(optarg);
		break;
	case OPT_TURNS:
		o->turns = true;
		break;
	case OPT_FULL:
		o->full = true;
		break;
	case OPT_OFFLOAD:
		o->offloads = optarg;
		break;
	case OPT_PROFILE:
		o->profile = optarg;
		break;
	default:
		return false;
	}
	return true;
}

void harness_options(int argc, char **argv, struct harness_options *o)
{
	int c;

	*o = (struct harness_options){
		.path = "default",
		.batches = "1,4,8,32,64,128,256",
		.round = 1,
		.n_windows = 1000,
		.n_l3_windows = 300,
		.n_counted = 4,
	};
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (set_option(o, c))
			continue;
		fprintf(c == 'h' ? stdout : stderr, usage, argv[0]);
		exit(c == 'h' ? 0 : 2);
	}
}

static enum op find_op(const char *name)
{
	for (enum op op = 0; op < N_OPS; op++)
		if (!strcmp(name, op_names[op]))
			return op;
	errx(2, "--profile: %s is neither rx, tx nor fwd", name);
}

static void print(const struct harness_options *o, const char *peer, enum op op, unsigned batch, enum card_cache cache,
		  const struct result *r)
{
	printf("{\"what\": \"driver\", \"round\": %u, \"path\": \"%s\", ", o->round, o->path);
	if (peer)
		printf("\"peer\": \"%s\", ", peer);
	printf("\"op\": \"%s\", \"batch\": %u, \"cache\": \"%s\", ", op_names[op], batch,
	       cache == CARD_L3 ? "l3" : "hot");
	if (o->n_counted && cache == CARD_HOT)
		printf("\"insn_per_pkt\": %.1f, ", r->insn);
	printf("\"tsc_per_pkt\": %.2f, \"spread\": %.2f}\n", r->tsc, r->high - r->low);
	fflush(stdout);
}

static void run_batch(const struct harness_options *o, const struct target *t, enum card_cache *cache, const char *peer,
		      unsigned batch)
{
	if (o->profile) {
		measure_profile(t, find_op(o->profile), batch, o->n_counted);
		return;
	}
	for (*cache = CARD_HOT; *cache <= CARD_L3; ++*cache)
		for (enum op op = 0; op < N_OPS; op++) {
			unsigned n = *cache == CARD_HOT ? o->n_windows : o->n_l3_windows;
			struct result r;

			if (!n)
				continue;
			r = measure(t, op, batch, n, *cache == CARD_HOT ? o->n_counted : 0);
			print(o, peer, op, batch, *cache, &r);
		}
}

void harness_run(const struct harness_options *o, const struct target *target, enum card_cache *cache, const char *peer,
		 unsigned min_batch)
{
	char text[128], *save, *word;
	struct target t = *target;

	t.yield = o->turns ? turns_give_way : NULL;
	snprintf(text, sizeof(text), "%s", o->batches);
	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		unsigned batch = (unsigned)atoi(word);

		if (batch < 1 || batch > MAX_BATCH || WINDOW % batch)
			errx(2, "--batches: %s is no divisor of %u", word, WINDOW);
		if (batch >= min_batch)
			run_batch(o, &t, cache, peer, batch);
	}
}

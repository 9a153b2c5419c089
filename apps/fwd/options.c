// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vireo/log.h>

#include "cli.h"
#include "fwd.h"

static const char usage[] = "Usage: vireo-fwd [options] PORT PORT\n"
			    "Forward what arrives at one port through the other, both ways. A PORT is a card\n"
			    "that is bound to VFIO, by its PCI address 0000:03:00.0; see vireo-bind status.\n"
			    "Or sim:WIRE, a simulated card plugged into gen, sink, echo ...: vireo-sim(1).\n"
			    "\n"
			    "  -m, --mac-swap       exchange source and destination address\n"
			    "  -M, --set-mac A[,B]  new destination of what leaves by the 1st[, 2nd] port\n"
			    "  -b, --burst N        packets per call, 1 to 256                          [32]\n"
			    "      --csum           take unfinished checksums in; the other card does them\n"
			    "      --lro            take large TCP packets in; the other card cuts them\n"
			    "      --vlan-strip     the cards take VLAN tags out and put them back in\n"
			    "      --mtu N          largest IP packet in bytes                        [1500]\n"
			    "      --no-promiscuous take in only what is addressed to the ports\n"
			    "      --poll | --interrupt | --adaptive\n"
			    "                       without packets: spin, sleep, spin then sleep     [poll]\n"
			    "  -d, --duration TIME  end after 10s, 500ms, 2m                        [Ctrl-C]\n"
			    "  -i, --interval TIME  between two looks at the counters                   [1s]\n"
			    "  -Q, --queues N       queue pairs of each port           [one for each core]\n"
			    "  -c, --cores LIST     a thread on each of these CPUs: 0,2-3         [any CPU]\n"
			    "      --cycles         count the CPU cycles that a packet takes\n"
			    "      --page-size SIZE 4K, 2M or 1G of memory for packets                  [2M]\n"
			    "      --json [FILE]    one JSON object at the end; without FILE only that\n"
			    "  -q, --quiet          only the summary\n"
			    "  -v, --verbose   -h, --help   -V, --version\n";

static int parse_set_mac(void *options, const char *text)
{
	struct fwd_options *o = options;
	const char *comma = strchr(text, ',');
	char first[32];
	int err;

	snprintf(first, sizeof(first), "%.*s", comma ? (int)(comma - text) : 31, text);
	if (first[0]) {
		err = units_mac("--set-mac", first, o->macs[0]);
		if (err)
			return err;
		o->set_mac[0] = true;
	}
	if (!comma)
		return 0;
	o->set_mac[1] = true;
	return units_mac("--set-mac", comma + 1, o->macs[1]);
}

static int parse_cores(void *options, const char *text)
{
	struct fwd_options *o = options;
	int n = units_cpus("--cores", text, o->cores, VIREO_MAX_QUEUES);

	if (n < 0)
		return n;
	o->n_cores = (unsigned)n;
	return 0;
}

#define FIELD(name) offsetof(struct fwd_options, name)

static const struct cli_option table[] = {
	{"mac-swap", 'm', CLI_FLAG, FIELD(mac_swap), true},
	{"set-mac", 'M', CLI_PARSE, .parse = parse_set_mac},
	{"burst", 'b', CLI_NUMBER, FIELD(burst), .min = 1, .max = FWD_MAX_BURST},
	{"csum", 0, CLI_FLAG, FIELD(csum), true},
	{"lro", 0, CLI_FLAG, FIELD(lro), true},
	{"vlan-strip", 0, CLI_FLAG, FIELD(vlan_strip), true},
	{"mtu", 0, CLI_NUMBER, FIELD(mtu), .min = 68, .max = 65535},
	{"promiscuous", 0, CLI_FLAG, FIELD(not_promiscuous), false},
	{"no-promiscuous", 0, CLI_FLAG, FIELD(not_promiscuous), true},
	{"poll", 0, CLI_SET, FIELD(idle), FWD_POLL},
	{"interrupt", 0, CLI_SET, FIELD(idle), FWD_INTERRUPT},
	{"adaptive", 0, CLI_SET, FIELD(idle), FWD_ADAPTIVE},
	{"duration", 'd', CLI_DURATION, FIELD(duration_ns)},
	{"interval", 'i', CLI_DURATION, FIELD(interval_ns)},
	{"queues", 'Q', CLI_NUMBER, FIELD(queues), .min = 1, .max = VIREO_MAX_QUEUES},
	{"cores", 'c', CLI_PARSE, .parse = parse_cores},
	{"cycles", 0, CLI_FLAG, FIELD(cycles), true},
	{"page-size", 0, CLI_PAGE_SIZE, FIELD(page_size)},
	{"json", 0, CLI_JSON, FIELD(report)},
	{"quiet", 'q', CLI_FLAG, FIELD(quiet), true},
	{NULL},
};

/* Every queue has one thread, and a thread that sleeps has a limit to what can wake it. */
static int check_threads(struct fwd_options *o)
{
	uint64_t n_threads = o->n_cores ? o->n_cores : 1;

	if (!o->queues)
		o->queues = n_threads;
	if (n_threads > o->queues)
		return vireo_error(-EINVAL, "--cores names %u CPUs for %u queues; a queue belongs to one of them",
				   o->n_cores, (unsigned)o->queues);
	if (o->idle != FWD_POLL && 2 * ((o->queues + n_threads - 1) / n_threads) > FWD_MAX_SLEEPERS)
		return vireo_error(-EINVAL, "one thread can sleep on %u queues of each port; name more --cores, or --poll",
				   FWD_MAX_SLEEPERS / 2);
	return 0;
}

int fwd_options_parse(int argc, char **argv, struct fwd_options *ret_options)
{
	struct cli cli = {.usage = usage, .options = table, .target = ret_options};
	int first;

	*ret_options = (struct fwd_options){.burst = 32, .interval_ns = 1000000000};
	first = cli_parse(&cli, &argc, argv);
	ret_options->done = cli.done;
	if (first < 0 || cli.done)
		return first < 0 ? first : 0;
	if (argc - first != 2)
		return vireo_error(-EINVAL, "needs two ports and got %d; see vireo-fwd --help", argc - first);
	if (app_spec_same(argv[first], argv[first + 1]))
		return vireo_error(-EINVAL, "%s cannot be both ports", argv[first]);
	ret_options->specs[0] = argv[first];
	ret_options->specs[1] = argv[first + 1];
	return check_threads(ret_options);
}

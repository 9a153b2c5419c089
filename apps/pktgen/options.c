// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "cli.h"
#include "pktgen.h"

static const char usage[] = "Usage: vireo-pktgen [options] PORT...    each PORT sends, and counts arrivals\n"
			    "       vireo-pktgen [options] --rx PORT  receives only; goes with others as well\n"
			    "  -r, --rate RATE      1.5M packets/s or 10G bit/s on the wire, per port   [max]\n"
			    "  -s, --size SIZES     64 | 64,512 | 64:7,594:4 | imix; with FCS, no tag    [64]\n"
			    "  -n, --count N        packets per port; with --rx alone: so many will come\n"
			    "  -d, --duration TIME  10s, 500ms, 2m\n"
			    "  -b, --burst N        packets per call, 1 to 256                           [32]\n"
			    "      --verify         check what arrives (at --rx ports, if any): lost,\n"
			    "                       reordered, duplicated, corrupted (exit code 14); latency\n"
			    "      --allow-loss N|P%, --allow-reorder         what --verify puts up with\n"
			    "      --src-ip, --dst-ip A | A-B | A/24          [198.18.0.1] [198.19.0.1]\n"
			    "      --src-port, --dst-port N | N-M             [49152] [9]\n"
			    "      --flows N        so many of these; without ranges by source port\n"
			    "      --src-mac, --dst-mac MAC                   [own] [next or --rx PORT's]\n"
			    "      --vlan ID        with this tag            --offload  checksums by the card\n"
			    "      --pcap FILE      replay with its own timing, or at --rate\n"
			    "      --loop N         so many rounds of it; 0: without end                  [1]\n"
			    "  -Q, --queues N       queue pairs of each port, which share its rate        [1]\n"
			    "  -c, --cores LIST     a thread on each of these CPUs: 0,2-3           [any CPU]\n"
			    "  -i, --interval TIME [1s]   --page-size 4K|2M|1G [2M] of memory for packets\n"
			    "      --json [FILE]    one JSON object at the end; without FILE only that\n"
			    "  -q, --quiet  only the summary   -v, --verbose   -h, --help   -V, --version\n";

struct size_weight {
	uint64_t size, weight;
	int64_t credit;
};

#define MAX_WEIGHTED 64

/* "594" or "594:4" */
static int parse_size(char *word, struct size_weight *ret)
{
	char *colon = strchr(word, ':');
	int err;

	*ret = (struct size_weight){.weight = 1};
	if (colon) {
		*colon = '\0';
		err = units_number("--size", colon + 1, 1, PKTGEN_MAX_SIZES, &ret->weight);
		if (err)
			return err;
	}
	err = units_count("--size", word, &ret->size);
	if (err)
		return err;
	if (ret->size < FRAME_MIN + FRAME_FCS || ret->size > FRAME_MAX)
		return vireo_error(-EINVAL, "--size %s: a frame with its FCS has 64 to %u bytes", word, FRAME_MAX);
	return 0;
}

/* Each in its share and none of them in a row: in every turn all earn their weight, and the richest pays for all. */
static void spread_sizes(struct pktgen_options *o, struct size_weight *w, unsigned n, unsigned total)
{
	for (o->n_sizes = 0; o->n_sizes < total; o->n_sizes++) {
		struct size_weight *richest = w;

		for (unsigned i = 0; i < n; i++) {
			w[i].credit += (int64_t)w[i].weight;
			if (w[i].credit > richest->credit)
				richest = &w[i];
		}
		richest->credit -= total;
		o->sizes[o->n_sizes] = (uint16_t)richest->size;
	}
}

int pktgen_parse_sizes(struct pktgen_options *o, const char *text)
{
	/* The simple IMIX: IP packets of 40 (and what fills a frame up), 576 and 1500 bytes, seven to four to one. */
	const char *list = strcmp(text, "imix") ? text : "64:7,594:4,1518:1";
	struct size_weight sizes[MAX_WEIGHTED];
	unsigned n = 0, total = 0;
	char copy[1024], *save, *word;
	int err;

	if (snprintf(copy, sizeof(copy), "%s", list) >= (int)sizeof(copy))
		return vireo_error(-EINVAL, "--size: the list is too long");
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (n == MAX_WEIGHTED)
			return vireo_error(-EINVAL, "--size: more than %u sizes", MAX_WEIGHTED);
		err = parse_size(word, &sizes[n]);
		if (err)
			return err;
		total += (unsigned)sizes[n++].weight;
	}
	if (!n || total > PKTGEN_MAX_SIZES)
		return vireo_error(-EINVAL, "--size %s: needs a size, and weights of %u in all at most", text,
				   PKTGEN_MAX_SIZES);
	spread_sizes(o, sizes, n, total);
	return 0;
}

unsigned pktgen_max_size(const struct pktgen_options *o)
{
	unsigned max = 0;

	for (unsigned i = 0; i < o->n_sizes; i++)
		if (o->sizes[i] > max)
			max = o->sizes[i];
	return max;
}

static int parse_sizes(void *options, const char *text)
{
	return pktgen_parse_sizes(options, text);
}

static int add_port(struct pktgen_options *o, const char *spec)
{
	if (o->n_ports == PORTS_MAX)
		return vireo_error(-EINVAL, "no more than %u ports", PORTS_MAX);
	for (unsigned i = 0; i < o->n_ports; i++)
		if (app_spec_same(o->specs[i], spec))
			return vireo_error(-EINVAL, "%s is named twice; a port that sends receives too", spec);
	o->specs[o->n_ports++] = spec;
	return 0;
}

static int parse_rx(void *options, const char *text)
{
	return add_port(options, text);
}

static int parse_src_mac(void *options, const char *text)
{
	struct pktgen_options *o = options;

	o->src_mac_given = true;
	return units_mac("--src-mac", text, o->frame.src_mac);
}

static int parse_dst_mac(void *options, const char *text)
{
	struct pktgen_options *o = options;

	o->dst_mac_given = true;
	return units_mac("--dst-mac", text, o->frame.dst_mac);
}

static int parse_vlan(void *options, const char *text)
{
	struct pktgen_options *o = options;
	uint64_t id;
	int err = units_number("--vlan", text, 0, 4094, &id);

	if (err)
		return err;
	o->frame.tagged = true;
	o->frame.vlan = (uint16_t)id;
	return 0;
}

static int parse_cores(void *options, const char *text)
{
	struct pktgen_options *o = options;
	int n = units_cpus("--cores", text, o->cores, PKTGEN_MAX_LANES);

	if (n < 0)
		return n;
	o->n_cores = (unsigned)n;
	return 0;
}

static int parse_allow_loss(void *options, const char *text)
{
	struct pktgen_options *o = options;
	char *end;

	if (!strchr(text, '%'))
		return units_count("--allow-loss", text, &o->allow_lost);
	o->allow_lost_percent = strtod(text, &end);
	if (end == text || strcmp(end, "%") != 0 || !(o->allow_lost_percent >= 0 && o->allow_lost_percent <= 100))
		return vireo_error(-EINVAL, "--allow-loss %s: say 100 packets, or 0.1%%", text);
	return 0;
}

#define FIELD(name) offsetof(struct pktgen_options, name)

static const struct cli_option table[] = {
	{"rate", 'r', CLI_RATE, FIELD(rate)},
	{"size", 's', CLI_PARSE, .parse = parse_sizes},
	{"count", 'n', CLI_NUMBER, FIELD(count), .min = 1, .max = UINT64_MAX},
	{"duration", 'd', CLI_DURATION, FIELD(duration_ns)},
	{"burst", 'b', CLI_NUMBER, FIELD(burst), .min = 1, .max = PKTGEN_MAX_BURST},
	{"rx", 0, CLI_PARSE, .parse = parse_rx},
	{"verify", 0, CLI_FLAG, FIELD(verify), true},
	{"allow-loss", 0, CLI_PARSE, .parse = parse_allow_loss},
	{"allow-reorder", 0, CLI_FLAG, FIELD(allow_reorder), true},
	{"src-ip", 0, CLI_IP_RANGE, FIELD(frame.src_ip)},
	{"dst-ip", 0, CLI_IP_RANGE, FIELD(frame.dst_ip)},
	{"src-port", 0, CLI_PORT_RANGE, FIELD(frame.src_port)},
	{"dst-port", 0, CLI_PORT_RANGE, FIELD(frame.dst_port)},
	{"flows", 0, CLI_NUMBER, FIELD(frame.n_flows), .min = 1, .max = UINT64_MAX},
	{"src-mac", 0, CLI_PARSE, .parse = parse_src_mac},
	{"dst-mac", 0, CLI_PARSE, .parse = parse_dst_mac},
	{"vlan", 0, CLI_PARSE, .parse = parse_vlan},
	{"offload", 0, CLI_FLAG, FIELD(frame.offload), true},
	{"pcap", 0, CLI_TEXT, FIELD(pcap)},
	{"loop", 0, CLI_NUMBER, FIELD(n_loops), .min = 0, .max = UINT64_MAX},
	{"queues", 'Q', CLI_NUMBER, FIELD(queues), .min = 1, .max = PKTGEN_MAX_LANES},
	{"cores", 'c', CLI_PARSE, .parse = parse_cores},
	{"interval", 'i', CLI_DURATION, FIELD(interval_ns)},
	{"page-size", 0, CLI_PAGE_SIZE, FIELD(page_size)},
	{"json", 0, CLI_JSON, FIELD(report)},
	{"quiet", 'q', CLI_FLAG, FIELD(quiet), true},
	{NULL},
};

/* Options find the --rx ports first; those that send shall come first. */
static int add_senders(struct pktgen_options *o, int n, char **specs)
{
	const char *rx[PORTS_MAX];
	unsigned n_rx = o->n_ports;
	int err = 0;

	memcpy(rx, o->specs, sizeof(rx));
	o->n_ports = 0;
	for (int i = 0; i < n && !err; i++)
		err = add_port(o, specs[i]);
	o->n_senders = o->n_ports;
	for (unsigned i = 0; i < n_rx && !err; i++)
		err = add_port(o, rx[i]);
	return err;
}

static int check(const struct pktgen_options *o)
{
	if (!o->n_ports)
		return vireo_error(-EINVAL, "needs a port; see vireo-pktgen --help");
	if (o->n_ports * o->queues > PKTGEN_MAX_LANES)
		return vireo_error(-EINVAL, "--queues %u for each of %u ports: no more than %u in all", (unsigned)o->queues,
				   o->n_ports, PKTGEN_MAX_LANES);
	if (o->n_cores > o->n_ports * o->queues)
		return vireo_error(-EINVAL, "--cores names %u CPUs for %u queues; a queue belongs to one of them",
				   o->n_cores, (unsigned)(o->n_ports * o->queues));
	if (o->pcap && o->queues > 1)
		return vireo_error(-EINVAL, "--pcap is replayed in its order, by one queue of each port");
	if (o->pcap && !o->n_senders)
		return vireo_error(-EINVAL, "--pcap needs a port that sends");
	if (o->pcap && o->verify)
		return vireo_error(-EINVAL,
				   "--verify recognises only frames of vireo-pktgen itself, not those of --pcap");
	return 0;
}

int pktgen_options_parse(int argc, char **argv, struct pktgen_options *ret_options)
{
	struct pktgen_options *o = ret_options;
	struct cli cli = {.usage = usage, .options = table, .target = o};
	int first, err;

	*o = (struct pktgen_options){
		.sizes = {64},
		.n_sizes = 1,
		.burst = 32,
		.queues = 1,
		.n_loops = 1,
		.interval_ns = 1000000000,
		.frame =
			{
				.src_ip = {0xc6120001, 0xc6120001}, /* RFC 2544 has 198.18.0.0/15 set aside for this */
				.dst_ip = {0xc6130001, 0xc6130001},
				.src_port = {49152, 49152},
				.dst_port = {9, 9}, /* discard */
			},
	};
	first = cli_parse(&cli, &argc, argv);
	o->done = cli.done;
	if (first < 0 || o->done)
		return first < 0 ? first : 0;
	err = add_senders(o, argc - first, argv + first);
	return err ? err : check(o);
}

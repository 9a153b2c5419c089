// SPDX-License-Identifier: BSD-2-Clause
/* Records what arrives at a port into a pcap file, and sleeps while nothing does. */
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vireo/vireo.h>

#define BURST VIREO_MAX_SEGS

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

/* Put a packet's elements together and write them; returns how many elements it had. */
static unsigned record_packet(pcap_dumper_t *file, const struct vireo_pkt *pkts, const struct timespec *now)
{
	static unsigned char frame[65536];
	struct pcap_pkthdr hdr = {.ts = {now->tv_sec, now->tv_nsec}};
	unsigned n = 0;

	do {
		unsigned room = sizeof(frame) - hdr.caplen, len = pkts[n].len < room ? pkts[n].len : room;

		memcpy(frame + hdr.caplen, vireo_pkt_data(&pkts[n]), len);
		hdr.caplen += len;
		hdr.len += pkts[n].len;
	} while (pkts[n++].flags & VIREO_PKT_MORE);
	pcap_dump((unsigned char *)file, &hdr, frame);
	return n;
}

static unsigned long record(struct vireo_rxq *q, pcap_dumper_t *file)
{
	struct vireo_pkt pkts[BURST];
	unsigned long n_packets = 0;
	struct timespec now;

	while (!stop) {
		unsigned n = vireo_rx_burst(q, pkts, BURST);

		if (!n) {
			pcap_dump_flush(file);
			vireo_rxq_wait_any(&q, 1, 100000); /* a tenth of a second, to see a Ctrl-C */
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &now);
		for (unsigned i = 0; i < n; n_packets++)
			i += record_packet(file, pkts + i, &now);
		vireo_pkt_free(pkts, n);
	}
	return n_packets;
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = {.promiscuous = true, .rx_interrupts = true};
	struct sigaction action = {.sa_handler = on_signal};
	struct vireo_port *port;
	struct vireo_stats stats;
	pcap_dumper_t *file;
	pcap_t *format;

	if (argc != 3) {
		fprintf(stderr, "Usage: record PORT FILE\n");
		return 2;
	}
	/* tv_usec holds nanoseconds in such a file. */
	format = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 65535, PCAP_TSTAMP_PRECISION_NANO);
	file = pcap_dump_open(format, argv[2]);
	if (!file) {
		fprintf(stderr, "record: %s\n", pcap_geterr(format));
		return 1;
	}
	if (vireo_port_open(argv[1], &cfg, &port) || vireo_port_start(port)) {
		fprintf(stderr, "record: %s\n", vireo_last_error());
		return 1;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	printf("%lu packets", record(vireo_port_rxq(port, 0), file));
	if (vireo_port_stats(port, &stats) == 0)
		printf(", %llu missed because the disk was too slow",
		       (unsigned long long)stats.drops[VIREO_DROP_RX_MISSED]);
	putchar('\n');
	pcap_dump_close(file);
	pcap_close(format);
	vireo_port_close(port);
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_PKTGEN_H
#define PKTGEN_PKTGEN_H

#include "control.h"
#include "frame.h"
#include "pacer.h"
#include "replay.h"
#include "report.h"
#include "verify.h"

#define PKTGEN_MAX_BURST 256
#define PKTGEN_MAX_SIZES 1024
#define PKTGEN_MAX_LANES 64 /* queue pairs of all ports together */

struct pktgen_options {
	const char *specs[PORTS_MAX]; /* those that send first */
	unsigned n_ports, n_senders; /* n_senders: ports that send */
	uint64_t queues;             /* pairs for each port */
	bool verify;

	uint16_t sizes[PKTGEN_MAX_SIZES]; /* with FCS, in the order of sending, again and again */
	unsigned n_sizes;
	struct units_rate rate;
	uint64_t burst, count, duration_ns;
	struct frame_config frame;
	bool src_mac_given, dst_mac_given;
	const char *pcap;
	uint64_t n_loops; /* of the capture; 0: without end */

	uint64_t allow_lost;
	double allow_lost_percent;
	bool allow_reorder;

	int cores[PKTGEN_MAX_LANES]; /* a thread on each; one on any CPU when there are none */
	unsigned n_cores;
	uint64_t page_size, interval_ns;
	bool quiet;
	struct report report;
	bool done; /* --help, --version: it has been said */
};

int pktgen_options_parse(int argc, char **argv, struct pktgen_options *ret_options);
/* "64", "64,512:4,1518", "imix" into sizes[]; -EINVAL. */
int pktgen_parse_sizes(struct pktgen_options *o, const char *text);
unsigned pktgen_max_size(const struct pktgen_options *o);

/* What one transmit queue sends: its share of what its port shall send. */
struct sender {
	unsigned port, queue;
	double rate;         /* units per second; 0: as fast as it goes */
	uint64_t count;      /* packets; 0: no limit */
	struct vireo_txq *q;
	struct vireo_pool *pool;
	const struct pktgen_options *opts;
	const struct replay *replay; /* or NULL */
	const int *stop;             /* atomic: send no more */
	struct tick_rate clock;
	struct pacer pacer;

	/* pkts[first] to pkts[built - 1] wait to be sent, those up to pkts[stock - 1] are empty buffers. */
	unsigned first, built, stock;
	struct vireo_pkt pkts[PKTGEN_MAX_BURST];

	unsigned next_size;    /* index into the sizes, or the frames of the capture */
	uint64_t round;        /* of the capture */
	uint64_t n_built;
	uint64_t n_sent;       /* handed to the device */
	double units, last_units; /* handed to the device: packets, or bits on the wire; the last burst of them */
	uint64_t bits;
	uint64_t first_ns, last_ns; /* when the first and the last burst went */
	uint64_t stuck_ns;     /* since when nothing could be sent after the end, or 0 */
	int finished;          /* atomic */
	struct frame_gen gen;
};

struct pktgen;

/* Prepare to send through @queue of @port; the pool and its filled buffers are made here. */
int sender_open(struct sender *s, struct pktgen *g, unsigned port, unsigned queue, const struct frame_config *frame);
/* Send what is due; returns whether anything went. */
bool sender_pass(struct sender *s);
/* Seconds until something is due. */
double sender_wait_s(const struct sender *s);
void sender_close(struct sender *s);

struct sender_result {
	double seconds;
	double pps, bps;
	double error_percent; /* achieved to asked; 0 without a rate */
};

struct sender_result sender_result(const struct sender *s);

/* What one receive queue gets: verified, or only counted. */
struct receiver {
	struct vireo_rxq *q;
	unsigned burst;
	struct verify *verify; /* its port's, or NULL */
	uint64_t last_ns;      /* when something of ours came, or 0 */
	unsigned whole_len;    /* of the packet that is being put together from elements */
	uint8_t *whole;
	struct vireo_pkt pkts[PKTGEN_MAX_BURST];
};

int receiver_open(struct receiver *r, struct app_port *port, unsigned queue, struct verify *verify);
/* Receive a burst; returns whether anything came. */
bool receiver_pass(struct receiver *r);
void receiver_close(struct receiver *r);

/* All of it. */
struct pktgen {
	struct pktgen_options opts;
	struct app_port ports[PORTS_MAX];
	/* Lane PORT * queues + QUEUE: one sender for each queue of the first ports, one receiver for each of all ports. */
	struct sender *senders[PKTGEN_MAX_LANES];
	struct receiver receivers[PKTGEN_MAX_LANES];
	unsigned n_senders, n_receivers;
	struct verify *verifies[PORTS_MAX];    /* what each port verifies, or NULL */
	struct replay replay;
	struct tick_rate clock;
	struct worker workers[PKTGEN_MAX_LANES];
	struct pktgen_thread {
		struct pktgen *gen;
		unsigned n_senders, n_receivers;
		unsigned senders[PKTGEN_MAX_LANES], receivers[PKTGEN_MAX_LANES];
		uint64_t ending_ns; /* since when only receiving goes on, or 0 */
	} threads[PKTGEN_MAX_LANES];
	unsigned n_threads;
	int stop; /* atomic: send no more, and end */
	struct screen screen;
	double seconds;
};

/* One turn of a struct pktgen_thread; false when all is sent and nothing more will come. */
bool pktgen_pass(void *ctx);
/* Which thread does what; after all lanes are open. */
void pktgen_share_out(struct pktgen *g);
/* The port at which what @port sends probably arrives: an --rx port, or the next one. */
unsigned pktgen_peer(const struct pktgen *g, unsigned port);

void pktgen_draw(void *ctx, struct screen *screen);
/* Settle what was lost; -EBADMSG when verification found more than the user puts up with. After all threads ended. */
int pktgen_verdict(struct pktgen *g);
void pktgen_summary(struct pktgen *g);
struct json_object *pktgen_report(struct pktgen *g);

#endif

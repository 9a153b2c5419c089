/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FWD_FWD_H
#define FWD_FWD_H

#include "control.h"
#include "report.h"

#define FWD_MAX_BURST 256
#define FWD_MAX_SLEEPERS 64 /* queues that one thread can wait for, see vireo_rxq_wait_any() */

enum fwd_idle {
	FWD_POLL,      /* never sleep: least latency */
	FWD_INTERRUPT, /* sleep as soon as there is nothing to do */
	FWD_ADAPTIVE,  /* sleep after a while without packets */
};

struct fwd_options {
	const char *specs[2];
	uint64_t burst, mtu, page_size, duration_ns, interval_ns;
	uint64_t queues;               /* pairs for each port */
	int cores[VIREO_MAX_QUEUES];   /* a thread on each; one on any CPU when there are none */
	unsigned n_cores;
	int idle; /* enum fwd_idle */
	bool mac_swap, csum, lro, vlan_strip, not_promiscuous, cycles, quiet;
	bool set_mac[2]; /* for what leaves through this port */
	uint8_t macs[2][VIREO_MAC_LEN];
	struct report report;
	bool done; /* --help, --version: it has been said */
};

int fwd_options_parse(int argc, char **argv, struct fwd_options *ret_options);

/* One direction of one pair of queues. Packets that the other port has no room for wait here; meanwhile none are received. */
struct fwd_lane {
	struct vireo_rxq *rx;
	struct vireo_txq *tx;
	unsigned burst;
	bool mac_swap;
	const uint8_t *set_mac; /* new destination, or NULL */
	unsigned first, n;      /* what waits: pkts[first] to pkts[n - 1] */
	struct vireo_pkt pkts[FWD_MAX_BURST];
};

/* What one thread does: every queue belongs to exactly one. */
struct fwd_thread {
	enum fwd_idle idle;
	unsigned n_idle; /* passes without a packet */
	bool count_cycles;
	uint64_t cycles; /* of passes that moved packets, if they are counted */
	unsigned n_lanes;
	struct fwd_lane *lanes[2 * VIREO_MAX_QUEUES];
};

/* One turn over all lanes of a struct fwd_thread, for a worker; never ends by itself. */
bool fwd_pass(void *ctx);
/* Give back what still waits. */
void fwd_drop_waiting(struct fwd_lane *lane);

#endif

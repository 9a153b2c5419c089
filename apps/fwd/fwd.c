// SPDX-License-Identifier: BSD-2-Clause
/* The packets' way: what arrives at one port leaves through the other. */
#include <string.h>

#include "clock.h"
#include "fwd.h"

/* Passes without a packet, some 50 us, after which the adaptive mode goes to sleep. */
#define ADAPTIVE_PASSES 2048
/* So often an idle poller gives sent buffers back to their pools. */
#define RECLAIM_PASSES 1024
/* The control thread waits for us no longer than this. */
#define SLEEP_US 50000

/* New addresses for a packet, in its first element. */
static void rewrite(const struct fwd_lane *lane, struct vireo_pkt *pkt)
{
	uint8_t *dst = vireo_pkt_data(pkt), *src = dst + VIREO_MAC_LEN, old[VIREO_MAC_LEN];

	if (pkt->len < 2 * VIREO_MAC_LEN)
		return;
	if (lane->mac_swap) {
		memcpy(old, dst, VIREO_MAC_LEN);
		memcpy(dst, src, VIREO_MAC_LEN);
		memcpy(src, old, VIREO_MAC_LEN);
	}
	if (lane->set_mac)
		memcpy(dst, lane->set_mac, VIREO_MAC_LEN);
}

static void rewrite_burst(struct fwd_lane *lane)
{
	bool begins = true;

	for (unsigned i = 0; i < lane->n; i++) {
		if (begins)
			rewrite(lane, &lane->pkts[i]);
		begins = !(lane->pkts[i].flags & VIREO_PKT_MORE);
	}
}

static bool waiting(const struct fwd_lane *lane)
{
	return lane->first < lane->n;
}

/* Returns whether a packet has moved; one that waits for room in the ring has not. */
static bool forward(struct fwd_lane *lane)
{
	bool received = false;
	unsigned sent;

	if (!waiting(lane)) {
		lane->first = 0;
		lane->n = vireo_rx_burst(lane->rx, lane->pkts, lane->burst);
		if (!lane->n)
			return false;
		received = true;
		if (lane->mac_swap || lane->set_mac)
			rewrite_burst(lane);
	}
	sent = vireo_tx_burst(lane->tx, lane->pkts + lane->first, lane->n - lane->first);
	lane->first += sent;
	return received || sent;
}

/* The counter is read twice for a burst: little beside what it measures. */
static bool forward_counted(struct fwd_thread *t, struct fwd_lane *lane)
{
	uint64_t begin = clock_ticks();
	bool moved = forward(lane);

	if (moved)
		t->cycles += clock_ticks() - begin;
	return moved;
}

static void reclaim(struct fwd_thread *t)
{
	for (unsigned i = 0; i < t->n_lanes; i++)
		vireo_txq_reclaim(t->lanes[i]->tx);
}

static void sleep_until_packets(struct fwd_thread *t)
{
	struct vireo_rxq *queues[FWD_MAX_SLEEPERS];

	for (unsigned i = 0; i < t->n_lanes; i++)
		queues[i] = t->lanes[i]->rx;
	reclaim(t);
	vireo_rxq_wait_any(queues, t->n_lanes, SLEEP_US);
}

bool fwd_pass(void *ctx)
{
	struct fwd_thread *t = ctx;
	bool busy = false;

	for (unsigned i = 0; i < t->n_lanes; i++) {
		busy |= t->count_cycles ? forward_counted(t, t->lanes[i]) : forward(t->lanes[i]);
		busy |= waiting(t->lanes[i]);
	}
	if (busy) {
		t->n_idle = 0;
		return true;
	}
	t->n_idle++;
	if (t->idle == FWD_INTERRUPT || (t->idle == FWD_ADAPTIVE && t->n_idle > ADAPTIVE_PASSES))
		sleep_until_packets(t);
	else if (t->n_idle % RECLAIM_PASSES == 0)
		reclaim(t);
	return true;
}

void fwd_drop_waiting(struct fwd_lane *lane)
{
	vireo_pkt_free(lane->pkts + lane->first, lane->n - lane->first);
	lane->first = lane->n = 0;
}

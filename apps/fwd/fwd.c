// SPDX-License-Identifier: BSD-2-Clause
/* The packets' way: what arrives at one port leaves through the other. */
#include <string.h>

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

/* Returns whether there was anything to do. */
static bool forward(struct fwd_lane *lane)
{
	if (lane->first == lane->n) {
		lane->first = 0;
		lane->n = vireo_rx_burst(lane->rx, lane->pkts, lane->burst);
		if (!lane->n)
			return false;
		if (lane->mac_swap || lane->set_mac)
			rewrite_burst(lane);
	}
	lane->first += vireo_tx_burst(lane->tx, lane->pkts + lane->first, lane->n - lane->first);
	return true;
}

static void reclaim(struct fwd *fwd)
{
	for (unsigned i = 0; i < 2; i++)
		vireo_txq_reclaim(fwd->lanes[i].tx);
}

static void sleep_until_packets(struct fwd *fwd)
{
	struct vireo_rxq *queues[2] = {fwd->lanes[0].rx, fwd->lanes[1].rx};

	reclaim(fwd);
	vireo_rxq_wait_any(queues, 2, SLEEP_US);
}

bool fwd_pass(void *ctx)
{
	struct fwd *fwd = ctx;
	bool a = forward(&fwd->lanes[0]);
	bool b = forward(&fwd->lanes[1]);

	if (a || b) {
		fwd->n_idle = 0;
		return true;
	}
	fwd->n_idle++;
	if (fwd->idle == FWD_INTERRUPT || (fwd->idle == FWD_ADAPTIVE && fwd->n_idle > ADAPTIVE_PASSES))
		sleep_until_packets(fwd);
	else if (fwd->n_idle % RECLAIM_PASSES == 0)
		reclaim(fwd);
	return true;
}

void fwd_drop_waiting(struct fwd *fwd)
{
	for (unsigned i = 0; i < 2; i++) {
		struct fwd_lane *lane = &fwd->lanes[i];

		vireo_pkt_free(lane->pkts + lane->first, lane->n - lane->first);
		lane->first = lane->n = 0;
	}
}

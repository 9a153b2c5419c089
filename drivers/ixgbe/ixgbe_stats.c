// SPDX-License-Identifier: BSD-2-Clause
/*
 * Statistics. The card's counters start again at 0 with every read (section 8.2.3.23), so each is added to a total of ours
 * before it can wrap: 36 bits of bytes last for 55 seconds at 10 Gbit/s, which is why a port is polled.
 */
#include <stdio.h>

#include "ixgbe.h"

/* No more often than this from vireo_port_poll(). */
#define FOLD_EVERY_US 1000000

/* What a counter adds to, in struct vireo_stats. */
enum {
	NO_DROP = -1,
};

struct counter {
	const char *name;
	uint32_t reg;
	bool wide;  /* a second register, 4 behind, has bits 35:32 */
	int8_t drop; /* enum vireo_drop, or NO_DROP */
};

#define NARROW(name, reg)       {name, reg, false, NO_DROP}
#define WIDE(name, reg)         {name, reg, true, NO_DROP}
#define DROP(name, reg, cause)  {name, reg, false, cause}
#define MISSED(i)               DROP("rx_missed_buffer" #i, IXGBE_MPC(i), VIREO_DROP_RX_MISSED)
#define QUEUE(i)                                                                                                       \
	NARROW("rx_counter" #i "_packets", IXGBE_QPRC(i)),                                                             \
	DROP("rx_counter" #i "_dropped", IXGBE_QPRDC(i), VIREO_DROP_RX_MISSED),                                        \
	NARROW("tx_counter" #i "_packets", IXGBE_QPTC(i))

/*
 * In the order in which they are read. Those of queues come first: where a model shares their page, it shows them to drivers
 * that read in the order of the most common ones, and would count them as seen.
 */
static const struct counter counters[] = {
	QUEUE(0), QUEUE(1), QUEUE(2), QUEUE(3), QUEUE(4), QUEUE(5), QUEUE(6), QUEUE(7),
	QUEUE(8), QUEUE(9), QUEUE(10), QUEUE(11), QUEUE(12), QUEUE(13), QUEUE(14), QUEUE(15),
	NARROW("mac_rx_packets", IXGBE_GPRC),
	WIDE("mac_rx_bytes", IXGBE_GORCL),
	NARROW("mac_rx_all_packets", IXGBE_TPR),
	WIDE("mac_rx_all_bytes", IXGBE_TORL),
	NARROW("mac_tx_packets", IXGBE_GPTC),
	WIDE("mac_tx_bytes", IXGBE_GOTCL),
	NARROW("mac_tx_all_packets", IXGBE_TPT),
	NARROW("mac_rx_broadcast", IXGBE_BPRC),
	NARROW("mac_rx_multicast", IXGBE_MPRC),
	NARROW("mac_tx_broadcast", IXGBE_BPTC),
	NARROW("mac_tx_multicast", IXGBE_MPTC),
	NARROW("mac_rx_64", IXGBE_PRC64),
	NARROW("mac_rx_65_127", IXGBE_PRC127),
	NARROW("mac_rx_128_255", IXGBE_PRC255),
	NARROW("mac_rx_256_511", IXGBE_PRC511),
	NARROW("mac_rx_512_1023", IXGBE_PRC1023),
	NARROW("mac_rx_1024_max", IXGBE_PRC1522),
	NARROW("mac_tx_64", IXGBE_PTC64),
	NARROW("mac_tx_65_127", IXGBE_PTC127),
	NARROW("mac_tx_128_255", IXGBE_PTC255),
	NARROW("mac_tx_256_511", IXGBE_PTC511),
	NARROW("mac_tx_512_1023", IXGBE_PTC1023),
	NARROW("mac_tx_1024_max", IXGBE_PTC1522),
	DROP("mac_rx_crc_errors", IXGBE_CRCERRS, VIREO_DROP_RX_ERROR),
	DROP("mac_rx_illegal_bytes", IXGBE_ILLERRC, VIREO_DROP_RX_ERROR),
	NARROW("mac_rx_error_bytes", IXGBE_ERRBC),
	DROP("mac_rx_length_errors", IXGBE_RLEC, VIREO_DROP_RX_ERROR),
	DROP("mac_rx_undersize", IXGBE_RUC, VIREO_DROP_RX_ERROR),
	DROP("mac_rx_fragments", IXGBE_RFC, VIREO_DROP_RX_ERROR),
	DROP("mac_rx_oversize", IXGBE_ROC, VIREO_DROP_RX_ERROR),
	DROP("mac_rx_jabber", IXGBE_RJC, VIREO_DROP_RX_ERROR),
	NARROW("mac_rx_checksum_errors", IXGBE_XEC),
	NARROW("mac_short_packets", IXGBE_MSPDC),
	NARROW("mac_local_faults", IXGBE_MLFC),
	NARROW("mac_remote_faults", IXGBE_MRFC),
	NARROW("mac_rx_xon", IXGBE_LXONRXCNT),
	NARROW("mac_rx_xoff", IXGBE_LXOFFRXCNT),
	NARROW("mac_tx_xon", IXGBE_LXONTXC),
	NARROW("mac_tx_xoff", IXGBE_LXOFFTXC),
	NARROW("management_rx_packets", IXGBE_MNGPRC),
	NARROW("management_rx_dropped", IXGBE_MNGPDC),
	NARROW("management_tx_packets", IXGBE_MNGPTC),
	NARROW("filter_rx_packets", IXGBE_RXNFGPC),
	WIDE("filter_rx_bytes", IXGBE_RXNFGBCL),
	NARROW("dma_rx_packets", IXGBE_RXDGPC),
	WIDE("dma_rx_bytes", IXGBE_RXDGBCL),
	NARROW("dma_tx_packets", IXGBE_TXDGPC),
	WIDE("dma_tx_bytes", IXGBE_TXDGBCL),
	MISSED(0), MISSED(1), MISSED(2), MISSED(3), MISSED(4), MISSED(5), MISSED(6), MISSED(7),
};

static_assert(sizeof(counters) / sizeof(counters[0]) == IXGBE_N_COUNTERS, "a total for each counter");

void ixgbe_stats_start(struct ixgbe_port *xp)
{
	const struct ixgbe_hw *hw = &xp->hw;

	/* 16 counters for all queues: queue q has number q modulo 16. */
	for (unsigned i = 0; i < VIREO_MAX_QUEUES / 4; i++) {
		uint32_t map = (4 * i % 16) | (4 * i % 16 + 1) << 8 | (4 * i % 16 + 2) << 16 | (4 * i % 16 + 3) << 24;

		ixgbe_write(hw, IXGBE_RQSMR(i), map);
		ixgbe_write(hw, IXGBE_TQSM(i), map);
	}
	ixgbe_write(hw, IXGBE_RXDSTATCTRL, IXGBE_RXDSTATCTRL_ALL);
}

static uint64_t read_counter(const struct ixgbe_hw *hw, const struct counter *c)
{
	uint64_t value = ixgbe_read(hw, c->reg);

	/* The low half is read first: that holds the other one still. */
	if (c->wide)
		value |= (uint64_t)(ixgbe_read(hw, c->reg + 4) & 0xf) << 32;
	return value;
}

int ixgbe_stats_fold(struct ixgbe_port *xp)
{
	uint64_t values[IXGBE_N_COUNTERS];
	int err;

	for (unsigned i = 0; i < IXGBE_N_COUNTERS; i++)
		values[i] = read_counter(&xp->hw, &counters[i]);
	/* What a card that has gone in between gave is no count. */
	err = ixgbe_hw_check(&xp->hw);
	if (err)
		return err;
	for (unsigned i = 0; i < IXGBE_N_COUNTERS; i++)
		xp->counters[i] += values[i];
	xp->folded_us = deadline_now_us();
	return 0;
}

int ixgbe_stats_poll(struct ixgbe_port *xp)
{
	return deadline_now_us() - xp->folded_us < FOLD_EVERY_US ? 0 : ixgbe_stats_fold(xp);
}

int ixgbe_stats(struct vireo_port *port, struct vireo_stats *stats)
{
	struct ixgbe_port *xp = ixgbe_port_of(port);
	int err = ixgbe_stats_fold(xp);

	for (unsigned i = 0; i < IXGBE_N_COUNTERS; i++)
		if (counters[i].drop != NO_DROP)
			stats->drops[counters[i].drop] += xp->counters[i];
	return err;
}

/* vireo_port_xstats() has called ixgbe_stats() just before. */
int ixgbe_xstats(struct vireo_port *port, struct vireo_xstat *xstats, unsigned n)
{
	const struct ixgbe_port *xp = ixgbe_port_of(port);

	for (unsigned i = 0; i < n && i < IXGBE_N_COUNTERS; i++) {
		snprintf(xstats[i].name, sizeof(xstats[i].name), "%s", counters[i].name);
		xstats[i].value = xp->counters[i];
	}
	return IXGBE_N_COUNTERS;
}

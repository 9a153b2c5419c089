// SPDX-License-Identifier: BSD-2-Clause
/* Intel 82599, X540, X550: the driver's table of operations, and the life of a port. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ixgbe.h"

static const struct vireo_pci_id ixgbe_pci_ids[] = {
	{IXGBE_VENDOR, IXGBE_DEV_82599_SFP},
	{IXGBE_VENDOR, IXGBE_DEV_82599_KX4},
	{IXGBE_VENDOR, IXGBE_DEV_82599_COMBO},
	{IXGBE_VENDOR, IXGBE_DEV_82599_CX4},
	{IXGBE_VENDOR, IXGBE_DEV_82599_XAUI},
	{IXGBE_VENDOR, IXGBE_DEV_82599_SFP_EM},
	{IXGBE_VENDOR, IXGBE_DEV_82599_SFP_FF},
	{IXGBE_VENDOR, IXGBE_DEV_82599_SFP_SF2},
	{IXGBE_VENDOR, IXGBE_DEV_82599_KX4_MEZZ},
	{IXGBE_VENDOR, IXGBE_DEV_82599_KR},
	{IXGBE_VENDOR, IXGBE_DEV_82599_T3},
	{IXGBE_VENDOR, IXGBE_DEV_82599_FCOE},
	{IXGBE_VENDOR, IXGBE_DEV_82599_FCOE_BP},
	{IXGBE_VENDOR, IXGBE_DEV_82599EN_SFP},
	{IXGBE_VENDOR, IXGBE_DEV_82599_QSFP_SF},
	{IXGBE_VENDOR, IXGBE_DEV_X540T},
	{IXGBE_VENDOR, IXGBE_DEV_X540T1},
	{IXGBE_VENDOR, IXGBE_DEV_X550T},
	{IXGBE_VENDOR, IXGBE_DEV_X550T1},
	{0, 0},
};

/* Probe */

static void fill_limits(const struct ixgbe_port *xp, struct vireo_port_limits *limits)
{
	struct vireo_irq_info irq = {0};

	vireo_device_irq(xp->hw.dev, VIREO_IRQ_MSIX, &irq);
	*limits = (struct vireo_port_limits){
		.max_rxq = VIREO_MAX_QUEUES,
		.max_txq = VIREO_MAX_QUEUES,
		.min_ring = IXGBE_MIN_RING,
		.max_ring = IXGBE_MAX_RING,
		.default_rx_ring = IXGBE_DEFAULT_RING,
		.default_tx_ring = IXGBE_DEFAULT_RING,
		.max_mtu = IXGBE_MAX_MTU,
		/* A packet may need one descriptor more than it has elements. */
		.max_tx_segs = IXGBE_MAX_TX_DESCS - 1,
		.rx_offloads = VIREO_RX_CSUM | VIREO_RX_VLAN_STRIP | VIREO_RX_HASH,
		.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM | VIREO_TX_TSO,
		.rx_interrupts = irq.count >= 2,
		.rss_fields = VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP | VIREO_RSS_IPV4_UDP | VIREO_RSS_IPV6 |
			      VIREO_RSS_IPV6_TCP | VIREO_RSS_IPV6_UDP,
		.rss_key_len = IXGBE_RSS_KEY_LEN,
		.rss_table = xp->hw.kind->rss_entries,
		.rss_queues = xp->hw.kind->rss_queues,
		.max_flows = IXGBE_N_FTQF,
	};
	if (!limits->rx_interrupts)
		snprintf(limits->missing, sizeof(limits->missing), "the device has too few MSI-X vectors (%u)",
			 irq.count);
}

static void describe(const struct ixgbe_port *xp)
{
	char text[96];

	snprintf(text, sizeof(text), "Intel %s (8086:%04x), port %u of its chip", xp->hw.kind->name, xp->hw.device_id,
		 xp->hw.lan);
	vireo_port_set_description(xp->port, text);
}

static int ixgbe_prepare(struct vireo_port *port)
{
	struct ixgbe_port *xp = ixgbe_port_of(port);
	int err;

	xp->port = port;
	xp->event_fd = -1;
	err = ixgbe_hw_open(&xp->hw, vireo_port_device(port));
	return err ? err : ixgbe_hw_reset_begin(&xp->hw);
}

static int ixgbe_probe(struct vireo_port *port, struct vireo_port_limits *ret_limits)
{
	struct ixgbe_port *xp = ixgbe_port_of(port);
	int err;

	err = ixgbe_hw_reset_end(&xp->hw);
	if (!err)
		err = ixgbe_hw_check_eeprom(&xp->hw);
	if (!err)
		err = ixgbe_hw_read_mac(&xp->hw, vireo_port_settings(port)->mac);
	if (!err)
		err = ixgbe_irq_open(xp);
	if (err)
		return err;
	fill_limits(xp, ret_limits);
	describe(xp);
	return 0;
}

static void ixgbe_remove(struct vireo_port *port)
{
	ixgbe_irq_close(ixgbe_port_of(port));
}

/* Start: 4.6.3 and what it refers to, in this order */

static void set_up_rx(const struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	const struct ixgbe_hw *hw = &xp->hw;
	uint32_t frame = cfg->mtu + IXGBE_OVERHEAD + IXGBE_CRC_LEN, buffer = hw->kind->rx_buffer_kib;

	/* 8.2.3.8.9: one packet buffer of the whole size, for there is one traffic class. */
	for (unsigned i = 0; i < 8; i++)
		ixgbe_write(hw, IXGBE_RXPBSIZE(i), i ? 0 : buffer << IXGBE_RXPBSIZE_SHIFT);
	ixgbe_set(hw, IXGBE_HLREG0, IXGBE_HLREG0_LPBK | IXGBE_HLREG0_RXPADSTRIPEN,
		  IXGBE_HLREG0_TXCRCEN | IXGBE_HLREG0_RXCRCSTRP | IXGBE_HLREG0_JUMBOEN | IXGBE_HLREG0_TXPADEN |
			  IXGBE_HLREG0_RXLNGTHERREN);
	ixgbe_write(hw, IXGBE_MAXFRS, frame << IXGBE_MAXFRS_SHIFT);
	/* 8.2.3.8.8: what the datasheet wants in reserved fields, and no receive-side coalescing. */
	ixgbe_set(hw, IXGBE_RDRXCTL, IXGBE_RDRXCTL_RSCFRSTSIZE,
		  IXGBE_RDRXCTL_CRCSTRIP | IXGBE_RDRXCTL_RSCACKC | IXGBE_RDRXCTL_FCOE_WRFIX);
	ixgbe_set(hw, IXGBE_RFCTL, 0, IXGBE_RFCTL_RSC_DIS | IXGBE_RFCTL_NFSW_DIS | IXGBE_RFCTL_NFSR_DIS);
	/* Where a fragment's checksum could be, the hash is. */
	ixgbe_write(hw, IXGBE_RXCSUM, IXGBE_RXCSUM_PCSD | IXGBE_RXCSUM_IPPCSE);
	ixgbe_set(hw, IXGBE_CTRL_EXT, 0, IXGBE_CTRL_EXT_NS_DIS | IXGBE_CTRL_EXT_RO_DIS);
}

/* 4.6.8: what is common to all queues changes only while the arbiter rests. */
static void set_up_tx(const struct ixgbe_hw *hw)
{
	ixgbe_set(hw, IXGBE_RTTDCS, 0, IXGBE_RTTDCS_ARBDIS);
	ixgbe_write(hw, IXGBE_MTQC, 0);
	for (unsigned i = 0; i < 8; i++) {
		ixgbe_write(hw, IXGBE_TXPBSIZE(i), i ? 0 : IXGBE_TX_BUFFER_KIB << IXGBE_TXPBSIZE_SHIFT);
		/* Room for the largest packet behind the mark, in KiB. */
		ixgbe_write(hw, IXGBE_TXPBTHRESH(i), i ? 0 : IXGBE_TX_BUFFER_KIB - IXGBE_MAX_FRAME / 1024 - 1);
	}
	ixgbe_write(hw, IXGBE_DTXMXSZRQ, IXGBE_DTXMXSZRQ_MAX);
	ixgbe_set(hw, IXGBE_RTTDCS, IXGBE_RTTDCS_ARBDIS, 0);
	/* Which TCP flags stay in the first, the middle and the last segment: FIN and PSH only in the last. */
	ixgbe_write(hw, IXGBE_DTXTCPFLGL, IXGBE_DTXTCPFLGL_DEFAULT);
	ixgbe_write(hw, IXGBE_DTXTCPFLGH, IXGBE_DTXTCPFLGH_DEFAULT);
	ixgbe_set(hw, IXGBE_DMATXCTL, 0xffffu << IXGBE_DMATXCTL_VT_SHIFT,
		  IXGBE_DMATXCTL_TE | (uint32_t)IXGBE_ETHERTYPE_VLAN << IXGBE_DMATXCTL_VT_SHIFT);
}

static int program_queues(struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	int err = 0;

	for (unsigned i = 0; i < cfg->n_rxq && !err; i++)
		err = ixgbe_rxq_program(ixgbe_rxq_at(xp, i));
	for (unsigned i = 0; i < cfg->n_txq && !err; i++)
		err = ixgbe_txq_program(ixgbe_txq_at(xp, i));
	return err;
}

/*
 * 4.6.7. Deviates because enabling receive under traffic can hang the DMA unit: the way from the wire is blocked
 * meanwhile.
 */
static int open_receive(const struct ixgbe_hw *hw)
{
	int err;

	ixgbe_set(hw, IXGBE_SECRXCTRL, 0, IXGBE_SECRXCTRL_RX_DIS);
	err = ixgbe_hw_wait(hw, IXGBE_SECRXSTAT, IXGBE_SECRXSTAT_RDY, IXGBE_SECRXSTAT_RDY,
			    "the receive path did not come to rest");
	ixgbe_set(hw, IXGBE_RXCTRL, 0, IXGBE_RXCTRL_RXEN);
	ixgbe_set(hw, IXGBE_SECRXCTRL, IXGBE_SECRXCTRL_RX_DIS, 0);
	return err;
}

/* Guarantees needed: every ring is valid, for from here on the card looks at them. */
static int enable_queues(struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	int err;

	err = vireo_device_set_master(xp->hw.dev, true);
	for (unsigned i = 0; i < cfg->n_txq && !err; i++)
		err = ixgbe_txq_enable(ixgbe_txq_at(xp, i));
	for (unsigned i = 0; i < cfg->n_rxq && !err; i++)
		err = ixgbe_rxq_enable(ixgbe_rxq_at(xp, i));
	return err ? err : open_receive(&xp->hw);
}

static int bring_up(struct ixgbe_port *xp)
{
	struct vireo_link link;
	int err;

	ixgbe_gather(&xp->hw, true);
	set_up_rx(xp);
	set_up_tx(&xp->hw);
	err = ixgbe_ctrl_apply(xp);
	ixgbe_gather(&xp->hw, false);
	if (!err)
		err = program_queues(xp);
	if (!err)
		err = ixgbe_irq_start(xp);
	if (!err)
		err = enable_queues(xp);
	if (!err)
		err = ixgbe_phy_start(&xp->hw);
	if (!err)
		err = ixgbe_phy_link(&xp->hw, &link);
	if (err)
		return err;
	xp->link_up = link.up;
	/* Tells firmware that we are here, and us, when it is gone, that somebody reset the card. */
	ixgbe_set(&xp->hw, IXGBE_CTRL_EXT, 0, IXGBE_CTRL_EXT_DRV_LOAD);
	return 0;
}

/* However far start came: a card that reaches no memory of ours, and rings without buffers. */
static int halt(struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	int err, err_irq;

	err_irq = ixgbe_irq_stop(xp);
	/* From here on the card is kept away from memory by the machine, whatever it does itself. */
	err = vireo_device_set_master(xp->hw.dev, false);
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		ixgbe_rxq_empty(ixgbe_rxq_at(xp, i));
	for (unsigned i = 0; i < cfg->n_txq; i++)
		ixgbe_txq_empty(ixgbe_txq_at(xp, i));
	return err ? err : err_irq;
}

static int ixgbe_start(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	struct ixgbe_port *xp = ixgbe_port_of(port);
	bool full = cfg->rx_offloads;
	int err;

	/* The first start finds the card as probe left it; a reset takes 11 ms. */
	err = xp->hw.fresh ? ixgbe_hw_check(&xp->hw) : ixgbe_hw_reset(&xp->hw);
	if (err)
		return err;
	xp->hw.fresh = false;
	ixgbe_stats_start(xp);
	err = bring_up(xp);
	if (err) {
		halt(xp);
		return err;
	}
	for (unsigned i = 0; i < cfg->n_rxq; i++)
		ixgbe_rxq_at(xp, i)->head.pub.burst = ixgbe_rx_burst_choose(full);
	for (unsigned i = 0; i < cfg->n_txq; i++)
		ixgbe_txq_at(xp, i)->head.pub.burst = ixgbe_tx_burst_choose();
	return 0;
}

/* Stop */

/* Wait until everything is sent; without a link nothing will be. */
static int drain(struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	struct deadline deadline = deadline_in_us(ixgbe_patience_us);

	for (unsigned i = 0; i < cfg->n_txq; i++) {
		struct ixgbe_txq *q = ixgbe_txq_at(xp, i);

		for (;;) {
			bool late = deadline_passed(&deadline);
			struct vireo_link link;
			int err;

			ixgbe_txq_reclaim(&q->head);
			if (ixgbe_txq_is_empty(q))
				break;
			err = ixgbe_phy_link(&xp->hw, &link);
			if (err)
				return err;
			if (!link.up)
				return vireo_error(-ETIMEDOUT, "%s has no link, so it did not send everything",
						   xp->hw.name);
			if (late)
				return vireo_error(-ETIMEDOUT, "%s did not send everything within %u ms", xp->hw.name,
						   ixgbe_patience_us / 1000);
			deadline_pause();
		}
	}
	return 0;
}

/* 4.6.7.1.2, 4.6.8.1: queue by queue, then the whole. Goes on behind what does not stop. */
static int disable_queues(struct ixgbe_port *xp)
{
	const struct vireo_port_config *cfg = vireo_port_config(xp->port);
	const struct ixgbe_hw *hw = &xp->hw;
	int err = 0, e;

	ixgbe_set(hw, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN, 0);
	for (unsigned i = 0; i < cfg->n_rxq && err != -ENODEV; i++) {
		e = ixgbe_rxq_disable(ixgbe_rxq_at(xp, i));
		err = err && e != -ENODEV ? err : e;
	}
	for (unsigned i = 0; i < cfg->n_txq && err != -ENODEV; i++) {
		e = ixgbe_txq_disable(ixgbe_txq_at(xp, i));
		err = err && e != -ENODEV ? err : e;
	}
	if (err == -ENODEV)
		return err;
	ixgbe_set(hw, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE, 0);
	e = ixgbe_hw_disable_master(hw);
	return err ? err : e;
}

static int ixgbe_stop(struct vireo_port *port)
{
	struct ixgbe_port *xp = ixgbe_port_of(port);
	int err = drain(xp), err_queues = 0, err_halt;

	if (err != -ENODEV) {
		ixgbe_phy_stop(&xp->hw);
		err_queues = disable_queues(xp);
		ixgbe_stats_fold(xp);
		ixgbe_set(&xp->hw, IXGBE_CTRL_EXT, IXGBE_CTRL_EXT_DRV_LOAD, 0);
	}
	err_halt = halt(xp);
	if (!err || err_queues == -ENODEV)
		err = err_queues;
	return err ? err : err_halt;
}

/* Link and events */

static int ixgbe_link(struct vireo_port *port, struct vireo_link *ret_link)
{
	return ixgbe_phy_link(&ixgbe_port_of(port)->hw, ret_link);
}

static int ixgbe_poll(struct vireo_port *port)
{
	struct ixgbe_port *xp = ixgbe_port_of(port);
	struct vireo_link link;
	uint32_t causes;
	int err;

	err = ixgbe_hw_check(&xp->hw);
	if (err)
		return err;
	causes = ixgbe_irq_causes(xp);
	if (causes & IXGBE_EICR_ECC)
		return vireo_error(-EIO, "%s found an error in its own memory; stop and start the port", xp->hw.name);
	if (!(ixgbe_read(&xp->hw, IXGBE_CTRL_EXT) & IXGBE_CTRL_EXT_DRV_LOAD))
		return vireo_error(-EIO, "%s was reset by somebody else; stop and start the port", xp->hw.name);
	err = ixgbe_stats_poll(xp);
	if (!err)
		err = ixgbe_phy_poll(&xp->hw);
	if (!err)
		err = ixgbe_phy_link(&xp->hw, &link);
	if (err)
		return err;
	if (link.up == xp->link_up && !(causes & IXGBE_EICR_LSC))
		return 0;
	xp->link_up = link.up;
	return VIREO_EVENT_LINK;
}

const struct vireo_driver ixgbe_driver = {
	.name = "ixgbe",
	.pci_ids = ixgbe_pci_ids,
	.port_size = sizeof(struct ixgbe_port),
	.prepare = ixgbe_prepare,
	.probe = ixgbe_probe,
	.remove = ixgbe_remove,
	.rxq_create = ixgbe_rxq_create,
	.rxq_destroy = ixgbe_rxq_destroy,
	.txq_create = ixgbe_txq_create,
	.txq_destroy = ixgbe_txq_destroy,
	.start = ixgbe_start,
	.stop = ixgbe_stop,
	.txq_reclaim = ixgbe_txq_reclaim,
	.rxq_arm = ixgbe_rxq_arm,
	.rxq_fd = ixgbe_rxq_fd,
	.link = ixgbe_link,
	.poll = ixgbe_poll,
	.set_rx_mode = ixgbe_set_rx_mode,
	.set_mac = ixgbe_set_mac,
	.set_mac_filter = ixgbe_set_mac_filter,
	.set_vlan = ixgbe_set_vlan,
	.set_rss = ixgbe_set_rss,
	.check_flow = ixgbe_check_flow,
	.set_flows = ixgbe_set_flows,
	.set_flow_control = ixgbe_set_flow_control,
	.registers = ixgbe_registers,
	.stats = ixgbe_stats,
	.xstats = ixgbe_xstats,
};

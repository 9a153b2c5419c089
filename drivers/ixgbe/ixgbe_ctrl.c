// SPDX-License-Identifier: BSD-2-Clause
/* Settings that change while it runs: what is received, addresses, VLANs, and how packets spread over queues. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "ixgbe.h"

/* Entry 0 is the port's own address. */
#define FIRST_FILTER_RAR 1

static_assert(FIRST_FILTER_RAR + VIREO_MAX_FILTER_MACS <= IXGBE_N_RAR, "each further address has a place");

static bool is_multicast(const uint8_t mac[VIREO_MAC_LEN])
{
	return mac[0] & 1;
}

/* 8.2.3.7.1 */
int ixgbe_set_rx_mode(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;
	uint32_t set = IXGBE_FCTRL_BAM;

	if (s->promiscuous)
		set |= IXGBE_FCTRL_UPE | IXGBE_FCTRL_MPE;
	if (s->all_multicast)
		set |= IXGBE_FCTRL_MPE;
	ixgbe_set(hw, IXGBE_FCTRL, IXGBE_FCTRL_SBP | IXGBE_FCTRL_UPE | IXGBE_FCTRL_MPE, set);
	return ixgbe_hw_check(hw);
}

/* 8.2.3.7.8: the low half has no valid bit, so the high one is cleared first and written last. */
static void write_address(const struct ixgbe_hw *hw, unsigned i, const uint8_t *mac)
{
	ixgbe_write(hw, IXGBE_RAH(i), 0);
	ixgbe_write(hw, IXGBE_RAL(i), 0);
	if (!mac)
		return;
	ixgbe_write(hw, IXGBE_RAL(i), mac[0] | mac[1] << 8 | mac[2] << 16 | (uint32_t)mac[3] << 24);
	ixgbe_write(hw, IXGBE_RAH(i), mac[4] | (uint32_t)mac[5] << 8 | IXGBE_RAH_AV);
}

int ixgbe_set_mac(struct vireo_port *port)
{
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;

	write_address(hw, 0, vireo_port_settings(port)->mac);
	return ixgbe_hw_check(hw);
}

/* 8.2.3.7.3, with MO 0: the 12 high bits of the address as it is on the wire, its last byte the highest. */
static unsigned multicast_hash(const uint8_t mac[VIREO_MAC_LEN])
{
	return mac[4] >> 4 | (unsigned)mac[5] << 4;
}

static void write_multicast(const struct ixgbe_hw *hw, const struct vireo_port_settings *s)
{
	uint32_t table[IXGBE_N_MTA] = {0};
	bool any = false;

	for (unsigned i = 0; i < s->n_filter_macs; i++) {
		unsigned hash = multicast_hash(s->filter_macs[i]);

		if (!is_multicast(s->filter_macs[i]))
			continue;
		table[hash / 32] |= 1u << hash % 32;
		any = true;
	}
	for (unsigned i = 0; i < IXGBE_N_MTA; i++)
		ixgbe_write(hw, IXGBE_MTA(i), table[i]);
	ixgbe_write(hw, IXGBE_MCSTCTRL, any ? IXGBE_MCSTCTRL_MFE : 0);
}

int ixgbe_set_mac_filter(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;
	unsigned at = FIRST_FILTER_RAR;

	for (unsigned i = 0; i < s->n_filter_macs; i++)
		if (!is_multicast(s->filter_macs[i]))
			write_address(hw, at++, s->filter_macs[i]);
	for (; at < FIRST_FILTER_RAR + VIREO_MAX_FILTER_MACS; at++)
		write_address(hw, at, NULL);
	write_multicast(hw, s);
	return ixgbe_hw_check(hw);
}

/* 8.2.3.7.11: a bit for each VLAN. Packets without a tag pass in any case. */
static void write_vlan_word(const struct ixgbe_hw *hw, const struct vireo_port_settings *s, unsigned i)
{
	ixgbe_write(hw, IXGBE_VFTA(i), (uint32_t)(s->vlans[i / 2] >> (i % 2 ? 32 : 0)));
}

static void write_vlan_mode(const struct ixgbe_hw *hw, const struct vireo_port_settings *s)
{
	ixgbe_set(hw, IXGBE_VLNCTRL, IXGBE_VLNCTRL_VET | IXGBE_VLNCTRL_CFIEN | IXGBE_VLNCTRL_VFE,
		  IXGBE_ETHERTYPE_VLAN | (s->n_vlans ? IXGBE_VLNCTRL_VFE : 0));
}

int ixgbe_set_vlan(struct vireo_port *port, uint16_t vlan_id, bool on)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;

	write_vlan_word(hw, s, vlan_id / 32);
	write_vlan_mode(hw, s);
	return ixgbe_hw_check(hw);
}

/* RSS: Toeplitz over what MRQC names; the low bits of the hash choose an entry of the table, and that the queue. */

static uint32_t mrqc_fields(uint32_t fields)
{
	static const struct {
		uint32_t field, bit;
	} bits[] = {
		{VIREO_RSS_IPV4, IXGBE_MRQC_IPV4},	   {VIREO_RSS_IPV4_TCP, IXGBE_MRQC_IPV4_TCP},
		{VIREO_RSS_IPV4_UDP, IXGBE_MRQC_IPV4_UDP}, {VIREO_RSS_IPV6, IXGBE_MRQC_IPV6},
		{VIREO_RSS_IPV6_TCP, IXGBE_MRQC_IPV6_TCP}, {VIREO_RSS_IPV6_UDP, IXGBE_MRQC_IPV6_UDP},
	};
	uint32_t mrqc = 0;

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		mrqc |= fields & bits[i].field ? bits[i].bit : 0;
	return mrqc;
}

/* 8.2.3.7.12, 8.2.3.7.15 */
int ixgbe_set_rss(struct vireo_port *port)
{
	const struct vireo_port_config *cfg = vireo_port_config(port);
	const struct vireo_rss *rss = &vireo_port_settings(port)->rss;
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;
	bool wanted = rss->fields && (cfg->n_rxq > 1 || (cfg->rx_offloads & VIREO_RX_HASH));
	uint32_t key[IXGBE_N_RSSRK];

	static_assert(sizeof(key) == IXGBE_RSS_KEY_LEN && sizeof(key) <= VIREO_MAX_RSS_KEY, "as the limits say");
	memcpy(key, rss->key, sizeof(key));
	for (unsigned i = 0; i < IXGBE_N_RSSRK; i++)
		ixgbe_write(hw, IXGBE_RSSRK(i), key[i]);
	for (unsigned i = 0; i < hw->kind->rss_entries; i += 4) {
		const uint8_t *t = &rss->table[i];

		ixgbe_write(hw, i < IXGBE_RETA_ENTRIES ? IXGBE_RETA(i / 4) : IXGBE_ERETA((i - IXGBE_RETA_ENTRIES) / 4),
			    t[0] | (uint32_t)t[1] << 8 | (uint32_t)t[2] << 16 | (uint32_t)t[3] << 24);
	}
	ixgbe_write(hw, IXGBE_MRQC, wanted ? IXGBE_MRQC_RSS | mrqc_fields(rss->fields) : 0);
	return ixgbe_hw_check(hw);
}

/* Flows: 8.2.3.7.16 to 19 */

static int ftqf_protocol(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return IXGBE_FTQF_PROTO_TCP;
	case IPPROTO_UDP:
		return IXGBE_FTQF_PROTO_UDP;
	case IPPROTO_SCTP:
		return IXGBE_FTQF_PROTO_SCTP;
	default:
		return -EOPNOTSUPP;
	}
}

int ixgbe_check_flow(struct vireo_port *port, const struct vireo_flow *flow)
{
	if (!(flow->match & VIREO_FLOW_PROTOCOL) || ftqf_protocol(flow->protocol) >= 0)
		return 0;
	return vireo_error(-EOPNOTSUPP, "%s knows flows of TCP, UDP and SCTP, none of protocol %u",
			   ixgbe_port_of(port)->hw.name, flow->protocol);
}

static uint32_t ftqf_of(const struct vireo_flow *f)
{
	uint32_t v = IXGBE_FTQF_ENABLE | IXGBE_FTQF_ANY_POOL | (uint32_t)f->priority << IXGBE_FTQF_PRIO_SHIFT;

	v |= f->match & VIREO_FLOW_SRC ? 0 : IXGBE_FTQF_ANY_SRC;
	v |= f->match & VIREO_FLOW_DST ? 0 : IXGBE_FTQF_ANY_DST;
	v |= f->match & VIREO_FLOW_SRC_PORT ? 0 : IXGBE_FTQF_ANY_SPORT;
	v |= f->match & VIREO_FLOW_DST_PORT ? 0 : IXGBE_FTQF_ANY_DPORT;
	v |= f->match & VIREO_FLOW_PROTOCOL ? (uint32_t)ftqf_protocol(f->protocol) : IXGBE_FTQF_ANY_PROTO;
	return v;
}

/* Addresses and ports stand in the registers as they do in the packet. */
static void write_flow(const struct ixgbe_hw *hw, unsigned i, const struct vireo_flow *f)
{
	uint32_t src, dst, ports;

	memcpy(&src, f->src, sizeof(src));
	memcpy(&dst, f->dst, sizeof(dst));
	ports = htons(f->src_port) | (uint32_t)htons(f->dst_port) << 16;
	ixgbe_write(hw, IXGBE_SAQF(i), src);
	ixgbe_write(hw, IXGBE_DAQF(i), dst);
	ixgbe_write(hw, IXGBE_SDPQF(i), ports);
	ixgbe_write(hw, IXGBE_L34TIMIR(i), IXGBE_L34TIMIR_RESERVED | (uint32_t)f->queue << IXGBE_L34TIMIR_QUEUE_SHIFT);
	ixgbe_write(hw, IXGBE_FTQF(i), ftqf_of(f));
}

int ixgbe_set_flows(struct vireo_port *port)
{
	const struct vireo_port_settings *s = vireo_port_settings(port);
	const struct ixgbe_hw *hw = &ixgbe_port_of(port)->hw;

	static_assert(VIREO_MAX_FLOWS <= IXGBE_N_FTQF, "each flow has a place");
	for (unsigned i = 0; i < IXGBE_N_FTQF; i++) {
		ixgbe_write(hw, IXGBE_FTQF(i), 0);
		if (i < s->n_flows)
			write_flow(hw, i, &s->flows[i]);
	}
	return ixgbe_hw_check(hw);
}

/* Pause frames: 8.2.3.3 */

/*
 * While a pause frame is on its way the other side goes on sending: room for that, and for a large frame in both
 * directions, lies above the high mark. Between the marks the other side is neither stopped nor let go.
 */
#define PAUSE_ROOM_KIB 96
#define PAUSE_GAP_KIB  32
/* 8.2.3.3.5: asked again after half the time for which the other side was stopped. */
#define PAUSE_TIME     0xffffu

int ixgbe_set_flow_control(struct vireo_port *port)
{
	const struct vireo_flow_control *fc = &vireo_port_settings(port)->flow_control;
	const struct ixgbe_port *xp = ixgbe_port_of(port);
	const struct ixgbe_hw *hw = &xp->hw;
	uint32_t high = (hw->kind->rx_buffer_kib - PAUSE_ROOM_KIB) * 1024u, low = high - PAUSE_GAP_KIB * 1024u;

	/* A pause frame goes no further than the MAC, whether it is obeyed or not. */
	ixgbe_set(hw, IXGBE_MFLCN, IXGBE_MFLCN_PMCF | IXGBE_MFLCN_RPFCE | IXGBE_MFLCN_RFCE,
		  IXGBE_MFLCN_DPF | (fc->rx ? IXGBE_MFLCN_RFCE : 0));
	for (unsigned i = 0; i < 4; i++)
		ixgbe_write(hw, IXGBE_FCTTV(i), PAUSE_TIME << 16 | PAUSE_TIME);
	ixgbe_write(hw, IXGBE_FCRTV, PAUSE_TIME / 2);
	for (unsigned i = 1; i < 8; i++) {
		ixgbe_write(hw, IXGBE_FCRTL(i), 0);
		ixgbe_write(hw, IXGBE_FCRTH(i), 0);
	}
	ixgbe_write(hw, IXGBE_FCRTL(0), fc->tx ? (low & IXGBE_FCRT_MASK) | IXGBE_FCRTL_XONE : 0);
	/* The high mark counts even when nothing is paused. */
	ixgbe_write(hw, IXGBE_FCRTH(0), (high & IXGBE_FCRT_MASK) | (fc->tx ? IXGBE_FCRTH_FCEN : 0));
	ixgbe_write(hw, IXGBE_FCCFG, fc->tx ? IXGBE_FCCFG_TFCE_LINK : 0);
	for (unsigned i = 0; i < vireo_port_config(port)->n_rxq; i++)
		ixgbe_rxq_set_drop(ixgbe_rxq_at(xp, i), !fc->tx);
	return ixgbe_hw_check(hw);
}

/* Tables that a reset leaves as they were. */
static void clear_tables(const struct ixgbe_hw *hw)
{
	for (unsigned i = FIRST_FILTER_RAR + VIREO_MAX_FILTER_MACS; i < IXGBE_N_RAR; i++)
		write_address(hw, i, NULL);
	for (unsigned i = 0; i < IXGBE_N_PFUTA; i++)
		ixgbe_write(hw, IXGBE_PFUTA(i), 0);
}

int ixgbe_ctrl_apply(struct ixgbe_port *xp)
{
	const struct vireo_port_settings *s = vireo_port_settings(xp->port);
	const struct ixgbe_hw *hw = &xp->hw;
	int err;

	clear_tables(hw);
	for (unsigned i = 0; i < IXGBE_N_VFTA; i++)
		write_vlan_word(hw, s, i);
	write_vlan_mode(hw, s);
	err = ixgbe_set_rss(xp->port);
	if (!err)
		err = ixgbe_set_flows(xp->port);
	if (!err)
		err = ixgbe_set_flow_control(xp->port);
	if (!err)
		err = ixgbe_set_rx_mode(xp->port);
	if (!err)
		err = ixgbe_set_mac(xp->port);
	if (!err)
		err = ixgbe_set_mac_filter(xp->port);
	return err;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "csum.h"
#include "internal.h"

/* Which frames are for us, and which queue a rule names: the registers of the filters, made ready to be asked often. */

#define BROADCAST 0xffffffffffffull
#define NO_MAC	  UINT64_MAX

static unsigned mac_slot(uint64_t mac)
{
	return (unsigned)(mac * 0x9e3779b97f4a7c15ull >> 55); /* 512 slots */
}

static void add_mac(struct ixm_filter *f, uint64_t mac)
{
	unsigned slot = mac_slot(mac);

	if (!mac)
		return;
	while (f->macs[slot] && f->macs[slot] != mac)
		slot = (slot + 1) % 512;
	f->macs[slot] = mac;
	if (f->mac0 == NO_MAC)
		f->mac0 = mac;
}

static bool is_ours(const struct ixm_filter *f, uint64_t mac)
{
	if (mac == f->mac0)
		return true;
	for (unsigned slot = mac_slot(mac); f->macs[slot]; slot = (slot + 1) % 512)
		if (f->macs[slot] == mac)
			return true;
	return false;
}

/*
 * 12 bits of the address by MCSTCTRL.MO; @mac has its first byte in bits 7:0, so the address' bits 47:40 in its last.
 */
static bool in_mta(const struct ixgbe_model *m, uint64_t mac)
{
	unsigned i = (unsigned)(mac >> m->filter.mo_shift) & 0xfff;

	return ixm_reg((struct ixgbe_model *)m, (uint32_t)IXGBE_MTA(i >> 5)) >> (i & 31) & 1;
}

int ixm_filter_mac(const struct ixgbe_model *m, uint64_t mac)
{
	const struct ixm_filter *f = &m->filter;

	if (!(mac & 1)) {
		if (is_ours(f, mac))
			return 1;
		return f->promisc ? 2 : 0;
	}
	if (mac == BROADCAST)
		return f->broadcast ? 1 : 0;
	if (is_ours(f, mac))
		return 1;
	return f->all_multi || (f->hash_multi && in_mta(m, mac)) ? 2 : 0;
}

static bool tuple_matches(struct ixgbe_model *m, unsigned i, const uint8_t *ip4, const uint8_t *l4, unsigned proto)
{
	static const uint8_t protos[4] = {6, 17, 132, 0};
	uint32_t ftqf = ixm_reg(m, (uint32_t)IXGBE_FTQF(i)), sdpqf = ixm_reg(m, (uint32_t)IXGBE_SDPQF(i));
	uint32_t src = ixm_reg(m, (uint32_t)IXGBE_SAQF(i)), dst = ixm_reg(m, (uint32_t)IXGBE_DAQF(i));
	bool ports = l4 && proto != 132;
	unsigned want = protos[ftqf & IXGBE_FTQF_PROTO];

	if (!(ftqf & IXGBE_FTQF_ANY_PROTO) && (want ? proto != want : proto == 6 || proto == 17 || proto == 132))
		return false;
	if (!(ftqf & IXGBE_FTQF_ANY_SRC) && memcmp(ip4 + 12, &src, 4))
		return false;
	if (!(ftqf & IXGBE_FTQF_ANY_DST) && memcmp(ip4 + 16, &dst, 4))
		return false;
	/* Ports stand in the register as in the packet: the first byte in the low bits. */
	if (!(ftqf & IXGBE_FTQF_ANY_SPORT) && (!ports || (l4[0] | l4[1] << 8) != (int)(sdpqf & 0xffff)))
		return false;
	if (!(ftqf & IXGBE_FTQF_ANY_DPORT) && (!ports || (l4[2] | l4[3] << 8) != (int)(sdpqf >> 16)))
		return false;
	return true;
}

/* The 5-tuple filter of the highest priority that matches; of two, the one with the lower number. */
static int tuple_queue(struct ixgbe_model *m, const uint8_t *ip4, const uint8_t *l4, unsigned proto)
{
	int queue = -1;
	unsigned best = 0;

	for (unsigned k = 0; k < m->filter.n_tuples; k++) {
		unsigned i = m->filter.tuples[k];
		unsigned prio = ixm_reg(m, (uint32_t)IXGBE_FTQF(i)) >> IXGBE_FTQF_PRIO_SHIFT & 7;

		if ((queue >= 0 && prio <= best) || !tuple_matches(m, i, ip4, l4, proto))
			continue;
		best = prio;
		queue = (ixm_reg(m, (uint32_t)IXGBE_L34TIMIR(i)) & IXGBE_L34TIMIR_QUEUE) >> IXGBE_L34TIMIR_QUEUE_SHIFT;
	}
	return queue;
}

static int syn_queue(struct ixgbe_model *m, const uint8_t *l4, unsigned proto)
{
	if (!m->filter.syn || !l4 || proto != 6 || (l4[13] & 0x12) != 0x02)
		return -1;
	return ixm_reg(m, IXGBE_SYNQF) >> 1 & 0x7f;
}

int ixm_filter_queue(struct ixgbe_model *m, uint16_t ether_type, const uint8_t *ip4, const uint8_t *l4, unsigned proto,
		     uint32_t len, struct ixm_rx_meta *meta)
{
	int syn, tuple;

	for (unsigned k = 0; k < m->filter.n_ethertypes; k++) {
		unsigned i = m->filter.ethertypes[k];
		uint32_t etqs = ixm_reg(m, (uint32_t)IXGBE_ETQS(i));

		if ((ixm_reg(m, (uint32_t)IXGBE_ETQF(i)) & 0xffff) != ether_type)
			continue;
		meta->type = IXGBE_RXD_TYPE_L2 | i << 4;
		if (etqs >> 31)
			return (int)(etqs >> 16 & 0x7f);
	}
	syn = syn_queue(m, l4, proto);
	if (syn >= 0 && ixm_reg(m, IXGBE_SYNQF) >> 31)
		return syn;
	tuple = ip4 ? tuple_queue(m, ip4, l4, proto) : -1;
	return tuple >= 0 ? tuple : syn;
}

/* For each byte of the input and each value it can have, what it adds to the hash. */
static void toeplitz_build(struct ixm_filter *f)
{
	for (unsigned at = 0; at < 36; at++) {
		uint64_t window = 0;

		for (unsigned k = 0; k < 5; k++)
			window = window << 8 | (at + k < 40 ? f->key[at + k] : 0);
		f->toeplitz[at][0] = 0;
		for (unsigned v = 1; v < 256; v++) {
			unsigned low = (unsigned)__builtin_ctz(v);

			f->toeplitz[at][v] = f->toeplitz[at][v & (v - 1)] ^ (uint32_t)(window >> (low + 1));
		}
	}
}

static void update_rss(struct ixgbe_model *m)
{
	struct ixm_filter *f = &m->filter;
	uint32_t mode = ixm_reg(m, IXGBE_MRQC) & IXGBE_MRQC_MODE;
	bool x550 = ixm_x550(m);
	uint8_t key[40];

	f->rss = mode == IXGBE_MRQC_RSS || mode == 4 || mode == 5;
	if (mode && !f->rss && mode != (f->rss_fields & IXGBE_MRQC_MODE)) /* told when it is written */
		ixm_mistake(m, "MRQC: mode %u (virtual machine queues) is not in the model", mode);
	f->rss_fields = ixm_reg(m, IXGBE_MRQC);
	f->reta_mask = x550 ? 511 : 127;
	for (unsigned i = 0; i <= f->reta_mask; i++) {
		uint32_t reg = i < 128 ? ixm_reg(m, (uint32_t)IXGBE_RETA(i / 4))
				       : ixm_reg(m, (uint32_t)IXGBE_ERETA(i / 4 - 32));

		f->reta[i] = (uint8_t)(reg >> 8 * (i % 4)) & (x550 ? 0x3f : 0x0f);
	}
	for (unsigned i = 0; i < 40; i++)
		key[i] = (uint8_t)(ixm_reg(m, (uint32_t)IXGBE_RSSRK(i / 4)) >> 8 * (i % 4));
	if (memcmp(key, f->key, sizeof(key))) {
		memcpy(f->key, key, sizeof(key));
		toeplitz_build(f);
	}
}

static void update_macs(struct ixgbe_model *m)
{
	struct ixm_filter *f = &m->filter;

	memset(f->macs, 0, sizeof(f->macs));
	f->mac0 = NO_MAC;
	for (unsigned i = 0; i < IXGBE_N_RAR; i++) {
		uint32_t high = ixm_reg(m, (uint32_t)IXGBE_RAH(i));

		if (high & IXGBE_RAH_AV)
			add_mac(f, ixm_reg(m, (uint32_t)IXGBE_RAL(i)) | (uint64_t)(high & 0xffff) << 32);
	}
}

static void update_rules(struct ixgbe_model *m)
{
	struct ixm_filter *f = &m->filter;

	f->n_ethertypes = f->n_tuples = 0;
	for (unsigned i = 0; i < 8; i++)
		if (ixm_reg(m, (uint32_t)IXGBE_ETQF(i)) >> 31)
			f->ethertypes[f->n_ethertypes++] = (uint8_t)i;
	for (unsigned i = 0; i < IXGBE_N_FTQF; i++)
		if (ixm_reg(m, (uint32_t)IXGBE_FTQF(i)) & IXGBE_FTQF_ENABLE)
			f->tuples[f->n_tuples++] = (uint8_t)i;
	f->syn = ixm_reg(m, IXGBE_SYNQF) & 1;
	f->any_rule = f->n_ethertypes || f->n_tuples || f->syn;
}

void ixm_filter_update(struct ixgbe_model *m)
{
	static const uint8_t mo_shift[4] = {36, 35, 34, 32};
	struct ixm_filter *f = &m->filter;
	uint32_t fctrl = ixm_reg(m, IXGBE_FCTRL), mcst = ixm_reg(m, IXGBE_MCSTCTRL), vln = ixm_reg(m, IXGBE_VLNCTRL);
	uint32_t hlreg0 = ixm_reg(m, IXGBE_HLREG0), rxcsum = ixm_reg(m, IXGBE_RXCSUM);
	uint32_t max = hlreg0 & IXGBE_HLREG0_JUMBOEN ? ixm_reg(m, IXGBE_MAXFRS) >> IXGBE_MAXFRS_SHIFT : 1518;

	f->promisc = fctrl & IXGBE_FCTRL_UPE;
	f->all_multi = fctrl & IXGBE_FCTRL_MPE;
	f->broadcast = fctrl & IXGBE_FCTRL_BAM;
	f->store_bad = fctrl & IXGBE_FCTRL_SBP;
	f->hash_multi = mcst & IXGBE_MCSTCTRL_MFE;
	f->mo_shift = mo_shift[mcst & IXGBE_MCSTCTRL_MO];
	f->vlan_filter = vln & IXGBE_VLNCTRL_VFE;
	f->cfi_filter = vln & IXGBE_VLNCTRL_CFIEN;
	f->cfi_value = vln & IXGBE_VLNCTRL_CFI;
	f->vet = (uint16_t)(vln & IXGBE_VLNCTRL_VET);
	f->max_len = (max < 64				  ? 64
		      : max > IXM_MAX_FRAME + IXM_CRC_LEN ? IXM_MAX_FRAME + IXM_CRC_LEN
							  : max) -
		     IXM_CRC_LEN;
	f->keep_crc = !(hlreg0 & IXGBE_HLREG0_RXCRCSTRP);
	f->check_length = hlreg0 & IXGBE_HLREG0_RXLNGTHERREN;
	f->hash_reported = rxcsum & IXGBE_RXCSUM_PCSD;
	f->fragment_csum = rxcsum & IXGBE_RXCSUM_IPPCSE;
	update_macs(m);
	update_rss(m);
	update_rules(m);
	m->filter_dirty = false;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "csum.h"
#include "internal.h"

/* IEEE 802.3 pause frames: obeyed when MFLCN says so, sent by the marks of the packet buffer when FCCFG says so. */

#define PAUSE_QUANTUM_NS 51 /* 512 bit times at 10 Gbit/s, 51.2 */

static const uint8_t pause_mac[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x01};

void ixm_flow_reset(struct ixgbe_model *m)
{
	m->xoff = false;
	m->paused_until_ns = 0;
}

bool ixm_flow_received(struct ixgbe_model *m, const struct sim_frame *frame)
{
	uint32_t mflcn = ixm_reg(m, IXGBE_MFLCN);
	uint32_t quanta = ixm_be16(frame->data + 16);

	if (memcmp(frame->data, pause_mac, 6) || ixm_be16(frame->data + 14) != 1)
		return !(mflcn & IXGBE_MFLCN_PMCF);
	if (mflcn & IXGBE_MFLCN_RFCE) {
		m->stats[quanta ? IXM_LXOFFRXC : IXM_LXONRXC]++;
		m->paused_until_ns = m->now_ns + (uint64_t)quanta * PAUSE_QUANTUM_NS;
	}
	return mflcn & IXGBE_MFLCN_DPF || !(mflcn & IXGBE_MFLCN_PMCF);
}

static void send_pause(struct ixgbe_model *m, uint32_t quanta)
{
	uint8_t data[IXM_MIN_FRAME] = {0};
	struct sim_frame frame = {.data = data, .len = sizeof(data)};
	uint32_t low = ixm_reg(m, (uint32_t)IXGBE_RAL(0)), high = ixm_reg(m, (uint32_t)IXGBE_RAH(0));

	memcpy(data, pause_mac, 6);
	memcpy(data + 6, &low, 4);
	memcpy(data + 10, &high, 2);
	ixm_put_be16(data + 12, 0x8808);
	ixm_put_be16(data + 14, 1);
	ixm_put_be16(data + 16, quanta);
	m->end->ops->send(m->end, &frame, 1, m->now_ns);
	m->stats[quanta ? IXM_LXOFFTXC : IXM_LXONTXC]++;
	m->stats[IXM_GPTC]++;
	m->stats[IXM_TPT]++;
	m->stats[IXM_MPTC]++;
	m->stats[IXM_PTC64]++;
	m->stats[IXM_GOTC] += IXM_MIN_FRAME + IXM_CRC_LEN;
}

/* Compare what waits in the packet buffer with the marks of traffic class 0. */
void ixm_flow_poll(struct ixgbe_model *m)
{
	uint32_t high = ixm_reg(m, (uint32_t)IXGBE_FCRTH(0)), low = ixm_reg(m, (uint32_t)IXGBE_FCRTL(0));
	uint32_t quanta = ixm_reg(m, (uint32_t)IXGBE_FCTTV(0)) & 0xffff;
	uint32_t refresh = ixm_reg(m, IXGBE_FCRTV) & 0xffff;

	if (!(ixm_reg(m, IXGBE_FCCFG) & IXGBE_FCCFG_TFCE_LINK) || !(high & IXGBE_FCRTH_FCEN) || !quanta ||
	    !m->link.up) {
		m->xoff = false;
		return;
	}
	if (m->buffer.used > (high & IXGBE_FCRT_MASK)) {
		if (m->xoff && m->now_ns < m->refresh_ns)
			return;
		send_pause(m, quanta);
		m->xoff = true;
		m->refresh_ns = m->now_ns + (uint64_t)(refresh ? refresh : quanta) * PAUSE_QUANTUM_NS;
	} else if (m->xoff && m->buffer.used <= (low & IXGBE_FCRT_MASK)) {
		if (low & IXGBE_FCRTL_XONE)
			send_pause(m, 0);
		m->xoff = false;
	}
}

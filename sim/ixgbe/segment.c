/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "csum.h"
#include "internal.h"

/* What a packet still needs when its bytes are together: checksums, a tag, padding, and cutting into segments. */

#define TAG_LEN	  4
#define TCP_SEQ	  4
#define TCP_FLAGS 12 /* with the header's length in the upper four bits */

static bool wrong(struct ixgbe_model *m, const struct ixm_txq *txq, const char *what)
{
	ixm_mistake(m, "tx queue %u: the packet before descriptor %u %s", txq->q.id, txq->q.head, what);
	m->counts[IXM_TX_DROPPED]++;
	return false;
}

static void store_sum(uint8_t *at, uint64_t sum, bool udp)
{
	uint16_t value = (uint16_t)~ixm_fold(sum);

	if (udp && !value)
		value = 0xffff; /* 0 would say that there is none */
	memcpy(at, &value, 2);
}

static unsigned l4_sum_offset(uint32_t l4t)
{
	return l4t == IXGBE_TXC_L4T_TCP ? 16 : l4t == IXGBE_TXC_L4T_UDP ? 6 : 8;
}

/*
 * The L4 checksum over everything behind the IP header. Its field holds the sum of the pseudo-header, of which @extra
 * is still missing.
 */
static bool fill_l4(uint8_t *frame, uint32_t len, const struct ixm_context *ctx, uint32_t extra)
{
	uint32_t start = ctx->mac_len + (uint32_t)ctx->ip_len, l4t = ctx->cmd & IXGBE_TXC_L4T;
	unsigned at = l4_sum_offset(l4t);
	uint32_t crc;

	if (start + at + (l4t == IXGBE_TXC_L4T_SCTP ? 4 : 2) > len || l4t == IXGBE_TXC_L4T)
		return false;
	if (l4t == IXGBE_TXC_L4T_SCTP) {
		memset(frame + start + at, 0, 4);
		crc = ixm_crc32c(frame + start, len - start);
		memcpy(frame + start + at, &crc, 4);
		return true;
	}
	store_sum(frame + start + at, ixm_sum(frame + start, len - start, ixm_sum_term(extra)),
		  l4t == IXGBE_TXC_L4T_UDP);
	return true;
}

static bool fill_ip(uint8_t *frame, uint32_t len, const struct ixm_context *ctx)
{
	uint8_t *ip = frame + ctx->mac_len;

	if (ctx->ip_len < 20 || (uint32_t)ctx->mac_len + ctx->ip_len > len)
		return false;
	store_sum(ip + 10, ixm_sum(ip, ctx->ip_len, 0), false);
	return true;
}

/* The last of it: tag and padding. There are eight bytes of room in front of @frame. */
static bool send_frame(struct ixgbe_model *m, struct ixm_txq *txq, const struct ixm_tx_job *job, uint8_t *frame,
		       uint32_t len)
{
	if (job->cmd & IXGBE_TXD_VLE) {
		memmove(frame - TAG_LEN, frame, 12);
		frame -= TAG_LEN;
		len += TAG_LEN;
		ixm_put_be16(frame + 12, ixm_reg(m, IXGBE_DMATXCTL) >> IXGBE_DMATXCTL_VT_SHIFT);
		ixm_put_be16(frame + 14, job->vlan);
	}
	if (len < IXM_MIN_FRAME) {
		if (!(ixm_reg(m, IXGBE_HLREG0) & IXGBE_HLREG0_TXPADEN))
			return wrong(m, txq, "is too short, and HLREG0.TXPADEN is off");
		memset(frame + len, 0, IXM_MIN_FRAME - len);
		len = IXM_MIN_FRAME;
	}
	ixm_tx_emit(m, txq, frame, len);
	return true;
}

static bool send_whole(struct ixgbe_model *m, struct ixm_txq *txq, const struct ixm_tx_job *job, uint8_t *frame)
{
	if (job->legacy && job->cmd & IXGBE_TXD_LEGACY_IC) {
		if (job->css >= job->len || job->cso + 2u > job->len)
			return wrong(m, txq, "wants a checksum outside itself");
		store_sum(frame + job->cso, ixm_sum(frame + job->css, job->len - job->css, 0), false);
	}
	if (job->olinfo & IXGBE_TXD_IXSM && !fill_ip(frame, job->len, job->ctx))
		return wrong(m, txq, "wants an IP checksum that its context does not fit");
	if (job->olinfo & IXGBE_TXD_TXSM && !fill_l4(frame, job->len, job->ctx, 0))
		return wrong(m, txq, "wants an L4 checksum that its context does not fit");
	return send_frame(m, txq, job, frame, job->len);
}

/* Headers of segment number @i, which carries @len bytes from @at on. */
static void segment_headers(struct ixgbe_model *m, const struct ixm_context *ctx, uint8_t *frame, uint32_t i,
			    uint32_t at, uint32_t len, bool last)
{
	uint8_t *ip = frame + ctx->mac_len, *tcp = ip + ctx->ip_len;
	uint32_t masks = ixm_reg(m, IXGBE_DTXTCPFLGL), mask, seq;

	if (ctx->cmd & IXGBE_TXC_IPV4) {
		ixm_put_be16(ip + 2, ctx->ip_len + ctx->l4_len + len);
		ixm_put_be16(ip + 4, ixm_be16(ip + 4) + i);
	} else {
		ixm_put_be16(ip + 4, ctx->ip_len - 40u + ctx->l4_len + len);
	}
	if ((ctx->cmd & IXGBE_TXC_L4T) != IXGBE_TXC_L4T_TCP) { /* UDP: each datagram has its own length */
		ixm_put_be16(tcp + 4, ctx->l4_len + len);
		return;
	}
	seq = ((uint32_t)ixm_be16(tcp + TCP_SEQ) << 16 | ixm_be16(tcp + TCP_SEQ + 2)) + at;
	ixm_put_be16(tcp + TCP_SEQ, seq >> 16);
	ixm_put_be16(tcp + TCP_SEQ + 2, seq);
	mask = last ? ixm_reg(m, IXGBE_DTXTCPFLGH) : i ? masks >> 16 : masks;
	ixm_put_be16(tcp + TCP_FLAGS, ixm_be16(tcp + TCP_FLAGS) & (0xf000 | (mask & 0xfff)));
}

static const char *tso_wrong(const struct ixm_tx_job *job)
{
	const struct ixm_context *ctx = job->ctx;
	uint32_t headers = ctx->mac_len + (uint32_t)ctx->ip_len + ctx->l4_len;
	bool v4 = ctx->cmd & IXGBE_TXC_IPV4, tcp = (ctx->cmd & IXGBE_TXC_L4T) == IXGBE_TXC_L4T_TCP;

	if (!(job->olinfo & IXGBE_TXD_TXSM) || (v4 && !(job->olinfo & IXGBE_TXD_IXSM)))
		return "asks for segments without their checksums";
	if (ctx->mac_len < 14 || ctx->ip_len < (v4 ? 20 : 40) || ctx->l4_len < (tcp ? 20 : 8) || headers >= job->len)
		return "asks for segments, but its headers cannot be";
	if ((ctx->cmd & IXGBE_TXC_L4T) > IXGBE_TXC_L4T_TCP)
		return "asks for segments of what is neither TCP nor UDP";
	if (!ctx->mss || headers + ctx->mss > IXM_MAX_FRAME)
		return "asks for segments of a size that cannot be";
	if (job->olinfo >> IXGBE_TXD_PAYLEN_SHIFT != job->len - headers)
		return "has a PAYLEN that is not the length of its payload";
	return NULL;
}

static bool send_segments(struct ixgbe_model *m, struct ixm_txq *txq, const struct ixm_tx_job *job,
			  const uint8_t *packet)
{
	const struct ixm_context *ctx = job->ctx;
	uint32_t headers = ctx->mac_len + (uint32_t)ctx->ip_len + ctx->l4_len, payload = job->len - headers;
	const char *what = tso_wrong(job);
	uint32_t at, i, len;

	if (what)
		return wrong(m, txq, what);
	for (at = 0, i = 0; at < payload; at += len, i++) {
		uint8_t *frame = ixm_tx_slot(m, txq);

		len = payload - at < ctx->mss ? payload - at : ctx->mss;
		memcpy(frame, packet, headers);
		memcpy(frame + headers, packet + headers + at, len);
		segment_headers(m, ctx, frame, i, at, len, at + len == payload);
		if (ctx->cmd & IXGBE_TXC_IPV4)
			fill_ip(frame, headers + len, ctx);
		fill_l4(frame, headers + len, ctx, ctx->l4_len + len);
		if (!send_frame(m, txq, job, frame, headers + len))
			return false;
	}
	return true;
}

void ixm_tx_finish(struct ixgbe_model *m, struct ixm_txq *txq, const struct ixm_tx_job *job, uint8_t *packet)
{
	if (!job->legacy && job->cmd & IXGBE_TXD_TSE)
		send_segments(m, txq, job, packet);
	else
		send_whole(m, txq, job, packet);
}

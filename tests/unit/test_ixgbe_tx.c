// SPDX-License-Identifier: BSD-2-Clause
/* Transmit: what reaches the card is right whatever was asked for, and every buffer comes back once. */
#include "ixgbe_rig.h"

#include <arpa/inet.h>

#include "frame.h"

static struct fi_frame out;

static void fill(uint8_t *frame, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(seed * 31 + i);
}

static uint32_t rnd(void)
{
	static uint64_t seed = 1;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void assert_sent(struct rig *r, const void *data, uint32_t len)
{
	assert_true(fi_send(r->fi, 0, &out));
	assert_int_equal(out.len, len);
	assert_memory_equal(out.data, data, len);
}

static void tx_burst_every_size_as_one_plain_descriptor(void **state)
{
	static uint8_t frame[9724];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.mtu = 9710;
	rig_start(&r);
	for (uint32_t len = 17; len <= 2048; len++) {
		struct vireo_pkt pkt;

		fill(frame, len, len);
		assert_int_equal(rig_packet(&r, frame, len, 0, &pkt), 1);
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_sent(&r, frame, len);
		assert_int_equal(out.n_descs, 1);
		assert_int_equal(out.n_contexts, 0);
		assert_int_equal(out.cmd & ~(IXGBE_TXD_RS | IXGBE_TXD_DTALEN),
				 IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS | IXGBE_TXD_EOP);
		assert_int_equal(out.olinfo, len << IXGBE_TXD_PAYLEN_SHIFT);
	}
	rig_destroy(&r);
}

static void tx_burst_every_burst_size_around_the_ring_one_doorbell(void **state)
{
	static const unsigned sizes[] = {1, 2, 31, 32, 33, 64, 100, 127};
	unsigned seed = 0, taken = 0, reports = 0;
	struct vireo_stats stats;
	uint64_t total = 0;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned s = 0; s < N_OF(sizes); s++) {
		for (unsigned round = 0; round < 12; round++) {
			struct vireo_pkt pkts[128];
			uint8_t frame[64];
			unsigned n, bells = r.fi->n_doorbells;

			for (unsigned i = 0; i < sizes[s]; i++) {
				fill(frame, 60, seed + i);
				rig_packet(&r, frame, 60, 0, &pkts[i]);
			}
			n = vireo_tx_burst(r.txq, pkts, sizes[s]);
			assert_int_equal(n, sizes[s]);
			assert_int_equal(r.fi->n_doorbells, bells + 1);
			for (unsigned i = 0; i < n; i++, taken++) {
				fill(frame, 60, seed++);
				assert_sent(&r, frame, 60);
				reports += out.n_reports;
			}
			total += n;
			/* Everything is sent: the next burst finds room. */
			vireo_txq_reclaim(r.txq);
			assert_int_equal(rig_n_free(&r), 1024 - 128);
		}
	}
	/* One report for 32 packets at most; a reclaim of everything starts the count anew. */
	assert_true(reports <= taken / 32);
	vireo_txq_stats(r.txq, &stats);
	assert_int_equal(stats.tx_packets, total);
	assert_int_equal(stats.tx_bytes, total * 60);
	rig_destroy(&r);
}

static void tx_burst_full_ring_takes_less_and_reports_free_it(void **state)
{
	static struct vireo_pkt pkts[200];
	uint8_t frame[60] = {0};
	unsigned n = 0;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < 200; i++)
		rig_packet(&r, frame, 60, 0, &pkts[i]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 200), 127);
	assert_int_equal(vireo_tx_burst(r.txq, pkts + 127, 73), 0);
	while (fi_take(r.fi, 0, &out))
		n += out.n_reports;
	assert_int_equal(n, 3);
	/* Written back, and the head not moved: 96 have a report behind them. */
	fi_complete(r.fi, 0);
	fi_put(r.fi, IXGBE_TDH(0), 0);
	assert_int_equal(vireo_tx_burst(r.txq, pkts + 127, 73), 73);
	fi_put(r.fi, IXGBE_TDH(0), 127);
	while (fi_send(r.fi, 0, &out))
		;
	rig_destroy(&r);
}

static void txq_reclaim_few_packets_without_report_come_back(void **state)
{
	struct vireo_pkt pkts[5];
	uint8_t frame[60] = {0};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < 5; i++)
		rig_packet(&r, frame, 60, 0, &pkts[i]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 5), 5);
	assert_int_equal(vireo_txq_reclaim(r.txq), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(fi_send(r.fi, 0, &out));
	assert_int_equal(vireo_txq_reclaim(r.txq), 3);
	for (unsigned i = 0; i < 2; i++)
		assert_true(fi_send(r.fi, 0, &out));
	assert_int_equal(vireo_txq_reclaim(r.txq), 2);
	assert_int_equal(vireo_txq_reclaim(r.txq), 0);
	rig_destroy(&r);
}

static void txq_reclaim_head_that_cannot_be_fails_the_port(void **state)
{
	static const uint32_t heads[] = {6, 127, 128, 0x10000};

	for (unsigned i = 0; i < N_OF(heads); i++) {
		struct vireo_pkt pkts[5];
		uint8_t frame[60] = {0};
		struct rig r;

		rig_create(&r, "x");
		rig_start(&r);
		for (unsigned k = 0; k < 5; k++)
			rig_packet(&r, frame, 60, 0, &pkts[k]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 5), 5);
		fi_put(r.fi, IXGBE_TDH(0), heads[i]);
		assert_int_equal(vireo_txq_reclaim(r.txq), 0);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		rig_destroy(&r);
	}
}

static void tx_burst_elements_any_cut_is_one_packet(void **state)
{
	static uint8_t frame[9724];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.mtu = 9710;
	rig_start(&r);
	for (uint32_t part = 250; part <= 2048; part += 97) {
		struct vireo_pkt pkts[64];
		unsigned n;

		fill(frame, sizeof(frame), part);
		n = rig_packet(&r, frame, sizeof(frame), part, pkts);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
		assert_sent(&r, frame, sizeof(frame));
		assert_int_equal(out.n_descs, n);
		assert_int_equal(out.olinfo >> IXGBE_TXD_PAYLEN_SHIFT, sizeof(frame));
		vireo_txq_reclaim(r.txq);
	}
	rig_destroy(&r);
}

static void tx_burst_impossible_packets_taken_and_counted(void **state)
{
	static uint8_t frame[20000];
	struct vireo_pkt pkts[64];
	unsigned n, want = 0;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	/* 41 elements. */
	n = rig_packet(&r, frame, 41 * 20, 20, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), ++want);
	/* Longer than the chip takes. */
	n = rig_packet(&r, frame, 15868, 2000, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), ++want);
	/* Without an end. */
	n = rig_packet(&r, frame, 100, 50, pkts);
	pkts[n - 1].flags |= VIREO_PKT_MORE;
	assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), ++want);
	/* Shorter than Ethernet. */
	n = rig_packet(&r, frame, 13, 0, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), ++want);
	/* The port was not opened for it. */
	n = rig_packet(&r, frame, 100, 0, pkts);
	pkts[0].flags |= VIREO_PKT_TX_TCP_CSUM;
	assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), ++want);
	assert_false(fi_send(r.fi, 0, &out));
	/* In the middle of a burst the others go out. */
	rig_packet(&r, frame, 60, 0, &pkts[0]);
	rig_packet(&r, frame, 13, 0, &pkts[1]);
	rig_packet(&r, frame, 61, 0, &pkts[2]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 3), 3);
	assert_sent(&r, frame, 60);
	assert_sent(&r, frame, 61);
	assert_false(fi_send(r.fi, 0, &out));
	rig_destroy(&r);
}

static void tx_burst_very_short_frames_padded(void **state)
{
	uint8_t frame[60] = {0};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (uint32_t len = 14; len < 17; len++) {
		struct vireo_pkt pkt;

		memset(frame, 0, sizeof(frame));
		fill(frame, len, len);
		rig_packet(&r, frame, len, 0, &pkt);
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_sent(&r, frame, 60);
	}
	rig_destroy(&r);
}

/* Finish a frame as the card does with what the descriptors say. */
static void finish(uint8_t *frame, uint32_t len)
{
	unsigned maclen = out.context.ctx.lens >> IXGBE_TXC_MACLEN_SHIFT & 0x7f;
	unsigned iplen = out.context.ctx.lens & IXGBE_TXC_IPLEN;
	bool tcp = (out.context.ctx.cmd & IXGBE_TXC_L4T) == IXGBE_TXC_L4T_TCP;

	if (out.olinfo & IXGBE_TXD_IXSM) {
		uint8_t *ip = frame + maclen;
		uint32_t sum = 0;

		assert_true(out.context.ctx.cmd & IXGBE_TXC_IPV4);
		assert_int_equal(ip[10] | ip[11], 0);
		for (unsigned i = 0; i < iplen; i += 2)
			sum += (uint32_t)ip[i] << 8 | ip[i + 1];
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		ip[10] = (uint8_t)(~sum >> 8);
		ip[11] = (uint8_t)~sum;
	}
	if (out.olinfo & IXGBE_TXD_TXSM)
		frame_complete(frame, len, maclen + iplen, tcp ? 16 : 6);
}

static void request(struct vireo_pkt *pkt, const struct frame_shape *shape, uint32_t flags)
{
	pkt->flags |= flags | (shape->ipv6 ? VIREO_PKT_IPV6 : 0);
	pkt->tx.l2_len = frame_l2(shape);
	pkt->tx.l3_len = frame_l3(shape);
	pkt->tx.l4_len = frame_l4(shape);
}

static void break_sums(const struct frame_shape *shape, uint8_t *frame, bool ip)
{
	unsigned l4 = frame_l2(shape) + frame_l3(shape);

	memset(frame + l4 + (shape->udp ? 6 : 16), 0x5a, 2);
	if (ip)
		memset(frame + frame_l2(shape) + 10, 0xa5, 2);
}

/* Every shape, cut anyhow, shared or not: on the wire it is right, and shared data is not written. */
static void tx_burst_checksum_requests_right_on_the_wire(void **state)
{
	static const struct frame_shape shapes[] = {
		{.payload = 10},
		{.payload = 11, .udp = true},
		{.payload = 1400, .ip_options = 40},
		{.payload = 0, .udp = true},
		{.payload = 333, .ipv6 = true},
		{.payload = 8, .ipv6 = true, .udp = true},
		{.payload = 77, .tagged = true, .tci = 0x6123},
	};
	struct rig r;

	rig_create(&r, "x");
	r.cfg.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	rig_start(&r);
	for (unsigned i = 0; i < N_OF(shapes) * 8; i++) {
		const struct frame_shape *shape = &shapes[i / 8];
		uint32_t flags = shape->udp ? VIREO_PKT_TX_UDP_CSUM : VIREO_PKT_TX_TCP_CSUM;
		uint8_t want[2000], frame[2000];
		struct vireo_pkt pkts[64];
		bool share = i & 2, ip = i & 4 && !shape->ipv6;
		uint32_t len = frame_build(shape, want);
		unsigned n;

		memcpy(frame, want, len);
		break_sums(shape, frame, ip);
		n = rig_packet(&r, frame, len, i & 1 ? 50 : 0, pkts);
		request(&pkts[0], shape, flags | (ip ? VIREO_PKT_TX_IP_CSUM : 0));
		if (share)
			assert_int_equal(vireo_pkt_share(pkts, 2), 0);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
		assert_true(fi_send(r.fi, 0, &out));
		assert_int_equal(out.len, len);
		finish(out.data, len);
		assert_memory_equal(out.data, want, len);
		if (share)
			assert_packet(pkts, n, frame, len);
		vireo_txq_reclaim(r.txq);
	}
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 0);
	rig_destroy(&r);
}

static void tx_burst_partial_state_completed_by_card_or_software(void **state)
{
	static const struct frame_shape shapes[] = {{.payload = 100},
						    {.payload = 100, .udp = true},
						    {.payload = 99, .ipv6 = true},
						    {.payload = 50, .tagged = true, .tci = 9}};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < N_OF(shapes) * 2; i++) {
		const struct frame_shape *shape = &shapes[i / 2];
		uint8_t want[400], frame[400];
		uint32_t len = frame_build(shape, want);
		struct vireo_pkt pkt;
		bool odd = i & 1;

		memcpy(frame, want, len);
		frame_make_partial(shape, frame, len);
		rig_packet(&r, frame, len, 0, &pkt);
		pkt.flags |= VIREO_PKT_CSUM_PARTIAL;
		pkt.tx.csum_start = frame_l2(shape) + frame_l3(shape);
		pkt.tx.csum_offset = shape->udp ? 6 : 16;
		if (odd) {
			/* A protocol that the card does not know: the same sum, kept 4 bytes further. */
			memcpy(want, frame, len);
			pkt.tx.csum_offset += 4;
			frame_complete(want, len, pkt.tx.csum_start, pkt.tx.csum_offset);
		}
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_true(fi_send(r.fi, 0, &out));
		assert_int_equal(!!(out.olinfo & IXGBE_TXD_TXSM), !odd);
		finish(out.data, len);
		assert_memory_equal(out.data, want, len);
	}
	rig_destroy(&r);
}

static void tx_burst_tag_inserted_by_the_card(void **state)
{
	uint8_t frame[60];
	struct vireo_pkt pkts[2];
	struct vireo_stats stats;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	fill(frame, 60, 3);
	for (unsigned i = 0; i < 2; i++) {
		rig_packet(&r, frame, 60, 0, &pkts[i]);
		pkts[i].flags |= VIREO_PKT_VLAN;
		pkts[i].vlan = 0xa123;
	}
	assert_int_equal(vireo_pkt_share(&pkts[1], 1), 0);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 2), 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_sent(&r, frame, 60);
		assert_true(out.cmd & IXGBE_TXD_VLE);
		assert_int_equal(out.context.ctx.lens >> IXGBE_TXC_VLAN_SHIFT, 0xa123);
		/* The same tag needs no second context. */
		assert_int_equal(out.n_contexts, i == 0);
	}
	assert_int_equal(fi_get(r.fi, IXGBE_DMATXCTL) >> IXGBE_DMATXCTL_VT_SHIFT, 0x8100);
	vireo_txq_stats(r.txq, &stats);
	assert_int_equal(stats.tx_bytes, 128);
	rig_destroy(&r);
}

/* Send a burst of @n whose frames are to be @want; returns how many contexts it took. */
static unsigned assert_finished(struct rig *r, struct vireo_pkt *pkts, unsigned n, uint8_t want[][1600],
				const uint32_t *lens)
{
	unsigned contexts = 0;

	assert_int_equal(vireo_tx_burst(r->txq, pkts, n), n);
	for (unsigned i = 0; i < n; i++) {
		assert_true(fi_send(r->fi, 0, &out));
		contexts += out.n_contexts;
		assert_int_equal(out.len, lens[i]);
		finish(out.data, out.len);
		assert_memory_equal(out.data, want[i], lens[i]);
	}
	return contexts;
}

/* What follows a packet with the same request is right too, and takes no context of its own. */
static void tx_burst_same_request_again_right_on_the_wire(void **state)
{
	static const struct frame_shape shapes[] = {
		{.udp = true},	{.ip_options = 8},	    {.ipv6 = true, .udp = true},
		{.ipv6 = true}, {.tagged = true, .tci = 7},
	};
	static uint8_t want[8][1600];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	rig_start(&r);
	for (unsigned s = 0; s < N_OF(shapes) * 4; s++) {
		struct frame_shape shape = shapes[s / 4];
		bool tag = s & 1, ip = (s & 2) && !shape.ipv6;
		unsigned contexts = 0;

		for (unsigned round = 0; round < 20; round++) {
			struct vireo_pkt pkts[8];
			uint8_t frame[1600];
			uint32_t lens[8];

			for (unsigned i = 0; i < 8; i++) {
				shape.payload = rnd() % 1400;
				lens[i] = frame_build(&shape, want[i]);
				memcpy(frame, want[i], lens[i]);
				break_sums(&shape, frame, ip);
				rig_packet(&r, frame, lens[i], 0, &pkts[i]);
				request(&pkts[i], &shape,
					(shape.udp ? VIREO_PKT_TX_UDP_CSUM : VIREO_PKT_TX_TCP_CSUM) |
						(ip ? VIREO_PKT_TX_IP_CSUM : 0) | (tag ? VIREO_PKT_VLAN : 0));
				pkts[i].vlan = tag ? 0x2005 : (uint16_t)rnd();
			}
			contexts += assert_finished(&r, pkts, 8, want, lens);
		}
		assert_in_range(contexts, 0, 1);
	}
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 0);
	rig_destroy(&r);
}

/* The request of a packet is that of many before it, and its headers are not. */
static void tx_burst_same_request_other_headers_judged_anew(void **state)
{
	static const struct frame_shape shape = {.udp = true, .payload = 20};
	static const struct {
		uint8_t at, value; /* of the IPv4 header */
		bool sent;
	} changes[] = {
		{0, 0x46, false}, {0, 0x65, false}, {9, 6, false}, {3, 60, false},
		{3, 20, false},	  {3, 46, true},    {8, 1, true},
	};
	uint8_t want[200], frame[200];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	rig_start(&r);
	for (unsigned i = 0; i < 400; i++) {
		unsigned change = i / 40 < N_OF(changes) && i % 40 == 39 ? i / 40 : N_OF(changes);
		uint32_t len = frame_build(&shape, want);
		struct vireo_pkt pkt;
		bool sent = true;

		memcpy(frame, want, len);
		break_sums(&shape, frame, false);
		if (change < N_OF(changes)) {
			frame[14 + changes[change].at] = changes[change].value;
			sent = changes[change].sent;
		}
		rig_packet(&r, frame, len, 0, &pkt);
		request(&pkt, &shape, VIREO_PKT_TX_UDP_CSUM);
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_int_equal(fi_send(r.fi, 0, &out), sent);
		/* Two bytes behind what the header counts are not the card's to sum up. */
		if (sent && change < N_OF(changes) && changes[change].at == 3)
			assert_false(out.olinfo & IXGBE_TXD_TXSM);
		else if (sent)
			assert_true(out.olinfo & IXGBE_TXD_TXSM);
		if (change == N_OF(changes)) {
			finish(out.data, len);
			assert_memory_equal(out.data, want, len);
		}
	}
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 5);
	rig_destroy(&r);
}

static void tx_burst_two_contexts_are_remembered(void **state)
{
	static const uint16_t tags[] = {1, 2, 1, 2, 1, 3, 3, 1, 2};
	static const unsigned contexts[] = {1, 1, 0, 0, 0, 1, 0, 0, 1};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < N_OF(tags); i++) {
		struct vireo_pkt pkt;
		uint8_t frame[60] = {0};

		rig_packet(&r, frame, 60, 0, &pkt);
		pkt.flags |= VIREO_PKT_VLAN;
		pkt.vlan = tags[i];
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_sent(&r, frame, 60);
		assert_int_equal(out.n_contexts, contexts[i]);
		assert_int_equal(out.context.ctx.lens >> IXGBE_TXC_VLAN_SHIFT, tags[i]);
	}
	rig_destroy(&r);
}

static void tx_burst_tso_card_gets_bare_sums_and_lengths(void **state)
{
	static uint8_t frame[FRAME_MAX];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.tx_offloads = VIREO_TX_TSO;
	rig_start(&r);
	for (unsigned i = 0; i < 4; i++) {
		struct frame_shape shape = {.ipv6 = i & 1, .payload = i & 2 ? 60000 : 3000};
		uint32_t len = frame_build(&shape, frame), hdr = frame_l2(&shape) + frame_l3(&shape) + frame_l4(&shape);
		struct vireo_pkt pkts[64];
		unsigned n = rig_packet(&r, frame, len, 2000, pkts);

		request(&pkts[0], &shape, VIREO_PKT_TX_TSO);
		pkts[0].tx.seg_size = 1448;
		assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
		assert_true(fi_send(r.fi, 0, &out));
		assert_int_equal(out.len, len);
		assert_int_equal(!!(out.cmd & IXGBE_TXD_TSE), 1);
		assert_int_equal(!!(out.olinfo & IXGBE_TXD_TXSM), 1);
		assert_int_equal(!!(out.olinfo & IXGBE_TXD_IXSM), !shape.ipv6);
		assert_int_equal(!!(out.context.ctx.cmd & IXGBE_TXC_IPV4), !shape.ipv6);
		assert_int_equal(out.olinfo >> IXGBE_TXD_PAYLEN_SHIFT, shape.payload);
		assert_int_equal(out.context.ctx.mss >> IXGBE_TXC_MSS_SHIFT, 1448);
		assert_int_equal(out.context.ctx.mss >> IXGBE_TXC_L4LEN_SHIFT & 0xff, frame_l4(&shape));
		/* All but the two sums is as it was. */
		memset(frame + hdr - frame_l4(&shape) + 16, 0, 2);
		memset(out.data + hdr - frame_l4(&shape) + 16, 0, 2);
		if (!shape.ipv6)
			memset(frame + frame_l2(&shape) + 10, 0, 2);
		assert_memory_equal(out.data, frame, len);
		vireo_txq_reclaim(r.txq);
	}
	rig_destroy(&r);
}

static void tx_burst_shared_and_foreign_pools_each_buffer_home_once(void **state)
{
	struct vireo_pool_config cfg = {.name = "other", .n_bufs = 256};
	struct vireo_pool_info info;
	struct vireo_pool *other;
	uint8_t frame[60] = {0};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	assert_int_equal(vireo_pool_create(&cfg, &other), 0);
	for (unsigned round = 0; round < 20; round++) {
		struct vireo_pkt pkts[60];

		for (unsigned i = 0; i < 60; i++) {
			if (i % 7 < 3)
				assert_int_equal(vireo_pool_alloc(other, &pkts[i], 1), 1);
			else
				rig_packet(&r, frame, 60, 0, &pkts[i]);
			pkts[i].len = 60;
			if (i % 5 == 0) {
				assert_int_equal(vireo_pkt_share(&pkts[i], 2), 0);
				pkts[i + 1] = pkts[i];
				i++;
			}
		}
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 60), 60);
		while (fi_send(r.fi, 0, &out))
			;
	}
	vireo_txq_reclaim(r.txq);
	vireo_pool_info(other, &info);
	assert_int_equal(info.n_free, 256);
	assert_int_equal(rig_n_free(&r), 1024 - 128);
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(other), 0);
}

/* A packet of one or more elements, from a pool that changes now and then or all the time; returns how many elements. */
static unsigned random_packet(struct rig *r, struct vireo_pool *other, unsigned seed, bool mixed,
			      struct vireo_pkt *pkts)
{
	static bool foreign;
	uint8_t frame[200];
	unsigned n = 1;

	if (rnd() % (mixed ? 2 : 50) == 0)
		foreign = !foreign;
	if (rnd() % 30 == 0)
		n = 1 + rnd() % 5;
	fill(frame, 40 * n, seed);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(vireo_pool_alloc(foreign ? other : r->pool, &pkts[i], 1), 1);
		pkts[i].len = 40;
		pkts[i].flags |= i + 1 < n ? VIREO_PKT_MORE : 0;
		memcpy(vireo_pkt_data(&pkts[i]), frame + 40 * i, 40);
	}
	if (n == 1 && rnd() % 40 == 0)
		pkts[0].len = 15; /* padded, so its buffer is free at once */
	return n;
}

/* What is on the wire next is packet @seed, in full or its first 15 bytes and padding. */
static void assert_random_sent(struct rig *r, unsigned seed)
{
	uint8_t frame[200];

	fill(frame, 200, seed);
	if (out.len == 60) {
		assert_memory_equal(out.data, frame, 15);
		return;
	}
	assert_int_equal(out.len % 40, 0);
	assert_memory_equal(out.data, frame, out.len);
}

static void tx_burst_random_owners_and_progress_in_order_each_home_once(void **state)
{
	struct vireo_pool_config cfg = {.name = "other", .n_bufs = 1024};
	unsigned queued = 0, sent = 0, since_report = 0, worst = 0;
	struct vireo_pool *other;
	struct vireo_pool_info info;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	assert_int_equal(vireo_pool_create(&cfg, &other), 0);
	for (unsigned round = 0; round < 3000; round++) {
		struct vireo_pkt pkts[300];
		unsigned want = 1 + rnd() % (rnd() % 4 ? 40 : 5), n = 0, done;
		bool mixed = round / 100 % 2;

		for (unsigned i = 0; i < want; i++)
			n += random_packet(&r, other, queued + i, mixed, &pkts[n]);
		done = vireo_tx_burst(r.txq, pkts, n);
		for (unsigned i = 0; i < done; i++)
			queued += !(pkts[i].flags & VIREO_PKT_MORE);
		vireo_pkt_free(pkts + done, n - done);
		for (unsigned go = rnd() % 60; go && fi_send(r.fi, 0, &out); go--) {
			assert_random_sent(&r, sent++);
			since_report += out.n_descs;
			worst = since_report > worst ? since_report : worst;
			if (out.n_reports)
				since_report = 0;
		}
		if (rnd() % 20 == 0)
			vireo_txq_reclaim(r.txq);
	}
	while (fi_send(r.fi, 0, &out))
		assert_random_sent(&r, sent++);
	assert_int_equal(sent, queued);
	/* Reclaiming by the head starts the count anew; else the first packet that passes 32 descriptors has the report. */
	assert_in_range(worst, 32, 3 * 32);
	vireo_txq_reclaim(r.txq);
	vireo_pool_info(other, &info);
	assert_int_equal(info.n_free, 1024);
	assert_int_equal(rig_n_free(&r), 1024 - 128);
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(other), 0);
}

static void stop_waits_for_the_rest_and_frees_what_stays(void **state)
{
	struct vireo_pkt pkts[40];
	uint8_t frame[60] = {0};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < 40; i++)
		rig_packet(&r, frame, 60, 0, &pkts[i]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 40), 40);
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_sentence("did not send everything");
	assert_int_equal(rig_n_free(&r), 1024);
	/* And again from the start. */
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_packet(&r, frame, 60, 0, &pkts[0]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
	assert_sent(&r, frame, 60);
	assert_int_equal(vireo_port_stop(r.port), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tx_burst_every_size_as_one_plain_descriptor),
		cmocka_unit_test(tx_burst_every_burst_size_around_the_ring_one_doorbell),
		cmocka_unit_test(tx_burst_full_ring_takes_less_and_reports_free_it),
		cmocka_unit_test(txq_reclaim_few_packets_without_report_come_back),
		cmocka_unit_test(txq_reclaim_head_that_cannot_be_fails_the_port),
		cmocka_unit_test(tx_burst_elements_any_cut_is_one_packet),
		cmocka_unit_test(tx_burst_impossible_packets_taken_and_counted),
		cmocka_unit_test(tx_burst_very_short_frames_padded),
		cmocka_unit_test(tx_burst_checksum_requests_right_on_the_wire),
		cmocka_unit_test(tx_burst_partial_state_completed_by_card_or_software),
		cmocka_unit_test(tx_burst_tag_inserted_by_the_card),
		cmocka_unit_test(tx_burst_same_request_again_right_on_the_wire),
		cmocka_unit_test(tx_burst_same_request_other_headers_judged_anew),
		cmocka_unit_test(tx_burst_two_contexts_are_remembered),
		cmocka_unit_test(tx_burst_tso_card_gets_bare_sums_and_lengths),
		cmocka_unit_test(tx_burst_shared_and_foreign_pools_each_buffer_home_once),
		cmocka_unit_test(tx_burst_random_owners_and_progress_in_order_each_home_once),
		cmocka_unit_test(stop_waits_for_the_rest_and_frees_what_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

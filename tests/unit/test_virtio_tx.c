// SPDX-License-Identifier: BSD-2-Clause
/* Transmit: what the application asks for is on the wire, and every buffer comes back. */
#include "virtio_rig.h"

#include "frame.h"

static struct fv_frame sent; /* too large for a stack */

/* The next frame on the wire equals @frame. */
static void assert_wire(struct rig *r, const void *frame, uint32_t len)
{
	assert_true(fv_send(r->fv, TXQ, &sent));
	assert_int_equal(sent.len, len);
	assert_memory_equal(sent.data, frame, len);
}

static void assert_wire_silent(struct rig *r)
{
	assert_false(fv_send(r->fv, TXQ, &sent));
}

static void tx_burst_plain_packet_is_one_descriptor_with_its_header_in_the_headroom(void **state)
{
	struct vireo_stats stats;
	struct vireo_pkt pkts[48];
	uint8_t frame[1600];
	struct rig r;
	uint64_t bytes = 0;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 48; i++) {
			memset(frame, i, sizeof(frame));
			rig_packet(&r, frame, 60 + i * 30, 0, &pkts[i]);
			/* What lies in front of the data is no part of it, whatever it is. */
			memset(pkts[i].buf, 0xee, VIREO_HEADROOM);
			pkts[i].flags |= VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_IP_OK;
			bytes += pkts[i].len;
		}
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 48), 48);
		for (unsigned i = 0; i < 48; i++) {
			memset(frame, i, sizeof(frame));
			assert_wire(&r, frame, 60 + i * 30);
			assert_int_equal(sent.n_descs, 1);
			assert_int_equal(sent.hdr.flags | sent.hdr.gso_type | sent.hdr.csum_start, 0);
		}
	}
	assert_wire_silent(&r);
	vireo_txq_stats(r.txq, &stats);
	assert_int_equal(stats.tx_packets, 480);
	assert_int_equal(stats.tx_bytes, bytes);
	assert_int_equal(vireo_txq_reclaim(r.txq), 48);
	rig_destroy(&r);
}

/* Every place of the data in the buffer, with and without room in front. */
static void tx_burst_any_offset_is_right_on_the_wire(void **state)
{
	uint8_t frame[60];
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned off = 0; off < 140; off++) {
		struct vireo_pkt pkt;

		memset(frame, off, sizeof(frame));
		rig_packet(&r, frame, 60, 0, &pkt);
		pkt.off = off;
		memcpy(vireo_pkt_data(&pkt), frame, 60);
		assert_int_equal(vireo_tx_burst(r.txq, &pkt, 1), 1);
		assert_wire(&r, frame, 60);
		assert_int_equal(sent.n_descs, off < 12 ? 2 : 1);
	}
	rig_destroy(&r);
}

static void txq_reclaim_five_packets_and_nothing_after_gives_five_buffers_back(void **state)
{
	struct vireo_pkt pkts[5];
	uint8_t frame[60] = {0};
	struct rig r;
	unsigned before;

	rig_create(&r, "v");
	rig_start(&r);
	before = rig_n_free(&r);
	for (unsigned i = 0; i < 5; i++)
		rig_packet(&r, frame, 60, 0, &pkts[i]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 5), 5);
	assert_int_equal(vireo_txq_reclaim(r.txq), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_wire(&r, frame, 60);
	assert_int_equal(rig_n_free(&r), before - 5);
	assert_int_equal(vireo_txq_reclaim(r.txq), 5);
	assert_int_equal(rig_n_free(&r), before);
	assert_int_equal(vireo_txq_reclaim(r.txq), 0);
	rig_destroy(&r);
}

static void tx_burst_full_ring_takes_less_and_never_splits(void **state)
{
	struct vireo_pkt pkts[90];
	uint8_t frame[3 * 100] = {0};
	unsigned n = 0, took, total;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	/* 30 packets of 3 elements into 64 descriptors: 21 fit. */
	for (unsigned i = 0; i < 30; i++)
		n += rig_packet(&r, frame, 300, 100, &pkts[n]);
	assert_int_equal(n, 90);
	total = took = vireo_tx_burst(r.txq, pkts, 90);
	assert_int_equal(took, 63);
	assert_int_equal(vireo_tx_burst(r.txq, pkts + total, 90 - total), 0);
	assert_wire(&r, frame, 300);
	assert_int_equal(vireo_tx_burst(r.txq, pkts + total, 90 - total), 3);
	total += 3;
	while (total < 90) {
		while (fv_send(r.fv, TXQ, &sent))
			assert_int_equal(sent.len, 300);
		total += vireo_tx_burst(r.txq, pkts + total, 90 - total);
	}
	while (fv_send(r.fv, TXQ, &sent))
		;
	assert_int_equal(vireo_port_stop(r.port), 0);
	rig_destroy(&r);
}

static void tx_burst_completions_in_any_order_past_65535_lose_nothing(void **state)
{
	unsigned seed = 9;
	uint64_t total = 0;
	struct rig r;

	rig_create(&r, "v");
	r.cfg.tx_ring = 16;
	rig_start(&r);
	fv_set_no_notify(r.fv, TXQ, true);
	while (total < 150000) {
		struct vireo_pkt pkts[32];
		uint32_t ids[16];
		unsigned n = 0, k = 0, took;
		uint8_t frame[120] = {0};

		for (unsigned i = 0; i < 8; i++)
			n += rig_packet(&r, frame, 120, i & 1 ? 60 : 0, &pkts[n]);
		took = vireo_tx_burst(r.txq, pkts, n);
		vireo_pkt_free(pkts + took, n - took);
		while (fv_take(r.fv, TXQ, &sent))
			ids[k++] = sent.id;
		total += k;
		for (unsigned all = k; k; k--) {
			unsigned any = (seed = seed * 1103515245 + 12345) / 65536 % k;
			unsigned i = rig_in_order() ? all - k : any;

			fv_put_used(r.fv, TXQ, ids[i], 0);
			ids[i] = ids[k - 1];
		}
		fv_show_used(r.fv, TXQ);
	}
	rig_destroy(&r);
}

static void txq_reclaim_completion_that_cannot_be_true_is_counted(void **state)
{
	static const uint32_t ids[] = {64, 65535, 0xffffffff, 0x10000, 5};

	SPLIT_ONLY();
	ANY_ORDER_ONLY();
	for (unsigned i = 0; i < N_OF(ids); i++) {
		struct vireo_pkt pkts[2];
		uint8_t frame[60] = {0};
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		for (unsigned k = 0; k < 2; k++)
			rig_packet(&r, frame, 60, 0, &pkts[k]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 2), 2);
		fv_put_used(r.fv, TXQ, ids[i], 0);
		fv_show_used(r.fv, TXQ);
		assert_int_equal(vireo_txq_reclaim(r.txq), 0);
		assert_int_equal(rig_drops(&r, VIREO_DROP_TX_ERROR), 1);
		assert_true(fv_take(r.fv, TXQ, &sent));
		fv_put_used(r.fv, TXQ, sent.id, 0);
		fv_show_used(r.fv, TXQ);
		assert_int_equal(vireo_txq_reclaim(r.txq), 1);
		/* The first packet's again: its buffer is not with the device any more. */
		fv_show_index(r.fv, TXQ, 3);
		assert_int_equal(vireo_txq_reclaim(r.txq), 0);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 0);
		assert_int_equal(vireo_port_stop(r.port), -EIO);
		assert_int_equal(vireo_port_start(r.port), 0);
		rig_packet(&r, frame, 60, 0, &pkts[0]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
		assert_wire(&r, frame, 60);
		rig_destroy(&r);
	}
}

/* Nobody knows where the next completion lies then. */
static void txq_reclaim_wrong_id_in_a_packed_ring_ends_the_queue(void **state)
{
	static const uint32_t ids[] = {64, 65535, 5};

	if (!rig_packed())
		return;
	for (unsigned i = 0; i < N_OF(ids); i++) {
		struct vireo_pkt pkts[2];
		uint8_t frame[60] = {0};
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		for (unsigned k = 0; k < 2; k++)
			rig_packet(&r, frame, 60, 0, &pkts[k]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 2), 2);
		fv_put_used(r.fv, TXQ, ids[i], 0);
		fv_show_used(r.fv, TXQ);
		assert_int_equal(vireo_txq_reclaim(r.txq), 0);
		assert_int_equal(rig_drops(&r, VIREO_DROP_TX_ERROR), 1);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		vireo_port_stop(r.port);
		assert_int_equal(vireo_port_start(r.port), 0);
		rig_packet(&r, frame, 60, 0, &pkts[0]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
		assert_wire(&r, frame, 60);
		rig_destroy(&r);
	}
}

static void txq_reclaim_completion_in_the_middle_of_a_chain_is_counted(void **state)
{
	uint8_t frame[300] = {0};
	struct vireo_pkt pkts[3];
	struct fv_chain chain;
	struct rig r;

	/* With a promise of order the ids of a split ring's answers say nothing that its index does not. */
	if (rig_in_order() && !rig_packed())
		return;
	rig_create(&r, "v");
	rig_start(&r);
	assert_int_equal(rig_packet(&r, frame, 300, 100, pkts), 3);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 3), 3);
	assert_true(fv_pop(r.fv, TXQ, &chain));
	fv_put_used(r.fv, TXQ, chain.id + 1, 0);
	fv_show_used(r.fv, TXQ);
	assert_int_equal(vireo_txq_reclaim(r.txq), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_ERROR), 1);
	rig_destroy(&r);
}

/* IN_ORDER: a batch that ends behind what was sent, or a packed ring's before it began, ends the queue. */
static void txq_reclaim_batch_that_cannot_be_true_ends_the_queue(void **state)
{
	if (!rig_in_order())
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct vireo_pkt pkts[4];
		uint8_t frame[60] = {0};
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		for (unsigned k = 0; k < 4; k++)
			rig_packet(&r, frame, 60, 0, &pkts[k]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 4), 4);
		if (rig_packed()) {
			fv_put_used(r.fv, TXQ, i ? 4 : 63, 0);
			fv_show_used(r.fv, TXQ);
		} else {
			fv_show_index(r.fv, TXQ, i ? 5 : 0xffff);
		}
		assert_int_equal(vireo_txq_reclaim(r.txq), 0);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		vireo_port_stop(r.port);
		assert_int_equal(vireo_port_start(r.port), 0);
		rig_packet(&r, frame, 60, 0, &pkts[0]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
		assert_wire(&r, frame, 60);
		assert_int_equal(vireo_txq_reclaim(r.txq), 1);
		rig_destroy(&r);
	}
}

/* IN_ORDER: what the device gives back with one answer comes home, chains and single packets of two pools. */
static void txq_reclaim_batch_brings_every_buffer_home(void **state)
{
	static const struct vireo_pool_config cfg = {.name = "other", .n_bufs = 512};
	struct vireo_pool *other;
	struct rig r;
	unsigned sum = 0;

	rig_create(&r, "v");
	rig_start(&r);
	assert_int_equal(vireo_pool_create(&cfg, &other), 0);
	for (unsigned round = 0; round < 300; round++) {
		struct vireo_pkt pkts[64];
		unsigned n = 0, n_heads = 0, took;
		uint8_t frame[120] = {0};
		uint32_t ids[64];

		for (unsigned i = 0; i < 1 + round % 17; i++) {
			if (round % 5 == i % 5) {
				assert_int_equal(vireo_pool_alloc(other, &pkts[n], 1), 1);
				memset(vireo_pkt_data(&pkts[n]), 0, 60);
				pkts[n++].len = 60;
			} else {
				n += rig_packet(&r, frame, 120, round % 3 == i % 3 ? 60 : 0, &pkts[n]);
			}
		}
		took = vireo_tx_burst(r.txq, pkts, n);
		assert_int_equal(took, n);
		while (fv_take(r.fv, TXQ, &sent))
			ids[n_heads++] = sent.id;
		assert_int_equal(n_heads, 1 + round % 17);
		for (unsigned i = 0; i < n_heads; i++)
			fv_put_used(r.fv, TXQ, ids[i], 0);
		fv_show_used(r.fv, TXQ);
		sum = vireo_txq_reclaim(r.txq);
		assert_int_equal(sum, n);
	}
	assert_int_equal(vireo_pool_destroy(other), 0);
	rig_destroy(&r);
}

/* Packets that can never be sent: taken, freed, counted; their neighbours go out. */

static void check_invalid(struct rig *r, struct vireo_pkt *bad, unsigned n)
{
	struct vireo_pkt pkts[80];
	uint64_t before = rig_drops(r, VIREO_DROP_TX_INVALID);
	unsigned n_free = rig_n_free(r) + n;
	uint8_t frame[60] = {0};

	rig_packet(r, frame, 60, 0, &pkts[0]);
	memcpy(pkts + 1, bad, n * sizeof(*bad));
	rig_packet(r, frame, 60, 0, &pkts[n + 1]);
	assert_int_equal(vireo_tx_burst(r->txq, pkts, n + 2), n + 2);
	assert_int_equal(rig_drops(r, VIREO_DROP_TX_INVALID), before + 1);
	assert_wire(r, frame, 60);
	assert_wire(r, frame, 60);
	assert_wire_silent(r);
	assert_int_equal(vireo_txq_reclaim(r->txq), 2);
	assert_int_equal(rig_n_free(r), n_free);
}

static void tx_burst_packet_that_can_never_be_sent_is_taken_and_counted(void **state)
{
	static const struct frame_shape shape = {.payload = 100};
	static const uint32_t requests[] = {
		VIREO_PKT_TX_IP_CSUM, VIREO_PKT_TX_TCP_CSUM, VIREO_PKT_TX_UDP_CSUM, VIREO_PKT_TX_TSO, VIREO_PKT_LARGE,
	};
	struct vireo_pkt pkts[80];
	uint8_t frame[256];
	uint32_t len;
	struct rig r;

	rig_create(&r, "v");
	r.cfg.tx_ring = 128;
	rig_start(&r);
	len = frame_build(&shape, frame);
	for (unsigned i = 0; i < N_OF(requests); i++) {
		rig_packet(&r, frame, len, 0, pkts);
		pkts[0].flags |= requests[i];
		pkts[0].tx.l2_len = 14;
		pkts[0].tx.l3_len = 20;
		pkts[0].tx.l4_len = 20;
		pkts[0].tx.seg_size = 50;
		check_invalid(&r, pkts, 1);
	}
	rig_packet(&r, frame, 13, 0, pkts);
	check_invalid(&r, pkts, 1);
	rig_packet(&r, frame, 60, 0, pkts);
	pkts[0].len = 0;
	check_invalid(&r, pkts, 1);
	rig_packet(&r, frame, len, 0, pkts);
	pkts[0].flags |= VIREO_PKT_CSUM_PARTIAL;
	pkts[0].tx.csum_start = len - 2;
	pkts[0].tx.csum_offset = 1;
	check_invalid(&r, pkts, 1);
	assert_int_equal(rig_packet(&r, frame, 130, 2, pkts), 65);
	check_invalid(&r, pkts, 65);
	assert_int_equal(rig_packet(&r, frame, 128, 2, pkts), 64);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 64), 64);
	assert_wire(&r, frame, 128);
	rig_destroy(&r);
}

static void tx_burst_more_on_the_last_element_is_taken_and_counted(void **state)
{
	uint8_t frame[300] = {0};
	struct vireo_pkt pkts[4];
	struct rig r;
	unsigned n_free;

	rig_create(&r, "v");
	rig_start(&r);
	n_free = rig_n_free(&r);
	rig_packet(&r, frame, 60, 0, pkts);
	assert_int_equal(rig_packet(&r, frame, 300, 100, pkts + 1), 3);
	pkts[3].flags |= VIREO_PKT_MORE;
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 4), 4);
	assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 1);
	assert_wire(&r, frame, 60);
	assert_wire_silent(&r);
	assert_int_equal(vireo_txq_reclaim(r.txq), 1);
	assert_int_equal(rig_n_free(&r), n_free);
	rig_destroy(&r);
}

static void tx_burst_empty_elements_are_left_out(void **state)
{
	uint8_t frame[300];
	struct vireo_pkt pkts[4];
	struct rig r;
	unsigned n_free;

	rig_create(&r, "v");
	rig_start(&r);
	n_free = rig_n_free(&r);
	for (unsigned empty = 0; empty < 4; empty++) {
		memset(frame, empty, sizeof(frame));
		assert_int_equal(rig_packet(&r, frame, 300, 100, pkts), 3);
		memmove(pkts + empty + 1, pkts + empty, (3 - empty) * sizeof(*pkts));
		assert_int_equal(vireo_pool_alloc(r.pool, &pkts[empty], 1), 1);
		pkts[2].flags |= VIREO_PKT_MORE;
		pkts[empty].flags |= empty < 3 ? VIREO_PKT_MORE : 0;
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 4), 4);
		assert_wire(&r, frame, 300);
	}
	vireo_txq_reclaim(r.txq);
	assert_int_equal(rig_n_free(&r), n_free);
	rig_destroy(&r);
}

/* State and requests, on the wire */

static const struct frame_shape shapes[] = {
	{.payload = 10},
	{.payload = 1400, .ip_options = 40},
	{.payload = 100, .udp = true},
	{.payload = 1200, .ipv6 = true},
	{.payload = 33, .ipv6 = true, .udp = true},
};

/* How a packet reaches transmit. */
struct way {
	uint32_t part; /* elements of so many bytes; 0: one */
	uint16_t off;  /* of the first; 0: as it comes */
	bool shared;
	bool hardware; /* the device completes checksums */
};

static const struct way ways[] = {
	{.hardware = true},
	{0},
	{.part = 40, .hardware = true},
	{.part = 40},
	{.part = 7, .hardware = true},
	{.part = 7},
	{.off = 3, .hardware = true},
	{.off = 13},
	{.shared = true, .hardware = true},
	{.shared = true},
	{.part = 40, .shared = true, .hardware = true},
	{.part = 7, .shared = true},
};

static void send_the_way(struct rig *r, const struct way *way, const void *data, uint32_t len, struct vireo_pkt *pkts,
			 const void *wire, uint32_t wire_len)
{
	unsigned n = rig_packet(r, data, len, way->part, pkts + 1);
	struct vireo_pkt copies[64];

	/* The first element has what the caller prepared: flags and the second half. */
	pkts[1].flags |= pkts[0].flags;
	pkts[1].vlan = pkts[0].vlan;
	pkts[1].tx = pkts[0].tx;
	if (way->off) {
		memmove((char *)pkts[1].buf + way->off, vireo_pkt_data(&pkts[1]), pkts[1].len);
		pkts[1].off = way->off;
	}
	if (way->shared)
		assert_int_equal(vireo_pkt_share(&pkts[1], 3), 0);
	for (unsigned i = 0; i < (way->shared ? 3 : 1); i++) {
		memcpy(copies, pkts + 1, n * sizeof(*copies));
		assert_int_equal(vireo_tx_burst(r->txq, copies, n), n);
		assert_wire(r, wire, wire_len);
	}
	vireo_txq_reclaim(r->txq);
}

static void open_the_way(struct rig *r, const struct way *way)
{
	rig_create(r, "v");
	if (!way->hardware)
		r->fv->offered &= ~VIRTIO_NET_F_CSUM;
	r->cfg.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	r->cfg.tx_ring = 256;
	rig_start(r);
}

static void tx_burst_requests_every_way_right_on_the_wire(void **state)
{
	struct vireo_pkt pkts[250];
	uint8_t good[1600], data[1600];

	for (unsigned w = 0; w < N_OF(ways); w++) {
		struct rig r;

		open_the_way(&r, &ways[w]);
		for (unsigned s = 0; s < N_OF(shapes); s++) {
			const struct frame_shape *shape = &shapes[s];
			uint32_t len = frame_build(shape, good);

			if (ways[w].part && len / ways[w].part >= VIREO_MAX_SEGS)
				continue;
			memcpy(data, good, len);
			memset(data + 14 + frame_l3(shape) + (shape->udp ? 6 : 16), 0xab, 2);
			pkts[0] = (struct vireo_pkt){
				.flags = shape->udp ? VIREO_PKT_TX_UDP_CSUM : VIREO_PKT_TX_TCP_CSUM,
				.tx = {.l2_len = 14, .l3_len = frame_l3(shape)},
			};
			if (shape->ipv6) {
				pkts[0].flags |= VIREO_PKT_IPV6;
			} else {
				pkts[0].flags |= VIREO_PKT_TX_IP_CSUM;
				memset(data + 14 + 10, 0xcd, 2);
			}
			send_the_way(&r, &ways[w], data, len, pkts, good, len);
			assert_int_equal(!!(sent.hdr.flags & 1), ways[w].hardware);
		}
		assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 0);
		assert_int_equal(rig_n_free(&r), 512 - 64);
		rig_destroy(&r);
	}
}

/* A tag that was stripped, a checksum that was never finished, both: the frame on the wire is whole again. */
static void tx_burst_state_every_way_right_on_the_wire(void **state)
{
	struct vireo_pkt pkts[250];
	uint8_t good[1600], data[1600];

	for (unsigned w = 0; w < N_OF(ways); w++) {
		struct rig r;

		open_the_way(&r, &ways[w]);
		for (unsigned i = 0; i < N_OF(shapes) * 3; i++) {
			struct frame_shape shape = shapes[i / 3];
			bool tag = i % 3 != 0, partial = i % 3 != 1;
			uint32_t len;

			shape.tagged = tag;
			shape.tci = 0x4567;
			len = frame_build(&shape, good);
			if (ways[w].part && len / ways[w].part >= VIREO_MAX_SEGS)
				continue;
			memcpy(data, good, len);
			if (partial)
				frame_make_partial(&shape, data, len);
			if (tag)
				memmove(data + 12, data + 16, len - 16);
			pkts[0] = (struct vireo_pkt){
				.flags = (tag ? VIREO_PKT_VLAN : 0) | (partial ? VIREO_PKT_CSUM_PARTIAL : 0),
				.vlan = 0x4567,
				.tx = {.csum_start = 14 + frame_l3(&shape), .csum_offset = shape.udp ? 6 : 16},
			};
			send_the_way(&r, &ways[w], data, tag ? len - 4 : len, pkts, good, len);
		}
		assert_int_equal(rig_drops(&r, VIREO_DROP_TX_INVALID), 0);
		assert_int_equal(rig_n_free(&r), 512 - 64);
		rig_destroy(&r);
	}
}

static void tx_burst_shared_data_is_never_written(void **state)
{
	static const struct frame_shape shape = {.payload = 100};
	uint8_t *before = malloc(VIREO_HEADROOM + 2048), data[256];
	struct vireo_pkt pkt, copy;
	struct rig r;
	uint32_t len;

	open_the_way(&r, &ways[1]);
	len = frame_build(&shape, data);
	frame_make_partial(&shape, data, len);
	rig_packet(&r, data, len, 0, &pkt);
	memset(pkt.buf, 0xee, VIREO_HEADROOM);
	assert_int_equal(vireo_pkt_share(&pkt, 4), 0);
	memcpy(before, pkt.buf, VIREO_HEADROOM + 2048);
	for (unsigned i = 0; i < 4; i++) {
		copy = pkt;
		copy.flags |= (i & 1 ? VIREO_PKT_CSUM_PARTIAL : 0) | (i & 2 ? VIREO_PKT_VLAN : 0);
		copy.tx.csum_start = 34;
		copy.tx.csum_offset = 16;
		assert_int_equal(vireo_tx_burst(r.txq, &copy, 1), 1);
		assert_true(fv_send(r.fv, TXQ, &sent));
		assert_memory_equal(before, pkt.buf, VIREO_HEADROOM + 2048);
	}
	vireo_txq_reclaim(r.txq);
	assert_int_equal(rig_n_free(&r), 512 - 64);
	free(before);
	rig_destroy(&r);
}

static void tx_burst_tso_and_large_say_all_that_the_device_needs(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct frame_shape shape = {.payload = 8000, .ipv6 = i & 1};
		bool tag = i & 2, large = i & 4;
		uint8_t *frame = malloc(FRAME_MAX);
		struct vireo_pkt pkts[8];
		unsigned n, l3 = frame_l3(&shape);
		struct rig r;
		uint32_t len;

		rig_create(&r, "v");
		r.cfg.tx_offloads = VIREO_TX_TSO;
		rig_start(&r);
		len = frame_build(&shape, frame);
		frame_make_partial(&shape, frame, len);
		n = rig_packet(&r, frame, len, 2000, pkts);
		pkts[0].flags |= (large ? VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL : VIREO_PKT_TX_TSO) |
				 (tag ? VIREO_PKT_VLAN : 0) | (shape.ipv6 ? VIREO_PKT_IPV6 : 0);
		pkts[0].vlan = 7;
		pkts[0].tx.l2_len = 14;
		pkts[0].tx.l3_len = l3;
		pkts[0].tx.l4_len = 20;
		pkts[0].tx.seg_size = 1448;
		if (!large)
			memset((char *)vireo_pkt_data(&pkts[0]) + 14 + l3 + 16, 0, 2);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
		assert_true(fv_send(r.fv, TXQ, &sent));
		assert_int_equal(sent.hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(sent.hdr.gso_type, shape.ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
		assert_int_equal(sent.hdr.gso_size, 1448);
		assert_int_equal(sent.hdr.hdr_len, 14 + l3 + 20 + (tag ? 4 : 0));
		assert_int_equal(sent.hdr.csum_start, 14 + l3 + (tag ? 4 : 0));
		assert_int_equal(sent.hdr.csum_offset, 16);
		/* The model finished the checksum of the whole: the pseudo-header sum was right. */
		shape.tagged = tag;
		shape.tci = 7;
		len = frame_build(&shape, frame);
		assert_int_equal(sent.len, len);
		assert_memory_equal(sent.data, frame, len);
		free(frame);
		rig_destroy(&r);
	}
}

/* In what state a device hands us a frame, that is how it leaves: received, sent unchanged, right on the wire. */
static void forward_unchanged_packet_in_every_state_is_right_on_the_wire(void **state)
{
	for (unsigned i = 0; i < 32; i++) {
		struct frame_shape shape = {.payload = i & 1 ? 5000 : 70, .tagged = i & 2, .tci = 99};
		struct virtio_net_hdr hdr = {0};
		bool partial = i & 4, strip = i & 8, hardware = i & 16;
		uint8_t *good = malloc(FRAME_MAX), *frame = malloc(FRAME_MAX);
		struct vireo_pkt pkts[8];
		struct rig r;
		uint32_t len;
		unsigned n;

		rig_create(&r, "v");
		r.cfg.mtu = 9000;
		r.cfg.rx_offloads = VIREO_RX_CSUM | (strip ? VIREO_RX_VLAN_STRIP : 0);
		if (!hardware)
			r.fv->offered &= ~VIRTIO_NET_F_CSUM;
		rig_start(&r);
		len = frame_build(&shape, good);
		memcpy(frame, good, len);
		if (partial) {
			frame_make_partial(&shape, frame, len);
			hdr = (struct virtio_net_hdr){
				.flags = 1, .csum_start = frame_l2(&shape) + 20, .csum_offset = 16};
		}
		assert_true(fv_receive(r.fv, RXQ, &hdr, frame, len));
		fv_show_used(r.fv, RXQ);
		n = vireo_rx_burst(r.rxq, pkts, 8);
		assert_true(n > 0);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, n), n);
		assert_wire(&r, good, len);
		free(good);
		free(frame);
		rig_destroy(&r);
	}
}

/* One packet to eight ports, from a pool that none of them receives into; then everything is back. */
static void tx_burst_shared_packet_to_eight_ports_comes_back_once(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct vireo_pool_config cfg = {.n_bufs = 256};
	struct vireo_pool *pool;
	struct vireo_pkt pkt[2], copy[2];
	struct vireo_pool_info info;
	uint8_t frame[100];
	struct rig rigs[8];

	for (unsigned i = 0; i < 8; i++) {
		rig_create(&rigs[i], names[i]);
		rig_start(&rigs[i]);
	}
	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	for (unsigned round = 0; round < 100; round++) {
		memset(frame, round, sizeof(frame));
		assert_int_equal(vireo_pool_alloc(pool, &pkt[0], 1), 1);
		assert_int_equal(vireo_pool_alloc(rigs[0].pool, &pkt[1], 1), 1);
		pkt[0].flags |= VIREO_PKT_MORE;
		pkt[0].len = pkt[1].len = 50;
		memcpy(vireo_pkt_data(&pkt[0]), frame, 50);
		memcpy(vireo_pkt_data(&pkt[1]), frame, 50);
		assert_int_equal(vireo_pkt_share(&pkt[0], 8), 0);
		for (unsigned i = 0; i < 8; i++) {
			memcpy(copy, pkt, sizeof(pkt));
			assert_int_equal(vireo_tx_burst(rigs[i].txq, copy, 2), 2);
		}
		for (unsigned i = 0; i < 8; i++)
			assert_wire(&rigs[i], frame, 100);
	}
	for (unsigned i = 8; i > 0; i--)
		vireo_txq_reclaim(rigs[i - 1].txq);
	vireo_pool_info(pool, &info);
	assert_int_equal(info.n_free, 256);
	assert_int_equal(rig_n_free(&rigs[0]), 512 - 64);
	for (unsigned i = 0; i < 8; i++)
		rig_destroy(&rigs[i]);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void tx_burst_rings_once_per_burst_unless_told_not_to(void **state)
{
	uint8_t frame[60] = {0};
	struct vireo_pkt pkts[8];
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned quiet = 0; quiet < 2; quiet++) {
		unsigned before = atomic_load(&r.fv->queues[TXQ].n_kicks);

		fv_set_no_notify(r.fv, TXQ, quiet);
		for (unsigned i = 0; i < 8; i++)
			rig_packet(&r, frame, 60, 0, &pkts[i]);
		assert_int_equal(vireo_tx_burst(r.txq, pkts, 8), 8);
		assert_int_equal(atomic_load(&r.fv->queues[TXQ].n_kicks) - before, quiet ? 0 : 1);
		assert_false(fv_wants_interrupt(r.fv, TXQ));
	}
	while (fv_send(r.fv, TXQ, &sent))
		;
	rig_destroy(&r);
}

static void port_stop_waits_for_what_was_sent_and_gives_up_in_time(void **state)
{
	uint8_t frame[60] = {0};
	struct vireo_pkt pkts[2];
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned i = 0; i < 2; i++)
		rig_packet(&r, frame, 60, 0, &pkts[i]);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 2), 2);
	assert_wire(&r, frame, 60);
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_int_equal(rig_n_free(&r), 512);
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_packet(&r, frame, 60, 0, pkts);
	assert_int_equal(vireo_tx_burst(r.txq, pkts, 1), 1);
	assert_wire(&r, frame, 60);
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(rig_n_free(&r), 512);
	rig_destroy(&r);
}

/* --- the same as the scalar code ----------------------------------------------------------------------------------- */

#define MAX_FRAMES 50000

/* What of a frame tells it from all others. */
struct trace {
	struct virtio_net_hdr hdr;
	uint32_t len, n_descs, sum;
	uint16_t id;
};

static struct trace traces[2][MAX_FRAMES];
static uint64_t play_seed;

static uint32_t rnd(void)
{
	play_seed ^= play_seed << 13;
	play_seed ^= play_seed >> 7;
	play_seed ^= play_seed << 17;
	return (uint32_t)(play_seed >> 16);
}

/* Mostly plain packets, from two pools; some are shared, tagged, too short, without room for a header, or of several elements. */
static unsigned random_packet(struct rig *r, struct vireo_pool *other, struct vireo_pkt *ret)
{
	uint32_t len = rnd() % 32 ? 60 + rnd() % 1400 : 1 + rnd() % 30;
	unsigned n;

	memset(sent.data, (int)rnd(), len);
	if (rnd() % 64 == 0)
		return rig_packet(r, sent.data, len, 1 + len / 3, ret);
	if (rnd() % 64 == 0) {
		n = vireo_pool_alloc(other, ret, 1);
		assert_int_equal(n, 1);
		ret->len = len;
		memcpy(vireo_pkt_data(ret), sent.data, len);
	} else {
		n = rig_packet(r, sent.data, len, 0, ret);
	}
	if (rnd() % 16 == 0)
		memset(ret->buf, (int)rnd(), VIREO_HEADROOM);
	else
		memset(ret->buf, 0, VIREO_HEADROOM);
	if (rnd() % 64 == 0 && len > 20) {
		ret->flags |= VIREO_PKT_VLAN;
		ret->vlan = (uint16_t)(rnd() % 4096);
	}
	if (rnd() % 64 == 0) {
		memmove((char *)ret->buf, vireo_pkt_data(ret), len);
		ret->off = (uint16_t)(rnd() % 12);
		memset(vireo_pkt_data(ret), 7, len);
	}
	return n;
}

/* What the device finds in its ring now, up to @n frames. */
static unsigned record(struct rig *r, unsigned n, struct trace *ret)
{
	unsigned k;

	for (k = 0; k < n && fv_send(r->fv, TXQ, &sent); k++) {
		memset(&ret[k], 0, sizeof(ret[k]));
		ret[k].hdr = sent.hdr;
		ret[k].len = sent.len;
		ret[k].n_descs = sent.n_descs;
		ret[k].id = sent.id;
		for (uint32_t i = 0; i < sent.len; i++)
			ret[k].sum = ret[k].sum * 31 + sent.data[i];
	}
	return k;
}

static unsigned play(const char *simd, struct trace *ret, struct vireo_stats *ret_stats)
{
	struct vireo_pool_config pool = {.name = "other", .n_bufs = 512};
	struct vireo_pool *other;
	unsigned n = 0;
	struct rig r;

	if (simd)
		setenv("VIREO_SIMD", simd, 1);
	else
		unsetenv("VIREO_SIMD");
	play_seed = 4711;
	assert_int_equal(vireo_pool_create(&pool, &other), 0);
	rig_create(&r, "v");
	r.cfg.tx_ring = 128;
	rig_start(&r);
	for (unsigned round = 0; round < 1500; round++) {
		struct vireo_pkt pkts[256];
		unsigned k = 0, took;

		for (unsigned want = rnd() % 4 ? rnd() % 40 : rnd() % 64; want; want--)
			k += random_packet(&r, other, &pkts[k]);
		took = vireo_tx_burst(r.txq, pkts, k);
		vireo_pkt_free(pkts + took, k - took);
		n += record(&r, rnd() % 8 ? 128 : rnd() % 64, ret + n);
		assert_true(n < MAX_FRAMES - 128);
	}
	n += record(&r, 128, ret + n);
	assert_int_equal(vireo_port_stats(r.port, ret_stats), 0);
	assert_int_equal(vireo_port_stop(r.port), 0);
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(other), 0);
	return n;
}

static void tx_burst_random_packets_as_the_scalar_code(void **state)
{
	const char *wish = getenv("VIREO_SIMD");
	char *simd = wish ? strdup(wish) : NULL;
	struct vireo_stats stats[2];
	unsigned n[2];

	n[0] = play("scalar", traces[0], &stats[0]);
	n[1] = play(simd, traces[1], &stats[1]);
	assert_true(n[0] > 15000);
	assert_int_equal(n[0], n[1]);
	for (unsigned k = 0; k < n[0]; k++)
		assert_memory_equal(&traces[0][k], &traces[1][k], sizeof(traces[0][k]));
	assert_memory_equal(&stats[0], &stats[1], sizeof(stats[0]));
	assert_true(stats[0].drops[VIREO_DROP_TX_INVALID] > 10);
	if (simd)
		setenv("VIREO_SIMD", simd, 1);
	free(simd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tx_burst_plain_packet_is_one_descriptor_with_its_header_in_the_headroom),
		cmocka_unit_test(tx_burst_any_offset_is_right_on_the_wire),
		cmocka_unit_test(txq_reclaim_five_packets_and_nothing_after_gives_five_buffers_back),
		cmocka_unit_test(tx_burst_full_ring_takes_less_and_never_splits),
		cmocka_unit_test(tx_burst_completions_in_any_order_past_65535_lose_nothing),
		cmocka_unit_test(txq_reclaim_completion_that_cannot_be_true_is_counted),
		cmocka_unit_test(txq_reclaim_wrong_id_in_a_packed_ring_ends_the_queue),
		cmocka_unit_test(txq_reclaim_completion_in_the_middle_of_a_chain_is_counted),
		cmocka_unit_test(txq_reclaim_batch_that_cannot_be_true_ends_the_queue),
		cmocka_unit_test(txq_reclaim_batch_brings_every_buffer_home),
		cmocka_unit_test(tx_burst_packet_that_can_never_be_sent_is_taken_and_counted),
		cmocka_unit_test(tx_burst_more_on_the_last_element_is_taken_and_counted),
		cmocka_unit_test(tx_burst_empty_elements_are_left_out),
		cmocka_unit_test(tx_burst_requests_every_way_right_on_the_wire),
		cmocka_unit_test(tx_burst_state_every_way_right_on_the_wire),
		cmocka_unit_test(tx_burst_shared_data_is_never_written),
		cmocka_unit_test(tx_burst_tso_and_large_say_all_that_the_device_needs),
		cmocka_unit_test(forward_unchanged_packet_in_every_state_is_right_on_the_wire),
		cmocka_unit_test(tx_burst_shared_packet_to_eight_ports_comes_back_once),
		cmocka_unit_test(tx_burst_rings_once_per_burst_unless_told_not_to),
		cmocka_unit_test(port_stop_waits_for_what_was_sent_and_gives_up_in_time),
		cmocka_unit_test(tx_burst_random_packets_as_the_scalar_code),
	};

	return cmocka_run_group_tests_name("virtio_tx", tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Receive: what the device says is believed only as far as it can be true. */
#include "virtio_rig.h"

#include <poll.h>

#include "frame.h"

static const struct virtio_net_hdr plain_hdr;

static void build(uint8_t *frame, uint32_t payload, uint32_t *ret_len)
{
	struct frame_shape shape = {.udp = true, .payload = payload};

	*ret_len = frame_build(&shape, frame);
}

/* Count what comes until nothing does, and free it. */
static unsigned drain(struct rig *r)
{
	struct vireo_pkt pkts[64];
	unsigned n, total = 0;

	while ((n = vireo_rx_burst(r->rxq, pkts, 64))) {
		total += n;
		vireo_pkt_free(pkts, n);
	}
	return total;
}

/* A plain frame gets through: the queue is in order. */
static void assert_receives(struct rig *r)
{
	struct vireo_pkt pkts[8];
	uint8_t frame[200];
	uint32_t len;

	build(frame, 100, &len);
	assert_true(fv_receive_plain(r->fv, RXQ, frame, len));
	assert_int_equal(vireo_rx_burst(r->rxq, pkts, 8), 1);
	assert_int_equal(pkts[0].off, VIREO_HEADROOM);
	assert_packet(pkts, 1, frame, len);
}

static void rx_burst_plain_frames_every_burst_size_in_order(void **state)
{
	static const unsigned sizes[] = {1, 2, 3, 8, 32, 64};
	struct vireo_stats stats;
	uint64_t total = 0, bytes = 0;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned i = 0; i < N_OF(sizes); i++) {
		uint8_t frame[1600];
		unsigned got = 0;

		for (unsigned k = 0; k < 48; k++) {
			memset(frame, k, sizeof(frame));
			assert_true(fv_receive(r.fv, RXQ, &plain_hdr, frame, 60 + k * 30));
			bytes += 60 + k * 30;
		}
		fv_show_used(r.fv, RXQ);
		while (got < 48) {
			struct vireo_pkt pkts[64];
			unsigned n = vireo_rx_burst(r.rxq, pkts, sizes[i]);

			assert_true(n > 0 && n <= sizes[i]);
			for (unsigned k = 0; k < n; k++) {
				memset(frame, got + k, sizeof(frame));
				assert_int_equal(pkts[k].flags & ~(0xffu << VIREO_PKT_POOL_SHIFT), 0);
				assert_packet(&pkts[k], 1, frame, 60 + (got + k) * 30);
			}
			got += n;
		}
		total += got;
	}
	assert_int_equal(drain(&r), 0);
	vireo_rxq_stats(r.rxq, &stats);
	assert_int_equal(stats.rx_packets, total);
	assert_int_equal(stats.rx_bytes, bytes);
	rig_destroy(&r);
}

/* Indices pass 65535 more than once; the device answers in any order, unless it promised one. */
static void rx_burst_out_of_order_past_65535_loses_nothing(void **state)
{
	unsigned seed = 5, total = 0;
	struct rig r;

	rig_create(&r, "v");
	r.cfg.rx_ring = 16;
	rig_start(&r);
	fv_set_no_notify(r.fv, RXQ, true);
	while (total < 150000) {
		struct fv_chain chains[16];
		struct vireo_pkt pkts[16];
		unsigned n = 0;

		while (n < 16 && fv_pop(r.fv, RXQ, &chains[n]))
			n++;
		assert_true(n > 0);
		for (unsigned left = n; left; left--) {
			unsigned any = (seed = seed * 1103515245 + 12345) / 65536 % left;
			unsigned k = rig_in_order() ? n - left : any;
			struct virtio_net_hdr hdr = {.num_buffers = 1};

			memcpy(chains[k].parts[0].va, &hdr, sizeof(hdr));
			memset(chains[k].parts[0].va + sizeof(hdr), total + n - left, 60);
			fv_put_used(r.fv, RXQ, chains[k].id, sizeof(hdr) + 60);
			chains[k] = chains[left - 1];
		}
		fv_show_used(r.fv, RXQ);
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 16), n);
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(*(uint8_t *)vireo_pkt_data(&pkts[k]), (uint8_t)(total + k));
		vireo_pkt_free(pkts, n);
		total += n;
	}
	rig_destroy(&r);
}

/* One used entry that cannot be true, of a ring of 64 with all buffers posted. */
struct lie {
	const char *why;
	bool real_id; /* or the one below */
	uint32_t id;
	uint32_t len;
	uint16_t num_buffers;
};

static const struct lie lies[] = {
	{"id behind the ring", .id = 64, .len = 100, .num_buffers = 1},
	{"id 65535", .id = 65535, .len = 100, .num_buffers = 1},
	{"id 2^32 - 1", .id = 0xffffffff, .len = 100, .num_buffers = 1},
	{"id with the right low half", .id = 0x10000, .len = 100, .num_buffers = 1},
	{"no length", true, .len = 0, .num_buffers = 1},
	{"half a header", true, .len = 11, .num_buffers = 1},
	{"a header and nothing else", true, .len = 12, .num_buffers = 1},
	{"one more than the buffer holds", true, .len = 2048 + 12 + 1, .num_buffers = 1},
	{"65536 + something", true, .len = 65536 + 100, .num_buffers = 1},
	{"length 2^32 - 1", true, .len = 0xffffffff, .num_buffers = 1},
	{"no buffers", true, .len = 100, .num_buffers = 0},
	{"more buffers than used", true, .len = 100, .num_buffers = 2},
	{"more buffers than a packet may have", true, .len = 100, .num_buffers = 65},
	{"65535 buffers", true, .len = 100, .num_buffers = 65535},
};

static void rx_burst_used_entry_that_cannot_be_true_is_dropped(void **state)
{
	for (unsigned i = 0; i < N_OF(lies); i++) {
		const struct lie *lie = &lies[i];
		/* An id has 16 bits in a packed ring: this one is right there. */
		bool true_there = rig_packed() && !lie->real_id && lie->id == 0x10000;
		struct virtio_net_hdr hdr = {.num_buffers = lie->num_buffers};
		struct vireo_pkt pkts[4];
		struct fv_chain chain;
		struct rig r;

		if (true_there)
			continue;
		rig_create(&r, "v");
		/* Of a size that makes the count of buffers in a header mean something. */
		r.cfg.mtu = 9000;
		rig_start(&r);
		assert_true(fv_pop(r.fv, RXQ, &chain));
		memcpy(chain.parts[0].va, &hdr, sizeof(hdr));
		fv_put_used(r.fv, RXQ, lie->real_id ? chain.id : lie->id, lie->len);
		fv_show_used(r.fv, RXQ);
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
		if (rig_drops(&r, VIREO_DROP_RX_INVALID) != 1)
			fail_msg("%s: not counted", lie->why);
		assert_int_equal(vireo_port_poll(r.port), 0);
		for (unsigned k = 0; k < 200; k++)
			assert_receives(&r);
		rig_destroy(&r);
	}
}

static void rx_burst_id_never_posted_or_given_twice_is_dropped(void **state)
{
	struct virtio_net_hdr hdr = {.num_buffers = 1};
	struct vireo_pkt pkts[4];
	struct fv_chain chain;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	assert_true(fv_pop(r.fv, RXQ, &chain));
	memcpy(chain.parts[0].va, &hdr, sizeof(hdr));
	fv_put_used(r.fv, RXQ, chain.id, 100);
	fv_put_used(r.fv, RXQ, chain.id, 100);
	fv_show_used(r.fv, RXQ);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 1);
	vireo_pkt_free(pkts, 1);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 1);
	/* The buffer is with the application, or free: the device has none under that number any more. */
	fv_put_used(r.fv, RXQ, chain.id, 100);
	fv_show_used(r.fv, RXQ);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 2);
	rig_destroy(&r);
}

/* The same descriptor twice within one packet. */
static void rx_burst_packet_with_one_buffer_twice_is_dropped(void **state)
{
	struct virtio_net_hdr hdr = {.num_buffers = 2};
	struct vireo_pkt pkts[4];
	struct fv_chain chain;
	struct rig r;

	SPLIT_ONLY();
	ANY_ORDER_ONLY();
	rig_create(&r, "v");
	r.cfg.mtu = 9000;
	rig_start(&r);
	assert_true(fv_pop(r.fv, RXQ, &chain));
	memcpy(chain.parts[0].va, &hdr, sizeof(hdr));
	fv_put_used(r.fv, RXQ, chain.id, 100);
	fv_put_used(r.fv, RXQ, chain.id, 100);
	fv_show_used(r.fv, RXQ);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 1);
	assert_receives(&r);
	rig_destroy(&r);
}

static void rx_burst_index_that_cannot_be_true_fails_the_port(void **state)
{
	SPLIT_ONLY();
	static const uint16_t ahead[] = {65, 66, 1000, 0x8000, 0xffff, 0xfffe};

	for (unsigned i = 0; i < N_OF(ahead); i++) {
		struct vireo_pkt pkts[4];
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		assert_receives(&r);
		fv_show_index(r.fv, RXQ, (uint16_t)(1 + ahead[i]));
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		assert_int_equal(vireo_port_poll(r.port), -EIO);
		vireo_port_stop(r.port);
		assert_int_equal(vireo_port_start(r.port), 0);
		assert_receives(&r);
		assert_int_equal(vireo_port_poll(r.port), 0);
		rig_destroy(&r);
	}
}

/* IN_ORDER: one answer for many, where it stands for more than there can be. */
static void rx_burst_batch_that_cannot_be_true_is_dropped(void **state)
{
	struct vireo_pkt pkts[4];
	struct fv_chain chain;
	struct rig r;

	if (!rig_in_order())
		return;
	for (unsigned ahead = 1; ahead < 64; ahead += 31) {
		struct virtio_net_hdr hdr = {.num_buffers = 1};

		rig_create(&r, "v");
		rig_start(&r);
		for (unsigned i = 0; i < 40; i++)
			assert_receives(&r);
		assert_true(fv_pop(r.fv, RXQ, &chain));
		memcpy(chain.parts[0].va, &hdr, sizeof(hdr));
		/* Split: the index says one. Packed: more than were offered. */
		fv_put_used(r.fv, RXQ, (chain.id + (rig_packed() ? 63 : ahead)) % 64, 100);
		fv_show_used(r.fv, RXQ);
		assert_int_equal(fv_available(r.fv, RXQ) < 63, true);
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 0);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 1);
		for (unsigned i = 0; i < 100; i++)
			assert_receives(&r);
		rig_destroy(&r);
	}
}

/* IN_ORDER: buffers that no answer stands for were written to their end; bursts may end anywhere in a batch. */
static void rx_burst_batch_of_full_buffers_is_one_packet_each(void **state)
{
	for (unsigned size = 1; size <= 9; size++) {
		struct vireo_pkt pkts[16];
		unsigned got = 0, n;
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		for (unsigned round = 0; round < 20; round++) {
			uint8_t frame[2048];

			/* The last is shorter than its buffer. */
			for (unsigned k = 0; k < 20; k++) {
				memset(frame, (int)(got + k), sizeof(frame));
				assert_true(fv_receive(r.fv, RXQ, &plain_hdr, frame, k == 19 ? 60 : 2048));
			}
			fv_show_used(r.fv, RXQ);
			for (unsigned k = 0; k < 20; k += n) {
				n = vireo_rx_burst(r.rxq, pkts, size);
				assert_true(n > 0);
				for (unsigned i = 0; i < n; i++) {
					memset(frame, (int)(got + i), sizeof(frame));
					assert_packet(&pkts[i], 1, frame, k + i == 19 ? 60 : 2048);
				}
				got += n;
			}
		}
		assert_int_equal(drain(&r), 0);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 0);
		rig_destroy(&r);
	}
}

static void rx_burst_jumbo_in_small_bursts_is_whole_or_dropped(void **state)
{
	static const unsigned sizes[] = {1, 2, 4, 5, 8, 9, 10, 64};
	uint8_t *frame = malloc(FRAME_MAX);
	uint32_t len;

	build(frame, 8972, &len);
	assert_int_equal(len, 14 + 9000);
	for (unsigned i = 0; i < N_OF(sizes); i++) {
		struct vireo_pkt pkts[64];
		unsigned got = 0;
		struct rig r;

		rig_create(&r, "v");
		r.cfg.mtu = 9000;
		rig_start(&r);
		assert_int_equal(vireo_rxq_max_segs(r.rxq), 5);
		for (unsigned k = 0; k < 3; k++)
			assert_true(fv_receive(r.fv, RXQ, &plain_hdr, frame, len));
		fv_show_used(r.fv, RXQ);
		for (unsigned k = 0; k < 20; k++) {
			unsigned n = vireo_rx_burst(r.rxq, pkts, sizes[i]);

			assert_true(n <= sizes[i] && n % 5 == 0);
			for (unsigned p = 0; p < n; p += 5, got++)
				assert_packet(pkts + p, 5, frame, len);
		}
		assert_int_equal(got, sizes[i] < 5 ? 0 : 3);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_BURST_SHORT), sizes[i] < 5 ? 3 : 0);
		assert_receives(&r);
		rig_destroy(&r);
	}
	free(frame);
}

/* Long and short ones mixed, in every burst size that loses nothing: all arrive, in order, none split. */
static void rx_burst_mixed_sizes_never_split_a_packet(void **state)
{
	static const uint32_t payloads[] = {10, 3000, 20, 30, 8972, 2020, 40, 2006, 5000, 1400};
	uint8_t *frame = malloc(FRAME_MAX);

	for (unsigned size = 5; size <= 20; size++) {
		struct vireo_pkt pkts[64];
		unsigned got = 0;
		struct rig r;
		uint32_t len;

		rig_create(&r, "v");
		r.cfg.mtu = 9000;
		rig_start(&r);
		for (unsigned k = 0; k < N_OF(payloads); k++) {
			build(frame, payloads[k], &len);
			assert_true(fv_receive(r.fv, RXQ, &plain_hdr, frame, len));
		}
		fv_show_used(r.fv, RXQ);
		while (got < N_OF(payloads)) {
			unsigned n = vireo_rx_burst(r.rxq, pkts, size), k;

			assert_true(n > 0);
			for (unsigned p = 0; p < n; p += k) {
				for (k = 1; pkts[p + k - 1].flags & VIREO_PKT_MORE; k++)
					assert_true(p + k < n);
				build(frame, payloads[got++], &len);
				assert_packet(pkts + p, k, frame, len);
			}
		}
		rig_destroy(&r);
	}
	free(frame);
}

static void open_buffers_too_small_for_the_mtu_without_merging_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->offered &= ~VIRTIO_NET_F_MRG_RXBUF;
	r.cfg.mtu = 9000;
	assert_int_equal(rig_fail(&r), -EOPNOTSUPP);
	assert_sentence("MRG_RXBUF");
	r.cfg.mtu = 1500;
	rig_start(&r);
	assert_int_equal(vireo_rxq_max_segs(r.rxq), 1);
	assert_receives(&r);
	rig_destroy(&r);
}

static void start_pool_smaller_than_the_ring_says_so_and_leaks_nothing(void **state)
{
	struct vireo_pkt pkts[512];
	struct rig r;

	rig_create(&r, "v");
	assert_int_equal(vireo_pool_alloc(r.pool, pkts, 480), 480);
	assert_int_equal(rig_fail(&r), -ENOSPC);
	assert_sentence("cannot fill");
	assert_int_equal(rig_n_free(&r), 32);
	vireo_pkt_free(pkts, 480);
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_destroy(&r);
}

static void rx_burst_empty_pool_is_counted_once_and_recovers(void **state)
{
	struct vireo_pkt held[512], pkts[64];
	uint8_t frame[100] = {0};
	unsigned n_held, got = 0;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	n_held = rig_n_free(&r);
	assert_int_equal(vireo_pool_alloc(r.pool, held, n_held), n_held);
	while (fv_receive_plain(r.fv, RXQ, frame, 100)) {
		assert_int_equal(vireo_rx_burst(r.rxq, &pkts[got], 1), 1);
		got++;
	}
	assert_int_equal(got, 64);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_NO_BUFFER), 1);
	/* One buffer is enough to go on with, without a packet that would bring the receiver here. */
	vireo_pkt_free(pkts, 1);
	assert_int_equal(vireo_rx_burst(r.rxq, held + n_held, 1), 0);
	assert_int_equal(fv_available(r.fv, RXQ), 1);
	vireo_pkt_free(pkts + 1, got - 1);
	vireo_pkt_free(held, n_held);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	assert_true(fv_available(r.fv, RXQ) > 32);
	assert_receives(&r);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_NO_BUFFER), 1);
	rig_destroy(&r);
}

static void rx_burst_refill_rings_once_per_burst_unless_told_not_to(void **state)
{
	uint8_t frame[100] = {0};
	struct vireo_pkt pkts[64];
	unsigned before;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	for (unsigned quiet = 0; quiet < 2; quiet++) {
		fv_set_no_notify(r.fv, RXQ, quiet);
		before = atomic_load(&r.fv->queues[RXQ].n_kicks);
		for (unsigned i = 0; i < 64; i++)
			assert_true(fv_receive_plain(r.fv, RXQ, frame, 100));
		assert_int_equal(vireo_rx_burst(r.rxq, pkts, 64), 64);
		vireo_pkt_free(pkts, 64);
		assert_int_equal(atomic_load(&r.fv->queues[RXQ].n_kicks) - before, quiet ? 0 : 1);
		assert_int_equal(fv_available(r.fv, RXQ), 64);
	}
	rig_destroy(&r);
}

/* Checksums, told honestly */

struct claim {
	const char *why;
	struct virtio_net_hdr hdr;
	uint32_t rx_offloads;
	uint32_t flags; /* of the packet */
	bool dropped;
	bool ipv6;
};

/* A TCP frame of 14 + 20 (40) + 20 + 1000 bytes. */
static const struct claim claims[] = {
	{"nothing", .rx_offloads = VIREO_RX_CSUM},
	{"valid", {.flags = 2}, VIREO_RX_CSUM, VIREO_PKT_RX_L4_OK},
	{"valid, not asked for", {.flags = 2}, 0, 0},
	{"partial", {.flags = 1, .csum_start = 34, .csum_offset = 16}, VIREO_RX_CSUM, VIREO_PKT_CSUM_PARTIAL},
	{"partial and valid", {.flags = 3, .csum_start = 34, .csum_offset = 16}, VIREO_RX_CSUM, VIREO_PKT_CSUM_PARTIAL},
	{"partial, not asked for", {.flags = 1, .csum_start = 34, .csum_offset = 16}, .dropped = true},
	{"partial behind the end", {.flags = 1, .csum_start = 1054, .csum_offset = 0}, VIREO_RX_CSUM, .dropped = true},
	{"partial over the end", {.flags = 1, .csum_start = 34, .csum_offset = 1019}, VIREO_RX_CSUM, .dropped = true},
	{"partial that wraps", {.flags = 1, .csum_start = 65535, .csum_offset = 65535}, VIREO_RX_CSUM, .dropped = true},
	{"partial in the Ethernet header",
	 {.flags = 1, .csum_start = 13, .csum_offset = 16},
	 VIREO_RX_CSUM,
	 .dropped = true},
	{"partial at the very end",
	 {.flags = 1, .csum_start = 1052, .csum_offset = 0},
	 VIREO_RX_CSUM,
	 VIREO_PKT_CSUM_PARTIAL},
	{"flags nobody knows", {.flags = 0xfc}, VIREO_RX_CSUM, 0},
	{"large", {1, 1, 54, 500, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL},
	{"large with ECN",
	 {1, 0x81, 54, 500, 34, 16},
	 VIREO_RX_CSUM | VIREO_RX_LARGE,
	 VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL},
	{"large, hint is wild",
	 {1, 1, 65535, 500, 34, 16},
	 VIREO_RX_CSUM | VIREO_RX_LARGE,
	 VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL},
	{"large IPv6",
	 {1, 4, 74, 500, 54, 16},
	 VIREO_RX_CSUM | VIREO_RX_LARGE,
	 VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_IPV6,
	 .ipv6 = true},
	{"large, not asked for", {1, 1, 54, 500, 34, 16}, VIREO_RX_CSUM, .dropped = true},
	{"large without partial", {0, 1, 54, 500, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"large without a size", {1, 1, 54, 0, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"large, checksum elsewhere", {1, 1, 54, 500, 34, 6}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"large, start elsewhere", {1, 1, 54, 500, 38, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"large, start far away", {1, 1, 54, 500, 65535, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"large IPv4 said of IPv6",
	 {1, 1, 74, 500, 54, 16},
	 VIREO_RX_CSUM | VIREO_RX_LARGE,
	 .dropped = true,
	 .ipv6 = true},
	{"large IPv6 said of IPv4", {1, 4, 54, 500, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"UDP fragments", {1, 3, 42, 500, 34, 6}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"UDP segments", {1, 5, 42, 500, 34, 6}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"only ECN", {1, 0x80, 54, 500, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
	{"a kind nobody knows", {1, 0x7f, 54, 500, 34, 16}, VIREO_RX_CSUM | VIREO_RX_LARGE, .dropped = true},
};

static void check_claim(const struct claim *c)
{
	struct frame_shape shape = {.payload = 1000, .ipv6 = c->ipv6};
	struct vireo_pkt pkts[4];
	uint8_t frame[1200];
	struct rig r;
	uint32_t len;

	rig_create(&r, "v");
	r.cfg.rx_offloads = c->rx_offloads;
	/* Headers are looked at, one way or the other. */
	r.cfg.mtu = c->rx_offloads ? 1500 : 9000;
	rig_start(&r);
	len = frame_build(&shape, frame);
	assert_true(fv_receive(r.fv, RXQ, &c->hdr, frame, len));
	fv_show_used(r.fv, RXQ);
	if (vireo_rx_burst(r.rxq, pkts, 4) != !c->dropped)
		fail_msg("%s: %s", c->why, c->dropped ? "not dropped" : "dropped");
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), c->dropped);
	if (!c->dropped) {
		if ((pkts[0].flags & (VIREO_PKT_STATE_MASK | VIREO_PKT_RX_MASK)) != c->flags)
			fail_msg("%s: flags %#x", c->why, pkts[0].flags);
		if (c->flags & VIREO_PKT_CSUM_PARTIAL)
			assert_int_equal(pkts[0].tx.csum_start, c->hdr.csum_start);
		if (c->flags & VIREO_PKT_LARGE) {
			assert_int_equal(pkts[0].tx.l2_len, 14);
			assert_int_equal(pkts[0].tx.l3_len, frame_l3(&shape));
			assert_int_equal(pkts[0].tx.l4_len, 20);
			assert_int_equal(pkts[0].tx.seg_size, 500);
		} else if (c->flags & VIREO_PKT_CSUM_PARTIAL) {
			assert_int_equal(pkts[0].tx.csum_offset, c->hdr.csum_offset);
		}
		assert_packet(pkts, 1, frame, len);
	}
	assert_receives(&r);
	rig_destroy(&r);
}

/* Where packets are one buffer and no checksum is asked for, nothing in a header counts, and it is not read (5.1.6.4.1). */
static void rx_burst_header_that_says_nothing_is_not_looked_at(void **state)
{
	const struct virtio_net_hdr hdr = {.flags = 0xff, .gso_type = 1, .num_buffers = 7};
	struct frame_shape shape = {.payload = 1000};
	struct vireo_pkt pkts[4];
	struct fv_chain chain;
	uint8_t frame[1200];
	uint32_t len = frame_build(&shape, frame);
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	assert_true(fv_pop(r.fv, RXQ, &chain));
	memcpy(chain.parts[0].va, &hdr, sizeof(hdr));
	memcpy((char *)chain.parts[0].va + sizeof(hdr), frame, len);
	fv_put_used(r.fv, RXQ, chain.id, sizeof(hdr) + len);
	fv_show_used(r.fv, RXQ);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 1);
	assert_int_equal(pkts[0].flags & (VIREO_PKT_STATE_MASK | VIREO_PKT_RX_MASK), 0);
	assert_int_equal(pkts[0].len, len);
	assert_memory_equal(vireo_pkt_data(&pkts[0]), frame, len);
	vireo_pkt_free(pkts, 1);
	rig_destroy(&r);
}

static void rx_burst_header_claims_are_believed_only_if_they_can_be_true(void **state)
{
	for (unsigned i = 0; i < N_OF(claims); i++)
		check_claim(&claims[i]);
}

static void rx_burst_random_headers_and_frames_never_crash(void **state)
{
	unsigned seed = 11;
	struct rig r;

	rig_create(&r, "v");
	r.cfg.rx_offloads = VIREO_RX_CSUM | VIREO_RX_LARGE | VIREO_RX_VLAN_STRIP;
	rig_start(&r);
	for (unsigned i = 0; i < 30000; i++) {
		struct frame_shape shape = {.payload = i % 3000, .ipv6 = i & 1, .tagged = i & 2};
		struct virtio_net_hdr hdr = {.flags = i >> 2 & 3,
					     .gso_type = i & 4	 ? 1
							 : i & 8 ? 4
								 : 0,
					     .gso_size = i % 3};
		uint8_t frame[4096];
		uint32_t len = frame_build(&shape, frame);

		for (unsigned k = 0; k < 3; k++) {
			seed = seed * 1103515245 + 12345;
			frame[(seed >> 8) % 60] = seed >> 24;
		}
		hdr.csum_start = (seed >> 4) % 8 ? frame_l2(&shape) + frame_l3(&shape) : seed >> 16;
		hdr.csum_offset = (seed >> 7) % 8 ? 16 : seed >> 12;
		len = 1 + (seed >> 5) % len;
		assert_true(fv_receive(r.fv, RXQ, &hdr, frame, len));
		fv_show_used(r.fv, RXQ);
		drain(&r);
	}
	assert_true(rig_drops(&r, VIREO_DROP_RX_INVALID) > 0);
	rig_destroy(&r);
}

/* VLAN */

static void rx_burst_vlan_strip_takes_the_tag_out(void **state)
{
	static const struct frame_shape tagged = {.payload = 100, .tagged = true, .tci = 0x6123};
	struct virtio_net_hdr hdr = {.flags = 1, .csum_start = 38, .csum_offset = 16};
	struct vireo_pkt pkts[4];
	uint8_t frame[256];
	struct rig r;
	uint32_t len;

	rig_create(&r, "v");
	r.cfg.rx_offloads = VIREO_RX_VLAN_STRIP | VIREO_RX_CSUM;
	rig_start(&r);
	len = frame_build(&tagged, frame);
	assert_true(fv_receive(r.fv, RXQ, &hdr, frame, len));
	fv_show_used(r.fv, RXQ);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 1);
	assert_int_equal(pkts[0].flags & VIREO_PKT_STATE_MASK, VIREO_PKT_VLAN | VIREO_PKT_CSUM_PARTIAL);
	assert_int_equal(pkts[0].vlan, 0x6123);
	assert_int_equal(pkts[0].tx.csum_start, 34);
	memmove(frame + 12, frame + 16, len - 16);
	assert_packet(pkts, 1, frame, len - 4);
	assert_receives(&r);
	rig_destroy(&r);
}

static void receive_tagged(struct rig *r, uint16_t tci, bool wanted)
{
	struct frame_shape tagged = {.payload = 100, .tagged = true, .tci = tci};
	struct vireo_pkt pkts[4];
	uint8_t frame[256];
	uint32_t len = frame_build(&tagged, frame);

	assert_true(fv_receive_plain(r->fv, RXQ, frame, len));
	assert_int_equal(vireo_rx_burst(r->rxq, pkts, 4), wanted);
	if (wanted)
		assert_packet(pkts, 1, frame, len);
}

static void add_vlan_filters_what_arrives_until_the_last_is_removed(void **state)
{
	for (unsigned before = 0; before < 2; before++) {
		struct rig r;

		rig_create(&r, "v");
		rig_start(&r);
		if (before) {
			assert_int_equal(vireo_port_stop(r.port), 0);
			assert_int_equal(vireo_port_add_vlan(r.port, 291), 0);
			assert_int_equal(vireo_port_start(r.port), 0);
			assert_true(r.fv->vlans[291]);
		} else {
			receive_tagged(&r, 5, true);
			assert_int_equal(vireo_port_add_vlan(r.port, 291), 0);
		}
		receive_tagged(&r, 0x6000 | 291, true);
		receive_tagged(&r, 5, false);
		receive_tagged(&r, 0, false);
		assert_receives(&r);
		assert_int_equal(vireo_port_add_vlan(r.port, 0), 0);
		receive_tagged(&r, 0, true);
		assert_int_equal(vireo_port_remove_vlan(r.port, 291), 0);
		receive_tagged(&r, 291, false);
		assert_int_equal(vireo_port_remove_vlan(r.port, 0), 0);
		receive_tagged(&r, 5, true);
		receive_tagged(&r, 4095, true);
		for (unsigned id = 0; before && id < 4096; id++)
			assert_true(r.fv->vlans[id]);
		assert_int_equal(vireo_port_add_vlan(r.port, 7), 0);
		for (unsigned id = 0; before && id < 4096; id++)
			assert_int_equal(r.fv->vlans[id], id == 7);
		receive_tagged(&r, 7, true);
		receive_tagged(&r, 5, false);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 0);
		rig_destroy(&r);
	}
}

/* Interrupts */

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void rxq_arm_next_packet_interrupts_once(void **state)
{
	uint8_t frame[100] = {0};
	struct rig r;

	rig_create(&r, "v");
	r.cfg.rx_interrupts = true;
	rig_start(&r);
	assert_int_equal(r.fv->queues[RXQ].vector, 1);
	assert_false(fv_wants_interrupt(r.fv, RXQ));
	assert_int_equal(vireo_rxq_arm(r.rxq), 0);
	assert_true(fv_wants_interrupt(r.fv, RXQ));
	assert_false(readable(vireo_rxq_fd(r.rxq)));
	assert_true(fv_receive_plain(r.fv, RXQ, frame, 100));
	assert_true(readable(vireo_rxq_fd(r.rxq)));
	/* Packets are there: not armed. */
	assert_int_equal(vireo_rxq_arm(r.rxq), 1);
	assert_false(fv_wants_interrupt(r.fv, RXQ));
	assert_int_equal(drain(&r), 1);
	assert_int_equal(vireo_rxq_arm(r.rxq), 0);
	assert_false(readable(vireo_rxq_fd(r.rxq)));
	/* A burst ends the wish. */
	assert_int_equal(drain(&r), 0);
	assert_false(fv_wants_interrupt(r.fv, RXQ));
	rig_destroy(&r);
}

static void rxq_wait_any_wakes_for_a_packet(void **state)
{
	uint8_t frame[100] = {0};
	struct rig r;

	rig_create(&r, "v");
	r.cfg.rx_interrupts = true;
	rig_start(&r);
	assert_int_equal(vireo_rxq_wait_any(&r.rxq, 1, 1000), 0);
	assert_true(fv_receive_plain(r.fv, RXQ, frame, 100));
	assert_int_equal(vireo_rxq_wait_any(&r.rxq, 1, 1000000), 1);
	assert_int_equal(drain(&r), 1);
	rig_destroy(&r);
}

/* --- the same as the scalar code ----------------------------------------------------------------------------------- */

#define MAX_SEEN 40000

static struct vireo_pkt seen[2][MAX_SEEN];
static uint64_t play_seed;

static uint32_t rnd(void)
{
	play_seed ^= play_seed << 13;
	play_seed ^= play_seed >> 7;
	play_seed ^= play_seed << 17;
	return (uint32_t)(play_seed >> 16);
}

/* Mostly plain ones; a packet of several buffers now and then, and headers and lengths that cannot be true. */
static bool random_arrival(struct rig *r, uint32_t id)
{
	static const uint32_t lens[] = {0, 5, 12, 5000};
	struct virtio_net_hdr hdr = {.flags = rnd() % 2 ? VIRTIO_NET_HDR_F_DATA_VALID : 0, .gso_size = (uint16_t)rnd()};
	uint32_t len = rnd() % 64 ? 20 + rnd() % 1500 : 2000 + rnd() % 4000;
	static uint8_t frame[6000];
	struct fv_chain chain;

	memset(frame, (int)id, len);
	memcpy(frame, &id, sizeof(id));
	/* No tag of a VLAN. */
	memset(frame + 12, 0, 2);
	if (rnd() % 64 == 0)
		hdr.flags |= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (rnd() % 64 == 0)
		hdr.gso_type = (uint8_t)rnd();
	if (rnd() % 64)
		return fv_receive(r->fv, RXQ, &hdr, frame, len);
	if (!fv_pop(r->fv, RXQ, &chain))
		return false;
	fv_put_used(r->fv, RXQ, chain.id, lens[rnd() % N_OF(lens)]);
	return true;
}

static unsigned record(const struct vireo_pkt *pkts, unsigned n, struct vireo_pkt *ret)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t id = 0;

		memcpy(&id, vireo_pkt_data(&pkts[i]), sizeof(id));
		ret[i] = pkts[i];
		ret[i].buf = (void *)(uintptr_t)id;
		ret[i].flags &= ~(0xffu << VIREO_PKT_POOL_SHIFT);
	}
	vireo_pkt_free(pkts, n);
	return n;
}

/* The same frames and bursts for every seed; returns how many elements came out. */
static unsigned play(const char *simd, uint32_t offloads, bool mergeable, struct vireo_pkt *ret,
		     struct vireo_stats *ret_stats)
{
	unsigned n = 0;
	struct rig r;

	if (simd)
		setenv("VIREO_SIMD", simd, 1);
	else
		unsetenv("VIREO_SIMD");
	play_seed = 4711 + offloads + mergeable;
	rig_create(&r, "v");
	/* Taken where a packet can be larger than a buffer. */
	if (mergeable)
		r.cfg.mtu = 9000;
	else
		r.fv->offered &= ~VIRTIO_NET_F_MRG_RXBUF;
	r.cfg.rx_offloads = offloads;
	r.cfg.rx_ring = 128;
	rig_start(&r);
	for (uint32_t round = 0, id = 1; round < 1500; round++) {
		struct vireo_pkt pkts[128];
		unsigned want = rnd() % 4 ? 1 + rnd() % 40 : 1 + rnd() % 128;

		for (unsigned i = rnd() % 48; i; i--, id++)
			if (!random_arrival(&r, id))
				break;
		fv_show_used(r.fv, RXQ);
		n += record(pkts, vireo_rx_burst(r.rxq, pkts, want), ret + n);
		assert_true(n < MAX_SEEN - 128);
	}
	assert_int_equal(vireo_port_stats(r.port, ret_stats), 0);
	rig_destroy(&r);
	return n;
}

static void rx_burst_random_ring_as_the_scalar_code(void **state)
{
	static const uint32_t offloads[] = {0, VIREO_RX_CSUM};
	const char *wish = getenv("VIREO_SIMD");
	char *simd = wish ? strdup(wish) : NULL;

	for (unsigned i = 0; i < 4; i++) {
		struct vireo_stats stats[2];
		unsigned n[2];

		n[0] = play("scalar", offloads[i / 2], i % 2, seen[0], &stats[0]);
		n[1] = play(simd, offloads[i / 2], i % 2, seen[1], &stats[1]);
		assert_true(n[0] > 15000);
		assert_int_equal(n[0], n[1]);
		for (unsigned k = 0; k < n[0]; k++)
			assert_memory_equal(&seen[0][k], &seen[1][k], sizeof(seen[0][k]));
		assert_memory_equal(&stats[0], &stats[1], sizeof(stats[0]));
		assert_true(stats[0].drops[VIREO_DROP_RX_INVALID] > 100);
	}
	if (simd)
		setenv("VIREO_SIMD", simd, 1);
	free(simd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rx_burst_plain_frames_every_burst_size_in_order),
		cmocka_unit_test(rx_burst_out_of_order_past_65535_loses_nothing),
		cmocka_unit_test(rx_burst_used_entry_that_cannot_be_true_is_dropped),
		cmocka_unit_test(rx_burst_id_never_posted_or_given_twice_is_dropped),
		cmocka_unit_test(rx_burst_packet_with_one_buffer_twice_is_dropped),
		cmocka_unit_test(rx_burst_index_that_cannot_be_true_fails_the_port),
		cmocka_unit_test(rx_burst_batch_that_cannot_be_true_is_dropped),
		cmocka_unit_test(rx_burst_batch_of_full_buffers_is_one_packet_each),
		cmocka_unit_test(rx_burst_jumbo_in_small_bursts_is_whole_or_dropped),
		cmocka_unit_test(rx_burst_mixed_sizes_never_split_a_packet),
		cmocka_unit_test(open_buffers_too_small_for_the_mtu_without_merging_is_refused),
		cmocka_unit_test(start_pool_smaller_than_the_ring_says_so_and_leaks_nothing),
		cmocka_unit_test(rx_burst_empty_pool_is_counted_once_and_recovers),
		cmocka_unit_test(rx_burst_refill_rings_once_per_burst_unless_told_not_to),
		cmocka_unit_test(rx_burst_header_that_says_nothing_is_not_looked_at),
		cmocka_unit_test(rx_burst_header_claims_are_believed_only_if_they_can_be_true),
		cmocka_unit_test(rx_burst_random_headers_and_frames_never_crash),
		cmocka_unit_test(rx_burst_vlan_strip_takes_the_tag_out),
		cmocka_unit_test(add_vlan_filters_what_arrives_until_the_last_is_removed),
		cmocka_unit_test(rxq_arm_next_packet_interrupts_once),
		cmocka_unit_test(rxq_wait_any_wakes_for_a_packet),
		cmocka_unit_test(rx_burst_random_ring_as_the_scalar_code),
	};

	return cmocka_run_group_tests_name("virtio_rx", tests, NULL, NULL);
}

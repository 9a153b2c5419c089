// SPDX-License-Identifier: BSD-2-Clause
/* Receive: what the card says is believed only as far as it can be true. */
#include "ixgbe_rig.h"

#include <poll.h>

#include "frame.h"

static const union ixgbe_rx_desc nothing;

static void fill(uint8_t *frame, uint32_t len, unsigned seed)
{
	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(seed * 31 + i);
}

/* A plain frame gets through: the queue is in order. */
static void assert_receives(struct rig *r)
{
	struct vireo_pkt pkts[16];
	uint8_t frame[200];
	unsigned n;

	fill(frame, sizeof(frame), 7);
	assert_true(fi_receive(r->fi, 0, frame, sizeof(frame), nothing));
	n = vireo_rx_burst(r->rxq, pkts, 16);
	assert_int_equal(n, 1);
	assert_int_equal(pkts[0].off, VIREO_HEADROOM);
	assert_packet(pkts, n, frame, sizeof(frame));
}

static void rx_burst_every_burst_size_around_the_ring_in_order(void **state)
{
	static const unsigned sizes[] = {1, 2, 3, 7, 8, 31, 32, 33, 64, 128, 512};
	uint64_t total = 0, bytes = 0;
	struct vireo_stats stats;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned s = 0; s < N_OF(sizes); s++) {
		unsigned in = 0, out = 0;

		while (out < 500) {
			static struct vireo_pkt pkts[512];
			uint8_t frame[1600];
			unsigned n;

			while (in < 500) {
				fill(frame, sizeof(frame), in);
				if (!fi_receive(r.fi, 0, frame, 60 + in, nothing))
					break;
				in++;
			}
			n = vireo_rx_burst(r.rxq, pkts, sizes[s]);
			assert_in_range(n, 1, sizes[s]);
			for (unsigned i = 0; i < n; i++, out++) {
				fill(frame, sizeof(frame), out);
				assert_int_equal(pkts[i].flags & ~(0xffu << VIREO_PKT_POOL_SHIFT), 0);
				assert_int_equal(pkts[i].port, 0);
				bytes += pkts[i].len;
				assert_packet(&pkts[i], 1, frame, 60 + out);
			}
		}
		total += out;
	}
	vireo_rxq_stats(r.rxq, &stats);
	assert_int_equal(stats.rx_packets, total);
	assert_int_equal(stats.rx_bytes, bytes);
	rig_destroy(&r);
}

static void rx_burst_lengths_that_cannot_be_dropped(void **state)
{
	static const uint16_t lens[] = {0, 2049, 65535};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (unsigned i = 0; i < N_OF(lens); i++) {
		union ixgbe_rx_desc wb = {.wb = {.status = IXGBE_RXD_DD | IXGBE_RXD_EOP, .len = lens[i]}};
		struct vireo_pkt pkt;

		assert_true(fi_rx_put(r.fi, 0, "x", 1, wb));
		assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 0);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), i + 1);
		assert_receives(&r);
	}
	rig_destroy(&r);
}

static void rx_burst_packet_without_end_dropped_up_to_the_next_end(void **state)
{
	union ixgbe_rx_desc more = {.wb = {.status = IXGBE_RXD_DD, .len = 2048}}, last = more;
	struct vireo_pkt pkts[8];
	struct rig r;

	last.wb.status |= IXGBE_RXD_EOP;
	last.wb.len = 100;
	rig_create(&r, "x");
	rig_start(&r);
	/* With an MTU of 1500 a packet has one descriptor. */
	for (unsigned i = 0; i < 5; i++)
		assert_true(fi_rx_put(r.fi, 0, "x", 1, more));
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	assert_true(fi_rx_put(r.fi, 0, "x", 1, more));
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	assert_true(fi_rx_put(r.fi, 0, "x", 1, last));
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 1);
	assert_receives(&r);
	rig_destroy(&r);
}

static void rx_burst_damaged_frame_dropped(void **state)
{
	union ixgbe_rx_desc wb = {.wb = {.status = IXGBE_RXD_RXE}};
	struct vireo_pkt pkt;
	uint8_t frame[60] = {0};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	assert_true(fi_receive(r.fi, 0, frame, 60, wb));
	assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 0);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_INVALID), 1);
	assert_receives(&r);
	rig_destroy(&r);
}

static void rx_burst_jumbo_in_elements(void **state)
{
	static uint8_t frame[9724];
	struct vireo_pkt pkts[64];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.mtu = 9710;
	rig_start(&r);
	assert_int_equal(vireo_rxq_max_segs(r.rxq), 5);
	for (uint32_t len = 60, i = 0; len <= sizeof(frame); len += 37, i++) {
		unsigned n;

		fill(frame, len, i);
		assert_true(fi_receive(r.fi, 0, frame, len, nothing));
		n = vireo_rx_burst(r.rxq, pkts, 5);
		assert_int_equal(n, (len + 2047) / 2048);
		assert_packet(pkts, n, frame, len);
	}
	rig_destroy(&r);
}

static void rx_burst_jumbo_without_room_waits_or_is_dropped_whole(void **state)
{
	static uint8_t jumbo[9000], small[60];
	struct vireo_pkt pkts[8];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.mtu = 9000;
	rig_start(&r);
	assert_true(fi_receive(r.fi, 0, small, 60, nothing));
	assert_true(fi_receive(r.fi, 0, jumbo, 9000, nothing));
	assert_true(fi_receive(r.fi, 0, small, 60, nothing));
	/* It fits into 5 elements, of which one is taken. */
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 5), 1);
	assert_packet(pkts, 1, small, 60);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 4), 1);
	assert_packet(pkts, 1, small, 60);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_BURST_SHORT), 1);
	assert_receives(&r);
	rig_destroy(&r);
}

static void rx_burst_jumbo_not_all_there_waits(void **state)
{
	static uint8_t data[2048];
	union ixgbe_rx_desc wb = {.wb = {.status = IXGBE_RXD_DD, .len = 2048}};
	struct vireo_pkt pkts[8];
	struct rig r;

	rig_create(&r, "x");
	r.cfg.mtu = 9000;
	rig_start(&r);
	assert_true(fi_rx_put(r.fi, 0, data, 2048, wb));
	assert_true(fi_rx_put(r.fi, 0, data, 2048, wb));
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 0);
	wb.wb.status |= IXGBE_RXD_EOP;
	wb.wb.len = 7;
	assert_true(fi_rx_put(r.fi, 0, data, 7, wb));
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 8), 3);
	assert_int_equal(pkts[2].len, 7);
	vireo_pkt_free(pkts, 3);
	rig_destroy(&r);
}

/* Status and errors as the card writes them, and what the packet says of it. */
static void rx_burst_offloads_become_flags(void **state)
{
	static const struct {
		uint32_t type, status, flags;
	} cases[] = {
		{0, 0, 0},
		{0, IXGBE_RXD_IPCS, VIREO_PKT_RX_IP_OK},
		{0, IXGBE_RXD_IPE, 0},
		{0, IXGBE_RXD_L4E, 0},
		{0, IXGBE_RXD_IPCS | IXGBE_RXD_IPE, VIREO_PKT_RX_IP_BAD},
		{0, IXGBE_RXD_IPCS | IXGBE_RXD_L4CS, VIREO_PKT_RX_IP_OK | VIREO_PKT_RX_L4_OK},
		{0, IXGBE_RXD_IPCS | IXGBE_RXD_L4CS | IXGBE_RXD_L4E, VIREO_PKT_RX_IP_OK | VIREO_PKT_RX_L4_BAD},
		{0, IXGBE_RXD_IPCS | IXGBE_RXD_L4CS | IXGBE_RXD_IPE, VIREO_PKT_RX_IP_BAD | VIREO_PKT_RX_L4_OK},
		{0, IXGBE_RXD_L4CS, VIREO_PKT_RX_L4_OK},
		{0, IXGBE_RXD_L4CS | IXGBE_RXD_L4E, VIREO_PKT_RX_L4_BAD},
		{IXGBE_RXD_RSS_IPV4_TCP, 0, VIREO_PKT_RX_HASH},
		{IXGBE_RXD_TYPE_IPV4, 0, 0},
		{0, IXGBE_RXD_VP, VIREO_PKT_VLAN},
	};
	struct rig r;

	rig_create(&r, "x");
	r.cfg.rx_offloads = VIREO_RX_CSUM | VIREO_RX_VLAN_STRIP | VIREO_RX_HASH;
	rig_start(&r);
	assert_true(fi_get(r.fi, IXGBE_RXDCTL(0)) & IXGBE_RXDCTL_VME);
	for (unsigned i = 0; i < N_OF(cases); i++) {
		union ixgbe_rx_desc wb = {
			.wb = {.type = cases[i].type, .hash = 0x12345678, .status = cases[i].status, .vlan = 0xe123}};
		struct vireo_pkt pkt;
		uint8_t frame[60] = {0};

		assert_true(fi_receive(r.fi, 0, frame, 60, wb));
		assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 1);
		assert_int_equal(pkt.flags & ~(0xffu << VIREO_PKT_POOL_SHIFT), cases[i].flags);
		if (pkt.flags & VIREO_PKT_RX_HASH)
			assert_int_equal(pkt.hash, 0x12345678);
		if (pkt.flags & VIREO_PKT_VLAN)
			assert_int_equal(pkt.vlan, 0xe123);
		assert_packet(&pkt, 1, frame, 60);
	}
	rig_destroy(&r);
}

static void rx_burst_udp_without_checksum_not_called_bad(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct frame_shape shape = {.udp = true, .tagged = i & 1, .tci = 5, .payload = 30};
		union ixgbe_rx_desc wb = {.wb = {.type = IXGBE_RXD_TYPE_IPV4 | IXGBE_RXD_TYPE_UDP,
						 .status = IXGBE_RXD_L4CS | IXGBE_RXD_L4E}};
		bool has_csum = i & 2;
		struct vireo_pkt pkt;
		uint8_t frame[200];
		uint32_t len;
		struct rig r;

		rig_create(&r, "x");
		r.cfg.rx_offloads = VIREO_RX_CSUM;
		rig_start(&r);
		len = frame_build(&shape, frame);
		if (!has_csum)
			memset(frame + frame_l2(&shape) + frame_l3(&shape) + 6, 0, 2);
		assert_true(fi_receive(r.fi, 0, frame, len, wb));
		assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 1);
		assert_int_equal(pkt.flags & (VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_L4_BAD),
				 has_csum ? VIREO_PKT_RX_L4_BAD : 0);
		assert_packet(&pkt, 1, frame, len);
		rig_destroy(&r);
	}
}

static void rx_burst_empty_pool_counts_and_recovers(void **state)
{
	static struct vireo_pkt held[1024], pkts[128];
	uint8_t frame[60] = {0};
	unsigned n_held, n;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (n_held = 0; vireo_pool_alloc(r.pool, &held[n_held], 1); n_held++)
		;
	while (fi_receive(r.fi, 0, frame, 60, nothing))
		;
	n = vireo_rx_burst(r.rxq, pkts, 128);
	/* One descriptor is always the driver's. */
	assert_int_equal(n, 127);
	assert_int_equal(rig_drops(&r, VIREO_DROP_RX_NO_BUFFER), 1);
	vireo_pkt_free(pkts, n);
	vireo_pkt_free(held, n_held);
	assert_int_equal(vireo_rx_burst(r.rxq, pkts, 128), 0);
	assert_receives(&r);
	rig_destroy(&r);
}

static void rx_burst_few_buffers_circulate_one_by_one(void **state)
{
	static struct vireo_pkt held[1024];
	struct vireo_pkt pkts[128];
	uint8_t frame[60] = {0};
	unsigned n_held, n, total = 0;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	while (fi_receive(r.fi, 0, frame, 60, nothing))
		;
	for (n_held = 0; vireo_pool_alloc(r.pool, &held[n_held], 1); n_held++)
		;
	/* All buffers of the ring are with the application, but for five. */
	n = vireo_rx_burst(r.rxq, pkts, 128);
	memcpy(&held[n_held], pkts, (n - 5) * sizeof(pkts[0]));
	n_held += n - 5;
	vireo_pkt_free(&pkts[n - 5], 5);
	for (unsigned i = 0; i < 300; i++) {
		n = vireo_rx_burst(r.rxq, pkts, 128);
		vireo_pkt_free(pkts, n);
		total += n;
		while (fi_receive(r.fi, 0, frame, 60, nothing))
			;
	}
	assert_true(total > 250);
	vireo_pkt_free(held, n_held);
	rig_destroy(&r);
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void rxq_arm_packets_there_or_later_never_lost(void **state)
{
	uint8_t frame[60] = {0};
	struct vireo_pkt pkt;
	struct rig r;
	int fd;

	rig_create(&r, "x");
	r.cfg.rx_interrupts = true;
	rig_start(&r);
	fd = vireo_rxq_fd(r.rxq);
	assert_true(fd >= 0);
	assert_true(fi_receive(r.fi, 0, frame, 60, nothing));
	assert_int_equal(vireo_rxq_arm(r.rxq), 1);
	assert_int_equal(fi_get(r.fi, IXGBE_EIMS_EX(0)), 0);
	assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_rxq_arm(r.rxq), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_EIMS_EX(0)), 1u << 1);
	assert_true(fi_receive(r.fi, 0, frame, 60, nothing));
	assert_int_equal(fi_get(r.fi, IXGBE_IVAR(0)) & 0xff, IXGBE_IVAR_VALID | 1);
	assert_true(fake_device_signal(r.fi->bus, VIREO_IRQ_MSIX, 1));
	assert_true(is_readable(fd));
	assert_int_equal(vireo_rx_burst(r.rxq, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	/* A burst after the interrupt closes the vector again. */
	assert_int_equal(fi_get(r.fi, IXGBE_EIMS_EX(0)), 0);
	rig_destroy(&r);
}

static void open_pool_with_small_buffers_refused(void **state)
{
	struct vireo_pool_config cfg = {.n_bufs = 512, .buf_size = 512};
	struct vireo_pool *pool;
	struct rig r;

	rig_create(&r, "x");
	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	r.cfg.rx_pool = pool;
	assert_int_equal(rig_fail(&r), -EINVAL);
	assert_sentence("1024 bytes");
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

static void start_pool_too_small_no_space(void **state)
{
	struct vireo_pool_config cfg = {.n_bufs = 100};
	struct vireo_pool *pool;
	struct rig r;

	rig_create(&r, "x");
	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	r.cfg.rx_pool = pool;
	assert_int_equal(rig_fail(&r), -ENOSPC);
	assert_sentence("128 descriptors");
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/* --- a whole queue against the scalar code ------------------------------------------------------------------------ */

#define MAX_SEEN 60000

static struct vireo_pkt seen[2][MAX_SEEN]; /* buf: the number that the card wrote into the frame */
static uint64_t seed;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* What a card may write back, and now and then what it may not: any state, no end, damage, lengths of 0 and beyond a buffer. */
static union ixgbe_rx_desc random_write_back(void)
{
	union ixgbe_rx_desc wb = {.wb = {.type = rnd() & 0x3ff, .hash = rnd(), .vlan = (uint16_t)rnd()}};
	uint32_t kind = rnd() % 100;

	wb.wb.status = (rnd() & ~IXGBE_RXD_RXE) | IXGBE_RXD_DD | IXGBE_RXD_EOP;
	wb.wb.len = (uint16_t)(1 + rnd() % 2048);
	if (kind == 0)
		wb.wb.status |= IXGBE_RXD_RXE;
	else if (kind == 1)
		wb.wb.len = 0;
	else if (kind == 2)
		wb.wb.len = (uint16_t)(2049 + rnd() % 60000);
	else if (kind == 3)
		wb.wb.len = 2048;
	if (kind < 8 && rnd() % 2) {
		wb.wb.status &= ~IXGBE_RXD_EOP;
		wb.wb.len = rnd() % 8 ? 2048 : wb.wb.len;
	}
	return wb;
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
static unsigned play(const char *simd, uint32_t offloads, uint16_t mtu, struct vireo_pkt *ret,
		     struct vireo_stats *ret_stats)
{
	unsigned n = 0;
	struct rig r;

	if (simd)
		setenv("VIREO_SIMD", simd, 1);
	else
		unsetenv("VIREO_SIMD");
	seed = 4711 + offloads + mtu;
	rig_create(&r, "x");
	r.cfg.rx_offloads = offloads;
	r.cfg.mtu = mtu;
	rig_start(&r);
	for (uint32_t round = 0, id = 1; round < 2500; round++) {
		struct vireo_pkt pkts[128];
		unsigned want = rnd() % 4 ? 1 + rnd() % 40 : 1 + rnd() % 128;

		for (unsigned i = rnd() % 48; i; i--, id++)
			if (!fi_rx_put(r.fi, 0, &id, sizeof(id), random_write_back()))
				break;
		n += record(pkts, vireo_rx_burst(r.rxq, pkts, want), ret + n);
		assert_true(n < MAX_SEEN - 128);
	}
	assert_int_equal(vireo_port_stats(r.port, ret_stats), 0);
	rig_destroy(&r);
	return n;
}

static void rx_burst_random_ring_as_the_scalar_code(void **state)
{
	static const uint32_t offloads[] = {0, VIREO_RX_HASH, VIREO_RX_CSUM | VIREO_RX_HASH | VIREO_RX_VLAN_STRIP};
	static const uint16_t mtus[] = {0, 9000};
	const char *wish = getenv("VIREO_SIMD");
	char *simd = wish ? strdup(wish) : NULL;

	for (unsigned i = 0; i < N_OF(offloads) * N_OF(mtus); i++) {
		struct vireo_stats stats[2];
		unsigned n[2];

		n[0] = play("scalar", offloads[i / 2], mtus[i % 2], seen[0], &stats[0]);
		n[1] = play(simd, offloads[i / 2], mtus[i % 2], seen[1], &stats[1]);
		assert_true(n[0] > 20000);
		assert_int_equal(n[0], n[1]);
		for (unsigned k = 0; k < n[0]; k++)
			assert_memory_equal(&seen[0][k], &seen[1][k], sizeof(seen[0][k]));
		assert_memory_equal(&stats[0], &stats[1], sizeof(stats[0]));
		assert_true(stats[0].drops[VIREO_DROP_RX_INVALID] > 100);
	}
	free(simd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rx_burst_random_ring_as_the_scalar_code),
		cmocka_unit_test(rx_burst_every_burst_size_around_the_ring_in_order),
		cmocka_unit_test(rx_burst_lengths_that_cannot_be_dropped),
		cmocka_unit_test(rx_burst_packet_without_end_dropped_up_to_the_next_end),
		cmocka_unit_test(rx_burst_damaged_frame_dropped),
		cmocka_unit_test(rx_burst_jumbo_in_elements),
		cmocka_unit_test(rx_burst_jumbo_without_room_waits_or_is_dropped_whole),
		cmocka_unit_test(rx_burst_jumbo_not_all_there_waits),
		cmocka_unit_test(rx_burst_offloads_become_flags),
		cmocka_unit_test(rx_burst_udp_without_checksum_not_called_bad),
		cmocka_unit_test(rx_burst_empty_pool_counts_and_recovers),
		cmocka_unit_test(rx_burst_few_buffers_circulate_one_by_one),
		cmocka_unit_test(rxq_arm_packets_there_or_later_never_lost),
		cmocka_unit_test(open_pool_with_small_buffers_refused),
		cmocka_unit_test(start_pool_too_small_no_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

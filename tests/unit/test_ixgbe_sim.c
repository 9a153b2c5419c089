// SPDX-License-Identifier: BSD-2-Clause
/* The driver on the model: packets of every size both ways, in shared and in trap mode. */
#include "ixgbe_sim.h"

#include "frame.h"

static void fill(uint8_t *frame, uint32_t len, unsigned seed)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	for (uint32_t i = 0; i < len; i++)
		frame[i] = (uint8_t)(seed * 31 + i);
	memcpy(frame, head, sizeof(head));
}

static void assert_departs(struct sim_rig *r, const uint8_t *frame, uint32_t len)
{
	struct test_frame *f = sim_rig_departed(r);

	if (!f)
		fail_msg("a frame of %u bytes did not leave", len);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->data, frame, len);
	free(f);
}

static void assert_arrives(struct sim_rig *r, const uint8_t *frame, uint32_t len)
{
	static uint8_t data[SIM_FRAME_ROOM];
	struct vireo_pkt pkts[64];
	unsigned n = sim_rig_receive(r, 0, pkts, 64);

	if (!n)
		fail_msg("a frame of %u bytes did not arrive", len);
	assert_int_equal(sim_rig_flatten(pkts, n, data), len);
	assert_memory_equal(data, frame, len);
}

static void every_size_leaves_and_arrives(void **state)
{
	bool trap = *(const bool *)*state;
	static uint8_t frame[9728];
	struct sim_rig r;

	sim_rig_create(&r, trap);
	r.cfg.mtu = 9710;
	sim_rig_start(&r);
	for (uint32_t len = 60; len <= 9710; len += trap ? 193 : 1) {
		struct vireo_pkt pkts[8];
		unsigned n;

		fill(frame, len, len);
		n = sim_rig_packet(&r, frame, len, 2000, pkts);
		sim_rig_send(&r, pkts, n);
		sim_rig_arrive(&r, frame, len);
		assert_departs(&r, frame, len);
		assert_arrives(&r, frame, len);
	}
	assert_int_equal(sim_rig_counter(&r, "dma_refused"), 0);
	sim_rig_destroy(&r);
}

/* More packets than the rings have descriptors, in bursts of one size; all of them, in order, and every buffer home. */
static void bursts_of_every_size_around_the_rings(void **state)
{
	static const unsigned sizes[] = {1, 2, 3, 31, 32, 33, 64, 255, 512};
	bool trap = *(const bool *)*state;
	static struct vireo_pkt pkts[512];
	static uint8_t frame[64];
	struct sim_rig r;

	sim_rig_create(&r, trap);
	r.cfg.rx_ring = r.cfg.tx_ring = 128;
	sim_rig_start(&r);
	for (unsigned s = 0; s < N_OF(sizes); s++) {
		unsigned total = sizes[s] < 32 && trap ? 64 : 512, arrived = 0;

		for (unsigned at = 0; at < total;) {
			unsigned n = sizes[s] < total - at ? sizes[s] : total - at;

			for (unsigned i = 0; i < n; i++) {
				fill(frame, 60, at + i);
				sim_rig_packet(&r, frame, 60, 0, &pkts[i]);
			}
			sim_rig_send(&r, pkts, n);
			at += n;
		}
		for (unsigned i = 0; i < total; i++) {
			fill(frame, 60, i);
			assert_departs(&r, frame, 60);
			sim_rig_arrive(&r, frame, 60);
		}
		while (arrived < total) {
			unsigned n = sim_rig_receive(&r, 0, pkts, sizes[s]);

			assert_in_range(n, 1, sizes[s]);
			for (unsigned i = 0; i < n; i++, arrived++) {
				fill(frame, 60, arrived);
				assert_memory_equal(vireo_pkt_data(&pkts[i]), frame, 60);
			}
			vireo_pkt_free(pkts, n);
		}
	}
	sim_rig_destroy(&r);
}

/* What the card counts is what was sent and received. */
static void counters_agree_with_the_wire(void **state)
{
	static uint8_t frame[1500];
	struct vireo_stats stats;
	struct vireo_pkt pkt;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	for (unsigned i = 0; i < 20; i++) {
		fill(frame, 60 + 64 * i, i);
		sim_rig_packet(&r, frame, 60 + 64 * i, 0, &pkt);
		sim_rig_send(&r, &pkt, 1);
		assert_departs(&r, frame, 60 + 64 * i);
		sim_rig_arrive_damaged(&r, frame, 60 + 64 * i);
		sim_rig_arrive(&r, frame, 60 + 64 * i);
		assert_arrives(&r, frame, 60 + 64 * i);
	}
	assert_int_equal(vireo_port_stats(r.port, &stats), 0);
	assert_int_equal(stats.rx_packets, 20);
	assert_int_equal(stats.tx_packets, 20);
	assert_int_equal(stats.drops[VIREO_DROP_RX_ERROR], 20);
	assert_int_equal(sim_rig_xstat(&r, "mac_rx_crc_errors"), 20);
	assert_int_equal(sim_rig_xstat(&r, "mac_rx_packets"), 20);
	assert_int_equal(sim_rig_xstat(&r, "mac_tx_packets"), 20);
	/* Frames have 4 bytes more on the wire. */
	assert_int_equal(sim_rig_xstat(&r, "mac_tx_bytes"), stats.tx_bytes + 20 * 4);
	assert_int_equal(sim_rig_xstat(&r, "mac_rx_64"), 1);
	assert_int_equal(sim_rig_xstat(&r, "mac_rx_65_127"), 0);
	assert_int_equal(sim_rig_xstat(&r, "mac_rx_128_255"), 2);
	assert_int_equal(sim_rig_xstat(&r, "rx_counter0_packets"), 20);
	assert_int_equal(sim_rig_xstat(&r, "tx_counter0_packets"), 20);
	/* Stop and start keep them. */
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_int_equal(sim_rig_xstat(&r, "mac_tx_packets"), 20);
	sim_rig_destroy(&r);
}

#define BOTH(name) cmocka_unit_test_prestate(name, &shared), cmocka_unit_test_prestate(name, &trap)

int main(void)
{
	static bool shared = false, trap = true;
	const struct CMUnitTest tests[] = {
		BOTH(every_size_leaves_and_arrives),
		BOTH(bursts_of_every_size_around_the_rings),
		BOTH(counters_agree_with_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

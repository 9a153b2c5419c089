// SPDX-License-Identifier: BSD-2-Clause
/* Cable, generator, sink and echo, each by itself. */
#include "wire_rig.h"

#include <pthread.h>

static struct sim_wires *wires;

static int setup(void **state)
{
	wires = sim_wires_create();
	return wires ? 0 : -1;
}

static int teardown(void **state)
{
	sim_wires_destroy(wires);
	return 0;
}

static void plug_nonsense_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"", "no kind of wire"},
		{"generator", "no kind of wire"},
		{"gen:x", "only cable and tap have a name"},
		{"gen,size=63", "between 64"},
		{"gen,size=9729", "9728"},
		{"gen,bad_ip=60%,bad_l4=60%", "more than 100%"},
		{"gen,flows=0", "flows"},
		{"gen,vlan=4095", "vlan"},
		{"gen,fast", "no option \"fast\""},
		{"sink,rate=1M", "no option \"rate\""},
		{"echo,room=1k", "between 64000"},
		{"cable", "needs a name"},
		{"cable:0123456789012345678901234567890123456789012345678901234567890123456789", "at most"},
		{"sink,loss=200%", "loss"},
		{"sink,side=up,loss=1%", "side"},
		{"sink,seed=-1,loss=1%", "seed"},
		{"sink,flap=999999h", "30 years"},
		{"tap", "needs the name"},
		{"tap:a/b", "needs the name"},
		{"tap:toolongforalinuxname", "needs the name"},
		{"tap:x,fd=3", "not both"},
		{"tap,fd=2", "no descriptor of a TAP"},
		{"tap,fd=99999", "no descriptor of a TAP"},
	};

	for (unsigned i = 0; i < N_OF(cases); i++)
		assert_int_equal(rig_refused(wires, cases[i].text, cases[i].part), -EINVAL);
}

static void cable_frames_arrive_in_order_and_whole(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x"), *b = rig_plug(wires, "cable:x");
	struct sim_frame frames[64];
	uint32_t sent = 0, got = 0;

	assert_false(a->waits);
	/* Long enough to go around the ring many times with all sizes. */
	for (unsigned round = 0; round < 3000; round++) {
		for (unsigned i = 0; i < 7; i++, sent++)
			rig_send(a, 60 + (sent * 37) % 9660, sent, 0);
		while (got < sent) {
			unsigned n = rig_receive(b, frames, 1 + got % 64, 0);

			assert_true(n > 0);
			for (unsigned i = 0; i < n; i++, got++) {
				assert_int_equal(rig_number(&frames[i]), got);
				assert_int_equal(frames[i].len, 60 + (got * 37) % 9660);
			}
		}
	}
	assert_int_equal(rig_receive(b, frames, 64, 0), 0);
	assert_int_equal(rig_receive(a, frames, 64, 0), 0);
	assert_int_equal(rig_counter(a, "out_frames"), sent);
	assert_int_equal(rig_counter(b, "in_frames"), sent);
	assert_int_equal(rig_counter(a, "out_bytes"), rig_counter(b, "in_bytes"));
	assert_int_equal(rig_counter(a, "out_lost_full"), 0);
	rig_unplug(a);
	rig_unplug(b);
}

static void cable_full_loses_and_counts(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x,room=64000"), *b = rig_plug(wires, "cable:x");
	struct sim_frame frames[64];
	unsigned got = 0, n;

	for (unsigned i = 0; i < 2000; i++)
		rig_send(a, 64, i, 0);
	while ((n = rig_receive(b, frames, 64, 0)) > 0) {
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(rig_number(&frames[i]), got++);
	}
	/* 64 KiB hold so many frames of 64 bytes with the 16 in front of each. */
	assert_int_equal(got, 65536 / 80);
	assert_int_equal(rig_counter(a, "out_lost_full"), 2000 - got);
	rig_send(a, 64, 9999, 0);
	assert_int_equal(rig_receive(b, frames, 64, 0), 1);
	assert_int_equal(rig_number(&frames[0]), 9999);
	rig_unplug(a);
	rig_unplug(b);
}

/* What was received must stay as it is until the next call, however much is sent meanwhile. */
static void cable_received_data_stay_valid(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x,room=64000"), *b = rig_plug(wires, "cable:x");
	struct sim_frame frames[64];

	for (unsigned i = 0; i < 64; i++)
		rig_send(a, 64, i, 0);
	assert_int_equal(rig_receive(b, frames, 64, 0), 64);
	for (unsigned i = 0; i < 2000; i++)
		rig_send(a, 64, 0x55555555, 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(rig_number(&frames[i]), i);
	rig_unplug(a);
	rig_unplug(b);
}

static void cable_carrier_follows_the_other_end(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x"), *b;
	struct sim_frame frame;

	assert_false(a->ops->carrier(a, 0));
	rig_send(a, 64, 1, 0);
	assert_int_equal(rig_counter(a, "out_lost_unplugged"), 1);
	b = rig_plug(wires, "cable:x");
	assert_true(a->ops->carrier(a, 0));
	assert_true(b->ops->carrier(b, 0));
	b->ops->set_laser(b, false);
	assert_false(a->ops->carrier(a, 0));
	assert_true(b->ops->carrier(b, 0));
	b->ops->set_laser(b, true);
	assert_true(a->ops->carrier(a, 0));

	/* What was sent before the laser went off still arrives in the light. */
	rig_send(b, 64, 1, 0);
	b->ops->set_laser(b, false);
	assert_true(a->ops->carrier(a, 0));
	assert_int_equal(rig_receive(a, &frame, 1, 0), 1);
	assert_false(a->ops->carrier(a, 0));
	b->ops->set_laser(b, true);

	/* What waits for somebody who goes is not for the next. */
	rig_send(a, 64, 2, 0);
	rig_unplug(b);
	assert_false(a->ops->carrier(a, 0));
	b = rig_plug(wires, "cable:x");
	assert_int_equal(rig_receive(b, &frame, 1, 0), 0);
	rig_send(a, 64, 3, 0);
	assert_int_equal(rig_receive(b, &frame, 1, 0), 1);
	rig_unplug(a);
	rig_unplug(b);
}

static void cable_third_end_is_refused(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x"), *b = rig_plug(wires, "cable:x"), *c;

	assert_int_equal(rig_refused(wires, "cable:x", "two ports already"), -EBUSY);
	c = rig_plug(wires, "cable:y");
	rig_unplug(c);
	rig_unplug(a);
	a = rig_plug(wires, "cable:x");
	rig_unplug(b);
	rig_unplug(a);
}

#define RACE_FRAMES 20000u

static void *race_sender(void *arg)
{
	struct sim_wire_end *end = arg;

	for (uint32_t i = 0; i < RACE_FRAMES; i++)
		rig_send(end, 60 + i % 200, i, 0);
	return NULL;
}

static void cable_between_threads_loses_nothing_but_what_it_counts(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x,room=64000"), *b = rig_plug(wires, "cable:x");
	struct sim_frame frames[64];
	uint32_t next = 0, got = 0;
	pthread_t thread;
	bool done = false;

	assert_int_equal(pthread_create(&thread, NULL, race_sender, a), 0);
	for (;;) {
		unsigned n = rig_receive(b, frames, 64, 0);

		for (unsigned i = 0; i < n; i++, got++) {
			uint32_t number = rig_number(&frames[i]);

			assert_true(number >= next && number < RACE_FRAMES);
			next = number + 1;
		}
		if (!n && done)
			break;
		if (!n && !done)
			done = pthread_tryjoin_np(thread, NULL) == 0;
	}
	assert_int_equal(got + rig_counter(a, "out_lost_full"), RACE_FRAMES);
	assert_int_equal(rig_counter(b, "in_frames"), got);
	rig_unplug(a);
	rig_unplug(b);
}

static void wires_destroy_cables_live_on(void **state)
{
	struct sim_wires *own = sim_wires_create();
	struct sim_wire_end *a = rig_plug(own, "cable:x"), *b = rig_plug(own, "cable:x");

	sim_wires_destroy(own);
	rig_unplug(a);
	rig_unplug(b);
	sim_wires_destroy(NULL);
}

static void gen_every_size_is_an_honest_packet(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,size=64-9728,flows=300,stream=77,seed=5");
	bool seen[9729] = {false};
	unsigned n_seen = 0;
	uint32_t seq = 0;

	assert_true(gen->waits);
	for (unsigned round = 0; round < 1000; round++) {
		struct sim_frame frames[100];
		unsigned n = rig_receive(gen, frames, 100, 0x123456789abull + round);

		assert_int_equal(n, 100);
		for (unsigned i = 0; i < n; i++, seq++) {
			struct rig_packet p;

			assert_int_equal(rig_dissect(&frames[i], &p), RIG_GOOD);
			assert_int_equal(p.seq, seq);
			assert_int_equal(p.stream, 77);
			assert_int_equal(p.time_ns, 0x123456789abull + round);
			assert_int_equal(p.src_port, 1024 + seq % 300);
			n_seen += !seen[frames[i].len];
			seen[frames[i].len] = true;
		}
	}
	assert_true(n_seen > 9000);
	rig_unplug(gen);
}

static void gen_many_flows_have_addresses_too(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,flows=100000");
	struct sim_frame frames[64];
	struct rig_packet p;

	for (unsigned round = 0; round < 1700; round++) {
		unsigned n = rig_receive(gen, frames, 64, 0);

		for (unsigned i = 0; i < n; i++) {
			unsigned flow = (round * 64 + i) % 100000;

			assert_int_equal(rig_dissect(&frames[i], &p), RIG_GOOD);
			assert_int_equal(p.src_port, 1024 + flow % 32768);
			assert_int_equal(p.src_ip, 0xc6120001 + flow / 32768);
			assert_int_equal(frames[i].len, 60);
		}
	}
	rig_unplug(gen);
}

static void gen_vlan_tag_is_added(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,size=64-128,vlan=5,count=1000");
	struct sim_frame frames[64];
	struct rig_packet p;
	unsigned n, total = 0;

	while ((n = rig_receive(gen, frames, 64, 0)) > 0) {
		for (unsigned i = 0; i < n; i++, total++) {
			assert_int_equal(rig_dissect(&frames[i], &p), RIG_GOOD);
			assert_int_equal(p.vlan, 5);
			assert_true(frames[i].len >= 64 && frames[i].len <= 128);
		}
	}
	assert_int_equal(total, 1000);
	rig_unplug(gen);
}

static void gen_faults_are_counted_exactly(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,bad_ip=1%,bad_l4=2%,foreign=3%,count=100k,sum");
	uint64_t kinds[RIG_NONSENSE + 1] = {0}, sum = 0, bytes = 0;
	struct sim_frame frames[64];
	struct rig_packet p;
	unsigned n;

	while ((n = rig_receive(gen, frames, 64, 0)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			enum rig_fault fault = rig_dissect(&frames[i], &p);

			kinds[fault]++;
			bytes += frames[i].len;
			for (unsigned b = 0; b < frames[i].len && fault != RIG_FOREIGN; b++)
				sum += (uint64_t)frames[i].data[b] << 8 * (b % 8);
		}
	}
	assert_int_equal(kinds[RIG_NONSENSE], 0);
	assert_int_equal(kinds[RIG_BAD_IP], rig_counter(gen, "in_bad_ip"));
	assert_int_equal(kinds[RIG_BAD_L4], rig_counter(gen, "in_bad_l4"));
	assert_int_equal(kinds[RIG_FOREIGN], rig_counter(gen, "in_foreign"));
	assert_int_equal(bytes, rig_counter(gen, "in_bytes"));
	assert_int_equal(rig_counter(gen, "in_frames"), 100000);
	assert_int_equal(sum, rig_counter(gen, "in_sum"));
	assert_in_range(kinds[RIG_BAD_IP], 850, 1150);
	assert_in_range(kinds[RIG_BAD_L4], 1750, 2250);
	assert_in_range(kinds[RIG_FOREIGN], 2700, 3300);
	rig_unplug(gen);
}

static unsigned receive_all(struct sim_wire_end *end, uint64_t now_ns)
{
	struct sim_frame frames[64];
	unsigned n, total = 0;

	while ((n = rig_receive(end, frames, 64, now_ns)) > 0)
		total += n;
	return total;
}

static void gen_rate_in_packets_is_kept(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,rate=1M");
	const uint64_t start = 1000000000;

	assert_false(gen->waits);
	assert_int_equal(receive_all(gen, start), 1);
	assert_int_equal(receive_all(gen, start + 999), 0);
	assert_int_equal(receive_all(gen, start + 1000), 1);
	assert_int_equal(receive_all(gen, start + 5000000), 4999);
	/* A second of silence is not made up for. */
	assert_int_equal(receive_all(gen, start + 1005000000), 1);
	assert_int_equal(rig_counter(gen, "in_late"), 1);
	rig_unplug(gen);
}

static void gen_rate_in_bits_counts_the_gap(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,rate=10G");
	unsigned total = 0;

	/* 84 bytes on the wire for the smallest frame: 14.88 million in a second. */
	for (uint64_t ns = 0; ns <= 10000000; ns += 1000)
		total += receive_all(gen, 5 + ns);
	assert_in_range(total, 148800, 148820);
	rig_unplug(gen);
}

static void gen_same_seed_same_frames(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "gen,size=64-1500,bad_l4=5%,foreign=5%,seed=9");
	struct sim_wire_end *b = rig_plug(wires, "gen,size=64-1500,bad_l4=5%,foreign=5%,seed=9");
	struct sim_wire_end *c = rig_plug(wires, "gen,size=64-1500,bad_l4=5%,foreign=5%,seed=10");
	struct sim_frame fa[64], fb[64], fc[64];
	bool differs = false;

	for (unsigned round = 0; round < 10; round++) {
		assert_int_equal(rig_receive(a, fa, 64, 1), 64);
		assert_int_equal(rig_receive(b, fb, 64, 1), 64);
		assert_int_equal(rig_receive(c, fc, 64, 1), 64);
		for (unsigned i = 0; i < 64; i++) {
			assert_int_equal(fa[i].len, fb[i].len);
			assert_memory_equal(fa[i].data, fb[i].data, fa[i].len);
			differs |= fa[i].len != fc[i].len;
		}
	}
	assert_true(differs);
	rig_unplug(a);
	rig_unplug(b);
	rig_unplug(c);
}

static void sink_reads_every_byte(void **state)
{
	struct sim_wire_end *sink = rig_plug(wires, "sink");
	struct sim_frame frame;
	uint64_t sum = 0, bytes = 0;
	uint8_t data[1600];

	for (unsigned len = 60; len < 1600; len++) {
		rig_make(data, len, len * 77);
		for (unsigned b = 0; b < len; b++)
			sum += (uint64_t)data[b] << 8 * (b % 8);
		rig_send(sink, len, len * 77, 0);
		bytes += len;
	}
	assert_int_equal(rig_counter(sink, "out_frames"), 1540);
	assert_int_equal(rig_counter(sink, "out_bytes"), bytes);
	assert_int_equal(rig_counter(sink, "out_sum"), sum);
	assert_int_equal(rig_receive(sink, &frame, 1, 0), 0);
	assert_true(sink->ops->carrier(sink, 0));
	rig_unplug(sink);
}

static void gen_counts_what_is_sent_into_it(void **state)
{
	struct sim_wire_end *gen = rig_plug(wires, "gen,rate=1"), *sink = rig_plug(wires, "sink");

	rig_send(gen, 99, 5, 0);
	rig_send(sink, 99, 5, 0);
	assert_int_equal(rig_counter(gen, "out_frames"), 1);
	assert_int_equal(rig_counter(gen, "out_bytes"), 99);
	assert_int_equal(rig_counter(gen, "out_sum"), rig_counter(sink, "out_sum"));
	rig_unplug(gen);
	rig_unplug(sink);
}

static void echo_addresses_are_exchanged_or_not(void **state)
{
	struct sim_wire_end *swap = rig_plug(wires, "echo"), *as_is = rig_plug(wires, "echo,asis");
	struct sim_frame frame;
	uint8_t data[100];

	rig_make(data, 100, 1234);
	rig_send(swap, 100, 1234, 0);
	assert_int_equal(rig_receive(swap, &frame, 1, 0), 1);
	assert_int_equal(frame.len, 100);
	assert_memory_equal(frame.data, data + 6, 6);
	assert_memory_equal(frame.data + 6, data, 6);
	assert_memory_equal(frame.data + 12, data + 12, 88);
	rig_send(as_is, 100, 1234, 0);
	assert_int_equal(rig_receive(as_is, &frame, 1, 0), 1);
	assert_int_equal(rig_number(&frame), 1234);
	assert_int_equal(rig_counter(as_is, "in_frames"), 1);
	assert_int_equal(rig_counter(as_is, "out_frames"), 1);
	rig_unplug(swap);
	rig_unplug(as_is);
}

static void echo_full_loses_and_counts(void **state)
{
	struct sim_wire_end *echo = rig_plug(wires, "echo,asis,room=64000");
	unsigned got;

	for (unsigned i = 0; i < 1000; i++)
		rig_send(echo, 64, i, 0);
	got = receive_all(echo, 0);
	assert_int_equal(got, 65536 / 80);
	assert_int_equal(rig_counter(echo, "out_lost_full"), 1000 - got);
	rig_unplug(echo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plug_nonsense_is_refused_with_a_sentence, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_frames_arrive_in_order_and_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_full_loses_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_received_data_stay_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_carrier_follows_the_other_end, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_third_end_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(cable_between_threads_loses_nothing_but_what_it_counts, setup,
						teardown),
		cmocka_unit_test(wires_destroy_cables_live_on),
		cmocka_unit_test_setup_teardown(gen_every_size_is_an_honest_packet, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_many_flows_have_addresses_too, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_vlan_tag_is_added, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_faults_are_counted_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_rate_in_packets_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_rate_in_bits_counts_the_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_same_seed_same_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(sink_reads_every_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(gen_counts_what_is_sent_into_it, setup, teardown),
		cmocka_unit_test_setup_teardown(echo_addresses_are_exchanged_or_not, setup, teardown),
		cmocka_unit_test_setup_teardown(echo_full_loses_and_counts, setup, teardown),
	};

	return cmocka_run_group_tests_name("sim_wires", tests, NULL, NULL);
}

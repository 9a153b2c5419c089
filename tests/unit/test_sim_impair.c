// SPDX-License-Identifier: BSD-2-Clause
/* What happens to frames on the way: counted exactly, and the same with the same seed. */
#include "wire_rig.h"

#define N_FRAMES 20000u
#define MS	 1000000ull

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

/* What came out of a line, in its order. */
struct arrival {
	uint32_t number;
	uint32_t flags;
	bool whole;
};

static struct arrival arrivals[3 * N_FRAMES];

static unsigned collect(struct sim_wire_end *end, unsigned at, uint64_t now_ns)
{
	struct sim_frame frames[64];
	uint8_t want[2000];
	unsigned n;

	while ((n = rig_receive(end, frames, 64, now_ns)) > 0) {
		for (unsigned i = 0; i < n; i++, at++) {
			struct arrival *a = &arrivals[at];

			assert_true(at < N_OF(arrivals));
			/* The last four bytes tell the number too, so that one damaged byte does not hide it. */
			memcpy(&a->number, frames[i].data + 12, 4);
			rig_make(want, 16, 0);
			for (unsigned b = 0; b < 4; b++)
				a->number ^= (uint32_t)want[12 + b] << 8 * b;
			a->flags = frames[i].flags;
			rig_make(want, frames[i].len, a->number);
			a->whole = !memcmp(want, frames[i].data, frames[i].len);
		}
	}
	return at;
}

/* Send N_FRAMES through "echo,asis" with @options towards the port; how many arrive. */
static unsigned run(const char *options, struct sim_wire_end **ret_end)
{
	struct sim_wire_end *end;
	char text[200];
	unsigned at = 0;

	snprintf(text, sizeof(text), "echo,asis,side=in,%s", options);
	end = rig_plug(wires, text);
	for (uint32_t i = 0; i < N_FRAMES; i++) {
		rig_send(end, 100, i, i);
		at = collect(end, at, i);
	}
	at = collect(end, at, 1000 * MS);
	at = collect(end, at, 2000 * MS);
	*ret_end = end;
	return at;
}

static void impair_nothing_asked_nothing_wrapped(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "echo,loss=0%,seed=4,side=in,delay=0s");

	assert_string_equal(end->ops->name, "echo");
	rig_unplug(end);
}

static void impair_loss_is_counted_exactly(void **state)
{
	struct sim_wire_end *end;
	unsigned n = run("loss=10%", &end);
	uint32_t last = 0;

	assert_int_equal(n + rig_counter(end, "in_lost_chance"), N_FRAMES);
	assert_in_range(rig_counter(end, "in_lost_chance"), N_FRAMES / 10 - 200, N_FRAMES / 10 + 200);
	for (unsigned i = 0; i < n; i++) {
		assert_true(arrivals[i].whole);
		assert_true(!i || arrivals[i].number > last);
		last = arrivals[i].number;
	}
	rig_unplug(end);
}

static void impair_all_lost_nothing_arrives(void **state)
{
	struct sim_wire_end *end;

	assert_int_equal(run("loss=100%", &end), 0);
	assert_int_equal(rig_counter(end, "in_lost_chance"), N_FRAMES);
	rig_unplug(end);
}

static void impair_duplicates_are_counted_exactly(void **state)
{
	struct sim_wire_end *end;
	unsigned n = run("dup=5%", &end), twice = 0;

	assert_int_equal(n, N_FRAMES + rig_counter(end, "in_duplicated"));
	for (unsigned i = 1; i < n; i++) {
		assert_true(arrivals[i].whole);
		twice += arrivals[i].number == arrivals[i - 1].number;
	}
	assert_int_equal(twice, rig_counter(end, "in_duplicated"));
	assert_in_range(twice, 800, 1200);
	rig_unplug(end);
}

static void impair_corruption_is_flagged_and_garbling_is_not(void **state)
{
	struct sim_wire_end *end;
	unsigned n = run("corrupt=3%,garble=4%", &end), flagged = 0, silent = 0;

	assert_int_equal(n, N_FRAMES);
	for (unsigned i = 0; i < n; i++) {
		if (arrivals[i].flags & SIM_FRAME_BAD_FCS)
			flagged++;
		else if (!arrivals[i].whole)
			silent++;
	}
	assert_int_equal(flagged, rig_counter(end, "in_corrupted"));
	assert_in_range(flagged, 480, 720);
	/* A frame may be both. */
	assert_true(silent <= rig_counter(end, "in_garbled"));
	assert_true(silent + flagged >= rig_counter(end, "in_garbled"));
	assert_in_range(silent, 640, 960);
	rig_unplug(end);
}

static void impair_reordered_frames_come_three_later(void **state)
{
	struct sim_wire_end *end;
	unsigned n = run("reorder=5%", &end), late = 0;

	assert_int_equal(n, N_FRAMES);
	for (unsigned i = 1; i < n; i++) {
		if (arrivals[i].number >= arrivals[i - 1].number)
			continue;
		late++;
		assert_int_equal(arrivals[i].number + 3, arrivals[i - 1].number);
	}
	assert_in_range(late, 700, 1000);
	/* One that was held at the very end went by time. */
	assert_in_range(rig_counter(end, "in_reordered") - late, 0, 1);
	rig_unplug(end);
}

static void impair_held_frame_goes_by_time(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "echo,asis,side=in,reorder=100%");
	struct sim_frame frame;

	rig_send(end, 60, 1, 0);
	assert_int_equal(rig_receive(end, &frame, 1, 0), 0);
	assert_int_equal(rig_receive(end, &frame, 1, 9 * MS), 0);
	assert_int_equal(rig_receive(end, &frame, 1, 10 * MS), 1);
	assert_int_equal(rig_number(&frame), 1);
	rig_unplug(end);
}

static void impair_same_seed_same_fate(void **state)
{
	static const char options[] = "loss=5%,dup=5%,corrupt=5%,garble=5%,reorder=5%,seed=7";
	static struct arrival first[3 * N_FRAMES];
	struct sim_wire_end *end;
	unsigned n = run(options, &end), again, other;

	memcpy(first, arrivals, sizeof(first));
	rig_unplug(end);
	memset(arrivals, 0, sizeof(arrivals));
	again = run(options, &end);
	assert_int_equal(n, again);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(first[i].number, arrivals[i].number);
		assert_int_equal(first[i].flags, arrivals[i].flags);
	}
	rig_unplug(end);
	other = run("loss=5%,dup=5%,corrupt=5%,garble=5%,reorder=5%,seed=8", &end);
	rig_unplug(end);
	for (unsigned i = 0; i < n && i < other; i++) {
		if (first[i].number != arrivals[i].number)
			return;
	}
	fail_msg("another seed made no difference");
}

static void impair_delay_and_jitter_are_bounded_and_keep_order(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "echo,asis,side=in,delay=2ms,jitter=1ms,room=8M");
	uint32_t next = 0;

	for (uint64_t ns = 0; ns < 20 * MS; ns += 10000) {
		struct sim_frame frames[64];
		unsigned n;

		if (ns < 10 * MS)
			rig_send(end, 60, (uint32_t)(ns / 10000), ns);
		n = rig_receive(end, frames, 64, ns);
		for (unsigned i = 0; i < n; i++, next++) {
			uint64_t sent_ns = next * 10000ull;

			assert_int_equal(rig_number(&frames[i]), next);
			assert_true(ns >= sent_ns + 2 * MS);
			/* Not later than its own delay, or that of one in front of it. */
			assert_true(ns <= sent_ns + 3 * MS + 10000);
		}
	}
	assert_int_equal(next, 1000);
	rig_unplug(end);
}

static void impair_bandwidth_is_kept(void **state)
{
	/* Smallest frames at 1 Gbit/s: 672 ns each. */
	struct sim_wire_end *end = rig_plug(wires, "echo,asis,side=in,bandwidth=1G,room=8M");

	for (uint32_t i = 0; i < 1000; i++)
		rig_send(end, 60, i, 0);
	/* The port has no time for any of them; they are under way all the same. */
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_receive(end, NULL, 0, 0), 0);
	assert_int_equal(collect(end, 0, 671), 0);
	assert_int_equal(collect(end, 0, 672), 1);
	assert_int_equal(collect(end, 1, 67200), 100);
	assert_int_equal(collect(end, 100, 671999), 999);
	assert_int_equal(collect(end, 999, 672000), 1000);
	rig_unplug(end);
}

static void impair_bandwidth_of_a_waiting_wire_does_not_wait(void **state)
{
	struct sim_wire_end *slow = rig_plug(wires, "gen,bandwidth=1M"), *late = rig_plug(wires, "gen,delay=1ms");
	struct sim_frame frames[64];
	unsigned n = 0;

	assert_false(slow->waits);
	assert_true(late->waits);
	/* Nothing gets lost where the generator can wait. */
	for (uint64_t ns = 0; ns < 5 * MS; ns += 1000)
		n += rig_receive(late, frames, 32, ns);
	assert_true(n > 100);
	assert_int_equal(rig_counter(late, "in_lost_room"), 0);
	rig_unplug(slow);
	rig_unplug(late);
}

static void impair_full_line_loses_and_counts(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "sink,side=out,delay=1s,room=64000");

	for (uint32_t i = 0; i < 1000; i++)
		rig_send(end, 64, i, 0);
	assert_int_equal(rig_counter(end, "out_lost_room"), 1000 - 65536 / 80);
	rig_receive(end, NULL, 0, 2000 * MS);
	assert_int_equal(rig_counter(end, "out_frames"), 65536 / 80);
	rig_unplug(end);
}

static void impair_out_is_another_direction(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "sink,side=out,loss=50%,seed=3");
	struct sim_wire_end *both = rig_plug(wires, "echo,asis,loss=50%,seed=3");
	unsigned arrived;

	for (uint32_t i = 0; i < 1000; i++) {
		rig_send(end, 64, i, 0);
		rig_send(both, 64, i, 0);
	}
	assert_int_equal(rig_counter(end, "out_frames") + rig_counter(end, "out_lost_chance"), 1000);
	assert_in_range(rig_counter(end, "out_frames"), 400, 600);
	arrived = collect(both, 0, 0);
	assert_int_equal(rig_counter(both, "out_lost_chance"), rig_counter(end, "out_lost_chance"));
	assert_int_equal(arrived + rig_counter(both, "in_lost_chance"), rig_counter(end, "out_frames"));
	rig_unplug(end);
	rig_unplug(both);
}

static void impair_sent_frames_leave_while_nothing_is_received(void **state)
{
	struct sim_wire_end *end = rig_plug(wires, "sink,side=out,delay=1ms");

	rig_send(end, 64, 1, 0);
	end->ops->carrier(end, MS - 1);
	assert_int_equal(rig_counter(end, "out_frames"), 0);
	end->ops->carrier(end, MS);
	assert_int_equal(rig_counter(end, "out_frames"), 1);
	rig_unplug(end);
}

static void impair_flaps_darken_both_ends(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x,flap=10ms,down=5ms"), *b = rig_plug(wires, "cable:x");
	struct sim_frame frame;
	unsigned changes = 0;
	bool was = true;

	for (uint64_t ns = 0; ns < 60 * MS; ns += 100000) {
		bool light = a->ops->carrier(a, ns + 77);

		assert_int_equal(light, ns % (15 * MS) < 10 * MS);
		assert_int_equal(b->ops->carrier(b, ns + 77), light);
		changes += light != was;
		was = light;
		rig_send(a, 60, 1, ns + 77);
		rig_send(b, 60, 1, ns + 77);
		assert_int_equal(rig_receive(b, &frame, 1, ns + 77), light);
		assert_int_equal(rig_receive(a, &frame, 1, ns + 77), light);
	}
	assert_int_equal(changes, 7);
	assert_int_equal(rig_counter(a, "flaps"), 4);
	assert_int_equal(rig_counter(a, "in_lost_dark"), 200);
	assert_int_equal(rig_counter(a, "out_lost_dark"), 200);
	rig_unplug(a);
	rig_unplug(b);
}

static void impair_laser_off_stays_off_through_flaps(void **state)
{
	struct sim_wire_end *a = rig_plug(wires, "cable:x,flap=1ms,down=1ms"), *b = rig_plug(wires, "cable:x");

	a->ops->set_laser(a, false);
	for (uint64_t ns = 0; ns < 5 * MS; ns += 100000) {
		a->ops->carrier(a, ns);
		assert_false(b->ops->carrier(b, ns));
	}
	rig_unplug(a);
	rig_unplug(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(impair_nothing_asked_nothing_wrapped, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_loss_is_counted_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_all_lost_nothing_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_duplicates_are_counted_exactly, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_corruption_is_flagged_and_garbling_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_reordered_frames_come_three_later, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_held_frame_goes_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_same_seed_same_fate, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_delay_and_jitter_are_bounded_and_keep_order, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_bandwidth_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_bandwidth_of_a_waiting_wire_does_not_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_full_line_loses_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_out_is_another_direction, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_sent_frames_leave_while_nothing_is_received, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_flaps_darken_both_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(impair_laser_off_stays_off_through_flaps, setup, teardown),
	};

	return cmocka_run_group_tests_name("sim_impair", tests, NULL, NULL);
}

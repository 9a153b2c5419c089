// SPDX-License-Identifier: BSD-2-Clause
/* What verification says about orders of arrival that the test makes up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verify.h"

struct fixture {
	struct verify v;
	struct frame_gen gen;
	uint8_t frame[60];
};

static int setup(void **state)
{
	static const struct frame_config cfg = {.stream = 7};
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	return frame_gen_init(&f->gen, &cfg);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	verify_destroy(&f->v);
	free(f);
	return 0;
}

static void arrive(struct fixture *f, uint32_t seq)
{
	f->gen.seq = seq;
	frame_write(&f->gen, f->frame, sizeof(f->frame), 1000);
	verify_frame(&f->v, f->frame, sizeof(f->frame), 1000 + 50);
}

static void arrive_range(struct fixture *f, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		arrive(f, first + i);
}

static void assert_counts(struct fixture *f, uint64_t received, uint64_t lost, uint64_t reordered, uint64_t duplicated)
{
	struct verify_counts c = verify_counts(&f->v);

	assert_int_equal(c.received, received);
	assert_int_equal(c.lost, lost);
	assert_int_equal(c.reordered, reordered);
	assert_int_equal(c.duplicated, duplicated);
}

static void verify_in_order_is_clean(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 0, 1000);
	verify_sent(&f->v, 7, 1000);
	assert_int_equal(verify_outstanding(&f->v), 0);
	verify_finish(&f->v);
	assert_counts(f, 1000, 0, 0, 0);
	assert_int_equal(f->v.latency.count, 1000);
	assert_int_equal(hist_percentile(&f->v.latency, 50), 50);
}

static void verify_gap_is_lost_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 0, 10);
	arrive_range(f, 13, 10);
	assert_counts(f, 20, 3, 0, 0);
	verify_finish(&f->v);
	assert_counts(f, 20, 3, 0, 0);
}

static void verify_head_and_tail_of_an_announced_stream_count(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 5, 10);
	verify_sent(&f->v, 7, 20);
	assert_int_equal(verify_outstanding(&f->v), 10);
	verify_finish(&f->v);
	assert_counts(f, 10, 10, 0, 0);
}

static void verify_stream_of_others_begins_where_it_is_met(void **state)
{
	struct fixture *f = *state;

	arrive_range(f, 4000, 10);
	verify_finish(&f->v);
	assert_counts(f, 10, 0, 0, 0);
}

static void verify_late_packet_is_reordered_and_not_lost(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive(f, 0);
	arrive(f, 2);
	arrive(f, 1);
	arrive(f, 3);
	verify_finish(&f->v);
	assert_counts(f, 4, 0, 1, 0);
}

static void verify_late_first_packet_of_an_unknown_stream_is_reordered(void **state)
{
	struct fixture *f = *state;

	arrive(f, 1);
	arrive(f, 0);
	arrive(f, 2);
	verify_finish(&f->v);
	assert_counts(f, 3, 0, 1, 0);
}

static void verify_second_copy_is_duplicated(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 0, 5);
	arrive(f, 4);
	arrive(f, 2);
	arrive(f, 2);
	verify_finish(&f->v);
	assert_counts(f, 5, 0, 0, 3);
}

static void verify_window_edge_tells_late_from_twice(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive(f, 0);
	arrive(f, VERIFY_WINDOW); /* 1 is the oldest that is still remembered */
	arrive(f, 1);
	assert_counts(f, 3, VERIFY_WINDOW - 2, 1, 0);
	arrive(f, 1);
	assert_counts(f, 3, VERIFY_WINDOW - 2, 1, 1);
	arrive(f, 0);
	assert_counts(f, 3, VERIFY_WINDOW - 2, 1, 2);
}

static void verify_long_gap_forgets_the_window(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 0, 100);
	arrive(f, 10 * VERIFY_WINDOW + 50);
	arrive(f, 10 * VERIFY_WINDOW); /* same bit as packet 0 */
	verify_finish(&f->v);
	assert_counts(f, 102, 10 * (uint64_t)VERIFY_WINDOW + 51 - 102, 1, 0);
}

static void verify_sequence_wraps_without_loss(void **state)
{
	struct fixture *f = *state;

	arrive_range(f, 0xfffffff0, 32);
	arrive(f, 0xfffffff5);
	verify_finish(&f->v);
	assert_counts(f, 32, 0, 0, 1);
}

static void verify_corrupt_packet_is_not_lost_too(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	arrive_range(f, 0, 3);
	frame_write(&f->gen, f->frame, sizeof(f->frame), 1000);
	f->frame[50] ^= 0x40;
	verify_frame(&f->v, f->frame, sizeof(f->frame), 1050);
	arrive_range(f, 4, 3);
	verify_sent(&f->v, 7, 8);
	assert_int_equal(verify_outstanding(&f->v), 1);
	verify_finish(&f->v);
	assert_counts(f, 6, 1, 0, 0);
	assert_int_equal(f->v.counts.corrupted, 1);
}

static void verify_streams_are_told_apart(void **state)
{
	struct fixture *f = *state;

	for (uint32_t seq = 0; seq < 10; seq++)
		for (uint16_t stream = 0; stream < 4; stream++) {
			f->gen.cfg.stream = stream;
			f->gen.header[14 + 28 + 5] = (uint8_t)stream;
			arrive(f, seq);
		}
	verify_finish(&f->v);
	assert_counts(f, 40, 0, 0, 0);
	assert_int_equal(f->v.n_streams, 4);
}

static void verify_too_many_streams_are_foreign(void **state)
{
	struct fixture *f = *state;

	for (unsigned stream = 0; stream < VERIFY_MAX_STREAMS + 3; stream++) {
		f->gen.header[14 + 28 + 5] = (uint8_t)stream;
		arrive(f, 0);
	}
	assert_int_equal(f->v.counts.foreign, 3);
	assert_int_equal(f->v.counts.received, VERIFY_MAX_STREAMS);
}

static void verify_expected_number_settles_the_loss(void **state)
{
	struct fixture *f = *state;

	f->v.expect = 10;
	arrive_range(f, 100, 8);
	assert_int_equal(verify_outstanding(&f->v), 2);
	verify_finish(&f->v);
	assert_counts(f, 8, 2, 0, 0);
}

static void verify_time_to_come_is_no_latency(void **state)
{
	struct fixture *f = *state;

	frame_write(&f->gen, f->frame, sizeof(f->frame), 5000);
	verify_frame(&f->v, f->frame, sizeof(f->frame), 4000);
	assert_int_equal(f->v.counts.received, 1);
	assert_int_equal(f->v.latency.count, 0);
}

/* Any order of arrival with copies: each packet is received once, and numbers add up. */
static void verify_shuffled_stream_adds_up(void **state)
{
	struct fixture *f = *state;
	enum { TOTAL = 20000 };
	uint32_t *order = malloc(TOTAL * sizeof(*order)), x = 12345;
	uint64_t copies = 0;

	assert_int_equal(verify_announce(&f->v, 7), 0);
	for (uint32_t i = 0; i < TOTAL; i++)
		order[i] = i;
	for (uint32_t i = 0; i + 100 < TOTAL; i++) {
		uint32_t other, swap;

		x = x * 1664525 + 1013904223;
		other = i + (x >> 16) % 100;
		swap = order[i];
		order[i] = order[other];
		order[other] = swap;
	}
	for (uint32_t i = 0; i < TOTAL; i++) {
		if (order[i] % 10 == 3)
			continue; /* lost */
		arrive(f, order[i]);
		if (order[i] % 7 == 1) {
			arrive(f, order[i]);
			copies++;
		}
	}
	verify_sent(&f->v, 7, TOTAL);
	verify_finish(&f->v);
	assert_int_equal(f->v.counts.received, TOTAL - TOTAL / 10);
	assert_int_equal(f->v.counts.lost, TOTAL / 10);
	assert_int_equal(f->v.counts.duplicated, copies);
	assert_true(f->v.counts.reordered > 0);
	free(order);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(verify_in_order_is_clean),
		CASE(verify_gap_is_lost_at_once),
		CASE(verify_head_and_tail_of_an_announced_stream_count),
		CASE(verify_stream_of_others_begins_where_it_is_met),
		CASE(verify_late_packet_is_reordered_and_not_lost),
		CASE(verify_late_first_packet_of_an_unknown_stream_is_reordered),
		CASE(verify_second_copy_is_duplicated),
		CASE(verify_window_edge_tells_late_from_twice),
		CASE(verify_long_gap_forgets_the_window),
		CASE(verify_sequence_wraps_without_loss),
		CASE(verify_corrupt_packet_is_not_lost_too),
		CASE(verify_streams_are_told_apart),
		CASE(verify_too_many_streams_are_foreign),
		CASE(verify_expected_number_settles_the_loss),
		CASE(verify_time_to_come_is_no_latency),
		CASE(verify_shuffled_stream_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

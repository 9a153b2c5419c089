// SPDX-License-Identifier: BSD-2-Clause
/* The pacer on a counter that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacer.h"

/* 1000 ticks per second that never get refined: the real clock would have its say there. */
static struct pacer make(double per_second)
{
	struct tick_rate clock = {.start.ticks = 5000, .ticks_per_second = 1000};
	struct pacer p;

	pacer_start(&p, clock, per_second, 5000);
	p.refine_at = INFINITY;
	return p;
}

static unsigned send_due(struct pacer *p, uint64_t now, unsigned burst)
{
	double credit = pacer_credit(p, now), spent = 0;
	unsigned n = 0;

	while (n < burst && spent <= credit) {
		spent += 1;
		n++;
	}
	pacer_spend(p, spent);
	return n;
}

static void pacer_credit_without_rate_is_endless(void **state)
{
	struct pacer p = make(0);

	assert_int_equal(send_due(&p, 5000, 256), 256);
	assert_int_equal(send_due(&p, 5000, 256), 256);
	assert_true(pacer_wait_s(&p, 5000) == 0);
}

static void pacer_credit_low_rate_spaces_evenly(void **state)
{
	struct pacer p = make(100); /* one in 10 ticks */

	for (uint64_t now = 5000; now < 7000; now++)
		assert_int_equal(send_due(&p, now, 32), now % 10 == 0);
}

static void pacer_wait_is_the_time_to_the_next_packet(void **state)
{
	struct pacer p = make(100);

	assert_int_equal(send_due(&p, 5000, 32), 1);
	assert_true(fabs(pacer_wait_s(&p, 5004) - 0.006) < 1e-9);
	assert_true(pacer_wait_s(&p, 5010) == 0);
}

static void pacer_credit_slow_loop_catches_up_exactly(void **state)
{
	struct pacer p = make(12345);
	uint64_t sent = 0;

	for (uint64_t now = 5000; now <= 15000; now += 7)
		sent += send_due(&p, now, 256);
	/* Ten seconds, less what the last turn did not see, and the packet that goes at time zero. */
	assert_in_range(sent, 123450 - 7 * 13, 123450 + 1);
}

static void pacer_credit_after_a_pause_makes_up_for_a_tenth_of_a_second(void **state)
{
	struct pacer p = make(1000);

	assert_int_equal(send_due(&p, 5000, 256), 1);
	assert_int_equal(send_due(&p, 5000 + 60000, 256), 101);
	assert_int_equal(send_due(&p, 5000 + 60000, 256), 0);
}

static void pacer_start_with_a_rate_measured_briefly_refines_it_soon(void **state)
{
	struct tick_rate clock = {.start.ticks = 5000, .ticks_per_second = 1000};
	struct pacer p;

	pacer_start(&p, clock, 100, 5010);
	assert_true(p.refine_at == 20);
	pacer_start(&p, clock, 100, 7000);
	assert_true(p.refine_at == 3000);
}

static void tick_rate_settle_at_once_waits_until_the_rate_is_known(void **state)
{
	struct tick_rate r = tick_rate_begin(), longer = r;
	struct clock_pair end;

	tick_rate_settle(&r);
	end = clock_pair_read();
	assert_true(end.ns - r.start.ns >= TICK_RATE_MIN_NS);
	while (clock_ns() - longer.start.ns < 10 * TICK_RATE_MIN_NS)
		;
	tick_rate_refine(&longer);
	assert_true(fabs(r.ticks_per_second / longer.ticks_per_second - 1) < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pacer_credit_without_rate_is_endless),
		cmocka_unit_test(pacer_credit_low_rate_spaces_evenly),
		cmocka_unit_test(pacer_wait_is_the_time_to_the_next_packet),
		cmocka_unit_test(pacer_credit_slow_loop_catches_up_exactly),
		cmocka_unit_test(pacer_credit_after_a_pause_makes_up_for_a_tenth_of_a_second),
		cmocka_unit_test(pacer_start_with_a_rate_measured_briefly_refines_it_soon),
		cmocka_unit_test(tick_rate_settle_at_once_waits_until_the_rate_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hist.h"

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct hist));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void hist_bucket_covers_all_values_without_gap(void **state)
{
	for (unsigned b = 0; b + 1 < HIST_BUCKETS; b++) {
		uint64_t last = hist_bucket_last(b);

		assert_int_equal(hist_bucket(last), b);
		assert_int_equal(hist_bucket(last + 1), b + 1);
	}
	assert_true(hist_bucket_last(HIST_BUCKETS - 1) == UINT64_MAX);
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

static void hist_bucket_is_never_wider_than_a_64th(void **state)
{
	for (unsigned b = 1; b < HIST_BUCKETS; b++) {
		uint64_t first = hist_bucket_last(b - 1) + 1, width = hist_bucket_last(b) - first + 1;

		assert_true(width == 1 || width <= first / 64);
	}
}

static void hist_percentile_of_known_values_is_close(void **state)
{
	struct hist *h = *state;

	for (uint64_t v = 1; v <= 100000; v++)
		hist_add(h, v);
	assert_int_equal(h->count, 100000);
	assert_int_equal(h->min, 1);
	assert_int_equal(h->max, 100000);
	assert_true(hist_mean(h) == 50000.5);
	assert_in_range(hist_percentile(h, 50), 50000, 50000 + 50000 / 64);
	assert_in_range(hist_percentile(h, 99), 99000, 100000);
	assert_in_range(hist_percentile(h, 99.9), 99900, 100000);
	assert_int_equal(hist_percentile(h, 100), 100000);
}

static void hist_percentile_of_one_outlier_in_a_thousand_splits_exactly(void **state)
{
	struct hist *h = *state;

	for (unsigned i = 0; i < 999; i++)
		hist_add(h, 10);
	hist_add(h, 5000);
	assert_int_equal(hist_percentile(h, 99.9), 10);
	hist_add(h, 5000);
	assert_int_equal(hist_percentile(h, 99.9), 5000);
	assert_int_equal(hist_percentile(h, 0), 10);
}

static void hist_percentile_of_nothing_is_zero(void **state)
{
	assert_int_equal(hist_percentile(*state, 50), 0);
	assert_true(hist_mean(*state) == 0);
}

static void hist_merge_equals_adding_to_one(void **state)
{
	struct hist *sum = *state, *other = calloc(1, sizeof(*other));

	hist_merge(sum, other);
	assert_int_equal(sum->count, 0);
	hist_add(sum, 30);
	hist_add(other, 20);
	hist_add(other, 70);
	hist_merge(sum, other);
	assert_int_equal(sum->count, 3);
	assert_int_equal(sum->min, 20);
	assert_int_equal(sum->max, 70);
	assert_int_equal(hist_percentile(sum, 50), 30);
	free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hist_bucket_covers_all_values_without_gap),
		cmocka_unit_test(hist_bucket_is_never_wider_than_a_64th),
		cmocka_unit_test_setup_teardown(hist_percentile_of_known_values_is_close, setup, teardown),
		cmocka_unit_test_setup_teardown(hist_percentile_of_one_outlier_in_a_thousand_splits_exactly, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hist_percentile_of_nothing_is_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(hist_merge_equals_adding_to_one, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

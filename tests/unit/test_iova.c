// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iova.h"

#define PAGE 0x1000ull
#define TOP  UINT64_MAX

static struct iova_space *space_of(const struct vireo_iova_range *ranges, unsigned n)
{
	struct iova_space *space = NULL;

	assert_int_equal(iova_space_create(ranges, n, &space), 0);
	assert_non_null(space);
	return space;
}

static void space_create_bad_ranges_refused(void **state)
{
	const struct vireo_iova_range backwards[] = {{0x2000, 0x1fff}};
	const struct vireo_iova_range overlap[] = {{0x1000, 0x2fff}, {0x2000, 0x3fff}};
	const struct vireo_iova_range unsorted[] = {{0x4000, 0x4fff}, {0x1000, 0x1fff}};
	struct iova_space *space = NULL;

	assert_int_equal(iova_space_create(backwards, 1, &space), -EINVAL);
	assert_int_equal(iova_space_create(overlap, 2, &space), -EINVAL);
	assert_int_equal(iova_space_create(unsorted, 2, &space), -EINVAL);
	assert_int_equal(iova_space_create(unsorted, 0, &space), -EINVAL);
	assert_null(space);
	iova_space_destroy(NULL);
}

static void alloc_first_fit_skips_ranges_too_small(void **state)
{
	const struct vireo_iova_range ranges[] = {{0x1000, 0x2fff}, {0x10000, 0x1ffff}};
	struct iova_space *space = space_of(ranges, 2);
	vireo_iova_t iova = 0;

	assert_int_equal(iova_alloc(space, 0x3000, PAGE, &iova), 0);
	assert_int_equal(iova, 0x10000);
	assert_int_equal(iova_alloc(space, 0x1000, PAGE, &iova), 0);
	assert_int_equal(iova, 0x1000);
	assert_int_equal(iova_alloc(space, 0x8000, 0x8000, &iova), 0);
	assert_int_equal(iova, 0x18000);
	iova_space_destroy(space);
}

static void alloc_bad_arguments_refused(void **state)
{
	const struct vireo_iova_range range = {0x1000, 0xffff};
	struct iova_space *space = space_of(&range, 1);
	vireo_iova_t iova = 77;

	assert_int_equal(iova_alloc(space, 0, PAGE, &iova), -EINVAL);
	assert_int_equal(iova_alloc(space, PAGE, 0, &iova), -EINVAL);
	assert_int_equal(iova_alloc(space, PAGE, 0x3000, &iova), -EINVAL);
	assert_int_equal(iova_alloc(space, 0x10000, PAGE, &iova), -ENOSPC);
	assert_int_equal(iova, 77);
	assert_true(iova_space_is_empty(space));
	iova_space_destroy(space);
}

static void alloc_last_page_of_2_64_is_usable(void **state)
{
	const struct vireo_iova_range range = {TOP - 4 * PAGE + 1, TOP};
	struct iova_space *space = space_of(&range, 1);
	vireo_iova_t iova = 0;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(iova_alloc(space, PAGE, PAGE, &iova), 0);
		assert_int_equal(iova, TOP - (4 - i) * PAGE + 1);
	}
	assert_int_equal(iova_alloc(space, PAGE, PAGE, &iova), -ENOSPC);
	assert_int_equal(iova_free(space, TOP - PAGE + 1, PAGE), 0);
	/* Aligning up from inside the last page would wrap to 0. */
	assert_int_equal(iova_alloc(space, PAGE, 1ull << 32, &iova), -ENOSPC);
	assert_int_equal(iova_reserve(space, TOP - PAGE + 1, PAGE), 0);
	iova_space_destroy(space);
}

static void alloc_whole_64_bit_space_has_no_wrap(void **state)
{
	const struct vireo_iova_range range = {0, TOP};
	struct iova_space *space = space_of(&range, 1);
	vireo_iova_t iova = 1;

	assert_int_equal(iova_alloc(space, 1ull << 63, 1ull << 63, &iova), 0);
	assert_int_equal(iova, 0);
	assert_int_equal(iova_alloc(space, 1ull << 63, 1, &iova), 0);
	assert_int_equal(iova, 1ull << 63);
	assert_int_equal(iova_alloc(space, 1, 1, &iova), -ENOSPC);
	iova_space_destroy(space);
}

static void alloc_across_touching_ranges_fits(void **state)
{
	const struct vireo_iova_range ranges[] = {{0x1000, 0x1fff}, {0x2000, 0x2fff}};
	struct iova_space *space = space_of(ranges, 2);
	vireo_iova_t iova = 0;

	assert_int_equal(iova_alloc(space, 0x2000, PAGE, &iova), 0);
	assert_int_equal(iova, 0x1000);
	iova_space_destroy(space);
}

static void reserve_conflicts_and_outside_refused(void **state)
{
	const struct vireo_iova_range ranges[] = {{0x1000, 0xffff}, {0x20000, 0x2ffff}};
	struct iova_space *space = space_of(ranges, 2);

	assert_int_equal(iova_reserve(space, 0x4000, 0x4000), 0);
	assert_int_equal(iova_reserve(space, 0x7000, 0x1000), -EEXIST);
	assert_int_equal(iova_reserve(space, 0x3000, 0x1001), -EEXIST);
	assert_int_equal(iova_reserve(space, 0x3000, 0x8000), -EEXIST);
	assert_int_equal(iova_reserve(space, 0x3000, 0x1000), 0);
	assert_int_equal(iova_reserve(space, 0x8000, 0x1000), 0);
	assert_int_equal(iova_reserve(space, 0, 0x1000), -ERANGE);
	assert_int_equal(iova_reserve(space, 0xf000, 0x2000), -ERANGE);
	assert_int_equal(iova_reserve(space, 0xf000, 0x12000), -ERANGE);
	assert_int_equal(iova_reserve(space, 0x2f000, UINT64_MAX), -ERANGE);
	assert_int_equal(iova_reserve(space, 0x2f000, 0), -EINVAL);
	iova_space_destroy(space);
}

static void free_only_exactly_what_was_taken(void **state)
{
	const struct vireo_iova_range range = {0x1000, 0xffff};
	struct iova_space *space = space_of(&range, 1);

	assert_int_equal(iova_reserve(space, 0x4000, 0x4000), 0);
	assert_int_equal(iova_taken(space, 0x4000), 0x4000);
	assert_int_equal(iova_taken(space, 0x5000), 0);
	assert_int_equal(iova_free(space, 0x4000, 0x1000), -ENOENT);
	assert_int_equal(iova_free(space, 0x5000, 0x3000), -ENOENT);
	assert_int_equal(iova_free(space, 0x8000, 0x1000), -ENOENT);
	assert_int_equal(iova_free(space, 0x8000, 0), -ENOENT);
	assert_int_equal(iova_free(space, 0x4000, 0x4000), 0);
	assert_int_equal(iova_free(space, 0x4000, 0x4000), -ENOENT);
	assert_true(iova_space_is_empty(space));
	iova_space_destroy(space);
}

/* A model that anybody can believe: one byte per page, and every place is tried. */
#define N_PAGES 160
#define N_OPS   20000

static const struct vireo_iova_range model_ranges[] = {
	{0x3000, 0x3000 + 32 * PAGE - 1}, {0x100000, 0x100000 + 64 * PAGE - 1}, {TOP - 64 * PAGE + 1, TOP}};

static uint8_t model[N_PAGES];
static uint32_t seed = 20261120;

static unsigned random_below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (unsigned)((uint64_t)(seed >> 8) * n >> 24);
}

/* The range of page @i, with the index of the range's first page. */
static unsigned range_of(unsigned i, unsigned *ret_first)
{
	unsigned r = i < 32 ? 0 : i < 96 ? 1 : 2;

	*ret_first = r == 0 ? 0 : r == 1 ? 32 : 96;
	return r;
}

static vireo_iova_t page_iova(unsigned i)
{
	unsigned first, r = range_of(i, &first);

	return model_ranges[r].start + (i - first) * PAGE;
}

static bool model_is_free(unsigned i, unsigned n)
{
	unsigned first, r, last_first;

	if (i + n > N_PAGES)
		return false;
	r = range_of(i, &first);
	if (range_of(i + n - 1, &last_first) != r)
		return false;
	for (unsigned k = i; k < i + n; k++)
		if (model[k])
			return false;
	return true;
}

struct piece {
	unsigned page, n;
};

static void check_alloc(struct iova_space *space, struct piece *pieces, unsigned *n_pieces)
{
	unsigned n = 1 + random_below(12), page;
	uint64_t align = PAGE << random_below(5);
	vireo_iova_t iova = 0;
	int err;

	for (page = 0; page < N_PAGES; page++)
		if (page_iova(page) % align == 0 && model_is_free(page, n))
			break;
	err = iova_alloc(space, n * PAGE, align, &iova);
	if (page == N_PAGES) {
		assert_int_equal(err, -ENOSPC);
		return;
	}
	assert_int_equal(err, 0);
	assert_true(iova == page_iova(page));
	memset(&model[page], 1, n);
	pieces[(*n_pieces)++] = (struct piece){page, n};
}

static void check_reserve(struct iova_space *space, struct piece *pieces, unsigned *n_pieces)
{
	unsigned page = random_below(N_PAGES), n = 1 + random_below(6), first;
	bool is_free = model_is_free(page, n);
	bool inside = page + n <= N_PAGES && range_of(page, &first) == range_of(page + n - 1, &first);
	int err = iova_reserve(space, page_iova(page), n * PAGE);

	assert_int_equal(err, is_free ? 0 : inside ? -EEXIST : -ERANGE);
	if (err)
		return;
	memset(&model[page], 1, n);
	pieces[(*n_pieces)++] = (struct piece){page, n};
}

static void check_free(struct iova_space *space, struct piece *pieces, unsigned *n_pieces)
{
	unsigned i = random_below(*n_pieces);
	struct piece piece = pieces[i];

	assert_int_equal(iova_free(space, page_iova(piece.page), piece.n * PAGE), 0);
	memset(&model[piece.page], 0, piece.n);
	pieces[i] = pieces[--*n_pieces];
}

static void alloc_random_operations_agree_with_bitmap(void **state)
{
	struct iova_space *space = space_of(model_ranges, 3);
	struct piece pieces[N_PAGES];
	unsigned n_pieces = 0;

	for (unsigned i = 0; i < N_OPS; i++) {
		/* Phases of growing and shrinking, so that it is now full, now fragmented, now nearly empty. */
		unsigned grow = i / 500 % 2 ? 70 : 40, dice = random_below(100);

		if (n_pieces && dice >= grow)
			check_free(space, pieces, &n_pieces);
		else if (dice % 4)
			check_alloc(space, pieces, &n_pieces);
		else
			check_reserve(space, pieces, &n_pieces);
	}
	while (n_pieces)
		check_free(space, pieces, &n_pieces);
	assert_true(iova_space_is_empty(space));
	iova_space_destroy(space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_create_bad_ranges_refused),
		cmocka_unit_test(alloc_first_fit_skips_ranges_too_small),
		cmocka_unit_test(alloc_bad_arguments_refused),
		cmocka_unit_test(alloc_last_page_of_2_64_is_usable),
		cmocka_unit_test(alloc_whole_64_bit_space_has_no_wrap),
		cmocka_unit_test(alloc_across_touching_ranges_fits),
		cmocka_unit_test(reserve_conflicts_and_outside_refused),
		cmocka_unit_test(free_only_exactly_what_was_taken),
		cmocka_unit_test(alloc_random_operations_agree_with_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* What a model reaches of its client's memory. */
#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "dma.h"

#define IOVA 0x123450000000ull
#define SIZE 0x10000ull
#define RW   (SIM_DMA_READ | SIM_DMA_WRITE)

/* A file of SIZE bytes of @value. */
static int make_file(uint8_t value)
{
	static uint8_t bytes[SIZE];
	int fd = memfd_create("test", 0);

	memset(bytes, value, SIZE);
	assert_int_equal(write(fd, bytes, SIZE), SIZE);
	return fd;
}

static void map_files(struct sim_dma *dma, unsigned n, uint32_t last_flags)
{
	for (unsigned i = 0; i < n; i++) {
		int fd = make_file((uint8_t)(i + 1));

		assert_int_equal(sim_dma_map(dma, IOVA + i * SIZE, SIZE, i == n - 1 ? last_flags : RW, fd, 0), 0);
		close(fd);
	}
}

static void access_across_maps_is_one_piece(void **state)
{
	struct sim_dma dma;
	uint8_t *at;

	sim_dma_init(&dma);
	map_files(&dma, 3, RW);
	at = sim_dma_at(&dma, IOVA + SIZE - 1, SIZE + 2, RW);
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	assert_non_null(at);
#endif
	/* Elsewhere there may be no place for them beside each other. */
	if (at) {
		assert_int_equal(at[0], 1);
		assert_int_equal(at[1], 2);
		assert_int_equal(at[SIZE], 2);
		assert_int_equal(at[SIZE + 1], 3);
		at[SIZE + 1] = 9;
		at = sim_dma_at(&dma, IOVA + 2 * SIZE, 1, RW);
		assert_int_equal(at[0], 9);
		assert_int_equal(dma.refused, 0);
	}
	sim_dma_clear(&dma);
}

static void access_across_what_is_not_allowed_is_refused(void **state)
{
	struct sim_dma dma;

	sim_dma_init(&dma);
	map_files(&dma, 3, SIM_DMA_READ);
	assert_null(sim_dma_at(&dma, IOVA + 2 * SIZE - 1, 2, RW));
	assert_null(sim_dma_at(&dma, IOVA + 3 * SIZE - 1, 2, SIM_DMA_READ));
	assert_null(sim_dma_at(&dma, IOVA, UINT64_MAX, SIM_DMA_READ));
	assert_int_equal(sim_dma_unmap(&dma, IOVA + SIZE, SIZE), 0);
	assert_null(sim_dma_at(&dma, IOVA + SIZE - 1, 2, SIM_DMA_READ));
	assert_null(sim_dma_at(&dma, IOVA, 3 * SIZE, SIM_DMA_READ));
	assert_int_equal(dma.refused, 5);
	sim_dma_clear(&dma);
}

static void devices_with_the_same_addresses_do_not_meet(void **state)
{
	struct sim_dma dma[40];

	for (unsigned i = 0; i < N_OF(dma); i++) {
		int fd = make_file((uint8_t)i);

		sim_dma_init(&dma[i]);
		assert_int_equal(sim_dma_map(&dma[i], IOVA, SIZE, RW, fd, 0), 0);
		close(fd);
	}
	for (unsigned i = 0; i < N_OF(dma); i++) {
		assert_int_equal(*(uint8_t *)sim_dma_at(&dma[i], IOVA, SIZE, RW), i);
		sim_dma_clear(&dma[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_across_maps_is_one_piece),
		cmocka_unit_test(access_across_what_is_not_allowed_is_refused),
		cmocka_unit_test(devices_with_the_same_addresses_do_not_meet),
	};

	return cmocka_run_group_tests_name("sim_dma", tests, NULL, NULL);
}

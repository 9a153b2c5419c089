// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/vireo.h>

#include "ring.h"

#define PER_PRODUCER 20000
#define N_PRODUCERS  3

static struct vireo_ring *ring_of(unsigned size, unsigned flags)
{
	struct vireo_ring *ring = NULL;

	assert_int_equal(vireo_ring_create(size, flags, &ring), 0);
	return ring;
}

/* Elements that are no buffers, only numbers; @user counts from @first. */
static void number(struct vireo_pkt *pkts, unsigned n, uint64_t first)
{
	memset(pkts, 0, n * sizeof(*pkts));
	for (unsigned i = 0; i < n; i++)
		pkts[i].user = first + i;
}

static void drain(struct vireo_ring *ring)
{
	struct vireo_pkt pkts[64];

	while (vireo_ring_get(ring, pkts, 64))
		;
	assert_int_equal(vireo_ring_count(ring), 0);
	vireo_ring_destroy(ring);
}

static void create_bad_arguments_refused(void **state)
{
	static const unsigned sizes[] = {0, 1, 3, 100, (1u << 20) + 1, 1u << 21, UINT32_MAX};
	struct vireo_ring *ring = NULL;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(vireo_ring_create(sizes[i], 0, &ring), -EINVAL);
	assert_int_equal(vireo_ring_create(64, 2, &ring), -EINVAL);
	assert_null(ring);
	vireo_ring_destroy(NULL);
	drain(ring_of(2, 0));
	drain(ring_of(1u << 20, VIREO_RING_MULTI_PRODUCER));
}

static void put_get_order(unsigned flags, uint32_t start)
{
	struct vireo_ring *ring = ring_of(16, flags);
	struct vireo_pkt in[13], out[16];
	uint64_t sent = 0, got = 0;

	/* As if @start elements had gone through already. */
	ring->head = ring->tail = ring->head_seen = ring->tail_seen = start;
	for (unsigned lap = 0; lap < 200; lap++) {
		unsigned n, k;

		number(in, 13, sent);
		n = vireo_ring_put(ring, in, 1 + lap % 13);
		assert_in_range(n, 0, 1 + lap % 13);
		sent += n;
		assert_int_equal(vireo_ring_count(ring), sent - got);
		k = vireo_ring_get(ring, out, 1 + lap % 7);
		for (unsigned i = 0; i < k; i++)
			assert_int_equal(out[i].user, got + i);
		got += k;
	}
	assert_true(sent > 500);
	drain(ring);
}

static void put_get_many_laps_keep_order(void **state)
{
	put_get_order(0, 0);
	put_get_order(VIREO_RING_MULTI_PRODUCER, 0);
}

static void put_get_positions_wrap_keep_order(void **state)
{
	put_get_order(0, UINT32_MAX - 100);
	put_get_order(VIREO_RING_MULTI_PRODUCER, UINT32_MAX - 100);
}

static void put_full_takes_what_fits(void **state)
{
	static const unsigned flags[] = {0, VIREO_RING_MULTI_PRODUCER};

	for (unsigned f = 0; f < 2; f++) {
		struct vireo_ring *ring = ring_of(8, flags[f]);
		struct vireo_pkt pkts[12];

		number(pkts, 12, 0);
		assert_int_equal(vireo_ring_put(ring, pkts, 0), 0);
		assert_int_equal(vireo_ring_put(ring, pkts, 5), 5);
		assert_int_equal(vireo_ring_put(ring, pkts + 5, 7), 3);
		assert_int_equal(vireo_ring_count(ring), 8);
		assert_int_equal(vireo_ring_put(ring, pkts, 1), 0);
		assert_int_equal(vireo_ring_get(ring, pkts, 12), 8);
		assert_int_equal(pkts[7].user, 7);
		assert_int_equal(vireo_ring_get(ring, pkts, 12), 0);
		vireo_ring_destroy(ring);
	}
}

static void put_packet_of_elements_whole_or_not(void **state)
{
	static const unsigned flags[] = {0, VIREO_RING_MULTI_PRODUCER};

	for (unsigned f = 0; f < 2; f++) {
		struct vireo_ring *ring = ring_of(8, flags[f]);
		struct vireo_pkt pkts[9];

		/* Packets of 3, 3, 3 elements. */
		number(pkts, 9, 0);
		for (unsigned i = 0; i < 9; i++)
			pkts[i].flags = i % 3 == 2 ? 0 : VIREO_PKT_MORE;
		assert_int_equal(vireo_ring_put(ring, pkts, 9), 6);
		assert_int_equal(vireo_ring_put(ring, pkts + 6, 3), 0);
		/* The end of a packet that the caller does not have yet is waited for. */
		assert_int_equal(vireo_ring_get(ring, pkts, 8), 6);
		assert_int_equal(vireo_ring_put(ring, pkts, 5), 3);
		assert_int_equal(vireo_ring_put(ring, pkts + 3, 2), 0);
		assert_int_equal(vireo_ring_count(ring), 3);
		drain(ring);
	}
}

static void get_packet_of_elements_whole_or_not(void **state)
{
	static const unsigned flags[] = {0, VIREO_RING_MULTI_PRODUCER};

	for (unsigned f = 0; f < 2; f++) {
		struct vireo_ring *ring = ring_of(8, flags[f]);
		struct vireo_pkt pkts[8], out[8];

		/* Packets of 1, 4, 1 elements. */
		number(pkts, 6, 0);
		for (unsigned i = 1; i < 4; i++)
			pkts[i].flags = VIREO_PKT_MORE;
		assert_int_equal(vireo_ring_put(ring, pkts, 6), 6);
		assert_int_equal(vireo_ring_get(ring, out, 4), 1);
		assert_int_equal(vireo_ring_get(ring, out, 3), 0);
		assert_int_equal(vireo_ring_count(ring), 5);
		assert_int_equal(vireo_ring_get(ring, out, 4), 4);
		assert_int_equal(out[0].user, 1);
		assert_int_equal(out[3].user, 4);
		assert_int_equal(vireo_ring_get(ring, out, 8), 1);
		vireo_ring_destroy(ring);
	}
}

static void destroy_frees_what_is_left(void **state)
{
	static const unsigned flags[] = {0, VIREO_RING_MULTI_PRODUCER};
	const struct vireo_pool_config cfg = {.n_bufs = 64};
	struct vireo_pkt pkts[8], out[5];
	struct vireo_pool_info info;
	struct vireo_pool *pool;

	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	for (unsigned f = 0; f < 2; f++) {
		struct vireo_ring *ring = ring_of(16, flags[f]);

		for (unsigned lap = 0; lap < 3; lap++) { /* so that what is left lies across the end */
			assert_int_equal(vireo_pool_alloc(pool, pkts, 8), 8);
			assert_int_equal(vireo_ring_put(ring, pkts, 8), 8);
			assert_int_equal(vireo_ring_get(ring, out, 5), 5);
			vireo_pkt_free(out, 5);
		}
		assert_int_equal(vireo_ring_count(ring), 9);
		assert_int_equal(vireo_pool_destroy(pool), -EBUSY);
		vireo_ring_destroy(ring);
		vireo_pool_info(pool, &info);
		assert_int_equal(info.n_free, 64);
	}
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/* Producers send packets of 1 to 5 elements that count up; the consumer must see each producer's whole and in order. */
struct producer {
	struct vireo_ring *ring;
	unsigned id;
};

static void *produce(void *arg)
{
	const struct producer *p = arg;
	struct vireo_pkt pkts[32];
	uint64_t sent = 0;

	while (sent < PER_PRODUCER) {
		unsigned n = 0, k;

		/* Made from the number alone: packet i has 1 + i % 5 elements, so a rest can be made again. */
		for (uint64_t i = sent; n < 32 && i < PER_PRODUCER; i++) {
			unsigned segs = 1 + i % 5;

			if (n + segs > 32)
				break;
			for (unsigned s = 0; s < segs; s++) {
				memset(&pkts[n], 0, sizeof(pkts[n]));
				pkts[n].flags = s + 1 < segs ? VIREO_PKT_MORE : 0;
				pkts[n].port = (uint16_t)p->id;
				pkts[n].vlan = (uint16_t)s;
				pkts[n++].user = i;
			}
		}
		k = vireo_ring_put(p->ring, pkts, n);
		for (unsigned i = 0; i < k; i++)
			sent += !(pkts[i].flags & VIREO_PKT_MORE);
		if (!k)
			sched_yield();
	}
	return NULL;
}

static void consume(struct vireo_ring *ring, unsigned n_producers)
{
	uint64_t next[N_PRODUCERS] = {0}, total = 0;
	struct vireo_pkt pkts[32];
	unsigned seg = 0, current = 0;

	while (total < (uint64_t)n_producers * PER_PRODUCER) {
		unsigned n = vireo_ring_get(ring, pkts, 5 + total % 28);

		if (!n)
			sched_yield();
		for (unsigned i = 0; i < n; i++) {
			if (!seg)
				current = pkts[i].port;
			assert_in_range(current, 0, n_producers - 1);
			assert_int_equal(pkts[i].port, current);
			assert_int_equal(pkts[i].user, next[current]);
			assert_int_equal(pkts[i].vlan, seg);
			seg++;
			if (pkts[i].flags & VIREO_PKT_MORE)
				continue;
			assert_int_equal(seg, 1 + next[current] % 5);
			next[current]++;
			total++;
			seg = 0;
		}
		assert_int_equal(seg, 0);
		assert_in_range(vireo_ring_count(ring), 0, 64);
	}
}

static void run_threads(unsigned flags, unsigned n_producers)
{
	struct vireo_ring *ring = ring_of(64, flags);
	struct producer producers[N_PRODUCERS];
	pthread_t threads[N_PRODUCERS];

	for (unsigned i = 0; i < n_producers; i++) {
		producers[i] = (struct producer){ring, i};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	consume(ring, n_producers);
	for (unsigned i = 0; i < n_producers; i++)
		pthread_join(threads[i], NULL);
	drain(ring);
}

static void get_one_producer_thread_loses_nothing(void **state)
{
	run_threads(0, 1);
}

static void get_three_producer_threads_lose_nothing(void **state)
{
	run_threads(VIREO_RING_MULTI_PRODUCER, N_PRODUCERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_bad_arguments_refused),
		cmocka_unit_test(put_get_many_laps_keep_order),
		cmocka_unit_test(put_get_positions_wrap_keep_order),
		cmocka_unit_test(put_full_takes_what_fits),
		cmocka_unit_test(put_packet_of_elements_whole_or_not),
		cmocka_unit_test(get_packet_of_elements_whole_or_not),
		cmocka_unit_test(destroy_frees_what_is_left),
		cmocka_unit_test(get_one_producer_thread_loses_nothing),
		cmocka_unit_test(get_three_producer_threads_lose_nothing),
	};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

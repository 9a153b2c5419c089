// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virtio/virtio_ring.h"

struct ring {
	struct virtq vq;
	uint16_t *free_ids;
	void *mem;
	size_t size;
};

static void make(struct ring *r, unsigned n)
{
	struct virtq_layout layout;

	virtq_layout(n, &layout);
	r->size = layout.size;
	r->mem = aligned_alloc(64, layout.size);
	r->free_ids = malloc(n * sizeof(*r->free_ids));
	assert_non_null(r->mem);
	assert_non_null(r->free_ids);
	memset(r->mem, 0xa5, layout.size);
	virtq_init(&r->vq, n, r->mem, r->free_ids);
}

static void drop(struct ring *r)
{
	free(r->mem);
	free(r->free_ids);
}

/* What a device does with one chain, in terms of memory only. */
static void device_uses(struct virtq *vq, uint32_t id, uint32_t len)
{
	uint16_t idx = vq->used->idx;

	vq->used->ring[idx & vq->mask] = (struct virtq_used_elem){id, len};
	io_store_release(&vq->used->idx, (uint16_t)(idx + 1));
}

static void virtq_layout_every_size_parts_apart_and_aligned(void **state)
{
	for (unsigned n = 1; n <= VIRTQ_MAX_SIZE; n *= 2) {
		struct virtq_layout l;

		virtq_layout(n, &l);
		assert_int_equal(l.avail % 64, 0);
		assert_int_equal(l.used % 64, 0);
		assert_true(l.avail >= 16 * n);
		assert_true(l.used >= l.avail + 6 + 2 * n);
		assert_true(l.size >= l.used + 6 + 8 * n);
	}
}

static void virtq_init_dirty_memory_is_clean_and_all_free(void **state)
{
	struct ring r;

	make(&r, 8);
	assert_int_equal(virtq_n_free(&r.vq), 8);
	assert_int_equal(virtq_split_pending(&r.vq), 0);
	assert_int_equal(r.vq.avail->idx, 0);
	assert_int_equal(r.vq.avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
	assert_int_equal(r.vq.desc[7].iova, 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(virtq_take_id(&r.vq), i);
	assert_int_equal(virtq_n_free(&r.vq), 0);
	drop(&r);
}

static void virtq_init_largest_ring_counts_right(void **state)
{
	struct ring r;

	make(&r, VIRTQ_MAX_SIZE);
	assert_int_equal(virtq_n_free(&r.vq), VIRTQ_MAX_SIZE);
	for (unsigned i = 0; i < VIRTQ_MAX_SIZE; i++)
		virtq_offer(&r.vq, virtq_take_id(&r.vq));
	virtq_publish(&r.vq);
	assert_int_equal(virtq_n_free(&r.vq), 0);
	r.vq.used->idx = VIRTQ_MAX_SIZE;
	assert_int_equal(virtq_split_pending(&r.vq), VIRTQ_MAX_SIZE);
	r.vq.used->idx = VIRTQ_MAX_SIZE + 1;
	assert_int_equal(virtq_split_pending(&r.vq), -1);
	drop(&r);
}

static void virtq_publish_not_called_device_sees_nothing(void **state)
{
	struct ring r;

	make(&r, 4);
	virtq_set_desc(&r.vq, 0, 0x1000, 60, VIRTQ_DESC_F_WRITE);
	virtq_offer(&r.vq, virtq_take_id(&r.vq));
	assert_int_equal(r.vq.avail->idx, 0);
	virtq_publish(&r.vq);
	assert_int_equal(r.vq.avail->idx, 1);
	assert_int_equal(r.vq.desc[0].iova, 0x1000);
	assert_int_equal(r.vq.desc[0].len, 60);
	assert_int_equal(r.vq.desc[0].flags, VIRTQ_DESC_F_WRITE);
	drop(&r);
}

/* Three times around 65536, answers shuffled within each batch: every id comes back exactly once. */
static void virtq_peek_out_of_order_past_65535_no_id_lost(void **state)
{
	struct ring r;
	unsigned seed = 1;

	make(&r, 16);
	for (unsigned round = 0; round < 3 * 65536 / 16; round++) {
		uint16_t ids[16];
		unsigned seen = 0;

		for (unsigned i = 0; i < 16; i++)
			virtq_offer(&r.vq, ids[i] = virtq_take_id(&r.vq));
		virtq_publish(&r.vq);
		for (unsigned i = 16; i > 0; i--) {
			unsigned k = (seed = seed * 1103515245 + 12345) / 65536 % i;

			device_uses(&r.vq, ids[k], 0);
			ids[k] = ids[i - 1];
		}
		assert_int_equal(virtq_split_pending(&r.vq), 16);
		for (unsigned i = 0; i < 16; i++) {
			struct virtq_used_elem e = virtq_peek(&r.vq, false, 0);

			assert_true(e.id < 16);
			seen |= 1u << e.id;
			r.vq.used_idx++;
			virtq_put_id(&r.vq, e.id);
		}
		assert_int_equal(seen, 0xffff);
		assert_int_equal(virtq_n_free(&r.vq), 16);
	}
	drop(&r);
}

static void virtq_pending_index_backwards_or_too_far_is_refused(void **state)
{
	struct ring r;

	make(&r, 8);
	for (unsigned i = 0; i < 3; i++)
		virtq_offer(&r.vq, virtq_take_id(&r.vq));
	virtq_publish(&r.vq);
	r.vq.used->idx = 3;
	assert_int_equal(virtq_split_pending(&r.vq), 3);
	r.vq.used->idx = 4;
	assert_int_equal(virtq_split_pending(&r.vq), -1);
	r.vq.used->idx = 0xffff;
	assert_int_equal(virtq_split_pending(&r.vq), -1);
	r.vq.used->idx = 3;
	r.vq.used_idx = 3;
	r.vq.used->idx = 2;
	assert_int_equal(virtq_split_pending(&r.vq), -1);
	drop(&r);
}

static void virtq_wants_kick_follows_used_flags(void **state)
{
	struct ring r;

	make(&r, 2);
	assert_true(virtq_wants_kick(&r.vq));
	r.vq.used->flags = VIRTQ_USED_F_NO_NOTIFY;
	assert_false(virtq_wants_kick(&r.vq));
	drop(&r);
}

static void virtq_set_interrupts_on_and_off_shows_in_avail_flags(void **state)
{
	struct ring r;

	make(&r, 2);
	virtq_set_interrupts(&r.vq, true);
	assert_int_equal(r.vq.avail->flags, 0);
	virtq_set_interrupts(&r.vq, false);
	assert_int_equal(r.vq.avail->flags, VIRTQ_AVAIL_F_NO_INTERRUPT);
	drop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(virtq_layout_every_size_parts_apart_and_aligned),
		cmocka_unit_test(virtq_init_dirty_memory_is_clean_and_all_free),
		cmocka_unit_test(virtq_init_largest_ring_counts_right),
		cmocka_unit_test(virtq_publish_not_called_device_sees_nothing),
		cmocka_unit_test(virtq_peek_out_of_order_past_65535_no_id_lost),
		cmocka_unit_test(virtq_pending_index_backwards_or_too_far_is_refused),
		cmocka_unit_test(virtq_wants_kick_follows_used_flags),
		cmocka_unit_test(virtq_set_interrupts_on_and_off_shows_in_avail_flags),
	};

	return cmocka_run_group_tests_name("virtio_ring", tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Frames of vireo-pktgen, their checksums judged by plain code of the test's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../apps/pktgen/frame.h" /* not the one beside this file */

static const struct frame_config plain = {
	.src_mac = {2, 0, 0, 0, 0, 1},
	.dst_mac = {2, 0, 0, 0, 0, 2},
	.src_ip = {0x0a000001, 0x0a000001},
	.dst_ip = {0x0a000002, 0x0a000002},
	.src_port = {1000, 1000},
	.dst_port = {9, 9},
	.stream = 0xbeef,
};

struct fixture {
	struct frame_gen gen;
	uint8_t frame[FRAME_MAX + 4];
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Word by word with end-around carry, the way RFC 1071 explains it. */
static uint16_t plain_sum(uint16_t sum, const uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i += 2) {
		uint32_t s = (uint32_t)sum + (uint32_t)(p[i] << 8 | (i + 1 < len ? p[i + 1] : 0));

		sum = (uint16_t)(s + (s >> 16));
	}
	return sum;
}

static void assert_sums_hold(const uint8_t *ip, unsigned len)
{
	uint8_t pseudo[4] = {0, 17, ip[24], ip[25]};

	assert_int_equal(word(ip + 2), len);
	assert_int_equal(word(ip + 24), len - 20);
	assert_int_equal(plain_sum(0, ip, 20), 0xffff);
	assert_int_equal(plain_sum(plain_sum(plain_sum(0, ip + 12, 8), pseudo, 4), ip + 20, len - 20), 0xffff);
	assert_int_not_equal(word(ip + 26), 0);
}

static void make(struct fixture *f, unsigned size)
{
	unsigned len = frame_len(&f->gen, size);

	frame_fill(&f->gen, f->frame, len);
	frame_write(&f->gen, f->frame, len, 0x1122334455667788);
}

static void frame_write_all_sizes_have_valid_checksums(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	for (unsigned size = 64; size < 1600; size++) {
		make(f, size);
		assert_sums_hold(f->frame + 14, size - 4 - 14);
	}
	make(f, 9018);
	assert_sums_hold(f->frame + 14, 9000);
	make(f, FRAME_MAX);
	assert_sums_hold(f->frame + 14, FRAME_MAX - 18);
}

static void frame_write_many_sequences_have_valid_checksums(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	for (unsigned i = 0; i < 70000; i++) {
		make(f, 64);
		assert_sums_hold(f->frame + 14, 46);
		assert_int_equal(word(f->frame + 18), i & 0xffff);
	}
}

static void frame_write_tagged_adds_four_bytes(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;

	cfg.tagged = true;
	cfg.vlan = 100;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
	assert_int_equal(frame_len(&f->gen, 64), 64);
	make(f, 65);
	assert_int_equal(word(f->frame + 12), 0x8100);
	assert_int_equal(word(f->frame + 14), 100);
	assert_int_equal(word(f->frame + 16), 0x0800);
	assert_sums_hold(f->frame + 18, 47);
}

static void frame_write_offload_leaves_checksums_out(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;

	cfg.offload = true;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
	make(f, 64);
	assert_int_equal(word(f->frame + 24), 0);
	assert_int_equal(word(f->frame + 40), 0);
}

static void frame_write_layout_is_as_documented(void **state)
{
	static const uint8_t tag[] = {'v',  'i',  'r',	'e',  0xbe, 0xef, 0,	0, 0, 1, 0x11,
				      0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0, 1, 2};
	struct fixture *f = *state;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	make(f, 128);
	make(f, 128);
	assert_memory_equal(f->frame, plain.dst_mac, 6);
	assert_memory_equal(f->frame + 6, plain.src_mac, 6);
	assert_memory_equal(f->frame + 42, tag, sizeof(tag));
}

static void frame_write_ranges_walk_through_every_flow_once(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;
	uint8_t seen[24] = {0};

	cfg.src_ip.last += 1;
	cfg.dst_ip.last += 1;
	cfg.src_port.last += 2;
	cfg.dst_port.last += 1;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
	assert_int_equal(f->gen.n_flows, 24);
	for (unsigned i = 0; i < 48; i++) {
		const uint8_t *ip = f->frame + 14;

		make(f, 64);
		assert_sums_hold(ip, 46);
		seen[((ip[15] - 1) * 2 + ip[19] - 2) * 6 + (word(ip + 20) - 1000) * 2 + word(ip + 22) - 9]++;
	}
	for (unsigned i = 0; i < 24; i++)
		assert_int_equal(seen[i], 2);
}

static void frame_gen_init_flows_without_ranges_vary_the_source_port(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;

	cfg.n_flows = 3;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
	for (unsigned i = 0; i < 7; i++) {
		make(f, 64);
		assert_int_equal(word(f->frame + 34), 1000 + i % 3);
	}
}

static void frame_gen_init_more_flows_than_ranges_is_refused(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;

	cfg.src_port.last = 1003;
	cfg.n_flows = 5;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), -EINVAL);
	cfg.n_flows = 4;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
	cfg.src_port.last = 1000;
	cfg.n_flows = 70000;
	assert_int_equal(frame_gen_init(&f->gen, &cfg), -EINVAL);
}

static void frame_check_own_frames_are_recognised(void **state)
{
	struct frame_config cfg = plain;
	struct fixture *f = *state;
	struct frame_tag tag;

	for (unsigned tagged = 0; tagged < 2; tagged++) {
		cfg.tagged = tagged;
		assert_int_equal(frame_gen_init(&f->gen, &cfg), 0);
		make(f, 64);
		make(f, 64);
		assert_int_equal(frame_check(f->frame, frame_len(&f->gen, 64), &tag), FRAME_OURS);
		assert_int_equal(tag.stream, 0xbeef);
		assert_int_equal(tag.seq, 1);
		assert_true(tag.time_ns == 0x1122334455667788);
	}
}

static void frame_check_any_flipped_bit_behind_ethernet_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct frame_tag tag;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	make(f, 100);
	for (unsigned bit = 14 * 8; bit < 96 * 8; bit++) {
		f->frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(frame_check(f->frame, 96, &tag), FRAME_CORRUPT);
		f->frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void frame_check_cut_frame_is_corrupt(void **state)
{
	struct fixture *f = *state;
	struct frame_tag tag;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	make(f, 1518);
	for (unsigned len = 60; len < 1514; len++)
		assert_int_equal(frame_check(f->frame, len, &tag), FRAME_CORRUPT);
	/* Padding behind the packet is none of its business. */
	assert_int_equal(frame_check(f->frame, 1520, &tag), FRAME_OURS);
}

static void frame_check_other_traffic_is_foreign(void **state)
{
	struct fixture *f = *state;
	struct frame_tag tag;

	memset(f->frame, 0, 200);
	for (unsigned len = 0; len < 200; len++)
		assert_int_equal(frame_check(f->frame, len, &tag), FRAME_FOREIGN);
	f->frame[12] = 0x08; /* IPv4 of all zeros */
	assert_int_equal(frame_check(f->frame, 64, &tag), FRAME_FOREIGN);
	f->frame[13] = 0x06; /* ARP */
	assert_int_equal(frame_check(f->frame, 64, &tag), FRAME_FOREIGN);
	/* Nothing but tags, to the end. */
	for (unsigned i = 12; i < 200; i += 4)
		memcpy(f->frame + i, "\x81\x00\x00\x01", 4);
	assert_int_equal(frame_check(f->frame, 200, &tag), FRAME_FOREIGN);
}

static void frame_check_valid_udp_of_others_is_foreign(void **state)
{
	struct fixture *f = *state;
	struct frame_tag tag;
	uint8_t *udp = f->frame + 34;

	assert_int_equal(frame_gen_init(&f->gen, &plain), 0);
	make(f, 64);
	memcpy(udp + 8, "DNS!", 4);
	udp[6] = udp[7] = 0; /* no checksum, which IPv4 allows */
	assert_int_equal(frame_check(f->frame, 60, &tag), FRAME_FOREIGN);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(frame_write_all_sizes_have_valid_checksums),
		CASE(frame_write_many_sequences_have_valid_checksums),
		CASE(frame_write_tagged_adds_four_bytes),
		CASE(frame_write_offload_leaves_checksums_out),
		CASE(frame_write_layout_is_as_documented),
		CASE(frame_write_ranges_walk_through_every_flow_once),
		CASE(frame_gen_init_flows_without_ranges_vary_the_source_port),
		CASE(frame_gen_init_more_flows_than_ranges_is_refused),
		CASE(frame_check_own_frames_are_recognised),
		CASE(frame_check_any_flipped_bit_behind_ethernet_is_corrupt),
		CASE(frame_check_cut_frame_is_corrupt),
		CASE(frame_check_other_traffic_is_foreign),
		CASE(frame_check_valid_udp_of_others_is_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

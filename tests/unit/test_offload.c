// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/port.h>

#include "frame.h"
#include "offload.h"

#define ROOM	     64 /* headroom of every element */
#define MAX_ELEMENTS 8
#define FRAME_HEADERS 74 /* as many bytes of any frame as headers may have */

static const struct frame_shape shapes[] = {
	{.payload = 10},
	{.payload = 11, .udp = true},
	{.payload = 1400, .ip_options = 40},
	{.payload = 0},
	{.payload = 0, .udp = true},
	{.payload = 333, .ipv6 = true},
	{.payload = 8, .ipv6 = true, .udp = true},
	{.payload = 77, .tagged = true, .tci = 0x6123},
	{.payload = 8960, .udp = true, .tagged = true, .tci = 5},
};
#define N_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static const struct offload_caps all_caps = {
	.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM | VIREO_TX_TSO,
	.csum = true,
	.tso4 = true,
	.tso6 = true,
};
static const struct offload_caps software = {.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM};

struct packet {
	struct vireo_pkt pkts[MAX_ELEMENTS];
	unsigned n;
	uint8_t frame[FRAME_MAX]; /* as built */
	uint32_t len;
	unsigned l2, l3, l4;
};

static unsigned random_below(unsigned n)
{
	static unsigned seed = 7;

	seed = seed * 1103515245 + 12345;
	return seed / 65536 % n;
}

static struct packet *whole(const struct frame_shape *shape)
{
	struct packet *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->len = frame_build(shape, p->frame);
	p->l2 = frame_l2(shape);
	p->l3 = frame_l3(shape);
	p->l4 = frame_l4(shape);
	return p;
}

/* Cut p->frame, as it is now, into up to @n elements of random size; each lies in a block of its own for ASan. */
static void cut(struct packet *p, unsigned n)
{
	uint32_t at = 0;

	for (p->n = 0; p->n < n && at < p->len; p->n++) {
		uint32_t len = p->n + 1 == n ? p->len - at : 1 + random_below(p->len - at);
		struct vireo_pkt *e = &p->pkts[p->n];

		e->buf = malloc(ROOM + len);
		assert_non_null(e->buf);
		e->off = ROOM;
		e->len = len;
		e->flags = at + len < p->len ? VIREO_PKT_MORE : 0;
		memcpy(vireo_pkt_data(e), p->frame + at, len);
		at += len;
	}
	assert_int_equal(at, p->len);
}

static void request(struct packet *p, const struct frame_shape *shape, uint32_t flags)
{
	p->pkts[0].flags |= flags | (shape->ipv6 ? VIREO_PKT_IPV6 : 0);
	p->pkts[0].tx.l2_len = p->l2;
	p->pkts[0].tx.l3_len = p->l3;
	p->pkts[0].tx.l4_len = p->l4;
}

static void drop(struct packet *p)
{
	for (unsigned i = 0; i < p->n; i++)
		free(p->pkts[i].buf);
	free(p);
}

/* What leaves on the wire after the plan was carried out by us and the rest by a device. */
static uint32_t send(struct packet *p, const struct offload_plan *plan, uint8_t *ret_wire)
{
	uint8_t *start = offload_apply(plan, p->pkts, p->n);
	uint32_t front = (uint8_t *)vireo_pkt_data(&p->pkts[0]) - start, len = p->len + front;

	memcpy(ret_wire, start, front);
	assert_true(offload_copy(p->pkts, p->n, 0, ret_wire + front, p->len));
	if (plan->partial)
		frame_complete(ret_wire, len, plan->csum_start, plan->csum_offset);
	return len;
}

static void offload_sum_any_cut_equals_the_whole(void **state)
{
	for (unsigned i = 0; i < 200; i++) {
		struct packet *p = whole(&shapes[i % N_SHAPES]), *q = whole(&shapes[i % N_SHAPES]);
		uint32_t from = random_below(p->len), len = random_below(p->len - from + 1);
		uint8_t *copy = malloc(p->len);
		uint16_t a, b;

		cut(p, 1);
		cut(q, 1 + random_below(MAX_ELEMENTS));
		a = offload_sum(p->pkts, p->n, from, len);
		b = offload_sum(q->pkts, q->n, from, len);
		assert_true(a == b || (a % 0xffff == 0 && b % 0xffff == 0));
		assert_true(offload_copy(q->pkts, q->n, 0, copy, q->len));
		assert_memory_equal(copy, p->frame, p->len);
		assert_false(offload_copy(q->pkts, q->n, 1, copy, q->len));
		free(copy);
		drop(p);
		drop(q);
	}
}

static void check_request(const struct frame_shape *shape, const struct offload_caps *caps, unsigned n, uint32_t flags)
{
	struct packet *p = whole(shape);
	uint8_t *good = malloc(p->len), *wire = malloc(p->len);
	struct offload_plan plan;

	memcpy(good, p->frame, p->len);
	memset(p->frame + p->l2 + p->l3 + (shape->udp ? 6 : 16), random_below(256), 2);
	if (flags & VIREO_PKT_TX_IP_CSUM)
		memset(p->frame + p->l2 + 10, random_below(256), 2);
	cut(p, n);
	request(p, shape, flags);
	assert_int_equal(offload_plan(p->pkts, p->n, caps, &plan), 0);
	assert_int_equal(plan.partial, caps->csum);
	assert_int_equal(send(p, &plan, wire), p->len);
	assert_memory_equal(wire, good, p->len);
	free(good);
	free(wire);
	drop(p);
}

static void offload_plan_checksum_requests_every_shape_right_on_the_wire(void **state)
{
	for (unsigned i = 0; i < N_SHAPES; i++) {
		uint32_t flags = shapes[i].udp ? VIREO_PKT_TX_UDP_CSUM : VIREO_PKT_TX_TCP_CSUM;

		if (!shapes[i].ipv6)
			flags |= VIREO_PKT_TX_IP_CSUM;
		for (unsigned n = 1; n <= MAX_ELEMENTS; n++) {
			check_request(&shapes[i], &all_caps, n, flags);
			check_request(&shapes[i], &software, n, flags);
		}
	}
}

static void check_partial(const struct frame_shape *shape, const struct offload_caps *caps, unsigned n)
{
	struct packet *p = whole(shape);
	uint8_t *good = malloc(p->len), *wire = malloc(p->len);
	struct offload_plan plan;

	memcpy(good, p->frame, p->len);
	frame_make_partial(shape, p->frame, p->len);
	cut(p, n);
	p->pkts[0].flags |= VIREO_PKT_CSUM_PARTIAL;
	p->pkts[0].tx.csum_start = p->l2 + p->l3;
	p->pkts[0].tx.csum_offset = shape->udp ? 6 : 16;
	assert_int_equal(offload_plan(p->pkts, p->n, caps, &plan), 0);
	assert_int_equal(plan.partial, caps->csum);
	assert_int_equal(send(p, &plan, wire), p->len);
	assert_memory_equal(wire, good, p->len);
	free(good);
	free(wire);
	drop(p);
}

static void offload_plan_partial_state_is_completed_or_passed_on(void **state)
{
	for (unsigned i = 0; i < N_SHAPES; i++)
		for (unsigned n = 1; n <= MAX_ELEMENTS; n++) {
			check_partial(&shapes[i], &all_caps, n);
			check_partial(&shapes[i], &software, n);
		}
}

/* Strip the tag as receive does, then have it put back together with a checksum: the frame is what it was. */
static void offload_strip_vlan_then_tag_with_checksum_restores_the_frame(void **state)
{
	static const struct frame_shape shape = {.payload = 77, .tagged = true, .tci = 0x6123};
	const struct offload_caps *caps[] = {&all_caps, &software};

	for (unsigned i = 0; i < 2; i++) {
		struct packet *p = whole(&shape);
		uint8_t wire[256];
		uint16_t tci = 0;
		struct offload_plan plan;

		cut(p, 1);
		assert_true(offload_vlan_tci(&p->pkts[0], &tci));
		assert_int_equal(tci, 0x6123);
		offload_strip_vlan(&p->pkts[0], tci);
		assert_int_equal(p->pkts[0].off, ROOM + 4);
		assert_false(offload_vlan_tci(&p->pkts[0], &tci));
		p->l2 -= 4;
		p->len -= 4;
		request(p, &shape, VIREO_PKT_TX_TCP_CSUM | VIREO_PKT_TX_IP_CSUM);
		assert_int_equal(offload_plan(p->pkts, p->n, caps[i], &plan), 0);
		assert_true(plan.tag);
		assert_int_equal(send(p, &plan, wire), p->len + 4);
		assert_memory_equal(wire, p->frame, p->len + 4);
		drop(p);
	}
}

static void offload_vlan_tci_short_or_untagged_is_false(void **state)
{
	uint8_t data[18] = {[12] = 0x81, [13] = 0x00, [14] = 0x0f};
	struct vireo_pkt pkt = {.buf = data, .len = 18};
	uint16_t tci = 1;

	assert_true(offload_vlan_tci(&pkt, &tci));
	assert_int_equal(tci, 0x0f00);
	pkt.len = 17;
	assert_false(offload_vlan_tci(&pkt, &tci));
	pkt.len = 18;
	data[12] = 8;
	assert_false(offload_vlan_tci(&pkt, &tci));
}

static void offload_plan_padded_frame_sums_only_what_ip_says(void **state)
{
	static const struct frame_shape shape = {.payload = 2, .udp = true};
	struct packet *p = whole(&shape);
	uint8_t wire[128];
	struct offload_plan plan;
	uint32_t built = p->len;

	memset(p->frame + p->len, 0xee, 60 - p->len);
	p->len = 60;
	cut(p, 2);
	request(p, &shape, VIREO_PKT_TX_UDP_CSUM);
	assert_int_equal(offload_plan(p->pkts, p->n, &all_caps, &plan), 0);
	assert_false(plan.partial);
	assert_int_equal(send(p, &plan, wire), 60);
	assert_memory_equal(wire, p->frame, built);
	drop(p);
}

/* A sum that comes out as 0 goes out as 0xffff: 0 means "no checksum" to UDP. */
static void offload_plan_udp_sum_of_zero_becomes_all_ones(void **state)
{
	static const struct frame_shape shape = {.payload = 2, .udp = true};
	struct packet *p = whole(&shape);
	uint8_t *udp = p->frame + p->l2 + p->l3, wire[64];
	struct offload_plan plan;

	/* Take the present checksum into the payload: the rest then adds up to 0xffff. */
	udp[8] = udp[9] = 0;
	frame_make_partial(&shape, p->frame, p->len);
	frame_complete(p->frame, p->len, p->l2 + p->l3, 6);
	memcpy(udp + 8, udp + 6, 2);
	cut(p, 1);
	request(p, &shape, VIREO_PKT_TX_UDP_CSUM);
	assert_int_equal(offload_plan(p->pkts, 1, &software, &plan), 0);
	send(p, &plan, wire);
	assert_int_equal(wire[p->l2 + p->l3 + 6], 0xff);
	assert_int_equal(wire[p->l2 + p->l3 + 7], 0xff);
	drop(p);
}

static void offload_plan_tso_fills_in_what_the_device_needs(void **state)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		struct frame_shape shape = {.payload = 9000, .ipv6 = ipv6};
		struct packet *p = whole(&shape);
		uint8_t *wire = malloc(p->len);
		struct offload_plan plan;

		p->frame[p->l2 + p->l3 + 13] |= 0x80;
		cut(p, 3);
		request(p, &shape, VIREO_PKT_TX_TSO);
		p->pkts[0].tx.seg_size = 1448;
		assert_int_equal(offload_plan(p->pkts, p->n, &all_caps, &plan), 0);
		assert_true(plan.large && plan.partial && plan.cwr);
		assert_int_equal(plan.ipv6, ipv6);
		assert_int_equal(plan.seg_size, 1448);
		assert_int_equal(plan.hdr_len, p->l2 + p->l3 + p->l4);
		assert_int_equal(plan.csum_start, p->l2 + p->l3);
		/* The checksum of the whole, finished by the judge, proves the pseudo-header sum. */
		send(p, &plan, wire);
		frame_make_partial(&shape, p->frame, p->len);
		frame_complete(p->frame, p->len, p->l2 + p->l3, 16);
		assert_memory_equal(wire, p->frame, p->len);
		free(wire);
		drop(p);
	}
}

static void offload_plan_large_state_leaves_the_data_alone(void **state)
{
	static const struct frame_shape shape = {.payload = 5000};
	struct packet *p = whole(&shape);
	struct offload_plan plan;

	cut(p, 2);
	request(p, &shape, VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL);
	p->pkts[0].tx.seg_size = 1448;
	assert_int_equal(offload_plan(p->pkts, p->n, &all_caps, &plan), 0);
	assert_true(plan.large && plan.partial);
	assert_int_equal(plan.head, 0);
	assert_int_equal(plan.n_words, 0);
	assert_int_equal(offload_plan(p->pkts, p->n, &software, &plan), -EINVAL);
	drop(p);
}

/* A device that adds lengths itself wants both sums without; whoever asked, and for state that came from elsewhere. */
static void offload_plan_bare_tso_leaves_lengths_out_of_both_sums(void **state)
{
	static const uint32_t requests[] = {VIREO_PKT_TX_TSO, VIREO_PKT_TX_TSO | VIREO_PKT_TX_IP_CSUM,
					    VIREO_PKT_LARGE | VIREO_PKT_CSUM_PARTIAL};
	struct offload_caps caps = all_caps;

	caps.ip_csum = caps.tso_bare = true;
	for (unsigned i = 0; i < 2 * sizeof(requests) / sizeof(requests[0]); i++) {
		struct frame_shape shape = {.payload = 5000, .ipv6 = i % 2};
		struct packet *p = whole(&shape);
		uint8_t want[FRAME_HEADERS], got[FRAME_HEADERS];
		struct offload_plan plan;
		uint16_t length, sum;

		if (shape.ipv6 && requests[i / 2] & VIREO_PKT_TX_IP_CSUM) {
			free(p);
			continue;
		}
		frame_make_partial(&shape, p->frame, p->len);
		memcpy(want, p->frame, sizeof(want));
		cut(p, 3);
		request(p, &shape, requests[i / 2]);
		p->pkts[0].tx.seg_size = 1448;
		assert_int_equal(offload_plan(p->pkts, p->n, &caps, &plan), 0);
		assert_true(plan.large && plan.partial);
		assert_int_equal(plan.ip_csum, !shape.ipv6);
		offload_apply(&plan, p->pkts, p->n);
		assert_true(offload_copy(p->pkts, p->n, 0, got, sizeof(got)));
		/* Adding the length to what is there gives what a device gets that wants it. */
		memcpy(&sum, got + p->l2 + p->l3 + 16, sizeof(sum));
		length = __builtin_bswap16(p->len - p->l2 - p->l3);
		sum = sum + length > 0xffff ? sum + length + 1 : sum + length;
		memcpy(got + p->l2 + p->l3 + 16, &sum, sizeof(sum));
		if (!shape.ipv6)
			memset(want + p->l2 + 10, 0, 2);
		assert_memory_equal(got, want, sizeof(got));
		drop(p);
	}
}

static void offload_plan_ip_csum_by_the_device_leaves_a_zero(void **state)
{
	static const struct frame_shape shape = {.payload = 100};
	struct offload_caps caps = all_caps;
	struct packet *p = whole(&shape);
	uint8_t want[FRAME_HEADERS], got[FRAME_HEADERS];
	struct offload_plan plan;

	caps.ip_csum = true;
	memcpy(want, p->frame, sizeof(want));
	memset(want + p->l2 + 10, 0, 2);
	cut(p, 2);
	request(p, &shape, VIREO_PKT_TX_IP_CSUM);
	assert_int_equal(offload_plan(p->pkts, p->n, &caps, &plan), 0);
	assert_true(plan.ip_csum && !plan.partial);
	offload_apply(&plan, p->pkts, p->n);
	assert_true(offload_copy(p->pkts, p->n, 0, got, sizeof(got)));
	assert_memory_equal(got, want, sizeof(got));
	drop(p);
}

struct refusal {
	const char *why;
	uint32_t flags;
	int l2, l3, l4, seg; /* added to what is right */
	bool ipv6;
	uint32_t offloads_off;
	uint32_t cut_to; /* shorten the frame */
};

static const struct refusal refusals[] = {
	{"not opened for IP checksums", VIREO_PKT_TX_IP_CSUM, .offloads_off = VIREO_TX_IP_CSUM},
	{"not opened for TCP checksums", VIREO_PKT_TX_TCP_CSUM, .offloads_off = VIREO_TX_L4_CSUM},
	{"not opened for UDP checksums", VIREO_PKT_TX_UDP_CSUM, .offloads_off = VIREO_TX_L4_CSUM},
	{"not opened for TSO", VIREO_PKT_TX_TSO, .offloads_off = VIREO_TX_TSO},
	{"not opened for large packets", VIREO_PKT_LARGE, .offloads_off = VIREO_TX_TSO},
	{"two L4 checksums", VIREO_PKT_TX_TCP_CSUM | VIREO_PKT_TX_UDP_CSUM},
	{"UDP segments", VIREO_PKT_TX_TSO | VIREO_PKT_TX_UDP_CSUM},
	{"partial and request", VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_TX_IP_CSUM},
	{"UDP checksum of TCP", VIREO_PKT_TX_UDP_CSUM},
	{"l2 too long", VIREO_PKT_TX_TCP_CSUM, .l2 = 4},
	{"l2 too short", VIREO_PKT_TX_IP_CSUM, .l2 = -1},
	{"l2 zero", VIREO_PKT_TX_IP_CSUM, .l2 = -14},
	{"l3 too long", VIREO_PKT_TX_TCP_CSUM, .l3 = 4},
	{"l3 odd", VIREO_PKT_TX_TCP_CSUM, .l3 = 1},
	{"l3 zero", VIREO_PKT_TX_IP_CSUM, .l3 = -20},
	{"l3 behind the end", VIREO_PKT_TX_TCP_CSUM, .l3 = 30000},
	{"IPv6 said of IPv4", VIREO_PKT_TX_TCP_CSUM, .ipv6 = true},
	{"IP checksum of IPv6", VIREO_PKT_TX_IP_CSUM, .ipv6 = true, .l3 = 20},
	{"l4 wrong", VIREO_PKT_TX_TSO, .l4 = 4},
	{"l4 zero", VIREO_PKT_TX_TSO, .l4 = -20},
	{"no segment size", VIREO_PKT_TX_TSO, .seg = -1000},
	{"frame ends before the checksum", VIREO_PKT_TX_TCP_CSUM, .cut_to = 14 + 20 + 16},
	{"frame shorter than IP says", VIREO_PKT_TX_IP_CSUM, .cut_to = 90},
	{"no Ethernet frame", 0, .cut_to = 13},
};

static void offload_plan_impossible_request_is_refused(void **state)
{
	static const struct frame_shape shape = {.payload = 100};

	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct offload_caps caps = all_caps;
		struct packet *p = whole(&shape);
		struct offload_plan plan;

		if (r->cut_to)
			p->len = r->cut_to;
		cut(p, 2);
		caps.tx_offloads &= ~r->offloads_off;
		p->pkts[0].flags |= r->flags | (r->ipv6 ? VIREO_PKT_IPV6 : 0);
		p->pkts[0].tx.l2_len = p->l2 + r->l2;
		p->pkts[0].tx.l3_len = p->l3 + r->l3;
		p->pkts[0].tx.l4_len = p->l4 + r->l4;
		p->pkts[0].tx.seg_size = 1000 + r->seg;
		if (offload_plan(p->pkts, p->n, &caps, &plan) != -EINVAL)
			fail_msg("accepted: %s", r->why);
		drop(p);
	}
}

static void offload_plan_partial_out_of_bounds_is_refused(void **state)
{
	static const uint16_t cases[][2] = {
		{0, 6}, {13, 6}, {34, 65535}, {65535, 65535}, {65535, 0}, {113, 0}, {100, 13},
	};
	static const struct frame_shape shape = {.payload = 60};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet *p = whole(&shape);
		struct offload_plan plan;

		assert_int_equal(p->len, 114);
		cut(p, 3);
		p->pkts[0].flags |= VIREO_PKT_CSUM_PARTIAL;
		p->pkts[0].tx.csum_start = cases[i][0];
		p->pkts[0].tx.csum_offset = cases[i][1];
		assert_int_equal(offload_plan(p->pkts, p->n, &all_caps, &plan), -EINVAL);
		assert_int_equal(offload_plan(p->pkts, p->n, &software, &plan), -EINVAL);
		p->pkts[0].tx.csum_start = 112;
		p->pkts[0].tx.csum_offset = 0;
		assert_int_equal(offload_plan(p->pkts, p->n, &software, &plan), 0);
		drop(p);
	}
}

static void offload_find_tcp_every_shape_and_cut_is_found(void **state)
{
	for (unsigned i = 0; i < N_SHAPES; i++)
		for (unsigned n = 1; n <= MAX_ELEMENTS; n++) {
			struct packet *p = whole(&shapes[i]);
			struct offload_headers h;

			cut(p, n);
			if (shapes[i].udp) {
				assert_int_equal(offload_find_tcp(p->pkts, p->n, p->l2 + p->l3, &h), -EINVAL);
			} else {
				assert_int_equal(offload_find_tcp(p->pkts, p->n, p->l2 + p->l3, &h), 0);
				assert_int_equal(h.l2_len, p->l2);
				assert_int_equal(h.l3_len, p->l3);
				assert_int_equal(h.l4_len, p->l4);
				assert_int_equal(h.ipv6, shapes[i].ipv6);
			}
			drop(p);
		}
}

/* Whatever the bytes, nothing is read outside the elements: the sanitizers are the judge. */
static void offload_find_tcp_random_bytes_and_ends_stay_inside(void **state)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct packet *p = whole(&shapes[i % (N_SHAPES - 1)]);
		struct offload_headers h;
		struct offload_plan plan;

		p->len = 1 + random_below(p->len);
		for (unsigned k = 0; k < 4; k++)
			p->frame[random_below(p->len)] = random_below(256);
		cut(p, 1 + random_below(MAX_ELEMENTS));
		offload_find_tcp(p->pkts, p->n, random_below(100), &h);
		request(p, &shapes[i % (N_SHAPES - 1)], random_below(16) << 16 | random_below(64));
		p->pkts[0].flags &= ~VIREO_PKT_MORE;
		p->pkts[0].tx.l3_len += random_below(8) ? 0 : random_below(65536);
		p->pkts[0].tx.csum_start = random_below(200);
		p->pkts[0].tx.seg_size = random_below(2);
		if (!offload_plan(p->pkts, p->n, i & 1 ? &all_caps : &software, &plan) &&
		    (!plan.tag || p->pkts[0].len >= ETH_ADDRS_LEN))
			offload_apply(&plan, p->pkts, p->n);
		drop(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offload_sum_any_cut_equals_the_whole),
		cmocka_unit_test(offload_plan_checksum_requests_every_shape_right_on_the_wire),
		cmocka_unit_test(offload_plan_partial_state_is_completed_or_passed_on),
		cmocka_unit_test(offload_strip_vlan_then_tag_with_checksum_restores_the_frame),
		cmocka_unit_test(offload_vlan_tci_short_or_untagged_is_false),
		cmocka_unit_test(offload_plan_padded_frame_sums_only_what_ip_says),
		cmocka_unit_test(offload_plan_udp_sum_of_zero_becomes_all_ones),
		cmocka_unit_test(offload_plan_tso_fills_in_what_the_device_needs),
		cmocka_unit_test(offload_plan_large_state_leaves_the_data_alone),
		cmocka_unit_test(offload_plan_bare_tso_leaves_lengths_out_of_both_sums),
		cmocka_unit_test(offload_plan_ip_csum_by_the_device_leaves_a_zero),
		cmocka_unit_test(offload_plan_impossible_request_is_refused),
		cmocka_unit_test(offload_plan_partial_out_of_bounds_is_refused),
		cmocka_unit_test(offload_find_tcp_every_shape_and_cut_is_found),
		cmocka_unit_test(offload_find_tcp_random_bytes_and_ends_stay_inside),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}

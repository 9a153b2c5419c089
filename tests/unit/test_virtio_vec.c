// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vector loops of virtio against what they must do, one packet at a time, on random rings. What they do inside a whole
 * burst is tested by the programs for receive and transmit, which run once for each set of instructions.
 */
#include "unit.h"

#include <vireo/vireo.h>

#include "virtio/virtio.h"
#include "virtio/virtio_vec.h"

#define MAX_N	    80
#define ROUNDS	    20000
#define BULK	    VIRTIO_VEC_BULK
#define CANARY	    0xa5
#define CANARY_WORD 0xa5a5a5a5a5a5a5a5

static uint64_t seed = 1;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static uint64_t rnd64(void)
{
	return (uint64_t)rnd() << 32 | rnd();
}

/* As much of each buffer as may be touched: headers, wherever packets begin. */
#define BUF_SIZE (VIREO_HEADROOM + 64)
static _Alignas(64) uint8_t memory[MAX_N][BUF_SIZE];

/* Those that this processor has. */
static unsigned list(const struct virtio_vec *ret[4])
{
	static const char *const names[] = {"sse42", "avx2", "avx512"};
	unsigned n = 0;

	for (size_t i = 0; i < N_OF(names); i++) {
		const struct virtio_vec *v;

		setenv("VIREO_SIMD", names[i], 1);
		v = virtio_vec_choose();
		if (v)
			ret[n++] = v;
		else
			printf("# this processor has no %s\n", names[i]);
	}
	unsetenv("VIREO_SIMD");
	return n;
}

static void for_each(void (*check)(const struct virtio_vec *v), unsigned rounds)
{
	const struct virtio_vec *all[4];
	unsigned n = list(all);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < rounds; k++)
			check(all[i]);
}

static void choose_takes_the_best_that_is_allowed(void **state)
{
	const struct virtio_vec *all[4];
	unsigned n = list(all);

	assert_ptr_equal(virtio_vec_choose(), n ? all[n - 1] : NULL);
	setenv("VIREO_SIMD", "scalar", 1);
	assert_null(virtio_vec_choose());
	unsetenv("VIREO_SIMD");
}

/* --- receive ------------------------------------------------------------------------------------------------------ */

/* What a queue looks for in headers: nothing; one buffer; the results of checksums; both. */
static const struct virtio_rx_consts looks[] = {
	{.hdr_mask = 0},
	{.hdr_mask = 0xffffffff, .hdr_want = 0x10000},
	{.hdr_mask = 0x0000fffd, .valid_mask = VIRTIO_NET_HDR_F_DATA_VALID},
	{.hdr_mask = 0xfffffffd, .hdr_want = 0x10000, .valid_mask = VIRTIO_NET_HDR_F_DATA_VALID},
};

static struct virtio_net_hdr *header_of(const void *buf)
{
	return (struct virtio_net_hdr *)((char *)buf + VIRTIO_HDR_AT);
}

/* Mostly plain, as far as anybody looks. */
static void random_header(struct virtio_net_hdr *hdr)
{
	*hdr = (struct virtio_net_hdr){
		.flags = rnd() % 2 ? VIRTIO_NET_HDR_F_DATA_VALID : 0,
		.hdr_len = (uint16_t)rnd(),
		.gso_size = (uint16_t)rnd(),
		.csum_start = (uint16_t)rnd(),
		.csum_offset = (uint16_t)rnd(),
		.num_buffers = 1,
	};
	if (rnd() % 2)
		hdr->flags = 0;
	switch (rnd() % 160) {
	case 0:
		hdr->flags |= (uint8_t)(1 << rnd() % 8);
		break;
	case 1:
		hdr->gso_type = (uint8_t)(1 << rnd() % 8);
		break;
	case 2:
		hdr->num_buffers = (uint16_t)(rnd() % 3);
		break;
	case 3:
		hdr->num_buffers = (uint16_t)(1 | 1 << rnd() % 16);
		break;
	}
}

static bool is_plain_header(const struct virtio_net_hdr *hdr, const struct virtio_rx_consts *c)
{
	uint8_t flags = hdr->flags & (uint8_t)~c->valid_mask;

	return !c->hdr_mask || (!flags && !hdr->gso_type && (!c->hdr_want || hdr->num_buffers == 1));
}

/* One answer, of either kind of ring. */
struct answer {
	uint32_t id, len;
	uint16_t flags; /* packed */
};

static struct answer random_answer(uint32_t id, uint32_t max_len, uint16_t turn)
{
	static const uint32_t lens[] = {0, 1, 11, 12, 0x80000000, 0xffffffff};
	struct answer a = {id, VIRTIO_NET_HDR_LEN + 1 + rnd() % max_len, turn};

	switch (rnd() % 80) {
	case 0:
		a.id ^= 1u << rnd() % 32;
		break;
	case 1:
		a.len = lens[rnd() % N_OF(lens)];
		break;
	case 2:
		a.len = VIRTIO_NET_HDR_LEN + max_len + 1 + rnd() % 100;
		break;
	case 3:
		a.len = VIRTIO_NET_HDR_LEN + (rnd() % 2 ? 1 : max_len);
		break;
	case 4:
		a.flags ^= rnd() % 2 ? VIRTQ_PACKED_F_AVAIL : VIRTQ_PACKED_F_USED;
		break;
	case 5:
		a.flags ^= VIRTQ_PACKED_TURN;
		break;
	}
	/* Bits that are nobody's business. */
	a.flags |= rnd() & (uint16_t)~VIRTQ_PACKED_TURN;
	return a;
}

static bool is_plain_answer(const struct answer *a, uint32_t id, uint32_t max_len, uint16_t turn, bool packed)
{
	bool mine = packed ? (uint16_t)a->id == id && (a->flags & VIRTQ_PACKED_TURN) == turn : a->id == id;

	return mine && a->len > VIRTIO_NET_HDR_LEN && a->len <= VIRTIO_NET_HDR_LEN + max_len;
}

/* The ring as the device left it; split: elements are aligned to half of their size. */
static union {
	_Alignas(64) struct virtq_packed_desc places[MAX_N];
	struct {
		uint32_t head;
		struct virtq_used_elem elems[MAX_N];
	};
} ring;

static void put_answer(unsigned at, const struct answer *a, bool packed)
{
	if (packed)
		ring.places[at] = (struct virtq_packed_desc){
			.iova = rnd64(), .len = a->len, .id = (uint16_t)a->id, .flags = a->flags};
	else
		ring.elems[at] = (struct virtq_used_elem){a->id, a->len};
}

static void check_rx(const struct virtio_vec *v, bool packed)
{
	static struct vireo_pkt pkts[MAX_N + 1], expected;
	struct answer answers[MAX_N];
	void *bufs[MAX_N];
	struct virtio_rx_consts c = looks[rnd() % N_OF(looks)];
	uint32_t flags = rnd(), id = rnd() % (VIRTQ_MAX_SIZE - MAX_N);
	uint16_t turn = rnd() % 2 ? VIRTQ_PACKED_TURN : 0, port = (uint16_t)rnd();
	unsigned start = rnd() % 8, n = rnd() % (MAX_N - start), good = 0, r;
	uint64_t bytes = 7, sum = 7;

	flags &= ~VIREO_PKT_RX_L4_OK;
	c.word = (uint64_t)flags << 32 | VIREO_HEADROOM;
	c.port = (uint64_t)port << 48;
	c.max_len = rnd() % 8 ? 64u << rnd() % 10 : 1;
	c.first = packed ? (uint64_t)turn << VIRTQ_PACKED_FLAGS_SHIFT | (uint64_t)id << VIRTQ_PACKED_ID_SHIFT : id;
	for (unsigned i = 0; i < n; i++) {
		answers[i] = random_answer(id + i, c.max_len, turn);
		put_answer(start + i, &answers[i], packed);
		bufs[i] = memory[(i * 7 + start) % MAX_N];
		random_header(header_of(bufs[i]));
	}
	while (good < n && is_plain_answer(&answers[good], id + good, c.max_len, turn, packed) &&
	       is_plain_header(header_of(bufs[good]), &c))
		good++;
	memset(pkts, CANARY, sizeof(pkts));
	r = packed ? v->rx_packed(&ring.places[start], bufs, pkts, n, &c, &bytes)
		   : v->rx_split(&ring.elems[start], bufs, pkts, n, &c, &bytes);
	/* It may leave the rest of a group, at most eight, and never go beyond. */
	assert_true(r <= good && good - r < 8);
	for (unsigned i = 0; i < r; i++) {
		bool valid = c.valid_mask && (header_of(bufs[i])->flags & VIRTIO_NET_HDR_F_DATA_VALID);

		expected = (struct vireo_pkt){
			.buf = bufs[i],
			.off = VIREO_HEADROOM,
			.len = (uint16_t)(answers[i].len - VIRTIO_NET_HDR_LEN),
			.flags = flags | (valid ? VIREO_PKT_RX_L4_OK : 0),
			.port = port,
		};
		assert_memory_equal(&pkts[i], &expected, sizeof(expected));
		sum += expected.len;
	}
	for (unsigned i = r * sizeof(pkts[0]); i < sizeof(pkts); i++)
		assert_int_equal(((uint8_t *)pkts)[i], CANARY);
	assert_int_equal(bytes, sum);
}

static void check_rx_split(const struct virtio_vec *v)
{
	check_rx(v, false);
}

static void check_rx_packed(const struct virtio_vec *v)
{
	check_rx(v, true);
}

static void rx_split_random_rings_as_one_by_one(void **state)
{
	for_each(check_rx_split, ROUNDS);
}

static void rx_packed_random_rings_as_one_by_one(void **state)
{
	for_each(check_rx_packed, ROUNDS);
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

/* A split ring's, or those of a packed one, the first of which is held back. */
static struct virtio_desc_consts random_consts(void)
{
	struct virtio_desc_consts c = {.add = rnd64() & ~0xffull, .second = rnd() & 0xffff};

	if (rnd() % 2) {
		struct virtq vq = {.mask = 255};
		uint16_t idx = (uint16_t)rnd();

		c.second += (uint64_t)virtq_avail_flags(&vq, idx) << VIRTQ_PACKED_FLAGS_SHIFT |
			    (uint64_t)(rnd() % VIRTQ_MAX_SIZE) << VIRTQ_PACKED_ID_SHIFT;
		c.hold = virtq_hold(&vq, idx);
		c.step = 1ull << VIRTQ_PACKED_ID_SHIFT;
	}
	return c;
}

static uint64_t expected_second(const struct virtio_desc_consts *c, unsigned i, uint32_t len)
{
	return c->second + i * c->step + len - (i ? 0 : c->hold);
}

/* Held back, it has the flags that the device left there a round before: those of no place that it was given. */
static void hold_keeps_the_flags_of_the_round_before(void **state)
{
	struct virtq vq = {.mask = 63};

	for (unsigned idx = 64; idx < 256; idx++) {
		uint64_t second =
			(uint64_t)virtq_avail_flags(&vq, (uint16_t)idx) << VIRTQ_PACKED_FLAGS_SHIFT | 0x1234567890;

		second -= virtq_hold(&vq, (uint16_t)idx);
		assert_int_equal(second >> VIRTQ_PACKED_FLAGS_SHIFT, virtq_used_flags(&vq, (uint16_t)(idx - 64)));
		assert_int_equal(second & 0xffffffffffff, 0x1234567890);
	}
}

static void check_arm(const struct virtio_vec *v)
{
	static _Alignas(64) struct virtq_packed_desc table[BULK + 2];
	struct virtio_desc_consts c = random_consts();
	void *bufs[BULK];

	memset(table, CANARY, sizeof(table));
	for (unsigned k = 0; k < BULK; k++)
		bufs[k] = (void *)(uintptr_t)rnd64();
	v->rx_arm_packed(&table[1], bufs, &c);
	for (unsigned k = 0; k < BULK; k++) {
		assert_int_equal(table[1 + k].iova, (uintptr_t)bufs[k] + c.add);
		assert_int_equal(table[1 + k].second, expected_second(&c, k, 0));
	}
	assert_int_equal(table[0].second, CANARY_WORD);
	assert_int_equal(table[BULK + 1].iova, CANARY_WORD);
}

static void rx_arm_packed_writes_address_and_second_word(void **state)
{
	for_each(check_arm, 1000);
}

/* --- transmit ----------------------------------------------------------------------------------------------------- */

static const uint32_t not_plain[] = {
	VIREO_PKT_MORE,	       VIREO_PKT_CSUM_PARTIAL, VIREO_PKT_LARGE,	 VIREO_PKT_VLAN,   VIREO_PKT_TX_IP_CSUM,
	VIREO_PKT_TX_TCP_CSUM, VIREO_PKT_TX_UDP_CSUM,  VIREO_PKT_TX_TSO, VIREO_PKT_SHARED,
};

static void random_packet(struct vireo_pkt *p, uint8_t *buf)
{
	static const uint16_t lens[] = {0, 1, 13, 14, 60, 1514, 0x7fff, 0x8000, 0xffff};
	static const uint16_t offs[] = {0, 1, 11, 15, 16, 17, VIREO_HEADROOM};

	*p = (struct vireo_pkt){
		.buf = buf,
		.off = rnd() % 4 ? VIREO_HEADROOM : (uint16_t)(16 + rnd() % (VIREO_HEADROOM - 16)),
		.len = (uint16_t)(60 + rnd() % 1455),
		.flags = rnd() << VIREO_PKT_POOL_SHIFT |
			 (rnd() % 3 ? 0 : VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_HASH | VIREO_PKT_IPV6),
		.hash = rnd(),
		.user = rnd64(),
	};
	if (rnd() % 60 == 0)
		p->flags |= not_plain[rnd() % N_OF(not_plain)];
	if (rnd() % 40 == 0)
		p->len = lens[rnd() % N_OF(lens)];
	if (rnd() % 40 == 0)
		p->off = offs[rnd() % N_OF(offs)];
	/* Headers that say nothing already, or that a device filled in, with one bit at least. */
	memset(buf, CANARY, BUF_SIZE);
	if (p->off >= 12 && rnd() % 4) {
		memset(buf + p->off - 12, 0, 12);
		if (rnd() % 16 == 0)
			buf[p->off - 12 + rnd() % 12] = (uint8_t)(1 << rnd() % 8);
	}
}

static bool is_plain_tx(const struct vireo_pkt *p)
{
	const uint32_t any = VIREO_PKT_MORE | VIREO_PKT_SHARED | VIREO_PKT_CSUM_PARTIAL | VIREO_PKT_LARGE |
			     VIREO_PKT_VLAN | VIREO_PKT_TX_MASK;

	/* The loops want 4 bytes more in front than the header has. */
	return !(p->flags & any) && p->off >= 16 && p->len >= 14;
}

static void check_tx(const struct virtio_vec *v)
{
	static _Alignas(64) struct virtq_desc table[MAX_N + 1];
	static struct vireo_pkt pkts[MAX_N];
	static uint8_t before[MAX_N][BUF_SIZE];
	void *bufs[MAX_N + 1];
	uint32_t owners[MAX_N + 1];
	unsigned start = rnd() % 8, n = rnd() % (MAX_N - start), good = 0, r;
	struct virtio_desc_consts c = random_consts();
	uint64_t bytes = 9, sum = 9;

	for (unsigned i = 0; i < n; i++)
		random_packet(&pkts[i], memory[(i * 7 + start) % MAX_N]);
	while (good < n && is_plain_tx(&pkts[good]))
		good++;
	memcpy(before, memory, sizeof(before));
	memset(table, CANARY, sizeof(table));
	memset(bufs, CANARY, sizeof(bufs));
	memset(owners, CANARY, sizeof(owners));
	r = v->tx_run(&table[start], &bufs[start], &owners[start], pkts, n, &c, &bytes);
	/* It may leave the rest of a group, at most eight, and never go beyond. */
	assert_true(r <= good && good - r < 8);
	for (unsigned i = 0; i < r; i++) {
		const struct vireo_pkt *p = &pkts[i];

		assert_int_equal(table[start + i].iova, (uintptr_t)p->buf + p->off + c.add);
		assert_int_equal(table[start + i].second, expected_second(&c, i, p->len));
		assert_ptr_equal(bufs[start + i], p->buf);
		assert_int_equal(owners[start + i], (p->flags & 0xff000000) | 1);
		memset(before[(i * 7 + start) % MAX_N] + p->off - 12, 0, 12);
		sum += p->len;
	}
	assert_int_equal(bytes, sum);
	assert_memory_equal(before, memory, sizeof(before));
	assert_int_equal(table[start + r].iova, CANARY_WORD);
	assert_int_equal((uintptr_t)bufs[start + r], CANARY_WORD);
	assert_int_equal(owners[start + r], 0xa5a5a5a5);
}

static void tx_run_random_bursts_as_one_by_one(void **state)
{
	for_each(check_tx, ROUNDS);
}

static void check_look(const struct virtio_vec *v, bool packed)
{
	struct answer answers[MAX_N];
	uint32_t owners[MAX_N], id = rnd() % (VIRTQ_MAX_SIZE - MAX_N);
	uint16_t turn = rnd() % 2 ? VIRTQ_PACKED_TURN : 0;
	unsigned start = rnd() % 8, n = rnd() % (MAX_N - start), good = 0, r;
	uint64_t first =
		packed ? (uint64_t)turn << VIRTQ_PACKED_FLAGS_SHIFT | (uint64_t)id << VIRTQ_PACKED_ID_SHIFT : id;

	for (unsigned i = 0; i < n; i++) {
		answers[i] = random_answer(id + i, 100, turn);
		/* The device has not written into what it sends. */
		answers[i].len = rnd();
		put_answer(start + i, &answers[i], packed);
		owners[i] =
			rnd() << VIREO_PKT_POOL_SHIFT | (rnd() % 80 ? 1 : rnd() % 256) | (rnd() & VIRTIO_OWNER_SHARED);
	}
	for (; good < n; good++) {
		const struct answer *a = &answers[good];
		bool mine = packed ? (uint16_t)a->id == id + good && (a->flags & VIRTQ_PACKED_TURN) == turn
				   : a->id == id + good;

		if (!mine || (owners[good] & 0xff) != 1)
			break;
	}
	r = packed ? v->tx_look_packed(&ring.places[start], owners, n, first)
		   : v->tx_look_split(&ring.elems[start], owners, n, first);
	assert_true(r <= good && good - r < 8);
}

static void check_look_split(const struct virtio_vec *v)
{
	check_look(v, false);
}

static void check_look_packed(const struct virtio_vec *v)
{
	check_look(v, true);
}

static void tx_look_split_random_rings_as_one_by_one(void **state)
{
	for_each(check_look_split, ROUNDS);
}

static void tx_look_packed_random_rings_as_one_by_one(void **state)
{
	for_each(check_look_packed, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choose_takes_the_best_that_is_allowed),
		cmocka_unit_test(rx_split_random_rings_as_one_by_one),
		cmocka_unit_test(rx_packed_random_rings_as_one_by_one),
		cmocka_unit_test(hold_keeps_the_flags_of_the_round_before),
		cmocka_unit_test(rx_arm_packed_writes_address_and_second_word),
		cmocka_unit_test(tx_run_random_bursts_as_one_by_one),
		cmocka_unit_test(tx_look_split_random_rings_as_one_by_one),
		cmocka_unit_test(tx_look_packed_random_rings_as_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

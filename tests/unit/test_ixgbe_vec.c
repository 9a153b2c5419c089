// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vector loops of ixgbe against what they must do, one packet at a time, on random rings. What they do inside a whole
 * burst is tested by the programs for receive and transmit, which run once for each set of instructions.
 */
#include "unit.h"

#include <vireo/vireo.h>

#include "ixgbe/ixgbe_vec.h"

#define MAX_N  80
#define ROUNDS 20000
#define BULK   32
#define CANARY 0xa5

static uint64_t seed = 1;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

static void *random_buf(void)
{
	return (void *)(((uintptr_t)rnd() << 16 | rnd()) << 6);
}

/* Those that this processor has. */
static unsigned list(const struct ixgbe_vec *ret[4])
{
	static const char *const names[] = {"sse42", "avx2", "avx512"};
	unsigned n = 0;

	for (size_t i = 0; i < N_OF(names); i++) {
		const struct ixgbe_vec *v;

		setenv("VIREO_SIMD", names[i], 1);
		v = ixgbe_vec_choose();
		if (v)
			ret[n++] = v;
		else
			printf("# this processor has no %s\n", names[i]);
	}
	unsetenv("VIREO_SIMD");
	return n;
}

static void choose_takes_the_best_that_is_allowed(void **state)
{
	const struct ixgbe_vec *all[4];
	unsigned n = list(all);

	assert_ptr_equal(ixgbe_vec_choose(), n ? all[n - 1] : NULL);
	setenv("VIREO_SIMD", "scalar", 1);
	assert_null(ixgbe_vec_choose());
	unsetenv("VIREO_SIMD");
}

/* --- receive ------------------------------------------------------------------------------------------------------ */

/* Mostly plain; otherwise not there, not whole, damaged, without a length or with one too many. */
static uint64_t random_write_back(uint16_t max_len)
{
	uint32_t len = 1 + rnd() % max_len, status = IXGBE_RXD_DD | IXGBE_RXD_EOP;
	uint64_t vlan = (uint64_t)rnd() << 48;

	/* Bits that are nobody's business. */
	status |= rnd() & ~(IXGBE_RXD_DD | IXGBE_RXD_EOP | IXGBE_RXD_RXE);
	switch (rnd() % 80) {
	case 0:
		status &= ~IXGBE_RXD_DD;
		break;
	case 1:
		status &= ~IXGBE_RXD_EOP;
		break;
	case 2:
		status |= IXGBE_RXD_RXE;
		break;
	case 3:
		len = 0;
		break;
	case 4:
		len = max_len + 1u + rnd() % (0xffffu - max_len);
		break;
	case 5:
		len = max_len;
		break;
	}
	return status | (uint64_t)(len & 0xffff) << 32 | vlan;
}

static bool is_plain_rx(uint64_t qw, uint16_t max_len)
{
	uint32_t len = qw >> 32 & 0xffff;

	return (qw & IXGBE_RXD_DD) && (qw & IXGBE_RXD_EOP) && !(qw & IXGBE_RXD_RXE) && len >= 1 && len <= max_len;
}

static void check_rx(const struct ixgbe_vec *v)
{
	static _Alignas(64) union ixgbe_rx_desc ring[MAX_N];
	static struct vireo_pkt pkts[MAX_N + 1], expected;
	void *bufs[MAX_N];
	uint16_t max_len = (uint16_t)(1024 * (1 + rnd() % 15)), port = (uint16_t)rnd();
	uint32_t flags = rnd();
	unsigned start = rnd() % 8, n = rnd() % (MAX_N - start), good = 0, r;
	struct ixgbe_rx_consts c = {(uint64_t)flags << 32 | VIREO_HEADROOM, (uint64_t)port << 48, max_len};
	uint64_t bytes = 7, sum = 7;

	for (unsigned i = start; i < start + n; i++) {
		ring[i].qwords[0] = (uint64_t)rnd() << 32 | rnd();
		ring[i].qwords[1] = random_write_back(max_len);
		bufs[i] = random_buf();
	}
	while (good < n && is_plain_rx(ring[start + good].qwords[1], max_len))
		good++;
	memset(pkts, CANARY, sizeof(pkts));
	r = v->rx_run(&ring[start], &bufs[start], pkts, n, &c, &bytes);
	/* It may leave the rest of a group, at most eight, and never go beyond. */
	assert_true(r <= good && good - r < 8);
	for (unsigned i = 0; i < r; i++) {
		uint16_t len = (uint16_t)(ring[start + i].qwords[1] >> 32);

		expected = (struct vireo_pkt){
			.buf = bufs[start + i], .off = VIREO_HEADROOM, .len = len, .flags = flags, .port = port};
		assert_memory_equal(&pkts[i], &expected, sizeof(expected));
		sum += len;
	}
	for (unsigned i = r * sizeof(pkts[0]); i < sizeof(pkts); i++)
		assert_int_equal(((uint8_t *)pkts)[i], CANARY);
	assert_int_equal(bytes, sum);
}

static void rx_run_random_rings_as_one_by_one(void **state)
{
	const struct ixgbe_vec *all[4];
	unsigned n = list(all);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < ROUNDS; k++)
			check_rx(all[i]);
}

static void rx_arm_writes_address_and_no_dd(void **state)
{
	const struct ixgbe_vec *all[4];
	unsigned n = list(all);

	for (unsigned i = 0; i < n; i++) {
		static _Alignas(64) union ixgbe_rx_desc ring[BULK + 2];
		void *bufs[BULK];
		uint64_t add = (uint64_t)rnd() << 20;

		memset(ring, CANARY, sizeof(ring));
		for (unsigned k = 0; k < BULK; k++)
			bufs[k] = random_buf();
		all[i]->rx_arm(&ring[1], bufs, add);
		for (unsigned k = 0; k < BULK; k++) {
			assert_int_equal(ring[1 + k].qwords[0], (uintptr_t)bufs[k] + add);
			assert_int_equal(ring[1 + k].qwords[1], 0);
		}
		assert_int_equal(ring[0].qwords[1], 0xa5a5a5a5a5a5a5a5);
		assert_int_equal(ring[BULK + 1].qwords[0], 0xa5a5a5a5a5a5a5a5);
	}
}

/* --- transmit ----------------------------------------------------------------------------------------------------- */

static const uint32_t not_plain[] = {
	VIREO_PKT_MORE,	       VIREO_PKT_CSUM_PARTIAL, VIREO_PKT_LARGE,	 VIREO_PKT_VLAN,   VIREO_PKT_TX_IP_CSUM,
	VIREO_PKT_TX_TCP_CSUM, VIREO_PKT_TX_UDP_CSUM,  VIREO_PKT_TX_TSO, VIREO_PKT_SHARED,
};

static void random_packet(struct vireo_pkt *p, uint32_t owner)
{
	static const uint16_t lens[] = {0, 1, 16, 17, 60, 1514, IXGBE_TX_MAX_LEN, IXGBE_TX_MAX_LEN + 1, 0x8000, 0xffff};

	*p = (struct vireo_pkt){
		.buf = random_buf(),
		.off = (uint16_t)rnd(),
		.len = (uint16_t)(60 + rnd() % 1455),
		.flags = owner | (rnd() % 3 ? 0 : VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_HASH | VIREO_PKT_IPV6),
		.hash = rnd(),
		.user = (uint64_t)rnd() << 32 | rnd(),
	};
	if (rnd() % 40 == 0)
		p->flags |= not_plain[rnd() % N_OF(not_plain)];
	if (rnd() % 40 == 0)
		p->flags ^= 1u << (VIREO_PKT_POOL_SHIFT + rnd() % 8);
	if (rnd() % 30 == 0)
		p->len = lens[rnd() % N_OF(lens)];
}

static bool is_plain_tx(const struct vireo_pkt *p, uint32_t owner)
{
	return !(p->flags & IXGBE_TX_NOT_PLAIN) && (p->flags & IXGBE_TX_OWNER_FLAGS) == owner && p->len >= 17 &&
	       p->len <= IXGBE_TX_MAX_LEN;
}

static void check_tx(const struct ixgbe_vec *v)
{
	static _Alignas(64) union ixgbe_tx_desc ring[MAX_N + 1];
	static struct vireo_pkt pkts[MAX_N];
	void *bufs[MAX_N + 1];
	unsigned start = rnd() % 8, n = rnd() % (MAX_N - start), good = 0, r;
	uint64_t offset = (uint64_t)rnd() << 30, bytes = 9, sum = 9;
	uint32_t owner = rnd() << VIREO_PKT_POOL_SHIFT;

	for (unsigned i = 0; i < n; i++)
		random_packet(&pkts[i], owner);
	while (good < n && is_plain_tx(&pkts[good], owner))
		good++;
	memset(ring, CANARY, sizeof(ring));
	memset(bufs, CANARY, sizeof(bufs));
	r = v->tx_run(&ring[start], &bufs[start], pkts, n, owner, offset, &bytes);
	/* It may leave the rest of a group, at most eight, and never go beyond. */
	assert_true(r <= good && good - r < 8);
	for (unsigned i = 0; i < r; i++) {
		const struct vireo_pkt *p = &pkts[i];
		uint64_t len = p->len;

		assert_int_equal(ring[start + i].qwords[0], (uintptr_t)p->buf + p->off + offset);
		assert_int_equal(ring[start + i].qwords[1], IXGBE_TX_PLAIN_CMD | len | len << 46);
		assert_ptr_equal(bufs[start + i], p->buf);
		sum += len;
	}
	assert_int_equal(bytes, sum);
	assert_int_equal(ring[start + r].qwords[0], 0xa5a5a5a5a5a5a5a5);
	assert_int_equal((uintptr_t)bufs[start + r], 0xa5a5a5a5a5a5a5a5);
}

static void tx_run_random_bursts_as_one_by_one(void **state)
{
	const struct ixgbe_vec *all[4];
	unsigned n = list(all);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < ROUNDS; k++)
			check_tx(all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choose_takes_the_best_that_is_allowed),
		cmocka_unit_test(rx_run_random_rings_as_one_by_one),
		cmocka_unit_test(rx_arm_writes_address_and_no_dd),
		cmocka_unit_test(tx_run_random_bursts_as_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

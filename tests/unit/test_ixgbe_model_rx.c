/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"
#include "model_rig.h"

/* The 82599 model receives: frames in, buffers and descriptors out. */

#define RING 128

static int setup_with(void **state, const struct ixgbe_model_config *cfg)
{
	struct rig *rig = rig_create(cfg);

	rig_bring_up(rig);
	*state = rig;
	return 0;
}

static int shared_setup(void **state)
{
	return setup_with(state, NULL);
}

static int trap_setup(void **state)
{
	const struct ixgbe_model_config cfg = {.trap = true, .delay_us = 50};

	return setup_with(state, &cfg);
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/*
 * Take the packet whose first descriptor is @i from queue @q; gives the slots back. Returns its length, 0: there is
 * none.
 */
static uint32_t take(struct rig *rig, unsigned q, unsigned *i, uint8_t *data, union ixgbe_rx_desc *ret_last)
{
	unsigned n = rig_peek(rig, (uint32_t)IXGBE_RDLEN(q)) / 16;
	uint32_t len = 0;

	for (;;) {
		union ixgbe_rx_desc *desc = &rig_rx_ring(rig, q)[*i];
		uint32_t status = __atomic_load_n(&desc->wb.status, __ATOMIC_ACQUIRE);

		if (!(status & IXGBE_RXD_DD))
			return 0;
		*ret_last = *desc;
		memcpy(data + len, rig_rx_buffer(rig, q, *i), desc->wb.len);
		len += desc->wb.len;
		desc->read.pkt_addr = rig_iova(rig, rig_rx_buffer(rig, q, *i));
		desc->read.hdr_addr = 0;
		rig_poke(rig, (uint32_t)IXGBE_RDT(q), *i);
		*i = (*i + 1) % n;
		if (status & IXGBE_RXD_EOP)
			return len;
	}
}

static void rx_every_size_arrives(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[9728], data[20000];
	union ixgbe_rx_desc last;
	unsigned i = 0;

	rig_write(rig, IXGBE_HLREG0, rig_read(rig, IXGBE_HLREG0) | IXGBE_HLREG0_JUMBOEN);
	rig_write(rig, IXGBE_MAXFRS, 9728u << IXGBE_MAXFRS_SHIFT);
	rig_rx_queue(rig, 0, RING, 2, 0);
	for (uint32_t len = 60; len <= 9710 + 14; len += len < 200 ? 1 : 61) {
		rig_frame(frame, len, NULL, len);
		rig_arrive(rig, frame, len, 0);
		rig_settle(rig);
		assert_int_equal(take(rig, 0, &i, data, &last), len);
		assert_memory_equal(data, frame, len);
	}
	assert_int_equal(rig_counter(rig, "driver_errors"), 0);
}

static bool passes(struct rig *rig, unsigned *i, const uint8_t *mac)
{
	uint8_t frame[60], data[4096];
	union ixgbe_rx_desc last;

	rig_frame(frame, sizeof(frame), mac, 1);
	rig_arrive(rig, frame, sizeof(frame), 0);
	rig_settle(rig);
	return take(rig, 0, i, data, &last);
}

static void filter_addresses_follow_registers(void **state)
{
	const uint8_t other[6] = {0x02, 1, 2, 3, 4, 5}, multi[6] = {0x01, 0x00, 0x5e, 0x12, 0x34, 0x56};
	const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct rig *rig = *state;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	assert_true(passes(rig, &i, NULL));
	assert_false(passes(rig, &i, other));
	assert_false(passes(rig, &i, multi));
	assert_false(passes(rig, &i, broadcast));
	rig_write(rig, IXGBE_FCTRL, IXGBE_FCTRL_BAM);
	assert_true(passes(rig, &i, broadcast));
	rig_write(rig, IXGBE_FCTRL, IXGBE_FCTRL_UPE);
	assert_true(passes(rig, &i, other));
	assert_false(passes(rig, &i, multi));
	rig_write(rig, IXGBE_FCTRL, IXGBE_FCTRL_MPE);
	assert_true(passes(rig, &i, multi));
	assert_false(passes(rig, &i, other));
	rig_write(rig, IXGBE_FCTRL, 0);
	rig_write(rig, IXGBE_RAL_ALIAS(9), 0x03020102); /* an exact address of either kind */
	rig_write(rig, IXGBE_RAH_ALIAS(9), 0x0504);
	assert_false(passes(rig, &i, other)); /* not valid yet */
	rig_write(rig, IXGBE_RAH_ALIAS(9), 0x0504 | IXGBE_RAH_AV);
	assert_true(passes(rig, &i, other));
	rig_write(rig, IXGBE_RAL(127), 0x125e0001);
	rig_write(rig, IXGBE_RAH(127), 0x5634 | IXGBE_RAH_AV);
	assert_true(passes(rig, &i, multi));
	assert_int_equal(rig_counter(rig, "rx_filtered"), 6);
}

/* The 12 bits of the address by MCSTCTRL.MO, computed from the bytes as drivers do. */
static void filter_multicast_table_follows_mo(void **state)
{
	const uint8_t mac[6] = {0x01, 0x00, 0x5e, 0x7a, 0x9b, 0xcd};
	struct rig *rig = *state;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	for (uint32_t mo = 0; mo < 4; mo++) {
		const unsigned bits[4] = {
			mac[4] >> 4 | (unsigned)mac[5] << 4,
			mac[4] >> 3 | (unsigned)mac[5] << 5,
			mac[4] >> 2 | (unsigned)mac[5] << 6,
			mac[4] | (unsigned)mac[5] << 8,
		};
		unsigned index = bits[mo] & 0xfff;

		rig_write(rig, IXGBE_MCSTCTRL, mo | IXGBE_MCSTCTRL_MFE);
		assert_false(passes(rig, &i, mac));
		rig_write(rig, IXGBE_MTA(index >> 5), 1u << (index & 31));
		assert_true(passes(rig, &i, mac));
		rig_write(rig, IXGBE_MCSTCTRL, mo);
		assert_false(passes(rig, &i, mac));
		rig_write(rig, IXGBE_MTA(index >> 5), 0);
	}
}

static void set_mac(uint8_t *frame)
{
	memcpy(frame, rig_mac, 6);
}

static uint32_t receive(struct rig *rig, unsigned *i, const uint8_t *frame, uint32_t len, uint8_t *data,
			union ixgbe_rx_desc *ret_last)
{
	rig_arrive(rig, frame, len, 0);
	rig_settle(rig);
	return take(rig, 0, i, data, ret_last);
}

static void vlan_tag_is_filtered_and_stripped(void **state)
{
	const struct frame_shape shape = {.udp = true, .tagged = true, .tci = 0xa123, .payload = 100};
	struct rig *rig = *state;
	uint8_t frame[256], data[4096];
	uint32_t len = frame_build(&shape, frame);
	union ixgbe_rx_desc last;
	unsigned i = 0;

	set_mac(frame);
	rig_rx_queue(rig, 0, RING, 2, 0);
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len);
	assert_true(last.wb.status & IXGBE_RXD_VP);
	assert_memory_equal(data, frame, len);

	rig_write(rig, (uint32_t)IXGBE_RXDCTL(0), rig_read(rig, (uint32_t)IXGBE_RXDCTL(0)) | IXGBE_RXDCTL_VME);
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len - 4);
	assert_true(last.wb.status & IXGBE_RXD_VP);
	assert_int_equal(last.wb.vlan, 0xa123);
	assert_memory_equal(data, frame, 12);
	assert_memory_equal(data + 12, frame + 16, len - 16);

	rig_write(rig, IXGBE_VLNCTRL, 0x8100 | IXGBE_VLNCTRL_VFE);
	assert_int_equal(receive(rig, &i, frame, len, data, &last), 0);
	rig_write(rig, IXGBE_VFTA(0x123 / 32), 1u << 0x123 % 32);
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len - 4);
	rig_write(rig, IXGBE_VLNCTRL, 0x9100);
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len); /* no tag any more */
	assert_false(last.wb.status & IXGBE_RXD_VP);
}

static void checksum_results_are_told(void **state)
{
	struct rig *rig = *state;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	for (unsigned k = 0; k < 64; k++) {
		const struct frame_shape shape = {.ipv6 = k & 1,
						  .udp = k & 2,
						  .tagged = k & 4,
						  .ip_options = k & 1 ? 0 : (k & 8) / 2,
						  .payload = 30 + k * 3 + (k & 16) * 50};
		bool bad_l4 = k & 32, bad_ip = bad_l4 && !shape.ipv6;
		uint8_t frame[2048], data[4096];
		uint32_t len = frame_build(&shape, frame), type;
		union ixgbe_rx_desc last;

		set_mac(frame);
		frame[len - 1] ^= bad_l4;
		if (bad_ip)
			frame[frame_l2(&shape) + 8] ^= 0x10; /* TTL is in no pseudo-header */
		assert_int_equal(receive(rig, &i, frame, len, data, &last), len);
		type = shape.ipv6 ? IXGBE_RXD_TYPE_IPV6
				  : IXGBE_RXD_TYPE_IPV4 | (shape.ip_options ? IXGBE_RXD_TYPE_IPV4_OPT : 0);
		assert_int_equal(last.wb.type, type | (shape.udp ? IXGBE_RXD_TYPE_UDP : IXGBE_RXD_TYPE_TCP));
		assert_int_equal(!!(last.wb.status & IXGBE_RXD_IPCS), !shape.ipv6);
		assert_int_equal(!!(last.wb.status & IXGBE_RXD_IPE), bad_ip);
		assert_true(last.wb.status & IXGBE_RXD_L4CS);
		assert_int_equal(!!(last.wb.status & IXGBE_RXD_L4E), bad_l4);
	}
	assert_int_equal(rig_read(rig, IXGBE_XEC), 32);
}

static void checksum_of_fragments_and_empty_udp_not_told(void **state)
{
	const struct frame_shape shape = {.udp = true, .payload = 50};
	struct rig *rig = *state;
	uint8_t frame[256], data[4096];
	uint32_t len = frame_build(&shape, frame);
	union ixgbe_rx_desc last;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	set_mac(frame);
	frame[14 + 20 + 6] = frame[14 + 20 + 7] = 0;
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len);
	assert_false(last.wb.status & (IXGBE_RXD_L4CS | IXGBE_RXD_L4E));
	frame[14 + 6] = 0x20; /* more fragments */
	assert_int_equal(receive(rig, &i, frame, len, data, &last), len);
	assert_int_equal(last.wb.type, IXGBE_RXD_TYPE_IPV4);
	assert_false(last.wb.status & IXGBE_RXD_L4CS);
	assert_true(last.wb.status & IXGBE_RXD_IPE);
}

/* Headers that lie about their lengths are data like any other. */
static void checksum_broken_headers_are_harmless(void **state)
{
	struct rig *rig = *state;
	uint32_t random = 1;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	rig_write(rig, IXGBE_MRQC, IXGBE_MRQC_RSS | 0x01ff0000);
	rig_write(rig, IXGBE_RFCTL, 0);
	rig_write(rig, IXGBE_SYNQF, 1);
	rig_write(rig, IXGBE_FTQF(0), IXGBE_FTQF_ENABLE | IXGBE_FTQF_ANY_PROTO);
	for (unsigned k = 0; k < 3000; k++) {
		const struct frame_shape shape = {.ipv6 = k & 1, .udp = k & 2, .tagged = k & 4, .payload = 20 + k % 40};
		uint8_t frame[256], data[4096];
		uint32_t len = frame_build(&shape, frame);
		union ixgbe_rx_desc last;

		set_mac(frame);
		for (unsigned n = 0; n < 3; n++) {
			random = random * 1664525 + 1013904223;
			frame[12 + (random >> 8) % (len - 12)] = (uint8_t)(random >> 24);
		}
		rig_arrive(rig, frame, len, 0);
		rig_settle(rig);
		if (take(rig, 0, &i, data, &last))
			assert_memory_equal(data, frame, len);
	}
}

/* Toeplitz, bit by bit as the specification has it. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *input, unsigned n)
{
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < n * 8; bit++) {
		uint32_t window = 0;

		for (unsigned k = 0; k < 32; k++)
			window = window << 1 | (key[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1);
		if (input[bit / 8] >> (7 - bit % 8) & 1)
			hash ^= window;
	}
	return hash;
}

/* The key and the first vectors of the specification of receive-side scaling, IPv4 with and without TCP ports. */
static const uint8_t ms_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};
static const struct {
	uint8_t input[12]; /* source and destination address and port */
	uint32_t ip, tcp;
} ms_vectors[] = {
	{{66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255}, 0x323e8fc2, 0x51ccc178},
	{{199, 92, 111, 2, 65, 69, 140, 83, 14230 >> 8, 14230 & 255, 4739 >> 8, 4739 & 255}, 0xd718262a, 0xc626b0ea},
	{{24, 19, 198, 95, 12, 22, 207, 184, 12898 >> 8, 12898 & 255, 38024 >> 8, 38024 & 255}, 0xd2d0a5de, 0x5c2b394a},
};

static void write_key(struct rig *rig, const uint8_t *key)
{
	for (unsigned i = 0; i < 10; i++)
		rig_write(rig, IXGBE_RSSRK(i),
			  key[4 * i] | (uint32_t)key[4 * i + 1] << 8 | (uint32_t)key[4 * i + 2] << 16 |
				  (uint32_t)key[4 * i + 3] << 24);
}

static void rss_vectors_of_the_specification_match(void **state)
{
	const struct frame_shape shape = {.payload = 10};
	struct rig *rig = *state;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	write_key(rig, ms_key);
	rig_write(rig, IXGBE_RXCSUM, IXGBE_RXCSUM_PCSD);
	for (unsigned k = 0; k < 2 * N_OF(ms_vectors); k++) {
		const uint8_t *input = ms_vectors[k / 2].input;
		uint8_t frame[256], data[4096];
		uint32_t len = frame_build(&shape, frame);
		union ixgbe_rx_desc last;

		set_mac(frame);
		memcpy(frame + 14 + 12, input, 8);
		memcpy(frame + 14 + 20, input + 8, 4);
		rig_write(rig, IXGBE_MRQC, IXGBE_MRQC_RSS | IXGBE_MRQC_IPV4 | (k & 1 ? IXGBE_MRQC_IPV4_TCP : 0));
		assert_int_equal(receive(rig, &i, frame, len, data, &last), len);
		assert_int_equal(last.wb.hash, k & 1 ? ms_vectors[k / 2].tcp : ms_vectors[k / 2].ip);
		assert_int_equal(last.wb.hash, toeplitz(ms_key, input, k & 1 ? 12 : 8));
		assert_int_equal(last.wb.type & IXGBE_RXD_RSS_TYPE,
				 k & 1 ? IXGBE_RXD_RSS_IPV4_TCP : IXGBE_RXD_RSS_IPV4);
	}
}

/* Every kind of hash, on queues by the table, against the computation above. */
static void rss_queue_follows_table(void **state)
{
	const unsigned n_queues = 4;
	struct rig *rig = *state;
	unsigned at[4] = {0}, seen = 0;

	for (unsigned q = 0; q < n_queues; q++)
		rig_rx_queue(rig, q, RING, 2, 0);
	write_key(rig, ms_key);
	for (unsigned k = 0; k < 32; k++)
		rig_write(rig, k & 1 ? IXGBE_RETA(k) : IXGBE_RETA_ALIAS(k), 0x02010300);
	rig_write(rig, IXGBE_RXCSUM, IXGBE_RXCSUM_PCSD);
	rig_write(rig, IXGBE_MRQC_ALIAS,
		  IXGBE_MRQC_RSS | IXGBE_MRQC_IPV4 | IXGBE_MRQC_IPV4_TCP | IXGBE_MRQC_IPV6 | IXGBE_MRQC_IPV6_TCP |
			  IXGBE_MRQC_IPV4_UDP | IXGBE_MRQC_IPV6_UDP);
	for (unsigned k = 0; k < 200; k++) {
		const struct frame_shape shape = {.ipv6 = k & 1, .udp = k & 2, .tagged = k & 4, .payload = 40};
		const uint8_t kinds[4] = {IXGBE_RXD_RSS_IPV4_TCP, IXGBE_RXD_RSS_IPV6_TCP, IXGBE_RXD_RSS_IPV4_UDP,
					  IXGBE_RXD_RSS_IPV6_UDP};
		const uint8_t reta[4] = {0, 3, 1, 2};
		uint8_t frame[256], data[4096], input[36], *ip;
		unsigned n = shape.ipv6 ? 32 : 8, q;
		uint32_t len = frame_build(&shape, frame), hash;
		union ixgbe_rx_desc last;

		set_mac(frame);
		ip = frame + frame_l2(&shape);
		ip[shape.ipv6 ? 20 : 13] = (uint8_t)k;
		ip[frame_l3(&shape) + 1] = (uint8_t)(k * 7);
		memcpy(input, ip + (shape.ipv6 ? 8 : 12), n);
		memcpy(input + n, ip + frame_l3(&shape), 4);
		hash = toeplitz(ms_key, input, n + 4);
		q = reta[hash & 3];
		rig_arrive(rig, frame, len, 0);
		rig_settle(rig);
		assert_int_equal(take(rig, q, &at[q], data, &last), len);
		assert_int_equal(last.wb.hash, hash);
		assert_int_equal(last.wb.type & IXGBE_RXD_RSS_TYPE, kinds[k & 3]);
		seen |= 1u << q;
	}
	assert_int_equal(seen, 0xf);
}

static void tuple_filter_names_the_queue(void **state)
{
	const struct frame_shape shape = {.udp = true, .payload = 40};
	struct rig *rig = *state;
	uint8_t frame[256], data[4096], *ip = frame + 14;
	uint32_t len = frame_build(&shape, frame), src, dst;
	union ixgbe_rx_desc last;
	unsigned at[3] = {0};

	set_mac(frame);
	for (unsigned q = 0; q < 3; q++)
		rig_rx_queue(rig, q, RING, 2, 0);
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	rig_write(rig, IXGBE_SAQF(5), src);
	rig_write(rig, IXGBE_DAQF(5), dst);
	rig_write(rig, IXGBE_SDPQF(5),
		  ip[20] | (uint32_t)ip[21] << 8 | (uint32_t)ip[22] << 16 | (uint32_t)ip[23] << 24);
	rig_write(rig, IXGBE_L34TIMIR(5),
		  IXGBE_L34TIMIR_RESERVED | IXGBE_L34TIMIR_SIZE_BP | 1u << IXGBE_L34TIMIR_QUEUE_SHIFT);
	rig_write(rig, IXGBE_FTQF(5),
		  IXGBE_FTQF_ENABLE | IXGBE_FTQF_PROTO_UDP | 1u << IXGBE_FTQF_PRIO_SHIFT | IXGBE_FTQF_ANY_POOL);
	rig_arrive(rig, frame, len, 0);
	rig_settle(rig);
	assert_int_equal(take(rig, 1, &at[1], data, &last), len);
	rig_write(rig, IXGBE_FTQF(70),
		  IXGBE_FTQF_ENABLE | IXGBE_FTQF_PROTO_UDP | 7u << IXGBE_FTQF_PRIO_SHIFT | IXGBE_FTQF_ANY_POOL |
			  IXGBE_FTQF_ANY_SRC | IXGBE_FTQF_ANY_DST | IXGBE_FTQF_ANY_SPORT | IXGBE_FTQF_ANY_DPORT);
	rig_write(rig, IXGBE_L34TIMIR(70), IXGBE_L34TIMIR_RESERVED | 2u << IXGBE_L34TIMIR_QUEUE_SHIFT);
	rig_arrive(rig, frame, len, 0);
	rig_settle(rig);
	assert_int_equal(take(rig, 2, &at[2], data, &last), len); /* the higher priority wins */
	rig_write(rig, IXGBE_FTQF(70), 0);
	ip[21] ^= 1; /* another source port */
	rig_arrive(rig, frame, len, 0);
	rig_settle(rig);
	assert_int_equal(take(rig, 0, &at[0], data, &last), len);
}

static void ethertype_filter_names_the_queue(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[64], data[4096];
	union ixgbe_rx_desc last;
	unsigned at = 0;

	rig_rx_queue(rig, 70, RING, 2, 0); /* in the page of the upper queues */
	rig_write(rig, IXGBE_ETQF(3), 0x88b5 | 1u << 31);
	rig_write(rig, IXGBE_ETQS(3), 1u << 31 | 70u << 16);
	rig_frame(frame, 60, NULL, 3);
	rig_arrive(rig, frame, 60, 0);
	rig_settle(rig);
	assert_int_equal(take(rig, 70, &at, data, &last), 60);
	assert_int_equal(last.wb.type, IXGBE_RXD_TYPE_L2 | 3 << 4);
}

static void bad_frames_are_counted_not_delivered(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[2000], data[4096];
	union ixgbe_rx_desc last;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_arrive(rig, frame, 100, SIM_FRAME_BAD_FCS);
	rig_arrive(rig, frame, 59, 0);
	rig_arrive(rig, frame, 1515, 0);
	rig_arrive(rig, frame, 1514, 0);
	rig_settle(rig);
	assert_int_equal(take(rig, 0, &i, data, &last), 1514);
	assert_int_equal(take(rig, 0, &i, data, &last), 0);
	assert_int_equal(rig_read(rig, IXGBE_CRCERRS), 1);
	assert_int_equal(rig_read(rig, IXGBE_RUC), 1);
	assert_int_equal(rig_read(rig, IXGBE_ROC), 1);
	assert_int_equal(rig_read(rig, IXGBE_GPRC), 1);
	assert_int_equal(rig_read(rig, IXGBE_TPR), 4);
	rig_write(rig, IXGBE_FCTRL, IXGBE_FCTRL_SBP);
	rig_arrive(rig, frame, 100, SIM_FRAME_BAD_FCS);
	rig_settle(rig);
	assert_int_equal(take(rig, 0, &i, data, &last), 100);
	assert_true(last.wb.status & IXGBE_RXD_RXE);
}

static uint32_t crc32(const uint8_t *p, uint32_t len)
{
	uint32_t crc = 0;

	for (uint32_t i = 0; i < len * 8; i++) { /* bit by bit, the first 32 inverted */
		uint32_t bit = (p[i / 8] >> i % 8 & 1) ^ (i < 32);

		crc = (crc >> 1) ^ ((crc ^ bit) & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void crc_is_kept_when_asked(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[100], data[4096];
	union ixgbe_rx_desc last;
	uint32_t crc;
	unsigned i = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	rig_write(rig, IXGBE_HLREG0, rig_read(rig, IXGBE_HLREG0) & ~IXGBE_HLREG0_RXCRCSTRP);
	rig_frame(frame, sizeof(frame), NULL, 1);
	assert_int_equal(receive(rig, &i, frame, sizeof(frame), data, &last), sizeof(frame) + 4);
	memcpy(&crc, data + sizeof(frame), 4);
	assert_int_equal(crc, crc32(frame, sizeof(frame)));
}

static void legacy_queue_writes_the_old_layout(void **state)
{
	const struct frame_shape shape = {.tagged = true, .tci = 7, .payload = 60};
	struct rig *rig = *state;
	uint8_t frame[200];
	uint32_t len = frame_build(&shape, frame);
	const struct ixgbe_rx_legacy_desc *desc = (const void *)rig_rx_ring(rig, 0);

	set_mac(frame);
	frame[len - 1] ^= 1;
	rig_rx_queue(rig, 0, RING, 2, 0);
	rig_write(rig, (uint32_t)IXGBE_SRRCTL(0), 2);
	rig_write(rig, (uint32_t)IXGBE_RXDCTL(0), IXGBE_RXDCTL_ENABLE | IXGBE_RXDCTL_VME);
	rig_arrive(rig, frame, len, 0);
	rig_settle(rig);
	assert_int_equal(desc->addr, rig_iova(rig, rig_rx_buffer(rig, 0, 0)));
	assert_int_equal(desc->len, len - 4);
	assert_int_equal(desc->status, IXGBE_RXD_DD | IXGBE_RXD_EOP | IXGBE_RXD_VP | IXGBE_RXD_L4CS | IXGBE_RXD_IPCS);
	assert_int_equal(desc->errors, IXGBE_RXD_LEGACY_TCPE);
	assert_int_equal(desc->vlan, 7);
}

static void scatter_fills_all_but_the_last_buffer(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[5000];
	const union ixgbe_rx_desc *ring = rig_rx_ring(rig, 0);

	rig_write(rig, IXGBE_HLREG0, rig_read(rig, IXGBE_HLREG0) | IXGBE_HLREG0_JUMBOEN);
	rig_write(rig, IXGBE_MAXFRS, 9018u << IXGBE_MAXFRS_SHIFT);
	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_arrive(rig, frame, sizeof(frame), 0);
	rig_settle(rig);
	assert_int_equal(ring[0].wb.len, 2048);
	assert_int_equal(ring[1].wb.len, 2048);
	assert_int_equal(ring[2].wb.len, 904);
	assert_int_equal(ring[0].wb.status, IXGBE_RXD_DD);
	assert_int_equal(ring[1].wb.status, IXGBE_RXD_DD);
	assert_int_equal(ring[2].wb.status & 3, IXGBE_RXD_DD | IXGBE_RXD_EOP);
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_RDH(0)), 3);
}

static void arrive_many(struct rig *rig, unsigned n)
{
	uint8_t frame[60];

	for (unsigned k = 0; k < n; k++) {
		rig_frame(frame, sizeof(frame), NULL, k);
		rig_arrive(rig, frame, sizeof(frame), 0);
	}
	rig_settle(rig);
}

static void full_queue_drops_when_it_may(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 5, 16, 2, IXGBE_SRRCTL_DROP_EN);
	rig_write(rig, IXGBE_RQSMR(1), 9 << 8); /* queue 5: counter 9 */
	rig_write(rig, IXGBE_ETQF(0), 0x88b5 | 1u << 31);
	rig_write(rig, IXGBE_ETQS(0), 1u << 31 | 5u << 16);
	arrive_many(rig, 40);
	assert_int_equal(rig_read(rig, IXGBE_QPRC(9)), 15);
	assert_int_equal(rig_read(rig, IXGBE_QBRCL(9)), 15 * 60);
	assert_int_equal(rig_read(rig, IXGBE_QBRCH(9)), 0);
	assert_int_equal(rig_read(rig, IXGBE_QPRDC(9)), 25);
	assert_int_equal(rig_read(rig, IXGBE_QPRDC(9)), 0);
	assert_int_equal(rig_read(rig, IXGBE_GPRC), 40); /* which counts what was missed, too */
	assert_int_equal(rig_counter(rig, "rx_no_descriptor"), 25);
}

static void full_queue_waits_in_order_when_it_may_not_drop(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60], data[4096];
	union ixgbe_rx_desc last;
	unsigned i = 0;

	rig_rx_queue(rig, 0, 16, 2, 0);
	arrive_many(rig, 200);
	assert_int_equal(rig_read(rig, IXGBE_QPRDC(0)), 0);
	for (unsigned k = 0; k < 200; k++) {
		if (k % 7 == 0) /* several descriptors are given back at once */
			rig_settle(rig);
		assert_int_equal(take(rig, 0, &i, data, &last), 60);
		rig_frame(frame, sizeof(frame), NULL, k);
		assert_memory_equal(data, frame, sizeof(frame));
	}
	assert_int_equal(rig_read(rig, IXGBE_MPC(0)), 0);
	rig_write(rig, IXGBE_RXPBSIZE(0), 1u << IXGBE_RXPBSIZE_SHIFT); /* 1 KiB: 14 of them with their lengths */
	arrive_many(rig, 100);
	assert_int_equal(rig_read(rig, IXGBE_MPC(0)), 100 - 15 - 14);
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_RX_MISS);
}

static void disabled_queue_gets_nothing(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 1, 16, 2, 0);
	arrive_many(rig, 3); /* for queue 0 */
	assert_int_equal(rig_counter(rig, "rx_no_queue"), 3);
	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_write(rig, IXGBE_RXCTRL, 0);
	arrive_many(rig, 3);
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
}

static void wire_that_waits_loses_nothing(void **state)
{
	struct rig *rig = *state;
	unsigned i = 0, got = 0;

	rig->end.waits = true;
	rig_rx_queue(rig, 0, 32, 2, IXGBE_SRRCTL_DROP_EN);
	arrive_many(rig, 500);
	assert_int_equal(rig->at_in, 31); /* no more than there is room for */
	for (; got < 500; got++) {
		union ixgbe_rx_desc last;
		uint8_t data[4096];

		assert_int_equal(take(rig, 0, &i, data, &last), 60);
		rig_settle(rig);
	}
	assert_int_equal(rig_counter(rig, "rx_no_descriptor"), 0);
	assert_int_equal(rig_counter(rig, "rx_missed"), 0);
}

static void buffer_outside_the_maps_is_refused_and_named(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_rx_ring(rig, 0)[2].read.pkt_addr = 0xdead000;
	arrive_many(rig, 5);
	assert_int_equal(rig_counter(rig, "rx_frames"), 2);
	assert_int_equal(rig_counter(rig, "rx_refused"), 3);
	assert_int_equal(rig_counter(rig, "dma_refused"), 3);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "rx queue 0: descriptor 2 points to 0xdead000"));
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_PCI);
	rig_rx_ring(rig, 0)[2].read.pkt_addr = RIG_IOVA + RIG_MEMORY - 59; /* its last byte is one too far */
	arrive_many(rig, 1);
	assert_int_equal(rig_counter(rig, "rx_refused"), 4);
}

static void dd_left_in_a_descriptor_is_a_mistake(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_rx_ring(rig, 0)[1].read.hdr_addr = 3;
	arrive_many(rig, 3);
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "DD"));
}

static void tail_outside_the_ring_is_a_mistake(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_poke(rig, (uint32_t)IXGBE_RDT(0), 16);
	arrive_many(rig, 1);
	assert_int_not_equal(rig_counter(rig, "driver_errors"), 0);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "tail 16"));
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
}

static void ring_that_is_none_is_a_mistake(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 12, 2, 0); /* no multiple of 128 bytes */
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
	arrive_many(rig, 1);
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
}

static void fault_lengths_are_impossible(void **state)
{
	struct rig *rig = *state;
	const union ixgbe_rx_desc *ring = rig_rx_ring(rig, 0);

	rig_rx_queue(rig, 0, 16, 2, 0);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "bad-length", true), 0);
	arrive_many(rig, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_not_equal(ring[i].wb.len, 60);
	assert_int_equal(ring[0].wb.len, 0xffff);
}

static void fault_write_backs_come_out_of_order(void **state)
{
	struct rig *rig = *state;
	const union ixgbe_rx_desc *ring = rig_rx_ring(rig, 0);
	uint8_t frame[60];

	rig_rx_queue(rig, 0, 16, 2, 0);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "write-back-order", true), 0);
	for (unsigned k = 0; k < 3; k++) {
		rig_frame(frame, sizeof(frame), NULL, k);
		rig_arrive(rig, frame, sizeof(frame), 0);
	}
	rig_run(rig, 1000, 1);
	assert_false(ring[0].wb.status & IXGBE_RXD_DD);
	assert_true(ring[1].wb.status & IXGBE_RXD_DD);
	rig_run(rig, 1000, 1);
	assert_true(ring[0].wb.status & IXGBE_RXD_DD);
	assert_int_equal(ring[0].wb.len, 60);
}

static void fault_stuck_queue_takes_nothing(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 16, 2, IXGBE_SRRCTL_DROP_EN);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "stuck-queue", true), 0);
	arrive_many(rig, 3);
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "stuck-queue", false), 0);
	arrive_many(rig, 3);
	assert_int_equal(rig_counter(rig, "rx_frames"), 3);
}

static void master_disable_keeps_off_memory(void **state)
{
	struct rig *rig = *state;

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_GIO_DIS);
	arrive_many(rig, 3);
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
	assert_int_equal(rig_rx_ring(rig, 0)[0].read.hdr_addr, 0);
}

static void statistics_by_size_and_kind(void **state)
{
	const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, multi[6] = {1, 0, 0x5e, 0, 0, 1};
	const uint32_t lens[] = {60, 61, 123, 124, 251, 252, 507, 508, 1019, 1020, 1514}; /* without CRC */
	const uint32_t regs[] = {IXGBE_PRC64, IXGBE_PRC127, IXGBE_PRC255, IXGBE_PRC511, IXGBE_PRC1023, IXGBE_PRC1522};
	struct rig *rig = *state;
	uint8_t frame[1514];
	uint32_t sum = 0;

	rig_rx_queue(rig, 0, RING, 2, 0);
	rig_write(rig, IXGBE_FCTRL, IXGBE_FCTRL_BAM | IXGBE_FCTRL_MPE);
	for (unsigned k = 0; k < N_OF(lens); k++) {
		rig_frame(frame, lens[k], k == 0 ? broadcast : k == 1 ? multi : NULL, k);
		rig_arrive(rig, frame, lens[k], 0);
		sum += lens[k];
	}
	rig_settle(rig);
	assert_int_equal(rig_read(rig, regs[0]), 1);
	for (unsigned k = 1; k < 6; k++)
		assert_int_equal(rig_read(rig, regs[k]), 2);
	assert_int_equal(rig_read(rig, IXGBE_BPRC), 1);
	assert_int_equal(rig_read(rig, IXGBE_MPRC), 1);
	assert_int_equal(rig_read(rig, IXGBE_GPRC), N_OF(lens));
	assert_int_equal(rig_read(rig, IXGBE_GORCL), sum);
	assert_int_equal(rig_read(rig, IXGBE_TORL), sum + 4 * N_OF(lens));
	assert_int_equal(rig_read(rig, IXGBE_RXDGPC), N_OF(lens));
	assert_int_equal(rig_read(rig, IXGBE_QPRC(0)), N_OF(lens));
	assert_int_equal(rig_read(rig, IXGBE_GPRC), 0);
	/* In shared memory the counters of the page would not clear, so they stay 0 there. */
	if (rig->shared)
		assert_int_equal(rig_peek(rig, IXGBE_QPRC(0)), 0);
}

/* DPDK reads the errors of the MAC, the queues, and the rest of the MAC's, and adds up what it reads. */
static void counters_of_shared_pages_show_in_a_pass(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[100];
	uint64_t sum = 0;

	rig_rx_queue(rig, 0, 64, 2, 0);
	rig_frame(frame, sizeof(frame), NULL, 1);
	for (unsigned pass = 0; pass < 4; pass++) {
		/* None at all in the last pass. */
		for (unsigned i = 0; i < 5 && pass < 3; i++)
			rig_arrive(rig, frame, sizeof(frame), 0);
		rig_settle(rig);
		if (rig->shared)
			assert_int_equal(rig_peek(rig, IXGBE_QPRC(0)), 0);
		rig_read(rig, IXGBE_CRCERRS);
		rig_read(rig, IXGBE_MPC(0));
		assert_int_equal(rig_peek(rig, IXGBE_QPRC(0)), pass < 3 ? 5 : 0);
		assert_int_equal(rig_peek(rig, IXGBE_QBRCL(0)), pass < 3 ? 500 : 0);
		assert_int_equal(rig_peek(rig, IXGBE_QBRCH(0)), 0);
		sum += rig_peek(rig, IXGBE_QPRC(0));
		rig_read(rig, IXGBE_MLFC);
		rig_read(rig, IXGBE_GPRC);
	}
	if (rig->shared)
		assert_int_equal(sum, 15);
	assert_int_equal(rig_read(rig, IXGBE_QPRC(0)), 0);
}

static void pause_frames_stop_transmission(void **state)
{
	uint8_t pause[60] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x01, 2, 0, 0, 0, 0, 9, 0x88, 0x08, 0x00, 0x01, 0x10, 0x00};
	struct rig *rig = *state;
	uint8_t frame[60];

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_tx_queue(rig, 0, 16, 0);
	rig_write(rig, IXGBE_MFLCN, IXGBE_MFLCN_RFCE | IXGBE_MFLCN_DPF);
	rig_arrive(rig, pause, sizeof(pause), 0);
	rig_run(rig, 1000, 2);
	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_run(rig, 100000, 100); /* 4096 quanta of 51.2 ns are 210 us */
	assert_int_equal(rig->n_out, 0);
	rig_run(rig, 150000, 100);
	assert_int_equal(rig->n_out, 1);
	assert_int_equal(rig_read(rig, IXGBE_LXOFFRXCNT), 1);
	assert_int_equal(rig_counter(rig, "rx_frames"), 0);
}

static void pause_frames_are_sent_by_the_marks(void **state)
{
	struct rig *rig = *state;
	union ixgbe_rx_desc last;
	uint8_t data[4096];
	unsigned i = 0;

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_write(rig, IXGBE_FCTTV(0), 0x00100010);
	rig_write(rig, IXGBE_FCRTL(0), IXGBE_FCRTL_XONE | 256);
	rig_write(rig, IXGBE_FCRTH(0), IXGBE_FCRTH_FCEN | 1024);
	rig_write(rig, IXGBE_FCCFG, IXGBE_FCCFG_TFCE_LINK);
	arrive_many(rig, 10);
	assert_int_equal(rig->n_out, 0);
	arrive_many(rig, 30);
	assert_true(rig->n_out >= 1);
	assert_memory_equal(rig->out[0].data, "\x01\x80\xc2\0\0\x01", 6);
	assert_memory_equal(rig->out[0].data + 6, rig_mac, 6);
	assert_memory_equal(rig->out[0].data + 12, "\x88\x08\0\x01\0\x10", 6);
	for (unsigned k = 0; k < 40; k++) {
		assert_int_equal(take(rig, 0, &i, data, &last), 60);
		rig_settle(rig);
	}
	assert_memory_equal(rig->out[rig->n_out - 1].data + 12, "\x88\x08\0\x01\0\0", 6);
	assert_int_equal(rig_read(rig, IXGBE_LXONTXC), 1);
	assert_int_equal(rig_read(rig, IXGBE_LXOFFTXC), rig->n_out - 1);
}

#define BOTH(test)                                                                                                     \
	{#test "_shared", test, shared_setup, teardown, NULL},                                                         \
	{                                                                                                              \
#test "_trap", test, trap_setup, teardown, NULL                                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(rx_every_size_arrives),
		BOTH(filter_addresses_follow_registers),
		BOTH(filter_multicast_table_follows_mo),
		BOTH(vlan_tag_is_filtered_and_stripped),
		BOTH(checksum_results_are_told),
		BOTH(checksum_of_fragments_and_empty_udp_not_told),
		BOTH(checksum_broken_headers_are_harmless),
		BOTH(rss_vectors_of_the_specification_match),
		BOTH(rss_queue_follows_table),
		BOTH(tuple_filter_names_the_queue),
		BOTH(ethertype_filter_names_the_queue),
		BOTH(bad_frames_are_counted_not_delivered),
		BOTH(crc_is_kept_when_asked),
		BOTH(legacy_queue_writes_the_old_layout),
		BOTH(scatter_fills_all_but_the_last_buffer),
		BOTH(full_queue_drops_when_it_may),
		BOTH(full_queue_waits_in_order_when_it_may_not_drop),
		BOTH(disabled_queue_gets_nothing),
		BOTH(wire_that_waits_loses_nothing),
		BOTH(buffer_outside_the_maps_is_refused_and_named),
		BOTH(dd_left_in_a_descriptor_is_a_mistake),
		BOTH(tail_outside_the_ring_is_a_mistake),
		BOTH(ring_that_is_none_is_a_mistake),
		BOTH(fault_lengths_are_impossible),
		BOTH(fault_write_backs_come_out_of_order),
		BOTH(fault_stuck_queue_takes_nothing),
		BOTH(master_disable_keeps_off_memory),
		BOTH(statistics_by_size_and_kind),
		BOTH(counters_of_shared_pages_show_in_a_pass),
		BOTH(pause_frames_stop_transmission),
		BOTH(pause_frames_are_sent_by_the_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * Offloads and filters of the driver on the model, in shared and in trap mode. What must come out is computed here, byte by
 * byte and from the standards, with nothing of the driver or the model.
 */
#include "ixgbe_sim.h"

#include "frame.h"

static uint8_t frame[FRAME_MAX], want[FRAME_MAX], got[FRAME_MAX];

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint32_t sum(const uint8_t *p, uint32_t len, uint32_t s)
{
	for (uint32_t i = 0; i < len; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void request(struct vireo_pkt *pkt, const struct frame_shape *shape, uint32_t flags)
{
	pkt->flags |= flags | (shape->ipv6 ? VIREO_PKT_IPV6 : 0);
	pkt->tx.l2_len = frame_l2(shape);
	pkt->tx.l3_len = frame_l3(shape);
	pkt->tx.l4_len = frame_l4(shape);
}

static void assert_departs(struct sim_rig *r, const uint8_t *data, uint32_t len)
{
	struct test_frame *f = sim_rig_departed(r);

	if (!f)
		fail_msg("a frame of %u bytes did not leave", len);
	assert_int_equal(f->len, len < 60 ? 60 : len);
	assert_memory_equal(f->data, data, len);
	free(f);
}

/* Transmit */

static void checksums_inserted_by_the_card(void **state)
{
	static const struct frame_shape shapes[] = {
		{.payload = 10},
		{.payload = 11, .udp = true},
		{.payload = 1400, .ip_options = 40},
		{.payload = 0, .udp = true},
		{.payload = 333, .ipv6 = true},
		{.payload = 8, .ipv6 = true, .udp = true},
		{.payload = 77, .tagged = true, .tci = 0x6123},
		{.payload = 1401, .udp = true, .tagged = true, .tci = 5},
	};
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM;
	sim_rig_start(&r);
	for (unsigned i = 0; i < N_OF(shapes) * 4; i++) {
		const struct frame_shape *shape = &shapes[i / 4];
		unsigned l4 = frame_l2(shape) + frame_l3(shape);
		uint32_t len = frame_build(shape, want), flags;
		struct vireo_pkt pkts[64];
		unsigned n;

		memcpy(frame, want, len);
		memset(frame + l4 + (shape->udp ? 6 : 16), 0x5a, 2);
		flags = shape->udp ? VIREO_PKT_TX_UDP_CSUM : VIREO_PKT_TX_TCP_CSUM;
		if (!shape->ipv6 && i & 1) {
			memset(frame + frame_l2(shape) + 10, 0xa5, 2);
			flags |= VIREO_PKT_TX_IP_CSUM;
		}
		n = sim_rig_packet(&r, frame, len, i & 2 ? 61 : 0, pkts);
		request(&pkts[0], shape, flags);
		sim_rig_send(&r, pkts, n);
		assert_departs(&r, want, len);
	}
	sim_rig_destroy(&r);
}

/* RFC 9293 and 791: segment @i of a TCP packet that is cut, from the uncut one. Returns its length. */
static uint32_t make_segment(const struct frame_shape *shape, uint32_t len, uint32_t mss, unsigned i, uint8_t *ret)
{
	unsigned l2 = frame_l2(shape), l3 = frame_l3(shape), hdr = l2 + l3 + frame_l4(shape);
	uint32_t from = hdr + i * mss, n = len - from < mss ? len - from : mss, l4_len = frame_l4(shape) + n, s;
	uint8_t *ip = ret + l2, *th = ip + l3;
	bool last = from + n == len;

	memcpy(ret, frame, hdr);
	memcpy(ret + hdr, frame + from, n);
	if (shape->ipv6) {
		put16(ip + 4, l4_len);
		s = sum(ip + 8, 32, 6 + l4_len);
	} else {
		put16(ip + 2, l3 + l4_len);
		put16(ip + 4, (((uint32_t)ip[4] << 8 | ip[5]) + i) & 0xffff);
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(ip, l3, 0));
		s = sum(ip + 12, 8, 6 + l4_len);
	}
	put32(th + 4, get32(th + 4) + i * mss);
	/* FIN and PSH belong to the last segment only. */
	if (!last)
		th[13] &= (uint8_t)~0x09;
	put16(th + 16, 0);
	put16(th + 16, ~sum(th, l4_len, s));
	return hdr + n;
}

static void tcp_cut_into_segments(void **state)
{
	static const struct {
		struct frame_shape shape;
		uint32_t mss;
	} cases[] = {
		{{.payload = 3000}, 1448},
		{{.payload = 2896}, 1448},
		{{.payload = 1448}, 1448},
		{{.payload = 100}, 1448},
		{{.payload = 60000}, 1460},
		{{.payload = 5000, .ipv6 = true}, 1428},
		{{.payload = 5000, .ip_options = 8}, 700},
		{{.payload = 9000, .tagged = true, .tci = 77}, 8900},
	};
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.tx_offloads = VIREO_TX_TSO | VIREO_TX_IP_CSUM;
	r.cfg.mtu = 9000;
	sim_rig_start(&r);
	for (unsigned c = 0; c < N_OF(cases); c++) {
		const struct frame_shape *shape = &cases[c].shape;
		unsigned l4 = frame_l2(shape) + frame_l3(shape), hdr = l4 + frame_l4(shape), n;
		uint32_t len = frame_build(shape, frame);
		struct vireo_pkt pkts[64];

		frame[l4 + 13] = 0x19; /* ACK, PSH, FIN */
		n = sim_rig_packet(&r, frame, len, 2000, pkts);
		request(&pkts[0], shape, VIREO_PKT_TX_TSO);
		pkts[0].tx.seg_size = (uint16_t)cases[c].mss;
		sim_rig_send(&r, pkts, n);
		for (unsigned i = 0; i * cases[c].mss < len - hdr; i++)
			assert_departs(&r, want, make_segment(shape, len, cases[c].mss, i, want));
	}
	sim_rig_destroy(&r);
}

static void tag_inserted_by_the_card(void **state)
{
	struct frame_shape shape = {.payload = 100, .udp = true}, tagged = shape;
	struct vireo_pkt pkt;
	struct sim_rig r;
	uint32_t len;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.tx_offloads = VIREO_TX_L4_CSUM;
	sim_rig_start(&r);
	for (unsigned i = 0; i < 2; i++) {
		tagged.tagged = true;
		tagged.tci = (uint16_t)(0xa123 + i);
		len = frame_build(&tagged, want);
		frame_build(&shape, frame);
		sim_rig_packet(&r, frame, len - 4, 0, &pkt);
		if (i)
			request(&pkt, &shape, VIREO_PKT_TX_UDP_CSUM);
		pkt.flags |= VIREO_PKT_VLAN;
		pkt.vlan = tagged.tci;
		sim_rig_send(&r, &pkt, 1);
		assert_departs(&r, want, len);
	}
	sim_rig_destroy(&r);
}

/* Receive */

static uint32_t receive_flags(struct sim_rig *r, const uint8_t *data, uint32_t len)
{
	struct vireo_pkt pkts[16];
	uint32_t flags;
	unsigned n;

	sim_rig_arrive(r, data, len);
	n = sim_rig_receive(r, 0, pkts, 16);
	assert_true(n > 0);
	flags = pkts[0].flags;
	assert_int_equal(sim_rig_flatten(pkts, n, got), len);
	assert_memory_equal(got, data, len);
	return flags & (VIREO_PKT_RX_IP_OK | VIREO_PKT_RX_IP_BAD | VIREO_PKT_RX_L4_OK | VIREO_PKT_RX_L4_BAD);
}

static void checksums_verified_by_the_card(void **state)
{
	static const struct frame_shape shapes[] = {
		{.payload = 10},
		{.payload = 100, .udp = true},
		{.payload = 333, .ipv6 = true},
		{.payload = 80, .ipv6 = true, .udp = true},
		{.payload = 77, .tagged = true, .tci = 0x6123},
		{.payload = 500, .ip_options = 12},
	};
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.rx_offloads = VIREO_RX_CSUM;
	r.cfg.promiscuous = true;
	sim_rig_start(&r);
	for (unsigned i = 0; i < N_OF(shapes); i++) {
		const struct frame_shape *shape = &shapes[i];
		uint32_t len = frame_build(shape, frame), ip_ok = shape->ipv6 ? 0 : VIREO_PKT_RX_IP_OK;
		unsigned l4 = frame_l2(shape) + frame_l3(shape), pad = len < 60 ? 60 - len : 0;

		memset(frame + len, 0, pad);
		assert_int_equal(receive_flags(&r, frame, len + pad), ip_ok | VIREO_PKT_RX_L4_OK);
		frame[l4 + (shape->udp ? 6 : 16)] ^= 0x40;
		assert_int_equal(receive_flags(&r, frame, len + pad), ip_ok | VIREO_PKT_RX_L4_BAD);
		if (shape->ipv6)
			continue;
		frame[l4 + (shape->udp ? 6 : 16)] ^= 0x40;
		frame[frame_l2(shape) + 10] ^= 0x40;
		assert_true(receive_flags(&r, frame, len + pad) & VIREO_PKT_RX_IP_BAD);
	}
	/* Not IP: nobody looked. */
	memset(frame, 0x55, 100);
	assert_int_equal(receive_flags(&r, frame, 100), 0);
	sim_rig_destroy(&r);
}

static void tag_taken_out_by_the_card(void **state)
{
	struct frame_shape tagged = {.payload = 100, .udp = true, .tagged = true, .tci = 0xa123}, shape = tagged;
	struct vireo_pkt pkts[4];
	struct sim_rig r;
	uint32_t len;
	unsigned n;

	shape.tagged = false;
	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.rx_offloads = VIREO_RX_VLAN_STRIP;
	r.cfg.promiscuous = true;
	sim_rig_start(&r);
	sim_rig_arrive(&r, frame, frame_build(&tagged, frame));
	len = frame_build(&shape, want);
	n = sim_rig_receive(&r, 0, pkts, 4);
	assert_int_equal(n, 1);
	assert_true(pkts[0].flags & VIREO_PKT_VLAN);
	assert_int_equal(pkts[0].vlan, 0xa123);
	/* Sent on as it is, the tag is back. */
	sim_rig_send(&r, pkts, n);
	assert_departs(&r, frame, len + 4);
	sim_rig_destroy(&r);
}

/* RSS: Toeplitz from the definition, checked against its published vectors. */

static uint32_t toeplitz(const uint8_t *key, const uint8_t *data, unsigned len)
{
	uint32_t hash = 0;

	for (unsigned bit = 0; bit < len * 8; bit++) {
		uint32_t window = 0;

		if (!(data[bit / 8] >> (7 - bit % 8) & 1))
			continue;
		for (unsigned k = 0; k < 32; k++)
			window = window << 1 | (key[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1);
		hash ^= window;
	}
	return hash;
}

static const uint8_t rss_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* Source, destination, ports; the hash over addresses, and over addresses and ports. */
static const struct {
	uint8_t src[4], dst[4];
	uint16_t src_port, dst_port;
	uint32_t hash, hash_ports;
} vectors[] = {
	{{66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x323e8fc2, 0x51ccc178},
	{{199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xd718262a, 0xc626b0ea},
	{{24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0xd2d0a5de, 0x5c2b394a},
	{{38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0x82989176, 0xafc7327f},
	{{153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x5d1809c5, 0x10e828a2},
};

static void vector_input(unsigned v, uint8_t *input)
{
	memcpy(input, vectors[v].src, 4);
	memcpy(input + 4, vectors[v].dst, 4);
	put16(input + 8, vectors[v].src_port);
	put16(input + 10, vectors[v].dst_port);
}

static uint32_t build_vector(unsigned v, bool udp, uint8_t *ret)
{
	struct frame_shape shape = {.payload = 50, .udp = udp};
	uint32_t len = frame_build(&shape, ret);
	uint8_t input[12];

	vector_input(v, input);
	memcpy(ret + 14 + 12, input, 8);
	memcpy(ret + 14 + 20, input + 8, 4);
	return len;
}

static void rss_queue_and_hash_as_published(void **state)
{
	struct vireo_rss rss;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.n_rxq = 4;
	r.cfg.rx_ring = 128;
	r.cfg.rx_offloads = VIREO_RX_HASH;
	r.cfg.promiscuous = true;
	r.cfg.rss_key = rss_key;
	r.cfg.rss_key_len = sizeof(rss_key);
	sim_rig_start(&r);
	assert_int_equal(vireo_port_rss(r.port, &rss), 0);
	for (unsigned i = 0; i < rss.n_table; i++)
		rss.table[i] = (uint8_t)((i * 7 + 3) % 4);
	for (unsigned round = 0; round < 3; round++) {
		/* TCP and UDP with ports; UDP without; and none at all. */
		rss.fields = round == 0   ? VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP | VIREO_RSS_IPV4_UDP
			     : round == 1 ? VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP
					  : 0;
		assert_int_equal(vireo_port_set_rss(r.port, &rss), 0);
		for (unsigned v = 0; v < N_OF(vectors) * 2; v++) {
			bool udp = v & 1, ports = round == 0 || !udp;
			uint8_t input[12];
			struct vireo_pkt pkt;
			uint32_t hash;
			unsigned q;

			vector_input(v / 2, input);
			hash = toeplitz(rss_key, input, ports ? 12 : 8);
			assert_int_equal(hash, ports ? vectors[v / 2].hash_ports : vectors[v / 2].hash);
			q = round == 2 ? 0 : rss.table[hash % 128];
			sim_rig_arrive(&r, frame, build_vector(v / 2, udp, frame));
			assert_int_equal(sim_rig_receive(&r, q, &pkt, 1), 1);
			assert_int_equal(!!(pkt.flags & VIREO_PKT_RX_HASH), round < 2);
			if (round < 2)
				assert_int_equal(pkt.hash, hash);
			vireo_pkt_free(&pkt, 1);
		}
	}
	sim_rig_destroy(&r);
}

static void rss_ipv6_hash_as_computed(void **state)
{
	for (unsigned udp = 0; udp < 2; udp++) {
		struct frame_shape shape = {.ipv6 = true, .udp = udp, .payload = 40};
		uint32_t len = frame_build(&shape, frame);
		uint8_t input[36];
		struct vireo_pkt pkt;
		struct sim_rig r;

		memcpy(input, frame + 14 + 8, 32);
		memcpy(input + 32, frame + 14 + 40, 4);
		sim_rig_create(&r, *(const bool *)*state);
		r.cfg.rx_offloads = VIREO_RX_HASH;
		r.cfg.promiscuous = true;
		r.cfg.rss_key = rss_key;
		r.cfg.rss_key_len = sizeof(rss_key);
		sim_rig_start(&r);
		sim_rig_arrive(&r, frame, len);
		assert_int_equal(sim_rig_receive(&r, 0, &pkt, 1), 1);
		assert_true(pkt.flags & VIREO_PKT_RX_HASH);
		assert_int_equal(pkt.hash, toeplitz(rss_key, input, 36));
		vireo_pkt_free(&pkt, 1);
		sim_rig_destroy(&r);
	}
}

static void flows_reach_queues_beyond_rss(void **state)
{
	struct vireo_flow flow = {.match = VIREO_FLOW_DST | VIREO_FLOW_DST_PORT | VIREO_FLOW_PROTOCOL,
				  .protocol = 17, .priority = 3, .queue = 40};
	struct vireo_flow strong = {.match = VIREO_FLOW_SRC, .priority = 5, .queue = 63};
	struct vireo_pkt pkt;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	r.cfg.n_rxq = 64;
	r.cfg.rx_ring = 64;
	r.pool_cfg.n_bufs = 8192;
	r.cfg.promiscuous = true;
	sim_rig_start(&r);
	memcpy(flow.dst, vectors[0].dst, 4);
	flow.dst_port = vectors[0].dst_port;
	memcpy(strong.src, vectors[0].src, 4);
	assert_int_equal(vireo_port_add_flow(r.port, &flow), 0);
	sim_rig_arrive(&r, frame, build_vector(0, true, frame));
	assert_int_equal(sim_rig_receive(&r, 40, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_port_add_flow(r.port, &strong), 0);
	sim_rig_arrive(&r, frame, build_vector(0, true, frame));
	assert_int_equal(sim_rig_receive(&r, 63, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	assert_int_equal(vireo_port_remove_flow(r.port, &strong), 0);
	sim_rig_arrive(&r, frame, build_vector(0, true, frame));
	assert_int_equal(sim_rig_receive(&r, 40, &pkt, 1), 1);
	vireo_pkt_free(&pkt, 1);
	sim_rig_destroy(&r);
}

/* Filters. What is dropped shows because a later frame comes first. */

static void arrive_to(struct sim_rig *r, const uint8_t mac[6], uint16_t vlan, uint8_t mark)
{
	memset(frame, 0, 64);
	memcpy(frame, mac, 6);
	memcpy(frame + 6, "\x02\0\0\0\0\7\x88\xb5", 8);
	if (vlan) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, vlan);
		put16(frame + 16, 0x88b5);
	}
	frame[40] = mark;
	sim_rig_arrive(r, frame, 64);
}

static uint8_t next_mark(struct sim_rig *r)
{
	struct vireo_pkt pkt;
	uint8_t mark;

	assert_int_equal(sim_rig_receive(r, 0, &pkt, 1), 1);
	mark = ((uint8_t *)vireo_pkt_data(&pkt))[40];
	vireo_pkt_free(&pkt, 1);
	return mark;
}

static void addresses_are_filtered(void **state)
{
	static const uint8_t foreign[] = {2, 9, 9, 9, 9, 9}, extra[] = {2, 8, 8, 8, 8, 8},
			     group[] = {1, 0, 0x5e, 1, 2, 3}, other_group[] = {1, 0, 0x5e, 0x11, 0x12, 0x13},
			     broadcast[] = {255, 255, 255, 255, 255, 255}, changed[] = {2, 7, 7, 7, 7, 7};
	struct vireo_port_info info;
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	vireo_port_info(r.port, &info);
	arrive_to(&r, foreign, 0, 1);
	arrive_to(&r, extra, 0, 2);
	arrive_to(&r, group, 0, 3);
	arrive_to(&r, info.mac, 0, 4);
	arrive_to(&r, broadcast, 0, 5);
	assert_int_equal(next_mark(&r), 4);
	assert_int_equal(next_mark(&r), 5);
	assert_int_equal(vireo_port_add_mac(r.port, extra), 0);
	assert_int_equal(vireo_port_add_mac(r.port, group), 0);
	/* Settings hold over a restart. */
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	sim_rig_wait_link(&r, true);
	arrive_to(&r, other_group, 0, 6);
	arrive_to(&r, extra, 0, 7);
	arrive_to(&r, group, 0, 8);
	assert_int_equal(next_mark(&r), 7);
	assert_int_equal(next_mark(&r), 8);
	assert_int_equal(vireo_port_set_all_multicast(r.port, true), 0);
	arrive_to(&r, foreign, 0, 9);
	arrive_to(&r, other_group, 0, 10);
	assert_int_equal(next_mark(&r), 10);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), 0);
	arrive_to(&r, foreign, 0, 11);
	assert_int_equal(next_mark(&r), 11);
	assert_int_equal(vireo_port_set_promiscuous(r.port, false), 0);
	assert_int_equal(vireo_port_set_mac(r.port, changed), 0);
	assert_int_equal(vireo_port_remove_mac(r.port, extra), 0);
	arrive_to(&r, info.mac, 0, 12);
	arrive_to(&r, extra, 0, 13);
	arrive_to(&r, changed, 0, 14);
	assert_int_equal(next_mark(&r), 14);
	sim_rig_destroy(&r);
}

static void vlans_are_filtered(void **state)
{
	static const uint8_t broadcast[] = {255, 255, 255, 255, 255, 255};
	struct sim_rig r;

	sim_rig_create(&r, *(const bool *)*state);
	sim_rig_start(&r);
	arrive_to(&r, broadcast, 100, 1);
	assert_int_equal(next_mark(&r), 1);
	assert_int_equal(vireo_port_add_vlan(r.port, 7), 0);
	arrive_to(&r, broadcast, 100, 2);
	arrive_to(&r, broadcast, 7, 3);
	arrive_to(&r, broadcast, 0, 4);
	assert_int_equal(next_mark(&r), 3);
	assert_int_equal(next_mark(&r), 4);
	assert_int_equal(vireo_port_add_vlan(r.port, 4095), 0);
	assert_int_equal(vireo_port_remove_vlan(r.port, 7), 0);
	arrive_to(&r, broadcast, 7, 5);
	arrive_to(&r, broadcast, 4095, 6);
	assert_int_equal(next_mark(&r), 6);
	assert_int_equal(vireo_port_remove_vlan(r.port, 4095), 0);
	arrive_to(&r, broadcast, 7, 7);
	assert_int_equal(next_mark(&r), 7);
	sim_rig_destroy(&r);
}

#define BOTH(name) cmocka_unit_test_prestate(name, &shared), cmocka_unit_test_prestate(name, &trap)

int main(void)
{
	static bool shared = false, trap = true;
	const struct CMUnitTest tests[] = {
		BOTH(checksums_inserted_by_the_card),
		BOTH(tcp_cut_into_segments),
		BOTH(tag_inserted_by_the_card),
		BOTH(checksums_verified_by_the_card),
		BOTH(tag_taken_out_by_the_card),
		BOTH(rss_queue_and_hash_as_published),
		BOTH(rss_ipv6_hash_as_computed),
		BOTH(flows_reach_queues_beyond_rss),
		BOTH(addresses_are_filtered),
		BOTH(vlans_are_filtered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

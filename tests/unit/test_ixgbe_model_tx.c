/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame.h"
#include "model_rig.h"

/* The 82599 model transmits: descriptors in, frames out, reports back. */

#define RING 128

static int setup_with(void **state, const struct ixgbe_model_config *cfg)
{
	struct rig *rig = rig_create(cfg);

	rig_bring_up(rig);
	rig_tx_queue(rig, 0, RING, 0);
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

static bool done(struct rig *rig, unsigned q, unsigned i)
{
	return __atomic_load_n(&rig_tx_ring(rig, q)[i].data.olinfo, __ATOMIC_ACQUIRE) == IXGBE_TXD_DD;
}

static void tx_every_size_arrives(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[9728];

	for (uint32_t len = 17; len <= 9710 + 14; len += len < 200 ? 1 : 61) {
		unsigned i;

		rig_frame(frame, len, NULL, len);
		i = rig_send(rig, 0, frame, len);
		assert_false(done(rig, 0, i));
		rig_settle(rig);
		assert_true(done(rig, 0, i));
		assert_int_equal(rig->n_out, 1);
		assert_int_equal(rig->out[0].len, len < 60 ? 60 : len);
		assert_memory_equal(rig->out[0].data, frame, len);
		rig_forget(rig);
	}
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_TDH(0)), rig_peek(rig, (uint32_t)IXGBE_TDT(0)));
	assert_int_equal(rig_counter(rig, "driver_errors"), 0);
}

/* A packet in buffers of @parts bytes each, context first if there is one; returns the index of the last descriptor. */
struct packet {
	const uint8_t *data;
	uint32_t len, part;   /* part 0: one buffer */
	uint32_t cmd, olinfo; /* beside what every packet has */
	uint32_t paylen;      /* 0: len */
};

static unsigned put_packet(struct rig *rig, unsigned q, const struct packet *p)
{
	uint32_t part = p->part ? p->part : p->len, at = 0;
	unsigned last = 0;

	while (at < p->len) {
		uint32_t len = p->len - at < part ? p->len - at : part;
		unsigned tail = rig_peek(rig, (uint32_t)IXGBE_TDT(q));
		uint8_t *to = rig_tx_buffer(rig, tail);
		union ixgbe_tx_desc desc = {
			.data = {
				.addr = rig_iova(rig, to),
				.cmd = len | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS | p->cmd,
				.olinfo = p->olinfo | (p->paylen ? p->paylen : p->len) << IXGBE_TXD_PAYLEN_SHIFT,
			}};

		memcpy(to, p->data + at, len);
		at += len;
		if (at == p->len)
			desc.data.cmd |= IXGBE_TXD_EOP | IXGBE_TXD_RS;
		last = rig_put(rig, q, &desc);
	}
	return last;
}

static void put_context(struct rig *rig, unsigned q, const struct frame_shape *shape, uint32_t idx, uint32_t vlan,
			uint32_t mss)
{
	union ixgbe_tx_desc desc = {
		.ctx = {
			.lens = frame_l3(shape) | frame_l2(shape) << IXGBE_TXC_MACLEN_SHIFT |
				vlan << IXGBE_TXC_VLAN_SHIFT,
			.cmd = IXGBE_TXD_DEXT | IXGBE_TXD_CONTEXT | (shape->ipv6 ? 0 : IXGBE_TXC_IPV4) |
			       (shape->udp ? IXGBE_TXC_L4T_UDP : IXGBE_TXC_L4T_TCP),
			.mss = idx << IXGBE_TXC_IDX_SHIFT | (shape->udp ? 8u : 20u) << IXGBE_TXC_L4LEN_SHIFT |
			       mss << IXGBE_TXC_MSS_SHIFT,
		}};

	rig_put(rig, q, &desc);
}

static void tx_wraps_around_the_ring(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[64];

	for (unsigned k = 0; k < 1000; k++) {
		rig_frame(frame, sizeof(frame), NULL, k);
		rig_send(rig, 0, frame, sizeof(frame));
		if (k % 50 == 49) /* there are 64 buffers */
			rig_settle(rig);
	}
	assert_int_equal(rig->n_out, 1000);
	for (unsigned k = 0; k < 1000; k++) {
		rig_frame(frame, sizeof(frame), NULL, k);
		assert_memory_equal(rig->out[k].data, frame, sizeof(frame));
	}
	assert_int_equal(rig_read(rig, IXGBE_GPTC), 1000);
	assert_int_equal(rig_read(rig, IXGBE_GPTC), 0);
}

static void tx_gathers_buffers(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[9000];

	rig_frame(frame, sizeof(frame), NULL, 5);
	for (uint32_t part = 230; part < 9000; part += 577) {
		const struct packet p = {.data = frame, .len = sizeof(frame), .part = part};
		unsigned last = put_packet(rig, 0, &p);

		rig_settle(rig);
		assert_true(done(rig, 0, last));
		assert_int_equal(rig->n_out, 1);
		assert_int_equal(rig->out[0].len, sizeof(frame));
		assert_memory_equal(rig->out[0].data, frame, sizeof(frame));
		rig_forget(rig);
	}
}

static void tx_waits_for_the_end_of_a_packet(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[200];
	union ixgbe_tx_desc desc = {.data = {
					    .addr = rig_iova(rig, rig_tx_buffer(rig, 0)),
					    .cmd = 100 | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS,
					    .olinfo = 200u << IXGBE_TXD_PAYLEN_SHIFT,
				    }};

	rig_frame(frame, sizeof(frame), NULL, 1);
	memcpy(rig_tx_buffer(rig, 0), frame, 200);
	rig_put(rig, 0, &desc);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 0);
	desc.data.addr += 100;
	desc.data.cmd |= IXGBE_TXD_EOP;
	rig_put(rig, 0, &desc);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	assert_memory_equal(rig->out[0].data, frame, 200);
}

static void checksums_are_filled_in(void **state)
{
	struct rig *rig = *state;

	for (unsigned k = 0; k < 32; k++) {
		const struct frame_shape shape = {.ipv6 = k & 1,
						  .udp = k & 2,
						  .tagged = k & 4,
						  .ip_options = k & 1 ? 0 : (k & 8) / 2,
						  .payload = 20 + k * 37};
		uint8_t want[2048], frame[2048];
		uint32_t len = frame_build(&shape, want);
		struct packet p = {.data = frame,
				   .len = len,
				   .part = k & 16 ? 70 : 0,
				   .olinfo = IXGBE_TXD_TXSM | IXGBE_TXD_CC | (k & 1u) << IXGBE_TXD_IDX_SHIFT};

		memcpy(frame, want, len);
		frame_make_partial(&shape, frame, len);
		if (!shape.ipv6) {
			memset(frame + frame_l2(&shape) + 10, 0, 2);
			p.olinfo |= IXGBE_TXD_IXSM;
		}
		put_context(rig, 0, &shape, k & 1, 0, 0);
		put_packet(rig, 0, &p);
		rig_settle(rig);
		assert_int_equal(rig->n_out, 1);
		assert_int_equal(rig->out[0].len, len);
		assert_memory_equal(rig->out[0].data, want, len);
		rig_forget(rig);
	}
	assert_int_equal(rig_counter(rig, "driver_errors"), 0);
}

/* A sum of 0 would say that there is none: for UDP it is sent as all ones. */
static void checksum_of_udp_is_never_0(void **state)
{
	const struct frame_shape shape = {.udp = true, .payload = 40};
	struct rig *rig = *state;
	uint8_t frame[128];
	uint32_t len = frame_build(&shape, frame);
	const struct packet p = {.data = frame, .len = len, .olinfo = IXGBE_TXD_TXSM | IXGBE_TXD_CC};
	uint8_t *udp = frame + 34;

	for (uint32_t sum = 0;; sum++) { /* the one payload word that makes the checksum 0 */
		udp[8] = (uint8_t)(sum >> 8);
		udp[9] = (uint8_t)sum;
		frame_make_partial(&shape, frame, len);
		frame_complete(frame, len, 34, 6);
		if (udp[6] == 0xff && udp[7] == 0xff)
			break;
		assert_true(sum < 0xffff);
	}
	frame_make_partial(&shape, frame, len);
	put_context(rig, 0, &shape, 0, 0, 0);
	put_packet(rig, 0, &p);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	assert_memory_equal(rig->out[0].data + 34 + 6, "\xff\xff", 2);
}

/* Both contexts hold until they are set again. */
static void contexts_persist(void **state)
{
	const struct frame_shape shapes[2] = {{.udp = true, .payload = 50}, {.ipv6 = true, .payload = 80}};
	struct rig *rig = *state;

	put_context(rig, 0, &shapes[0], 0, 0, 0);
	put_context(rig, 0, &shapes[1], 1, 0, 0);
	for (unsigned k = 0; k < 6; k++) {
		const struct frame_shape *shape = &shapes[k & 1];
		uint8_t want[256], frame[256];
		uint32_t len = frame_build(shape, want);
		struct packet p = {.data = frame,
				   .len = len,
				   .olinfo = IXGBE_TXD_TXSM | IXGBE_TXD_CC | (k & 1u) << IXGBE_TXD_IDX_SHIFT};

		memcpy(frame, want, len);
		frame_make_partial(shape, frame, len);
		put_packet(rig, 0, &p);
		rig_settle(rig);
		assert_memory_equal(rig->out[k].data, want, len);
	}
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A segment is what a sender without offload would have built: made here from the whole and compared byte by byte. */
static void expect_segment(const struct frame_shape *shape, const uint8_t *whole, const uint8_t *frame, uint32_t len,
			   unsigned i, uint32_t at, uint32_t n, bool last)
{
	unsigned l2 = frame_l2(shape), l3 = frame_l3(shape), headers = l2 + l3 + 20;
	struct frame_shape one = *shape;
	uint8_t want[2048];

	one.payload = n;
	assert_int_equal(frame_build(&one, want), headers + n);
	assert_int_equal(len, headers + n);
	memcpy(want + headers, whole + headers + at, n);
	if (!shape->ipv6) {
		want[l2 + 5] = (uint8_t)(whole[l2 + 5] + i);
		memset(want + l2 + 10, 0, 2);
		frame_complete(want, l2 + l3, l2, 10);
	}
	memcpy(want + l2 + l3, whole + l2 + l3, 20);
	for (unsigned k = 0; k < 4; k++)
		want[l2 + l3 + 4 + k] = (uint8_t)((get32(whole + l2 + l3 + 4) + at) >> 8 * (3 - k));
	want[l2 + l3 + 13] &= last ? 0x7f : 0xf6; /* FIN and PSH in the last alone, CWR not there */
	memset(want + l2 + l3 + 16, 0, 2);
	frame_make_partial(&one, want, headers + n);
	frame_complete(want, headers + n, l2 + l3, 16);
	assert_memory_equal(frame, want, headers + n);
}

static void segments_are_cut(void **state)
{
	struct rig *rig = *state;

	for (unsigned k = 0; k < 12; k++) {
		const struct frame_shape shape = {.ipv6 = k & 1, .tagged = k & 2, .payload = 1 + 8000 * (k / 4) + k};
		uint32_t mss = 500 + 300 * (k / 4), headers = frame_l2(&shape) + frame_l3(&shape) + 20;
		static uint8_t whole[32768], frame[32768];
		uint32_t len = frame_build(&shape, whole), at = 0;
		struct packet p = {.data = frame,
				   .len = len,
				   .part = 4000,
				   .cmd = IXGBE_TXD_TSE,
				   .paylen = shape.payload,
				   .olinfo = IXGBE_TXD_TXSM | IXGBE_TXD_CC | (shape.ipv6 ? 0 : IXGBE_TXD_IXSM)};
		uint8_t *ip = frame + frame_l2(&shape), *tcp = ip + frame_l3(&shape);
		struct frame_shape none = shape;

		memcpy(frame, whole, len);
		if (!shape.ipv6)
			memset(ip + 10, 0, 2);
		tcp[4] = 0xff; /* the sequence number wraps on the way */
		tcp[5] = tcp[6] = 0xff;
		tcp[13] = 0x99; /* CWR, ACK, PSH, FIN... */
		memcpy(whole, frame, headers);
		whole[frame_l2(&shape) + frame_l3(&shape) + 13] = 0x99;
		/* The sum of the pseudo-header without a length: that of a packet that has none. */
		none.payload = 0;
		frame_make_partial(&none, frame, headers);
		{
			uint32_t sum = (uint32_t)tcp[16] << 8 | tcp[17];

			sum += 0xffff - 20; /* take the header's length out again */
			sum = (sum & 0xffff) + (sum >> 16);
			tcp[16] = (uint8_t)(sum >> 8);
			tcp[17] = (uint8_t)sum;
		}
		put_context(rig, 0, &shape, 0, 0, mss);
		put_packet(rig, 0, &p);
		rig_settle(rig);
		assert_int_equal(rig_counter(rig, "driver_errors"), 0);
		assert_int_equal(rig->n_out, (shape.payload + mss - 1) / mss);
		for (unsigned i = 0; i < rig->n_out; i++) {
			uint32_t n = shape.payload - at < mss ? shape.payload - at : mss;

			if (headers + n >= 60)
				expect_segment(&shape, whole, rig->out[i].data, rig->out[i].len, i, at, n,
					       at + n == shape.payload);
			at += n;
		}
		rig_forget(rig);
	}
}

static void vlan_tag_is_inserted(void **state)
{
	const struct frame_shape shape = {.udp = true, .payload = 40};
	struct rig *rig = *state;
	uint8_t frame[256];
	uint32_t len = frame_build(&shape, frame);
	struct packet p = {.data = frame, .len = len, .cmd = IXGBE_TXD_VLE, .olinfo = IXGBE_TXD_CC};
	union ixgbe_tx_desc desc = {
		.legacy = {.len = (uint16_t)len,
			   .vlan = 0x345,
			   .cmd = (IXGBE_TXD_EOP | IXGBE_TXD_IFCS | IXGBE_TXD_RS | IXGBE_TXD_VLE) >> 24}};

	rig_write(rig, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE | 0x88a8u << IXGBE_DMATXCTL_VT_SHIFT);
	put_context(rig, 0, &shape, 0, 0xe123, 0);
	put_packet(rig, 0, &p);
	memcpy(rig_tx_buffer(rig, 60), frame, len);
	desc.legacy.addr = rig_iova(rig, rig_tx_buffer(rig, 60));
	rig_put(rig, 0, &desc);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig->out[i].len, len + 4);
		assert_memory_equal(rig->out[i].data, frame, 12);
		assert_memory_equal(rig->out[i].data + 12, i ? "\x88\xa8\x03\x45" : "\x88\xa8\xe1\x23", 4);
		assert_memory_equal(rig->out[i].data + 16, frame + 12, len - 12);
	}
}

static void legacy_descriptor_sends_and_sums(void **state)
{
	const struct frame_shape shape = {.payload = 99};
	struct rig *rig = *state;
	uint8_t want[256], frame[256];
	uint32_t len = frame_build(&shape, want);
	union ixgbe_tx_desc desc = {
		.legacy = {.len = (uint16_t)len,
			   .css = 34,
			   .cso = 50,
			   .cmd = (IXGBE_TXD_EOP | IXGBE_TXD_IFCS | IXGBE_TXD_RS | IXGBE_TXD_LEGACY_IC) >> 24}};
	unsigned i;

	memcpy(frame, want, len);
	frame_make_partial(&shape, frame, len);
	memcpy(rig_tx_buffer(rig, 0), frame, len);
	desc.legacy.addr = rig_iova(rig, rig_tx_buffer(rig, 0));
	i = rig_put(rig, 0, &desc);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	assert_memory_equal(rig->out[0].data, want, len);
	assert_int_equal(rig_tx_ring(rig, 0)[i].legacy.status & 1, 1);
}

static void report_only_where_rs_stands(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60];
	union ixgbe_tx_desc desc = {
		.data = {
			.addr = rig_iova(rig, rig_tx_buffer(rig, 0)),
			.cmd = 60 | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_IFCS | IXGBE_TXD_EOP,
			.olinfo = 60u << IXGBE_TXD_PAYLEN_SHIFT,
		}};

	rig_frame(frame, sizeof(frame), NULL, 1);
	memcpy(rig_tx_buffer(rig, 0), frame, sizeof(frame));
	for (unsigned k = 0; k < 8; k++) {
		desc.data.cmd = (desc.data.cmd & ~IXGBE_TXD_RS) | (k == 5 ? IXGBE_TXD_RS : 0);
		rig_put(rig, 0, &desc);
	}
	rig_settle(rig);
	for (unsigned k = 0; k < 8; k++)
		assert_int_equal(done(rig, 0, k), k == 5);
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_TDH(0)), 8);
}

static void report_by_head_write_back(void **state)
{
	struct rig *rig = *state;
	uint32_t *head = (uint32_t *)(void *)(rig->memory + RIG_MEMORY / 2 - 4096);
	uint8_t frame[60];

	*head = 0xffff;
	rig_poke(rig, (uint32_t)IXGBE_TDWBAH(0), (uint32_t)(rig_iova(rig, head) >> 32));
	rig_poke(rig, (uint32_t)IXGBE_TDWBAL(0), (uint32_t)rig_iova(rig, head) | IXGBE_TDWBAL_EN);
	rig_frame(frame, sizeof(frame), NULL, 1);
	for (unsigned k = 0; k < 5; k++)
		rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(*head, 5);
	assert_false(done(rig, 0, 0));
	rig_poke(rig, (uint32_t)IXGBE_TDWBAL(0), ((uint32_t)rig_iova(rig, head) + 8) | IXGBE_TDWBAL_EN);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(*head, 5);
	assert_int_equal(rig_counter(rig, "driver_errors"), 1);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "16 bytes"));
}

/* With WTHRESH, RS says nothing: reports come in runs, and the rest when the interrupt's interval is over. */
static void report_in_runs_of_wthresh(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60];

	rig_tx_queue(rig, 1, RING, 8u << IXGBE_TXDCTL_WTHRESH_SHIFT);
	rig_write(rig, (uint32_t)IXGBE_EITR(3), 500u << IXGBE_EITR_INTERVAL_SHIFT); /* a millisecond */
	rig_write(rig, IXGBE_IVAR(0), (IXGBE_IVAR_VALID | 3u) << IXGBE_IVAR_TX_SHIFT(1));
	rig_frame(frame, sizeof(frame), NULL, 1);
	for (unsigned k = 0; k < 20; k++)
		rig_send(rig, 1, frame, sizeof(frame));
	rig_run(rig, 10000, 10);
	assert_int_equal(rig->n_out, 20);
	for (unsigned k = 0; k < 20; k++)
		assert_int_equal(done(rig, 1, k), k < 16);
	rig_run(rig, 1100000, 10);
	for (unsigned k = 0; k < 20; k++)
		assert_true(done(rig, 1, k));
}

static void queues_have_equal_turns(void **state)
{
	struct rig *rig = *state;
	unsigned n[2] = {0}, before;
	uint8_t frame[61];

	rig_tx_queue(rig, 64, 1024, 0);
	rig_tx_queue(rig, 1, 1024, 0);
	rig_frame(frame, sizeof(frame), NULL, 64);
	for (unsigned k = 0; k < 500; k++) {
		rig_send(rig, 64, frame, 61);
		rig_send(rig, 1, frame, 60);
	}
	rig_forget(rig);
	before = (unsigned)rig_counter(rig, "tx_frames");
	rig_run(rig, 3000, 3);
	assert_in_range(rig->n_out, 2 * 3, 800); /* three turns each, and not all at once */
	for (unsigned k = 0; k < rig->n_out; k++)
		n[rig->out[k].len - 60]++;
	assert_int_equal(n[0], n[1]);
	assert_int_equal(rig_counter(rig, "tx_frames") - before, n[0] + n[1]);
	rig_settle(rig);
	assert_int_equal(rig_counter(rig, "tx_frames"), 1000);
}

static void statistics_of_what_was_sent(void **state)
{
	const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, multi[6] = {1, 0, 0x5e, 0, 0, 1};
	struct rig *rig = *state;
	uint8_t frame[1514];

	rig_write(rig, IXGBE_TQSM(0), 7); /* queue 0: counter 7 */
	for (unsigned k = 0; k < 3; k++) {
		rig_frame(frame, 1514, k == 0 ? broadcast : k == 1 ? multi : NULL, k);
		rig_send(rig, 0, frame, k ? 60 : 1514);
	}
	rig_settle(rig);
	assert_int_equal(rig_read(rig, IXGBE_BPTC), 1);
	assert_int_equal(rig_read(rig, IXGBE_MPTC), 1);
	assert_int_equal(rig_read(rig, IXGBE_GPTC), 3);
	assert_int_equal(rig_read(rig, IXGBE_TPT), 3);
	assert_int_equal(rig_read(rig, IXGBE_GOTCL), 1518 + 128);
	assert_int_equal(rig_read(rig, IXGBE_PTC64), 2);
	assert_int_equal(rig_read(rig, IXGBE_PTC1522), 1);
	assert_int_equal(rig_read(rig, IXGBE_QPTC_ALIAS(7)), 3);
	assert_int_equal(rig_read(rig, IXGBE_QPTC(7)), 0); /* it was the same counter */
	assert_int_equal(rig_read(rig, IXGBE_QBTCL(7)), 1514 + 120);
}

/* What the chip would not forgive: nothing leaves, it is counted and named, and the queue goes on. */
static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text;
		uint32_t cmd_off, cmd_on, olinfo;
		uint32_t len, paylen;
		uint64_t addr;
	} cases[] = {
		{"PAYLEN", 0, 0, 0, 100, 99, 0},
		{"IFCS", IXGBE_TXD_IFCS, 0, 0, 100, 100, 0},
		{"shorter", 0, 0, 0, 16, 16, 0},
		{"longer", 0, 0, 0, 9729, 9729, 0},
		{"empty", 0, 0, 0, 0, 100, 0},
		{"context 1", 0, 0, IXGBE_TXD_TXSM | 1u << IXGBE_TXD_IDX_SHIFT, 100, 100, 0},
		{"context 3", 0, 0, IXGBE_TXD_TXSM | 3u << IXGBE_TXD_IDX_SHIFT, 100, 100, 0},
		{"0xdead000", 0, 0, 0, 100, 100, 0xdead000},
		{"no data", IXGBE_TXD_DTYP, 5u << 20, 0, 100, 100, 0},
	};
	struct rig *rig = *state;

	for (unsigned k = 0; k < N_OF(cases); k++) {
		uint64_t addr = cases[k].addr ? cases[k].addr : rig_iova(rig, rig_tx_buffer(rig, 0));
		union ixgbe_tx_desc desc = {
			.data = {
				.addr = addr,
				.cmd = cases[k].len | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_EOP | IXGBE_TXD_IFCS |
				       IXGBE_TXD_RS,
				.olinfo = cases[k].paylen << IXGBE_TXD_PAYLEN_SHIFT | cases[k].olinfo,
			}};
		unsigned i;

		desc.data.cmd = (desc.data.cmd & ~cases[k].cmd_off) | cases[k].cmd_on;
		i = rig_put(rig, 0, &desc);
		rig_settle(rig);
		assert_int_equal(rig->n_out, 0);
		assert_int_equal(rig_counter(rig, "driver_errors"), k + 1);
		assert_int_equal(rig_counter(rig, "tx_dropped"), k + 1);
		if (!strstr(ixgbe_model_complaint(rig->dev), cases[k].text))
			fail_msg("\"%s\" is not in \"%s\"", cases[k].text, ixgbe_model_complaint(rig->dev));
		assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "tx queue 0"));
		assert_true(done(rig, 0, i));
	}
	assert_int_equal(rig_counter(rig, "dma_refused"), 1);
}

static void too_many_buffers_are_a_mistake(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[820];
	const struct packet p = {.data = frame, .len = 820, .part = 20}, q = {.data = frame, .len = 800, .part = 20};

	rig_frame(frame, sizeof(frame), NULL, 1);
	put_packet(rig, 0, &p);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 0);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "too many buffers"));
	put_packet(rig, 0, &q);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
}

/* After an unmap the model has no pointer left, and after a map at the same place it sees the new memory. */
static void memory_unmapped_is_refused(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60];

	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	rig->dev->ops->sync(rig->dev, rig->now_ns);
	assert_int_equal(sim_dma_unmap(&rig->dev->dma, RIG_IOVA, RIG_MEMORY), 0);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	assert_int_not_equal(rig_counter(rig, "dma_refused"), 0);
	assert_non_null(strstr(ixgbe_model_complaint(rig->dev), "ring"));
}

static void loopback_comes_back(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[100];

	rig_rx_queue(rig, 0, 16, 2, 0);
	rig_write(rig, IXGBE_HLREG0, rig_read(rig, IXGBE_HLREG0) | IXGBE_HLREG0_LPBK);
	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 0);
	assert_int_equal(rig_rx_ring(rig, 0)[0].wb.len, sizeof(frame));
	assert_memory_equal(rig_rx_buffer(rig, 0, 0), frame, sizeof(frame));
}

static void nothing_leaves_without_link_te_or_in_a_hang(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60];

	rig_frame(frame, sizeof(frame), NULL, 1);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "tx-hang", true), 0);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 0);
	assert_int_equal(rig->dev->ops->fault(rig->dev, "tx-hang", false), 0);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	rig_write(rig, IXGBE_DMATXCTL, 0);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 1);
	rig_write(rig, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 2);
	rig->carrier = false;
	rig_run(rig, 1000000, 10);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_settle(rig);
	assert_int_equal(rig->n_out, 2);
	rig->carrier = true;
	rig_run(rig, 5000000, 50);
	assert_int_equal(rig->n_out, 3);
}

static void reset_forgets_queues(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60];

	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_RST);
	rig_run(rig, 10000, 2);
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_TXDCTL(0)), 0);
	assert_int_equal(rig_peek(rig, (uint32_t)IXGBE_TDLEN(0)), 0);
	rig_poke(rig, (uint32_t)IXGBE_TDT(0), 5);
	rig_settle(rig);
	assert_int_equal(rig->n_out, 0);
}

#define BOTH(test)                                                                                                     \
	{#test "_shared", test, shared_setup, teardown, NULL},                                                         \
	{                                                                                                              \
#test "_trap", test, trap_setup, teardown, NULL                                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(tx_every_size_arrives),
		BOTH(tx_wraps_around_the_ring),
		BOTH(tx_gathers_buffers),
		BOTH(tx_waits_for_the_end_of_a_packet),
		BOTH(checksums_are_filled_in),
		BOTH(checksum_of_udp_is_never_0),
		BOTH(contexts_persist),
		BOTH(segments_are_cut),
		BOTH(vlan_tag_is_inserted),
		BOTH(legacy_descriptor_sends_and_sums),
		BOTH(report_only_where_rs_stands),
		BOTH(report_by_head_write_back),
		BOTH(report_in_runs_of_wthresh),
		BOTH(queues_have_equal_turns),
		BOTH(statistics_of_what_was_sent),
		BOTH(mistakes_are_named),
		BOTH(too_many_buffers_are_a_mistake),
		BOTH(memory_unmapped_is_refused),
		BOTH(loopback_comes_back),
		BOTH(nothing_leaves_without_link_te_or_in_a_hang),
		BOTH(reset_forgets_queues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

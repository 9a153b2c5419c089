// SPDX-License-Identifier: BSD-2-Clause
#include "wire_rig.h"

const uint8_t rig_mac[6] = {0x02, 1, 2, 3, 4, 5};

struct sim_wire_end *rig_plug(struct sim_wires *wires, const char *text)
{
	struct sim_wire_end *end = NULL;
	struct sim_why why;
	struct sim_text t;

	sim_text_parse(&t, text, &why);
	if (sim_wire_plug(wires, &t, rig_mac, &end) || sim_text_finish(&t))
		fail_msg("%s: %s", text, why.text);
	return end;
}

int rig_refused(struct sim_wires *wires, const char *text, const char *part)
{
	struct sim_wire_end *end = NULL;
	struct sim_why why;
	struct sim_text t;
	int err;

	sim_text_parse(&t, text, &why);
	err = sim_wire_plug(wires, &t, rig_mac, &end);
	if (!err) {
		err = sim_text_finish(&t);
		end->ops->unplug(end);
	}
	if (!err)
		fail_msg("\"%s\" was taken", text);
	if (!strstr(why.text, part))
		fail_msg("\"%s\" is not in the sentence \"%s\"", part, why.text);
	return err;
}

void rig_unplug(struct sim_wire_end *end)
{
	end->ops->unplug(end);
}

unsigned rig_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	return end->ops->receive(end, frames, n, now_ns);
}

void rig_make(uint8_t *data, uint32_t len, uint32_t number)
{
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(number >> 8 * (i % 4)) ^ (uint8_t)(i / 4);
}

void rig_send(struct sim_wire_end *end, uint32_t len, uint32_t number, uint64_t now_ns)
{
	uint8_t data[SIM_FRAME_MAX];
	struct sim_frame frame = {.data = data, .len = len};

	rig_make(data, len, number);
	end->ops->send(end, &frame, 1, now_ns);
	/* The data belong to the port again. */
	memset(data, 0xee, len);
}

uint32_t rig_number(const struct sim_frame *frame)
{
	uint8_t data[SIM_FRAME_MAX];
	uint32_t number = 0;

	for (unsigned i = 0; i < 4; i++)
		number |= (uint32_t)frame->data[i] << 8 * i;
	rig_make(data, frame->len, number);
	assert_memory_equal(data, frame->data, frame->len);
	return number;
}

uint64_t rig_counter(struct sim_wire_end *end, const char *name)
{
	struct sim_counter counters[64];
	unsigned n = end->ops->counters(end, counters, N_OF(counters));

	assert_true(n <= N_OF(counters));
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(counters[i].name, name))
			return counters[i].value;
	}
	fail_msg("there is no counter \"%s\"", name);
	return 0;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* RFC 1071, as simple as it is written there. */
static uint32_t ones_sum(uint32_t sum, const uint8_t *p, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

enum rig_fault rig_dissect(const struct sim_frame *frame, struct rig_packet *ret)
{
	const uint8_t *p = frame->data, *ip, *udp;
	uint32_t udp_len, l4;

	*ret = (struct rig_packet){.l2_len = 14};
	if (get16(p + 12) == 0x8100) {
		ret->vlan = (uint16_t)get16(p + 14);
		ret->l2_len = 18;
	}
	ip = p + ret->l2_len;
	udp = ip + 20;
	udp_len = get16(udp + 4);
	if (get16(ip - 2) != 0x0800 || ip[0] != 0x45 || ip[9] != 17 || get16(ip + 2) + ret->l2_len != frame->len ||
	    udp_len + 20 != get16(ip + 2) || get32(udp + 8) != 0x76697265)
		return RIG_NONSENSE;
	ret->src_ip = get32(ip + 12);
	ret->src_port = (uint16_t)get16(udp);
	ret->stream = (uint16_t)get16(udp + 12);
	ret->seq = get32(udp + 14);
	ret->time_ns = (uint64_t)get32(udp + 18) << 32 | get32(udp + 22);
	for (unsigned i = 26; i < udp_len; i++) {
		if (udp[i] != (uint8_t)(i - 26))
			return RIG_NONSENSE;
	}
	l4 = ones_sum(ones_sum(17 + udp_len, ip + 12, 8), udp, udp_len);
	if (memcmp(p, rig_mac, 6) != 0)
		return RIG_FOREIGN;
	if (ones_sum(0, ip, 20) != 0xffff)
		return l4 == 0xffff ? RIG_BAD_IP : RIG_NONSENSE;
	return l4 == 0xffff && get16(udp + 6) ? RIG_GOOD : RIG_BAD_L4;
}

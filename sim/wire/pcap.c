// SPDX-License-Identifier: BSD-2-Clause
/* Files in the form of libpcap: frames that arrive come from one, frames that leave are written into another. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#ifdef SIM_HAVE_PCAP
#include <pcap/pcap.h>

#define FLUSH_NS 100000000u

struct pcap_frame {
	size_t at;
	uint64_t offset_ns; /* after the first */
	uint32_t len;
};

struct pcap_wire {
	struct sim_wire_end base;

	/* What arrives: all of the file, in memory. */
	struct pcap_frame *frames;
	uint8_t *data;
	size_t n_frames, room_frames, data_len, room_data;
	uint64_t first_ns, period_ns; /* of the time stamps; from the first frame of a turn to that of the next */
	size_t next;
	uint64_t turn, n_turns;
	bool by_time, started;
	uint64_t start_ns;
	struct wire_pace pace;
	struct wire_count in;

	/* What leaves. */
	pcap_t *out_form;
	pcap_dumper_t *out_file;
	uint64_t flush_ns;
	bool dirty;
	struct wire_count out;
};

static struct pcap_wire *pcap_wire(struct sim_wire_end *end)
{
	return (struct pcap_wire *)end;
}

static bool due(struct pcap_wire *p, uint64_t now_ns)
{
	const struct pcap_frame *f = &p->frames[p->next];

	if (p->pace.rate.per_second > 0)
		return wire_pace_due(&p->pace, now_ns);
	if (!p->by_time)
		return true;
	if (!p->started) {
		p->started = true;
		p->start_ns = now_ns;
	}
	return p->start_ns + p->turn * p->period_ns + f->offset_ns <= now_ns;
}

static void flush(struct pcap_wire *p, uint64_t now_ns)
{
	if (!p->dirty || now_ns < p->flush_ns)
		return;
	pcap_dump_flush(p->out_file);
	p->dirty = false;
	p->flush_ns = now_ns + FLUSH_NS;
}

static unsigned pcap_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct pcap_wire *p = pcap_wire(end);
	unsigned i;

	flush(p, now_ns);
	for (i = 0; i < n && i < WIRE_BURST && p->n_frames && p->turn < p->n_turns && due(p, now_ns); i++) {
		const struct pcap_frame *f = &p->frames[p->next];

		frames[i] = (struct sim_frame){.data = p->data + f->at, .len = f->len};
		wire_count(&p->in, f->len);
		if (p->pace.rate.per_second > 0)
			wire_pace_next(&p->pace, f->len);
		if (++p->next == p->n_frames) {
			p->next = 0;
			p->turn++;
		}
	}
	return i;
}

static void pcap_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct pcap_wire *p = pcap_wire(end);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned i = 0; i < n; i++) {
		/* The file has nanoseconds where the struct says microseconds. */
		struct pcap_pkthdr hdr = {
			.ts = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec},
			.caplen = frames[i].len,
			.len = frames[i].len,
		};

		wire_count(&p->out, frames[i].len);
		if (p->out_file)
			pcap_dump((u_char *)p->out_file, &hdr, frames[i].data);
	}
	p->dirty |= p->out_file && n;
	flush(p, now_ns);
}

static void pcap_unplug(struct sim_wire_end *end)
{
	struct pcap_wire *p = pcap_wire(end);

	if (p->out_file)
		pcap_dump_close(p->out_file);
	if (p->out_form)
		pcap_close(p->out_form);
	free(p->frames);
	free(p->data);
	free(p);
}

static unsigned pcap_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct pcap_wire *p = pcap_wire(end);
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "in", &p->in);
	wire_counter(&c, "in_late", p->pace.late);
	wire_counter_pair(&c, "out", &p->out);
	return c.n;
}

static const struct sim_wire_ops pcap_wire_ops = {
	.name = "pcap",
	.receive = pcap_receive,
	.send = pcap_send,
	.carrier = wire_carrier_on,
	.set_laser = wire_laser_ignored,
	.unplug = pcap_unplug,
	.counters = pcap_counters,
};

/* Room for @need items of @size bytes in all; doubles, so that appending stays cheap. */
static bool grow(void **array, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 1024;
	void *p;

	if (need <= *room)
		return true;
	while (n < need)
		n *= 2;
	p = reallocarray(*array, n, size);
	if (!p)
		return false;
	*array = p;
	*room = n;
	return true;
}

static bool append(struct pcap_wire *p, const struct pcap_pkthdr *hdr, const uint8_t *bytes)
{
	uint32_t len = hdr->caplen < FRAME_MIN ? FRAME_MIN : hdr->caplen;
	uint64_t ns = (uint64_t)hdr->ts.tv_sec * 1000000000u + (uint64_t)hdr->ts.tv_usec, last = 0;
	struct pcap_frame *f;

	if (!grow((void **)&p->frames, &p->room_frames, p->n_frames + 1, sizeof(*f)) ||
	    !grow((void **)&p->data, &p->room_data, p->data_len + len, 1))
		return false;
	if (!p->n_frames)
		p->first_ns = ns;
	else
		last = p->frames[p->n_frames - 1].offset_ns;
	f = &p->frames[p->n_frames++];
	/* Stamps that go back in time mean "at once". */
	f->offset_ns = ns >= p->first_ns + last ? ns - p->first_ns : last;
	f->at = p->data_len;
	f->len = len;
	memcpy(p->data + f->at, bytes, hdr->caplen);
	memset(p->data + f->at + hdr->caplen, 0, len - hdr->caplen);
	p->data_len += len;
	return true;
}

static void load_frames(struct sim_text *t, struct pcap_wire *p, pcap_t *in, const char *path)
{
	struct pcap_pkthdr *hdr;
	const uint8_t *bytes;
	int got;

	if (pcap_datalink(in) != DLT_EN10MB) {
		sim_text_fail(t, -EINVAL, "in=%.120s: it holds %s, not Ethernet frames", path,
			      pcap_datalink_val_to_description_or_dlt(pcap_datalink(in)));
		return;
	}
	while ((got = pcap_next_ex(in, &hdr, &bytes)) == 1) {
		if (hdr->caplen > SIM_FRAME_MAX) {
			sim_text_fail(t, -EINVAL, "in=%.120s: frame %zu has %u bytes; no more than %u fit on a wire",
				      path, p->n_frames + 1, hdr->caplen, SIM_FRAME_MAX);
			return;
		}
		if (!append(p, hdr, bytes)) {
			sim_text_fail(t, -ENOMEM, "in=%.120s does not fit into memory", path);
			return;
		}
	}
	if (got == PCAP_ERROR)
		sim_text_fail(t, -EINVAL, "in=%.120s: %.120s", path, pcap_geterr(in));
	else if (!p->n_frames)
		sim_text_fail(t, -EINVAL, "in=%.120s holds no frames", path);
}

static void load(struct sim_text *t, struct pcap_wire *p, const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	uint64_t length;
	pcap_t *in;

	if (!path || t->err)
		return;
	in = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!in) {
		/* libpcap's sentences begin with the path. */
		sim_text_fail(t, -EINVAL, "in=%.60s: %.200s", path, why);
		return;
	}
	load_frames(t, p, in, path);
	pcap_close(in);
	if (t->err)
		return;
	length = p->frames[p->n_frames - 1].offset_ns;
	p->period_ns = length + (p->n_frames > 1 ? length / (p->n_frames - 1) : 0);
}

static void create_out(struct sim_text *t, struct pcap_wire *p, const char *path)
{
	if (!path || t->err)
		return;
	p->out_form = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SIM_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	if (p->out_form)
		p->out_file = pcap_dump_open(p->out_form, path);
	if (!p->out_form)
		sim_text_fail(t, -ENOMEM, "no memory for a wire");
	else if (!p->out_file)
		sim_text_fail(t, -EINVAL, "out=%.60s: %.200s", path, pcap_geterr(p->out_form));
}

struct sim_wire_end *wire_pcap_plug(struct sim_text *t)
{
	struct pcap_wire *p = calloc(1, sizeof(*p));
	const char *in, *out;
	bool loop, fast;

	if (!p)
		return NULL;
	p->base.ops = &pcap_wire_ops;
	p->n_turns = 1;
	in = sim_text_value(t, "in");
	out = sim_text_value(t, "out");
	fast = sim_text_flag(t, "fast");
	loop = sim_text_flag(t, "loop");
	if (loop)
		p->n_turns = UINT64_MAX;
	sim_text_rate(t, "rate", &p->pace.rate);
	if (!in && !out)
		sim_text_fail(t, -EINVAL, "pcap needs a file: pcap,in=FILE or pcap,out=FILE, or both");
	if (!in && (fast || loop || p->pace.rate.per_second > 0))
		sim_text_fail(t, -EINVAL, "pcap: loop, fast and rate= are about in=FILE, which is missing");
	if (fast && p->pace.rate.per_second > 0)
		sim_text_fail(t, -EINVAL, "pcap: either fast or rate=, not both");
	p->by_time = !fast && p->pace.rate.per_second <= 0;
	p->base.waits = fast;
	load(t, p, in);
	if (!t->err && loop && p->by_time && !p->period_ns)
		sim_text_fail(t, -EINVAL, "in=%.120s: all frames have the same time; for a loop say fast or rate=", in);
	create_out(t, p, out);
	if (t->err) {
		pcap_unplug(&p->base);
		return NULL;
	}
	return &p->base;
}

#else

struct sim_wire_end *wire_pcap_plug(struct sim_text *t)
{
	sim_text_fail(t, -EOPNOTSUPP, "pcap: this was built without libpcap");
	return NULL;
}

#endif

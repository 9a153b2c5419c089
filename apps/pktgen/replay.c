// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "frame.h"
#include "replay.h"

struct loader {
	struct replay r;
	size_t room_frames, room_data;
	uint64_t first_ns;
};

/* Make room for @need items of @size bytes in all; doubles, so that appending stays cheap. */
static int grow(void **array, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 1024;
	void *p;

	if (need <= *room)
		return 0;
	while (n < need)
		n *= 2;
	p = reallocarray(*array, n, size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = n;
	return 0;
}

static int append(struct loader *l, const struct pcap_pkthdr *hdr, const uint8_t *bytes)
{
	uint32_t len = hdr->caplen < FRAME_MIN ? FRAME_MIN : hdr->caplen;
	/* With nanosecond precision tv_usec holds nanoseconds. */
	uint64_t ns = (uint64_t)hdr->ts.tv_sec * 1000000000u + (uint64_t)hdr->ts.tv_usec, last = 0;
	struct replay_frame *f;

	if (grow((void **)&l->r.frames, &l->room_frames, l->r.n_frames + 1, sizeof(*f)) ||
	    grow((void **)&l->r.data, &l->room_data, l->r.data_len + len, 1))
		return -ENOMEM;
	if (!l->r.n_frames)
		l->first_ns = ns;
	else
		last = l->r.frames[l->r.n_frames - 1].offset_ns;
	f = &l->r.frames[l->r.n_frames++];
	f->offset_ns = ns >= l->first_ns + last ? ns - l->first_ns : last;
	f->at = l->r.data_len;
	f->len = len;
	memcpy(l->r.data + f->at, bytes, hdr->caplen);
	memset(l->r.data + f->at + hdr->caplen, 0, len - hdr->caplen);
	l->r.data_len += len;
	l->r.n_cut += hdr->caplen < hdr->len;
	if (len > l->r.max_len)
		l->r.max_len = len;
	return 0;
}

static int load_frames(struct loader *l, pcap_t *pcap, const char *path)
{
	struct pcap_pkthdr *hdr;
	const uint8_t *bytes;
	int got;

	while ((got = pcap_next_ex(pcap, &hdr, &bytes)) == 1) {
		if (hdr->caplen > FRAME_MAX)
			return vireo_error(-EBADF, "%s: frame %zu has %u bytes; no more than %u can be sent", path,
					   l->r.n_frames + 1, hdr->caplen, FRAME_MAX);
		if (append(l, hdr, bytes))
			return vireo_error(-EFBIG, "%s does not fit into memory", path);
	}
	if (got == PCAP_ERROR)
		return vireo_error(-EBADF, "%s: %s", path, pcap_geterr(pcap));
	if (!l->r.n_frames)
		return vireo_error(-EBADF, "%s holds no frames", path);
	return 0;
}

int replay_load(const char *path, struct replay *ret_replay)
{
	char why[PCAP_ERRBUF_SIZE];
	struct loader l = {0};
	uint64_t length;
	pcap_t *pcap;
	int err;

	pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap)
		return vireo_error(-EBADF, "cannot replay %s: %s", path, why);
	if (pcap_datalink(pcap) != DLT_EN10MB)
		err = vireo_error(-EBADF, "cannot replay %s: it holds %s, not Ethernet frames", path,
				  pcap_datalink_val_to_description_or_dlt(pcap_datalink(pcap)));
	else
		err = load_frames(&l, pcap, path);
	pcap_close(pcap);
	if (err) {
		replay_free(&l.r);
		return err;
	}
	length = l.r.frames[l.r.n_frames - 1].offset_ns;
	l.r.period_ns = length + (l.r.n_frames > 1 ? length / (l.r.n_frames - 1) : 0);
	*ret_replay = l.r;
	return 0;
}

void replay_free(struct replay *replay)
{
	free(replay->frames);
	free(replay->data);
	memset(replay, 0, sizeof(*replay));
}

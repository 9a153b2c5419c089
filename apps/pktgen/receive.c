// SPDX-License-Identifier: BSD-2-Clause
/* The receiving side: take what comes, look at it if asked to, give the buffers back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "pktgen.h"

#define WHOLE_MAX (UINT16_MAX + 1u)

/* A frame in several elements is put together before it is looked at. Returns NULL as long as more is to come. */
static const uint8_t *collect(struct receiver *r, const struct vireo_pkt *pkt, unsigned *ret_len)
{
	bool more = pkt->flags & VIREO_PKT_MORE;
	unsigned len = pkt->len;

	if (!more && !r->whole_len) {
		*ret_len = pkt->len;
		return vireo_pkt_data(pkt);
	}
	if (len > WHOLE_MAX - r->whole_len)
		len = WHOLE_MAX - r->whole_len;
	memcpy(r->whole + r->whole_len, vireo_pkt_data(pkt), len);
	r->whole_len += len;
	if (more)
		return NULL;
	*ret_len = r->whole_len;
	r->whole_len = 0;
	return r->whole;
}

static void verify_burst(struct receiver *r, unsigned n)
{
	uint64_t now_ns = clock_ns(), foreign = r->verify->counts.foreign;
	uint64_t n_packets = 0;
	unsigned len;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *frame = collect(r, &r->pkts[i], &len);

		if (!frame)
			continue;
		verify_frame(r->verify, frame, len, now_ns);
		n_packets++;
	}
	if (r->verify->counts.foreign - foreign < n_packets)
		r->last_ns = now_ns;
}

bool receiver_pass(struct receiver *r)
{
	unsigned n = vireo_rx_burst(r->q, r->pkts, r->burst);

	if (!n)
		return false;
	if (r->verify)
		verify_burst(r, n);
	else
		r->last_ns = clock_ns();
	vireo_pkt_free(r->pkts, n);
	return true;
}

int receiver_open(struct receiver *r, struct app_port *port, unsigned queue, struct verify *verify)
{
	unsigned segs;

	r->q = vireo_port_rxq(port->port, queue);
	segs = vireo_rxq_max_segs(r->q);
	r->burst = segs > 32 ? segs : 32;
	if (!verify)
		return 0;
	r->verify = verify;
	r->whole = malloc(WHOLE_MAX);
	return r->whole ? 0 : vireo_error(-ENOMEM, "no memory to verify packets");
}

void receiver_close(struct receiver *r)
{
	free(r->whole);
	r->whole = NULL;
}

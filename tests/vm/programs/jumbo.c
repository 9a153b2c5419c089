// SPDX-License-Identifier: BSD-2-Clause
/*
 * Receive large packets into buffers of BUF_SIZE bytes with bursts of BURST elements, until COUNT have come or been dropped.
 * Prints one line "whole=N short=N elements=N". PORT BUF_SIZE BURST COUNT FRAME_LEN
 */
#include "program.h"

struct tally {
	unsigned long whole, dropped, most, wrong;
};

/* One burst: packets must begin and end inside it. */
static void look(struct tally *t, const struct vireo_pkt *pkts, unsigned n, unsigned frame_len)
{
	unsigned len = 0, elements = 0;

	for (unsigned i = 0; i < n; i++) {
		len += pkts[i].len;
		elements++;
		if (pkts[i].flags & VIREO_PKT_MORE)
			continue;
		if (len == frame_len)
			t->whole++;
		else if (len > 1000)
			t->wrong++; /* small ones are the neighbours' talk */
		if (elements > t->most && len == frame_len)
			t->most = elements;
		len = elements = 0;
	}
	if (elements)
		t->wrong++;
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = { .mtu = 9000, .promiscuous = true };
	struct vireo_pool_config pool_cfg = { .name = "jumbo", .n_bufs = 4096, .no_cache = 1 };
	struct vireo_pkt pkts[VIREO_MAX_SEGS];
	struct vireo_stats stats;
	struct vireo_port *port;
	struct vireo_rxq *rxq;
	struct tally t = { 0 };
	unsigned burst, frame_len;
	unsigned long count;
	uint64_t end;

	if (argc != 6)
		return 2;
	pool_cfg.buf_size = (uint32_t)atoi(argv[2]);
	burst = (unsigned)atoi(argv[3]);
	count = (unsigned long)atol(argv[4]);
	frame_len = (unsigned)atoi(argv[5]);
	if (pool_cfg.buf_size)
		expect_ok(vireo_pool_create(&pool_cfg, &cfg.rx_pool), "pool");
	port = port_up(argv[1], &cfg);
	rxq = vireo_port_rxq(port, 0);
	printf("a packet has up to %u elements, a burst %u\n", vireo_rxq_max_segs(rxq), burst);
	printf("ready\n");
	fflush(stdout);

	end = now_ms() + 60000;
	do {
		unsigned n = vireo_rx_burst(rxq, pkts, burst);

		look(&t, pkts, n, frame_len);
		vireo_pkt_free(pkts, n);
		vireo_rxq_stats(rxq, &stats);
		t.dropped = stats.drops[VIREO_DROP_RX_BURST_SHORT];
	} while (t.whole + t.dropped < count && !t.wrong && now_ms() < end);

	printf("whole=%lu short=%lu elements=%lu\n", t.whole, t.dropped, t.most);
	expect(!t.wrong, "no packet was split or cut");
	expect_ok(vireo_port_stop(port), "stop");
	vireo_port_close(port);
	if (cfg.rx_pool)
		expect(pool_free(cfg.rx_pool) == pool_cfg.n_bufs, "no buffer is lost");
	expect_ok(cfg.rx_pool ? vireo_pool_destroy(cfg.rx_pool) : 0, "destroy the pool");
	return 0;
}

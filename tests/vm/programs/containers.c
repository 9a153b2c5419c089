// SPDX-License-Identifier: BSD-2-Clause
/*
 * A forwarder between two ports in different IOMMU containers, while pools, and with them arenas, come and go under load.
 * Each new pool's buffers are sent through both ports at once. PORT PORT; ends at SIGTERM, after 8 pools or more.
 */
#include <pthread.h>

#include "program.h"

#define BURST 32

struct forwarder {
	struct vireo_rxq *rxq[2];
	struct vireo_txq *txq[2];
	struct vireo_ring *extra; /* packets of new pools, for both ports */
	volatile bool finish;
	uint64_t forwarded, extras;
};

static void send_all(struct vireo_txq *txq, struct vireo_pkt *pkts, unsigned n)
{
	for (unsigned sent = 0; sent < n;)
		sent += vireo_tx_burst(txq, pkts + sent, n - sent);
}

static void *forward(void *arg)
{
	struct forwarder *f = arg;
	struct vireo_pkt pkts[BURST];
	unsigned n;

	while (!__atomic_load_n(&f->finish, __ATOMIC_ACQUIRE)) {
		for (unsigned from = 0; from < 2; from++) {
			n = vireo_rx_burst(f->rxq[from], pkts, BURST);
			send_all(f->txq[!from], pkts, n);
			f->forwarded += n;
			vireo_txq_reclaim(f->txq[from]);
		}
		n = vireo_ring_get(f->extra, pkts, BURST);
		for (unsigned i = 0; i < n; i++)
			expect_ok(vireo_pkt_share(&pkts[i], 2), "share");
		send_all(f->txq[0], pkts, n);
		send_all(f->txq[1], pkts, n);
		f->extras += n;
	}
	return NULL;
}

/* How many IOMMU containers this process has open. */
static unsigned n_containers(void)
{
	char path[64], target[64];
	unsigned found = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len > 0) {
			target[len] = '\0';
			found += !strcmp(target, "/dev/vfio/vfio") || !strcmp(target, "/dev/kvfio/kvfio");
		}
	}
	return found;
}

static void new_pool(struct forwarder *f, uint32_t number)
{
	struct vireo_pool_config cfg = { .n_bufs = 4000 + 500 * (number % 4), .no_cache = 1 };
	struct vireo_pkt pkts[64];
	struct vireo_pool *pool;
	uint64_t end = now_ms() + 30000;
	int err;

	expect_ok(vireo_pool_create(&cfg, &pool), "a new pool under load");
	/* The last buffers taken lie in the pool's last pages. */
	expect(vireo_pool_alloc(pool, pkts, 64) == 64, "pool %u: 64 buffers", number);
	for (unsigned i = 0; i < 64; i++)
		lab_frame(&pkts[i], 200, number);
	for (unsigned put = 0; put < 64;)
		put += vireo_ring_put(f->extra, pkts + put, 64 - put);
	do {
		err = vireo_pool_destroy(pool);
	} while (err && now_ms() < end);
	expect_ok(err, "destroy the pool once its packets have left");
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = { .promiscuous = true };
	struct forwarder f = { 0 };
	struct vireo_port *ports[2];
	char spec[128];
	pthread_t thread;
	uint32_t n_pools = 0;

	if (argc != 3)
		return 2;
	signal(SIGTERM, stop_on_signal);
	expect_ok(vireo_ring_create(256, 0, &f.extra), "ring");
	for (unsigned i = 0; i < 2; i++) {
		snprintf(spec, sizeof(spec), "%s,container=%s", argv[1 + i], i ? "two" : "one");
		ports[i] = port_up(spec, &cfg);
		f.rxq[i] = vireo_port_rxq(ports[i], 0);
		f.txq[i] = vireo_port_txq(ports[i], 0);
	}
	expect(n_containers() == 2, "two containers");
	printf("ready\n");
	fflush(stdout);
	expect(pthread_create(&thread, NULL, forward, &f) == 0, "a forwarding thread");

	while (!stopping || n_pools < 8)
		new_pool(&f, n_pools++);

	__atomic_store_n(&f.finish, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	printf("pools=%u extras=%llu forwarded=%llu\n", n_pools, (unsigned long long)f.extras, (unsigned long long)f.forwarded);
	expect(f.extras == 64ull * n_pools, "every packet of every new pool left through both ports");
	for (unsigned i = 0; i < 2; i++) {
		expect_ok(vireo_port_stop(ports[i]), "stop");
		vireo_port_close(ports[i]);
	}
	vireo_ring_destroy(f.extra);
	return 0;
}

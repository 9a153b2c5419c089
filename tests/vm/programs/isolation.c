// SPDX-License-Identifier: BSD-2-Clause
/*
 * Descriptors that point where the device must not reach: to the physical address of a page of ours that was never mapped
 * for it, so that without an IOMMU the device would read and write that page. Reaches into the driver's rings, because
 * the library gives no way to do this, and runs as root, because only root is told physical addresses. PORT
 */
#include <fcntl.h>
#include <errno.h>
#include <sys/mman.h>

#include "program.h"
#include "virtio.h"

#define CANARY     "this page belongs to nobody but us: "
#define N_BAD_RX   4
#define N_AFTER    20

static char *canary;
static uint64_t canary_pa;

/* Documentation/admin-guide/mm/pagemap.rst: 64 bits per page, the frame number in bits 0-54. */
static void make_canary(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t entry = 0;
	int fd;

	canary = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	expect(canary != MAP_FAILED, "a page");
	for (size_t i = 0; i + sizeof(CANARY) <= page; i += sizeof(CANARY))
		memcpy(canary + i, CANARY, sizeof(CANARY));
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	expect(pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)canary / page * sizeof(entry))) == sizeof(entry),
	       "its page table entry");
	close(fd);
	canary_pa = (entry & ((UINT64_C(1) << 55) - 1)) * page;
	expect(canary_pa != 0, "the page lies at physical address %#llx", (unsigned long long)canary_pa);
}

static void canary_is_whole(const char *when)
{
	bool whole = true;

	for (size_t i = 0; i + sizeof(CANARY) <= 4096; i += sizeof(CANARY))
		whole &= !memcmp(canary + i, CANARY, sizeof(CANARY));
	expect(whole, "the page is unchanged %s", when);
}

/* What the device made of it. If it gave up, the port must say so and recover. */
static void settle(struct vireo_port *port, const char *what)
{
	uint64_t end = now_ms() + 1500;
	int events;

	do {
		events = vireo_port_poll(port);
		usleep(10000);
	} while (events >= 0 && now_ms() < end);
	if (events >= 0) {
		printf("%s: the device went on as if nothing had happened\n", what);
		return;
	}
	expect(events == -EIO, "%s: the device gave up and the port says so", what);
	expect_ok(vireo_port_stop(port), "stop");
	expect_ok(vireo_port_start(port), "start again");
	printf("%s: stopped and started again\n", what);
}

static void send_good(struct vireo_pool *pool, struct vireo_txq *txq, unsigned n)
{
	struct vireo_pkt pkt;

	for (unsigned i = 0; i < n; i++) {
		expect_ok(vireo_pool_alloc(pool, &pkt, 1) == 1 ? 0 : -ENOBUFS, "a buffer");
		lab_frame(&pkt, 100, i);
		expect_ok(vireo_tx_burst(txq, &pkt, 1) == 1 ? 0 : -EAGAIN, "send");
		vireo_txq_reclaim(txq);
	}
}

/* The driver is told that the device is awake, so it does not wake it before the descriptor is spoilt. */
static void send_bad(struct vireo_port *port, struct vireo_pool *pool)
{
	struct virtio_txq *q = (struct virtio_txq *)vireo_port_txq_head(port, 0);
	struct vireo_pkt pkt;
	uint16_t id;

	expect(pool_whole(pool, (struct vireo_txq *[]){ &q->head.pub }, 1), "everything before has left");
	io_store_relaxed(&q->vq.used->flags, VIRTQ_USED_F_NO_NOTIFY);
	expect(vireo_pool_alloc(pool, &pkt, 1) == 1, "a buffer");
	lab_frame(&pkt, 100, 0xbad);
	expect(vireo_tx_burst(&q->head.pub, &pkt, 1) == 1, "a packet in the ring");
	id = q->vq.avail->ring[(uint16_t)(q->vq.avail_idx - 1) & q->vq.mask];
	q->vq.desc[id].iova = canary_pa;
	io_store_relaxed(&q->vq.used->flags, 0);
	io_write16(&q->kick, 0, VIRTIO_NET_TXQ(0));
}

static void test_tx(struct vireo_port *port, struct vireo_pool *pool)
{
	struct vireo_txq *txq = vireo_port_txq(port, 0);

	send_good(pool, txq, N_AFTER);
	send_bad(port, pool);
	settle(port, "transmit");
	send_good(pool, txq, N_AFTER);
	expect(pool_whole(pool, &txq, 1), "every buffer came back");
	canary_is_whole("after transmit");
}

/* Ethernet type 0x0800 from a card of the test machine. */
static bool is_neighbours(const struct vireo_pkt *pkt)
{
	const uint8_t *data = vireo_pkt_data(pkt);

	return pkt->len >= 60 && !memcmp(data + 6, "\x52\x54\x00\x00\x00\x10\x08\x00", 8);
}

static void test_rx(struct vireo_port *port)
{
	struct virtio_rxq *q = (struct virtio_rxq *)vireo_port_rxq_head(port, 0);
	struct vireo_pkt pkts[32];
	unsigned good = 0, n;
	uint64_t end;

	/* The device takes them in the order in which they were offered. */
	for (unsigned i = 0; i < N_BAD_RX; i++)
		q->vq.desc[q->vq.avail->ring[(uint16_t)(q->vq.used_idx + i) & q->vq.mask]].iova = canary_pa;
	printf("ready\n");
	fflush(stdout);
	settle(port, "receive");
	printf("settled\n");
	fflush(stdout);

	end = now_ms() + 45000;
	while (good < N_AFTER && now_ms() < end) {
		n = vireo_rx_burst(&q->head.pub, pkts, 32);
		for (unsigned i = 0; i < n; i++)
			good += is_neighbours(&pkts[i]);
		vireo_pkt_free(pkts, n);
	}
	expect(good >= N_AFTER, "%u later packets were received as they were sent", good);
	canary_is_whole("after receive");
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = { .promiscuous = true };
	struct vireo_pool_config pool_cfg = { .name = "isolation", .n_bufs = 512, .no_cache = 1 };
	struct vireo_pool *pool;
	struct vireo_port *port;

	if (argc != 2)
		return 2;
	make_canary();
	expect_ok(vireo_pool_create(&pool_cfg, &pool), "pool");
	port = port_up(argv[1], &cfg);
	test_tx(port, pool);
	test_rx(port);
	expect_ok(vireo_port_stop(port), "stop");
	vireo_port_close(port);
	expect_ok(vireo_pool_destroy(pool), "destroy the pool");
	return 0;
}

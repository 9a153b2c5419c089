// SPDX-License-Identifier: BSD-2-Clause
/*
 * A learning switch with four ports and two threads. Each thread has two ports to itself; what is to leave through a
 * port of the other goes there through a ring. Packets to nobody known leave through all ports: three references to one
 * buffer, no copy.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/vireo.h>

#define N_PORTS	  4
#define N_THREADS 2
#define BURST	  VIREO_MAX_SEGS
#define TABLE	  4096

static atomic_bool stop;
static struct vireo_port *ports[N_PORTS];
/* Where addresses live: the address in the upper 48 bits, port plus one below; two threads read and write. */
static uint64_t table[TABLE];

static struct thread {
	unsigned idx;
	struct vireo_ring *inbox; /* packets from the other thread, .port says where to */
	struct outbox {
		unsigned n;
		struct vireo_pkt pkts[2 * BURST];
	} out[N_PORTS];
} threads[N_THREADS];

static void on_signal(int sig)
{
	(void)sig;
	stop = true;
}

static uint64_t address(const uint8_t *mac)
{
	uint64_t a = 0;

	for (int i = 0; i < VIREO_MAC_LEN; i++)
		a = a << 8 | mac[i];
	return a << 16;
}

static uint64_t *slot(uint64_t addr)
{
	return &table[(addr * 0x9e3779b97f4a7c15) >> 52];
}

static void flush(struct thread *t, unsigned port)
{
	struct outbox *out = &t->out[port];
	struct thread *owner = &threads[port % N_THREADS];
	unsigned sent;

	if (!out->n)
		return;
	for (unsigned i = 0; i < out->n; i++)
		out->pkts[i].port = (uint16_t)port;
	sent = owner == t ? vireo_tx_burst(vireo_port_txq(ports[port], 0), out->pkts, out->n)
			  : vireo_ring_put(owner->inbox, out->pkts, out->n);
	vireo_pkt_free(out->pkts + sent, out->n - sent);
	out->n = 0;
}

static void send_to(struct thread *t, unsigned port, const struct vireo_pkt *pkts, unsigned n)
{
	struct outbox *out = &t->out[port];

	if (out->n + n > sizeof(out->pkts) / sizeof(out->pkts[0]))
		flush(t, port);
	memcpy(out->pkts + out->n, pkts, n * sizeof(*pkts));
	out->n += n;
}

static void flood(struct thread *t, unsigned from, struct vireo_pkt *pkts, unsigned n)
{
	if (vireo_pkt_share(pkts, N_PORTS - 1)) {
		vireo_pkt_free(pkts, n);
		return;
	}
	for (unsigned port = 0; port < N_PORTS; port++)
		if (port != from)
			send_to(t, port, pkts, n);
}

static void switch_packet(struct thread *t, unsigned from, struct vireo_pkt *pkts, unsigned n)
{
	const uint8_t *frame = vireo_pkt_data(pkts);
	uint64_t dst, src, found;

	if (pkts->len < 2 * VIREO_MAC_LEN) {
		vireo_pkt_free(pkts, n);
		return;
	}
	dst = address(frame);
	src = address(frame + VIREO_MAC_LEN);
	if (!(frame[VIREO_MAC_LEN] & 1))
		__atomic_store_n(slot(src), src | (from + 1), __ATOMIC_RELAXED);
	found = __atomic_load_n(slot(dst), __ATOMIC_RELAXED);
	if (frame[0] & 1 || found >> 16 != dst >> 16 || !(found & 0xff))
		flood(t, from, pkts, n);
	else if ((found & 0xff) - 1 != from)
		send_to(t, (found & 0xff) - 1, pkts, n);
	else
		vireo_pkt_free(pkts, n); /* the receiver has it already */
}

static unsigned packet_len(const struct vireo_pkt *pkts)
{
	unsigned n = 1;

	while (pkts[n - 1].flags & VIREO_PKT_MORE)
		n++;
	return n;
}

static void *run(void *arg)
{
	struct thread *t = arg;
	struct vireo_pkt pkts[BURST];

	while (!stop) {
		for (unsigned port = t->idx; port < N_PORTS; port += N_THREADS) {
			unsigned n = vireo_rx_burst(vireo_port_rxq(ports[port], 0), pkts, BURST);

			for (unsigned i = 0, len; i < n; i += len) {
				len = packet_len(&pkts[i]);
				switch_packet(t, port, &pkts[i], len);
			}
		}
		for (unsigned i = 0, len, n = vireo_ring_get(t->inbox, pkts, BURST); i < n; i += len) {
			len = packet_len(&pkts[i]);
			send_to(t, pkts[i].port, &pkts[i], len);
		}
		for (unsigned port = 0; port < N_PORTS; port++)
			flush(t, port);
	}
	return NULL;
}

static int fail(void)
{
	fprintf(stderr, "switch: %s\n", vireo_last_error());
	return 1;
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = {.promiscuous = true};
	pthread_t other;

	if (argc != 1 + N_PORTS) {
		fprintf(stderr, "Usage: switch PORT PORT PORT PORT\n");
		return 2;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (unsigned i = 0; i < N_PORTS; i++)
		if (vireo_port_open(argv[1 + i], &cfg, &ports[i]) || vireo_port_start(ports[i]))
			return fail();
	for (unsigned i = 0; i < N_THREADS; i++) {
		threads[i].idx = i;
		if (vireo_ring_create(1024, 0, &threads[i].inbox))
			return fail();
	}
	if (pthread_create(&other, NULL, run, &threads[1]))
		return fail();
	run(&threads[0]);
	pthread_join(other, NULL);
	for (unsigned i = 0; i < N_THREADS; i++)
		vireo_ring_destroy(threads[i].inbox);
	for (unsigned i = 0; i < N_PORTS; i++)
		vireo_port_close(ports[i]);
	return 0;
}

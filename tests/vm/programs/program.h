/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VM_PROGRAM_H
#define VM_PROGRAM_H

/* What the small programs of the vm scenarios share. They say what they found and exit with 1 when it is wrong. */

#include <stdarg.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vireo/vireo.h>

#define ETH_LEN      14
#define ETH_TYPE_LAB 0x88b5 /* IEEE 802: for local experiments; nobody's stack answers */

static volatile sig_atomic_t stopping;

static inline void stop_on_signal(int sig)
{
	stopping = 1;
}

__attribute__((format(printf, 2, 3))) static inline void expect(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%s: ", good ? "ok" : "not so");
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	if (!good)
		exit(1);
}

/* For calls that return 0 or a negative errno. */
static inline void expect_ok(int err, const char *what)
{
	if (err < 0) {
		printf("not so: %s: %s: %s\n", what, strerror(-err), vireo_last_error());
		exit(1);
	}
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline struct vireo_port *port_up(const char *spec, const struct vireo_port_config *cfg)
{
	struct vireo_port *port;

	expect_ok(vireo_port_open(spec, cfg, &port), spec);
	expect_ok(vireo_port_start(port), spec);
	return port;
}

static inline uint32_t pool_free(const struct vireo_pool *pool)
{
	struct vireo_pool_info info;

	vireo_pool_info(pool, &info);
	return info.n_free;
}

/* A frame for everybody on the wire, of @len bytes, with a number in it. */
static inline void lab_frame(struct vireo_pkt *pkt, uint16_t len, uint32_t number)
{
	uint8_t *data = vireo_pkt_data(pkt);

	memset(data, 0xff, 6);
	memcpy(data + 6, "\x52\x54\x00\x00\x00\xee", 6);
	data[12] = ETH_TYPE_LAB >> 8;
	data[13] = ETH_TYPE_LAB & 0xff;
	memcpy(data + ETH_LEN, &number, sizeof(number));
	memset(data + ETH_LEN + sizeof(number), 0x5a, len - ETH_LEN - sizeof(number));
	pkt->len = len;
}

/* Reclaim until @pool is whole again; how long that may take is generous, emulated machines are slow. */
static inline bool pool_whole(struct vireo_pool *pool, struct vireo_txq **queues, unsigned n)
{
	struct vireo_pool_info info;
	uint64_t end = now_ms() + 5000;

	do {
		for (unsigned i = 0; i < n; i++)
			vireo_txq_reclaim(queues[i]);
		vireo_pool_info(pool, &info);
	} while (info.n_free < info.n_bufs && now_ms() < end);
	return info.n_free == info.n_bufs;
}

#endif

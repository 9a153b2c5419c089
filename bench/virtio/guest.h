/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_VIRTIO_GUEST_H
#define BENCH_VIRTIO_GUEST_H

/* What both guests share: what a packet is, for how long, and what is printed. */

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BURST	  32
#define FRAME_LEN 64

static const uint8_t guest_frame[FRAME_LEN] = {0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45};

static int guest_op;
static uint64_t guest_warm_up_ms, guest_ms, guest_end_ns;
static uint64_t guest_bursts; /* that brought anything */
static volatile uint8_t guest_seen;

/* One burst; how many packets. */
typedef unsigned (*guest_step)(void);

static inline uint64_t guest_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Asked only by who cannot get on. */
static inline bool guest_is_over(void)
{
	static unsigned asked;

	return ++asked % 4096 == 0 && guest_now_ns() > guest_end_ns;
}

static inline void guest_look(const void *data)
{
	guest_seen = *(const uint8_t *)data;
}

static inline void guest_touch(void *data)
{
	((uint8_t *)data)[1]++;
}

static void guest_parse(int argc, char **argv)
{
	static const char *const ops[] = {"rx", "tx", "fwd"};

	if (argc < 5)
		errx(2, "usage: %s rx|tx|fwd PORT WARM-UP-MS MS ...", argv[0]);
	while (guest_op < 3 && strcmp(argv[1], ops[guest_op]) != 0)
		guest_op++;
	if (guest_op == 3)
		errx(2, "%s is not rx, tx or fwd", argv[1]);
	guest_warm_up_ms = strtoull(argv[3], NULL, 10);
	guest_ms = strtoull(argv[4], NULL, 10);
}

static uint64_t guest_count(guest_step step, uint64_t ms, uint64_t *ret_ns)
{
	uint64_t start = guest_now_ns(), now = start, n = 0;

	guest_end_ns = start + ms * 1000000;
	do {
		for (unsigned i = 0; i < 256; i++) {
			unsigned k = step();

			n += k;
			guest_bursts += k > 0;
		}
		now = guest_now_ns();
	} while (now < guest_end_ns);
	*ret_ns = now - start;
	return n;
}

static void guest_run(const guest_step steps[3])
{
	uint64_t ns, n, end = guest_now_ns() + 10ull * 1000000000;

	/* Now the back end may be told to start. */
	fprintf(stderr, "ready\n");
	guest_end_ns = end;
	while (!steps[guest_op]())
		if (guest_now_ns() > end)
			errx(1, "no packets");
	guest_count(steps[guest_op], guest_warm_up_ms, &ns);
	guest_bursts = 0;
	n = guest_count(steps[guest_op], guest_ms, &ns);
	fprintf(stderr, "%.1f packets a burst\n", (double)n / (double)guest_bursts);
	printf("%.3f\n", (double)n * 1000 / (double)ns);
}

#endif

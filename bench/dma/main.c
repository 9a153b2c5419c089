// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-dma: what memory for devices costs, in the page size that VIREO_PAGE_SIZE says. Clients are simulated cards, which
 * learn of each arena by a DMA_MAP with its descriptor and answer when they have mapped it.
 *
 *	bench-dma ROUND
 *
 * Writes a JSON object a line: the median of many, in microseconds.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vireo/memory.h>
#include <vireo/vireo.h>

#include "iova.h"

#define KIB	    1024ul
#define MIB	    (1024 * KIB)
#define MAX_SAMPLES 1000

static const char *path;
static int round_number;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of @n calls of @fn, each of which does what it measures @per times. */
static void row(const char *op, unsigned long size, unsigned n, unsigned per, void (*fn)(void *ctx), void *ctx)
{
	static double times[MAX_SAMPLES];

	fn(ctx);
	for (unsigned i = 0; i < n; i++) {
		double start = now_us();

		fn(ctx);
		times[i] = (now_us() - start) / per;
	}
	qsort(times, n, sizeof(times[0]), compare);
	printf("{\"what\":\"dma\",\"path\":\"%s\",\"op\":\"%s\",\"size\":%lu,\"round\":%d,\"value\":%.4f,\"unit\":"
	       "\"us\"}\n",
	       path, op, size, round_number, times[n / 2]);
}

/* A space with @n extents of 2 MiB and gaps as large between them, all too small for what is asked. */
struct space {
	struct iova_space *space;
};

#define IOVA_TIMES 64

static void iova_alloc_free(void *ctx)
{
	struct space *s = ctx;
	vireo_iova_t at[IOVA_TIMES];

	for (unsigned i = 0; i < IOVA_TIMES; i++)
		if (iova_alloc(s->space, 4 * MIB, 2 * MIB, &at[i]))
			errx(1, "no addresses left");
	for (unsigned i = 0; i < IOVA_TIMES; i++)
		iova_free(s->space, at[i], 4 * MIB);
}

static void iova_rows(void)
{
	static const unsigned taken[] = {16, 256, 4096};
	const struct vireo_iova_range range = {.start = 0, .last = (1ull << 46) - 1};

	for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct space s;
		char op[64];

		if (iova_space_create(&range, 1, &s.space))
			errx(1, "memory");
		for (unsigned k = 0; k < taken[i]; k++)
			if (iova_reserve(s.space, k * 4 * MIB, 2 * MIB))
				errx(1, "memory");
		snprintf(op, sizeof(op), "IOVA taken and freed, %u extents before it", taken[i]);
		row(op, 4 * MIB, 200, IOVA_TIMES, iova_alloc_free, &s);
		iova_space_destroy(s.space);
	}
}

static void alloc_free(void *ctx)
{
	void *va;

	if (vireo_memory_alloc(*(size_t *)ctx, 64, 0, &va))
		errx(1, "%s", vireo_last_error());
	vireo_memory_free(va);
}

/* Inside an arena that is there: something else lies in it. */
static void arena_rows(void)
{
	static const size_t sizes[] = {4 * KIB, 64 * KIB, MIB};
	void *other;

	if (vireo_memory_alloc(64, 64, 0, &other))
		errx(1, "%s", vireo_last_error());
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		row("memory from an arena and back", sizes[i], 500, 1, alloc_free, (void *)(uintptr_t)&sizes[i]);
	vireo_memory_free(other);
}

/* Nothing else is in it, so the arena comes and goes with what is allocated. */
static void new_arena_rows(const char *clients)
{
	static const size_t sizes[] = {2 * MIB, 16 * MIB, 64 * MIB};
	char op[64];

	snprintf(op, sizeof(op), "arena made and given back%s", clients);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		row(op, sizes[i], 50, 1, alloc_free, (void *)(uintptr_t)&sizes[i]);
}

static void import_release(void *ctx)
{
	void *va;

	if (vireo_memory_import(*(int *)ctx, 0, 2 * MIB, &va) || vireo_memory_release(va))
		errx(1, "%s", vireo_last_error());
}

static void import_rows(const char *clients)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	char op[64];

	if (fd < 0 || ftruncate(fd, 2 * MIB) || posix_fallocate(fd, 0, 2 * MIB))
		err(1, "memfd");
	snprintf(op, sizeof(op), "memory of others in and out%s", clients);
	row(op, 2 * MIB, 200, 1, import_release, &fd);
	close(fd);
}

static void client_rows(void)
{
	static const char *const names[] = {"", ", 1 client", ", 2 clients", ", 4 clients"};
	static const unsigned counts[] = {0, 1, 2, 4};
	struct vireo_device *devs[4];
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++) {
		for (; n < counts[i]; n++)
			if (vireo_device_open("sim:sink", &devs[n]))
				errx(1, "%s", vireo_last_error());
		new_arena_rows(names[i]);
		import_rows(names[i]);
	}
	while (n--)
		vireo_device_close(devs[n]);
}

int main(int argc, char **argv)
{
	static char text[32];
	const char *pages = getenv("VIREO_PAGE_SIZE");

	if (argc != 2) {
		fprintf(stderr, "usage: bench-dma ROUND\n");
		return 2;
	}
	round_number = atoi(argv[1]);
	snprintf(text, sizeof(text), "pages of %.8s", pages ? pages : "2M");
	path = text;
	iova_rows();
	arena_rows();
	client_rows();
	return 0;
}

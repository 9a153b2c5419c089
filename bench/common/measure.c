// SPDX-License-Identifier: BSD-2-Clause
#include "measure.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "steps.h"

const char *const op_names[N_OPS] = {"rx", "tx", "fwd"};

static inline uint64_t now(void)
{
	unsigned aux;
	uint64_t t = __rdtscp(&aux);

	_mm_lfence();
	return t;
}

/* What two readings with nothing between them are apart. */
static uint64_t timer_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t t = now(), d = now() - t;

		least = d < least ? d : least;
	}
	return least;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct counted {
	const struct target *t;
	enum op op;
	unsigned batch;
};

static void run_counted(void *ctx)
{
	struct counted *c = ctx;

	c->t->window(c->t->ctx, c->op, c->batch);
}

static double count(const struct target *t, enum op op, unsigned batch, unsigned n)
{
	struct counted c = {t, op, batch};
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		t->prepare(t->ctx, op, batch);
		sum += steps_count(run_counted, &c);
		t->settle(t->ctx, op, batch);
	}
	return n ? (double)sum / n / WINDOW : 0;
}

/* --- which instructions ------------------------------------------------------------------------------------------- */

#define MAX_PROFILE (1u << 16)

extern const char __executable_start[];

static struct {
	uintptr_t pc;
	unsigned n;
} profile[MAX_PROFILE];

static void add_to_profile(uintptr_t pc)
{
	unsigned i = (unsigned)(pc * 0x9e3779b1u >> 8) % MAX_PROFILE;

	while (profile[i].pc && profile[i].pc != pc)
		i = (i + 1) % MAX_PROFILE;
	profile[i].pc = pc;
	profile[i].n++;
}

void measure_profile(const struct target *t, enum op op, unsigned batch, unsigned n_counted)
{
	struct counted c = {t, op, batch};

	for (unsigned i = 0; i < n_counted + 50; i++) {
		t->prepare(t->ctx, op, batch);
		if (i < 50)
			run_counted(&c);
		else
			steps_each(run_counted, &c, add_to_profile);
		t->settle(t->ctx, op, batch);
	}
	for (unsigned i = 0; i < MAX_PROFILE; i++)
		if (profile[i].pc)
			printf("%#lx %.3f\n", (unsigned long)(profile[i].pc - (uintptr_t)__executable_start),
			       (double)profile[i].n / n_counted / WINDOW);
}

/* The first windows warm caches and predictors, and bring rings and pools to where they stay. */
#define WARM_UP	      50
#define PARTS	      10
#define WARM_UP_AGAIN 10

/* @times is NULL: not timed. */
static void run_windows(const struct target *t, enum op op, unsigned batch, uint64_t *times, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t start;

		t->prepare(t->ctx, op, batch);
		start = now();
		t->window(t->ctx, op, batch);
		if (times)
			times[i] = now() - start;
		t->settle(t->ctx, op, batch);
	}
}

static void run_parts(const struct target *t, enum op op, unsigned batch, uint64_t *times, unsigned n)
{
	unsigned done = 0;

	for (unsigned i = 1; i <= PARTS; i++) {
		unsigned until = n * i / PARTS;

		t->yield();
		run_windows(t, op, batch, NULL, i == 1 ? WARM_UP : WARM_UP_AGAIN);
		run_windows(t, op, batch, times + done, until - done);
		done = until;
	}
}

struct result measure(const struct target *t, enum op op, unsigned batch, unsigned n_windows, unsigned n_counted)
{
	uint64_t *times = calloc(n_windows, sizeof(*times)), cost = timer_cost();
	struct result r;

	if (!times)
		err(1, "memory");
	if (t->yield) {
		run_parts(t, op, batch, times, n_windows);
	} else {
		run_windows(t, op, batch, NULL, WARM_UP);
		run_windows(t, op, batch, times, n_windows);
	}
	qsort(times, n_windows, sizeof(*times), compare);
	r.tsc = (double)(times[n_windows / 2] - cost) / WINDOW;
	r.low = (double)(times[n_windows / 4] - cost) / WINDOW;
	r.high = (double)(times[n_windows * 3 / 4] - cost) / WINDOW;
	r.insn = count(t, op, batch, n_counted);
	free(times);
	return r;
}

double measure_clock_ratio(void)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < 200; i++) {
		uint64_t x = 3, start = now(), t;

		for (unsigned k = 0; k < 1000; k++)
			__asm__ volatile("imul %0, %0" : "+r"(x));
		t = now() - start;
		best = t < best ? t : best;
	}
	/* A multiplication that waits for the one before takes three cycles of the core. */
	return 3000.0 / (double)best;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-pool: what pools and rings cost, ours and DPDK's in turns in one process.
 *
 *	bench-pool pool|ring ROUND
 *
 * One thread: cycles of the time stamp counter per element, the median of many windows, and in round 1 exact instructions.
 * Two threads on two CPUs: millions of elements a second, of both together. Writes a JSON object a line.
 */
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "sides.h"
#include "steps.h"

#define N_WINDOWS 400
#define N_WARM_UP 50
#define RUN_NS	  20000000ull /* of two threads */

static const unsigned batches[] = {1, 8, 32, 256};

#define N_BATCHES (sizeof(batches) / sizeof(batches[0]))

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t cycles(void)
{
	unsigned aux;
	uint64_t t = __rdtscp(&aux);

	_mm_lfence();
	return t;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Elements of one call of window(). */
static double per_window(const struct step *s)
{
	return strncmp(s->op, "1024", 4) ? WINDOW : 1024;
}

static double time_windows(const struct step *s, struct lane *l, unsigned batch)
{
	static uint64_t times[N_WINDOWS];

	for (unsigned i = 0; i < N_WINDOWS + N_WARM_UP; i++) {
		uint64_t start = cycles();

		s->window(l, batch);
		if (i >= N_WARM_UP)
			times[i - N_WARM_UP] = cycles() - start;
	}
	qsort(times, N_WINDOWS, sizeof(times[0]), compare);
	return (double)times[N_WINDOWS / 2] / per_window(s);
}

struct counted {
	const struct step *s;
	struct lane *l;
	unsigned batch;
};

static void run_counted(void *ctx)
{
	struct counted *c = ctx;

	c->s->window(c->l, c->batch);
}

static void begin_row(const struct step *s, unsigned batch, unsigned threads, int round)
{
	printf("{\"what\":\"%s\",\"path\":\"%s\",\"op\":\"%s\",\"batch\":%u,\"threads\":%u,\"round\":%d", s->what,
	       s->path, s->op, batch, threads, round);
	if (s->peer)
		printf(",\"peer\":\"%s\"", s->peer);
}

static void alone(const struct step *s, unsigned batch, int round)
{
	static struct lane lane;
	struct counted c = {s, &lane, batch};
	double tsc;

	if (!s->open())
		errx(1, "%s of %s cannot be made", s->what, s->path);
	tsc = time_windows(s, &lane, batch);
	begin_row(s, batch, 1, round);
	printf(",\"tsc_per_pkt\":%.3f", tsc);
	if (round == 1)
		printf(",\"insn_per_pkt\":%.3f", (double)steps_count(run_counted, &c) / per_window(s));
	printf("}\n");
	s->close();
}

/* Two threads. */

struct worker {
	const struct step *s;
	unsigned batch, cpu;
	bool second; /* of a ring's two: gets */
	uint64_t n;
	struct lane lane;
};

static int ready, stop;

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "CPU %u", cpu);
}

static void work(struct worker *w)
{
	pin(w->cpu);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 2)
		;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (!w->s->put) {
			w->s->window(&w->lane, w->batch);
			w->n += (uint64_t)per_window(w->s);
		} else if (w->second) {
			w->n += w->s->get(&w->lane, w->batch);
		} else {
			w->s->put(&w->lane, w->batch); /* what the other gets is what counts */
		}
	}
}

static void *run_second(void *arg)
{
	rte_side_enter_thread();
	work(arg);
	rte_side_leave_thread();
	return NULL;
}

static void *watch(void *arg)
{
	struct timespec pause = {.tv_nsec = RUN_NS};
	uint64_t *ns = arg, start;

	while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < 2)
		sched_yield();
	start = now_ns();
	nanosleep(&pause, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	*ns = now_ns() - start;
	return NULL;
}

/* The first is this thread, which DPDK knows. */
static void together(const struct step *s, unsigned batch, int round)
{
	static struct worker workers[2];
	pthread_t second, watcher;
	uint64_t ns = 0;

	if (!s->open())
		errx(1, "%s of %s cannot be made", s->what, s->path);
	ready = stop = 0;
	for (unsigned i = 0; i < 2; i++)
		workers[i] = (struct worker){.s = s, .batch = batch, .cpu = i, .second = i};
	if (pthread_create(&watcher, NULL, watch, &ns) || pthread_create(&second, NULL, run_second, &workers[1]))
		errx(1, "no threads");
	work(&workers[0]);
	pthread_join(second, NULL);
	pthread_join(watcher, NULL);
	begin_row(s, batch, 2, round);
	printf(",\"mpps\":%.3f}\n", (double)(workers[0].n + workers[1].n) * 1e3 / (double)ns);
	s->close();
}

static void each(const struct step *steps, const char *what, const char *op, unsigned batch, int round)
{
	for (const struct step *s = steps; s->what; s++) {
		if (strcmp(s->what, what) || strcmp(s->op, op))
			continue;
		alone(s, batch, round);
		together(s, batch, round);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: bench-pool pool|ring ROUND\n");
		return 2;
	}
	if (!rte_side_open())
		errx(1, "DPDK does not start");
	/* Ours and the peer's of the same kind follow each other. */
	for (const struct step *s = vireo_steps; s->what; s++) {
		bool seen = false;

		for (const struct step *t = vireo_steps; t != s; t++)
			seen |= !strcmp(t->op, s->op);
		for (unsigned i = 0; i < N_BATCHES && !seen && !strcmp(s->what, argv[1]); i++) {
			each(vireo_steps, argv[1], s->op, batches[i], atoi(argv[2]));
			each(rte_steps, argv[1], s->op, batches[i], atoi(argv[2]));
		}
	}
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-latency: how long a packet takes through a forwarder. It is the vhost-user device on both sides, on one thread: the
 * time runs from the call that hands the packet over at the first socket to the return of the call that brings it at the
 * second, by one clock.
 *
 *	bench-latency ROUND SECONDS RATE[,RATE]... LOG SOCKET,SOCKET FILE { :: PATH PEER COMMAND... }...
 *
 * Both sides run before all other programs of the machine (program_go_first()) for SLICE_NS at a time, and rest for as long:
 * what others do would be all that is seen of the tail.
 *
 * RATE is packets a second. Programs run in turns; each is started once and gets all rates. Writes a JSON object a line;
 * the histograms go to FILE: path, rate, microseconds, packets.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "hist.h"
#include "program.h"

#define MAX_RATES 8
#define SETTLE_NS 300000000ull /* what a program does after its first packet is not of interest */
#define LATE_NS	  100000000ull /* what has not come by then is lost */
#define SLICE_NS  400000000ull /* less than what the kernel lets nobody else wait for */

struct run {
	struct hist hist; /* nanoseconds */
	uint64_t n_sent, n_received;
	double seconds, cpu_s;
};

/* Seconds that the process has used the CPU, in all its threads. */
static double cpu_s(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		fprintf(stderr, "bench-latency: cannot read %s\n", path);
	if (f)
		fclose(f);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* Numbers are times. Those of an earlier run are no business of this one's. */
static void receive(struct run *r, uint64_t begin)
{
	uint64_t numbers[BACKEND_BURST];
	unsigned n = backend_receive(numbers);
	uint64_t now = n ? program_now_ns() : 0;

	for (unsigned i = 0; i < n; i++) {
		if (numbers[i] < begin || numbers[i] > now)
			continue;
		hist_add(&r->hist, now - numbers[i]);
		r->n_received++;
	}
}

/* Packets that are due go at once; each carries the time at which it is handed over, not that at which it was due. */
static void send(struct run *r, double due)
{
	uint64_t numbers[BACKEND_BURST], now = program_now_ns();
	unsigned n = due < BACKEND_BURST ? (unsigned)due : BACKEND_BURST;

	for (unsigned i = 0; i < n; i++)
		numbers[i] = now;
	if (n)
		r->n_sent += backend_send(numbers, n);
}

static void measure_slice(struct run *r, pid_t pid, double rate, uint64_t ns)
{
	uint64_t begin = program_now_ns(), now = begin, end = begin + ns;
	double before = cpu_s(pid), done = 0;

	while (now < end) {
		double due = (double)(now - begin) / 1e9 * rate - done;
		uint64_t n = r->n_sent;

		/* A ring that is full is waited for; more than a burst is not made up for. */
		if (due > 2 * BACKEND_BURST) {
			done += due - 2 * BACKEND_BURST;
			due = 2 * BACKEND_BURST;
		}
		send(r, due);
		done += (double)(r->n_sent - n);
		receive(r, begin);
		now = program_now_ns();
	}
	r->seconds += (double)(now - begin) / 1e9;
	r->cpu_s += cpu_s(pid) - before;
	while (r->n_received < r->n_sent && program_now_ns() < end + LATE_NS)
		receive(r, begin);
}

static void measure(struct run *r, pid_t pid, double rate, uint64_t ns)
{
	struct timespec rest = {.tv_nsec = SLICE_NS};

	memset(r, 0, sizeof(*r));
	for (uint64_t at = 0; at < ns; at += SLICE_NS) {
		program_go_first(pid, true);
		measure_slice(r, pid, rate, ns - at < SLICE_NS ? ns - at : SLICE_NS);
		program_go_first(pid, false);
		nanosleep(&rest, NULL);
	}
}

static double us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static void report(const struct program *p, const struct run *r, double rate, int round, FILE *hists)
{
	const struct hist *h = &r->hist;

	printf("{\"what\":\"latency\",\"path\":\"%s\",\"op\":\"fwd\",\"rate\":%.0f,\"round\":%d,\"mpps\":%.6f,"
	       "\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"max_us\":%.3f,\"cpu_percent\":%.1f,\"lost\":%llu",
	       p->path, rate, round, (double)r->n_received / r->seconds / 1e6, us(hist_percentile(h, 50)),
	       us(hist_percentile(h, 99)), us(hist_percentile(h, 99.9)), us(h->max), r->cpu_s / r->seconds * 100,
	       (unsigned long long)(r->n_sent - r->n_received));
	if (strcmp(p->peer, "-") != 0)
		printf(",\"peer\":\"%s\"", p->peer);
	printf("}\n");
	fflush(stdout);
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->buckets[i])
			fprintf(hists, "%s\t%.0f\t%.3f\t%llu\n", p->path, rate, us(hist_bucket_last(i)),
				(unsigned long long)h->buckets[i]);
}

static bool comes(pid_t pid)
{
	uint64_t until = program_now_ns() + PROGRAM_PATIENCE_NS, numbers[BACKEND_BURST], one = 1;

	while (!backend_receive(numbers)) {
		if (program_gone(pid) || program_now_ns() > until)
			return false;
		backend_send(&one, 1);
	}
	return true;
}

static bool measure_program(const struct program *p, char **argv, const double *rates, unsigned n_rates, FILE *hists)
{
	static struct run run;
	uint64_t ns = (uint64_t)(atof(argv[2]) * 1e9);
	pid_t pid = program_start(p, argv[4]);

	if (pid < 0)
		return false;
	if (!comes(pid)) {
		fprintf(stderr, "bench-latency: no packet came from %s; what it said is in %s\n", p->path, argv[4]);
		kill(pid, SIGKILL);
		return false;
	}
	measure(&run, pid, 1000, SETTLE_NS);
	for (unsigned i = 0; i < n_rates; i++) {
		measure(&run, pid, rates[i], ns);
		report(p, &run, rates[i], atoi(argv[1]), hists);
	}
	if (!program_end(pid))
		fprintf(stderr, "bench-latency: %s did not end and was killed\n", p->path);
	return true;
}

int main(int argc, char **argv)
{
	struct program programs[PROGRAM_MAX];
	const char *paths[BACKEND_MAX];
	double rates[MAX_RATES];
	unsigned n_paths = 0, n_rates = 0, n = argc > 7 ? program_read(argv + 7, programs) : 0;
	FILE *hists = n ? fopen(argv[6], "ae") : NULL;
	bool ok = true;

	if (!hists) {
		fprintf(stderr, "usage: bench-latency ROUND SECONDS RATE[,RATE]... LOG SOCKET,SOCKET FILE "
				"{ :: PATH PEER COMMAND... }...\n");
		return 2;
	}
	for (char *rate = strtok(argv[3], ","); rate && n_rates < MAX_RATES; rate = strtok(NULL, ","))
		rates[n_rates++] = atof(rate);
	for (char *path = strtok(argv[5], ","); path && n_paths < BACKEND_MAX; path = strtok(NULL, ","))
		paths[n_paths++] = path;
	if (!backend_open(paths, n_paths, CPU_DEVICE))
		return 1;
	program_warm_up();
	for (unsigned i = 0; i < n && ok; i++)
		ok = measure_program(&programs[i], argv, rates, n_rates, hists);
	backend_close();
	fclose(hists);
	return ok ? 0 : 1;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * bench-start: from exec to the first packet. It is the vhost-user device that programs are started on, in turns; each is
 * ended as soon as a packet of its arrived, after a look at the memory that it takes by then.
 *
 *	bench-start ROUND TURNS LOG SOCKET[,SOCKET] { :: PATH PEER COMMAND... }...
 *
 * With one socket the program sends; with two it forwards from the first to the second. Writes a JSON object a line for
 * each start.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "program.h"

struct memory {
	unsigned long rss_kib, huge_kib;
};

/* What it had at most, and what it holds of hugepages now: those are not part of the resident set. */
static struct memory look(pid_t pid)
{
	struct memory m = {0};
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "VmHWM: %lu", &m.rss_kib);
		sscanf(line, "HugetlbPages: %lu", &m.huge_kib);
	}
	if (f)
		fclose(f);
	return m;
}

/* Offer packets to one that forwards, until something comes. When that was, or 0. */
static uint64_t wait_for_packet(pid_t pid, bool forwards)
{
	uint64_t until = program_now_ns() + PROGRAM_PATIENCE_NS, numbers[BACKEND_BURST], one = 1;

	for (;;) {
		if (backend_receive(numbers))
			return program_now_ns();
		if (forwards)
			backend_send(&one, 1);
		if (program_gone(pid) || program_now_ns() > until)
			return 0;
	}
}

static bool measure(const struct program *p, int round, bool forwards, const char *log)
{
	uint64_t begin = program_now_ns(), first;
	pid_t pid = program_start(p, log);
	struct memory m;

	if (pid < 0)
		return false;
	first = wait_for_packet(pid, forwards);
	if (!first) {
		fprintf(stderr, "bench-start: no packet came from %s; what it said is in %s\n", p->path, log);
		kill(pid, SIGKILL);
		return false;
	}
	m = look(pid);
	printf("{\"what\":\"start\",\"path\":\"%s\",\"op\":\"%s\",\"round\":%d,\"value\":%.3f,\"unit\":\"ms\","
	       "\"rss_mib\":%.1f,\"huge_mib\":%.1f",
	       p->path, forwards ? "fwd" : "tx", round, (double)(first - begin) / 1e6, (double)m.rss_kib / 1024,
	       (double)m.huge_kib / 1024);
	if (strcmp(p->peer, "-") != 0)
		printf(",\"peer\":\"%s\"", p->peer);
	printf("}\n");
	fflush(stdout);
	if (!program_end(pid))
		fprintf(stderr, "bench-start: %s did not end and was killed\n", p->path);
	return true;
}

int main(int argc, char **argv)
{
	struct program programs[PROGRAM_MAX];
	const char *paths[BACKEND_MAX];
	unsigned n_paths = 0, n = argc > 5 ? program_read(argv + 5, programs) : 0;
	bool ok = true;

	if (!n) {
		fprintf(stderr, "usage: bench-start ROUND TURNS LOG SOCKET[,SOCKET] { :: PATH PEER COMMAND... }...\n");
		return 2;
	}
	for (char *path = strtok(argv[4], ","); path && n_paths < BACKEND_MAX; path = strtok(NULL, ","))
		paths[n_paths++] = path;
	if (!backend_open(paths, n_paths, CPU_DEVICE))
		return 1;
	program_warm_up();
	for (int turn = 0; turn < atoi(argv[2]) && ok; turn++)
		for (unsigned i = 0; i < n && ok; i++)
			ok = measure(&programs[i], atoi(argv[1]), n_paths > 1, argv[3]);
	backend_close();
	return ok ? 0 : 1;
}

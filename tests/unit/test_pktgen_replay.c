// SPDX-License-Identifier: BSD-2-Clause
/* Captures that the test writes, read back for replay. */
#include <errno.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <vireo/log.h>

#include "replay.h"

static char path[64];

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/vireo-replay-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return 0;
}

struct entry {
	uint32_t s, ns, caplen, len;
};

static void write_capture(int link, const struct entry *entries, unsigned n)
{
	pcap_t *p = pcap_open_dead_with_tstamp_precision(link, 65535, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *d = pcap_dump_open(p, path);
	static uint8_t bytes[65535];

	assert_non_null(d);
	for (unsigned i = 0; i < n; i++) {
		struct pcap_pkthdr h = {.caplen = entries[i].caplen, .len = entries[i].len};

		h.ts.tv_sec = entries[i].s;
		h.ts.tv_usec = entries[i].ns;
		memset(bytes, 'a' + (int)i, sizeof(bytes));
		pcap_dump((u_char *)d, &h, bytes);
	}
	pcap_dump_close(d);
	pcap_close(p);
}

static void replay_load_keeps_times_and_bytes(void **state)
{
	static const struct entry entries[] = {{100, 999999999, 60, 60}, {101, 1, 1514, 1514}, {103, 0, 70, 70}};
	struct replay r;

	write_capture(DLT_EN10MB, entries, 3);
	assert_int_equal(replay_load(path, &r), 0);
	assert_int_equal(r.n_frames, 3);
	assert_int_equal(r.frames[0].offset_ns, 0);
	assert_int_equal(r.frames[1].offset_ns, 2);
	assert_int_equal(r.frames[2].offset_ns, 2000000001);
	assert_int_equal(r.period_ns, 3000000001);
	assert_int_equal(r.frames[1].len, 1514);
	assert_int_equal(r.data[r.frames[1].at], 'b');
	assert_int_equal(r.data[r.frames[1].at + 1513], 'b');
	assert_int_equal(r.data[r.frames[2].at], 'c');
	assert_int_equal(r.max_len, 1514);
	assert_int_equal(r.n_cut, 0);
	replay_free(&r);
}

static void replay_load_pads_short_and_counts_cut_frames(void **state)
{
	static const struct entry entries[] = {{1, 0, 14, 14}, {1, 0, 64, 1514}};
	struct replay r;

	write_capture(DLT_EN10MB, entries, 2);
	assert_int_equal(replay_load(path, &r), 0);
	assert_int_equal(r.frames[0].len, 60);
	assert_int_equal(r.data[13], 'a');
	assert_int_equal(r.data[14], 0);
	assert_int_equal(r.data[59], 0);
	assert_int_equal(r.frames[1].len, 64);
	assert_int_equal(r.n_cut, 1);
	replay_free(&r);
}

static void replay_load_time_that_runs_backwards_stands_still(void **state)
{
	static const struct entry entries[] = {
		{10, 0, 60, 60}, {12, 0, 60, 60}, {11, 0, 60, 60}, {5, 0, 60, 60}, {13, 0, 60, 60}};
	static const uint64_t seconds[] = {0, 2, 2, 2, 3};
	struct replay r;

	write_capture(DLT_EN10MB, entries, 5);
	assert_int_equal(replay_load(path, &r), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(r.frames[i].offset_ns, seconds[i] * 1000000000);
	replay_free(&r);
}

static void replay_load_many_frames_grows(void **state)
{
	enum { TOTAL = 5000 };
	struct entry *entries = calloc(TOTAL, sizeof(*entries));
	struct replay r;

	for (unsigned i = 0; i < TOTAL; i++)
		entries[i] = (struct entry){1, i, 60 + i % 1000, 60 + i % 1000};
	write_capture(DLT_EN10MB, entries, TOTAL);
	assert_int_equal(replay_load(path, &r), 0);
	assert_int_equal(r.n_frames, TOTAL);
	for (unsigned i = 0; i < TOTAL; i++) {
		assert_int_equal(r.frames[i].len, entries[i].caplen);
		assert_int_equal(r.frames[i].offset_ns, i);
	}
	replay_free(&r);
	free(entries);
}

static void replay_load_what_cannot_be_replayed_is_refused(void **state)
{
	static const struct entry entry = {1, 0, 60, 60};
	struct replay r;
	FILE *f;

	assert_int_equal(replay_load("/nonexistent/x.pcap", &r), -EBADF);
	assert_non_null(strstr(vireo_last_error(), "/nonexistent/x.pcap"));
	write_capture(DLT_RAW, &entry, 1);
	assert_int_equal(replay_load(path, &r), -EBADF);
	assert_non_null(strstr(vireo_last_error(), "Ethernet"));
	write_capture(DLT_EN10MB, NULL, 0);
	assert_int_equal(replay_load(path, &r), -EBADF);
	f = fopen(path, "w");
	fputs("this is no capture, whatever its name says", f);
	fclose(f);
	assert_int_equal(replay_load(path, &r), -EBADF);
}

static void replay_load_file_that_ends_in_a_frame_is_refused(void **state)
{
	static const struct entry entries[] = {{1, 0, 60, 60}, {2, 0, 60, 60}};
	struct replay r;

	write_capture(DLT_EN10MB, entries, 2);
	assert_int_equal(truncate(path, 24 + 16 + 60 + 16 + 30), 0);
	assert_int_equal(replay_load(path, &r), -EBADF);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(replay_load_keeps_times_and_bytes),
		CASE(replay_load_pads_short_and_counts_cut_frames),
		CASE(replay_load_time_that_runs_backwards_stands_still),
		CASE(replay_load_many_frames_grows),
		CASE(replay_load_what_cannot_be_replayed_is_refused),
		CASE(replay_load_file_that_ends_in_a_frame_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

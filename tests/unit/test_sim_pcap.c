// SPDX-License-Identifier: BSD-2-Clause
/* Files as wires. They are written and read with libpcap itself. */
#include "wire_rig.h"

#include <pcap/pcap.h>
#include <unistd.h>

static struct sim_wires *wires;
static char folder[] = "/tmp/vireo-pcap-XXXXXX";
static char path[64], words[256];

static int setup(void **state)
{
	wires = sim_wires_create();
	strcpy(folder, "/tmp/vireo-pcap-XXXXXX");
	if (!wires || !mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file.pcap", folder);
	return 0;
}

static int teardown(void **state)
{
	sim_wires_destroy(wires);
	unlink(path);
	return rmdir(folder);
}

/* @n frames, a millisecond apart, the first of them 20 bytes short. */
static void write_file(unsigned n, int link_type)
{
	pcap_t *form = pcap_open_dead(link_type, 65535);
	pcap_dumper_t *file = pcap_dump_open(form, path);

	assert_non_null(file);
	for (unsigned i = 0; i < n; i++) {
		uint8_t data[1000];
		struct pcap_pkthdr hdr = {.ts = {.tv_sec = 1000, .tv_usec = i * 1000}, .caplen = 40 + i, .len = 40 + i};

		rig_make(data, 40 + i, i);
		pcap_dump((u_char *)file, &hdr, data);
	}
	pcap_dump_close(file);
	pcap_close(form);
}

static struct sim_wire_end *plug(const char *direction, const char *rest)
{
	snprintf(words, sizeof(words), "pcap,%s=%s%s", direction, path, rest);
	return rig_plug(wires, words);
}

static unsigned count(struct sim_wire_end *end, uint64_t now_ns)
{
	struct sim_frame frames[64];
	unsigned n, total = 0;

	while (total < 10000 && (n = rig_receive(end, frames, 64, now_ns)) > 0)
		total += n;
	return total;
}

static void pcap_in_fast_all_frames_once(void **state)
{
	struct sim_wire_end *end;
	struct sim_frame frames[64];

	write_file(50, DLT_EN10MB);
	end = plug("in", ",fast");
	assert_true(end->waits);
	assert_int_equal(rig_receive(end, frames, 64, 0), 50);
	for (unsigned i = 0; i < 50; i++) {
		uint8_t want[100] = {0};

		/* Short ones are filled up with zeros, as a card would. */
		rig_make(want, 40 + i, i);
		assert_int_equal(frames[i].len, 40 + i < 60 ? 60 : 40 + i);
		assert_memory_equal(frames[i].data, want, frames[i].len);
	}
	assert_int_equal(rig_receive(end, frames, 64, 1), 0);
	assert_int_equal(rig_counter(end, "in_frames"), 50);
	rig_unplug(end);
}

static void pcap_in_by_time_stamps(void **state)
{
	const uint64_t start = 5000000000, ms = 1000000;
	struct sim_wire_end *end;

	write_file(50, DLT_EN10MB);
	end = plug("in", "");
	assert_false(end->waits);
	assert_int_equal(count(end, start), 1);
	assert_int_equal(count(end, start + ms - 1), 0);
	assert_int_equal(count(end, start + ms), 1);
	assert_int_equal(count(end, start + 10 * ms), 9);
	assert_int_equal(count(end, start + 1000 * ms), 39);
	assert_int_equal(count(end, start + 2000 * ms), 0);
	rig_unplug(end);

	/* Again and again, the gap after the last frame like the others. */
	end = plug("in", ",loop");
	assert_int_equal(count(end, start), 1);
	assert_int_equal(count(end, start + 49 * ms), 49);
	assert_int_equal(count(end, start + 50 * ms - 1), 0);
	assert_int_equal(count(end, start + 50 * ms), 1);
	assert_int_equal(count(end, start + 149 * ms), 99);
	rig_unplug(end);
}

static void pcap_in_at_a_rate(void **state)
{
	struct sim_wire_end *end;

	write_file(50, DLT_EN10MB);
	end = plug("in", ",loop,rate=1M");
	assert_int_equal(count(end, 1000), 1);
	assert_int_equal(count(end, 2000), 1);
	assert_int_equal(count(end, 201000), 199);
	rig_unplug(end);
}

static void pcap_out_is_read_back(void **state)
{
	struct sim_wire_end *end = plug("out", "");
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const uint8_t *bytes;
	pcap_t *in;

	for (uint32_t i = 0; i < 100; i++)
		rig_send(end, 60 + i * 90, i, i);
	assert_int_equal(rig_counter(end, "out_frames"), 100);
	rig_unplug(end);

	in = pcap_open_offline(path, why);
	assert_non_null(in);
	assert_int_equal(pcap_datalink(in), DLT_EN10MB);
	for (uint32_t i = 0; i < 100; i++) {
		struct sim_frame frame;

		assert_int_equal(pcap_next_ex(in, &hdr, &bytes), 1);
		frame = (struct sim_frame){.data = bytes, .len = hdr->caplen};
		assert_int_equal(hdr->len, 60 + i * 90);
		assert_int_equal(rig_number(&frame), i);
	}
	assert_int_equal(pcap_next_ex(in, &hdr, &bytes), PCAP_ERROR_BREAK);
	pcap_close(in);
}

/* Whoever looks into the file while the wire is in use sees what was sent a moment ago. */
static void pcap_out_is_flushed_when_it_is_quiet(void **state)
{
	struct sim_wire_end *end = plug("out", "");
	struct sim_wire_end *reader;

	rig_send(end, 60, 7, 1000000);
	rig_receive(end, NULL, 0, 2000000000);
	rig_send(end, 60, 8, 2000000001);
	rig_receive(end, NULL, 0, 4000000000);
	reader = plug("in", ",fast");
	assert_int_equal(count(reader, 0), 2);
	rig_unplug(reader);
	rig_unplug(end);
}

static void pcap_nonsense_is_refused_with_a_sentence(void **state)
{
	FILE *file;

	rig_refused(wires, "pcap", "needs a file");
	rig_refused(wires, "pcap,loop", "needs a file");
	rig_refused(wires, "pcap,in=/no/such/file", "/no/such/file");
	rig_refused(wires, "pcap,out=/no/such/folder/file", "/no/such/folder");
	snprintf(words, sizeof(words), "pcap,out=%s,fast", path);
	rig_refused(wires, words, "in=FILE");
	write_file(3, DLT_EN10MB);
	snprintf(words, sizeof(words), "pcap,in=%s,fast,rate=1", path);
	rig_refused(wires, words, "not both");
	write_file(0, DLT_EN10MB);
	snprintf(words, sizeof(words), "pcap,in=%s", path);
	rig_refused(wires, words, "no frames");
	write_file(1, DLT_EN10MB);
	snprintf(words, sizeof(words), "pcap,in=%s,loop", path);
	rig_refused(wires, words, "same time");
	write_file(3, DLT_RAW);
	snprintf(words, sizeof(words), "pcap,in=%s", path);
	rig_refused(wires, words, "not Ethernet");
	file = fopen(path, "w");
	fputs("this is no capture at all, whatever it is called", file);
	fclose(file);
	rig_refused(wires, words, path);
	/* Cut off in the middle of a frame. */
	write_file(3, DLT_EN10MB);
	assert_int_equal(truncate(path, 24 + 16 + 40 + 16 + 10), 0);
	rig_refused(wires, words, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pcap_in_fast_all_frames_once, setup, teardown),
		cmocka_unit_test_setup_teardown(pcap_in_by_time_stamps, setup, teardown),
		cmocka_unit_test_setup_teardown(pcap_in_at_a_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(pcap_out_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(pcap_out_is_flushed_when_it_is_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(pcap_nonsense_is_refused_with_a_sentence, setup, teardown),
	};

	return cmocka_run_group_tests_name("sim_pcap", tests, NULL, NULL);
}

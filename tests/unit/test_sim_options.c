// SPDX-License-Identifier: BSD-2-Clause
/* vireo-sim's command line and file. */
#include "unit.h"

#include <unistd.h>

#include "sim.h"

static struct sim_options options;

static int parse(const char *const *words)
{
	char *argv[32] = {(char *)"vireo-sim"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	return sim_options_parse(argc, argv, &options);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void options_ports_have_sockets_and_words(void **state)
{
	assert_int_equal(
		PARSE("/tmp/a.sock=gen,rate=1M", "sink", "--dir", "/run/x", "b=pcap,in=c.pcap", "echo,delay=1ms"), 0);
	assert_int_equal(options.n_ports, 4);
	assert_string_equal(options.ports[0].path, "/tmp/a.sock");
	assert_string_equal(options.ports[0].words, "gen,rate=1M");
	assert_string_equal(options.ports[1].path, "/run/x/port1.sock");
	assert_string_equal(options.ports[1].words, "sink");
	assert_string_equal(options.ports[2].path, "b");
	assert_string_equal(options.ports[2].words, "pcap,in=c.pcap");
	/* The "=" of an option does not end a socket's name. */
	assert_string_equal(options.ports[3].path, "/run/x/port3.sock");
	assert_string_equal(options.ports[3].words, "echo,delay=1ms");
	assert_int_equal(options.n_threads, 1);
}

static void options_faults_are_taken_apart(void **state)
{
	assert_int_equal(PARSE("sink", "sink", "--fault", "all-ones", "--fault", "port1:all-ones", "--fault",
			       "5s:port0:stuck-queue", "--fault", "500ms-8s:all-ones", "--fault", "0s-1s:port1:x"),
			 0);
	assert_int_equal(options.n_faults, 5);
	assert_string_equal(options.faults[0].name, "all-ones");
	assert_int_equal(options.faults[0].port, SIM_ALL_PORTS);
	assert_int_equal(options.faults[0].begin_ns, 0);
	assert_int_equal(options.faults[1].port, 1);
	assert_int_equal(options.faults[2].port, 0);
	assert_int_equal(options.faults[2].begin_ns, 5000000000);
	assert_int_equal(options.faults[2].end_ns, 0);
	assert_int_equal(options.faults[3].port, SIM_ALL_PORTS);
	assert_int_equal(options.faults[3].begin_ns, 500000000);
	assert_int_equal(options.faults[3].end_ns, 8000000000);
	assert_int_equal(options.faults[4].begin_ns, 0);
	assert_int_equal(options.faults[4].end_ns, 1000000000);
}

static void options_nonsense_is_refused(void **state)
{
	static const struct {
		const char *words[4], *part;
	} cases[] = {
		{{NULL}, "at least one port"},
		{{"=sink"}, "socket is missing"},
		{{"a=sink", "a=gen"}, "two ports on the socket a"},
		{{"sink", "--threads", "0"}, "between 1 and 16"},
		{{"sink", "--threads", "17"}, "between 1 and 16"},
		{{"sink", "--fault", ""}, "say NAME"},
		{{"sink", "--fault", "5s:"}, "say NAME"},
		{{"sink", "--fault", "5s:port0:x:y"}, "say NAME"},
		{{"sink", "--fault", "port0:"}, "say NAME"},
		{{"sink", "--fault", "8s-5s:x"}, "ends before it begins"},
		{{"sink", "--fault", "5parsec:x"}, "not a time"},
		{{"sink", "--fault", "port1:x"}, "no port1"},
		{{"sink", "--duration", "0"}, "not a time"},
		{{"sink", "--nonsense"}, "cannot understand"},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		assert_int_equal(parse(cases[i].words), -EINVAL);
		assert_sentence(cases[i].part);
	}
	/* A given name that is what another port would be called. */
	assert_int_equal(PARSE("gen", "--dir", ".", "./port0.sock=sink"), -EINVAL);
	assert_sentence("two ports on the socket ./port0.sock");
}

static void options_too_many_or_too_long_is_refused(void **state)
{
	char *argv[SIM_MAX_PORTS + 3] = {(char *)"vireo-sim"}, text[SIM_TEXT_MAX + 100];

	for (unsigned i = 0; i < SIM_MAX_PORTS; i++)
		argv[i + 1] = (char *)"sink";
	assert_int_equal(sim_options_parse(SIM_MAX_PORTS + 1, argv, &options), 0);
	assert_int_equal(options.n_ports, SIM_MAX_PORTS);
	argv[SIM_MAX_PORTS + 1] = (char *)"sink";
	assert_int_equal(sim_options_parse(SIM_MAX_PORTS + 2, argv, &options), -EINVAL);

	memset(text, 'x', sizeof(text));
	text[SIM_TEXT_MAX] = '\0';
	assert_int_equal(PARSE(text), -EINVAL);
	assert_sentence("too long");
	text[SIM_TEXT_MAX - 1] = '\0';
	assert_int_equal(PARSE(text), 0);
	memcpy(text + SIM_PATH_MAX, "=sink", 6);
	assert_int_equal(PARSE(text), -EINVAL);
	assert_sentence("too long");
}

static char file_path[] = "/tmp/vireo-sim-XXXXXX";

static void write_file(const char *text)
{
	FILE *file = fopen(file_path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup_file(void **state)
{
	int fd;

	strcpy(file_path, "/tmp/vireo-sim-XXXXXX");
	fd = mkstemp(file_path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(file_path);
}

static void options_file_says_the_same(void **state)
{
	write_file("# two cards\n\n  port a.sock=gen,rate=1M  \n\tport\tsink\nthreads 2\nfault 5s:port2:all-ones");
	assert_int_equal(PARSE("--file", file_path, "echo"), 0);
	assert_int_equal(options.n_ports, 3);
	assert_string_equal(options.ports[0].path, "a.sock");
	assert_string_equal(options.ports[0].words, "gen,rate=1M");
	assert_string_equal(options.ports[1].words, "sink");
	assert_string_equal(options.ports[2].words, "echo");
	assert_int_equal(options.n_threads, 2);
	assert_int_equal(options.n_faults, 1);
	assert_int_equal(options.faults[0].port, 2);
}

static void options_file_names_the_line_that_is_wrong(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{"port sink\nport\n", ":2: \"port\" has nothing behind it"},
		{"\n\nnonsense 1\n", ":3: \"nonsense\""},
		{"threads many\n", ":1: threads many"},
		{"port sink\nfault 5s:\n", ":2: --fault"},
	};
	char longest[3 * SIM_TEXT_MAX];

	for (unsigned i = 0; i < N_OF(cases); i++) {
		write_file(cases[i].text);
		assert_int_equal(PARSE("--file", file_path), -EINVAL);
		assert_sentence(cases[i].part);
	}
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	write_file(longest);
	assert_int_equal(PARSE("--file", file_path), -EINVAL);
	assert_sentence(":1: a line that is too long");
	assert_int_equal(PARSE("--file", "/no/such/file", "sink"), -EINVAL);
	assert_sentence("/no/such/file");
	assert_int_equal(PARSE("--file", "/tmp", "sink"), -EINVAL);
}

static void sample_counters_are_found_by_name(void **state)
{
	static const struct sim_sample s = {.n = 2, .counters = {{"rx_missed", 5}, {"wire_in_frames", 7}}};

	assert_int_equal(sample_get(&s, "wire_in_frames"), 7);
	assert_int_equal(sample_get(&s, "wire_in"), 0);
	assert_true(counter_is_loss("rx_missed"));
	assert_true(counter_is_loss("wire_out_lost_full"));
	assert_false(counter_is_loss("wire_in_frames"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_ports_have_sockets_and_words),
		cmocka_unit_test(options_faults_are_taken_apart),
		cmocka_unit_test(options_nonsense_is_refused),
		cmocka_unit_test(options_too_many_or_too_long_is_refused),
		cmocka_unit_test_setup_teardown(options_file_says_the_same, setup_file, remove_file),
		cmocka_unit_test_setup_teardown(options_file_names_the_line_that_is_wrong, setup_file, remove_file),
		cmocka_unit_test(sample_counters_are_found_by_name),
	};

	return cmocka_run_group_tests_name("sim_options", tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* The generator's command line: what it makes of sizes and ports. */
#include "../../apps/pktgen/pktgen.h"
#include "unit.h"

static struct pktgen_options o;

static int parse(const char *line)
{
	static char copy[512];
	static char name[] = "vireo-pktgen";
	char *argv[32] = {name}, *save, *word;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return pktgen_options_parse(argc, argv, &o);
}

static unsigned count_size(unsigned size)
{
	unsigned n = 0;

	for (unsigned i = 0; i < o.n_sizes; i++)
		n += o.sizes[i] == size;
	return n;
}

static void options_default_is_64_bytes_as_fast_as_it_goes(void **state)
{
	assert_int_equal(parse("p:0"), 0);
	assert_int_equal(o.n_sizes, 1);
	assert_int_equal(o.sizes[0], 64);
	assert_true(o.rate.per_second == 0);
	assert_int_equal(o.burst, 32);
	assert_int_equal(o.n_ports, 1);
	assert_int_equal(o.n_senders, 1);
	assert_false(o.verify);
}

static void options_size_list_keeps_its_order(void **state)
{
	assert_int_equal(parse("-s 64,1518,512 p:0"), 0);
	assert_int_equal(o.n_sizes, 3);
	assert_int_equal(o.sizes[0], 64);
	assert_int_equal(o.sizes[1], 1518);
	assert_int_equal(o.sizes[2], 512);
	assert_int_equal(pktgen_max_size(&o), 1518);
}

static void options_imix_is_seven_to_four_to_one_and_mixed(void **state)
{
	unsigned in_a_row = 0, longest = 0;

	assert_int_equal(parse("-s imix p:0"), 0);
	assert_int_equal(o.n_sizes, 12);
	assert_int_equal(count_size(64), 7);
	assert_int_equal(count_size(594), 4);
	assert_int_equal(count_size(1518), 1);
	for (unsigned i = 0; i < o.n_sizes; i++) {
		in_a_row = o.sizes[i] == 64 ? in_a_row + 1 : 0;
		longest = in_a_row > longest ? in_a_row : longest;
	}
	assert_in_range(longest, 1, 3);
}

static void options_weights_of_any_number_stay_complete(void **state)
{
	char line[64];

	for (unsigned n = 1; n < 200; n++) {
		snprintf(line, sizeof(line), "-s 64:%u,128:3 p:0", n);
		assert_int_equal(parse(line), 0);
		assert_int_equal(o.n_sizes, n + 3);
		assert_int_equal(count_size(64), n);
		assert_int_equal(count_size(128), 3);
	}
	assert_int_equal(parse("-s 64:1024 p:0"), 0);
	assert_int_equal(parse("-s 64:1024,128 p:0"), -EINVAL);
	assert_int_equal(parse("-s 64:0 p:0"), -EINVAL);
}

static void options_ports_that_send_come_first(void **state)
{
	assert_int_equal(parse("--rx p:9 p:0 --rx p:8 p:1 --verify"), 0);
	assert_int_equal(o.n_ports, 4);
	assert_int_equal(o.n_senders, 2);
	assert_string_equal(o.specs[0], "p:0");
	assert_string_equal(o.specs[1], "p:1");
	assert_string_equal(o.specs[2], "p:9");
	assert_string_equal(o.specs[3], "p:8");
}

static void options_peer_is_an_rx_port_or_the_next(void **state)
{
	static struct pktgen g;

	assert_int_equal(parse("--rx p:9 p:0 p:1"), 0);
	g.opts = o;
	assert_int_equal(pktgen_peer(&g, 0), 2);
	assert_int_equal(pktgen_peer(&g, 1), 2);
	assert_int_equal(parse("p:0 p:1 p:2"), 0);
	g.opts = o;
	assert_int_equal(pktgen_peer(&g, 0), 1);
	assert_int_equal(pktgen_peer(&g, 2), 0);
	assert_int_equal(parse("p:0"), 0);
	g.opts = o;
	assert_int_equal(pktgen_peer(&g, 0), 0);
}

static void options_flows_and_addresses_arrive(void **state)
{
	assert_int_equal(
		parse("--src-ip 10.0.0.0/30 --dst-port 7-9 --flows 5 --vlan 100 --dst-mac 02:00:00:00:00:05 p:0"), 0);
	assert_int_equal(o.frame.src_ip.first, 0x0a000000);
	assert_int_equal(o.frame.src_ip.last, 0x0a000003);
	assert_int_equal(o.frame.dst_port.last, 9);
	assert_int_equal(o.frame.n_flows, 5);
	assert_true(o.frame.tagged);
	assert_int_equal(o.frame.vlan, 100);
	assert_true(o.dst_mac_given);
	assert_int_equal(o.frame.dst_mac[5], 5);
	assert_false(o.src_mac_given);
}

static void options_too_many_ports_are_refused(void **state)
{
	char line[256] = "";

	for (unsigned i = 0; i < PORTS_MAX + 1; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "p:%u ", i);
	assert_int_equal(parse(line), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_default_is_64_bytes_as_fast_as_it_goes),
		cmocka_unit_test(options_size_list_keeps_its_order),
		cmocka_unit_test(options_imix_is_seven_to_four_to_one_and_mixed),
		cmocka_unit_test(options_weights_of_any_number_stay_complete),
		cmocka_unit_test(options_ports_that_send_come_first),
		cmocka_unit_test(options_peer_is_an_rx_port_or_the_next),
		cmocka_unit_test(options_flows_and_addresses_arrive),
		cmocka_unit_test(options_too_many_ports_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

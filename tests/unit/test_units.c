// SPDX-License-Identifier: BSD-2-Clause
/* What people type at the apps: numbers, rates, times, ranges, addresses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/log.h>

#include "units.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void units_count_table_parses(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0},
		{"1000", 0, 1000},
		{"20k", 0, 20000},
		{"1.5M", 0, 1500000},
		{"0.001k", 0, 1},
		{"2G", 0, 2000000000},
		{".5k", 0, 500},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -EINVAL, 0},
		{"99999999999G", -EINVAL, 0},
		{"1.5", -EINVAL, 0},
		{"0.0001k", -EINVAL, 0},
		{"", -EINVAL, 0},
		{".", -EINVAL, 0},
		{"k", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"1kk", -EINVAL, 0},
		{"1.2.3", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
		{"1e3", -EINVAL, 0},
		{"inf", -EINVAL, 0},
	};

	for (size_t i = 0; i < N(cases); i++) {
		uint64_t value = 4711;

		assert_int_equal(units_count("--x", cases[i].text, &value), cases[i].err);
		assert_int_equal(value, cases[i].err ? 4711 : cases[i].value);
	}
}

static void units_number_out_of_range_names_the_range(void **state)
{
	uint64_t value = 4711;

	assert_int_equal(units_number("--burst", "257", 1, 256, &value), -EINVAL);
	assert_int_equal(units_number("--burst", "0", 1, 256, &value), -EINVAL);
	assert_int_equal(value, 4711);
	assert_non_null(strstr(vireo_last_error(), "--burst"));
	assert_non_null(strstr(vireo_last_error(), "256"));
	assert_int_equal(units_number("--burst", "256", 1, 256, &value), 0);
	assert_int_equal(value, 256);
}

static void units_rate_table_parses(void **state)
{
	static const struct {
		const char *text;
		int err;
		double value;
		int bits;
	} cases[] = {
		{"1.5M", 0, 1.5e6, 0},	  {"20000", 0, 20000, 0},      {"20kpps", 0, 20e3, 0}, {"0.5pps", 0, 0.5, 0},
		{"1Gpps", 0, 1e9, 0},	  {"10G", 0, 10e9, 1},	       {"2.5G", 0, 2.5e9, 1},  {"1Gbit", 0, 1e9, 1},
		{"100Mbps", 0, 100e6, 1}, {"100mbit/s", 0, 100e6, 1},  {"64bps", 0, 64, 1},    {"0", -EINVAL, 0, 0},
		{"0.0G", -EINVAL, 0, 0},  {"-1M", -EINVAL, 0, 0},      {"M", -EINVAL, 0, 0},   {"1X", -EINVAL, 0, 0},
		{"1Mfoo", -EINVAL, 0, 0}, {"1000000G", -EINVAL, 0, 0}, {"", -EINVAL, 0, 0},    {"nan", -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct units_rate rate = {-1, -1};

		assert_int_equal(units_rate("--rate", cases[i].text, &rate), cases[i].err);
		assert_true(rate.per_second == (cases[i].err ? -1 : cases[i].value));
		assert_int_equal(rate.bits, cases[i].err ? -1 : cases[i].bits);
	}
}

static void units_duration_table_parses(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ns;
	} cases[] = {
		{"10", 0, 10000000000},	      {"10s", 0, 10000000000}, {"0.25", 0, 250000000},
		{"500ms", 0, 500000000},      {"1.5us", 0, 1500},      {"2m", 0, 120000000000},
		{"1h", 0, 3600000000000},     {"0", -EINVAL, 0},       {"0.0000000001", -EINVAL, 0},
		{"10sec", -EINVAL, 0},	      {"-5s", -EINVAL, 0},     {"", -EINVAL, 0},
		{"99999999999h", -EINVAL, 0},
	};

	for (size_t i = 0; i < N(cases); i++) {
		uint64_t ns = 4711;

		assert_int_equal(units_duration("--duration", cases[i].text, &ns), cases[i].err);
		assert_int_equal(ns, cases[i].err ? 4711 : cases[i].ns);
	}
}

static void units_page_size_table_parses(void **state)
{
	uint64_t bytes = 0;

	assert_int_equal(units_page_size("--page-size", "4K", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(units_page_size("--page-size", "2m", &bytes), 0);
	assert_int_equal(bytes, 2 << 20);
	assert_int_equal(units_page_size("--page-size", "1G", &bytes), 0);
	assert_int_equal(bytes, 1 << 30);
	assert_int_equal(units_page_size("--page-size", "3M", &bytes), -EINVAL);
	assert_int_equal(units_page_size("--page-size", "", &bytes), -EINVAL);
}

static void units_ip_range_table_parses(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint32_t first, last;
	} cases[] = {
		{"10.0.0.1", 0, 0x0a000001, 0x0a000001},
		{"10.0.0.1-10.0.1.0", 0, 0x0a000001, 0x0a000100},
		{"10.0.0.7/24", 0, 0x0a000000, 0x0a0000ff},
		{"10.0.0.7/32", 0, 0x0a000007, 0x0a000007},
		{"1.2.3.4/0", 0, 0, 0xffffffff},
		{"10.0.0.1/33", -EINVAL, 0, 0},
		{"10.0.0.1/", -EINVAL, 0, 0},
		{"10.0.0.1/8x", -EINVAL, 0, 0},
		{"10.0.0.2-10.0.0.1", -EINVAL, 0, 0},
		{"10.0.0.1-", -EINVAL, 0, 0},
		{"10.0.0", -EINVAL, 0, 0},
		{"10.0.0.256", -EINVAL, 0, 0},
		{"", -EINVAL, 0, 0},
		{"1111111111111111111111111111111111111111111", -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < N(cases); i++) {
		struct units_range r = {1, 2};

		assert_int_equal(units_ip_range("--src-ip", cases[i].text, &r), cases[i].err);
		assert_int_equal(r.first, cases[i].err ? 1 : cases[i].first);
		assert_int_equal(r.last, cases[i].err ? 2 : cases[i].last);
	}
}

static void units_port_range_table_parses(void **state)
{
	struct units_range r;

	assert_int_equal(units_port_range("--src-port", "1024-2047", &r), 0);
	assert_int_equal(r.first, 1024);
	assert_int_equal(r.last, 2047);
	assert_int_equal(units_port_range("--src-port", "0", &r), 0);
	assert_int_equal(units_port_range("--src-port", "65536", &r), -EINVAL);
	assert_int_equal(units_port_range("--src-port", "2-1", &r), -EINVAL);
	assert_int_equal(units_port_range("--src-port", "1-", &r), -EINVAL);
	assert_int_equal(units_port_range("--src-port", "1k", &r), -EINVAL);
}

static void units_mac_table_parses(void **state)
{
	static const uint8_t expected[VIREO_MAC_LEN] = {0x52, 0x54, 0, 0x12, 0xab, 0xff};
	static const char *const bad[] = {"",
					  "52:54:00:12:ab",
					  "52:54:00:12:ab:ff:00",
					  "52:54:00:12:ab:fg",
					  "52-54-00-12-ab-ff",
					  "5:254:00:12:ab:ff",
					  "52:54:00:12:ab:f "};
	uint8_t mac[VIREO_MAC_LEN];

	assert_int_equal(units_mac("--dst-mac", "52:54:00:12:AB:ff", mac), 0);
	assert_memory_equal(mac, expected, sizeof(mac));
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(units_mac("--dst-mac", bad[i], mac), -EINVAL);
}

static void units_cpus_table_parses(void **state)
{
	static const char *const bad[] = {"", ",", "1,", "1-", "-1", "3-2", "a", "1;2", "99999999", "1.5"};
	int cpus[4];

	assert_int_equal(units_cpus("--cpu", "0,2-3", cpus, 4), 3);
	assert_int_equal(cpus[0], 0);
	assert_int_equal(cpus[1], 2);
	assert_int_equal(cpus[2], 3);
	assert_int_equal(units_cpus("--cpu", "0-3", cpus, 4), 4);
	assert_int_equal(units_cpus("--cpu", "0-4", cpus, 4), -EINVAL);
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(units_cpus("--cpu", bad[i], cpus, 4), -EINVAL);
}

static void units_format_keeps_three_digits(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{7, "7"},
		{999, "999"},
		{1000, "1.00k"},
		{1488095, "1.49M"},
		{14880952, "14.9M"},
		{148809523, "149M"},
		{999600, "1.00M"},
		{10e9, "10.0G"},
		{5e15, "5000T"},
	};
	char buf[UNITS_BUF];

	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(units_format(cases[i].value, buf), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_count_table_parses),
		cmocka_unit_test(units_number_out_of_range_names_the_range),
		cmocka_unit_test(units_rate_table_parses),
		cmocka_unit_test(units_duration_table_parses),
		cmocka_unit_test(units_page_size_table_parses),
		cmocka_unit_test(units_ip_range_table_parses),
		cmocka_unit_test(units_port_range_table_parses),
		cmocka_unit_test(units_mac_table_parses),
		cmocka_unit_test(units_cpus_table_parses),
		cmocka_unit_test(units_format_keeps_three_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

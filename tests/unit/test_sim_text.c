// SPDX-License-Identifier: BSD-2-Clause
/* What people type at simulated ports. */
#include "unit.h"

#include "text.h"

static struct sim_text text;
static struct sim_why why;

static void parse(const char *words)
{
	sim_text_parse(&text, words, &why);
}

static void assert_why(const char *part)
{
	if (!strstr(why.text, part))
		fail_msg("\"%s\" is not in the sentence \"%s\"", part, why.text);
}

static void text_parse_kind_argument_and_options_are_told_apart(void **state)
{
	parse("cable:left,loss=1%,asis");
	assert_int_equal(text.err, 0);
	assert_string_equal(text.kind, "cable");
	assert_string_equal(text.arg, "left");
	assert_string_equal(sim_text_value(&text, "loss"), "1%");
	assert_true(sim_text_flag(&text, "asis"));
	assert_false(sim_text_flag(&text, "fast"));
	assert_null(sim_text_value(&text, "in"));
	assert_int_equal(sim_text_finish(&text), 0);

	parse("gen");
	assert_string_equal(text.kind, "gen");
	assert_string_equal(text.arg, "");
	assert_int_equal(sim_text_finish(&text), 0);

	parse("pcap,in=/tmp/a=b:c.pcap");
	assert_string_equal(sim_text_value(&text, "in"), "/tmp/a=b:c.pcap");
	assert_int_equal(sim_text_finish(&text), 0);
}

static void text_parse_nonsense_is_refused(void **state)
{
	static const char *const cases[] = {"gen,",	 "gen,=1", "gen,A=1", "gen,a=1,a=2",
					    "gen,a b=1", "gen,,",  "gen,1=2"};
	char longest[SIM_TEXT_MAX + 1];

	for (unsigned i = 0; i < N_OF(cases); i++) {
		parse(cases[i]);
		if (text.err != -EINVAL || strlen(why.text) < 10)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_int_equal(sim_text_finish(&text), -EINVAL);
	}
	memset(longest, 'x', sizeof(longest));
	longest[SIM_TEXT_MAX] = '\0';
	parse(longest);
	assert_int_equal(text.err, -EINVAL);
	longest[SIM_TEXT_MAX - 1] = '\0';
	parse(longest);
	assert_int_equal(text.err, 0);
}

static void text_finish_unknown_option_is_named_with_the_known(void **state)
{
	parse("gen,sice=64");
	sim_text_flag(&text, "fast");
	sim_text_value(&text, "size");
	assert_int_equal(sim_text_finish(&text), -EINVAL);
	assert_why("no option \"sice\"");
	assert_why("fast size");
}

static void text_first_failure_is_kept(void **state)
{
	uint64_t number = 7;

	parse("gen,a=x,b=y");
	sim_text_number(&text, "a", 0, 9, &number);
	sim_text_number(&text, "b", 0, 9, &number);
	sim_text_fail(&text, -EIO, "another");
	assert_int_equal(sim_text_finish(&text), -EINVAL);
	assert_why("a=x");
	assert_int_equal(number, 7);
}

/* Each text is the value of "k"; want UINT64_MAX means that it is refused. */
struct value_case {
	const char *text;
	uint64_t want;
};

static void check_values(const struct value_case *cases, unsigned n, void (*get)(struct sim_text *, uint64_t *))
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t got = 12345;
		char words[128];

		snprintf(words, sizeof(words), "w,k=%s", cases[i].text);
		parse(words);
		get(&text, &got);
		if (cases[i].want == UINT64_MAX) {
			if (sim_text_finish(&text) != -EINVAL || got != 12345)
				fail_msg("\"%s\" was taken", cases[i].text);
			assert_why(cases[i].text);
		} else if (sim_text_finish(&text) || got != cases[i].want) {
			fail_msg("\"%s\" gives %llu: %s", cases[i].text, (unsigned long long)got, why.text);
		}
	}
}

static void get_number(struct sim_text *t, uint64_t *value)
{
	sim_text_number(t, "k", 2, 3000000, value);
}

static void text_number_table_parses(void **state)
{
	static const struct value_case cases[] = {
		{"2", 2},
		{"3000000", 3000000},
		{"3M", 3000000},
		{"1.5k", 1500},
		{".5k", 500},
		{"1", UINT64_MAX},
		{"3000001", UINT64_MAX},
		{"1.5", UINT64_MAX},
		{"-5", UINT64_MAX},
		{"+5", UINT64_MAX},
		{" 5", UINT64_MAX},
		{"5 ", UINT64_MAX},
		{"0x10", UINT64_MAX},
		{"5m", UINT64_MAX},
		{"5kk", UINT64_MAX},
		{"1e3", UINT64_MAX},
		{"", UINT64_MAX},
		{"18446744073709551616", UINT64_MAX},
		{"99999999999999G", UINT64_MAX},
	};

	check_values(cases, N_OF(cases), get_number);
}

static void get_duration(struct sim_text *t, uint64_t *value)
{
	sim_text_duration(t, "k", value);
}

static void text_duration_table_parses(void **state)
{
	static const struct value_case cases[] = {
		{"10s", 10000000000},
		{"0s", 0},
		{"1.5ms", 1500000},
		{"20us", 20000},
		{"7ns", 7},
		{"2m", 120000000000},
		{"1h", 3600000000000},
		{"10", UINT64_MAX},
		{"10 s", UINT64_MAX},
		{"0.5ns", UINT64_MAX},
		{"s", UINT64_MAX},
		{"1sec", UINT64_MAX},
		{"99999999999999999s", UINT64_MAX},
	};

	check_values(cases, N_OF(cases), get_duration);
}

static void get_share(struct sim_text *t, uint64_t *value)
{
	sim_text_share(t, "k", value);
}

static void text_share_table_parses(void **state)
{
	static const struct value_case cases[] = {
		{"0", 0},
		{"0%", 0},
		{"1", 1ull << 32},
		{"100%", 1ull << 32},
		{"50%", 1ull << 31},
		{"0.25", 1ull << 30},
		{"1%", (1ull << 32) / 100},
		{"101%", UINT64_MAX},
		{"2", UINT64_MAX},
		{"1%%", UINT64_MAX},
		{"%", UINT64_MAX},
		{"-1%", UINT64_MAX},
		{"1 %", UINT64_MAX},
	};

	check_values(cases, N_OF(cases), get_share);
}

static void text_range_one_number_or_two(void **state)
{
	uint64_t first = 1, last = 1;

	parse("gen,size=64-1.5k");
	sim_text_range(&text, "size", 60, 9000, &first, &last);
	assert_int_equal(sim_text_finish(&text), 0);
	assert_int_equal(first, 64);
	assert_int_equal(last, 1500);
	parse("gen,size=100");
	sim_text_range(&text, "size", 60, 9000, &first, &last);
	assert_int_equal(first, 100);
	assert_int_equal(last, 100);
	for (unsigned i = 0; i < 5; i++) {
		static const char *const bad[] = {"gen,size=100-64", "gen,size=59-64", "gen,size=64-9001",
						  "gen,size=64-", "gen,size=64-70-80"};

		parse(bad[i]);
		sim_text_range(&text, "size", 60, 9000, &first, &last);
		assert_int_equal(sim_text_finish(&text), -EINVAL);
		assert_int_equal(first, 100);
	}
}

static void text_rate_packets_or_bits(void **state)
{
	static const struct {
		const char *words;
		double per_second;
		bool bits;
	} good[] = {
		{"g,rate=1.5M", 1.5e6, false}, {"g,rate=20kpps", 20e3, false}, {"g,rate=10G", 10e9, true},
		{"g,rate=100Mbps", 1e8, true}, {"g,rate=7", 7, false},	       {"g,rate=1Gbit", 1e9, true},
		{"g,rate=2Gpps", 2e9, false},
	};
	static const char *const bad[] = {"g,rate=0",  "g,rate=",     "g,rate",
					  "g,rate=-1", "g,rate=1Mxx", "g,rate=99999999G"};
	struct sim_rate rate;

	for (unsigned i = 0; i < N_OF(good); i++) {
		parse(good[i].words);
		sim_text_rate(&text, "rate", &rate);
		assert_int_equal(sim_text_finish(&text), 0);
		assert_true(rate.per_second == good[i].per_second && rate.bits == good[i].bits);
	}
	for (unsigned i = 0; i < N_OF(bad); i++) {
		parse(bad[i]);
		sim_text_rate(&text, "rate", &rate);
		if (sim_text_finish(&text) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void text_mac_whole_or_refused(void **state)
{
	static const uint8_t want[6] = {0x52, 0x54, 0x00, 0xab, 0xCD, 0xff};
	static const char *const bad[] = {"g,dst=52:54:00:ab:cd", "g,dst=52:54:00:ab:cd:ff:", "g,dst=5254:00:ab:cd:fff",
					  "g,dst=52-54-00-ab-cd-ff", "g,dst"};
	uint8_t mac[6] = {0};

	parse("g,dst=52:54:00:ab:CD:ff");
	sim_text_mac(&text, "dst", mac);
	assert_int_equal(sim_text_finish(&text), 0);
	assert_memory_equal(mac, want, 6);
	for (unsigned i = 0; i < N_OF(bad); i++) {
		parse(bad[i]);
		sim_text_mac(&text, "dst", mac);
		assert_int_equal(sim_text_finish(&text), -EINVAL);
		assert_memory_equal(mac, want, 6);
	}
}

static void text_flag_with_value_is_refused(void **state)
{
	parse("echo,asis=yes");
	sim_text_flag(&text, "asis");
	assert_int_equal(sim_text_finish(&text), -EINVAL);
	assert_why("takes no value");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_parse_kind_argument_and_options_are_told_apart),
		cmocka_unit_test(text_parse_nonsense_is_refused),
		cmocka_unit_test(text_finish_unknown_option_is_named_with_the_known),
		cmocka_unit_test(text_first_failure_is_kept),
		cmocka_unit_test(text_number_table_parses),
		cmocka_unit_test(text_duration_table_parses),
		cmocka_unit_test(text_share_table_parses),
		cmocka_unit_test(text_range_one_number_or_two),
		cmocka_unit_test(text_rate_packets_or_bits),
		cmocka_unit_test(text_mac_whole_or_refused),
		cmocka_unit_test(text_flag_with_value_is_refused),
	};

	return cmocka_run_group_tests_name("sim_text", tests, NULL, NULL);
}

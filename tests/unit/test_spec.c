// SPDX-License-Identifier: BSD-2-Clause
#include "unit.h"

#include "bus.h"

static void spec_parse_addresses_are_canonical(void **state)
{
	static const struct {
		const char *text, *prefix, *address;
	} cases[] = {
		{"0000:03:00.0", "", "0000:03:00.0"},
		{"03:00.0", "", "0000:03:00.0"},
		{"3:0.7", "", "0000:03:00.7"},
		{"0:3:1f.7", "", "0000:03:1f.7"},
		{"AB:1F.1", "", "0000:ab:1f.1"},
		{"10000:E1:00.0", "", "10000:e1:00.0"},
		{"fa:00.0", "", "0000:fa:00.0"},
		{"fake:a", "fake", "a"},
		{"fake:", "fake", ""},
		{"sim", "sim", ""},
		{"sim:pcap:/tmp/x.pcap", "sim", "pcap:/tmp/x.pcap"},
		{"vfio-user:/run/a b.sock", "vfio-user", "/run/a b.sock"},
	};
	struct spec spec;

	for (unsigned i = 0; i < N_OF(cases); i++) {
		assert_int_equal(spec_parse(cases[i].text, &spec), 0);
		assert_string_equal(spec.prefix, cases[i].prefix);
		assert_string_equal(spec.address, cases[i].address);
		assert_int_equal(spec.n_options, 0);
	}
}

static void spec_parse_nonsense_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		",",
		"0000:03:00",
		"0000:03:20.0",
		"0000:03:00.8",
		"0000:03:00.00",
		"03:00.0 ",
		" 03:00.0",
		"::.",
		"0",
		"123456789:03:00.0",
		"0000:03:00.0:",
		"0000:123:00.0",
		"Fake:a",
		"-x:a",
		"averylongprefix1:a",
		"eth 0",
		"03:00.0,",
		"03:00.0,=x",
		"03:00.0,a=1,a=2",
		"03:00.0,A=1",
		"03:00.0,toolongofanoption=1",
		"03:00.0,a b",
		"03:00.0,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y",
	};
	struct spec spec;

	for (unsigned i = 0; i < N_OF(cases); i++) {
		memset(&spec, 0x55, sizeof(spec));
		if (spec_parse(cases[i], &spec) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		/* Written on success only. */
		assert_int_equal(spec.prefix[0], 0x55);
		assert_true(strlen(vireo_last_error()) > 20);
	}
	assert_int_equal(spec_parse(NULL, &spec), -EINVAL);
	assert_sentence("0000:03:00.0");
}

static void spec_parse_long_address_is_refused(void **state)
{
	char text[SPEC_ADDRESS_MAX + 32];
	struct spec spec;

	memset(text, 'x', sizeof(text));
	memcpy(text, "sim:", 4);
	text[4 + SPEC_ADDRESS_MAX - 1] = '\0';
	assert_int_equal(spec_parse(text, &spec), 0);
	text[4 + SPEC_ADDRESS_MAX - 1] = 'x';
	text[4 + SPEC_ADDRESS_MAX] = '\0';
	assert_int_equal(spec_parse(text, &spec), -EINVAL);
	text[4 + SPEC_ADDRESS_MAX] = 'x';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(spec_parse(text, &spec), -EINVAL);
}

static void spec_parse_options_up_to_their_limits(void **state)
{
	char text[16 + 192];
	struct spec spec;

	assert_int_equal(spec_parse("sim:gen,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x", &spec), 0);
	assert_int_equal(spec.n_options, SPEC_MAX_OPTIONS);
	memset(text, 'x', sizeof(text));
	memcpy(text, "sim,in=", 7);
	text[7 + 191] = '\0';
	assert_int_equal(spec_parse(text, &spec), 0);
	assert_int_equal(strlen(spec_option(&spec, "in")), 191);
	text[7 + 191] = 'x';
	text[7 + 192] = '\0';
	assert_int_equal(spec_parse(text, &spec), -EINVAL);
}

static void spec_option_values_flags_and_absence(void **state)
{
	static const char *const known[] = {"container", "server", "x", NULL};
	static const char *const other[] = {"server", NULL};
	struct spec spec;

	assert_int_equal(spec_parse("03:00.0,container=a=b,server,x=", &spec), 0);
	assert_int_equal(spec.n_options, 3);
	assert_string_equal(spec_option(&spec, "container"), "a=b");
	assert_string_equal(spec_option(&spec, "server"), "");
	assert_string_equal(spec_option(&spec, "x"), "");
	assert_null(spec_option(&spec, "serve"));
	assert_int_equal(spec_check_options(&spec, known), 0);
	assert_int_equal(spec_check_options(&spec, other), -EINVAL);
	assert_sentence("\"container\"");
}

/* Whatever comes in, nothing is written outside and the result is a spec or -EINVAL. */
static void spec_parse_random_text_stays_inside(void **state)
{
	static const char alphabet[] = "0123456789abcdefx:.,=-_ \xff";
	char text[64];
	struct spec spec;

	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned len = (unsigned)rand() % (sizeof(text) - 1);

		for (unsigned j = 0; j < len; j++)
			text[j] = alphabet[(unsigned)rand() % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		if (spec_parse(text, &spec) == 0) {
			assert_true(strlen(spec.prefix) < sizeof(spec.prefix));
			assert_true(spec.n_options <= SPEC_MAX_OPTIONS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spec_parse_addresses_are_canonical),
		cmocka_unit_test(spec_parse_nonsense_is_refused),
		cmocka_unit_test(spec_parse_long_address_is_refused),
		cmocka_unit_test(spec_parse_options_up_to_their_limits),
		cmocka_unit_test(spec_option_values_flags_and_absence),
		cmocka_unit_test(spec_parse_random_text_stays_inside),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}

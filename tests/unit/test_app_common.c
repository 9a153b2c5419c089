// SPDX-License-Identifier: BSD-2-Clause
/* What the apps share: "--json", exit codes, sentences, workers. */
#include <time.h>

#include "app.h"
#include "report.h"
#include "unit.h"
#include "worker.h"

#include <vireo/driver.h>

#define MAX_WORDS 8

static void report_join_json_table_finds_the_file(void **state)
{
	static const struct {
		const char *in[MAX_WORDS], *out[MAX_WORDS];
	} cases[] = {
		{{"x"}, {"x"}},
		{{"x", "--json"}, {"x", "--json"}},
		{{"x", "--json", "file"}, {"x", "--json=file"}},
		{{"x", "--json", "file", "0000:03:00.0"}, {"x", "--json=file", "0000:03:00.0"}},
		{{"x", "--json", "0000:03:00.0"}, {"x", "--json", "0000:03:00.0"}},
		{{"x", "--json", "03:00.0", "a"}, {"x", "--json", "03:00.0", "a"}},
		{{"x", "--json", "sim"}, {"x", "--json", "sim"}},
		{{"x", "--json", "sim,rate=1"}, {"x", "--json", "sim,rate=1"}},
		{{"x", "--json", "simple"}, {"x", "--json=simple"}},
		{{"x", "--json", "-"}, {"x", "--json=-"}},
		{{"x", "--json", "-q"}, {"x", "--json", "-q"}},
		{{"x", "--json", "--", "a"}, {"x", "--json", "--", "a"}},
		{{"x", "--json=a:b", "c"}, {"x", "--json=a:b", "c"}},
		{{"x", "--", "--json", "file"}, {"x", "--", "--json", "file"}},
		{{"x", "a", "--json", "b", "c"}, {"x", "a", "--json=b", "c"}},
	};

	for (size_t i = 0; i < N_OF(cases); i++) {
		char *argv[MAX_WORDS + 1];
		int argc = 0, n = 0;

		memcpy(argv, cases[i].in, sizeof(cases[i].in));
		argv[MAX_WORDS] = NULL;
		while (argv[argc])
			argc++;
		argc = report_join_json(argc, argv);
		for (; cases[i].out[n]; n++)
			assert_string_equal(argv[n], cases[i].out[n]);
		assert_int_equal(argc, n);
		assert_null(argv[n]);
	}
}

static void app_exit_code_table_is_that_of_the_man_pages(void **state)
{
	static const int errs[] = {0,		-ESRCH,	 -EINVAL, -ENOENT, -EUNATCH, -EACCES, -EBUSY,  -EPERM,
				   -EOPNOTSUPP, -ENOMEM, -ENOSPC, -EDQUOT, -ENODEV,  -EIO,    -EBADMSG};

	for (size_t i = 0; i < N_OF(errs); i++)
		assert_int_equal(app_exit_code(errs[i]), i);
	assert_int_equal(app_exit_code(-ETIMEDOUT), APP_DEVICE_ERROR);
}

static void app_failed_keeps_the_first_sentence(void **state)
{
	app_init("test");
	assert_int_equal(app_failed(0), 0);
	assert_string_equal(app_sentence(), "");
	assert_int_equal(app_failed(vireo_error(-EIO, "the reason")), -EIO);
	assert_int_equal(app_failed(vireo_error(-ENODEV, "what cleaning up found")), -ENODEV);
	assert_string_equal(app_sentence(), "the reason");
	app_init("test");
	assert_string_equal(app_sentence(), "");
}

struct passes {
	unsigned n, limit; /* n: atomic */
};

static bool count_pass(void *ctx)
{
	struct passes *p = ctx;

	return __atomic_add_fetch(&p->n, 1, __ATOMIC_RELAXED) < p->limit;
}

static unsigned passes(const struct passes *p)
{
	return __atomic_load_n(&p->n, __ATOMIC_RELAXED);
}

static void nap(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static void worker_paused_makes_no_pass(void **state)
{
	struct passes p = {.limit = UINT32_MAX};
	struct worker w = {.pass = count_pass, .ctx = &p, .cpu = WORKER_ANY_CPU};
	unsigned before;

	assert_int_equal(worker_start(&w), 0);
	for (unsigned round = 0; round < 20; round++) {
		while (!passes(&p))
			nap();
		worker_pause(&w);
		before = passes(&p);
		nap();
		assert_int_equal(passes(&p), before);
		__atomic_store_n(&p.n, 0, __ATOMIC_RELAXED);
		worker_resume(&w);
	}
	assert_false(worker_finished(&w));
	worker_stop(&w);
	worker_stop(&w);
}

static void worker_whose_pass_says_so_finishes(void **state)
{
	struct passes p = {.limit = 5};
	struct worker w = {.pass = count_pass, .ctx = &p, .cpu = WORKER_ANY_CPU};

	assert_int_equal(worker_start(&w), 0);
	while (!worker_finished(&w))
		nap();
	assert_int_equal(passes(&p), 5);
	worker_pause(&w); /* returns, although nobody answers any more */
	worker_stop(&w);
}

static void worker_start_on_a_missing_cpu_is_refused(void **state)
{
	struct passes p = {.limit = 1};
	struct worker w = {.pass = count_pass, .ctx = &p, .cpu = 1023};

	assert_int_equal(worker_start(&w), -EINVAL);
	assert_sentence("CPU 1023");
	worker_pause(&w);
	worker_stop(&w);
	assert_int_equal(p.n, 0);
}

static void app_port_that_fails_now_and_then_is_not_broken(void **state)
{
	const uint64_t second = 1000000000;
	struct app_port p = {0};
	uint64_t now = 5 * second;

	for (unsigned i = 0; i < 100; i++, now += 61 * second)
		assert_false(app_port_is_broken(&p, now));
	for (unsigned i = 0; i < 15; i++)
		assert_false(app_port_is_broken(&p, now - 61 * second + second + i * 59 * second));
	assert_true(app_port_is_broken(&p, now - 61 * second + second + 15 * 59 * second));
}

static void app_spec_same_but_for_simulated_cards(void **state)
{
	assert_true(app_spec_same("0000:03:00.0", "0000:03:00.0"));
	assert_true(app_spec_same("vfio-user:a.sock", "vfio-user:a.sock"));
	assert_true(app_spec_same("simple:x", "simple:x"));
	assert_false(app_spec_same("0000:03:00.0", "0000:04:00.0"));
	assert_false(app_spec_same("sim", "sim"));
	assert_false(app_spec_same("sim:cable:x", "sim:cable:x"));
	assert_false(app_spec_same("sim,loss=1%", "sim,loss=1%"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_join_json_table_finds_the_file),
		cmocka_unit_test(app_exit_code_table_is_that_of_the_man_pages),
		cmocka_unit_test(app_failed_keeps_the_first_sentence),
		cmocka_unit_test(app_port_that_fails_now_and_then_is_not_broken),
		cmocka_unit_test(app_spec_same_but_for_simulated_cards),
		cmocka_unit_test(worker_paused_makes_no_pass),
		cmocka_unit_test(worker_whose_pass_says_so_finishes),
		cmocka_unit_test(worker_start_on_a_missing_cpu_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

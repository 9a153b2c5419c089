// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/driver.h>

static struct {
	unsigned n;
	void *ctx;
	enum vireo_log_level level;
	char text[2048];
} seen;

static void note(void *ctx, enum vireo_log_level level, const char *text)
{
	seen.n++;
	seen.ctx = ctx;
	seen.level = level;
	snprintf(seen.text, sizeof(seen.text), "%s", text);
}

static int forget(void **state)
{
	vireo_log_set(NULL, NULL, VIREO_LOG_ERR);
	memset(&seen, 0, sizeof(seen));
	return 0;
}

static void *first_sentence_of_thread(void *arg)
{
	snprintf(arg, 64, "%s", vireo_last_error());
	vireo_error(-EIO, "of the other thread");
	return NULL;
}

static void last_error_other_thread_untouched(void **state)
{
	char text[64] = "x";
	pthread_t thread;

	assert_int_equal(vireo_error(-EINVAL, "of %s thread", "this"), -EINVAL);
	assert_int_equal(pthread_create(&thread, NULL, first_sentence_of_thread, text), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(text, "");
	assert_string_equal(vireo_last_error(), "of this thread");
}

static void error_last_sentence_as_argument_survives(void **state)
{
	vireo_error(-EIO, "the disk is on fire");
	assert_int_equal(vireo_error(-ENODEV, "port 3: %s", vireo_last_error()), -ENODEV);
	assert_string_equal(vireo_last_error(), "port 3: the disk is on fire");
}

static void error_very_long_sentence_cut(void **state)
{
	char text[3000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	vireo_log_set(note, NULL, VIREO_LOG_DEBUG);
	assert_int_equal(vireo_error(-E2BIG, "%s", text), -E2BIG);
	assert_in_range(strlen(vireo_last_error()), 500, 2000);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.text, vireo_last_error());
}

static void error_percent_in_argument_not_a_format(void **state)
{
	vireo_log_set(note, NULL, VIREO_LOG_DEBUG);
	vireo_error(-EINVAL, "bad spec '%s'", "%n%s%s");
	assert_string_equal(vireo_last_error(), "bad spec '%n%s%s'");
	assert_string_equal(seen.text, "bad spec '%n%s%s'");
}

static void log_level_above_max_not_delivered(void **state)
{
	int ctx;

	vireo_log_set(note, &ctx, VIREO_LOG_WARN);
	vireo_log(VIREO_LOG_INFO, "quiet");
	vireo_log(VIREO_LOG_DEBUG, "quieter");
	assert_int_equal(seen.n, 0);
	vireo_log(VIREO_LOG_WARN, "%d %s", 7, "drops");
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.level, VIREO_LOG_WARN);
	assert_ptr_equal(seen.ctx, &ctx);
	assert_string_equal(seen.text, "7 drops");
	vireo_log(VIREO_LOG_ERR, "worse");
	assert_int_equal(seen.n, 2);
}

static void log_without_callback_is_silent(void **state)
{
	vireo_log_set(note, NULL, VIREO_LOG_DEBUG);
	vireo_log_set(NULL, NULL, VIREO_LOG_DEBUG);
	vireo_log(VIREO_LOG_ERR, "nobody listens");
	assert_int_equal(seen.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(last_error_other_thread_untouched, forget),
		cmocka_unit_test_setup(error_last_sentence_as_argument_survives, forget),
		cmocka_unit_test_setup(error_very_long_sentence_cut, forget),
		cmocka_unit_test_setup(error_percent_in_argument_not_a_format, forget),
		cmocka_unit_test_setup(log_level_above_max_not_delivered, forget),
		cmocka_unit_test_setup(log_without_callback_is_silent, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

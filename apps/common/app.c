// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app.h"

static const char *name = "vireo";
static volatile sig_atomic_t stopping;
static char sentence[1024];

static const struct {
	int err;
	enum app_exit code;
} codes[] = {
	{0, APP_OK},
	{-EINVAL, APP_USAGE},
	{-ENOENT, APP_NO_DEVICE},
	{-EUNATCH, APP_NOT_BOUND},
	{-EACCES, APP_NO_PERMISSION},
	{-EBUSY, APP_BUSY},
	{-EPERM, APP_NOT_VIABLE},
	{-EOPNOTSUPP, APP_NOT_DRIVABLE},
	{-ENOMEM, APP_NO_HUGEPAGES},
	{-ENOSPC, APP_FEW_HUGEPAGES},
	{-EDQUOT, APP_MEMLOCK},
	{-ENODEV, APP_DEVICE_LOST},
	{-EIO, APP_DEVICE_ERROR},
	{-ETIMEDOUT, APP_DEVICE_ERROR},
	{-EBADMSG, APP_VERIFY_FAILED},
};

void app_init(const char *app)
{
	name = app;
	stopping = 0;
	sentence[0] = '\0';
	app_log_to_stderr(VIREO_LOG_WARN);
}

const char *app_name(void)
{
	return name;
}

int app_exit_code(int err)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].err == err)
			return codes[i].code;
	return APP_FAILED;
}

int app_failed(int err)
{
	const char *text = vireo_last_error();

	if (err && !sentence[0])
		snprintf(sentence, sizeof(sentence), "%s", text[0] ? text : strerror(-err));
	return err;
}

const char *app_sentence(void)
{
	return sentence;
}

int app_finish(int err)
{
	if (!app_failed(err))
		return APP_OK;
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", name, sentence);
	return app_exit_code(err);
}

static void print_line(void *ctx, enum vireo_log_level level, const char *text)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};

	fprintf(stderr, "%s: %s: %s\n", name, words[level], text);
}

void app_log_to_stderr(enum vireo_log_level level)
{
	vireo_log_set(print_line, NULL, level);
}

static void on_signal(int sig)
{
	stopping = 1;
}

void app_catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	/* Once only: whoever presses Ctrl-C twice does not want to wait. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

bool app_stopping(void)
{
	return stopping;
}

void app_stop(void)
{
	stopping = 1;
}

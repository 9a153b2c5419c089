// SPDX-License-Identifier: BSD-2-Clause
/* The sentence of the last failure, and the log callback. The library itself never prints. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vireo/log.h>

#define LINE_MAX_LEN 1024

static struct {
	vireo_log_fn fn;
	void *ctx;
	enum vireo_log_level max;
} sink;

static _Thread_local char last_error[LINE_MAX_LEN];

void vireo_log_set(vireo_log_fn fn, void *ctx, enum vireo_log_level max)
{
	sink.fn = fn;
	sink.ctx = ctx;
	sink.max = max;
}

const char *vireo_last_error(void)
{
	return last_error;
}

int vireo_error(int err, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;

	/* Not straight into place: an argument may be the sentence before, which a caller adds to. */
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	strcpy(last_error, line);
	/* The caller decides whether a failed call is an error of the program, so this is a line for the curious only. */
	vireo_log(VIREO_LOG_DEBUG, "%s", last_error);
	return err;
}

void vireo_log(enum vireo_log_level level, const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list ap;

	if (!sink.fn || level > sink.max)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sink.fn(sink.ctx, level, line);
}

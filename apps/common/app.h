/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_APP_H
#define APPS_APP_H

/*
 * What every app does alike: messages with its name in front, exit codes, signals. Functions of the apps fail as those
 * of the library do, with a negative errno and vireo_last_error(); main() alone turns that into words and a code.
 */

#include <stdbool.h>

#include <vireo/vireo.h>

/* The same table stands in every man page. */
enum app_exit {
	APP_OK = 0,
	APP_FAILED = 1,           /* anything else */
	APP_USAGE = 2,            /* -EINVAL */
	APP_NO_DEVICE = 3,        /* -ENOENT */
	APP_NOT_BOUND = 4,        /* -EUNATCH */
	APP_NO_PERMISSION = 5,    /* -EACCES */
	APP_BUSY = 6,             /* -EBUSY */
	APP_NOT_VIABLE = 7,       /* -EPERM */
	APP_NOT_DRIVABLE = 8,     /* -EOPNOTSUPP */
	APP_NO_HUGEPAGES = 9,     /* -ENOMEM */
	APP_FEW_HUGEPAGES = 10,   /* -ENOSPC */
	APP_MEMLOCK = 11,         /* -EDQUOT */
	APP_DEVICE_LOST = 12,     /* -ENODEV */
	APP_DEVICE_ERROR = 13,    /* -EIO, -ETIMEDOUT */
	APP_VERIFY_FAILED = 14,   /* -EBADMSG */
};

/* To be called first: @name goes in front of messages. */
void app_init(const char *name);
const char *app_name(void);

/* Library lines of @level and above go to stderr from now on. */
void app_log_to_stderr(enum vireo_log_level level);

/* The exit code for @err, 0 or a negative errno. */
int app_exit_code(int err);
/*
 * Keep the sentence that belongs to @err, unless it is 0 or one is kept already: cleaning up may fail too, and its words
 * would take the place of the reason. Returns @err.
 */
int app_failed(int err);
/* The sentence that was kept, or "". */
const char *app_sentence(void);
/* Say on stderr in one line what went wrong, unless @err is 0; returns the exit code. */
int app_finish(int err);

/* SIGINT, SIGTERM, SIGHUP and SIGPIPE (a reader went away) end the show in good order; the second one kills. */
void app_catch_signals(void);
bool app_stopping(void);
void app_stop(void);

#endif

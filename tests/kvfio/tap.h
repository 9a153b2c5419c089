/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KVFIO_TAP_H
#define KVFIO_TAP_H

/*
 * Test results in TAP. Each line ends with what was seen, "name = value", so that the lines of two VFIO modules can be
 * compared with diff.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int tap_n, tap_failed;

static inline const char *tap_value(long value)
{
	static char text[2][64];
	static int turn;
	char *out = text[turn ^= 1];

	if (value < 0 && value > -4096)
		snprintf(out, sizeof(text[0]), "-%s", strerrorname_np(-value) ?: "E?");
	else
		snprintf(out, sizeof(text[0]), "%#lx", value);
	return out;
}

/* One result: @got as it should be, or not. */
static inline bool tap_is(const char *name, long got, long want)
{
	bool ok = got == want;

	tap_n++;
	tap_failed += !ok;
	printf("%sok %d - %s = %s\n", ok ? "" : "not ", tap_n, name, tap_value(got));
	if (!ok)
		printf("# expected %s\n", tap_value(want));
	fflush(stdout);
	return ok;
}

/* One of two answers, where versions of upstream differ. */
static inline bool tap_either(const char *name, long got, long want, long other)
{
	return tap_is(name, got, got == other ? other : want);
}

static inline bool tap_ok(const char *name, bool ok)
{
	return tap_is(name, ok, true);
}

static inline void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The result of a system call, errors as negative numbers. */
static inline long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

#define io(fd, request, argument) sys(ioctl(fd, request, argument))

#endif

// SPDX-License-Identifier: BSD-2-Clause
/* CMOCKA_TEST_FILTER=PATTERN: only the tests of a program whose names match. Compiled into each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static __attribute__((constructor)) void set_filter(void)
{
	const char *pattern = getenv("CMOCKA_TEST_FILTER");

	if (pattern)
		cmocka_set_test_filter(pattern);
}

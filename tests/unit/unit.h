/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_TEST_UNIT_H
#define VIREO_TEST_UNIT_H

/* What every unit test includes; CMocka wants the first three before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vireo/log.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The sentence of the last failure says @part. */
#define assert_sentence(part)                                                                           \
	do {                                                                                            \
		if (!strstr(vireo_last_error(), part))                                                  \
			fail_msg("\"%s\" is not in the sentence \"%s\"", part, vireo_last_error());      \
	} while (0)

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_VERSION_H
#define VIREO_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The version of these headers; meson.build holds the same numbers and a test compares them. */
#define VIREO_VERSION_MAJOR 0
#define VIREO_VERSION_MINOR 1
#define VIREO_VERSION_PATCH 0

/**
 * vireo_version() - the version of the library that is running
 *
 * Return: a static string such as "0.1.0". Any thread.
 */
const char *vireo_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif

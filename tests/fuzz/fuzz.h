/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_FUZZ_FUZZ_H
#define VIREO_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* What libFuzzer calls, and replay.c: one input. Aborts when something is wrong; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

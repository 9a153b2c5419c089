/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIREO_VIREO_H
#define VIREO_VIREO_H

/* Everything a packet-processing program needs. Those who drive devices of their own add device.h or driver.h. */

#include <vireo/log.h>
#include <vireo/memory.h>
#include <vireo/packet.h>
#include <vireo/pool.h>
#include <vireo/port.h>
#include <vireo/ring.h>
#include <vireo/version.h>

#endif

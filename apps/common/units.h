/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_UNITS_H
#define APPS_UNITS_H

/*
 * What people type: numbers with units, ranges, addresses. @opt is the option's name for the sentence of -EINVAL; the
 * result is written only on success.
 */

#include <stddef.h>
#include <stdint.h>

#include <vireo/port.h>

/* "1500", "1.5k", "64M", "2G": decimal multiples, a whole number when all is said. */
int units_count(const char *opt, const char *text, uint64_t *ret_count);
/* As units_count(), between @min and @max. */
int units_number(const char *opt, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number);
/* "10", "10s", "500ms", "20us", "2m", "1h"; more than zero. */
int units_duration(const char *opt, const char *text, uint64_t *ret_ns);
/* "4K", "2M", "1G". */
int units_page_size(const char *opt, const char *text, uint64_t *ret_bytes);

struct units_rate {
	double per_second; /* 0: as fast as it goes */
	int bits;          /* bits on the wire, with preamble, gap and FCS; otherwise packets */
};

/* "1.5M", "20kpps": packets per second; "10G", "100Mbps", "1Gbit": bits per second on the wire. */
int units_rate(const char *opt, const char *text, struct units_rate *ret_rate);

struct units_range {
	uint32_t first, last; /* host byte order, first <= last */
};

/* "198.18.0.1", "198.18.0.1-198.18.0.9", "198.18.0.0/24" */
int units_ip_range(const char *opt, const char *text, struct units_range *ret_range);
/* "1024", "1024-2047" */
int units_port_range(const char *opt, const char *text, struct units_range *ret_range);
/* "52:54:00:12:34:56" */
int units_mac(const char *opt, const char *text, uint8_t ret_mac[VIREO_MAC_LEN]);
/* "0,2-3": at most @max CPUs into @cpus; returns how many, or -EINVAL. */
int units_cpus(const char *opt, const char *text, int *cpus, unsigned max);

/* Short forms for people: "1.49M", "10.0G"; @buf of UNITS_BUF bytes is returned. */
#define UNITS_BUF 32
const char *units_format(double value, char *buf);
/* "12.3 us" */
const char *units_format_ns(uint64_t ns, char *buf);

#endif

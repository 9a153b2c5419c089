// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vireo/log.h>

#include "units.h"

/* A decimal number as digits and a power of ten: exact where a double is not, and deaf to locale, "inf" and "0x". */
struct decimal {
	uint64_t digits;
	unsigned n_fraction;
};

/* Returns where the number ends, or NULL when there is none or it is too long to be meant. */
static const char *parse_decimal(const char *text, struct decimal *ret)
{
	struct decimal d = {0};
	bool point = false;
	unsigned n = 0;

	for (;; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (!isdigit((unsigned char)*text))
			break;
		if (__builtin_mul_overflow(d.digits, 10, &d.digits) ||
		    __builtin_add_overflow(d.digits, *text - '0', &d.digits))
			return NULL;
		d.n_fraction += point;
		n++;
	}
	if (!n)
		return NULL;
	*ret = d;
	return text;
}

/* @d times @scale as a whole number; false when it is none or does not fit. */
static bool scale_decimal(struct decimal d, uint64_t scale, uint64_t *ret)
{
	unsigned __int128 value = (unsigned __int128)d.digits * scale;

	for (; d.n_fraction; d.n_fraction--) {
		if (value % 10)
			return false;
		value /= 10;
	}
	if (value > UINT64_MAX)
		return false;
	*ret = (uint64_t)value;
	return true;
}

static uint64_t multiple(char letter)
{
	switch (letter) {
	case 'k':
	case 'K':
		return 1000;
	case 'm':
	case 'M':
		return 1000 * 1000;
	case 'g':
	case 'G':
		return 1000 * 1000 * 1000;
	default:
		return 1;
	}
}

int units_count(const char *opt, const char *text, uint64_t *ret_count)
{
	struct decimal d;
	uint64_t scale;
	const char *rest = parse_decimal(text, &d);

	if (!rest)
		goto bad;
	scale = multiple(*rest);
	rest += scale != 1;
	if (*rest || !scale_decimal(d, scale, ret_count))
		goto bad;
	return 0;
bad:
	return vireo_error(-EINVAL, "%s %s: not a number; say 1000, 20k or 1.5M", opt, text);
}

int units_number(const char *opt, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	uint64_t n;
	int err = units_count(opt, text, &n);

	if (err)
		return err;
	if (n < min || n > max)
		return vireo_error(-EINVAL, "%s %s: must lie between %llu and %llu", opt, text, (unsigned long long)min,
				   (unsigned long long)max);
	*ret_number = n;
	return 0;
}

int units_duration(const char *opt, const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"", 1000000000}, {"s", 1000000000},  {"ms", 1000000},
		{"us", 1000},	  {"m", 60000000000}, {"h", 3600000000000},
	};
	struct decimal d;
	uint64_t ns;
	const char *rest = parse_decimal(text, &d);

	for (size_t i = 0; rest && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].unit) != 0)
			continue;
		if (!scale_decimal(d, units[i].ns, &ns) || !ns)
			break;
		*ret_ns = ns;
		return 0;
	}
	return vireo_error(-EINVAL, "%s %s: not a time; say 10s, 500ms or 2m", opt, text);
}

int units_page_size(const char *opt, const char *text, uint64_t *ret_bytes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {{"4K", 1ull << 12}, {"2M", 1ull << 21}, {"1G", 1ull << 30}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (strcasecmp(text, sizes[i].text) != 0)
			continue;
		*ret_bytes = sizes[i].bytes;
		return 0;
	}
	return vireo_error(-EINVAL, "%s %s: pages are 4K, 2M or 1G", opt, text);
}

/* What may follow the number and its multiple; without a word, G means bits: nobody sends 10^9 packets per second. */
static int rate_word(const char *word, bool giga)
{
	static const char *const bits[] = {"bps", "bit", "bits", "bit/s", "b/s"};
	static const char *const packets[] = {"pps", "p/s"};

	if (!*word)
		return giga;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (!strcasecmp(word, bits[i]))
			return true;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		if (!strcasecmp(word, packets[i]))
			return false;
	return -EINVAL;
}

int units_rate(const char *opt, const char *text, struct units_rate *ret_rate)
{
	struct decimal d;
	uint64_t scale;
	double value;
	int bits;
	const char *rest = parse_decimal(text, &d);

	if (!rest)
		goto bad;
	scale = multiple(*rest);
	rest += scale != 1;
	bits = rate_word(rest, scale == multiple('G'));
	value = (double)d.digits * (double)scale;
	for (; d.n_fraction; d.n_fraction--)
		value /= 10;
	if (bits < 0 || value <= 0 || value > 1e13)
		goto bad;
	ret_rate->per_second = value;
	ret_rate->bits = bits;
	return 0;
bad:
	return vireo_error(-EINVAL, "%s %s: not a rate; say 1.5M or 20kpps (packets/s), 10G or 100Mbps (bit/s)", opt,
			   text);
}

static bool parse_ip(const char *text, uint32_t *ret)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*ret = ntohl(in.s_addr);
	return true;
}

/* Cut @text at @sep into @left and the rest behind it, or NULL. False when it is too long to be an address. */
static bool split(const char *text, char sep, char left[32], const char **ret_right)
{
	const char *at = strchr(text, sep);
	size_t len = at ? (size_t)(at - text) : strlen(text);

	if (len >= 32)
		return false;
	memcpy(left, text, len);
	left[len] = '\0';
	*ret_right = at ? at + 1 : NULL;
	return true;
}

static bool parse_cidr(const char *text, struct units_range *ret)
{
	const char *prefix;
	struct decimal d;
	char left[32];
	uint32_t mask;

	if (!split(text, '/', left, &prefix) || !prefix || !parse_ip(left, &ret->first))
		return false;
	prefix = parse_decimal(prefix, &d);
	if (!prefix || *prefix || d.n_fraction || d.digits > 32)
		return false;
	mask = d.digits ? ~0u << (32 - d.digits) : 0;
	ret->first &= mask;
	ret->last = ret->first | ~mask;
	return true;
}

int units_ip_range(const char *opt, const char *text, struct units_range *ret_range)
{
	struct units_range r;
	const char *right;
	char left[32];

	if (strchr(text, '/')) {
		if (!parse_cidr(text, &r))
			goto bad;
	} else {
		if (!split(text, '-', left, &right) || !parse_ip(left, &r.first))
			goto bad;
		r.last = r.first;
		if (right && !parse_ip(right, &r.last))
			goto bad;
	}
	if (r.last < r.first)
		goto bad;
	*ret_range = r;
	return 0;
bad:
	return vireo_error(-EINVAL, "%s %s: not an IPv4 range; say 198.18.0.1, 198.18.0.1-198.18.0.9 or 198.18.0.0/24",
			   opt, text);
}

static bool parse_port(const char *text, uint32_t *ret)
{
	struct decimal d;
	const char *rest = parse_decimal(text, &d);

	if (!rest || *rest || d.n_fraction || d.digits > 65535)
		return false;
	*ret = (uint32_t)d.digits;
	return true;
}

int units_port_range(const char *opt, const char *text, struct units_range *ret_range)
{
	struct units_range r;
	const char *right;
	char left[32];

	if (!split(text, '-', left, &right) || !parse_port(left, &r.first))
		goto bad;
	r.last = r.first;
	if ((right && !parse_port(right, &r.last)) || r.last < r.first)
		goto bad;
	*ret_range = r;
	return 0;
bad:
	return vireo_error(-EINVAL, "%s %s: not a port range; say 1024 or 1024-2047", opt, text);
}

int units_mac(const char *opt, const char *text, uint8_t ret_mac[VIREO_MAC_LEN])
{
	unsigned b[VIREO_MAC_LEN];
	int end = 0;

	if (strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 || end != 17)
		return vireo_error(-EINVAL, "%s %s: not a MAC address; say 52:54:00:12:34:56", opt, text);
	for (unsigned i = 0; i < VIREO_MAC_LEN; i++)
		ret_mac[i] = (uint8_t)b[i];
	return 0;
}

int units_cpus(const char *opt, const char *text, int *cpus, unsigned max)
{
	const char *at = text;
	unsigned n = 0;

	for (;;) {
		struct decimal first, last;

		at = parse_decimal(at, &first);
		last = first;
		if (at && *at == '-')
			at = parse_decimal(at + 1, &last);
		if (!at || first.n_fraction || last.n_fraction || last.digits < first.digits ||
		    last.digits >= CPU_SETSIZE)
			break;
		for (uint64_t cpu = first.digits; cpu <= last.digits; cpu++) {
			if (n == max)
				return vireo_error(-EINVAL, "%s %s: more than %u CPUs", opt, text, max);
			cpus[n++] = (int)cpu;
		}
		if (!*at)
			return (int)n;
		if (*at++ != ',')
			break;
	}
	return vireo_error(-EINVAL, "%s %s: not a list of CPUs; say 2 or 0,2-3", opt, text);
}

const char *units_format(double value, char *buf)
{
	static const char letters[] = {' ', 'k', 'M', 'G', 'T'};
	unsigned i = 0;

	while (value >= 999.5 && i < sizeof(letters) - 1) {
		value /= 1000;
		i++;
	}
	if (!i)
		snprintf(buf, UNITS_BUF, "%.0f", value);
	else
		snprintf(buf, UNITS_BUF, "%.*f%c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, letters[i]);
	return buf;
}

const char *units_format_ns(uint64_t ns, char *buf)
{
	if (ns < 1000)
		snprintf(buf, UNITS_BUF, "%llu ns", (unsigned long long)ns);
	else if (ns < 1000 * 1000)
		snprintf(buf, UNITS_BUF, "%.1f us", (double)ns / 1e3);
	else if (ns < 1000 * 1000 * 1000)
		snprintf(buf, UNITS_BUF, "%.2f ms", (double)ns / 1e6);
	else
		snprintf(buf, UNITS_BUF, "%.2f s", (double)ns / 1e9);
	return buf;
}

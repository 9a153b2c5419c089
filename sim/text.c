// SPDX-License-Identifier: BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

int sim_why(struct sim_why *why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return err;
}

int sim_text_fail(struct sim_text *t, int err, const char *fmt, ...)
{
	va_list ap;

	if (t->err)
		return t->err;
	va_start(ap, fmt);
	vsnprintf(t->why->text, sizeof(t->why->text), fmt, ap);
	va_end(ap);
	t->err = err;
	return err;
}

static bool is_word(const char *text)
{
	if (!islower((unsigned char)*text))
		return false;
	for (; *text; text++) {
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '_' && *text != '-')
			return false;
	}
	return true;
}

static void parse_option(struct sim_text *t, char *part)
{
	struct sim_text_option *o = &t->options[t->n_options];
	char *equals = strchr(part, '=');

	if (equals)
		*equals = '\0';
	if (!is_word(part)) {
		sim_text_fail(t, -EINVAL, "cannot make sense of the option \"%.60s\" of %.60s: say name=value", part,
			      t->kind);
		return;
	}
	for (unsigned i = 0; i < t->n_options; i++) {
		if (!strcmp(t->options[i].key, part)) {
			sim_text_fail(t, -EINVAL, "%.60s has the option %.60s twice", t->kind, part);
			return;
		}
	}
	if (t->n_options == SIM_TEXT_OPTIONS) {
		sim_text_fail(t, -EINVAL, "%.60s has more than %d options", t->kind, SIM_TEXT_OPTIONS);
		return;
	}
	*o = (struct sim_text_option){.key = part, .value = equals ? equals + 1 : "", .flag = !equals};
	t->n_options++;
}

void sim_text_parse(struct sim_text *t, const char *text, struct sim_why *why)
{
	char *part, *next, *colon;

	memset(t, 0, sizeof(*t));
	t->why = why;
	t->kind = t->arg = "";
	why->text[0] = '\0';
	if (strlen(text) >= sizeof(t->copy)) {
		sim_text_fail(t, -EINVAL, "\"%.40s...\" is longer than %d characters", text, SIM_TEXT_MAX - 1);
		return;
	}
	strcpy(t->copy, text);
	next = t->copy;
	part = strsep(&next, ",");
	colon = strchr(part, ':');
	if (colon) {
		*colon = '\0';
		t->arg = colon + 1;
	}
	t->kind = part;
	while (next && !t->err)
		parse_option(t, strsep(&next, ","));
}

static void remember_asked(struct sim_text *t, const char *key)
{
	for (unsigned i = 0; i < t->n_asked; i++) {
		if (!strcmp(t->asked[i], key))
			return;
	}
	if (t->n_asked < N_OF(t->asked))
		t->asked[t->n_asked++] = key;
}

static struct sim_text_option *find(struct sim_text *t, const char *key)
{
	if (t->err)
		return NULL;
	remember_asked(t, key);
	for (unsigned i = 0; i < t->n_options; i++) {
		if (!strcmp(t->options[i].key, key)) {
			t->options[i].used = true;
			return &t->options[i];
		}
	}
	return NULL;
}

int sim_text_finish(struct sim_text *t)
{
	char known[200] = "";
	size_t len = 0;

	for (unsigned i = 0; i < t->n_options && !t->err; i++) {
		if (t->options[i].used)
			continue;
		for (unsigned k = 0; k < t->n_asked && len < sizeof(known); k++)
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", k ? " " : "", t->asked[k]);
		sim_text_fail(t, -EINVAL, "%.30s has no option \"%.30s\"; there is: %s", t->kind, t->options[i].key,
			      known);
	}
	return t->err;
}

bool sim_text_flag(struct sim_text *t, const char *key)
{
	struct sim_text_option *o = find(t, key);

	if (o && !o->flag)
		sim_text_fail(t, -EINVAL, "%s=%.60s: %s takes no value", key, o->value, key);
	return o;
}

const char *sim_text_value(struct sim_text *t, const char *key)
{
	struct sim_text_option *o = find(t, key);

	if (o && !o->value[0])
		sim_text_fail(t, -EINVAL, "%s needs a value: say %s=...", key, key);
	return o && !t->err ? o->value : NULL;
}

/* A decimal number as digits and a power of ten: exact, and deaf to locale, signs, "inf" and "0x". */
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
		    __builtin_add_overflow(d.digits, (uint64_t)(*text - '0'), &d.digits))
			return NULL;
		d.n_fraction += point;
		n++;
	}
	if (!n)
		return NULL;
	*ret = d;
	return text;
}

/* @d times @scale, which must be a whole number unless @round. */
static bool scale_decimal(struct decimal d, uint64_t scale, bool round, uint64_t *ret)
{
	unsigned __int128 value = (unsigned __int128)d.digits * scale;

	for (; d.n_fraction; d.n_fraction--) {
		if (value % 10 && !round)
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
	case 'M':
		return 1000 * 1000;
	case 'G':
		return 1000 * 1000 * 1000;
	default:
		return 1;
	}
}

/* "1500", "1.5k"; returns where it ends, or NULL. */
static const char *parse_count(const char *text, uint64_t *ret)
{
	struct decimal d;
	uint64_t scale;
	const char *rest = parse_decimal(text, &d);

	if (!rest)
		return NULL;
	scale = multiple(*rest);
	rest += scale != 1;
	return scale_decimal(d, scale, false, ret) ? rest : NULL;
}

void sim_text_range(struct sim_text *t, const char *key, uint64_t min, uint64_t max, uint64_t *first, uint64_t *last)
{
	const char *value = sim_text_value(t, key), *rest;
	uint64_t from, to;

	if (!value)
		return;
	rest = parse_count(value, &from);
	to = from;
	if (rest && *rest == '-')
		rest = parse_count(rest + 1, &to);
	if (!rest || *rest || from > to) {
		sim_text_fail(t, -EINVAL, "%s=%.60s: not a number or range; say 64 or 64-1518", key, value);
	} else if (from < min || to > max) {
		sim_text_fail(t, -EINVAL, "%s=%.60s: must lie between %llu and %llu", key, value,
			      (unsigned long long)min, (unsigned long long)max);
	} else {
		*first = from;
		*last = to;
	}
}

void sim_text_number(struct sim_text *t, const char *key, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *value = sim_text_value(t, key), *rest;
	uint64_t n;

	if (!value)
		return;
	rest = parse_count(value, &n);
	if (!rest || *rest)
		sim_text_fail(t, -EINVAL, "%s=%.60s: not a number; say 1000, 20k or 1.5M", key, value);
	else if (n < min || n > max)
		sim_text_fail(t, -EINVAL, "%s=%.60s: must lie between %llu and %llu", key, value,
			      (unsigned long long)min, (unsigned long long)max);
	else
		*number = n;
}

void sim_text_share(struct sim_text *t, const char *key, uint64_t *share)
{
	const char *value = sim_text_value(t, key), *rest;
	uint64_t result = 0;
	struct decimal d;
	bool percent;

	if (!value)
		return;
	rest = parse_decimal(value, &d);
	percent = rest && *rest == '%';
	if (percent)
		d.n_fraction += 2;
	if (!rest || rest[percent] || !scale_decimal(d, 1ull << 32, true, &result) || result > 1ull << 32)
		sim_text_fail(t, -EINVAL, "%s=%.60s: not a share; say 1%% or 0.01", key, value);
	else
		*share = result;
}

void sim_text_duration(struct sim_text *t, const char *key, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}, {"m", 60000000000}, {"h", 3600000000000},
	};
	const char *value = sim_text_value(t, key), *rest;
	struct decimal d;

	if (!value)
		return;
	rest = parse_decimal(value, &d);
	for (size_t i = 0; rest && i < N_OF(units); i++) {
		if (!strcmp(rest, units[i].unit) && scale_decimal(d, units[i].ns, false, ns))
			return;
	}
	sim_text_fail(t, -EINVAL, "%s=%.60s: not a time; say 10s, 500ms or 20us", key, value);
}

/* What may follow the number and its multiple: bits, packets, or nothing: nobody sends 10^9 packets per second. */
static bool rate_word(const char *word, bool giga, bool *ret_bits)
{
	static const char *const bits[] = {"bps", "bit", "bit/s"};

	*ret_bits = giga;
	if (!*word)
		return true;
	*ret_bits = false;
	if (!strcmp(word, "pps"))
		return true;
	*ret_bits = true;
	for (size_t i = 0; i < N_OF(bits); i++) {
		if (!strcmp(word, bits[i]))
			return true;
	}
	return false;
}

void sim_text_rate(struct sim_text *t, const char *key, struct sim_rate *rate)
{
	const char *value = sim_text_value(t, key), *rest;
	struct sim_rate r = {0};
	struct decimal d;
	uint64_t scale;

	if (!value)
		return;
	rest = parse_decimal(value, &d);
	if (!rest)
		goto bad;
	scale = multiple(*rest);
	rest += scale != 1;
	if (!rate_word(rest, scale == multiple('G'), &r.bits))
		goto bad;
	r.per_second = (double)d.digits * (double)scale;
	for (; d.n_fraction; d.n_fraction--)
		r.per_second /= 10;
	if (r.per_second < 1e-3 || r.per_second > 1e13)
		goto bad;
	*rate = r;
	return;
bad:
	sim_text_fail(t, -EINVAL, "%s=%.60s: not a rate; say 1.5M or 20kpps (packets/s), 10G or 100Mbps (bit/s)", key,
		      value);
}

void sim_text_mac(struct sim_text *t, const char *key, uint8_t mac[6])
{
	const char *value = sim_text_value(t, key);
	unsigned b[6];
	int end = 0;

	if (!value)
		return;
	if (strlen(value) != 17 || strspn(value, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) != 6 ||
	    end != 17) {
		sim_text_fail(t, -EINVAL, "%s=%.60s: not a MAC address; say 52:54:00:12:34:56", key, value);
		return;
	}
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
}

// SPDX-License-Identifier: BSD-2-Clause
/* Taking a port spec apart: "PREFIX:ADDRESS,key=value,flag", or a PCI address in place of prefix and address. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vireo/driver.h>

#include "bus.h"

#define SPEC_FORMS                                                                                                     \
	"a spec is a PCI address such as 0000:03:00.0 or 03:00.0, or PREFIX:ADDRESS, with ,option=value after it"

/* One hexadecimal number of @min to @max digits; moves *@text behind it. */
static bool parse_hex(const char **text, unsigned min, unsigned max, unsigned long *ret_value)
{
	unsigned long value = 0;
	unsigned n = 0;

	for (; n < max && isxdigit((unsigned char)**text); n++, (*text)++) {
		int c = tolower((unsigned char)**text);

		value = value << 4 | (unsigned long)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_value = value;
	return n >= min;
}

static bool parse_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* "[dddd:]bb:dd.f"; a domain has more than four digits behind some bridges (VMD). */
static bool parse_pci_address(const char *text, char *address)
{
	unsigned long domain = 0, bus, dev, fn;
	bool has_domain = strchr(text, ':') != strrchr(text, ':');

	if (has_domain && (!parse_hex(&text, 1, 8, &domain) || !parse_char(&text, ':')))
		return false;
	if (!parse_hex(&text, 1, 2, &bus) || !parse_char(&text, ':') || !parse_hex(&text, 1, 2, &dev) ||
	    !parse_char(&text, '.') || !parse_hex(&text, 1, 1, &fn) || *text != '\0')
		return false;
	if (dev > 0x1f || fn > 7)
		return false;
	snprintf(address, SPEC_ADDRESS_MAX, "%04lx:%02lx:%02lx.%lx", domain, bus, dev, fn);
	return true;
}

/* A lower-case word that starts with a letter. */
static bool is_word(const char *text, size_t len)
{
	if (len == 0 || !islower((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-' &&
		    text[i] != '_')
			return false;
	}
	return true;
}

static int parse_target(const char *text, size_t len, struct spec *spec)
{
	char head[SPEC_ADDRESS_MAX + sizeof(spec->prefix)];
	const char *colon;
	size_t prefix_len;

	if (len >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, len);
	head[len] = '\0';
	if (parse_pci_address(head, spec->address))
		return 0;

	colon = strchr(head, ':');
	prefix_len = colon ? (size_t)(colon - head) : len;
	if (prefix_len >= sizeof(spec->prefix) || !is_word(head, prefix_len))
		return -EINVAL;
	if (colon && strlen(colon + 1) >= sizeof(spec->address))
		return -EINVAL;
	memcpy(spec->prefix, head, prefix_len);
	if (colon)
		strcpy(spec->address, colon + 1);
	return 0;
}

static int parse_option(const char *text, size_t len, struct spec *spec)
{
	const char *equals = memchr(text, '=', len);
	size_t key_len = equals ? (size_t)(equals - text) : len;
	size_t value_len = equals ? len - key_len - 1 : 0;
	unsigned i = spec->n_options;

	if (i == SPEC_MAX_OPTIONS || key_len >= sizeof(spec->options[0].key) ||
	    value_len >= sizeof(spec->options[0].value) || !is_word(text, key_len))
		return -EINVAL;
	memcpy(spec->options[i].key, text, key_len);
	if (value_len)
		memcpy(spec->options[i].value, equals + 1, value_len);
	for (unsigned j = 0; j < i; j++) {
		if (!strcmp(spec->options[j].key, spec->options[i].key))
			return -EINVAL;
	}
	spec->n_options++;
	return 0;
}

int spec_parse(const char *text, struct spec *ret_spec)
{
	struct spec spec = {0};
	const char *part = text;

	if (!text || !*text)
		return vireo_error(-EINVAL, "no device given: " SPEC_FORMS);
	for (bool first = true;; first = false) {
		size_t len = strcspn(part, ",");
		int err = first ? parse_target(part, len, &spec) : parse_option(part, len, &spec);

		if (err && first)
			return vireo_error(err, "cannot make sense of the address \"%.*s\": " SPEC_FORMS,
					   (int)(len < 80 ? len : 80), part);
		if (err)
			return vireo_error(
				err,
				"cannot make sense of the option \"%.*s\" of %.80s: options are name=value, each "
				"once, at most %d of them",
				(int)(len < 80 ? len : 80), part, spec.address, SPEC_MAX_OPTIONS);
		if (part[len] == '\0')
			break;
		part += len + 1;
	}
	*ret_spec = spec;
	return 0;
}

const char *spec_option(const struct spec *spec, const char *key)
{
	for (unsigned i = 0; i < spec->n_options; i++) {
		if (!strcmp(spec->options[i].key, key))
			return spec->options[i].value;
	}
	return NULL;
}

int spec_check_options(const struct spec *spec, const char *const *known)
{
	for (unsigned i = 0; i < spec->n_options; i++) {
		const char *const *k = known;

		while (*k && strcmp(*k, spec->options[i].key) != 0)
			k++;
		if (!*k)
			return vireo_error(-EINVAL, "%s%s%s has no option \"%s\"; there is: %s", spec->prefix,
					   spec->prefix[0] ? ":" : "", spec->address, spec->options[i].key,
					   known[0] ? known[0] : "none");
	}
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/* Version data: a small strict reader of JSON (RFC 8259), and their text. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vfio_user_caps.h"
#include "vfio_user_proto.h"

#define MAX_DEPTH 16
#define MAX_KEY	  32

struct reader {
	const char *at, *end;
	unsigned depth;
};

void vfio_user_caps_default(struct vfio_user_caps *caps)
{
	*caps = (struct vfio_user_caps){
		.max_msg_fds = VFIO_USER_DEFAULT_MSG_FDS,
		.max_data_xfer_size = VFIO_USER_DEFAULT_DATA_XFER,
		.max_dma_maps = VFIO_USER_DEFAULT_DMA_MAPS,
		.pgsizes = VFIO_USER_DEFAULT_PGSIZES,
	};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

/* The next character that is no space, or NUL at the end. */
static char peek(struct reader *r)
{
	skip_space(r);
	return r->at < r->end ? *r->at : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c || r->at == r->end)
		return false;
	r->at++;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return false;
	r->at += len;
	return true;
}

/* The four digits of \u; which character they mean matters to no name that we know. */
static bool take_hex4(struct reader *r)
{
	for (unsigned i = 0; i < 4; i++, r->at++) {
		if (r->at == r->end ||
		    !(is_digit(*r->at) || (*r->at >= 'a' && *r->at <= 'f') || (*r->at >= 'A' && *r->at <= 'F')))
			return false;
	}
	return true;
}

/* A string; @key gets it as far as it fits, '?' for what is escaped. */
static bool take_string(struct reader *r, char *key)
{
	unsigned n = 0;

	if (!take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;

		if ((unsigned char)c < 0x20)
			return false;
		if (c == '\\') {
			if (r->at == r->end || !strchr("\"\\/bfnrtu", *r->at) || *r->at == '\0')
				return false;
			c = '?';
			if (*r->at++ == 'u' && !take_hex4(r))
				return false;
		}
		if (key && n < MAX_KEY - 1)
			key[n++] = c;
	}
	if (key)
		key[n] = '\0';
	if (r->at == r->end)
		return false;
	r->at++;
	return true;
}

static bool take_digits(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && is_digit(*r->at))
		r->at++;
	return r->at > start;
}

static bool take_number(struct reader *r)
{
	if (r->at < r->end && *r->at == '-')
		r->at++;
	if (r->at < r->end && *r->at == '0')
		r->at++;
	else if (!take_digits(r))
		return false;
	if (r->at < r->end && *r->at == '.') {
		r->at++;
		if (!take_digits(r))
			return false;
	}
	if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
		r->at++;
		if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
			r->at++;
		if (!take_digits(r))
			return false;
	}
	return true;
}

/* A whole number that is not negative; more than fits means "any number". */
static bool take_count(struct reader *r, uint64_t *ret_count)
{
	const char *start;
	uint64_t count = 0;

	skip_space(r);
	start = r->at;
	if (!take_digits(r) || (*start == '0' && r->at - start > 1))
		return false;
	if (r->at < r->end && (*r->at == '.' || *r->at == 'e' || *r->at == 'E'))
		return false;
	for (const char *p = start; p < r->at; p++) {
		if (__builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, (uint64_t)(*p - '0'), &count)) {
			count = UINT64_MAX;
			break;
		}
	}
	*ret_count = count;
	return true;
}

static bool take_bool(struct reader *r, bool *ret_value)
{
	skip_space(r);
	if (take_word(r, "true"))
		*ret_value = true;
	else if (take_word(r, "false"))
		*ret_value = false;
	else
		return false;
	return true;
}

static bool skip_value(struct reader *r);

/* Members or elements up to @close; each is handed to @fn with its name, or skipped. */
static bool take_members(struct reader *r, char close, bool (*fn)(struct reader *r, const char *key, void *ctx),
			 void *ctx)
{
	char key[MAX_KEY];

	if (++r->depth > MAX_DEPTH)
		return false;
	if (!take(r, close)) {
		do {
			if (close == '}' && (!take_string(r, key) || !take(r, ':')))
				return false;
			if (!(fn ? fn(r, key, ctx) : skip_value(r)))
				return false;
		} while (take(r, ','));
		if (!take(r, close))
			return false;
	}
	r->depth--;
	return true;
}

static bool skip_value(struct reader *r)
{
	switch (peek(r)) {
	case '{':
		r->at++;
		return take_members(r, '}', NULL, NULL);
	case '[':
		r->at++;
		return take_members(r, ']', NULL, NULL);
	case '"':
		return take_string(r, NULL);
	case 't':
		return take_word(r, "true");
	case 'f':
		return take_word(r, "false");
	case 'n':
		return take_word(r, "null");
	default:
		return take_number(r);
	}
}

static bool twin_socket_member(struct reader *r, const char *key, void *ctx)
{
	struct vfio_user_caps *caps = ctx;

	return strcmp(key, "supported") == 0 ? take_bool(r, &caps->twin_socket) : skip_value(r);
}

static bool capability(struct reader *r, const char *key, void *ctx)
{
	struct vfio_user_caps *caps = ctx;

	if (strcmp(key, "max_msg_fds") == 0)
		return take_count(r, &caps->max_msg_fds);
	if (strcmp(key, "max_data_xfer_size") == 0)
		return take_count(r, &caps->max_data_xfer_size);
	if (strcmp(key, "max_dma_maps") == 0)
		return take_count(r, &caps->max_dma_maps);
	if (strcmp(key, "pgsizes") == 0)
		return take_count(r, &caps->pgsizes);
	if (strcmp(key, "write_multiple") == 0)
		return take_bool(r, &caps->write_multiple);
	if (strcmp(key, "twin_socket") == 0)
		return take(r, '{') && take_members(r, '}', twin_socket_member, caps);
	return skip_value(r);
}

static bool top_member(struct reader *r, const char *key, void *ctx)
{
	if (strcmp(key, "capabilities") == 0)
		return take(r, '{') && take_members(r, '}', capability, ctx);
	return skip_value(r);
}

int vfio_user_caps_parse(const char *text, size_t len, struct vfio_user_caps *caps)
{
	const char *nul = len ? memchr(text, '\0', len) : NULL;
	struct reader r = {.at = text, .end = nul ? nul : text + len};
	struct vfio_user_caps read = *caps;

	if (nul && nul != text + len - 1)
		return -EINVAL;
	if (!take(&r, '{') || !take_members(&r, '}', top_member, &read))
		return -EINVAL;
	skip_space(&r);
	if (r.at != r.end)
		return -EINVAL;
	*caps = read;
	return 0;
}

int vfio_user_caps_print(const struct vfio_user_caps *caps, char *text, size_t size)
{
	int n = snprintf(text, size,
			 "{\"capabilities\":{\"max_msg_fds\":%llu,\"max_data_xfer_size\":%llu,\"max_dma_maps\":%llu,"
			 "\"pgsizes\":%llu,\"write_multiple\":%s}}",
			 (unsigned long long)caps->max_msg_fds, (unsigned long long)caps->max_data_xfer_size,
			 (unsigned long long)caps->max_dma_maps, (unsigned long long)caps->pgsizes,
			 caps->write_multiple ? "true" : "false");

	return n < 0 || (size_t)n >= size ? -ENOSPC : n + 1;
}

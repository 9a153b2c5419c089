// SPDX-License-Identifier: BSD-2-Clause
/* Version data: what is read, what is refused, and that no bytes at all lead out of the buffer. */
#include "unit.h"

#include "vfio_user_caps.h"
#include "vfio_user_proto.h"

/* At the very end of a heap block, so that ASan sees a step too far. */
static int parse_exact(const char *text, size_t len, struct vfio_user_caps *caps)
{
	char *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	err = vfio_user_caps_parse(copy, len, caps);
	free(copy);
	return err;
}

static int parse(const char *text, struct vfio_user_caps *caps)
{
	vfio_user_caps_default(caps);
	return parse_exact(text, strlen(text), caps);
}

static void caps_parse_all_members_are_read(void **state)
{
	struct vfio_user_caps caps;

	assert_int_equal(parse(" { \"other\" : [1, -2.5e+3, {\"a\": null}], \"capabilities\": {\"max_msg_fds\": 8,\n"
			       "\"max_data_xfer_size\":4096, \"max_dma_maps\": 17, \"pgsizes\":2101248,"
			       "\"write_multiple\":true, \"twin_socket\": {\"supported\": true, \"fd_index\": 0},"
			       "\"migration\": {\"pgsize\": 4096}}} ",
			       &caps),
			 0);
	assert_int_equal(caps.max_msg_fds, 8);
	assert_int_equal(caps.max_data_xfer_size, 4096);
	assert_int_equal(caps.max_dma_maps, 17);
	assert_int_equal(caps.pgsizes, 2101248);
	assert_true(caps.write_multiple);
	assert_true(caps.twin_socket);
}

static void caps_parse_nothing_said_defaults_hold(void **state)
{
	struct vfio_user_caps caps;

	assert_int_equal(parse("{}", &caps), 0);
	assert_int_equal(caps.max_msg_fds, VFIO_USER_DEFAULT_MSG_FDS);
	assert_int_equal(caps.max_data_xfer_size, VFIO_USER_DEFAULT_DATA_XFER);
	assert_int_equal(caps.max_dma_maps, VFIO_USER_DEFAULT_DMA_MAPS);
	assert_int_equal(caps.pgsizes, VFIO_USER_DEFAULT_PGSIZES);
	assert_false(caps.write_multiple);
	assert_false(caps.twin_socket);
}

static void caps_parse_huge_number_saturates(void **state)
{
	struct vfio_user_caps caps;

	assert_int_equal(parse("{\"capabilities\":{\"max_dma_maps\":99999999999999999999999999999999}}", &caps), 0);
	assert_true(caps.max_dma_maps == UINT64_MAX);
}

static void caps_parse_malformed_is_refused_and_changes_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"x",
		"[]",
		"{",
		"}",
		"{}}",
		"{} x",
		"{\"capabilities\"}",
		"{\"capabilities\":}",
		"{\"capabilities\":[]}",
		"{\"capabilities\":{}",
		"{\"capabilities\":{\"max_msg_fds\":-1}}",
		"{\"capabilities\":{\"max_msg_fds\":1.5}}",
		"{\"capabilities\":{\"max_msg_fds\":1e3}}",
		"{\"capabilities\":{\"max_msg_fds\":01}}",
		"{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
		"{\"capabilities\":{\"max_msg_fds\":8,}}",
		"{\"capabilities\":{\"max_msg_fds\":8 \"a\":1}}",
		"{\"capabilities\":{\"write_multiple\":1}}",
		"{\"capabilities\":{\"twin_socket\":true}}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"",
		"{\"a\":\"\\",
		"{\"a\":1.}",
		"{\"a\":.1}",
		"{\"a\":1e}",
		"{\"a\":-}",
		"{\"a\":tru}",
		"{\"a\":[1,]}",
		"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]}",
	};

	for (unsigned i = 0; i < N_OF(texts); i++) {
		struct vfio_user_caps caps, before;

		vfio_user_caps_default(&before);
		if (parse(texts[i], &caps) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_memory_equal(&caps, &before, sizeof(caps));
	}
}

static void caps_parse_nul_inside_is_refused(void **state)
{
	struct vfio_user_caps caps;

	vfio_user_caps_default(&caps);
	assert_int_equal(parse_exact("{}\0", 3, &caps), 0);
	assert_int_equal(parse_exact("{}\0\0", 4, &caps), -EINVAL);
	assert_int_equal(parse_exact("{\0}", 3, &caps), -EINVAL);
}

/* Every beginning of a good text, and every good text with one byte changed: read or refused, never beyond the end. */
static void caps_parse_mutations_stay_inside(void **state)
{
	static const char good[] = "{\"capabilities\":{\"max_msg_fds\":8,\"twin_socket\":{\"supported\":false},"
				   "\"x\":[1,\"\\u00e9\",null,{\"y\":-1.5e2}],\"write_multiple\":true}}";
	char text[sizeof(good)];
	struct vfio_user_caps caps;

	vfio_user_caps_default(&caps);
	for (size_t len = 0; len < sizeof(good) - 1; len++)
		assert_int_equal(parse_exact(good, len, &caps), -EINVAL);
	for (size_t at = 0; at < sizeof(good) - 1; at++) {
		for (unsigned c = 0; c < 256; c++) {
			memcpy(text, good, sizeof(good));
			text[at] = (char)c;
			parse_exact(text, sizeof(good), &caps);
		}
	}
}

static void caps_print_is_read_back(void **state)
{
	const struct vfio_user_caps caps = {
		.max_msg_fds = 64,
		.max_data_xfer_size = 65536,
		.max_dma_maps = 1000,
		.pgsizes = 4096,
		.write_multiple = true,
	};
	struct vfio_user_caps read;
	char text[256];
	int n;

	n = vfio_user_caps_print(&caps, text, sizeof(text));
	assert_int_equal(n, strlen(text) + 1);
	vfio_user_caps_default(&read);
	assert_int_equal(parse_exact(text, (size_t)n, &read), 0);
	assert_memory_equal(&read, &caps, sizeof(caps));
	assert_int_equal(vfio_user_caps_print(&caps, text, (size_t)n - 1), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caps_parse_all_members_are_read),
		cmocka_unit_test(caps_parse_nothing_said_defaults_hold),
		cmocka_unit_test(caps_parse_huge_number_saturates),
		cmocka_unit_test(caps_parse_malformed_is_refused_and_changes_nothing),
		cmocka_unit_test(caps_parse_nul_inside_is_refused),
		cmocka_unit_test(caps_parse_mutations_stay_inside),
		cmocka_unit_test(caps_print_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

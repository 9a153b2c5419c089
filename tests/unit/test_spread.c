// SPDX-License-Identifier: BSD-2-Clause
/* Settings that say where received packets go: checked once, kept over stop and start, taken back when refused. */
#include "unit.h"

#include <vireo/vireo.h>

#include "fake_bus.h"
#include "fake_driver.h"

static struct fake_device *fake;
static struct vireo_port *port;

static int setup(void **state)
{
	struct vireo_port_config cfg = {.n_rxq = 4};

	setenv("VIREO_PAGE_SIZE", "4K", 1);
	fake = fake_device_create("a");
	fake_driver_reset();
	assert_int_equal(vireo_port_open("fake:a", &cfg, &port), 0);
	return 0;
}

static int teardown(void **state)
{
	vireo_port_close(port);
	fake_device_destroy(fake);
	return 0;
}

static void rss_default_is_all_there_is(void **state)
{
	struct vireo_rss rss;

	assert_int_equal(vireo_port_rss(port, &rss), 0);
	assert_int_equal(rss.fields, VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP);
	assert_int_equal(rss.key_len, 40);
	assert_int_equal(rss.n_table, 128);
	assert_int_equal(rss.key[0], 0x6d);
	assert_int_equal(rss.key[39], 0x5a);
	/* Three queues can be named. */
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(rss.table[i], i % 3);
}

static void set_rss_stopped_or_started_reaches_the_driver(void **state)
{
	struct vireo_rss rss = {.fields = VIREO_RSS_IPV4, .key_len = 40, .n_table = 128}, got;

	memset(rss.key, 0x11, sizeof(rss.key));
	rss.table[7] = 2;
	assert_int_equal(vireo_port_set_rss(port, &rss), 0);
	assert_int_equal(fake_driver.n_set, 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(fake_driver.seen.rss.fields, VIREO_RSS_IPV4);
	assert_int_equal(fake_driver.seen.rss.table[7], 2);
	/* Fields alone: key and table stay. */
	rss = (struct vireo_rss){.fields = VIREO_RSS_IPV4_TCP};
	assert_int_equal(vireo_port_set_rss(port, &rss), 0);
	assert_int_equal(fake_driver.n_set, 1);
	assert_int_equal(vireo_port_rss(port, &got), 0);
	assert_int_equal(got.fields, VIREO_RSS_IPV4_TCP);
	assert_int_equal(got.key[3], 0x11);
	assert_int_equal(got.table[7], 2);
	assert_int_equal(vireo_port_stop(port), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(fake_driver.seen.rss.key[39], 0x11);
}

static void set_rss_what_cannot_be_refused(void **state)
{
	struct vireo_rss rss = {.fields = VIREO_RSS_IPV6};

	assert_int_equal(vireo_port_set_rss(port, &rss), -EINVAL);
	rss = (struct vireo_rss){.key_len = 52};
	assert_int_equal(vireo_port_set_rss(port, &rss), -EINVAL);
	assert_sentence("40 bytes, not 52");
	rss = (struct vireo_rss){.n_table = 64};
	assert_int_equal(vireo_port_set_rss(port, &rss), -EINVAL);
	assert_sentence("128 entries, not 64");
	rss = (struct vireo_rss){.n_table = 128, .table[127] = 3};
	assert_int_equal(vireo_port_set_rss(port, &rss), -EINVAL);
	assert_sentence("names queue 3");
}

static void set_rss_driver_refuses_old_stays(void **state)
{
	struct vireo_rss rss = {.fields = 0}, got;

	assert_int_equal(vireo_port_start(port), 0);
	fake_driver.fail_nth = 1;
	assert_int_equal(vireo_port_set_rss(port, &rss), -EIO);
	assert_int_equal(vireo_port_rss(port, &got), 0);
	assert_int_equal(got.fields, VIREO_RSS_IPV4 | VIREO_RSS_IPV4_TCP);
}

static void add_flow_kept_replaced_and_removed(void **state)
{
	struct vireo_flow a = {.match = VIREO_FLOW_DST_PORT, .dst_port = 53, .src_port = 9, .priority = 1, .queue = 2};
	struct vireo_flow b = {.match = VIREO_FLOW_SRC, .src = {10, 0, 0, 1}, .priority = 7};

	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(vireo_port_add_flow(port, &a), 0);
	assert_int_equal(fake_driver.seen.n_flows, 1);
	/* What does not count is no difference. */
	a.queue = 3;
	a.src_port = 10;
	assert_int_equal(vireo_port_add_flow(port, &a), 0);
	assert_int_equal(fake_driver.seen.n_flows, 1);
	assert_int_equal(fake_driver.seen.flows[0].queue, 3);
	assert_int_equal(vireo_port_add_flow(port, &b), 0);
	assert_int_equal(vireo_port_stop(port), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(fake_driver.seen.n_flows, 2);
	assert_int_equal(vireo_port_remove_flow(port, &a), 0);
	assert_int_equal(fake_driver.seen.n_flows, 1);
	assert_memory_equal(fake_driver.seen.flows[0].src, b.src, 4);
	assert_int_equal(vireo_port_remove_flow(port, &a), -EINVAL);
	assert_sentence("no such flow");
}

static void add_flow_what_cannot_be_refused(void **state)
{
	static const struct {
		struct vireo_flow flow;
		int err;
	} cases[] = {
		{{.priority = 1}, -EINVAL},
		{{.match = 1u << 5, .priority = 1}, -EINVAL},
		{{.match = VIREO_FLOW_SRC}, -EINVAL},
		{{.match = VIREO_FLOW_SRC, .priority = 8}, -EINVAL},
		{{.match = VIREO_FLOW_SRC, .priority = 1, .queue = 4}, -EINVAL},
		{{.match = VIREO_FLOW_PROTOCOL, .priority = 1, .protocol = 99}, -EOPNOTSUPP},
	};
	struct vireo_flow f = {.match = VIREO_FLOW_DST_PORT, .priority = 1};

	for (unsigned i = 0; i < N_OF(cases); i++)
		assert_int_equal(vireo_port_add_flow(port, &cases[i].flow), cases[i].err);
	for (f.dst_port = 1; f.dst_port <= 2; f.dst_port++)
		assert_int_equal(vireo_port_add_flow(port, &f), 0);
	assert_int_equal(vireo_port_add_flow(port, &f), -ENOSPC);
	/* One that takes another's place needs no room. */
	f.dst_port = 1;
	f.queue = 1;
	assert_int_equal(vireo_port_add_flow(port, &f), 0);
}

static void set_flow_control_is_told_and_kept(void **state)
{
	struct vireo_flow_control fc = {.rx = true}, got;

	assert_int_equal(vireo_port_set_flow_control(port, &fc), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_true(fake_driver.seen.flow_control.rx && !fake_driver.seen.flow_control.tx);
	fc.tx = true;
	fake_driver.fail_nth = 1;
	assert_int_equal(vireo_port_set_flow_control(port, &fc), -EIO);
	assert_int_equal(vireo_port_flow_control(port, &got), 0);
	assert_true(got.rx && !got.tx);
}

static void registers_are_counted_without_room(void **state)
{
	struct vireo_register reg = {.name = ""};

	assert_int_equal(vireo_port_registers(port, NULL, 0), 1);
	assert_int_equal(vireo_port_registers(port, &reg, 1), 1);
	assert_string_equal(reg.name, "CTRL");
	assert_int_equal(reg.value, 7);
}

static void open_key_of_another_length_refused(void **state)
{
	static const uint8_t key[52];
	struct vireo_port_config cfg = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct vireo_port *other;
	struct fake_device *dev = fake_device_create("b");

	assert_int_equal(vireo_port_open("fake:b", &cfg, &other), -EINVAL);
	assert_sentence("40 bytes, not 52");
	fake_device_destroy(dev);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rss_default_is_all_there_is),
		TEST(set_rss_stopped_or_started_reaches_the_driver),
		TEST(set_rss_what_cannot_be_refused),
		TEST(set_rss_driver_refuses_old_stays),
		TEST(add_flow_kept_replaced_and_removed),
		TEST(add_flow_what_cannot_be_refused),
		TEST(set_flow_control_is_told_and_kept),
		TEST(registers_are_counted_without_room),
		TEST(open_key_of_another_length_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

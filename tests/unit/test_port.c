// SPDX-License-Identifier: BSD-2-Clause
/* The life of a port, what it may be asked for, and that nothing is left behind whatever fails. */
#include "unit.h"

#include <dirent.h>
#include <unistd.h>

#include <vireo/vireo.h>

#include "fake_bus.h"
#include "fake_driver.h"
#include "port.h"

static struct fake_device *fake;
static struct vireo_port *port;

static int setup(void **state)
{
	setenv("VIREO_PAGE_SIZE", "4K", 1);
	fake = fake_device_create("a");
	fake_device_add_irqs(fake, VIREO_IRQ_ERROR, 1);
	fake_device_add_irqs(fake, VIREO_IRQ_REQUEST, 1);
	fake_driver_reset();
	port = NULL;
	return 0;
}

static int teardown(void **state)
{
	vireo_port_close(port);
	fake_device_destroy(fake);
	return 0;
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int open_with(const struct vireo_port_config *cfg)
{
	return vireo_port_open("fake:a", cfg, &port);
}

static void port_open_defaults_are_filled_in(void **state)
{
	struct vireo_port_info info;

	assert_int_equal(open_with(NULL), 0);
	vireo_port_info(port, &info);
	assert_string_equal(info.spec, "fake:a");
	assert_string_equal(info.driver, "fake");
	assert_string_equal(info.device, "a card that is not there");
	assert_string_equal(info.bus, "fake");
	assert_string_equal(info.missing, "");
	assert_int_equal(info.n_rxq, 1);
	assert_int_equal(info.n_txq, 1);
	assert_int_equal(info.rx_ring, FAKE_RING);
	assert_int_equal(info.tx_ring, FAKE_RING);
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.max_mtu, 9000);
	assert_int_equal(info.max_rx_segs, 2);
	assert_int_equal(info.max_tx_segs, 8);
	assert_int_equal(info.index, 0);
	assert_memory_equal(info.mac, fake_driver.mac, VIREO_MAC_LEN);
	assert_non_null(vireo_port_rxq(port, 0));
	assert_null(vireo_port_rxq(port, 1));
	assert_null(vireo_port_txq(port, UINT32_MAX));
	assert_int_equal(vireo_rxq_max_segs(vireo_port_rxq(port, 0)), 2);
	assert_int_equal(vireo_port_config(port)->rss_key_len, 40);
	assert_false(fake_device_is_master(fake));
}

static void port_open_too_much_is_refused_with_the_limit(void **state)
{
	static const uint8_t key[100];
	const struct {
		struct vireo_port_config cfg;
		int err;
		const char *says;
	} cases[] = {
		{{.n_rxq = 5}, -EOPNOTSUPP, "asks for 5 RX queues, fake:a has 4"},
		{{.n_txq = 3}, -EOPNOTSUPP, "asks for 3 TX queues, fake:a has 2"},
		{{.n_rxq = 65535}, -EOPNOTSUPP, "65535 RX queues"},
		{{.rx_ring = 100}, -EINVAL, "100 RX descriptors"},
		{{.rx_ring = 16}, -EOPNOTSUPP, "has 32 to 4096"},
		{{.tx_ring = 8192}, -EOPNOTSUPP, "has 32 to 4096"},
		{{.tx_ring = 1u << 31}, -EOPNOTSUPP, "TX descriptors"},
		{{.mtu = 67}, -EINVAL, "68"},
		{{.mtu = 9001}, -EOPNOTSUPP, "9000"},
		{{.rx_offloads = VIREO_RX_HASH}, -EOPNOTSUPP, "RSS hash"},
		{{.rx_offloads = VIREO_RX_LARGE}, -EINVAL, "VIREO_RX_CSUM"},
		{{.rx_offloads = 1u << 30}, -EINVAL, "mean nothing"},
		{{.tx_offloads = VIREO_TX_TSO}, -EOPNOTSUPP, "segmentation"},
		{{.tx_offloads = 1u << 30}, -EINVAL, "mean nothing"},
		{{.rss_key = key, .rss_key_len = 65}, -EINVAL, "RSS key"},
		{{.rss_key = key}, -EINVAL, "RSS key"},
		{{.rss_key_len = 40}, -EINVAL, "RSS key"},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		assert_int_equal(open_with(&cases[i].cfg), cases[i].err);
		assert_sentence(cases[i].says);
		assert_null(port);
		assert_false(fake->is_open);
		assert_int_equal(fake_driver.n_probe, fake_driver.n_remove);
	}
}

static void port_open_missing_is_told(void **state)
{
	struct vireo_port_config cfg = {.rx_interrupts = true};
	struct vireo_port_info info;

	fake_driver.limits.rx_interrupts = false;
	strcpy(fake_driver.limits.missing, "this card has no MSI-X");
	assert_int_equal(open_with(&cfg), -EOPNOTSUPP);
	assert_sentence("cannot do receive interrupts: this card has no MSI-X");
	assert_int_equal(open_with(NULL), 0);
	vireo_port_info(port, &info);
	assert_string_equal(info.missing, "this card has no MSI-X");
}

static void port_open_wrong_device_says_what_it_is(void **state)
{
	fake_device_set_ids(fake, 0x8086, 0x2922, 0x010601);
	assert_int_equal(open_with(NULL), -EOPNOTSUPP);
	assert_sentence("not a network card (8086:2922, class 0x010601)");
	fake_device_set_ids(fake, 0x14e4, 0x1234, 0x020000);
	assert_int_equal(open_with(NULL), -EOPNOTSUPP);
	assert_sentence("no driver for the network card fake:a (14e4:1234)");
	assert_sentence("fake 1af4:fa4e");
	assert_false(fake->is_open);
}

static void port_open_busy_or_absent_keeps_the_sentence(void **state)
{
	struct vireo_port *other = NULL;

	assert_int_equal(vireo_port_open("fake:nobody", NULL, &other), -ENOENT);
	assert_sentence("nobody");
	assert_int_equal(vireo_port_open(NULL, NULL, &other), -EINVAL);
	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_open("fake:a", NULL, &other), -EBUSY);
	assert_sentence("open already");
	assert_null(other);
}

static void port_start_stop_order_is_checked(void **state)
{
	struct vireo_pkt pkts[4];

	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_stop(port), -EALREADY);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 4), 0);
	assert_int_equal(vireo_tx_burst(vireo_port_txq(port, 0), pkts, 4), 0);
	assert_int_equal(vireo_txq_reclaim(vireo_port_txq(port, 0)), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_true(fake_device_is_master(fake));
	assert_int_equal(vireo_port_start(port), -EALREADY);
	fake_driver_receive(vireo_port_rxq(port, 0), 60);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 4), 1);
	assert_int_equal(vireo_tx_burst(vireo_port_txq(port, 0), pkts, 1), 1);
	assert_int_equal(vireo_port_stop(port), 0);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 4), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(fake_driver.n_start, 2);
	/* Close stops it. */
	vireo_port_close(port);
	port = NULL;
	assert_int_equal(fake_driver.n_stop, 2);
	assert_int_equal(fake_driver.n_queues, 0);
}

static void port_stop_timeout_is_stopped_all_the_same(void **state)
{
	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_start(port), 0);
	fake_driver.stop_result = -ETIMEDOUT;
	assert_int_equal(vireo_port_stop(port), -ETIMEDOUT);
	assert_int_equal(vireo_port_stop(port), -EALREADY);
	fake_driver.stop_result = 0;
	assert_int_equal(vireo_port_start(port), 0);
}

static void port_start_failure_is_as_after_stop(void **state)
{
	struct vireo_pkt pkt;

	assert_int_equal(open_with(NULL), 0);
	fake_driver.fail_nth = 2; /* after bursts were set and buffers taken */
	assert_int_equal(vireo_port_start(port), -EIO);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), &pkt, 1), 0);
	assert_int_equal(vireo_port_stop(port), -EALREADY);
	assert_int_equal(vireo_port_start(port), 0);
}

static void port_pool_own_fits_rings_and_mtu(void **state)
{
	struct vireo_port_config cfg = {.n_rxq = 2, .mtu = 9000};
	struct vireo_pool_info info;

	assert_int_equal(open_with(&cfg), 0);
	vireo_pool_info(vireo_port_rxq_head(port, 1)->pool, &info);
	assert_true(info.n_bufs >= 2 * FAKE_RING + FAKE_RING + 1024);
	assert_true(info.buf_size >= 9000 + 14);
	assert_ptr_equal(vireo_port_rxq_head(port, 0)->pool, vireo_port_rxq_head(port, 1)->pool);
}

static struct vireo_pool *make_pool(uint32_t n)
{
	struct vireo_pool_config cfg = {.n_bufs = n, .no_cache = 1};
	struct vireo_pool *pool;

	assert_int_equal(vireo_pool_create(&cfg, &pool), 0);
	return pool;
}

static void port_pool_in_use_cannot_be_destroyed(void **state)
{
	struct vireo_pool *pools[] = {make_pool(256), make_pool(256)};
	struct vireo_port_config cfg = {.n_rxq = 2, .rx_pools = pools};

	assert_int_equal(open_with(&cfg), 0);
	assert_ptr_equal(vireo_port_rxq_head(port, 1)->pool, pools[1]);
	assert_int_equal(vireo_pool_destroy(pools[0]), -EBUSY);
	assert_int_equal(vireo_pool_destroy(pools[1]), -EBUSY);
	vireo_port_close(port);
	port = NULL;
	assert_int_equal(vireo_pool_destroy(pools[0]), 0);
	assert_int_equal(vireo_pool_destroy(pools[1]), 0);
}

static void port_pool_wishes_are_checked(void **state)
{
	struct vireo_pool *pool = make_pool(32), *pools[2] = {pool, NULL};
	struct vireo_port_config cfg = {.rx_pool = pool, .rx_pools = pools};

	assert_int_equal(open_with(&cfg), -EINVAL);
	assert_sentence("one of them");
	cfg.rx_pool = NULL;
	cfg.n_rxq = 2;
	assert_int_equal(open_with(&cfg), -EINVAL);
	assert_sentence("queue 1");
	/* Too small for the ring: found at start. */
	cfg = (struct vireo_port_config){.rx_pool = pool};
	assert_int_equal(open_with(&cfg), 0);
	assert_int_equal(vireo_port_start(port), -ENOSPC);
	vireo_port_close(port);
	port = NULL;
	assert_int_equal(vireo_pool_destroy(pool), 0);
}

/* The application may hold packets longer than the port that they came from. */
static void port_close_pool_with_packets_out_lives_on(void **state)
{
	struct vireo_pkt pkts[2];

	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_start(port), 0);
	fake_driver_receive(vireo_port_rxq(port, 0), 60);
	fake_driver_receive(vireo_port_rxq(port, 0), 60);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 2), 2);
	vireo_port_close(port);
	memset(vireo_pkt_data(&pkts[0]), 0x55, 60);
	vireo_pkt_free(pkts, 2);
	/* The next port that closes takes it along. */
	assert_int_equal(open_with(NULL), 0);
	assert_non_null(vireo_pool_by_id(pkts[0].flags >> VIREO_PKT_POOL_SHIFT));
	vireo_port_close(port);
	port = NULL;
	assert_null(vireo_pool_by_id(pkts[0].flags >> VIREO_PKT_POOL_SHIFT));
}

static void port_open_all_prepares_all_before_it_probes_one(void **state)
{
	static const char *const specs[] = {"fake:a", "fake:b", "fake:c"};
	struct fake_device *b = fake_device_create("b"), *c = fake_device_create("c");
	struct vireo_port *ports[3];

	assert_int_equal(vireo_port_open_all(specs, NULL, 3, ports), 0);
	assert_int_equal(fake_driver.n_probe, 3);
	assert_int_equal(fake_driver.prepared_first, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(vireo_port_index(ports[i]), i);
		vireo_port_close(ports[i]);
	}
	assert_int_equal(vireo_port_open_all(specs, NULL, 0, ports), 0);
	fake_device_destroy(b);
	fake_device_destroy(c);
}

static void port_open_all_is_all_or_none(void **state)
{
	static const char *const absent[] = {"fake:a", "fake:b", "fake:nobody"};
	static const char *const specs[] = {"fake:a", "fake:b"};
	struct fake_device *b = fake_device_create("b");
	struct vireo_port *ports[3] = {NULL};

	assert_int_equal(vireo_port_open_all(absent, NULL, 3, ports), -ENOENT);
	assert_sentence("nobody");
	/* Two prepare and one probe later, and two queues: the second probe. */
	fake_driver.fail_nth = 6;
	fake_driver.fail_errno = -EIO;
	assert_int_equal(vireo_port_open_all(specs, NULL, 2, ports), -EIO);
	assert_sentence("as the test wishes");
	assert_null(ports[0]);
	assert_false(fake->is_open);
	assert_false(b->is_open);
	assert_int_equal(fake_driver.n_queues, 0);
	assert_int_equal(fake_driver.n_probe, fake_driver.n_remove);
	fake_device_destroy(b);
}

static void port_index_is_the_lowest_free(void **state)
{
	struct fake_device *second = fake_device_create("b");
	struct vireo_port *b;

	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_open("fake:b", NULL, &b), 0);
	assert_int_equal(vireo_port_index(port), 0);
	assert_int_equal(vireo_port_index(b), 1);
	vireo_port_close(port);
	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_index(port), 0);
	vireo_port_close(b);
	fake_device_destroy(second);
}

static void settings_survive_and_are_applied_at_start(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9}, group[6] = {1, 0, 0x5e, 0, 0, 1};
	struct vireo_port_config cfg = {.promiscuous = true};

	assert_int_equal(open_with(&cfg), 0);
	assert_int_equal(vireo_port_set_all_multicast(port, true), 0);
	assert_int_equal(vireo_port_set_mac(port, mac), 0);
	assert_int_equal(vireo_port_add_mac(port, group), 0);
	assert_int_equal(vireo_port_add_vlan(port, 4095), 0);
	assert_int_equal(fake_driver.n_set, 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_true(fake_driver.seen.promiscuous);
	assert_true(fake_driver.seen.all_multicast);
	assert_true(fake_driver.seen.mac_changed);
	assert_memory_equal(fake_driver.seen.mac, mac, 6);
	assert_int_equal(fake_driver.seen.n_filter_macs, 1);
	assert_memory_equal(fake_driver.seen.filter_macs[0], group, 6);
	assert_int_equal(fake_driver.seen.n_vlans, 1);
	assert_true(fake_driver.seen.vlans[63] >> 63);
	assert_int_equal(vireo_port_set_promiscuous(port, false), 0);
	assert_int_equal(vireo_port_remove_vlan(port, 4095), 0);
	assert_int_equal(fake_driver.n_set, 2);
	vireo_port_stop(port);
	assert_int_equal(vireo_port_start(port), 0);
	assert_false(fake_driver.seen.promiscuous);
	assert_int_equal(fake_driver.seen.n_vlans, 0);
	assert_int_equal(fake_driver.seen.vlans[63], 0);
}

static void settings_refused_by_the_driver_are_taken_back(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct vireo_port_settings before;

	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_start(port), 0);
	assert_int_equal(vireo_port_add_mac(port, mac), 0);
	assert_int_equal(vireo_port_add_vlan(port, 5), 0);
	before = *vireo_port_settings(port);
	fake_driver.fail_errno = -ENOSPC;
	for (unsigned i = 0; i < 7; i++) {
		static const uint8_t other[6] = {2, 0, 0, 0, 0, 10};

		fake_driver.fail_nth = 1;
		assert_int_equal(i == 0	  ? vireo_port_set_promiscuous(port, true)
				 : i == 1 ? vireo_port_set_all_multicast(port, true)
				 : i == 2 ? vireo_port_set_mac(port, other)
				 : i == 3 ? vireo_port_add_mac(port, other)
				 : i == 4 ? vireo_port_remove_mac(port, mac)
				 : i == 5 ? vireo_port_add_vlan(port, 6)
					  : vireo_port_remove_vlan(port, 5),
				 -ENOSPC);
		assert_memory_equal(vireo_port_settings(port), &before, sizeof(before));
	}
}

static void settings_arguments_are_checked(void **state)
{
	static const uint8_t zero[6], group[6] = {1};
	uint8_t mac[6] = {2};

	assert_int_equal(open_with(NULL), 0);
	assert_int_equal(vireo_port_set_mac(port, zero), -EINVAL);
	assert_int_equal(vireo_port_set_mac(port, group), -EINVAL);
	assert_int_equal(vireo_port_add_mac(port, zero), -EINVAL);
	assert_int_equal(vireo_port_remove_mac(port, group), -EINVAL);
	assert_int_equal(vireo_port_add_vlan(port, 4096), -EINVAL);
	assert_int_equal(vireo_port_remove_vlan(port, 1), -EINVAL);
	for (unsigned i = 0; i < VIREO_MAX_FILTER_MACS; i++) {
		mac[5] = (uint8_t)i;
		assert_int_equal(vireo_port_add_mac(port, mac), 0);
		assert_int_equal(vireo_port_add_mac(port, mac), 0);
	}
	mac[4] = 1;
	assert_int_equal(vireo_port_add_mac(port, mac), -ENOSPC);
	mac[4] = 0;
	mac[5] = 7;
	assert_int_equal(vireo_port_remove_mac(port, mac), 0);
	assert_int_equal(vireo_port_settings(port)->n_filter_macs, VIREO_MAX_FILTER_MACS - 1);
	assert_int_equal(vireo_port_settings(port)->filter_macs[7][5], 8);
	assert_int_equal(vireo_port_remove_mac(port, mac), -EINVAL);
}

static uint64_t find_xstat(const struct vireo_xstat *x, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp(x[i].name, name))
			return x[i].value;
	}
	fail_msg("no counter %s", name);
	return 0;
}

static void stats_add_up_over_queues_and_device(void **state)
{
	struct vireo_port_config cfg = {.n_rxq = 2};
	struct vireo_xstat x[128];
	struct vireo_stats s;
	struct vireo_pkt pkts[8];
	int n;

	assert_int_equal(open_with(&cfg), 0);
	assert_int_equal(vireo_port_start(port), 0);
	for (unsigned i = 0; i < 5; i++)
		fake_driver_receive(vireo_port_rxq(port, i % 2), 100);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 0), pkts, 8), 3);
	assert_int_equal(vireo_rx_burst(vireo_port_rxq(port, 1), pkts + 3, 5), 2);
	assert_int_equal(vireo_tx_burst(vireo_port_txq(port, 0), pkts, 5), 5);
	assert_int_equal(vireo_txq_reclaim(vireo_port_txq(port, 0)), 5);
	vireo_rxq_drop(vireo_port_rxq_head(port, 1), VIREO_DROP_RX_INVALID, 3);
	vireo_txq_drop(vireo_port_txq_head(port, 0), VIREO_DROP_TX_INVALID, 2);
	vireo_txq_drop(vireo_port_txq_head(port, 0), VIREO_N_DROPS, 2);
	fake_driver.device_missed = 11;
	assert_int_equal(vireo_port_stats(port, &s), 0);
	assert_int_equal(s.rx_packets, 5);
	assert_int_equal(s.rx_bytes, 500);
	assert_int_equal(s.tx_packets, 5);
	assert_int_equal(s.drops[VIREO_DROP_RX_MISSED], 11);
	assert_int_equal(s.drops[VIREO_DROP_RX_INVALID], 3);
	assert_int_equal(s.drops[VIREO_DROP_TX_INVALID], 2);
	vireo_rxq_stats(vireo_port_rxq(port, 1), &s);
	assert_int_equal(s.rx_packets, 2);
	assert_int_equal(s.tx_packets, 0);
	assert_int_equal(s.drops[VIREO_DROP_RX_INVALID], 3);

	n = vireo_port_xstats(port, NULL, 0);
	assert_true(n > 20 && n < 128);
	memset(x, 0x55, sizeof(x));
	assert_int_equal(vireo_port_xstats(port, x, 3), n);
	assert_int_equal((unsigned char)x[3].name[0], 0x55);
	assert_int_equal(vireo_port_xstats(port, x, 128), n);
	assert_int_equal(find_xstat(x, n, "rx_q0_packets"), 3);
	assert_int_equal(find_xstat(x, n, "rx_q1_invalid"), 3);
	assert_int_equal(find_xstat(x, n, "tx_q0_invalid"), 2);
	assert_int_equal(find_xstat(x, n, "rx_missed"), 11);
	assert_int_equal(find_xstat(x, n, "phy_symbols"), 42);
	/* Counters stay over a stop. */
	vireo_port_stop(port);
	assert_int_equal(vireo_port_stats(port, &s), 0);
	assert_int_equal(s.rx_packets, 5);
}

static void drop_names_and_hints_are_complete(void **state)
{
	for (unsigned i = 0; i < VIREO_N_DROPS; i++) {
		assert_non_null(vireo_drop_name(i));
		assert_true(strlen(vireo_drop_hint(i)) > 20);
		assert_true(!strncmp(vireo_drop_name(i), i < VIREO_DROP_TX_INVALID ? "rx_" : "tx_", 3));
	}
	assert_string_equal(vireo_drop_name(VIREO_DROP_RX_NO_BUFFER), "rx_no_buffer");
	assert_string_equal(vireo_drop_name(VIREO_DROP_RX_BURST_SHORT), "rx_burst_short");
	assert_null(vireo_drop_name(VIREO_N_DROPS));
	assert_null(vireo_drop_hint(-1));
}

static void driver_register_checks_what_it_gets(void **state)
{
	struct vireo_driver d = {0};

	assert_int_equal(vireo_driver_register(NULL), -EINVAL);
	assert_int_equal(vireo_driver_register(&d), -EINVAL);
	assert_int_equal(open_with(NULL), 0);
	d = *port->driver;
	assert_string_equal(d.name, "fake");
	assert_int_equal(vireo_driver_register(&d), -EEXIST);
	d.name = "other";
	d.stop = NULL;
	assert_int_equal(vireo_driver_register(&d), -EINVAL);
}

/* One pass over a port's life; the first error, or 0. */
static int live(void)
{
	struct vireo_port_config cfg = {.n_rxq = 2, .n_txq = 2, .rx_interrupts = true, .promiscuous = true};
	struct vireo_stats stats;
	struct vireo_link link;
	int err;

	err = open_with(&cfg);
	if (err)
		return err;
	err = vireo_port_start(port);
	if (!err)
		err = vireo_port_set_promiscuous(port, false);
	if (!err)
		err = vireo_port_link(port, &link);
	if (!err)
		err = vireo_port_stats(port, &stats);
	if (!err)
		err = vireo_port_stop(port);
	vireo_port_close(port);
	port = NULL;
	return err;
}

/* Every call of the bus, and of the driver, fails once: nothing stays behind, and there is a sentence. */
static void port_life_nth_failure_leaks_nothing(void **state)
{
	unsigned n_fds, n;

	assert_int_equal(live(), 0);
	n_fds = count_fds();
	for (n = 1; n < 500; n++) {
		fake->fail_nth = n;
		live();
		assert_false(fake->is_open);
		assert_int_equal(fake_driver.n_queues, 0);
		assert_int_equal(fake_driver.n_probe, fake_driver.n_remove);
		assert_int_equal(count_fds(), n_fds);
		/* Not used up: the life has fewer calls. */
		if (fake->fail_nth > 0)
			break;
	}
	assert_in_range(n, 15, 499);
	fake->fail_nth = 0;
	for (n = 1; n < 500; n++) {
		fake_driver.fail_nth = n;
		if (live() == 0)
			break;
		assert_sentence("as the test wishes");
		assert_false(fake->is_open);
		assert_int_equal(fake_driver.n_queues, 0);
		assert_int_equal(count_fds(), n_fds);
	}
	assert_in_range(n, 8, 499);
}

/* Ports, and the pool they share, in every order of closing. */
static void port_close_any_order_leaks_nothing(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct fake_device *fakes[3] = {fake, fake_device_create("b"), fake_device_create("c")};
	struct vireo_pool *pool = make_pool(1024);
	struct vireo_port_config cfg = {.rx_pool = pool};
	unsigned n_fds = count_fds();

	for (unsigned i = 0; i < N_OF(orders); i++) {
		struct vireo_port *ports[3];

		assert_int_equal(vireo_port_open("fake:a", &cfg, &ports[0]), 0);
		assert_int_equal(vireo_port_open("fake:b", &cfg, &ports[1]), 0);
		assert_int_equal(vireo_port_open("fake:c", NULL, &ports[2]), 0);
		for (unsigned j = 0; j < 3; j++)
			assert_int_equal(vireo_port_start(ports[j]), 0);
		for (unsigned j = 0; j < 3; j++) {
			vireo_port_close(ports[orders[i][j]]);
			assert_false(fakes[orders[i][j]]->is_open);
		}
		assert_int_equal(count_fds(), n_fds);
	}
	assert_int_equal(vireo_pool_destroy(pool), 0);
	fake_device_destroy(fakes[1]);
	fake_device_destroy(fakes[2]);
}

static void port_close_null_is_fine(void **state)
{
	vireo_port_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(port_open_defaults_are_filled_in, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_too_much_is_refused_with_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_missing_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_wrong_device_says_what_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_busy_or_absent_keeps_the_sentence, setup, teardown),
		cmocka_unit_test_setup_teardown(port_start_stop_order_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(port_stop_timeout_is_stopped_all_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(port_start_failure_is_as_after_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(port_pool_own_fits_rings_and_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(port_pool_in_use_cannot_be_destroyed, setup, teardown),
		cmocka_unit_test_setup_teardown(port_pool_wishes_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(port_close_pool_with_packets_out_lives_on, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_all_prepares_all_before_it_probes_one, setup, teardown),
		cmocka_unit_test_setup_teardown(port_open_all_is_all_or_none, setup, teardown),
		cmocka_unit_test_setup_teardown(port_index_is_the_lowest_free, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_survive_and_are_applied_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_refused_by_the_driver_are_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_arguments_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(stats_add_up_over_queues_and_device, setup, teardown),
		cmocka_unit_test(drop_names_and_hints_are_complete),
		cmocka_unit_test_setup_teardown(driver_register_checks_what_it_gets, setup, teardown),
		cmocka_unit_test_setup_teardown(port_life_nth_failure_leaks_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(port_close_any_order_leaks_nothing, setup, teardown),
		cmocka_unit_test(port_close_null_is_fine),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}

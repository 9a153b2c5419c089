// SPDX-License-Identifier: BSD-2-Clause
/* What the driver makes of a device's registers: every refusal with its sentence, every number checked. */
#include "virtio_rig.h"

#include <linux/pci_regs.h>

static void open_modern_device_tells_what_it_is(void **state)
{
	struct vireo_port_info info;
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "v");
	rig_start(&r);
	vireo_port_info(r.port, &info);
	assert_string_equal(info.driver, "virtio");
	assert_memory_equal(info.mac, r.fv->mac, 6);
	assert_int_equal(info.max_mtu, 9000);
	assert_int_equal(info.max_rxq, 1);
	assert_int_equal(info.rx_offloads_can, VIREO_RX_CSUM | VIREO_RX_LARGE | VIREO_RX_VLAN_STRIP);
	assert_int_equal(info.tx_offloads_can, VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM | VIREO_TX_TSO);
	assert_string_equal(info.missing, "");
	assert_int_equal(vireo_port_link(r.port, &link), 0);
	assert_true(link.up && link.full_duplex);
	assert_int_equal(link.speed_mbps, 10000);
	rig_destroy(&r);
}

static void open_negotiates_only_what_is_asked_for(void **state)
{
	const uint64_t always = VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS |
				VIRTIO_NET_F_MTU | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX |
			 VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_MQ |
				VIRTIO_NET_F_SPEED_DUPLEX;
	static const struct {
		uint32_t rx, tx;
		uint64_t more;
		uint32_t mtu;
	} cases[] = {
		{0, 0, 0},
		{0, 0, VIRTIO_NET_F_MRG_RXBUF, 9000},
		{VIREO_RX_CSUM, 0, VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_CSUM},
		{0, VIREO_TX_L4_CSUM, VIRTIO_NET_F_CSUM},
		{VIREO_RX_CSUM | VIREO_RX_LARGE, 0,
		 VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 |
			 VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_MRG_RXBUF},
		{0, VIREO_TX_TSO,
		 VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		struct rig r;

		rig_create(&r, "v");
		r.cfg.rx_offloads = cases[i].rx;
		r.cfg.tx_offloads = cases[i].tx;
		r.cfg.mtu = cases[i].mtu;
		rig_start(&r);
		assert_int_equal(r.fv->accepted, always | cases[i].more);
		rig_destroy(&r);
	}
}

static void open_transitional_device_with_modern_registers_works(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_device_set_ids(r.fv->bus, VIRTIO_PCI_VENDOR, VIRTIO_PCI_NET_TRANSITIONAL, 0x020000);
	rig_start(&r);
	rig_destroy(&r);
}

static void check_refused(struct rig *r, int err, const char *sentence)
{
	assert_int_equal(rig_fail(r), err);
	assert_sentence(sentence);
	rig_destroy(r);
}

static void open_legacy_only_device_names_the_qemu_option(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_device_set_ids(r.fv->bus, VIRTIO_PCI_VENDOR, VIRTIO_PCI_NET_TRANSITIONAL, 0x020000);
	fake_virtio_remove_caps(r.fv);
	check_refused(&r, -EOPNOTSUPP, "disable-legacy=on,disable-modern=off");
}

static void open_without_version_1_names_the_qemu_option(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->offered &= ~VIRTIO_F_VERSION_1;
	check_refused(&r, -EOPNOTSUPP, "disable-legacy=on");
}

static void open_behind_iommu_without_access_platform_names_the_qemu_option(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->offered &= ~VIRTIO_F_ACCESS_PLATFORM;
	check_refused(&r, -EOPNOTSUPP, "iommu_platform=on");
	rig_create(&r, "v");
	r.fv->offered &= ~VIRTIO_F_ACCESS_PLATFORM;
	r.fv->bus->iommu = false;
	rig_start(&r);
	rig_destroy(&r);
}

/* Capabilities that cannot be true. @broken: there are some, but they lead nowhere. */
static const struct {
	const char *why;
	uint8_t type, bar;
	uint32_t offset, length;
} bad_caps[] = {
	{"common behind the end", VIRTIO_CAP_TYPE_COMMON, 4, 0x8000, 0x1000},
	{"common over the end", VIRTIO_CAP_TYPE_COMMON, 4, 0x7fd0, 0x38},
	{"common wraps around", VIRTIO_CAP_TYPE_COMMON, 4, 0xfffffffc, 0x1000},
	{"common as long as can be", VIRTIO_CAP_TYPE_COMMON, 4, 0, 0xffffffff},
	{"common too short", VIRTIO_CAP_TYPE_COMMON, 4, 0, 0x37},
	{"common not aligned", VIRTIO_CAP_TYPE_COMMON, 4, 2, 0x1000},
	{"common in a BAR that is not there", VIRTIO_CAP_TYPE_COMMON, 3, 0, 0x1000},
	{"common in BAR 6", VIRTIO_CAP_TYPE_COMMON, 6, 0, 0x1000},
	{"common in BAR 7", VIRTIO_CAP_TYPE_COMMON, 7, 0, 0x1000},
	{"common in BAR 255", VIRTIO_CAP_TYPE_COMMON, 255, 0, 0x1000},
	{"notify behind the end", VIRTIO_CAP_TYPE_NOTIFY, 4, 0x8000, 0x1000},
	{"notify of one byte", VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3000, 1},
	{"notify of nothing", VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3000, 0},
	{"notify not aligned", VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3001, 0x100},
	{"reserved type", 0, 4, 0, 0x1000},
	{"unknown type", 200, 4, 0, 0x1000},
};

static void open_impossible_capability_is_refused(void **state)
{
	for (unsigned i = 0; i < N_OF(bad_caps); i++) {
		bool common = bad_caps[i].type != VIRTIO_CAP_TYPE_NOTIFY;
		struct rig r;

		rig_create(&r, "v");
		fake_virtio_remove_caps(r.fv);
		if (common)
			fake_virtio_add_cap(r.fv, 0x60, VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3000, 0x1000);
		else
			fake_virtio_add_cap(r.fv, 0x60, VIRTIO_CAP_TYPE_COMMON, 4, 0, 0x1000);
		fake_virtio_add_cap(r.fv, 0x40, bad_caps[i].type, bad_caps[i].bar, bad_caps[i].offset,
				    bad_caps[i].length);
		if (rig_fail(&r) != -EIO)
			fail_msg("%s: %s", bad_caps[i].why, vireo_last_error());
		rig_destroy(&r);
	}
}

static void open_bad_capability_before_a_good_one_uses_the_good_one(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_virtio_add_cap(r.fv, 0xc0, VIRTIO_CAP_TYPE_COMMON, 6, 0, 0x1000);
	fake_virtio_add_cap(r.fv, 0xd0, VIRTIO_CAP_TYPE_NOTIFY, 4, 0x8000, 0x1000);
	rig_start(&r);
	rig_destroy(&r);
}

/* The first that can be used counts; one further down the list that leads elsewhere does not. */
static void open_second_capability_of_a_kind_is_ignored(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_virtio_remove_caps(r.fv);
	fake_virtio_add_cap(r.fv, 0xc0, VIRTIO_CAP_TYPE_COMMON, 4, 0x1000, 0x1000);
	fake_virtio_add_caps(r.fv);
	rig_start(&r);
	rig_destroy(&r);
}

static void open_capability_list_without_end_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->bus->config[0x91] = 0x50;
	assert_int_equal(rig_fail(&r), -EIO);
	rig_destroy(&r);
}

static void open_capability_cut_off_by_config_space_is_skipped(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_virtio_remove_caps(r.fv);
	/* Its length says 16, of which 8 would lie behind the end. */
	fake_device_add_capability(r.fv->bus, 0xf8, 0x09, "\x10\x01\x04\0\0\0", 6);
	fake_virtio_add_cap(r.fv, 0x60, VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3000, 0x1000);
	assert_true(rig_fail(&r) == -EIO);
	rig_destroy(&r);
}

static void open_random_config_space_never_crashes(void **state)
{
	unsigned seed = 3;

	for (unsigned i = 0; i < 300; i++) {
		struct rig r;
		int err;

		rig_create(&r, "v");
		r.fv->quiet = true;
		for (unsigned k = 0; k < 12; k++) {
			seed = seed * 1103515245 + 12345;
			r.fv->bus->config[0x40 + seed / 65536 % 0xc0] = seed >> 8;
		}
		err = vireo_port_open("fake:v", &r.cfg, &r.port);
		if (err) {
			r.port = NULL;
			assert_true(strlen(vireo_last_error()) > 10);
		}
		vireo_port_close(r.port);
		r.port = NULL;
		/* Registers found in the wrong place are a violation here, and none of the driver's. */
		atomic_store(&r.fv->n_violations, 0);
		rig_destroy(&r);
	}
}

static void open_reset_that_never_ends_times_out(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->status = VIRTIO_STATUS_DRIVER_OK;
	r.fv->reset_never_ends = true;
	check_refused(&r, -ETIMEDOUT, "reset did not end");
}

static void open_device_that_is_gone_says_so(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->status = VIRTIO_STATUS_GONE;
	r.fv->reset_never_ends = true;
	check_refused(&r, -ENODEV, "does not answer");
}

static void open_configuration_that_never_holds_still_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->restless = true;
	check_refused(&r, -EIO, "never holds still");
}

static void start_device_that_refuses_its_own_features_fails(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->refuses_features = true;
	check_refused(&r, -EIO, "does not accept features");
}

static void start_doorbell_outside_the_window_is_refused(void **state)
{
	static const uint16_t offs[] = {1024, 1023 + 2, 0xffff};

	for (unsigned i = 0; i < N_OF(offs); i++) {
		struct rig r;

		rig_create(&r, "v");
		r.fv->notify_off[TXQ] = offs[i];
		check_refused(&r, -EIO, "doorbell of queue 1");
	}
}

static void start_last_doorbell_in_the_window_works(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->notify_off[TXQ] = 1023;
	rig_start(&r);
	rig_destroy(&r);
}

static void start_without_a_vector_left_fails(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->n_vectors = 1;
	r.cfg.rx_interrupts = true;
	check_refused(&r, -EIO, "vectors=N");
}

static void open_more_interrupts_than_vectors_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->max_pairs = 4;
	r.fv->n_queues = 9;
	r.cfg.n_rxq = r.cfg.n_txq = 4;
	r.cfg.rx_interrupts = true;
	check_refused(&r, -EOPNOTSUPP, "4 MSI-X vectors");
}

static void open_interrupts_without_msix_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_device_add_irqs(r.fv->bus, VIREO_IRQ_MSIX, 0);
	r.cfg.rx_interrupts = true;
	check_refused(&r, -EOPNOTSUPP, "MSI-X");
	rig_create(&r, "v");
	fake_device_add_irqs(r.fv->bus, VIREO_IRQ_MSIX, 0);
	rig_start(&r);
	rig_destroy(&r);
}

static void open_queue_without_descriptors_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->queues[TXQ].max_size = r.fv->queues[TXQ].size = 0;
	check_refused(&r, -EIO, "the device is broken");
	rig_create(&r, "v");
	r.fv->n_queues = 1;
	check_refused(&r, -EIO, "the device is broken");
}

static void open_rings_of_two_sizes_each_has_its_limit(void **state)
{
	struct vireo_port_info info;
	struct rig r;

	rig_create(&r, "v");
	r.fv->queues[RXQ].max_size = r.fv->queues[RXQ].size = 128;
	r.fv->queues[TXQ].max_size = r.fv->queues[TXQ].size = 100;
	r.cfg.rx_ring = r.cfg.tx_ring = 0;
	rig_start(&r);
	vireo_port_info(r.port, &info);
	assert_int_equal(info.rx_ring, 128);
	assert_int_equal(info.tx_ring, 64);
	rig_destroy(&r);
	rig_create(&r, "v");
	r.fv->queues[TXQ].max_size = r.fv->queues[TXQ].size = 64;
	r.cfg.tx_ring = 128;
	check_refused(&r, -EOPNOTSUPP, "64 transmit descriptors");
}

static void open_more_transmit_than_receive_queues_is_refused(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	r.fv->max_pairs = 2;
	r.fv->n_queues = 5;
	r.cfg.n_txq = 2;
	check_refused(&r, -EINVAL, "come in pairs");
}

static void open_bare_device_names_what_is_missing(void **state)
{
	struct vireo_port_info info;
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "v");
	r.fv->offered = VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;
	r.fv->n_queues = 2;
	rig_start(&r);
	vireo_port_info(r.port, &info);
	assert_non_null(strstr(info.missing, "MRG_RXBUF"));
	assert_non_null(strstr(info.missing, "HOST_TSO4"));
	assert_true((info.mac[0] & 3) == 2);
	assert_int_equal(info.rx_offloads_can, VIREO_RX_VLAN_STRIP);
	assert_int_equal(info.tx_offloads_can, VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM);
	assert_true(info.max_mtu > 9000);
	assert_int_equal(vireo_port_link(r.port, &link), 0);
	assert_true(link.up);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), -EOPNOTSUPP);
	assert_int_equal(vireo_port_set_mac(r.port, info.mac), -EOPNOTSUPP);
	rig_destroy(&r);
}

static void open_device_without_configuration_does_without_its_features(void **state)
{
	struct rig r;

	rig_create(&r, "v");
	fake_virtio_remove_caps(r.fv);
	fake_virtio_add_cap(r.fv, 0x60, VIRTIO_CAP_TYPE_NOTIFY, 4, 0x3000, 0x1000);
	fake_virtio_add_cap(r.fv, 0x50, VIRTIO_CAP_TYPE_COMMON, 4, 0, 0x1000);
	fake_virtio_add_cap(r.fv, 0x40, VIRTIO_CAP_TYPE_DEVICE, 4, 0x2000, 8);
	rig_start(&r);
	assert_int_equal(r.fv->accepted & (VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS),
			 VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS);
	assert_int_equal(r.fv->accepted & (VIRTIO_NET_F_MTU | VIRTIO_NET_F_MQ | VIRTIO_NET_F_SPEED_DUPLEX), 0);
	rig_destroy(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_modern_device_tells_what_it_is),
		cmocka_unit_test(open_negotiates_only_what_is_asked_for),
		cmocka_unit_test(open_transitional_device_with_modern_registers_works),
		cmocka_unit_test(open_legacy_only_device_names_the_qemu_option),
		cmocka_unit_test(open_without_version_1_names_the_qemu_option),
		cmocka_unit_test(open_behind_iommu_without_access_platform_names_the_qemu_option),
		cmocka_unit_test(open_impossible_capability_is_refused),
		cmocka_unit_test(open_bad_capability_before_a_good_one_uses_the_good_one),
		cmocka_unit_test(open_second_capability_of_a_kind_is_ignored),
		cmocka_unit_test(open_capability_list_without_end_is_refused),
		cmocka_unit_test(open_capability_cut_off_by_config_space_is_skipped),
		cmocka_unit_test(open_random_config_space_never_crashes),
		cmocka_unit_test(open_reset_that_never_ends_times_out),
		cmocka_unit_test(open_device_that_is_gone_says_so),
		cmocka_unit_test(open_configuration_that_never_holds_still_is_refused),
		cmocka_unit_test(start_device_that_refuses_its_own_features_fails),
		cmocka_unit_test(start_doorbell_outside_the_window_is_refused),
		cmocka_unit_test(start_last_doorbell_in_the_window_works),
		cmocka_unit_test(start_without_a_vector_left_fails),
		cmocka_unit_test(open_more_interrupts_than_vectors_is_refused),
		cmocka_unit_test(open_interrupts_without_msix_is_refused),
		cmocka_unit_test(open_queue_without_descriptors_is_refused),
		cmocka_unit_test(open_rings_of_two_sizes_each_has_its_limit),
		cmocka_unit_test(open_more_transmit_than_receive_queues_is_refused),
		cmocka_unit_test(open_bare_device_names_what_is_missing),
		cmocka_unit_test(open_device_without_configuration_does_without_its_features),
	};

	return cmocka_run_group_tests_name("virtio_pci", tests, NULL, NULL);
}

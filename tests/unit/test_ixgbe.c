// SPDX-License-Identifier: BSD-2-Clause
/* The life of a port on an 82599: what makes a card be refused, what start programs, and how trouble is told. */
#include "ixgbe_rig.h"

#include <poll.h>

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void open_good_card_is_described(void **state)
{
	static const uint8_t mac[] = {0x90, 0xe2, 0xba, 0, 0, 1};
	struct vireo_port_info info;
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	vireo_port_info(r.port, &info);
	assert_string_equal(info.driver, "ixgbe");
	assert_non_null(strstr(info.device, "82599"));
	assert_memory_equal(info.mac, mac, 6);
	assert_int_equal(info.max_rxq, 64);
	assert_int_equal(info.max_mtu, 9710);
	assert_int_equal(vireo_port_link(r.port, &link), 0);
	assert_true(link.up && link.full_duplex);
	assert_int_equal(link.speed_mbps, 10000);
	rig_destroy(&r);
}

static void start_programs_what_the_datasheet_asks_for(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.cfg.n_rxq = r.cfg.n_txq = 3;
	r.cfg.mtu = 9000;
	rig_start(&r);
	for (unsigned q = 0; q < 3; q++) {
		assert_true(fi_get(r.fi, IXGBE_RXDCTL(q)) & IXGBE_RXDCTL_ENABLE);
		assert_true(fi_get(r.fi, IXGBE_TXDCTL(q)) & IXGBE_TXDCTL_ENABLE);
		assert_int_equal(fi_get(r.fi, IXGBE_TXDCTL(q)) >> IXGBE_TXDCTL_WTHRESH_SHIFT & 0x7f, 0);
		assert_int_equal(fi_get(r.fi, IXGBE_DCA_RXCTRL(q)) & IXGBE_DCA_RXCTRL_CLEAR, 0);
		assert_int_equal(fi_get(r.fi, IXGBE_RDT(q)), 127);
		assert_int_equal(fi_get(r.fi, IXGBE_RDLEN(q)), 128 * 16);
		assert_int_equal(fi_get(r.fi, IXGBE_SRRCTL(q)), 2 | IXGBE_SRRCTL_ADVANCED | IXGBE_SRRCTL_DROP_EN);
	}
	assert_int_equal(fi_get(r.fi, IXGBE_RXDCTL(3)), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_MAXFRS) >> 16, 9000 + 22 + 4);
	assert_int_equal(fi_get(r.fi, IXGBE_HLREG0) &
				 (IXGBE_HLREG0_TXCRCEN | IXGBE_HLREG0_RXCRCSTRP | IXGBE_HLREG0_JUMBOEN),
			 IXGBE_HLREG0_TXCRCEN | IXGBE_HLREG0_RXCRCSTRP | IXGBE_HLREG0_JUMBOEN);
	/* CRC stripping is said in two places that must agree. */
	assert_int_equal(fi_get(r.fi, IXGBE_RDRXCTL) & (IXGBE_RDRXCTL_CRCSTRIP | IXGBE_RDRXCTL_RSCFRSTSIZE),
			 IXGBE_RDRXCTL_CRCSTRIP);
	assert_int_equal(fi_get(r.fi, IXGBE_RXCTRL), IXGBE_RXCTRL_RXEN);
	assert_int_equal(fi_get(r.fi, IXGBE_SECRXCTRL), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RTTDCS) & IXGBE_RTTDCS_ARBDIS, 0);
	assert_int_equal(fi_get(r.fi, IXGBE_AUTOC) & IXGBE_AUTOC_LMS, IXGBE_AUTOC_LMS_10G_SFI << IXGBE_AUTOC_LMS_SHIFT);
	assert_int_equal(fi_get(r.fi, IXGBE_SW_FW_SYNC), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RETA(0)), 0x00020100);
	assert_int_equal(fi_get(r.fi, IXGBE_RETA(1)), 0x01000201);
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RXCTRL), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RXDCTL(0)) & IXGBE_RXDCTL_ENABLE, 0);
	assert_int_equal(fi_get(r.fi, IXGBE_STATUS) & IXGBE_STATUS_GIO, 0);
	assert_false(fake_device_is_master(r.fi->bus));
	rig_destroy(&r);
}

struct fault {
	const char *sentence;
	size_t flag; /* offset of a bool in struct fake_ixgbe */
	int err;
};

static void open_faults_of_the_card_named_within_their_deadline(void **state)
{
	static const struct fault faults[] = {
		{"reset did not end", offsetof(struct fake_ixgbe, reset_never_ends), -ETIMEDOUT},
		{"queue did not start", offsetof(struct fake_ixgbe, queues_never_start), -ETIMEDOUT},
		{"EEPROM did not answer", offsetof(struct fake_ixgbe, eeprom_never_answers), -ETIMEDOUT},
		{"checksum of the EEPROM", offsetof(struct fake_ixgbe, eeprom_damaged), -EIO},
		{"firmware did not give up", offsetof(struct fake_ixgbe, firmware_keeps), -ETIMEDOUT},
	};

	for (unsigned i = 0; i < N_OF(faults); i++) {
		struct rig r;

		rig_create(&r, "x");
		*(bool *)((char *)r.fi + faults[i].flag) = true;
		assert_int_equal(rig_fail(&r), faults[i].err);
		assert_sentence(faults[i].sentence);
		rig_destroy(&r);
	}
}

static void open_pending_requests_reset_twice(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.fi->master_never_ends = true;
	rig_start(&r);
	assert_int_equal(r.fi->n_resets, 2);
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_sentence("requests to memory");
	rig_destroy(&r);
}

static void open_card_without_address_refused(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.fi->no_mac = true;
	assert_int_equal(rig_fail(&r), -EIO);
	assert_sentence("no address");
	rig_destroy(&r);
}

static void open_too_small_bar_refused(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.fi->bus->region_infos[VIREO_REGION_BAR0].size = 0x10000;
	assert_int_equal(rig_fail(&r), -EIO);
	assert_sentence("registers");
	rig_destroy(&r);
}

static void open_more_interrupts_than_vectors_refused(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.cfg.rx_interrupts = true;
	r.cfg.n_rxq = 64;
	assert_int_equal(rig_fail(&r), -EOPNOTSUPP);
	assert_sentence("63 receive queues");
	rig_destroy(&r);
}

static void start_sixty_four_pairs_all_run(void **state)
{
	struct vireo_pool_config pool = {.name = "many", .n_bufs = 8192};
	struct vireo_pool *many;
	struct rig r;

	rig_create(&r, "x");
	assert_int_equal(vireo_pool_create(&pool, &many), 0);
	r.cfg.rx_pool = many;
	r.cfg.rx_ring = 64;
	r.cfg.n_rxq = r.cfg.n_txq = 64;
	rig_start(&r);
	for (unsigned q = 0; q < 64; q++)
		assert_int_equal(fi_rx_room(r.fi, q), 63);
	/* RSS reaches 16 on this chip. */
	assert_int_equal(fi_get(r.fi, IXGBE_RETA(3)), 0x0f0e0d0c);
	assert_int_equal(fi_get(r.fi, IXGBE_RETA(4)), 0x03020100);
	rig_destroy(&r);
	assert_int_equal(vireo_pool_destroy(many), 0);
}

static void start_after_every_failing_access_leaves_nothing(void **state)
{
	unsigned n_failed = 0;

	for (unsigned nth = 1;; nth += 1 + nth / 8) {
		struct rig r;
		char spec[] = "fake:x";
		int err;

		rig_create(&r, "x");
		/* A lost write shows as a wait without end or not at all; a lost read as all ones. */
		r.fi->quiet = true;
		r.fi->bus->fail_nth = nth;
		err = vireo_port_open(spec, &r.cfg, &r.port);
		if (err)
			r.port = NULL;
		else
			err = vireo_port_start(r.port);
		n_failed += err != 0;
		if (!r.fi->bus->has_failed) {
			rig_destroy(&r);
			break;
		}
		r.fi->bus->fail_nth = 0;
		vireo_port_close(r.port);
		r.port = NULL;
		r.fi->n_violations = 0;
		rig_destroy(&r);
	}
	assert_true(n_failed > 3);
}

static void poll_link_changes_are_told_with_their_interrupt(void **state)
{
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	assert_int_equal(vireo_port_poll(r.port), 0);
	assert_false(is_readable(vireo_port_event_fd(r.port)));
	fi_set_link(r.fi, false);
	assert_true(is_readable(vireo_port_event_fd(r.port)));
	assert_int_equal(vireo_port_poll(r.port), VIREO_EVENT_LINK);
	assert_int_equal(vireo_port_link(r.port, &link), 0);
	assert_false(link.up);
	assert_int_equal(vireo_port_poll(r.port), 0);
	fi_set_link(r.fi, true);
	assert_int_equal(vireo_port_poll(r.port), VIREO_EVENT_LINK);
	rig_destroy(&r);
}

static void poll_card_reset_by_others_wants_restart(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	fi_reset(r.fi);
	assert_int_equal(vireo_port_poll(r.port), -EIO);
	vireo_port_stop(r.port);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_int_equal(vireo_port_poll(r.port), 0);
	assert_int_equal(fi_rx_room(r.fi, 0), 127);
	rig_destroy(&r);
}

static void poll_removed_card_is_gone(void **state)
{
	struct vireo_link link;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	fake_device_remove(r.fi->bus);
	assert_int_equal(vireo_port_poll(r.port), -ENODEV);
	assert_int_equal(vireo_port_link(r.port, &link), -ENODEV);
	assert_int_equal(vireo_port_stop(r.port), -ENODEV);
	assert_int_equal(rig_n_free(&r), 1024);
	vireo_port_close(r.port);
	r.port = NULL;
	assert_int_equal(vireo_pool_destroy(r.pool), 0);
	fake_ixgbe_destroy(r.fi);
}

static void stop_queue_that_never_stops_ends_all_the_same(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	r.fi->queues_never_stop = true;
	assert_int_equal(vireo_port_stop(r.port), -ETIMEDOUT);
	assert_sentence("did not stop");
	assert_int_equal(rig_n_free(&r), 1024);
	r.fi->queues_never_stop = false;
	assert_int_equal(vireo_port_start(r.port), 0);
	rig_destroy(&r);
}

static void stats_read_to_clear_counters_are_added_up(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (uint64_t i = 1; i <= 3; i++) {
		fi_put(r.fi, IXGBE_MPC(0), 0xffffffff);
		fi_put(r.fi, IXGBE_QPRDC(3), 1);
		fi_put(r.fi, IXGBE_CRCERRS, 5);
		fi_put(r.fi, IXGBE_GORCL, 0xffffffff);
		fi_put(r.fi, IXGBE_GORCH, 0xf);
		assert_int_equal(rig_drops(&r, VIREO_DROP_RX_MISSED), i << 32);
		assert_int_equal(rig_xstat(&r, "mac_rx_bytes"), i * 0xfffffffff);
		assert_int_equal(rig_xstat(&r, "mac_rx_crc_errors"), i * 5);
	}
	assert_int_equal(vireo_port_stop(r.port), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	assert_int_equal(rig_xstat(&r, "rx_counter3_dropped"), 3);
	rig_destroy(&r);
}

/* Three hours of 10 Gbit/s both ways, looked at every 50 seconds: no counter is wide enough for a tenth of that. */
static void stats_hours_at_line_rate_are_exact(void **state)
{
	const uint64_t looks = 3 * 3600 / 50, bytes = 50 * 1250000000ull, packets = 50 * 14880952ull;
	struct vireo_stats stats;
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	for (uint64_t i = 0; i < looks; i++) {
		fi_put(r.fi, IXGBE_GORCL, (uint32_t)bytes);
		fi_put(r.fi, IXGBE_GORCH, bytes >> 32);
		fi_put(r.fi, IXGBE_GOTCL, (uint32_t)bytes);
		fi_put(r.fi, IXGBE_GOTCH, bytes >> 32);
		fi_put(r.fi, IXGBE_GPRC, (uint32_t)packets);
		fi_put(r.fi, IXGBE_GPTC, (uint32_t)packets);
		assert_int_equal(vireo_port_stats(r.port, &stats), 0);
	}
	assert_true(looks * bytes > 1ull << 36 && looks * packets > 1ull << 32);
	assert_int_equal(rig_xstat(&r, "mac_rx_bytes"), looks * bytes);
	assert_int_equal(rig_xstat(&r, "mac_tx_bytes"), looks * bytes);
	assert_int_equal(rig_xstat(&r, "mac_rx_packets"), looks * packets);
	assert_int_equal(rig_xstat(&r, "mac_tx_packets"), looks * packets);
	rig_destroy(&r);
}

static void settings_reach_the_tables(void **state)
{
	static const uint8_t unicast[] = {2, 1, 2, 3, 4, 5}, multicast[] = {1, 0, 0x5e, 0, 0x12, 0x34};
	struct rig r;

	rig_create(&r, "x");
	rig_start(&r);
	assert_int_equal(fi_get(r.fi, IXGBE_FCTRL), IXGBE_FCTRL_BAM);
	assert_int_equal(vireo_port_set_promiscuous(r.port, true), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_FCTRL), IXGBE_FCTRL_BAM | IXGBE_FCTRL_UPE | IXGBE_FCTRL_MPE);
	assert_int_equal(vireo_port_set_promiscuous(r.port, false), 0);
	assert_int_equal(vireo_port_set_all_multicast(r.port, true), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_FCTRL), IXGBE_FCTRL_BAM | IXGBE_FCTRL_MPE);
	assert_int_equal(vireo_port_add_mac(r.port, unicast), 0);
	assert_int_equal(vireo_port_add_mac(r.port, multicast), 0);
	/* Twice: the second time from a restart. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fi_get(r.fi, IXGBE_RAL(1)), 0x03020102);
		assert_int_equal(fi_get(r.fi, IXGBE_RAH(1)), 0x0504 | IXGBE_RAH_AV);
		assert_int_equal(fi_get(r.fi, IXGBE_RAH(2)), 0);
		assert_int_equal(fi_get(r.fi, IXGBE_MTA(0x341 >> 5)), 1u << (0x341 & 31));
		assert_int_equal(fi_get(r.fi, IXGBE_MCSTCTRL), IXGBE_MCSTCTRL_MFE);
		assert_int_equal(vireo_port_stop(r.port), 0);
		assert_int_equal(vireo_port_start(r.port), 0);
	}
	assert_int_equal(vireo_port_remove_mac(r.port, unicast), 0);
	assert_int_equal(vireo_port_remove_mac(r.port, multicast), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RAH(1)), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_MCSTCTRL), 0);
	assert_int_equal(vireo_port_add_vlan(r.port, 0x123), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_VFTA(0x123 / 32)), 1u << 3);
	assert_int_equal(fi_get(r.fi, IXGBE_VLNCTRL), 0x8100 | IXGBE_VLNCTRL_VFE);
	assert_int_equal(vireo_port_remove_vlan(r.port, 0x123), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_VFTA(0x123 / 32)), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_VLNCTRL), 0x8100);
	assert_int_equal(vireo_port_set_mac(r.port, unicast), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_RAL(0)), 0x03020102);
	rig_destroy(&r);
}

static void settings_spread_packets_over_queues(void **state)
{
	struct vireo_flow flow = {.match = VIREO_FLOW_DST | VIREO_FLOW_DST_PORT | VIREO_FLOW_PROTOCOL,
				  .dst = {10, 0, 0, 1}, .dst_port = 0x1234, .protocol = 17, .priority = 5, .queue = 2};
	struct vireo_flow_control fc = {.rx = true, .tx = true};
	struct vireo_rss rss;
	struct rig r;

	rig_create(&r, "x");
	r.cfg.n_rxq = 3;
	rig_start(&r);
	assert_int_equal(vireo_port_rss(r.port, &rss), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_MRQC), IXGBE_MRQC_RSS | IXGBE_MRQC_IPV4 | IXGBE_MRQC_IPV4_TCP |
							   IXGBE_MRQC_IPV4_UDP | IXGBE_MRQC_IPV6 |
							   IXGBE_MRQC_IPV6_TCP | IXGBE_MRQC_IPV6_UDP);
	rss.fields = VIREO_RSS_IPV6_UDP;
	rss.table[5] = 2;
	for (unsigned i = 0; i < rss.key_len; i++)
		rss.key[i] = (uint8_t)i;
	assert_int_equal(vireo_port_set_rss(r.port, &rss), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_MRQC), IXGBE_MRQC_RSS | IXGBE_MRQC_IPV6_UDP);
	assert_int_equal(fi_get(r.fi, IXGBE_RETA(1)) >> 8 & 0xff, 2);
	assert_int_equal(fi_get(r.fi, IXGBE_RSSRK(9)), 0x27262524);
	assert_int_equal(vireo_port_add_flow(r.port, &flow), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_DAQF(0)), 0x0100000a);
	assert_int_equal(fi_get(r.fi, IXGBE_SDPQF(0)), 0x34120000);
	assert_int_equal(fi_get(r.fi, IXGBE_L34TIMIR(0)), 1u << 19 | 2u << 21);
	assert_int_equal(fi_get(r.fi, IXGBE_FTQF(0)), 1u << 31 | 1u << 30 | 1u << 27 | 1u << 25 | 5u << 2 | 1);
	assert_int_equal(vireo_port_remove_flow(r.port, &flow), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_FTQF(0)), 0);
	flow.protocol = 1;
	assert_int_equal(vireo_port_add_flow(r.port, &flow), -EOPNOTSUPP);
	assert_int_equal(fi_get(r.fi, IXGBE_MFLCN), IXGBE_MFLCN_DPF);
	assert_int_equal(vireo_port_set_flow_control(r.port, &fc), 0);
	assert_int_equal(fi_get(r.fi, IXGBE_MFLCN), IXGBE_MFLCN_DPF | IXGBE_MFLCN_RFCE);
	assert_int_equal(fi_get(r.fi, IXGBE_FCCFG), IXGBE_FCCFG_TFCE_LINK);
	assert_true(fi_get(r.fi, IXGBE_FCRTH(0)) & IXGBE_FCRTH_FCEN);
	assert_true((fi_get(r.fi, IXGBE_FCRTL(0)) & IXGBE_FCRT_MASK) < (fi_get(r.fi, IXGBE_FCRTH(0)) & IXGBE_FCRT_MASK));
	/* A queue that may pause the other side must not drop. */
	assert_int_equal(fi_get(r.fi, IXGBE_SRRCTL(2)) & IXGBE_SRRCTL_DROP_EN, 0);
	rig_destroy(&r);
}

static void registers_are_read_without_changing_them(void **state)
{
	static struct vireo_register regs[256];
	static uint32_t before[FI_N_REGS];
	struct rig r;
	int n;

	rig_create(&r, "x");
	r.cfg.n_rxq = r.cfg.n_txq = 2;
	rig_start(&r);
	fi_put(r.fi, IXGBE_EICR, IXGBE_EICR_LSC);
	memcpy(before, r.fi->regs, sizeof(before));
	n = vireo_port_registers(r.port, regs, N_OF(regs));
	assert_in_range(n, 50, N_OF(regs));
	assert_int_equal(vireo_port_registers(r.port, NULL, 0), n);
	assert_memory_equal(before, r.fi->regs, sizeof(before));
	for (int i = 0; i < n; i++) {
		assert_int_equal(regs[i].value, fi_get(r.fi, regs[i].offset));
		if (!strcmp(regs[i].name, "RDLEN(1)"))
			assert_int_equal(regs[i].value, 128 * 16);
	}
	rig_destroy(&r);
}

static void start_module_kind_chooses_analog_settings_and_line(void **state)
{
	static const struct {
		uint8_t cable, codes_10g, codes_1g;
		uint64_t command;
		uint32_t lms;
	} cases[] = {
		{IXGBE_SFP_CABLE_PASSIVE, 0, 0, 0x1111, IXGBE_AUTOC_LMS_10G_SFI},
		{IXGBE_SFP_CABLE_ACTIVE, 0, 0, 0x1111, IXGBE_AUTOC_LMS_10G_SFI},
		{0, IXGBE_SFP_10G_SR, 0, 0x22222223, IXGBE_AUTOC_LMS_10G_SFI},
		{0, IXGBE_SFP_10G_LR, 0, 0x22222223, IXGBE_AUTOC_LMS_10G_SFI},
		{0, 0, IXGBE_SFP_1G_SX, 0x22222223, IXGBE_AUTOC_LMS_1G_AN},
		{0, 0, 0, 0, IXGBE_AUTOC_LMS_10G_SFI},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		static const uint16_t list[] = {0, 3, 0x50, 5, 0x60, 0xffff}, direct[] = {0, 0x1111, 0xffff},
				      optics[] = {0, 0x2222, 0x2223, 0xffff};
		struct rig r;

		rig_create(&r, "x");
		r.fi->eeprom[IXGBE_EE_SFP_LIST] = 0x40;
		memcpy(&r.fi->eeprom[0x40], list, sizeof(list));
		memcpy(&r.fi->eeprom[0x50], direct, sizeof(direct));
		memcpy(&r.fi->eeprom[0x60], optics, sizeof(optics));
		r.fi->module_id[IXGBE_SFP_CABLE] = cases[i].cable;
		r.fi->module_id[IXGBE_SFP_10G_CODES] = cases[i].codes_10g;
		r.fi->module_id[IXGBE_SFP_1G_CODES] = cases[i].codes_1g;
		rig_start(&r);
		assert_int_equal(r.fi->bytes_of_command, cases[i].command);
		assert_int_equal((fi_get(r.fi, IXGBE_AUTOC) & IXGBE_AUTOC_LMS) >> IXGBE_AUTOC_LMS_SHIFT, cases[i].lms);
		rig_destroy(&r);
	}
}

static void start_eeprom_list_without_end_still_ends(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	memset(r.fi->eeprom, 0, sizeof(r.fi->eeprom));
	r.fi->eeprom[IXGBE_EE_SFP_LIST] = 0x40;
	rig_start(&r);
	rig_destroy(&r);
}

static void start_empty_cage_is_no_error(void **state)
{
	struct rig r;

	rig_create(&r, "x");
	r.fi->module = false;
	rig_start(&r);
	assert_int_equal(fi_get(r.fi, IXGBE_AUTOC) & IXGBE_AUTOC_LMS, IXGBE_AUTOC_LMS_10G_SFI << IXGBE_AUTOC_LMS_SHIFT);
	rig_destroy(&r);
}

static void start_copper_negotiates_over_mdio(void **state)
{
	for (unsigned phy = 0; phy <= 32; phy += 8) {
		struct rig r;

		rig_create(&r, "x");
		fake_device_set_ids(r.fi->bus, IXGBE_VENDOR, IXGBE_DEV_X540T, 0x020000);
		r.fi->phy = phy;
		r.fi->phy_regs[IXGBE_MMD_PMA][IXGBE_PHY_ID_HIGH] = 0x0154;
		rig_start(&r);
		if (phy < 32) {
			uint16_t *an = r.fi->phy_regs[IXGBE_MMD_AN];

			assert_int_equal(an[IXGBE_AN_CONTROL], IXGBE_AN_CONTROL_ENABLE | IXGBE_AN_CONTROL_RESTART);
			assert_int_equal(an[IXGBE_AN_10G_CONTROL], IXGBE_AN_10G_ADVERTISE);
		}
		assert_int_equal(fi_get(r.fi, IXGBE_RXPBSIZE(0)) >> IXGBE_RXPBSIZE_SHIFT, 384);
		rig_destroy(&r);
	}
}

static void link_speeds_of_each_family(void **state)
{
	static const struct {
		uint16_t id;
		uint32_t links, speed;
	} cases[] = {
		{IXGBE_DEV_82599_SFP, 2u << 28, 1000}, {IXGBE_DEV_X540T, 1u << 28, 100},
		{IXGBE_DEV_X550T, 3u << 28, 10000},    {IXGBE_DEV_X550T, 3u << 28 | 1u << 27, 2500},
		{IXGBE_DEV_X550T, 1u << 28 | 1u << 27, 5000},
	};

	for (unsigned i = 0; i < N_OF(cases); i++) {
		struct vireo_link link;
		struct rig r;

		rig_create(&r, "x");
		fake_device_set_ids(r.fi->bus, IXGBE_VENDOR, cases[i].id, 0x020000);
		rig_start(&r);
		fi_put(r.fi, IXGBE_LINKS, IXGBE_LINKS_UP | cases[i].links);
		assert_int_equal(vireo_port_link(r.port, &link), 0);
		assert_int_equal(link.speed_mbps, cases[i].speed);
		rig_destroy(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_good_card_is_described),
		cmocka_unit_test(start_programs_what_the_datasheet_asks_for),
		cmocka_unit_test(open_faults_of_the_card_named_within_their_deadline),
		cmocka_unit_test(open_pending_requests_reset_twice),
		cmocka_unit_test(open_card_without_address_refused),
		cmocka_unit_test(open_too_small_bar_refused),
		cmocka_unit_test(open_more_interrupts_than_vectors_refused),
		cmocka_unit_test(start_sixty_four_pairs_all_run),
		cmocka_unit_test(start_after_every_failing_access_leaves_nothing),
		cmocka_unit_test(poll_link_changes_are_told_with_their_interrupt),
		cmocka_unit_test(poll_card_reset_by_others_wants_restart),
		cmocka_unit_test(poll_removed_card_is_gone),
		cmocka_unit_test(stop_queue_that_never_stops_ends_all_the_same),
		cmocka_unit_test(stats_read_to_clear_counters_are_added_up),
		cmocka_unit_test(stats_hours_at_line_rate_are_exact),
		cmocka_unit_test(settings_reach_the_tables),
		cmocka_unit_test(settings_spread_packets_over_queues),
		cmocka_unit_test(registers_are_read_without_changing_them),
		cmocka_unit_test(start_module_kind_chooses_analog_settings_and_line),
		cmocka_unit_test(start_eeprom_list_without_end_still_ends),
		cmocka_unit_test(start_empty_cage_is_no_error),
		cmocka_unit_test(start_copper_negotiates_over_mdio),
		cmocka_unit_test(link_speeds_of_each_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * A driver without the wait for the ENABLE bits of queues: the linker puts a function of ours in the place of the driver's.
 * On a model that takes its time (trap mode) no packet may come in, or the tests there would prove nothing. (What is sent later
 * than that time after start would go out.)
 */
#include "ixgbe_sim.h"

#include <unistd.h>

#include "ixgbe/ixgbe_regs.h"

#define DELAY_US 30000

struct ixgbe_hw;
int __real_ixgbe_hw_wait(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what);
int __wrap_ixgbe_hw_wait(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what);

static bool mutant;

int __wrap_ixgbe_hw_wait(const struct ixgbe_hw *hw, uint32_t reg, uint32_t mask, uint32_t value, const char *what)
{
	if (mutant && (reg == IXGBE_RXDCTL(0) || reg == IXGBE_TXDCTL(0)) && value == IXGBE_RXDCTL_ENABLE)
		return 0;
	return __real_ixgbe_hw_wait(hw, reg, mask, value, what);
}

static void send_and_receive(bool broken)
{
	static const uint8_t frame[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
	struct test_frame *f;
	struct vireo_pkt pkt;
	struct sim_rig r;
	unsigned n = 0;

	mutant = broken;
	sim_rig_create(&r, true);
	r.model.delay_us = DELAY_US;
	r.careless = broken;
	assert_int_equal(sim_rig_open(&r), 0);
	assert_int_equal(vireo_port_start(r.port), 0);
	sim_rig_packet(&r, frame, sizeof(frame), 0, &pkt);
	sim_rig_send(&r, &pkt, 1);
	sim_rig_arrive(&r, frame, sizeof(frame));
	if (broken) {
		/* All is enabled by now; the tail that came too early is forgotten, so no buffer is the card's. */
		usleep(4 * DELAY_US);
		assert_int_equal(vireo_rx_burst(vireo_port_rxq(r.port, 0), &pkt, 1), 0);
		assert_true(sim_rig_counter(&r, "driver_errors") > 0);
	} else {
		f = sim_rig_departed(&r);
		assert_non_null(f);
		free(f);
		n = sim_rig_receive(&r, 0, &pkt, 1);
		assert_int_equal(n, 1);
		vireo_pkt_free(&pkt, n);
	}
	sim_rig_destroy(&r);
}

static void driver_as_it_is_gets_through(void **state)
{
	send_and_receive(false);
}

static void driver_without_handshake_does_not(void **state)
{
	send_and_receive(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(driver_as_it_is_gets_through),
		cmocka_unit_test(driver_without_handshake_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

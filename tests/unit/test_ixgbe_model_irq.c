/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "model_rig.h"

/* The 82599 model interrupts: causes, masks, vectors, moderation. The test holds the eventfds as the server would. */

static int fds[SIM_N_IRQS][SIM_MAX_VECTORS];

static int setup_with(void **state, const struct ixgbe_model_config *cfg)
{
	struct rig *rig = rig_create(cfg);

	rig_bring_up(rig);
	rig_rx_queue(rig, 0, 64, 2, 0);
	rig_tx_queue(rig, 0, 64, 0);
	rig_read(rig, IXGBE_EICR);
	*state = rig;
	return 0;
}

static int shared_setup(void **state)
{
	return setup_with(state, NULL);
}

static int trap_setup(void **state)
{
	const struct ixgbe_model_config cfg = {.trap = true, .delay_us = 50};

	return setup_with(state, &cfg);
}

static void connect_vector(struct rig *rig, unsigned irq, unsigned vector)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0);
	fds[irq][vector] = fd;
	rig->dev->irqs[irq].fds[vector] = fd;
}

static int teardown(void **state)
{
	for (unsigned irq = 0; irq < SIM_N_IRQS; irq++)
		for (unsigned v = 0; v < SIM_MAX_VECTORS; v++)
			if (fds[irq][v] > 0) {
				close(fds[irq][v]);
				fds[irq][v] = 0;
			}
	rig_destroy(*state);
	return 0;
}

/* How often a vector has fired since it was asked last. */
static unsigned fired(unsigned irq, unsigned vector)
{
	uint64_t n = 0;

	if (read(fds[irq][vector], &n, sizeof(n)) != sizeof(n))
		return 0;
	return (unsigned)n;
}

static void arrive(struct rig *rig)
{
	uint8_t frame[60];

	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_arrive(rig, frame, sizeof(frame), 0);
	rig_run(rig, 2000, 2);
}

#define MSIX VFIO_PCI_MSIX_IRQ_INDEX

/* As drivers set it up: a vector for queue 0's receive side, one for its transmit side, one for all else. */
static void msix_setup(struct rig *rig, unsigned rx, unsigned tx, unsigned other)
{
	connect_vector(rig, MSIX, rx);
	connect_vector(rig, MSIX, tx);
	connect_vector(rig, MSIX, other);
	rig_write(rig, IXGBE_GPIE, IXGBE_GPIE_MSIX | IXGBE_GPIE_OCD | IXGBE_GPIE_EIAME | IXGBE_GPIE_PBA);
	rig_write(rig, IXGBE_IVAR(0), (IXGBE_IVAR_VALID | rx) | (IXGBE_IVAR_VALID | tx) << 8);
	rig_write(rig, IXGBE_IVAR_MISC, (IXGBE_IVAR_VALID | other) << IXGBE_IVAR_OTHER_SHIFT);
	rig_write(rig, IXGBE_EIAC, 0xffff);
}

static void msix_vectors_follow_ivar(void **state)
{
	struct rig *rig = *state;
	uint8_t frame[60] = {0};

	msix_setup(rig, 1, 40, 2);
	arrive(rig);
	assert_int_equal(fired(MSIX, 1), 0); /* masked */
	rig_write(rig, IXGBE_EIMS_EX(0), 1u << 1);
	rig_write(rig, IXGBE_EIMS_EX(1), 1u << (40 - 32));
	rig_run(rig, 2000, 2);
	assert_int_equal(fired(MSIX, 1), 1); /* the cause had waited */
	arrive(rig);
	assert_int_equal(fired(MSIX, 1), 1);
	assert_int_equal(fired(MSIX, 40), 0);
	rig_frame(frame, sizeof(frame), NULL, 1);
	rig_send(rig, 0, frame, sizeof(frame));
	rig_run(rig, 2000, 2);
	assert_int_equal(fired(MSIX, 40), 1);
	assert_int_equal(fired(MSIX, 2), 0);
	rig_write(rig, IXGBE_EIMS, IXGBE_EICR_LSC);
	rig->carrier = false;
	rig_run(rig, 1000000, 10);
	assert_int_equal(fired(MSIX, 2), 1);
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_LSC);
	assert_false(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_LSC);
}

static void msix_message_masks_itself(void **state)
{
	struct rig *rig = *state;

	msix_setup(rig, 1, 3, 2);
	rig_write(rig, IXGBE_EIAM_EX(0), ~0u);
	rig_write(rig, IXGBE_EIMS_EX(0), 1u << 1);
	arrive(rig);
	assert_int_equal(fired(MSIX, 1), 1);
	assert_int_equal(rig_read(rig, IXGBE_EIMS_EX(0)), 0);
	arrive(rig);
	assert_int_equal(fired(MSIX, 1), 0);
	rig_write(rig, IXGBE_EIMS_EX(0), 1u << 1); /* what came meanwhile is not lost */
	rig_run(rig, 2000, 2);
	assert_int_equal(fired(MSIX, 1), 1);
}

static void msix_mask_clears_by_register(void **state)
{
	struct rig *rig = *state;

	msix_setup(rig, 1, 3, 2);
	rig_write(rig, IXGBE_EIMS, 1u << 1);
	assert_int_equal(rig_read(rig, IXGBE_EIMS_EX(0)), 1u << 1); /* the same bit */
	rig_write(rig, IXGBE_EIMC_EX(0), 1u << 1);
	assert_int_equal(rig_read(rig, IXGBE_EIMS), 0);
	arrive(rig);
	assert_int_equal(fired(MSIX, 1), 0);
	rig_write(rig, IXGBE_EICS_EX(0), 1u << 1);
	rig_write(rig, IXGBE_EIMS, 1u << 1);
	rig_run(rig, 2000, 2);
	assert_int_equal(fired(MSIX, 1), 1);
}

static void moderation_spaces_interrupts(void **state)
{
	struct rig *rig = *state;
	unsigned n = 0;

	msix_setup(rig, 1, 3, 2);
	rig_write(rig, (uint32_t)IXGBE_EITR(1), 50u << IXGBE_EITR_INTERVAL_SHIFT); /* 102.4 us */
	rig_write(rig, IXGBE_EIMS_EX(0), 1u << 1);
	for (unsigned k = 0; k < 50; k++) { /* 50 frames in 500 us */
		uint8_t frame[60];

		rig_frame(frame, sizeof(frame), NULL, 1);
		rig_arrive(rig, frame, sizeof(frame), 0);
		rig_run(rig, 10000, 2);
		n += fired(MSIX, 1);
	}
	assert_in_range(n, 5, 6);
	rig_run(rig, 200000, 10); /* the last one comes, late */
	assert_int_equal(fired(MSIX, 1), 1);
	rig_run(rig, 200000, 10);
	assert_int_equal(fired(MSIX, 1), 0);
}

static void legacy_one_interrupt_for_all(void **state)
{
	struct rig *rig = *state;

	connect_vector(rig, VFIO_PCI_INTX_IRQ_INDEX, 0);
	rig_write(rig, IXGBE_IVAR(0), IXGBE_IVAR_VALID | 5);
	rig_write(rig, IXGBE_EIMS, 1u << 5);
	arrive(rig);
	assert_int_equal(fired(VFIO_PCI_INTX_IRQ_INDEX, 0), 1);
	assert_int_equal(rig_read(rig, IXGBE_EICR), 1u << 5);
	assert_int_equal(rig_read(rig, IXGBE_EICR), 0);
	rig->dev->irqs[VFIO_PCI_INTX_IRQ_INDEX].masked[0] = false;
	rig_write(rig, IXGBE_EIMC, 1u << 5);
	arrive(rig);
	assert_int_equal(fired(VFIO_PCI_INTX_IRQ_INDEX, 0), 0);
	assert_int_equal(rig_read(rig, IXGBE_EICR), 1u << 5);
}

/* A driver that enables MSI-X but leaves the chip in its other mode gets everything on vector 0. */
static void legacy_mode_uses_vector_0_of_msix(void **state)
{
	struct rig *rig = *state;

	connect_vector(rig, MSIX, 0);
	rig_write(rig, IXGBE_EIMS, IXGBE_EICR_LSC);
	rig->carrier = false;
	rig_run(rig, 1000000, 10);
	assert_int_equal(fired(MSIX, 0), 1);
	assert_true(rig_read(rig, IXGBE_EICR) & IXGBE_EICR_LSC);
}

static void reset_masks_everything(void **state)
{
	struct rig *rig = *state;

	msix_setup(rig, 1, 3, 2);
	rig_write(rig, IXGBE_EIMS_EX(0), 1u << 1);
	rig_write(rig, IXGBE_CTRL, IXGBE_CTRL_RST);
	rig_run(rig, 2000, 2);
	assert_int_equal(rig_read(rig, IXGBE_EIMS_EX(0)), 0);
	assert_int_equal(rig_read(rig, IXGBE_IVAR(0)), 0);
	rig_write(rig, IXGBE_EICS_EX(0), 1u << 1);
	rig_run(rig, 2000, 2);
	assert_int_equal(fired(MSIX, 1), 0);
}

#define BOTH(test)                                                                                                     \
	{#test "_shared", test, shared_setup, teardown, NULL},                                                         \
	{                                                                                                              \
#test "_trap", test, trap_setup, teardown, NULL                                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(msix_vectors_follow_ivar),	    BOTH(msix_message_masks_itself),
		BOTH(msix_mask_clears_by_register), BOTH(moderation_spaces_interrupts),
		BOTH(legacy_one_interrupt_for_all), BOTH(legacy_mode_uses_vector_0_of_msix),
		BOTH(reset_masks_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KVFIO_TEST_REGS_H
#define KVFIO_TEST_REGS_H

/*
 * The software-only test device, for the driver and for tests in user space. Region 0 has the
 * registers below, 32 bits each, reached by read and write; region 1 is a buffer of
 * TEST_BUFFER_SIZE that can be mapped as well.
 */
#define TEST_MAGIC		0x00	/* RO: TEST_MAGIC_VALUE */
#define TEST_IOVA_LOW		0x04	/* RW: memory of the user */
#define TEST_IOVA_HIGH		0x08	/* RW */
#define TEST_LENGTH		0x0c	/* RW: bytes, from the start of the buffer */
#define TEST_COMMAND		0x10	/* WO: TEST_COMMAND_*; done when the write returns */
#define TEST_STATUS		0x14	/* RO: 0 or an errno of the last command */
#define TEST_N_REGS		6

#define TEST_MAGIC_VALUE	0x74657374

#define TEST_COMMAND_FETCH	1	/* memory to buffer, then interrupt 0 */
#define TEST_COMMAND_STORE	2	/* buffer to memory, then interrupt 0 */
#define TEST_COMMAND_HIDE	3	/* the buffer cannot be reached, nor its maps */
#define TEST_COMMAND_SHOW	4	/* it can again */

#define TEST_BUFFER_SIZE	65536
#define TEST_N_VECTORS		4

#define TEST_REGION_REGS	0
#define TEST_REGION_BUFFER	1
#define TEST_N_REGIONS		2

#endif

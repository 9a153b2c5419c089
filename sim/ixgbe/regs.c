/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/*
 * The table of registers: where they are, what they hold after reset, which bits a write changes, and the function
 * behind those that do something. An offset that no row claims is unknown: told once, reads 0, ignores writes.
 */

typedef uint32_t (*read_fn)(struct ixgbe_model *m, unsigned i, uint32_t off);
typedef void (*write_fn)(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value);

enum mode {
	RW = 1, /* holds what was written, within the mask */
	RO,     /* a write changes nothing */
	WO,     /* reads 0 */
	FN,     /* the row's functions */
	RC,     /* a counter of 32 bits */
	RCL,    /* the low 32 of 36 bits, and the high 4 */
	RCH,
	AKA,    /* the register at another offset: mask holds it */
	RXQ,    /* in the blocks of the queues */
	TXQ,
};

struct row {
	uint32_t off;
	uint16_t n;      /* how many */
	uint16_t stride; /* bytes from one to the next */
	uint8_t mode;
	uint8_t aka_stride;
	uint16_t stat;   /* RC*: the first counter, or IXM_NEVER for all */
	uint32_t reset;
	uint32_t mask;
	read_fn read;    /* NULL: what is stored */
	write_fn write;  /* NULL: stored within the mask */
};

#define ALL 0xffffffffu

static uint32_t dmaidone_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return ixm_reg(m, off) | IXGBE_RDRXCTL_DMAIDONE;
}

/* The path counts as empty as soon as it is closed. */
static uint32_t secrxstat_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return ixm_reg(m, IXGBE_SECRXCTRL) & IXGBE_SECRXCTRL_RX_DIS ? IXGBE_SECRXSTAT_RDY : 0;
}

static uint32_t sectxstat_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return ixm_reg(m, IXGBE_SECTXCTRL) & IXGBE_SECTXCTRL_TX_DIS ? IXGBE_SECTXSTAT_RDY : 0;
}

/* Flow director's memory is initialised at once; the model has no such filters. */
static uint32_t fdirctrl_read(struct ixgbe_model *m, unsigned i, uint32_t off)
{
	return ixm_reg(m, off) | 1u << 3;
}

static void w1c_write(struct ixgbe_model *m, unsigned i, uint32_t off, uint32_t value)
{
	ixm_reg_set(m, off, ixm_reg(m, off) & ~value);
}

#define ROW(offset, count, step, access, ...)                                                           \
	{.off = (offset), .n = (count), .stride = (step), .mode = (access), __VA_ARGS__}
#define ROW_RW(offset, count, value)   ROW(offset, count, 4, RW, .reset = (value), .mask = ALL)
#define ROW_RO(offset, value)          ROW(offset, 1, 4, RO, .reset = (value))
#define ROW_RC(offset, count, which)   ROW(offset, count, 4, RC, .stat = (which))
#define ROW_RC36(low, count, step, which)                                                               \
	ROW(low, count, step, RCL, .stat = (which)), ROW((low) + 4, count, step, RCH, .stat = (which))
#define ROW_AKA(offset, count, step, to, to_step)                                                       \
	ROW(offset, count, step, AKA, .mask = (to), .aka_stride = (to_step))
#define ROW_NEVER(offset, count)       ROW_RC(offset, count, IXM_NEVER)

static const struct row rows[] = {
	/* General control */
	ROW(IXGBE_CTRL, 1, 4, FN, .read = ixm_ctrl_read, .write = ixm_ctrl_write),
	ROW(IXGBE_CTRL + 4, 1, 4, FN, .read = ixm_ctrl_read, .write = ixm_ctrl_write),
	ROW(IXGBE_STATUS, 1, 4, FN, .read = ixm_status_read),
	ROW_RW(IXGBE_CTRL_EXT, 1, 0),
	ROW(IXGBE_ESDP, 1, 4, FN, .reset = IXGBE_ESDP_SDP_DIR(3) | IXGBE_ESDP_SDP_DIR(5), .read = ixm_esdp_read,
	    .write = ixm_esdp_write),
	ROW(IXGBE_I2CCTL, 1, 4, FN, .read = ixm_i2c_read, .write = ixm_i2c_write),
	ROW_RW(IXGBE_LEDCTL, 1, 0),

	/* EEPROM, semaphores, firmware (there is none) */
	ROW(IXGBE_EEC, 1, 4, FN, .read = ixm_eec_read, .write = ixm_eec_write),
	ROW(IXGBE_EERD, 1, 4, FN, .write = ixm_eerd_write),
	ROW(IXGBE_SWSM, 1, 4, FN, .read = ixm_swsm_read, .write = ixm_swsm_write),
	ROW_RO(IXGBE_FWSM, IXGBE_FWSM_VALID), /* it is well, and has nothing to do */
	ROW_RO(IXGBE_FACTPS, 0),
	ROW(IXGBE_SW_FW_SYNC, 1, 4, FN, .write = ixm_sync_write),
	ROW_RW(IXGBE_GCR_EXT, 1, 0),
	ROW_RO(IXGBE_HICR, 0),
	ROW(IXGBE_WUS, 1, 4, FN, .write = w1c_write),
	ROW_RW(IXGBE_WUC, 1, 0),
	ROW_RW(IXGBE_WUFC, 1, 0),
	ROW_RW(IXGBE_MANC, 1, 0),
	ROW_RW(IXGBE_CORECTL, 1, 0),
	ROW_RW(IXGBE_GCR, 1, 0),

	/* Interrupts */
	ROW(IXGBE_EICR, 1, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EICS, 1, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EIMS, 1, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EIMC, 1, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW_RW(IXGBE_EIAC, 1, 0),
	ROW(IXGBE_EIAM, 1, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EICS_EX(0), 2, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EIMS_EX(0), 2, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EIMC_EX(0), 2, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EIAM_EX(0), 2, 4, FN, .read = ixm_irq_read, .write = ixm_irq_write),
	ROW(IXGBE_EITR(0), 24, 4, FN, .write = ixm_eitr_write),
	ROW(IXGBE_EITR(24), 105, 4, FN, .write = ixm_eitr_write),
	ROW(IXGBE_IVAR(0), 64, 4, FN, .write = ixm_ivar_write),
	ROW_RW(IXGBE_IVAR_MISC, 1, 0),
	ROW_RW(IXGBE_GPIE, 1, 0),

	/* Link */
	ROW_RW(IXGBE_PCS1GCFIG, 1, 0),
	ROW_RW(IXGBE_PCS1GLCTL, 1, 0),
	ROW_RO(IXGBE_PCS1GLSTA, 0),
	ROW_RW(IXGBE_PCS1GANA, 1, 0),
	ROW_RO(IXGBE_PCS1GANLP, 0),
	ROW_RW(IXGBE_HLREG0, 1,
	       IXGBE_HLREG0_TXCRCEN | IXGBE_HLREG0_RXCRCSTRP | IXGBE_HLREG0_TXPADEN | IXGBE_HLREG0_RXLNGTHERREN),
	ROW(IXGBE_MSCA, 1, 4, FN, .write = ixm_msca_write),
	ROW_RW(IXGBE_MSRWD, 1, 0),
	ROW_RW(IXGBE_MAXFRS, 1, 1518u << IXGBE_MAXFRS_SHIFT),
	ROW_RW(IXGBE_MFLCN, 1, 0),
	ROW(IXGBE_AUTOC, 1, 4, FN, .write = ixm_autoc_write),
	ROW(IXGBE_LINKS, 1, 4, FN, .read = ixm_links_read),
	ROW_RW(IXGBE_AUTOC2, 1, 0),
	ROW(IXGBE_ANLP1, 1, 4, FN, .read = ixm_anlp1_read),
	ROW_RO(IXGBE_ANLP2, 0),
	ROW_RW(IXGBE_MACC, 1, 0),
	ROW_RO(IXGBE_MMNGC, 0),

	/* Receive, the port */
	ROW_RW(IXGBE_RXCTRL, 1, 0),
	ROW_RW(IXGBE_RSCDBU, 1, 0),
	ROW(IXGBE_RDRXCTL, 1, 4, RW, .reset = 8u << 17, .mask = ALL & ~IXGBE_RDRXCTL_DMAIDONE, .read = dmaidone_read),
	ROW_RW(IXGBE_PFQDE, 1, 0),
	ROW_RW(IXGBE_RXPBSIZE(0), 8, 512u << IXGBE_RXPBSIZE_SHIFT),
	ROW_RW(IXGBE_SECRXCTRL, 1, 0),
	ROW(IXGBE_SECRXSTAT, 1, 4, FN, .read = secrxstat_read),
	ROW_RW(IXGBE_RXCSUM, 1, 0),
	ROW_RW(IXGBE_RFCTL, 1, 0),
	ROW_RW(IXGBE_FCTRL, 1, 0),
	ROW_RW(IXGBE_VLNCTRL, 1, 0x8100),
	ROW_RW(IXGBE_MCSTCTRL, 1, 0),
	ROW_RW(IXGBE_MTA(0), IXGBE_N_MTA, 0),
	ROW_RW(IXGBE_VFTA(0), IXGBE_N_VFTA, 0),
	ROW_RW(IXGBE_RAL(0), 2 * IXGBE_N_RAR, 0), /* and RAH */
	ROW_AKA(IXGBE_RAL_ALIAS(0), 32, 4, IXGBE_RAL(0), 4),
	ROW_RW(IXGBE_MPSAR(0), IXGBE_N_MPSAR, 0),
	ROW_RW(IXGBE_PFUTA(0), IXGBE_N_PFUTA, 0),
	ROW_RW(IXGBE_PFVTCTL, 1, 0),
	ROW_RW(IXGBE_PFVLVF(0), 64, 0),
	ROW_RW(IXGBE_PFVLVFB(0), 128, 0),
	ROW_RW(IXGBE_PSRTYPE(0), 64, 0),
	ROW_AKA(IXGBE_PSRTYPE_ALIAS(0), 16, 4, IXGBE_PSRTYPE(0), 4),
	ROW_RW(IXGBE_ETQF(0), 8, 0),
	ROW_RW(IXGBE_ETQS(0), 8, 0),
	ROW_RW(IXGBE_SYNQF, 1, 0),
	ROW_RW(IXGBE_MRQC, 1, 0),
	ROW_AKA(IXGBE_MRQC_ALIAS, 1, 4, IXGBE_MRQC, 4),
	ROW_RW(IXGBE_RETA(0), IXGBE_N_RETA, 0),
	ROW_AKA(IXGBE_RETA_ALIAS(0), IXGBE_N_RETA, 4, IXGBE_RETA(0), 4),
	ROW_RW(IXGBE_ERETA(0), IXGBE_N_ERETA, 0),
	ROW_RW(IXGBE_RSSRK(0), IXGBE_N_RSSRK, 0),
	ROW_AKA(IXGBE_RSSRK_ALIAS(0), IXGBE_N_RSSRK, 4, IXGBE_RSSRK(0), 4),
	ROW_RW(IXGBE_RQTC, 1, 0),
	ROW_RW(IXGBE_SAQF(0), IXGBE_N_FTQF, 0),
	ROW_RW(IXGBE_DAQF(0), IXGBE_N_FTQF, 0),
	ROW_RW(IXGBE_SDPQF(0), IXGBE_N_FTQF, 0),
	ROW_RW(IXGBE_FTQF(0), IXGBE_N_FTQF, 0),
	ROW_RW(IXGBE_L34TIMIR(0), IXGBE_N_FTQF, 0),
	ROW_RW(IXGBE_RTRPT4C(0), 8, 0),
	ROW(IXGBE_RTRPT4S(0), 8, 4, RO),
	ROW_RW(IXGBE_RSCINT(0), 128, 0),
	ROW_RW(IXGBE_RTRPCS, 1, 0),
	ROW_RW(IXGBE_RTRUP2TC, 1, 0),
	ROW_RW(IXGBE_DCA_CTRL, 1, 0),
	ROW_RW(IXGBE_FCRXCTRL, 1, 0),
	ROW_RW(IXGBE_FCRECTL, 1, 0),

	/* Flow director: taken note of, not done */
	ROW(IXGBE_FDIRCTRL, 1, 4, RW, .mask = ALL & ~(1u << 3), .read = fdirctrl_read),
	ROW_RO(IXGBE_FDIRCMD, 0),
	ROW_RW(IXGBE_FDIRHASH, 1, 0),
	ROW_RW(IXGBE_FDIRFREE, 1, 0),
	ROW_RW(IXGBE_FDIRMASK(0), 4, 0),
	ROW_NEVER(IXGBE_FDIRLEN, 1),
	ROW_RW(IXGBE_FDIRHKEY, 2, 0),
	ROW_RW(IXGBE_FDIRM, 1, 0),
	ROW_RO(IXGBE_LSECTXCAP, 0),
	ROW_RW(IXGBE_LSECTXCTRL, 1, 0),
	ROW_RO(IXGBE_LSECRXCAP, 0),
	ROW_RW(IXGBE_LSECRXCTRL, 1, 0),

	/* Queues */
	ROW(0x01000, 64, 0x40, RXQ), ROW(0x01004, 64, 0x40, RXQ), ROW(0x01008, 64, 0x40, RXQ),
	ROW(0x0100c, 64, 0x40, RXQ, .reset = IXGBE_DCA_RXCTRL_CLEAR), ROW(0x01010, 64, 0x40, RXQ),
	ROW(0x01014, 64, 0x40, RXQ), ROW(0x01018, 64, 0x40, RXQ), ROW(0x01028, 64, 0x40, RXQ),
	ROW(0x0102c, 64, 0x40, RXQ),
	ROW(0x0d000, 64, 0x40, RXQ), ROW(0x0d004, 64, 0x40, RXQ), ROW(0x0d008, 64, 0x40, RXQ),
	ROW(0x0d00c, 64, 0x40, RXQ, .reset = IXGBE_DCA_RXCTRL_CLEAR), ROW(0x0d010, 64, 0x40, RXQ),
	ROW(0x0d014, 64, 0x40, RXQ), ROW(0x0d018, 64, 0x40, RXQ), ROW(0x0d028, 64, 0x40, RXQ),
	ROW(0x0d02c, 64, 0x40, RXQ),
	ROW_AKA(IXGBE_SRRCTL_ALIAS(0), 16, 4, IXGBE_SRRCTL(0), 0x40),
	ROW_AKA(IXGBE_DCA_RXCTRL_ALIAS(0), 16, 4, IXGBE_DCA_RXCTRL(0), 0x40),
	ROW(0x06000, 128, 0x40, TXQ), ROW(0x06004, 128, 0x40, TXQ), ROW(0x06008, 128, 0x40, TXQ),
	ROW(0x0600c, 128, 0x40, TXQ), ROW(0x06010, 128, 0x40, TXQ), ROW(0x06018, 128, 0x40, TXQ),
	ROW(0x06028, 128, 0x40, TXQ), ROW(0x06038, 128, 0x40, TXQ), ROW(0x0603c, 128, 0x40, TXQ),
	ROW_RW(IXGBE_RQSMR(0), 32, 0),
	ROW_RW(IXGBE_TQSM(0), 32, 0),

	/* Transmit, the port */
	ROW_RW(IXGBE_DMATXCTL, 1, 0x81000000u),
	ROW_RW(IXGBE_DTXTCPFLGL, 1, 0x0ff60ff6),
	ROW_RW(IXGBE_DTXTCPFLGH, 1, 0xf7f),
	ROW_RW(IXGBE_RTTDCS, 1, 0),
	ROW_RW(IXGBE_RTTDQSEL, 1, 0),
	ROW_RW(IXGBE_RTTDT1C, 1, 0),
	ROW_RW(IXGBE_RTTDT2C(0), 8, 0),
	ROW_RW(IXGBE_RTTBCNRC, 1, 0),
	ROW_RW(IXGBE_RTTPCS, 1, 0),
	ROW_RW(IXGBE_RTTPT2C(0), 8, 0),
	ROW_RW(IXGBE_RTTUP2TC, 1, 0),
	ROW_RW(IXGBE_TXPBTHRESH(0), 1, 0x96),
	ROW_RW(IXGBE_TXPBTHRESH(1), 7, 0),
	ROW_RW(IXGBE_DTXMXSZRQ, 1, 0x10),
	ROW_RW(IXGBE_MTQC, 1, 0),
	ROW_RW(IXGBE_PFVFTE(0), 2, 0),
	ROW_RW(IXGBE_PFDTXGSWC, 1, 0),
	ROW_RW(IXGBE_SECTXCTRL, 1, 0),
	ROW(IXGBE_SECTXSTAT, 1, 4, FN, .read = sectxstat_read),
	ROW_RW(IXGBE_SECTXBUFFAF, 1, 0),
	ROW_RW(IXGBE_SECTXMINIFG, 1, 0),
	ROW_RW(IXGBE_TXPBSIZE(0), 8, 0xa0u << IXGBE_TXPBSIZE_SHIFT),

	/* Flow control */
	ROW_RW(IXGBE_PFCTOP, 1, 0x01018808),
	ROW_RW(IXGBE_FCTTV(0), 4, 0),
	ROW_RW(IXGBE_FCRTL(0), 8, 0),
	ROW_RW(IXGBE_FCRTH(0), 8, 0),
	ROW_RW(IXGBE_FCRTV, 1, 0),
	ROW_RW(IXGBE_FCCFG, 1, 0),

	/* Statistics */
	ROW_RC(IXGBE_CRCERRS, 1, IXM_CRCERRS), ROW_NEVER(IXGBE_ILLERRC, 1), ROW_NEVER(IXGBE_ERRBC, 1),
	ROW_NEVER(IXGBE_MSPDC, 1), ROW_NEVER(IXGBE_MLFC, 1), ROW_NEVER(IXGBE_MRFC, 1),
	ROW_RC(IXGBE_RLEC, 1, IXM_RLEC), ROW_RC(IXGBE_PRC64, 6, IXM_PRC64), ROW_RC(IXGBE_GPRC, 1, IXM_GPRC),
	ROW_RC(IXGBE_BPRC, 1, IXM_BPRC), ROW_RC(IXGBE_MPRC, 1, IXM_MPRC), ROW_RC(IXGBE_GPTC, 1, IXM_GPTC),
	ROW_RC36(IXGBE_GORCL, 1, 8, IXM_GORC), ROW_RC36(IXGBE_GOTCL, 1, 8, IXM_GOTC),
	ROW_RC(IXGBE_RUC, 1, IXM_RUC), ROW_RC(IXGBE_RFC, 1, IXM_RFC), ROW_RC(IXGBE_ROC, 1, IXM_ROC),
	ROW_NEVER(IXGBE_RJC, 1), ROW_NEVER(IXGBE_MNGPRC, 1), ROW_NEVER(IXGBE_MNGPDC, 1), ROW_NEVER(IXGBE_MNGPTC, 1),
	ROW_RC36(IXGBE_TORL, 1, 8, IXM_TOR), ROW_RC(IXGBE_TPR, 1, IXM_TPR), ROW_RC(IXGBE_TPT, 1, IXM_TPT),
	ROW_RC(IXGBE_PTC64, 6, IXM_PTC64), ROW_RC(IXGBE_MPTC, 1, IXM_MPTC), ROW_RC(IXGBE_BPTC, 1, IXM_BPTC),
	ROW_RC(IXGBE_XEC, 1, IXM_XEC), ROW_NEVER(IXGBE_PXONRXCNT(0), 8), ROW_NEVER(IXGBE_PXOFFRXCNT(0), 8),
	ROW_RC(IXGBE_LXONRXCNT, 1, IXM_LXONRXC), ROW_RC(IXGBE_LXOFFRXCNT, 1, IXM_LXOFFRXC),
	ROW_RC(IXGBE_RXNFGPC, 1, IXM_RXNFGPC), ROW_RC36(IXGBE_RXNFGBCL, 1, 8, IXM_RXNFGBC),
	ROW_NEVER(IXGBE_PXON2OFFCNT(0), 8), ROW_NEVER(IXGBE_PXONTXC(0), 8), ROW_NEVER(IXGBE_PXOFFTXC(0), 8),
	ROW_RC(IXGBE_LXONTXC, 1, IXM_LXONTXC), ROW_RC(IXGBE_LXOFFTXC, 1, IXM_LXOFFTXC),
	ROW_RC(IXGBE_MPC(0), 8, IXM_MPC), ROW_RW(IXGBE_RXDSTATCTRL, 1, 0), ROW_RC(IXGBE_RXDGPC, 1, IXM_RXDGPC),
	ROW_RC36(IXGBE_RXDGBCL, 1, 8, IXM_RXDGBC), ROW_RC(IXGBE_TXDGPC, 1, IXM_TXDGPC),
	ROW_RC36(IXGBE_TXDGBCL, 1, 8, IXM_TXDGBC), ROW_RC(IXGBE_SSVPC, 1, IXM_SSVPC), ROW_NEVER(IXGBE_FCCRC, 1),
	ROW_NEVER(IXGBE_FCOERPDC, 1), ROW_NEVER(IXGBE_FCLAST, 1), ROW_NEVER(IXGBE_FCOEPRC, 1),
	ROW_NEVER(IXGBE_FCOEDWRC, 1), ROW_NEVER(IXGBE_FCOEPTC, 1), ROW_NEVER(IXGBE_FCOEDWTC, 1),
	ROW_NEVER(IXGBE_FDIRUSTAT, 1), ROW_NEVER(IXGBE_FDIRFSTAT, 1), ROW_NEVER(IXGBE_FDIRMATCH, 1),
	ROW_NEVER(IXGBE_FDIRMISS, 1), ROW_NEVER(IXGBE_LSECTXUT, 5), ROW_NEVER(IXGBE_LSECRXUT, 17),
	ROW(IXGBE_QPRC(0), 16, 0x40, RC, .stat = IXM_QPRC), ROW_RC36(IXGBE_QBRCL(0), 16, 0x40, IXM_QBRC),
	ROW(IXGBE_QPRDC(0), 16, 0x40, RC, .stat = IXM_QPRDC), ROW_RC(IXGBE_QPTC(0), 16, IXM_QPTC),
	ROW(IXGBE_QPTC_ALIAS(0), 16, 0x40, RC, .stat = IXM_QPTC), ROW_RC36(IXGBE_QBTCL(0), 16, 8, IXM_QBTC),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* For each register its row + 1, 0: unknown; the same for all cards. */
static uint8_t row_of[IXGBE_REGS_SIZE / 4];
static pthread_once_t rows_once = PTHREAD_ONCE_INIT;

_Static_assert(N_ROWS < 255, "row_of holds a byte");

static void rows_index(void)
{
	for (unsigned r = 0; r < N_ROWS; r++)
		for (unsigned i = 0; i < rows[r].n; i++)
			row_of[(rows[r].off + i * rows[r].stride) / 4] = (uint8_t)(r + 1);
}

static const struct row *row_find(struct ixgbe_model *m, uint32_t off)
{
	uint8_t r = off < IXGBE_REGS_SIZE ? row_of[off / 4] : 0;
	uint32_t bit = off / 4;

	if (r)
		return &rows[r - 1];
	if (off < IXGBE_REGS_SIZE && !(m->seen[bit / 8] & 1u << bit % 8)) {
		m->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
		snprintf(m->complaint, sizeof(m->complaint), "register 0x%05x is not known", off);
		m->counts[IXM_UNKNOWN_REGISTERS]++;
	}
	return NULL;
}

static unsigned row_index(const struct row *row, uint32_t off)
{
	return (off - row->off) / row->stride;
}

static uint32_t aka_offset(const struct row *row, uint32_t off)
{
	return row->mask + row_index(row, off) * row->aka_stride;
}

static unsigned stat_of(const struct row *row, uint32_t off)
{
	return row->stat == IXM_NEVER ? IXM_NEVER : row->stat + row_index(row, off);
}

uint32_t ixm_regs_read(struct ixgbe_model *m, uint32_t off)
{
	const struct row *row = row_find(m, off);

	if (!row)
		return 0;
	if (m->shared && row->mode >= RC)
		ixm_stats_pass(m, off);
	switch ((enum mode)row->mode) {
	case AKA:
		return ixm_regs_read(m, aka_offset(row, off));
	case RC:
		return ixm_stat_read(m, stat_of(row, off));
	case RCL:
		return ixm_stat_read_low(m, stat_of(row, off));
	case RCH:
		return ixm_stat_read_high(m, stat_of(row, off));
	case WO:
		return 0;
	default:
		return row->read ? row->read(m, row_index(row, off), off) : ixm_reg(m, off);
	}
}

/* Which queue a register of the pages 1000, D000 and 6000, 7000 belongs to. */
static unsigned queue_of(const struct row *row, uint32_t off)
{
	return row_index(row, off) + (row->off >= 0xd000 ? 64 : 0);
}

void ixm_regs_write(struct ixgbe_model *m, uint32_t off, uint32_t value)
{
	const struct row *row = row_find(m, off);

	if (!row)
		return;
	switch ((enum mode)row->mode) {
	case AKA:
		ixm_regs_write(m, aka_offset(row, off), value);
		return;
	case RXQ:
		ixm_rx_queue_write(m, queue_of(row, off), off, value);
		return;
	case TXQ:
		ixm_tx_queue_write(m, queue_of(row, off), off, value);
		return;
	case RW:
		ixm_reg_set(m, off, (ixm_reg(m, off) & ~row->mask) | (value & row->mask));
		break;
	case FN:
		if (row->write)
			row->write(m, row_index(row, off), off, value);
		break;
	default: /* read only */
		return;
	}
	m->filter_dirty = true;
}

void ixm_regs_reset(struct ixgbe_model *m)
{
	pthread_once(&rows_once, rows_index);
	for (unsigned r = 0; r < N_ROWS; r++) {
		const struct row *row = &rows[r];

		if (row->mode == AKA || row->mode == RC || row->mode == RCL || row->mode == RCH)
			continue;
		for (unsigned i = 0; i < row->n; i++)
			ixm_reg_set(m, row->off + i * row->stride, row->reset);
	}
	m->filter_dirty = true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IXGBE_REGS_H
#define IXGBE_REGS_H

/*
 * The registers of the 82599 and its successors X540 and X550 in BAR0: those that the driver or the model of the card
 * use. A number in brackets is the end of a section number of the 82599 datasheet, as public sources cite it: (8.10) is
 * section 8.2.3.8.10. A register without one was found in sources that cite none; README.md says which.
 *
 * RW read and write; RO read only; WO write only; RC cleared by a read; W1C cleared by writing ones; SC the chip takes
 * the bit back when it is done. An offset that takes a queue, an index or a vector is checked by whoever computes it.
 */

#include <stdint.h>

/* Who it is */

#define IXGBE_VENDOR              0x8086

#define IXGBE_DEV_82599_KX4       0x10f7
#define IXGBE_DEV_82599_COMBO     0x10f8
#define IXGBE_DEV_82599_CX4       0x10f9
#define IXGBE_DEV_82599_SFP       0x10fb
#define IXGBE_DEV_82599_XAUI      0x10fc
#define IXGBE_DEV_82599_SFP_EM    0x1507
#define IXGBE_DEV_82599_KX4_MEZZ  0x1514
#define IXGBE_DEV_82599_KR        0x1517
#define IXGBE_DEV_82599_T3        0x151c
#define IXGBE_DEV_82599_FCOE      0x1529
#define IXGBE_DEV_82599_FCOE_BP   0x152a
#define IXGBE_DEV_82599_SFP_SF2   0x154d
#define IXGBE_DEV_82599_SFP_FF    0x154a
#define IXGBE_DEV_82599EN_SFP     0x1557
#define IXGBE_DEV_82599_QSFP_SF   0x1558
#define IXGBE_DEV_X540T           0x1528
#define IXGBE_DEV_X540T1          0x1560
#define IXGBE_DEV_X550T           0x1563
#define IXGBE_DEV_X550T1          0x15d1

#define IXGBE_BAR0_SIZE           0x80000 /* 128 KiB of registers and the flash; what there is varies */
#define IXGBE_REGS_SIZE           0x20000
#define IXGBE_MSIX_BAR            4
#define IXGBE_MSIX_TABLE          0x0000
#define IXGBE_MSIX_PBA            0x2000
#define IXGBE_N_VECTORS           64
#define IXGBE_CFG_MSIX            0x70   /* capability */
#define IXGBE_CFG_DEVICE_STATUS   0xaa   /* bit 5: transactions pending */
#define IXGBE_CFG_TRANS_PENDING   (1u << 5)

#define IXGBE_N_RXQ               128
#define IXGBE_N_TXQ               128
#define IXGBE_LOST                0xffffffffu /* what a card that is gone reads */

/* General control */

#define IXGBE_CTRL                0x00000 /* RW (1.1); alias at 4 */
#define IXGBE_CTRL_GIO_DIS        (1u << 2)  /* no new requests to memory */
#define IXGBE_CTRL_LRST           (1u << 3)  /* SC link reset */
#define IXGBE_CTRL_RST            (1u << 26) /* SC device reset */
#define IXGBE_STATUS              0x00008 /* RO (1.2) */
#define IXGBE_STATUS_LAN_ID       0x0000000cu
#define IXGBE_STATUS_LAN_ID_SHIFT 2
#define IXGBE_STATUS_LINK         (1u << 7)
#define IXGBE_STATUS_GIO          (1u << 19) /* requests to memory are possible */
#define IXGBE_CTRL_EXT            0x00018 /* RW (1.3) */
#define IXGBE_CTRL_EXT_PFRSTD     (1u << 14) /* reset done, tells virtual functions */
#define IXGBE_CTRL_EXT_NS_DIS     (1u << 16) /* no-snoop off */
#define IXGBE_CTRL_EXT_RO_DIS     (1u << 17) /* relaxed ordering off */
#define IXGBE_CTRL_EXT_DVLAN      (1u << 26) /* frames carry an outer tag */
#define IXGBE_CTRL_EXT_DRV_LOAD   (1u << 28) /* tells firmware that a driver is there */
#define IXGBE_ESDP                0x00020 /* RW pins; SFP+: 2 module present, 3 laser off, 5 rate */
#define IXGBE_ESDP_SDP(n)         (1u << (n))
#define IXGBE_ESDP_SDP_DIR(n)     (1u << (8 + (n)))  /* output */
#define IXGBE_ESDP_SDP_NATIVE(n)  (1u << (16 + (n)))
#define IXGBE_I2CCTL              0x00028 /* RW */
#define IXGBE_I2CCTL_X550         0x15f5c
#define IXGBE_I2CCTL_CLK_IN       (1u << 0)
#define IXGBE_I2CCTL_CLK_OUT      (1u << 1)
#define IXGBE_I2CCTL_DATA_IN      (1u << 2)
#define IXGBE_I2CCTL_DATA_OUT     (1u << 3)
#define IXGBE_LEDCTL              0x00200 /* RW a byte for each LED */

/* EEPROM, semaphores, firmware */

#define IXGBE_EEC                 0x10010 /* RW (2.1) */
#define IXGBE_EEC_SK              (1u << 0)  /* the EEPROM's wires: clock, */
#define IXGBE_EEC_CS              (1u << 1)  /* select (low), */
#define IXGBE_EEC_DI              (1u << 2)  /* to it, */
#define IXGBE_EEC_DO              (1u << 3)  /* RO from it */
#define IXGBE_EEC_REQ             (1u << 6)  /* software wants the wires, */
#define IXGBE_EEC_GNT             (1u << 7)  /* RO and has them */
#define IXGBE_EEC_PRES            (1u << 8)  /* RO an EEPROM is there */
#define IXGBE_EEC_ARD             (1u << 9)  /* RO it was read */
#define IXGBE_EEC_ADDR_SIZE       (1u << 10)
#define IXGBE_EEC_SIZE            0x00007800u /* 2^(SIZE + 6) words */
#define IXGBE_EEC_SIZE_SHIFT      11
#define IXGBE_EERD                0x10014 /* RW (2.2) */
#define IXGBE_EERD_START          (1u << 0)
#define IXGBE_EERD_DONE           (1u << 1)
#define IXGBE_EERD_ADDR_SHIFT     2
#define IXGBE_EERD_DATA_SHIFT     16
#define IXGBE_SWSM                0x10140 /* RW (4.9) */
#define IXGBE_SWSM_SMBI           (1u << 0)  /* a read that gives 0 takes it */
#define IXGBE_SWSM_SWESMBI        (1u << 1)  /* write 1; ours if it reads 1 */
#define IXGBE_FWSM                0x10148 /* RO (4.10) */
#define IXGBE_FWSM_MODE           0x0000000eu
#define IXGBE_FWSM_VALID          (1u << 15)
#define IXGBE_FWSM_ERROR          0x01f80000u /* EXT_ERR_IND; 0 is good */
#define IXGBE_FACTPS              0x10150 /* RO */
#define IXGBE_FACTPS_LFS          (1u << 30) /* the two ports are swapped */
#define IXGBE_SW_FW_SYNC          0x10160 /* RW (4.11); only under SWSM */
#define IXGBE_SYNC_EEPROM         (1u << 0)
#define IXGBE_SYNC_PHY(lan)       (1u << (1 + (lan)))
#define IXGBE_SYNC_MAC            (1u << 3)  /* MAC_CSR: AUTOC and its like */
#define IXGBE_SYNC_FLASH          (1u << 4)
#define IXGBE_SYNC_FW_SHIFT       5          /* the same bits, held by firmware */
#define IXGBE_GCR_EXT             0x11050 /* RW (4.12) */
#define IXGBE_GCR_EXT_VT_MODE     0x00000003u
#define IXGBE_GCR_EXT_BUF_CLEAR   (1u << 30)
#define IXGBE_GCR_EXT_MSIX_EN     (1u << 31)
#define IXGBE_HICR                0x15f00 /* RW host interface of the firmware */
#define IXGBE_WUS                 0x05810 /* W1C wake-up status */
#define IXGBE_CORECTL             0x14f00 /* RW (22.32) */

/* Interrupts */

#define IXGBE_EICR                0x00800 /* RC W1C (5.1) */
#define IXGBE_EICS                0x00808 /* WO (5.3) */
#define IXGBE_EIMS                0x00880 /* RW sets ones (5.4) */
#define IXGBE_EIMC                0x00888 /* WO clears ones (5.4) */
#define IXGBE_EIAC                0x00810 /* RW (5.5) causes that the message clears */
#define IXGBE_EIAM                0x00890 /* RW */
#define IXGBE_EICR_QUEUES         0x0000ffffu
#define IXGBE_EICR_FDIR           (1u << 16)
#define IXGBE_EICR_RX_MISS        (1u << 17)
#define IXGBE_EICR_PCI            (1u << 18)
#define IXGBE_EICR_MAILBOX        (1u << 19)
#define IXGBE_EICR_LSC            (1u << 20) /* link status change */
#define IXGBE_EICR_LINKSEC        (1u << 21)
#define IXGBE_EICR_MNG            (1u << 22)
#define IXGBE_EICR_SDP(n)         (1u << (24 + (n))) /* 82599; one higher on X540, X550 */
#define IXGBE_EICR_ECC            (1u << 28)
#define IXGBE_EICR_TIMER          (1u << 30)
#define IXGBE_EICR_OTHER          (1u << 31)
#define IXGBE_EICS_EX(i)          (0x00a90 + 4 * (i)) /* WO (5.8) i < 2: a bit for each vector */
#define IXGBE_EIMS_EX(i)          (0x00aa0 + 4 * (i)) /* RW sets ones (5.9) */
#define IXGBE_EIMC_EX(i)          (0x00ab0 + 4 * (i)) /* WO clears ones */
#define IXGBE_EIAM_EX(i)          (0x00ad0 + 4 * (i)) /* RW */
#define IXGBE_EITR(v)             ((v) < 24 ? 0x00820 + 4 * (v) : 0x12300 + 4 * ((v) - 24)) /* RW (5.12) v < 129 */
#define IXGBE_EITR_INTERVAL       0x00000ff8u /* 2.048 us each */
#define IXGBE_EITR_INTERVAL_SHIFT 3
#define IXGBE_EITR_LLI            (1u << 15)
#define IXGBE_EITR_CREDIT_SHIFT   16
#define IXGBE_EITR_COUNTER_SHIFT  21
#define IXGBE_EITR_CNT_WDIS       (1u << 31) /* WO leave the counter as it is */
#define IXGBE_IVAR(i)             (0x00900 + 4 * (i)) /* RW (5.16) i < 64: bytes RX 2i, TX 2i, RX 2i+1, TX 2i+1 */
#define IXGBE_IVAR_RX_SHIFT(q)    (16 * ((q) & 1))
#define IXGBE_IVAR_TX_SHIFT(q)    (16 * ((q) & 1) + 8)
#define IXGBE_IVAR_MISC           0x00a00 /* RW byte 0 TCP timer, byte 1 all other causes */
#define IXGBE_IVAR_OTHER_SHIFT    8
#define IXGBE_IVAR_VECTOR         0x3fu
#define IXGBE_IVAR_VALID          0x80u
#define IXGBE_GPIE                0x00898 /* RW (5.18) */
#define IXGBE_GPIE_MSIX           (1u << 4)
#define IXGBE_GPIE_OCD            (1u << 5)  /* a read of EICR clears 29:16 only */
#define IXGBE_GPIE_EIMEN          (1u << 6)
#define IXGBE_GPIE_VT_MODE        0x0000c000u
#define IXGBE_GPIE_EIAME          (1u << 30) /* a message masks by EIAM */
#define IXGBE_GPIE_PBA            (1u << 31)

/* Link */

#define IXGBE_PCS1GLCTL           0x04208 /* RW */
#define IXGBE_PCS1GANA            0x04218 /* RW bits 8:7 pause */
#define IXGBE_HLREG0              0x04240 /* RW (22.8) */
#define IXGBE_HLREG0_TXCRCEN      (1u << 0)
#define IXGBE_HLREG0_RXCRCSTRP    (1u << 1)
#define IXGBE_HLREG0_JUMBOEN      (1u << 2)
#define IXGBE_HLREG0_TXPADEN      (1u << 10)
#define IXGBE_HLREG0_LPBK         (1u << 15)
#define IXGBE_HLREG0_MDCSPD       (1u << 16)
#define IXGBE_HLREG0_RXLNGTHERREN (1u << 27)
#define IXGBE_HLREG0_RXPADSTRIPEN (1u << 28)
#define IXGBE_MSCA                0x0425c /* RW */
#define IXGBE_MSCA_REG            0x0000ffffu
#define IXGBE_MSCA_MMD_SHIFT      16
#define IXGBE_MSCA_PHY_SHIFT      21
#define IXGBE_MSCA_OP_ADDR        (0u << 26)
#define IXGBE_MSCA_OP_WRITE       (1u << 26)
#define IXGBE_MSCA_OP_READ        (3u << 26)
#define IXGBE_MSCA_OP             (3u << 26)
#define IXGBE_MSCA_START          (3u << 28) /* 0: clause 45 */
#define IXGBE_MSCA_CMD            (1u << 30) /* SC */
#define IXGBE_MSRWD               0x04260 /* RW 15:0 to write, 31:16 as read */
#define IXGBE_MSRWD_READ_SHIFT    16
#define IXGBE_MAXFRS              0x04268 /* RW (22.13) */
#define IXGBE_MAXFRS_SHIFT        16      /* largest frame with its CRC, when JUMBOEN */
#define IXGBE_MFLCN               0x04294 /* RW (22.34) */
#define IXGBE_MFLCN_PMCF          (1u << 0)  /* pass MAC control frames */
#define IXGBE_MFLCN_DPF           (1u << 1)  /* discard pause frames */
#define IXGBE_MFLCN_RPFCE         (1u << 2)
#define IXGBE_MFLCN_RFCE          (1u << 3)  /* obey pause frames */
#define IXGBE_AUTOC               0x042a0 /* RW (22.19), from EEPROM but for bit 0 */
#define IXGBE_AUTOC_FLU           (1u << 0)  /* force link up */
#define IXGBE_AUTOC_1G_PMA        (1u << 9)
#define IXGBE_AUTOC_10G_PMA       0x00000180u
#define IXGBE_AUTOC_RESTART       (1u << 12) /* SC restart autonegotiation */
#define IXGBE_AUTOC_LMS           0x0000e000u
#define IXGBE_AUTOC_LMS_SHIFT     13
#define IXGBE_AUTOC_LMS_1G        0u /* without autonegotiation */
#define IXGBE_AUTOC_LMS_10G       1u /* parallel, without autonegotiation */
#define IXGBE_AUTOC_LMS_1G_AN     2u
#define IXGBE_AUTOC_LMS_10G_SFI   3u /* serial */
#define IXGBE_AUTOC_LMS_KX4_KX_KR 4u
#define IXGBE_AUTOC_LMS_SGMII     5u
#define IXGBE_AUTOC_LMS_KX4_KX_KR_1G_AN 6u
#define IXGBE_AUTOC_LMS_KX4_KX_KR_SGMII 7u
#define IXGBE_AUTOC_KR            (1u << 16)
#define IXGBE_AUTOC_SYM_PAUSE     (1u << 28)
#define IXGBE_AUTOC_ASM_PAUSE     (1u << 29)
#define IXGBE_AUTOC_KX            (1u << 30)
#define IXGBE_AUTOC_KX4           (1u << 31)
#define IXGBE_LINKS               0x042a4 /* RO (22.20) */
#define IXGBE_LINKS_X550_2G5_5G   (1u << 27) /* X550: another speed of the same field */
#define IXGBE_LINKS_SPEED         0x30000000u
#define IXGBE_LINKS_SPEED_SHIFT   28 /* 1: 100 Mbit/s, 2: 1 Gbit/s, 3: 10 Gbit/s */
#define IXGBE_LINKS_UP            (1u << 30)
#define IXGBE_AUTOC2              0x042a8 /* RW */
#define IXGBE_AUTOC2_10G          0x00030000u
#define IXGBE_AUTOC2_10G_SHIFT    16
#define IXGBE_AUTOC2_10G_KR       0u
#define IXGBE_AUTOC2_10G_XFI      1u
#define IXGBE_AUTOC2_10G_SFI      2u
#define IXGBE_AUTOC2_LINK_DIS     0x70000000u
#define IXGBE_ANLP1               0x042b0 /* RO (22.23) */
#define IXGBE_ANLP1_SYM_PAUSE     (1u << 10)
#define IXGBE_ANLP1_ASM_PAUSE     (1u << 11)
#define IXGBE_ANLP1_AN_STATE      0x000f0000u
#define IXGBE_ANLP2               0x042b4 /* RO */

/* Receive, the port */

#define IXGBE_RXCTRL              0x03000 /* RW (8.10) */
#define IXGBE_RXCTRL_RXEN         (1u << 0)
#define IXGBE_RSCDBU              0x03028 /* RW (8.12) */
#define IXGBE_RSCDBU_RSCACKDIS    (1u << 7)
#define IXGBE_RDRXCTL             0x02f00 /* RW (8.8) */
#define IXGBE_RDRXCTL_CRCSTRIP    (1u << 1)  /* the same as HLREG0.RXCRCSTRP */
#define IXGBE_RDRXCTL_DMAIDONE    (1u << 3)  /* RO DMA is ready after a reset */
#define IXGBE_RDRXCTL_AGGDIS      (1u << 16)
#define IXGBE_RDRXCTL_RSCFRSTSIZE 0x003e0000u /* must be set to 0 */
#define IXGBE_RDRXCTL_RSCACKC     (1u << 25) /* must be set */
#define IXGBE_RDRXCTL_FCOE_WRFIX  (1u << 26) /* must be set */
#define IXGBE_RXPBSIZE(i)         (0x03c00 + 4 * (i)) /* RW (8.9) i < 8 */
#define IXGBE_RXPBSIZE_SHIFT      10      /* KiB; 512 in all */
#define IXGBE_RXPBSIZE_MASK       0x000ffc00u
#define IXGBE_RX_BUFFER_KIB       512
#define IXGBE_X540_RX_BUFFER_KIB  384
#define IXGBE_SECRXCTRL           0x08d00 /* RW (12.5) */
#define IXGBE_SECRXCTRL_SECRX_DIS (1u << 0)
#define IXGBE_SECRXCTRL_RX_DIS    (1u << 1)
#define IXGBE_SECRXSTAT           0x08d04 /* RO (12.6) */
#define IXGBE_SECRXSTAT_RDY       (1u << 0)
#define IXGBE_RXCSUM              0x05000 /* RW (7.5) */
#define IXGBE_RXCSUM_IPPCSE       (1u << 12)
#define IXGBE_RXCSUM_PCSD         (1u << 13) /* RSS hash in place of a fragment's checksum */
#define IXGBE_RFCTL               0x05008 /* RW (7.6) */
#define IXGBE_RFCTL_RSC_DIS       (1u << 5)
#define IXGBE_RFCTL_NFSW_DIS      (1u << 6)
#define IXGBE_RFCTL_NFSR_DIS      (1u << 7)
#define IXGBE_FCTRL               0x05080 /* RW (7.1) */
#define IXGBE_FCTRL_SBP           (1u << 1)  /* store bad packets */
#define IXGBE_FCTRL_MPE           (1u << 8)  /* all multicast */
#define IXGBE_FCTRL_UPE           (1u << 9)  /* all unicast */
#define IXGBE_FCTRL_BAM           (1u << 10) /* broadcast */
#define IXGBE_VLNCTRL             0x05088 /* RW (7.2) */
#define IXGBE_VLNCTRL_VET         0x0000ffffu
#define IXGBE_ETHERTYPE_VLAN      0x8100
#define IXGBE_VLNCTRL_CFI         (1u << 28)
#define IXGBE_VLNCTRL_CFIEN       (1u << 29)
#define IXGBE_VLNCTRL_VFE         (1u << 30) /* filter by VFTA */
#define IXGBE_MCSTCTRL            0x05090 /* RW (7.3) */
#define IXGBE_MCSTCTRL_MO         0x00000003u /* 0: address bits 47:36 */
#define IXGBE_MCSTCTRL_MFE        (1u << 2)
#define IXGBE_MTA(i)              (0x05200 + 4 * (i)) /* RW (7.7) i < 128 */
#define IXGBE_N_MTA               128
#define IXGBE_VFTA(i)             (0x0a000 + 4 * (i)) /* RW (7.11) i < 128 */
#define IXGBE_N_VFTA              128
#define IXGBE_RAL(i)              (0x0a200 + 8 * (i)) /* RW (7.8) i < 128 */
#define IXGBE_RAH(i)              (0x0a204 + 8 * (i)) /* RW (7.9) */
#define IXGBE_RAL_ALIAS(i)        (0x05400 + 8 * (i)) /* the same, i < 16 */
#define IXGBE_RAH_ALIAS(i)        (0x05404 + 8 * (i))
#define IXGBE_RAH_AV              (1u << 31) /* address valid */
#define IXGBE_N_RAR               128
#define IXGBE_MPSAR(i)            (0x0a600 + 4 * (i)) /* RW (7.10) i < 256: pools of RAR i / 2 */
#define IXGBE_N_MPSAR             256
#define IXGBE_PFUTA(i)            (0x0f400 + 4 * (i)) /* RW (27.17) i < 128 */
#define IXGBE_N_PFUTA             128
#define IXGBE_PFVTCTL             0x051b0 /* RW (27.1) */
#define IXGBE_PFQDE               0x02f04 /* RW (27.9) */
#define IXGBE_PFVLVF(i)           (0x0f100 + 4 * (i)) /* RW i < 64 */
#define IXGBE_PFVLVFB(i)          (0x0f200 + 4 * (i)) /* RW i < 128 */
#define IXGBE_PSRTYPE(i)          (0x0ea00 + 4 * (i)) /* RW (7.4) i < 64 */
#define IXGBE_PSRTYPE_ALIAS(i)    (0x05480 + 4 * (i)) /* the same, i < 16 */
#define IXGBE_ETQF(i)             (0x05128 + 4 * (i)) /* RW (7.21) i < 8 */
#define IXGBE_ETQS(i)             (0x0ec00 + 4 * (i)) /* RW i < 8 */
#define IXGBE_SYNQF               0x0ec30 /* RW */
#define IXGBE_FDIRCTRL            0x0ee00 /* RW */

/* RSS */

#define IXGBE_MRQC                0x0ec80 /* RW (7.12) */
#define IXGBE_MRQC_ALIAS          0x05818
#define IXGBE_MRQC_MODE           0x0000000fu
#define IXGBE_MRQC_RSS            1u
#define IXGBE_MRQC_IPV4_TCP       (1u << 16)
#define IXGBE_MRQC_IPV4           (1u << 17)
#define IXGBE_MRQC_IPV6_TCP_EX    (1u << 18)
#define IXGBE_MRQC_IPV6_EX        (1u << 19)
#define IXGBE_MRQC_IPV6           (1u << 20)
#define IXGBE_MRQC_IPV6_TCP       (1u << 21)
#define IXGBE_MRQC_IPV4_UDP       (1u << 22)
#define IXGBE_MRQC_IPV6_UDP       (1u << 23)
#define IXGBE_MRQC_IPV6_UDP_EX    (1u << 24)
#define IXGBE_RETA(i)             (0x0eb00 + 4 * (i)) /* RW (7.15) i < 32: a byte for each of 128 entries */
#define IXGBE_RETA_ALIAS(i)       (0x05c00 + 4 * (i))
#define IXGBE_N_RETA              32
#define IXGBE_RETA_ENTRIES        128
#define IXGBE_RETA_QUEUES         16      /* four bits of an entry; six on X550 */
#define IXGBE_X550_RETA_QUEUES    64
#define IXGBE_X550_RETA_ENTRIES   512
#define IXGBE_ERETA(i)            (0x0ee80 + 4 * (i)) /* RW i < 96: X550, entries 128 to 511 */
#define IXGBE_N_ERETA             96
#define IXGBE_RSSRK(i)            (0x0eb80 + 4 * (i)) /* RW i < 10: the key */
#define IXGBE_RSSRK_ALIAS(i)      (0x05c80 + 4 * (i))
#define IXGBE_N_RSSRK             10
#define IXGBE_RSS_KEY_LEN         40
#define IXGBE_RQTC                0x0ec70 /* RW (7.13) */

/* Filters by addresses, ports and protocol */

#define IXGBE_SAQF(i)             (0x0e000 + 4 * (i)) /* RW (7.16) i < 128, undefined after reset */
#define IXGBE_DAQF(i)             (0x0e200 + 4 * (i)) /* RW (7.17) */
#define IXGBE_SDPQF(i)            (0x0e400 + 4 * (i)) /* RW (7.18) 15:0 source, 31:16 destination port */
#define IXGBE_FTQF(i)             (0x0e600 + 4 * (i)) /* RW (7.19) */
#define IXGBE_N_FTQF              128
#define IXGBE_FTQF_PROTO          0x00000003u
#define IXGBE_FTQF_PROTO_TCP      0u
#define IXGBE_FTQF_PROTO_UDP      1u
#define IXGBE_FTQF_PROTO_SCTP     2u
#define IXGBE_FTQF_PROTO_OTHER    3u
#define IXGBE_FTQF_PRIO_SHIFT     2       /* 1 to 7, the highest wins */
#define IXGBE_FTQF_POOL_SHIFT     8
#define IXGBE_FTQF_ANY_SRC        (1u << 25)
#define IXGBE_FTQF_ANY_DST        (1u << 26)
#define IXGBE_FTQF_ANY_SPORT      (1u << 27)
#define IXGBE_FTQF_ANY_DPORT      (1u << 28)
#define IXGBE_FTQF_ANY_PROTO      (1u << 29)
#define IXGBE_FTQF_ANY_POOL       (1u << 30)
#define IXGBE_FTQF_ENABLE         (1u << 31)
#define IXGBE_L34TIMIR(i)         (0x0e800 + 4 * (i)) /* RW i < 128 */
#define IXGBE_L34TIMIR_SIZE_BP    (1u << 12) /* any size */
#define IXGBE_L34TIMIR_RESERVED   (0x40u << 13) /* must be so */
#define IXGBE_L34TIMIR_LLI        (1u << 20)
#define IXGBE_L34TIMIR_QUEUE_SHIFT 21
#define IXGBE_L34TIMIR_QUEUE      0x0fe00000u

/* Receive queues; 64 to 127 lie in a page of their own */

#define IXGBE_RXQ(q)              ((q) < 64 ? 0x01000 + 0x40 * (q) : 0x0d000 + 0x40 * ((q) - 64))
#define IXGBE_RDBAL(q)            (IXGBE_RXQ(q) + 0x00) /* RW (8.1) aligned to 128 bytes */
#define IXGBE_RDBAH(q)            (IXGBE_RXQ(q) + 0x04) /* RW (8.2) */
#define IXGBE_RDLEN(q)            (IXGBE_RXQ(q) + 0x08) /* RW (8.3) bytes, multiple of 128 */
#define IXGBE_DCA_RXCTRL(q)       (IXGBE_RXQ(q) + 0x0c) /* RW (11.1) */
#define IXGBE_DCA_RXCTRL_ALIAS(q) (0x02200 + 4 * (q))   /* the same, q < 16 */
#define IXGBE_DCA_RXCTRL_RO_READ  (1u << 9)
#define IXGBE_DCA_RXCTRL_CLEAR    (1u << 12) /* is 1 after reset and must be cleared */
#define IXGBE_DCA_RXCTRL_RO_DATA  (1u << 13)
#define IXGBE_DCA_RXCTRL_RO_HEAD  (1u << 15)
#define IXGBE_RDH(q)              (IXGBE_RXQ(q) + 0x10) /* RO (8.4) */
#define IXGBE_SRRCTL(q)           (IXGBE_RXQ(q) + 0x14) /* RW (8.7) */
#define IXGBE_SRRCTL_ALIAS(q)     (0x02100 + 4 * (q))   /* the same, q < 16 */
#define IXGBE_SRRCTL_BSIZEPACKET  0x0000001fu /* KiB, 1 to 16 */
#define IXGBE_SRRCTL_BSIZEHEADER_SHIFT 8      /* 64 bytes */
#define IXGBE_SRRCTL_RDMTS_SHIFT  22
#define IXGBE_SRRCTL_DESCTYPE     0x0e000000u
#define IXGBE_SRRCTL_ADVANCED     (1u << 25)  /* one buffer */
#define IXGBE_SRRCTL_DROP_EN      (1u << 28)
#define IXGBE_RDT(q)              (IXGBE_RXQ(q) + 0x18) /* RW (8.5) doorbell */
#define IXGBE_RXDCTL(q)           (IXGBE_RXQ(q) + 0x28) /* RW (8.6) */
#define IXGBE_RXDCTL_RLPML        0x00003fffu /* X540 and later: largest frame of the queue */
#define IXGBE_RXDCTL_RLPML_EN     (1u << 15)
#define IXGBE_RXDCTL_ENABLE       (1u << 25) /* reads 1 once the queue runs, 0 once it has stopped */
#define IXGBE_RXDCTL_SWFLSH       (1u << 26)
#define IXGBE_RXDCTL_VME          (1u << 30) /* take VLAN tags out */
#define IXGBE_RSCCTL(q)           (IXGBE_RXQ(q) + 0x2c) /* RW (8.13) */
#define IXGBE_RSCCTL_RSCEN        (1u << 0)

/* Transmit */

#define IXGBE_DMATXCTL            0x04a80 /* RW (9.2) */
#define IXGBE_DMATXCTL_TE         (1u << 0)
#define IXGBE_DMATXCTL_GDV        (1u << 3)
#define IXGBE_DMATXCTL_VT_SHIFT   16      /* the Ethernet type of a tag that is put in */
#define IXGBE_DTXTCPFLGL          0x04a88 /* RW (9.3) 11:0 mask of a first segment's TCP flags, 27:16 of a middle one's */
#define IXGBE_DTXTCPFLGH          0x04a8c /* RW (9.4) 11:0 of the last one's */
#define IXGBE_DTXTCPFLGL_DEFAULT  0x0ff60ff6u
#define IXGBE_DTXTCPFLGH_DEFAULT  0x00000f7fu
#define IXGBE_RTTDCS              0x04900 /* RW (10.2) */
#define IXGBE_RTTDCS_ARBDIS       (1u << 6)
#define IXGBE_RTTDQSEL            0x04904 /* RW */
#define IXGBE_RTTBCNRC            0x04984 /* RW rate limit of the queue that RTTDQSEL names */
#define IXGBE_TXPBTHRESH(i)       (0x04950 + 4 * (i)) /* RW (9.16) KiB, i < 8 */
#define IXGBE_DTXMXSZRQ           0x08100 /* RW (9.1) */
#define IXGBE_DTXMXSZRQ_MAX       0xfffu  /* without traffic classes */
#define IXGBE_MTQC                0x08120 /* RW (9.15) 0: 64 queues */
#define IXGBE_SECTXCTRL           0x08800 /* RW */
#define IXGBE_SECTXCTRL_TX_DIS    (1u << 1)
#define IXGBE_SECTXSTAT           0x08804 /* RO */
#define IXGBE_SECTXSTAT_RDY       (1u << 0)
#define IXGBE_SECTXMINIFG         0x08810 /* RW */
#define IXGBE_TXPBSIZE(i)         (0x0cc00 + 4 * (i)) /* RW (9.13) i < 8 */
#define IXGBE_TXPBSIZE_SHIFT      10      /* KiB; 160 in all */
#define IXGBE_TX_BUFFER_KIB       160

#define IXGBE_TXQ(q)              (0x06000 + 0x40 * (q))
#define IXGBE_TDBAL(q)            (IXGBE_TXQ(q) + 0x00) /* RW (9.5) aligned to 128 bytes */
#define IXGBE_TDBAH(q)            (IXGBE_TXQ(q) + 0x04) /* RW (9.6) */
#define IXGBE_TDLEN(q)            (IXGBE_TXQ(q) + 0x08) /* RW (9.7) bytes, multiple of 128 */
#define IXGBE_DCA_TXCTRL(q)       (IXGBE_TXQ(q) + 0x0c) /* RW (11.2) */
#define IXGBE_DCA_TXCTRL_RO_READ  (1u << 9)
#define IXGBE_DCA_TXCTRL_RO_WB    (1u << 11) /* must be 0 */
#define IXGBE_DCA_TXCTRL_RO_DATA  (1u << 13)
#define IXGBE_TDH(q)              (IXGBE_TXQ(q) + 0x10) /* RO (9.8) */
#define IXGBE_TDT(q)              (IXGBE_TXQ(q) + 0x18) /* RW (9.9) doorbell */
#define IXGBE_TXDCTL(q)           (IXGBE_TXQ(q) + 0x28) /* RW (9.10) */
#define IXGBE_TXDCTL_PTHRESH_SHIFT 0
#define IXGBE_TXDCTL_HTHRESH_SHIFT 8
#define IXGBE_TXDCTL_WTHRESH_SHIFT 16
#define IXGBE_TXDCTL_ENABLE       (1u << 25) /* as RXDCTL's */
#define IXGBE_TXDCTL_SWFLSH       (1u << 26)
#define IXGBE_TDWBAL(q)           (IXGBE_TXQ(q) + 0x38) /* RW (9.11) */
#define IXGBE_TDWBAL_EN           (1u << 0)  /* write the head there instead of DD */
#define IXGBE_TDWBAH(q)           (IXGBE_TXQ(q) + 0x3c) /* RW (9.12) */

/* Flow control */

#define IXGBE_PFCTOP              0x03008 /* RW 15:0 type, 31:16 opcode */
#define IXGBE_FCTTV(i)            (0x03200 + 4 * (i)) /* RW (3.2) i < 4 */
#define IXGBE_FCRTL(i)            (0x03220 + 4 * (i)) /* RW (3.3) i < 8 */
#define IXGBE_FCRTL_XONE          (1u << 31)
#define IXGBE_FCRTH(i)            (0x03260 + 4 * (i)) /* RW (3.4) i < 8 */
#define IXGBE_FCRTH_FCEN          (1u << 31)
#define IXGBE_FCRT_MASK           0x0007ffe0u /* both marks: bytes, in steps of 32 */
#define IXGBE_FCRTV               0x032a0 /* RW (3.5) */
#define IXGBE_FCCFG               0x03d00 /* RW (3.7) */
#define IXGBE_FCCFG_TFCE_LINK     (1u << 3)  /* send 802.3x pause frames */
#define IXGBE_FCCFG_TFCE_PRIO     (1u << 4)

/* Statistics: all RC, 32 bits; where there is an H, 36 bits in two: read L first */

#define IXGBE_CRCERRS             0x04000
#define IXGBE_ILLERRC             0x04004
#define IXGBE_ERRBC               0x04008
#define IXGBE_MSPDC               0x04010
#define IXGBE_MLFC                0x04034
#define IXGBE_MRFC                0x04038
#define IXGBE_RLEC                0x04040
#define IXGBE_PRC64               0x0405c
#define IXGBE_PRC127              0x04060
#define IXGBE_PRC255              0x04064
#define IXGBE_PRC511              0x04068
#define IXGBE_PRC1023             0x0406c
#define IXGBE_PRC1522             0x04070
#define IXGBE_GPRC                0x04074
#define IXGBE_BPRC                0x04078
#define IXGBE_MPRC                0x0407c
#define IXGBE_GPTC                0x04080
#define IXGBE_GORCL               0x04088
#define IXGBE_GORCH               0x0408c
#define IXGBE_GOTCL               0x04090
#define IXGBE_GOTCH               0x04094
#define IXGBE_RUC                 0x040a4
#define IXGBE_RFC                 0x040a8
#define IXGBE_ROC                 0x040ac
#define IXGBE_RJC                 0x040b0
#define IXGBE_MNGPRC              0x040b4
#define IXGBE_MNGPDC              0x040b8
#define IXGBE_TORL                0x040c0
#define IXGBE_TORH                0x040c4
#define IXGBE_TPR                 0x040d0
#define IXGBE_TPT                 0x040d4
#define IXGBE_PTC64               0x040d8
#define IXGBE_PTC127              0x040dc
#define IXGBE_PTC255              0x040e0
#define IXGBE_PTC511              0x040e4
#define IXGBE_PTC1023             0x040e8
#define IXGBE_PTC1522             0x040ec
#define IXGBE_MPTC                0x040f0
#define IXGBE_BPTC                0x040f4
#define IXGBE_XEC                 0x04120
#define IXGBE_PXONRXCNT(i)        (0x04140 + 4 * (i)) /* i < 8 */
#define IXGBE_PXOFFRXCNT(i)       (0x04160 + 4 * (i)) /* i < 8 */
#define IXGBE_LXONRXCNT           0x041a4
#define IXGBE_LXOFFRXCNT          0x041a8
#define IXGBE_RXNFGPC             0x041b0
#define IXGBE_RXNFGBCL            0x041b4
#define IXGBE_RXNFGBCH            0x041b8
#define IXGBE_PXON2OFFCNT(i)      (0x03240 + 4 * (i)) /* i < 8 */
#define IXGBE_PXONTXC(i)          (0x03f00 + 4 * (i)) /* i < 8 */
#define IXGBE_PXOFFTXC(i)         (0x03f20 + 4 * (i)) /* i < 8 */
#define IXGBE_LXONTXC             0x03f60
#define IXGBE_LXOFFTXC            0x03f68
#define IXGBE_MPC(i)              (0x03fa0 + 4 * (i)) /* i < 8: missed, by packet buffer */
#define IXGBE_RXDSTATCTRL         0x02f40 /* RW what RXDG* count; 0x10: all queues */
#define IXGBE_RXDSTATCTRL_ALL     0x10
#define IXGBE_RXDGPC              0x02f50
#define IXGBE_RXDGBCL             0x02f54
#define IXGBE_RXDGBCH             0x02f58
#define IXGBE_TXDGPC              0x087a0
#define IXGBE_TXDGBCL             0x087a4
#define IXGBE_TXDGBCH             0x087a8
#define IXGBE_SSVPC               0x08780
#define IXGBE_FCCRC               0x05118
#define IXGBE_FCOERPDC            0x0241c
#define IXGBE_FCLAST              0x02424
#define IXGBE_FCOEPRC             0x02428
#define IXGBE_FCOEDWRC            0x0242c
#define IXGBE_FCOEPTC             0x08784
#define IXGBE_FCOEDWTC            0x08788
#define IXGBE_MNGPTC              0x0cf90
#define IXGBE_FDIRUSTAT           0x0ee50
#define IXGBE_FDIRFSTAT           0x0ee54
#define IXGBE_FDIRMATCH           0x0ee58
#define IXGBE_FDIRMISS            0x0ee5c
#define IXGBE_N_QUEUE_COUNTERS    16
#define IXGBE_RQSMR(i)            (0x02300 + 4 * (i)) /* RW (23.71) i < 32: a byte for each queue, 3:0 its counter */
#define IXGBE_TQSM(i)             (0x08600 + 4 * (i)) /* RW (23.73) i < 32: likewise */
#define IXGBE_QPRC(i)             (0x01030 + 0x40 * (i)) /* i < 16 */
#define IXGBE_QBRCL(i)            (0x01034 + 0x40 * (i))
#define IXGBE_QBRCH(i)            (0x01038 + 0x40 * (i))
#define IXGBE_QPRDC(i)            (0x01430 + 0x40 * (i))
#define IXGBE_QPTC(i)             (0x08680 + 4 * (i))
#define IXGBE_QPTC_ALIAS(i)       (0x06030 + 0x40 * (i))
#define IXGBE_QBTCL(i)            (0x08700 + 8 * (i))
#define IXGBE_QBTCH(i)            (0x08704 + 8 * (i))

/* Others that public drivers touch: the model takes note of what is written there, or has a counter that stays 0 */

#define IXGBE_WUC                 0x05800 /* RW wake-up */
#define IXGBE_WUFC                0x05808 /* RW */
#define IXGBE_MANC                0x05820 /* RW manageability */
#define IXGBE_GCR                 0x11000 /* RW */
#define IXGBE_DCA_CTRL            0x11074 /* RW */
#define IXGBE_PCS1GCFIG           0x04200 /* RW */
#define IXGBE_PCS1GLSTA           0x0420c /* RO */
#define IXGBE_PCS1GANLP           0x0421c /* RO */
#define IXGBE_MACC                0x04330 /* RW */
#define IXGBE_MMNGC               0x042d0 /* RO management: may it block link resets */
#define IXGBE_RSCINT(i)           (0x12000 + 4 * (i)) /* RW i < 128 */
#define IXGBE_RTRPT4C(i)          (0x02140 + 4 * (i)) /* RW i < 8 */
#define IXGBE_RTRPT4S(i)          (0x02160 + 4 * (i)) /* RO i < 8 */
#define IXGBE_RTRPCS              0x02430 /* RW */
#define IXGBE_RTRUP2TC            0x03020 /* RW */
#define IXGBE_RTTDT1C             0x04908 /* RW */
#define IXGBE_RTTDT2C(i)          (0x04910 + 4 * (i)) /* RW i < 8 */
#define IXGBE_RTTPCS              0x0cd00 /* RW */
#define IXGBE_RTTPT2C(i)          (0x0cd20 + 4 * (i)) /* RW i < 8 */
#define IXGBE_RTTUP2TC            0x0c800 /* RW */
#define IXGBE_PFVFTE(i)           (0x08110 + 4 * (i)) /* RW i < 2 */
#define IXGBE_PFDTXGSWC           0x08220 /* RW */
#define IXGBE_SECTXBUFFAF         0x08808 /* RW */
#define IXGBE_FCRXCTRL            0x05100 /* RW */
#define IXGBE_FCRECTL             0x0ed00 /* RW */
#define IXGBE_FDIRHASH            0x0ee28 /* RW */
#define IXGBE_FDIRCMD             0x0ee2c /* RW */
#define IXGBE_FDIRFREE            0x0ee38 /* RW */
#define IXGBE_FDIRMASK(i)         (0x0ee3c + 4 * (i)) /* RW i < 4: addresses and ports */
#define IXGBE_FDIRLEN             0x0ee4c /* RC */
#define IXGBE_FDIRHKEY            0x0ee68 /* RW and one more, for signatures */
#define IXGBE_FDIRM               0x0ee70 /* RW */
#define IXGBE_LSECTXCAP           0x08a00 /* RO */
#define IXGBE_LSECTXCTRL          0x08a04 /* RW */
#define IXGBE_LSECTXUT            0x08a3c /* RC, the first of 5 */
#define IXGBE_LSECRXCAP           0x08f00 /* RO */
#define IXGBE_LSECRXCTRL          0x08f04 /* RW */
#define IXGBE_LSECRXUT            0x08f40 /* RC, the first of 17 */

/* Words of the EEPROM */

#define IXGBE_EE_CHECKSUM         0x3f
#define IXGBE_EE_CHECKSUM_SUM     0xbaba
#define IXGBE_EE_FIRST_POINTER    0x03
#define IXGBE_EE_LAST_POINTER     0x0e
#define IXGBE_EE_MAX_BLOCK        4096    /* words; no EEPROM has a longer one */
#define IXGBE_EE_FIRMWARE         0x0f
#define IXGBE_EE_PBA_NUMBER       0x15    /* and 0x16 */
#define IXGBE_EE_VERSION_1        0x1b
#define IXGBE_EE_SFP_LIST         0x2b    /* pointer: a word, then pairs of kind and pointer, then 0xffff */
#define IXGBE_EE_SFP_DIRECT       3       /* kind: direct attach, port 0; 4: port 1 */
#define IXGBE_EE_SFP_OPTICS       5       /* SR, LR and 1 Gbit/s, port 0; 6: port 1 */
#define IXGBE_EE_MAX_LIST         64      /* no list is longer, so what is has no end */
#define IXGBE_EE_CAPS             0x2c
#define IXGBE_EE_CAPS_ANY_SFP     (1u << 0)
#define IXGBE_EE_CAPS_NO_CROSSTALK (1u << 7)
#define IXGBE_EE_VERSION_2        0x2d

/* An SFP+ module, at I2C address 0xa0 */

#define IXGBE_SFP_I2C_ADDR        0xa0
#define IXGBE_SFP_ID              0x00
#define IXGBE_SFP_ID_SFP          0x03
#define IXGBE_SFP_10G_CODES       0x03
#define IXGBE_SFP_10G_SR          (1u << 4)
#define IXGBE_SFP_10G_LR          (1u << 5)
#define IXGBE_SFP_1G_CODES        0x06
#define IXGBE_SFP_1G_SX           (1u << 0)
#define IXGBE_SFP_1G_LX           (1u << 1)
#define IXGBE_SFP_1G_T            (1u << 3)
#define IXGBE_SFP_CABLE           0x08
#define IXGBE_SFP_CABLE_PASSIVE   (1u << 2)
#define IXGBE_SFP_CABLE_ACTIVE    (1u << 3)
#define IXGBE_SFP_OUI             0x25    /* three bytes */
#define IXGBE_SFP_CABLE_SPEC      0x3c
#define IXGBE_SFP_LIMITING        (1u << 2)

/* A PHY at the MDIO bus: IEEE 802.3 clause 45 */

#define IXGBE_MMD_PMA             1
#define IXGBE_MMD_AN              7
#define IXGBE_PHY_ID_HIGH         0x0002
#define IXGBE_PHY_ID_LOW          0x0003
#define IXGBE_AN_CONTROL          0x0000  /* of the autonegotiation MMD */
#define IXGBE_AN_CONTROL_RESTART  (1u << 9)
#define IXGBE_AN_CONTROL_ENABLE   (1u << 12)
#define IXGBE_AN_ADVERTISE        0x0010
#define IXGBE_AN_ADVERTISE_PAUSE  (1u << 10)
#define IXGBE_AN_ADVERTISE_ASM    (1u << 11)
#define IXGBE_AN_10G_CONTROL      0x0020
#define IXGBE_AN_10G_ADVERTISE    (1u << 12)

#endif

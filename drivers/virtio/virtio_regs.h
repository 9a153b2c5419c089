/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VIRTIO_REGS_H
#define VIRTIO_REGS_H

/* What Virtual I/O Device (VIRTIO) 1.2 defines for registers; section numbers are of that document. */

/* 4.1.2 PCI identity: 0x1000 is a network device of the transitional kind, which may also speak the modern language. */
#define VIRTIO_PCI_VENDOR           0x1af4
#define VIRTIO_PCI_NET_TRANSITIONAL 0x1000
#define VIRTIO_PCI_NET              0x1041

/* 4.1.4 struct virtio_pci_cap, offsets inside the capability. */
#define VIRTIO_CAP_VENDOR_ID   0x09
#define VIRTIO_CAP_LEN         2  /* 8 bits */
#define VIRTIO_CAP_TYPE        3  /* 8 */
#define VIRTIO_CAP_BAR         4  /* 8 */
#define VIRTIO_CAP_OFFSET      8  /* 32 */
#define VIRTIO_CAP_LENGTH      12 /* 32 */
#define VIRTIO_CAP_SIZE        16
#define VIRTIO_CAP_NOTIFY_MULT 16 /* 32, only in the notification capability */
#define VIRTIO_CAP_NOTIFY_SIZE 20

#define VIRTIO_CAP_TYPE_COMMON 1
#define VIRTIO_CAP_TYPE_NOTIFY 2
#define VIRTIO_CAP_TYPE_DEVICE 4
#define VIRTIO_N_CAP_TYPES     5

/* 4.1.4.3 Common configuration.    offset  bits access */
#define VIRTIO_DEVICE_FEATURE_SELECT 0x00 /* 32 RW */
#define VIRTIO_DEVICE_FEATURE        0x04 /* 32 RO */
#define VIRTIO_DRIVER_FEATURE_SELECT 0x08 /* 32 RW */
#define VIRTIO_DRIVER_FEATURE        0x0c /* 32 RW */
#define VIRTIO_CONFIG_MSIX_VECTOR    0x10 /* 16 RW */
#define VIRTIO_NUM_QUEUES            0x12 /* 16 RO */
#define VIRTIO_DEVICE_STATUS         0x14 /*  8 RW */
#define VIRTIO_CONFIG_GENERATION     0x15 /*  8 RO */
#define VIRTIO_QUEUE_SELECT          0x16 /* 16 RW */
#define VIRTIO_QUEUE_SIZE            0x18 /* 16 RW */
#define VIRTIO_QUEUE_MSIX_VECTOR     0x1a /* 16 RW */
#define VIRTIO_QUEUE_ENABLE          0x1c /* 16 RW */
#define VIRTIO_QUEUE_NOTIFY_OFF      0x1e /* 16 RO */
#define VIRTIO_QUEUE_DESC            0x20 /* 64 RW, as two halves */
#define VIRTIO_QUEUE_DRIVER          0x28 /* 64 RW: the available ring */
#define VIRTIO_QUEUE_DEVICE          0x30 /* 64 RW: the used ring */
#define VIRTIO_COMMON_SIZE           0x38

#define VIRTIO_NO_VECTOR 0xffff

/* 2.1 Device status. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01
#define VIRTIO_STATUS_DRIVER      0x02
#define VIRTIO_STATUS_DRIVER_OK   0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_NEEDS_RESET 0x40
#define VIRTIO_STATUS_FAILED      0x80
#define VIRTIO_STATUS_GONE        0xff /* not a status: what a read from a lost device gives */

/* 5.1.3 and 6: feature bits that we know what to do with. */
#define VIRTIO_F(bit)                 (1ull << (bit))
#define VIRTIO_NET_F_CSUM             VIRTIO_F(0)
#define VIRTIO_NET_F_GUEST_CSUM       VIRTIO_F(1)
#define VIRTIO_NET_F_MTU              VIRTIO_F(3)
#define VIRTIO_NET_F_MAC              VIRTIO_F(5)
#define VIRTIO_NET_F_GUEST_TSO4       VIRTIO_F(7)
#define VIRTIO_NET_F_GUEST_TSO6       VIRTIO_F(8)
#define VIRTIO_NET_F_GUEST_ECN        VIRTIO_F(9)
#define VIRTIO_NET_F_HOST_TSO4        VIRTIO_F(11)
#define VIRTIO_NET_F_HOST_TSO6        VIRTIO_F(12)
#define VIRTIO_NET_F_HOST_ECN         VIRTIO_F(13)
#define VIRTIO_NET_F_MRG_RXBUF        VIRTIO_F(15)
#define VIRTIO_NET_F_STATUS           VIRTIO_F(16)
#define VIRTIO_NET_F_CTRL_VQ          VIRTIO_F(17)
#define VIRTIO_NET_F_CTRL_RX          VIRTIO_F(18)
#define VIRTIO_NET_F_CTRL_VLAN        VIRTIO_F(19)
#define VIRTIO_NET_F_MQ               VIRTIO_F(22)
#define VIRTIO_NET_F_CTRL_MAC_ADDR    VIRTIO_F(23)
#define VIRTIO_F_VERSION_1            VIRTIO_F(32)
#define VIRTIO_F_ACCESS_PLATFORM      VIRTIO_F(33)
#define VIRTIO_F_RING_PACKED          VIRTIO_F(34)
#define VIRTIO_F_IN_ORDER             VIRTIO_F(35)
#define VIRTIO_NET_F_SPEED_DUPLEX     VIRTIO_F(63)

/* 5.1.4 Network device configuration.   offset   bits, there with feature */
#define VIRTIO_NET_CONFIG_MAC       0  /* 6 bytes, MAC */
#define VIRTIO_NET_CONFIG_STATUS    6  /* 16, STATUS */
#define VIRTIO_NET_CONFIG_MAX_PAIRS 8  /* 16, MQ */
#define VIRTIO_NET_CONFIG_MTU       10 /* 16, MTU */
#define VIRTIO_NET_CONFIG_SPEED     12 /* 32, SPEED_DUPLEX */
#define VIRTIO_NET_CONFIG_DUPLEX    16 /*  8, SPEED_DUPLEX */

#define VIRTIO_NET_S_LINK_UP      0x0001
#define VIRTIO_NET_SPEED_UNKNOWN  0xffffffffu
#define VIRTIO_NET_DUPLEX_HALF    0x00

/* 5.1.2 Virtqueues of a network device. */
#define VIRTIO_NET_RXQ(pair)          (2 * (pair))
#define VIRTIO_NET_TXQ(pair)          (2 * (pair) + 1)
#define VIRTIO_NET_CTRLQ(max_pairs)   (2 * (max_pairs))

#endif

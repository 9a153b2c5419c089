// SPDX-License-Identifier: BSD-2-Clause
/*
 * A VFIO program as people write them from the kernel's documentation, and nothing more: it resets an 82599, reads its
 * address from the EEPROM, brings the link up, and sends and receives frames through one queue each, with an
 * interrupt. Memory comes from malloc. Usage: vfio_client ADDRESS GROUP FRAMES; the wire has to send back what goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define IOVA	0x10000000ull
#define MEMORY	(1u << 20)
#define RX_RING 0x0000
#define TX_RING 0x1000
#define RX_DATA 0x10000
#define TX_DATA 0x80000
#define N	64 /* descriptors of each ring */
#define LEN	100

struct desc {
	uint64_t a, b;
};

static volatile uint8_t *bar;
static uint8_t *memory;

static void die(const char *what)
{
	fprintf(stderr, "vfio_client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t get(unsigned reg)
{
	return *(volatile uint32_t *)(bar + reg);
}

static void set(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(bar + reg) = value;
}

static void wait_until(unsigned reg, uint32_t mask, uint32_t value, const char *what)
{
	for (int i = 0; i < 3000; i++) {
		if ((get(reg) & mask) == value)
			return;
		usleep(1000);
	}
	errno = ETIMEDOUT;
	die(what);
}

static int open_device(const char *address, const char *group_path, int *ret_container)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int container = open("/dev/vfio/vfio", O_RDWR), group = open(group_path, O_RDWR), device;

	if (container < 0 || ioctl(container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
	    ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		die("container");
	if (group < 0 || ioctl(group, VFIO_GROUP_GET_STATUS, &status) || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		die("group");
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("IOMMU");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device < 0)
		die("device");
	*ret_container = container;
	return device;
}

static void map_registers(int device)
{
	struct vfio_region_info bar0 = {.argsz = sizeof(bar0), .index = VFIO_PCI_BAR0_REGION_INDEX};
	struct vfio_region_info config = {.argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t command = 0;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar0) || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		die("region info");
	bar = mmap(NULL, bar0.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)bar0.offset);
	if (bar == MAP_FAILED)
		die("mmap");
	if (pread(device, &command, 2, (off_t)config.offset + 4) != 2)
		die("config space");
	command |= 4; /* bus master */
	if (pwrite(device, &command, 2, (off_t)config.offset + 4) != 2)
		die("bus master");
}

static void map_memory(int container)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IOVA,
		.size = MEMORY,
	};

	if (posix_memalign((void **)&memory, 4096, MEMORY))
		die("memory");
	memset(memory, 0, MEMORY);
	map.vaddr = (uintptr_t)memory;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		die("DMA map");
}

static void start_queues(void)
{
	struct desc *rx = (struct desc *)(memory + RX_RING);

	set(0x03000, 0);				/* RXCTRL */
	set(0x05080, 1u << 9 | 1u << 10);		/* FCTRL: promiscuous, broadcast */
	set(0x04240, get(0x04240) | 1u << 0 | 1u << 1); /* HLREG0: CRC appended and stripped */
	set(0x02f00, get(0x02f00) | 1u << 1);		/* RDRXCTL: CRC stripped */
	set(0x01000, (uint32_t)(IOVA + RX_RING));
	set(0x01004, 0);
	set(0x01008, N * sizeof(struct desc));
	set(0x01014, 1u << 25 | 2); /* SRRCTL: one advanced buffer of 2 KiB */
	for (unsigned i = 0; i < N; i++)
		rx[i] = (struct desc){.a = IOVA + RX_DATA + i * 2048};
	set(0x01028, 1u << 25); /* RXDCTL */
	wait_until(0x01028, 1u << 25, 1u << 25, "RX queue");
	set(0x0100c, get(0x0100c) & ~(1u << 12)); /* DCA_RXCTRL */
	set(0x01018, N - 1);
	set(0x03000, 1);

	set(0x04a80, get(0x04a80) | 1); /* DMATXCTL */
	set(0x06000, (uint32_t)(IOVA + TX_RING));
	set(0x06004, 0);
	set(0x06008, N * sizeof(struct desc));
	set(0x06028, 1u << 25); /* TXDCTL */
	wait_until(0x06028, 1u << 25, 1u << 25, "TX queue");
}

/* MSI-X vector 0 for the receive queue. */
static int start_interrupt(int device)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} ask = {
		.set = {.argsz = sizeof(ask),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.count = 1},
		.fd = eventfd(0, EFD_NONBLOCK),
	};

	if (ask.fd < 0 || ioctl(device, VFIO_DEVICE_SET_IRQS, &ask))
		die("interrupts");
	set(0x00810, 1);			     /* EIAC: cleared when the interrupt goes out */
	set(0x00898, 1u << 4 | 1u << 31 | 1u << 30); /* GPIE: MSI-X */
	set(0x00900, 0x80);			     /* IVAR: RX queue 0 to vector 0 */
	set(0x00aa0, 1);			     /* EIMS(1) */
	return ask.fd;
}

static void print_address(void)
{
	uint32_t low = get(0x0a200), high = get(0x0a204);

	printf("address %02x:%02x:%02x:%02x:%02x:%02x\n", low & 0xff, low >> 8 & 0xff, low >> 16 & 0xff, low >> 24,
	       high & 0xff, high >> 8 & 0xff);
}

/* One frame out and back again. */
static void send_and_receive(unsigned i, int event)
{
	struct desc *tx = (struct desc *)(memory + TX_RING), *rx = (struct desc *)(memory + RX_RING);
	struct pollfd p = {.fd = event, .events = POLLIN};
	uint8_t *out = memory + TX_DATA, *in = memory + RX_DATA + i % N * 2048;
	uint64_t n;

	memset(out, (int)i, LEN);
	memcpy(out, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x88\xb5", 14);
	tx[i % N].a = IOVA + TX_DATA;
	tx[i % N].b = (uint64_t)LEN << 46 | LEN | 3u << 20 | 1u << 24 | 1u << 25 | 1u << 27 | 1u << 29;
	set(0x06018, (i + 1) % N);
	/* An interrupt says that there may be something to see. */
	while (!(__atomic_load_n(&rx[i % N].b, __ATOMIC_ACQUIRE) & 1)) {
		if (poll(&p, 1, 5000) != 1 || read(event, &n, sizeof(n)) != sizeof(n))
			die("no interrupt came");
		set(0x00aa0, 1);
	}
	if ((rx[i % N].b >> 32 & 0xffff) != LEN || memcmp(in + 14, out + 14, LEN - 14) != 0)
		die("another frame came back");
	if (!(__atomic_load_n(&tx[i % N].b, __ATOMIC_ACQUIRE) >> 32 & 1))
		die("the frame was not reported as sent");
	rx[i % N] = (struct desc){.a = IOVA + RX_DATA + i % N * 2048};
	set(0x01018, i % N);
}

int main(int argc, char **argv)
{
	unsigned n = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	int container, device, event;

	if (!n) {
		fprintf(stderr, "usage: vfio_client ADDRESS GROUP FRAMES\n");
		return 2;
	}
	device = open_device(argv[1], argv[2], &container);
	if (ioctl(device, VFIO_DEVICE_RESET))
		die("reset");
	map_registers(device);
	map_memory(container);
	set(0x00000, 1u << 26 | 1u << 3); /* CTRL: RST, LRST */
	usleep(20000);
	wait_until(0x00000, 1u << 26 | 1u << 3, 0, "reset of the card");
	set(0x042a8, (get(0x042a8) & ~(3u << 16)) | 2u << 16);		  /* AUTOC2: SFI */
	set(0x042a0, (get(0x042a0) & ~(7u << 13)) | 3u << 13 | 1u << 12); /* AUTOC: 10G serial, restart */
	wait_until(0x042a4, 1u << 30, 1u << 30, "link");
	print_address();
	start_queues();
	event = start_interrupt(device);
	for (unsigned i = 0; i < n; i++)
		send_and_receive(i, event);
	printf("%u frames went out and came back\n", n);
	return 0;
}

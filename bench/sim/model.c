/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the 82599 model costs: a generator's frames are received by one port and sent by another into a sink, in shared
 * mode, with the least driver that there can be. Wires and model are one thread; the driver is a part of it, or with
 * "2" a second thread. What is told is the median of what a frame took, over all turns with a burst or more, so that
 * other load on the machine and a client that was late count less. At the end everything is counted: bad checksums and
 * foreign addresses exactly, and a sum over all bytes.
 *
 *     sim_model [SECONDS [GENERATOR [o2j]]]      e.g. sim_model 2 gen,size=64,bad_l4=1%,foreign=1%,vlan=5 o2
 *
 * "o": RSS, VLAN filter and strip are on. "j": one JSON object instead of words.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <ixgbe_desc.h>
#include <ixgbe_regs.h>

#include "clock.h"
#include "ixgbe/model.h"
#include "wire/wires.h"

#define IOVA	     0x100000000ull
#define MEMORY	     (32u << 20)
#define RING	     1024
#define STRIDE	     (2048 + 192) /* no power of two: the cache's sets */
#define BUFFERS	     0x100000
#define TX_RING	     0x40000
#define BURST	     64
#define AHEAD	     64 /* transmit descriptors */
#define REPORT_EVERY 32 /* descriptors of a transmit ring */
#define TIMES	     10000

struct port {
	struct sim_device *dev;
	struct sim_wire_end *end;
	volatile uint8_t *regs;
};

static struct port ports[2];
static uint64_t packets, n_wrong;
static bool want_sum;
static uint8_t *memory;
static int memory_fd;
static uint64_t now_ns = 1000000000;

/* Of this thread. */
static double cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static __attribute__((noreturn)) void die(const char *what)
{
	fprintf(stderr, "sim_model: %s\n", what);
	exit(1);
}

/* Huge pages, as drivers use them; without any, small ones. */
static void alloc_memory(void)
{
	const unsigned kinds[] = {MFD_HUGETLB, 0};

	for (unsigned i = 0; i < 2; i++) {
		memory_fd = memfd_create("sim_model", MFD_CLOEXEC | kinds[i]);
		if (memory_fd < 0 || ftruncate(memory_fd, MEMORY))
			die("no memory");
		memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory_fd, 0);
		if (memory != MAP_FAILED)
			return;
		close(memory_fd);
		if (i == 0)
			fprintf(stderr, "sim_model: no huge pages, small ones cost more\n");
	}
	die("no memory");
}

static void reg_write(struct port *p, uint32_t off, uint32_t value)
{
	p->dev->ops->sync(p->dev, now_ns);
	p->dev->ops->write(p->dev, 0, off, &value, 4);
}

static volatile uint32_t *reg(struct port *p, uint32_t off)
{
	return (volatile uint32_t *)(p->regs + off);
}

static void port_open(struct port *p, struct sim_wires *wires, const char *wire, uint8_t last)
{
	struct ixgbe_model_config cfg = {.mac = {0x02, 0, 0, 0, 0, last}};
	const uint16_t command = PCI_COMMAND_MASTER;
	struct sim_why why = {0};
	struct sim_text t;
	uint32_t links = 0;

	sim_text_parse(&t, wire, &why);
	if (sim_wire_plug(wires, &t, cfg.mac, &p->end) || sim_text_finish(&t))
		die(why.text);
	if (ixgbe_model_create(&cfg, p->end, &p->dev))
		die("no model");
	p->regs = mmap(NULL, IXGBE_BAR0_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->dev->regions[0].fd, 0);
	if (p->regs == MAP_FAILED ||
	    sim_dma_map(&p->dev->dma, IOVA, MEMORY, SIM_DMA_READ | SIM_DMA_WRITE, memory_fd, 0))
		die("no memory");
	p->dev->ops->write(p->dev, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command, 2);
	reg_write(p, IXGBE_CTRL, IXGBE_CTRL_LRST);
	for (unsigned i = 0; i < 1000 && !(links & IXGBE_LINKS_UP); i++) {
		now_ns += 1000000;
		p->dev->ops->poll(p->dev, now_ns);
		p->dev->ops->read(p->dev, 0, IXGBE_LINKS, &links, 4);
	}
	if (!(links & IXGBE_LINKS_UP))
		die("no link");
	reg_write(p, IXGBE_FCTRL, IXGBE_FCTRL_BAM);
}

static void start(struct port *rx, struct port *tx, bool offloads)
{
	union ixgbe_rx_desc *ring = (void *)memory;

	for (unsigned i = 0; i < RING; i++)
		ring[i].read.pkt_addr = IOVA + BUFFERS + (uint64_t)i * STRIDE;
	if (offloads) {
		reg_write(rx, IXGBE_RXCSUM, IXGBE_RXCSUM_PCSD);
		for (unsigned i = 0; i < IXGBE_N_RSSRK; i++)
			reg_write(rx, IXGBE_RSSRK(i), 0x6d5a6d5a);
		reg_write(rx, IXGBE_VFTA(0), ~0u);
		reg_write(rx, IXGBE_VLNCTRL, 0x8100 | IXGBE_VLNCTRL_VFE);
		reg_write(rx, IXGBE_MRQC, IXGBE_MRQC_RSS | IXGBE_MRQC_IPV4 | IXGBE_MRQC_IPV4_TCP | IXGBE_MRQC_IPV4_UDP);
	}
	*reg(rx, IXGBE_RDBAL(0)) = (uint32_t)IOVA;
	*reg(rx, IXGBE_RDBAH(0)) = IOVA >> 32;
	*reg(rx, IXGBE_RDLEN(0)) = RING * 16;
	*reg(rx, IXGBE_SRRCTL(0)) = 2 | IXGBE_SRRCTL_ADVANCED;
	*reg(rx, IXGBE_RXDCTL(0)) = IXGBE_RXDCTL_ENABLE | (offloads ? IXGBE_RXDCTL_VME : 0);
	*reg(rx, IXGBE_RDT(0)) = RING - 1;
	reg_write(rx, IXGBE_RXCTRL, IXGBE_RXCTRL_RXEN);
	reg_write(tx, IXGBE_DMATXCTL, IXGBE_DMATXCTL_TE);
	*reg(tx, IXGBE_TDBAL(0)) = (uint32_t)(IOVA + TX_RING);
	*reg(tx, IXGBE_TDBAH(0)) = IOVA >> 32;
	*reg(tx, IXGBE_TDLEN(0)) = RING * 16;
	*reg(tx, IXGBE_TXDCTL(0)) = IXGBE_TXDCTL_ENABLE;
}

/* Receive descriptors whose buffers have left go back to the card: those up to the next report that was asked for. */
static void give_back(struct port *rx)
{
	static uint32_t given;
	union ixgbe_rx_desc *in = (void *)memory;
	union ixgbe_tx_desc *out = (void *)(memory + TX_RING);
	uint32_t report = given + REPORT_EVERY - 1;

	if (!(__atomic_load_n(&out[report].data.olinfo, __ATOMIC_ACQUIRE) & IXGBE_TXD_DD))
		return;
	out[report].data.olinfo = 0;
	for (uint32_t i = given; i <= report; i++) {
		in[i].read.pkt_addr = IOVA + BUFFERS + (uint64_t)i * STRIDE;
		in[i].read.hdr_addr = 0;
	}
	given = (given + REPORT_EVERY) % RING;
	__atomic_store_n(reg(rx, IXGBE_RDT(0)), (given + RING - 1) % RING, __ATOMIC_RELEASE);
}

/* A line that we shall write comes from the model's core meanwhile. */
static void fetch_line(const void *line)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
	__builtin_prefetch(line, 1);
#endif
}

/*
 * The client, in the manner of drivers: what is in a buffer goes out again from there. It has to keep up, so of each
 * four descriptors, which are a line, it takes what it needs ahead of time.
 */
static unsigned forward(struct port *rx, struct port *tx)
{
	static uint32_t at;
	union ixgbe_rx_desc *in = (void *)memory;
	union ixgbe_tx_desc *out = (void *)(memory + TX_RING);
	unsigned n;

	for (unsigned i = 0; i < BURST / REPORT_EVERY; i++)
		give_back(rx);
	for (n = 0; n < BURST; n++, at = (at + 1) % RING) {
		uint32_t status = __atomic_load_n(&in[at].wb.status, __ATOMIC_ACQUIRE), len;

		if (!(status & IXGBE_RXD_DD))
			break;
		n_wrong += status >> 30 != 0;
		len = in[at].wb.len;
		out[at].data.addr = IOVA + BUFFERS + (uint64_t)at * STRIDE;
		out[at].data.cmd = len | IXGBE_TXD_DATA | IXGBE_TXD_DEXT | IXGBE_TXD_EOP | IXGBE_TXD_IFCS |
				   (at % REPORT_EVERY == REPORT_EVERY - 1 ? IXGBE_TXD_RS : 0);
		out[at].data.olinfo = len << IXGBE_TXD_PAYLEN_SHIFT;
		if (at % 4 == 3) {
			fetch_line(&in[at]);
			fetch_line(&out[(at + AHEAD) % RING]);
		}
	}
	if (n)
		__atomic_store_n(reg(tx, IXGBE_TDT(0)), at, __ATOMIC_RELEASE);
	return n;
}

static bool stop;

static void *client(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		packets += forward(&ports[0], &ports[1]);
	return NULL;
}

/* Frames by what each took, in tenths of a tick: those of one turn took the same. */
struct moved {
	uint64_t all, n, by_time[TIMES]; /* all: in small turns too */
};

/*
 * A turn; counted if the client has kept up, that is, if there was a burst of its to move. When it ended.
 */
static uint64_t turn(struct port *p, struct moved *moved, uint64_t begin)
{
	unsigned n = p->dev->ops->poll(p->dev, now_ns);
	uint64_t end = clock_ticks(), each;

	moved->all += n;
	if (n < BURST)
		return end;
	each = (end - begin) * 10 / n;
	moved->n += n;
	moved->by_time[each < TIMES - 1 ? each : TIMES - 1] += n;
	return end;
}

static double median(const struct moved *moved)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < TIMES - 1 && n < moved->n / 2; i++)
		n += moved->by_time[i];
	return (i + 0.5) / 10;
}

static uint64_t counter(struct port *p, bool wire, const char *name)
{
	struct sim_counter list[64];
	unsigned n = wire ? p->end->ops->counters(p->end, list, 64) : p->dev->ops->counters(p->dev, list, 64);

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return list[i].value;
	die(name);
}

/* What the client still holds goes out. */
static void drain(void)
{
	for (unsigned i = 0; i < 10000; i++) {
		packets += forward(&ports[0], &ports[1]);
		now_ns += 1000;
		ports[1].dev->ops->poll(ports[1].dev, now_ns);
	}
}

/*
 * Every frame is accounted for; with a sum (not for frames whose tag is taken out) every byte is. The client sees a
 * frame's status: it has counted those with errors.
 */
static void check(bool offloads)
{
	uint64_t in = counter(&ports[0], true, "in_frames"), foreign = counter(&ports[0], true, "in_foreign");
	uint64_t bad = counter(&ports[0], true, "in_bad_l4") + counter(&ports[0], true, "in_bad_ip");

	if (counter(&ports[0], false, "rx_frames") != in - foreign ||
	    counter(&ports[0], false, "rx_filtered") != foreign ||
	    counter(&ports[1], true, "out_frames") != in - foreign)
		die("frames were lost");
	if (n_wrong != bad)
		die("bad checksums were not found");
	if (!offloads && want_sum && counter(&ports[0], true, "in_sum") != counter(&ports[1], true, "out_sum"))
		die("bytes have changed");
	if (counter(&ports[0], false, "driver_errors") + counter(&ports[1], false, "driver_errors"))
		die(ixgbe_model_complaint(ports[0].dev));
}

static void tell(const struct moved moved[2], double tick_ns, const char *gen, const char *how)
{
	double rx = median(&moved[0]), tx = median(&moved[1]), mpps = 1e3 / ((rx + tx) * tick_ns);
	double kept_up = 100 * (double)(moved[0].n + moved[1].n) / (double)(moved[0].all + moved[1].all);

	if (!moved[0].n || !moved[1].n)
		die("the client never kept up");
	if (strchr(how, 'j'))
		printf("{\"mpps\": %.3f, \"tsc_per_pkt\": %.1f, \"kept_up_percent\": %.0f}\n", mpps, rx + tx, kept_up);
	else
		printf("%.1f Mpps: receive %.1f ns, send %.1f ns; %s%s, %s (kept up with %.0f %% of the frames)\n",
		       mpps, rx * tick_ns, tx * tick_ns, gen, strchr(how, 'o') ? ", RSS and VLAN" : "",
		       strchr(how, '2') ? "the client on a core of its own" : "one thread", kept_up);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1, used = 0, begin;
	const char *gen = argc > 2 ? argv[2] : "gen,size=64,flows=256", *how = argc > 3 ? argv[3] : "";
	bool offloads = strchr(how, 'o'), two = strchr(how, '2');
	struct sim_wires *wires = sim_wires_create();
	struct tick_rate rate = tick_rate_begin();
	static struct moved moved[2];
	pthread_t thread;

	want_sum = strstr(gen, ",sum");
	alloc_memory();
	port_open(&ports[0], wires, gen, 1);
	port_open(&ports[1], wires, "sink", 2);
	start(&ports[0], &ports[1], offloads);
	if (two && pthread_create(&thread, NULL, client, NULL))
		die("no thread");
	begin = cpu_seconds();
	while (used < seconds) {
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t at = clock_ticks();

			now_ns += 1000;
			at = turn(&ports[0], &moved[0], at);
			if (!two) {
				packets += forward(&ports[0], &ports[1]);
				at = clock_ticks();
			}
			turn(&ports[1], &moved[1], at);
		}
		used = cpu_seconds() - begin;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	if (two)
		pthread_join(thread, NULL);
	drain();
	check(offloads);
	tick_rate_refine(&rate);
	tell(moved, 1e9 / rate.ticks_per_second, gen, how);
	for (unsigned i = 0; i < 2; i++)
		ports[i].dev->ops->destroy(ports[i].dev);
	sim_wires_destroy(wires);
	return 0;
}

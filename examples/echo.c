// SPDX-License-Identifier: BSD-2-Clause
/*
 * A UDP echo server (RFC 862) with the address given on the command line. The card checks what arrives and computes the
 * checksums of what leaves, if it can; otherwise the library does. ARP is answered, so that others find the way.
 */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vireo/vireo.h>

#define BURST	  VIREO_MAX_SEGS
#define ECHO_PORT 7

/* Packed: behind an Ethernet header nothing is aligned. */
struct datagram {
	struct ether_header eth;
	struct ip ip;
	struct udphdr udp;
} __attribute__((packed));

static volatile sig_atomic_t stop;
static in_addr_t our_ip;
static uint8_t our_mac[VIREO_MAC_LEN];

static void on_signal(int sig)
{
	stop = sig;
}

static void turn_around(struct ether_header *eth)
{
	memcpy(eth->ether_dhost, eth->ether_shost, sizeof(eth->ether_dhost));
	memcpy(eth->ether_shost, our_mac, sizeof(eth->ether_shost));
}

static bool answer_arp(struct vireo_pkt *pkt)
{
	struct ether_header *eth = vireo_pkt_data(pkt);
	struct ether_arp *arp = (struct ether_arp *)(eth + 1);

	if (pkt->len < sizeof(*eth) + sizeof(*arp) || arp->arp_op != htons(ARPOP_REQUEST) ||
	    memcmp(arp->arp_tpa, &our_ip, sizeof(our_ip)))
		return false;
	turn_around(eth);
	arp->arp_op = htons(ARPOP_REPLY);
	memcpy(arp->arp_tpa, arp->arp_spa, sizeof(arp->arp_tpa));
	memcpy(arp->arp_tha, arp->arp_sha, sizeof(arp->arp_tha));
	memcpy(arp->arp_spa, &our_ip, sizeof(arp->arp_spa));
	memcpy(arp->arp_sha, our_mac, sizeof(arp->arp_sha));
	return true;
}

static bool is_for_us(const struct vireo_pkt *pkt, const struct datagram *d)
{
	/* Fragments and headers with options are left to larger programs. */
	return pkt->len >= sizeof(*d) && d->ip.ip_v == 4 && d->ip.ip_hl == 5 && d->ip.ip_p == IPPROTO_UDP &&
	       d->ip.ip_dst.s_addr == our_ip && d->udp.uh_dport == htons(ECHO_PORT) &&
	       !(d->ip.ip_off & htons(IP_MF | IP_OFFMASK)) &&
	       !(pkt->flags & (VIREO_PKT_RX_IP_BAD | VIREO_PKT_RX_L4_BAD));
}

static bool answer_udp(struct vireo_pkt *pkt)
{
	struct datagram *d = vireo_pkt_data(pkt);
	unsigned len;

	if (!is_for_us(pkt, d))
		return false;
	turn_around(&d->eth);
	d->ip.ip_ttl = 64;
	d->ip.ip_dst = d->ip.ip_src;
	d->ip.ip_src.s_addr = our_ip;
	d->udp.uh_dport = d->udp.uh_sport;
	d->udp.uh_sport = htons(ECHO_PORT);
	/* A short frame was padded, and padding has no place in a checksum. */
	len = ntohs(d->ip.ip_len) + sizeof(d->eth);
	if (!(pkt->flags & VIREO_PKT_MORE) && len < pkt->len && len >= sizeof(*d))
		pkt->len = (uint16_t)len;
	/* Whatever state its checksum came in, it leaves with a new one. */
	pkt->flags = (pkt->flags & ~VIREO_PKT_CSUM_PARTIAL) | VIREO_PKT_TX_IP_CSUM | VIREO_PKT_TX_UDP_CSUM;
	pkt->tx.l2_len = sizeof(d->eth);
	pkt->tx.l3_len = sizeof(d->ip);
	return true;
}

/* Headers lie in the first element; the rest of a long packet need not be looked at. */
static bool answer(struct vireo_pkt *pkt)
{
	const struct ether_header *eth = vireo_pkt_data(pkt);

	if (pkt->len < sizeof(*eth))
		return false;
	return eth->ether_type == htons(ETHERTYPE_ARP)	? answer_arp(pkt)
	       : eth->ether_type == htons(ETHERTYPE_IP) ? answer_udp(pkt)
							: false;
}

static void serve(struct vireo_rxq *rx, struct vireo_txq *tx)
{
	struct vireo_pkt pkts[BURST];
	unsigned n = vireo_rx_burst(rx, pkts, BURST);

	for (unsigned i = 0, end; i < n; i = end) {
		for (end = i + 1; pkts[end - 1].flags & VIREO_PKT_MORE; end++)
			;
		/* An answer that finds no room is dropped: this is UDP. */
		if (!answer(&pkts[i]) || !vireo_tx_burst(tx, &pkts[i], end - i))
			vireo_pkt_free(&pkts[i], end - i);
	}
	if (!n) {
		vireo_txq_reclaim(tx);
		vireo_rxq_wait_any(&rx, 1, 100000); /* a tenth of a second, to see a Ctrl-C */
	}
}

int main(int argc, char **argv)
{
	struct vireo_port_config cfg = {
		.rx_offloads = VIREO_RX_CSUM,
		.tx_offloads = VIREO_TX_IP_CSUM | VIREO_TX_L4_CSUM,
		.rx_interrupts = true,
	};
	struct sigaction action = {.sa_handler = on_signal};
	struct vireo_port_info info;
	struct vireo_port *port;

	if (argc != 3 || inet_pton(AF_INET, argv[2], &our_ip) != 1) {
		fprintf(stderr, "Usage: echo PORT IPV4-ADDRESS\n");
		return 2;
	}
	if (vireo_port_open(argv[1], &cfg, &port) || vireo_port_start(port)) {
		fprintf(stderr, "echo: %s\n", vireo_last_error());
		return 1;
	}
	vireo_port_info(port, &info);
	memcpy(our_mac, info.mac, sizeof(our_mac));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stop)
		serve(vireo_port_rxq(port, 0), vireo_port_txq(port, 0));
	vireo_port_close(port);
	return 0;
}

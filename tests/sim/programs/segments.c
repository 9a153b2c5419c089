// SPDX-License-Identifier: BSD-2-Clause
/*
 * Big TCP packets into a capture, and whether another holds them cut into segments, each of which is right: addresses,
 * lengths, identification, sequence, flags, both checksums and the payload, all worked out here again.
 *
 *	segments write FILE COUNT PAYLOAD
 *	segments check FILE COUNT PAYLOAD MSS
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETH	14
#define IP	20
#define TCP	20
#define HEADERS (ETH + IP + TCP)
#define MAX	16384

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, digits, snaplen, link;
};

struct packet_header {
	uint32_t s, us, len, orig_len;
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint32_t add(uint32_t sum, const uint8_t *data, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

static unsigned fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* 0 over what includes a right checksum. */
static unsigned ip_sum(const uint8_t *ip)
{
	return fold(add(0, ip, IP));
}

static unsigned tcp_sum(const uint8_t *ip, unsigned len)
{
	return fold(add(add(6 + len, ip + 12, 8), ip + IP, len));
}

static uint8_t payload_byte(unsigned packet, unsigned i)
{
	return (uint8_t)(packet * 31 + i * 7 + (i >> 8));
}

static uint32_t first_seq(unsigned packet)
{
	return 0xfffff000u + packet * 100000; /* the first one wraps */
}

static int die(const char *what, unsigned packet)
{
	fprintf(stderr, "segments: packet %u: %s\n", packet, what);
	return 1;
}

static void build(uint8_t *frame, unsigned packet, unsigned payload)
{
	uint8_t *ip = frame + ETH, *tcp = ip + IP;

	memset(frame, 0, HEADERS);
	memcpy(frame, "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x09\x08\0", ETH);
	ip[0] = 0x45;
	put16(ip + 2, IP + TCP + payload);
	put16(ip + 4, packet);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\0\0\x01\x0a\0\0\x02", 8);
	put16(tcp, 1000);
	put16(tcp + 2, 2000);
	put32(tcp + 4, first_seq(packet));
	tcp[12] = TCP / 4 << 4;
	tcp[13] = FIN | PSH | ACK;
	put16(tcp + 14, 500);
	for (unsigned i = 0; i < payload; i++)
		frame[HEADERS + i] = payload_byte(packet, i);
	put16(ip + 10, ip_sum(ip));
	put16(tcp + 16, tcp_sum(ip, TCP + payload));
}

static int write_all(FILE *f, unsigned count, unsigned payload)
{
	const struct file_header head = {.magic = 0xa1b2c3d4, .major = 2, .minor = 4, .snaplen = 65535, .link = 1};
	static uint8_t frame[MAX];

	fwrite(&head, sizeof(head), 1, f);
	for (unsigned packet = 0; packet < count; packet++) {
		struct packet_header p = {.us = packet, .len = HEADERS + payload, .orig_len = HEADERS + payload};

		build(frame, packet, payload);
		fwrite(&p, sizeof(p), 1, f);
		fwrite(frame, p.len, 1, f);
	}
	return fclose(f) ? die("cannot be written", count) : 0;
}

/* Segment number @k of a packet. */
static int check_segment(const uint8_t *frame, unsigned len, unsigned packet, unsigned k, unsigned part, bool last)
{
	const uint8_t *ip = frame + ETH, *tcp = ip + IP;

	if (len != HEADERS + part)
		return die("wrong length of a segment", packet);
	if (get16(frame + 12) != 0x0800 || ip[0] != 0x45 || get16(ip + 2) != IP + TCP + part || ip[9] != 6)
		return die("wrong IP header", packet);
	if (get16(ip + 4) != ((packet + k) & 0xffff))
		return die("wrong identification", packet);
	if (ip_sum(ip))
		return die("wrong checksum of the IP header", packet);
	if (tcp[13] != (last ? FIN | PSH | ACK : ACK))
		return die("wrong flags", packet);
	if (tcp_sum(ip, TCP + part))
		return die("wrong TCP checksum", packet);
	return 0;
}

static int check_all(FILE *f, unsigned count, unsigned payload, unsigned mss)
{
	unsigned n = (payload + mss - 1) / mss;
	static uint8_t frame[MAX];
	struct packet_header p;
	struct file_header head;

	if (fread(&head, sizeof(head), 1, f) != 1)
		return die("no capture", 0);
	for (unsigned packet = 0; packet < count; packet++) {
		for (unsigned k = 0; k < n; k++) {
			unsigned at = k * mss, part = payload - at < mss ? payload - at : mss;

			if (fread(&p, sizeof(p), 1, f) != 1 || p.len > MAX || fread(frame, p.len, 1, f) != 1)
				return die("a segment is missing", packet);
			if (check_segment(frame, p.len, packet, k, part, k == n - 1))
				return 1;
			if (get32(frame + ETH + IP + 4) != first_seq(packet) + at)
				return die("wrong sequence number", packet);
			for (unsigned i = 0; i < part; i++)
				if (frame[HEADERS + i] != payload_byte(packet, at + i))
					return die("wrong payload", packet);
		}
	}
	if (fread(&p, sizeof(p), 1, f) == 1)
		return die("more frames than there should be", count);
	printf("%u packets in %u segments each\n", count, n);
	return 0;
}

int main(int argc, char **argv)
{
	bool writes = argc == 5 && strcmp(argv[1], "write") == 0;
	FILE *f = argc > 4 ? fopen(argv[2], writes ? "wb" : "rb") : NULL;
	unsigned payload = argc > 4 ? (unsigned)atoi(argv[4]) : 0;

	if (!f || !payload || payload > MAX - HEADERS || (!writes && argc != 6)) {
		fprintf(stderr, "usage: segments write FILE COUNT PAYLOAD | check FILE COUNT PAYLOAD MSS\n");
		return 2;
	}
	if (writes)
		return write_all(f, (unsigned)atoi(argv[3]), payload);
	return check_all(f, (unsigned)atoi(argv[3]), payload, (unsigned)atoi(argv[5]));
}

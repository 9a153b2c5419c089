/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTGEN_REPLAY_H
#define PKTGEN_REPLAY_H

/* A capture file (pcap or pcapng), whole in memory: replay must not wait for a disk. */

#include <stddef.h>
#include <stdint.h>

struct replay_frame {
	uint64_t offset_ns; /* after the first frame; never less than that of the frame before */
	size_t at;          /* in replay.data */
	uint32_t len;
};

struct replay {
	struct replay_frame *frames;
	size_t n_frames;
	uint8_t *data;
	size_t data_len;
	uint64_t period_ns;  /* from the start of one round to that of the next: the length and one mean gap */
	uint32_t max_len;
	uint64_t n_cut;      /* frames that the file holds only in part */
};

/*
 * -EBADF with a sentence when @path cannot be read, is no capture of Ethernet frames, or holds none; -ENOMEM.
 * Frames shorter than Ethernet allows are padded with zeros.
 */
int replay_load(const char *path, struct replay *ret_replay);
void replay_free(struct replay *replay);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef APPS_SIM_RUN_TREE_H
#define APPS_SIM_RUN_TREE_H

/*
 * The folder that takes the place of /dev/vfio and of the sysfs of PCI devices for one program: what the preloaded object
 * (sim/preload/) maps their paths to, and where the sockets of the cards are.
 */

#include <stdint.h>

#define RUN_MAX_CARDS 32
#define RUN_PATH_MAX  80 /* of the folder: sockets below it have short names */

struct run_tree {
	char path[RUN_PATH_MAX]; /* "" when there is none */
};

/* What sysfs tells about a card. */
struct run_card {
	char address[16]; /* 0000:05:00.0 */
	unsigned group;
	uint8_t config[256];
	uint64_t bar_size[6];
};

/* A new folder below $TMPDIR that nobody else may enter. */
int run_tree_create(struct run_tree *tree);
/* What holds for all cards: the modules, the container. */
int run_tree_add_common(struct run_tree *tree);
int run_tree_add_card(struct run_tree *tree, const struct run_card *card);
/* Where a card is to listen. */
void run_tree_socket(const struct run_tree *tree, const char *address, char *path, unsigned size);
void run_tree_remove(struct run_tree *tree);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_PRELOAD_OBJECTS_H
#define SIM_PRELOAD_OBJECTS_H

/*
 * What a descriptor of the program stands for: a container, a group, a device. Descriptors come and go by open, dup, close
 * and their relatives; an object goes with the last that stands for it. Everything here is called under the lock, except
 * where it says otherwise.
 */

#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>

#define OBJECTS_MAX_FDS 65536 /* the program's further ones are never ours */

struct object;

struct object_ops {
	/* Called without the lock. @arg is the program's and not to be trusted. */
	long (*ioctl)(struct object *object, unsigned long request, void *arg);
	ssize_t (*read)(struct object *object, void *buf, size_t len, uint64_t offset);
	ssize_t (*write)(struct object *object, const void *buf, size_t len, uint64_t offset);
	/* Maps at *@ret_va, which holds a wish, or a place when @flags say so. */
	int (*mmap)(struct object *object, void **ret_va, size_t len, int prot, int flags, uint64_t offset);
	/* The last descriptor was closed; with the lock. */
	void (*release)(struct object *object);
};

struct object {
	const struct object_ops *ops;
	unsigned n_fds;
};

/* What @fd stands for, or NULL. Without the lock this says what was true a moment ago. */
struct object *object_of(int fd);
/* @fd, just opened, stands for @object. -EMFILE. */
int object_attach(int fd, struct object *object);
/* @fd is about to be closed. */
void object_detach(int fd);
/* A descriptor that nothing reads from, to stand for an object. */
int object_new_fd(const char *name, struct object *object);

#endif

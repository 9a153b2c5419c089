// SPDX-License-Identifier: BSD-2-Clause
#include "objects.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload.h"

/* Looked at for every call with a descriptor, mostly to find nothing; untouched pages of it cost no memory. */
static struct object *objects[OBJECTS_MAX_FDS];

struct object *object_of(int fd)
{
	if (fd < 0 || fd >= OBJECTS_MAX_FDS)
		return NULL;
	return __atomic_load_n(&objects[fd], __ATOMIC_ACQUIRE);
}

int object_attach(int fd, struct object *object)
{
	if (fd < 0 || fd >= OBJECTS_MAX_FDS)
		return -EMFILE;
	object_detach(fd);
	object->n_fds++;
	__atomic_store_n(&objects[fd], object, __ATOMIC_RELEASE);
	return 0;
}

void object_detach(int fd)
{
	struct object *object = object_of(fd);

	if (!object)
		return;
	__atomic_store_n(&objects[fd], NULL, __ATOMIC_RELEASE);
	if (!--object->n_fds)
		object->ops->release(object);
}

int object_new_fd(const char *name, struct object *object)
{
	int fd = memfd_create(name, MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = object_attach(fd, object);
	if (err) {
		NEXT(close)(fd);
		return err;
	}
	return fd;
}

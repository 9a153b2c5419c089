// SPDX-License-Identifier: BSD-2-Clause
/* Calls with a descriptor. One that stands for nothing of ours is handed on after a look at one word. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "objects.h"
#include "preload.h"

PRELOAD_CALL int ioctl(int fd, unsigned long request, ...)
{
	struct object *object = object_of(fd);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	/* The numbers of VFIO's ioctls are 32 bits; an int on the way here may have been sign-extended. */
	if (object)
		return (int)preload_result(object->ops->ioctl(object, (uint32_t)request, arg));
	return NEXT(ioctl)(fd, request, arg);
}

static ssize_t read_object(struct object *object, void *buf, size_t len, off64_t offset)
{
	if (!object->ops->read || offset < 0)
		return preload_result(-EINVAL);
	return preload_result(object->ops->read(object, buf, len, (uint64_t)offset));
}

static ssize_t write_object(struct object *object, const void *buf, size_t len, off64_t offset)
{
	if (!object->ops->write || offset < 0)
		return preload_result(-EINVAL);
	return preload_result(object->ops->write(object, buf, len, (uint64_t)offset));
}

PRELOAD_CALL ssize_t pread(int fd, void *buf, size_t len, off_t offset)
{
	struct object *object = object_of(fd);

	return object ? read_object(object, buf, len, offset) : NEXT(pread)(fd, buf, len, offset);
}

PRELOAD_CALL ssize_t pread64(int fd, void *buf, size_t len, off64_t offset)
{
	struct object *object = object_of(fd);

	return object ? read_object(object, buf, len, offset) : NEXT(pread64)(fd, buf, len, offset);
}

/* What programs built with _FORTIFY_SOURCE call. */
void __chk_fail(void) __attribute__((noreturn));
ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t size);

PRELOAD_CALL ssize_t __pread_chk(int fd, void *buf, size_t len, off_t offset, size_t size)
{
	if (len > size)
		__chk_fail();
	return pread(fd, buf, len, offset);
}

PRELOAD_CALL ssize_t __pread64_chk(int fd, void *buf, size_t len, off64_t offset, size_t size)
{
	if (len > size)
		__chk_fail();
	return pread64(fd, buf, len, offset);
}

PRELOAD_CALL ssize_t pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	struct object *object = object_of(fd);

	return object ? write_object(object, buf, len, offset) : NEXT(pwrite)(fd, buf, len, offset);
}

PRELOAD_CALL ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
	struct object *object = object_of(fd);

	return object ? write_object(object, buf, len, offset) : NEXT(pwrite64)(fd, buf, len, offset);
}

/* Before the descriptor is closed, since another thread may get its number in the same moment. */
static void forget_fds(unsigned first, unsigned last)
{
	sigset_t saved;
	unsigned fd;

	preload_lock(&saved);
	for (fd = first; fd <= last; fd++)
		object_detach((int)fd);
	preload_unlock(&saved);
}

PRELOAD_CALL int close(int fd)
{
	if (object_of(fd))
		forget_fds((unsigned)fd, (unsigned)fd);
	return NEXT(close)(fd);
}

PRELOAD_CALL int close_range(unsigned first, unsigned last, int flags)
{
	if (!(flags & ~CLOSE_RANGE_UNSHARE) && first <= last)
		forget_fds(first, last < OBJECTS_MAX_FDS ? last : OBJECTS_MAX_FDS - 1);
	return NEXT(close_range)(first, last, flags);
}

PRELOAD_CALL void closefrom(int first)
{
	if (first >= 0)
		forget_fds((unsigned)first, OBJECTS_MAX_FDS - 1);
	NEXT(closefrom)(first);
}

/* @to is a second descriptor for what @from stands for, and for nothing that it was before. */
static int also(int from, int to)
{
	struct object *object;
	sigset_t saved;
	int err = 0;

	if (to < 0 || to == from || (!object_of(from) && !object_of(to)))
		return to;
	preload_lock(&saved);
	object = object_of(from);
	if (object)
		err = object_attach(to, object);
	else
		object_detach(to);
	preload_unlock(&saved);
	if (err) {
		NEXT(close)(to);
		return (int)preload_result(err);
	}
	return to;
}

PRELOAD_CALL int dup(int fd)
{
	return also(fd, NEXT(dup)(fd));
}

PRELOAD_CALL int dup2(int fd, int to)
{
	return also(fd, NEXT(dup2)(fd, to));
}

PRELOAD_CALL int dup3(int fd, int to, int flags)
{
	return also(fd, NEXT(dup3)(fd, to, flags));
}

PRELOAD_CALL int fcntl(int fd, int command, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	ret = NEXT(fcntl)(fd, command, arg);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? also(fd, ret) : ret;
}

PRELOAD_CALL int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	ret = NEXT(fcntl64)(fd, command, arg);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? also(fd, ret) : ret;
}

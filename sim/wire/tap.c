// SPDX-License-Identifier: BSD-2-Clause
/* A TAP interface: the kernel's stack at the other end. The interface may exist already, or a descriptor of it is given. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

#define TAP_BURST 32
/* Buffers do not lie a power of two apart: they would share lines of the cache. */
#define TAP_STRIDE (SIM_FRAME_MAX + 64)
/* A look costs a system call: an interface that was silent is left alone for a while. */
#define TAP_LOOK_NS 10000u

struct tap {
	struct sim_wire_end base;
	int fd;
	uint64_t look_ns;
	struct wire_count in, out;
	uint64_t lost; /* the kernel did not take them: the interface is down or its queue is full */
	uint8_t *buffers;
};

/* The kernel's frames may be shorter than Ethernet allows; a card would fill them up. */
static uint32_t fill_up(uint8_t *frame, uint32_t len)
{
	if (len >= FRAME_MIN)
		return len;
	memset(frame + len, 0, FRAME_MIN - len);
	return FRAME_MIN;
}

static unsigned tap_receive(struct sim_wire_end *end, struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct tap *t = (struct tap *)end;
	unsigned i;

	if (now_ns < t->look_ns)
		return 0;
	for (i = 0; i < n && i < TAP_BURST; i++) {
		uint8_t *frame = t->buffers + (size_t)i * TAP_STRIDE;
		ssize_t len = read(t->fd, frame, SIM_FRAME_MAX);

		if (len <= 0) {
			t->look_ns = i ? 0 : now_ns + TAP_LOOK_NS;
			break;
		}
		frames[i] = (struct sim_frame){.data = frame, .len = fill_up(frame, (uint32_t)len)};
		wire_count(&t->in, frames[i].len);
	}
	return i;
}

static void tap_send(struct sim_wire_end *end, const struct sim_frame *frames, unsigned n, uint64_t now_ns)
{
	struct tap *t = (struct tap *)end;

	for (unsigned i = 0; i < n; i++) {
		/* What was damaged on the way would not get past a card. */
		if (frames[i].flags & SIM_FRAME_BAD_FCS ||
		    write(t->fd, frames[i].data, frames[i].len) != (ssize_t)frames[i].len)
			t->lost++;
		else
			wire_count(&t->out, frames[i].len);
	}
}

/* Where the kernel can, the interface says whether there is light. */
static void tap_set_laser(struct sim_wire_end *end, bool on)
{
#ifdef TUNSETCARRIER
	int carrier = on;

	ioctl(((struct tap *)end)->fd, TUNSETCARRIER, &carrier);
#endif
}

static void tap_unplug(struct sim_wire_end *end)
{
	struct tap *t = (struct tap *)end;

	if (t->fd >= 0)
		close(t->fd);
	free(t->buffers);
	free(t);
}

static unsigned tap_counters(struct sim_wire_end *end, struct sim_counter *counters, unsigned n)
{
	struct tap *t = (struct tap *)end;
	struct wire_counters c = {.list = counters, .room = n};

	wire_counter_pair(&c, "in", &t->in);
	wire_counter_pair(&c, "out", &t->out);
	wire_counter(&c, "out_lost", t->lost);
	return c.n;
}

static const struct sim_wire_ops tap_ops = {
	.name = "tap",
	.receive = tap_receive,
	.send = tap_send,
	.carrier = wire_carrier_on,
	.set_laser = tap_set_laser,
	.unplug = tap_unplug,
	.counters = tap_counters,
};

static void explain(struct sim_text *text, const char *name, int err)
{
	switch (err) {
	case EPERM:
		sim_text_fail(text, -EACCES,
			      "tap:%s: no right to make this interface or to take it; as root: ip tuntap add mode tap "
			      "user $USER name %s",
			      name, name);
		break;
	case EBUSY:
		sim_text_fail(text, -EBUSY, "tap:%s: another process has this interface", name);
		break;
	case EINVAL:
		sim_text_fail(text, -EINVAL,
			      "tap:%s: there is an interface of this name that is no TAP, or it has "
			      "several queues",
			      name);
		break;
	default:
		sim_text_fail(text, -err, "tap:%s: %s", name, strerror(err));
	}
}

static int open_by_name(struct sim_text *text, const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	if (!name[0] || strlen(name) >= sizeof(request.ifr_name) || strpbrk(name, "/ %:")) {
		sim_text_fail(text, -EINVAL, "tap:%.60s: needs the name of an interface, of 1 to 15 characters", name);
		return -1;
	}
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		int err = errno;

		sim_text_fail(text, err == EACCES ? -EACCES : -ENOENT, "tap:%s: cannot open /dev/net/tun: %s%s", name,
			      strerror(err), err == EACCES ? "" : "; modprobe tun as root");
		return -1;
	}
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request)) {
		explain(text, name, errno);
		close(fd);
		return -1;
	}
	return fd;
}

/* A copy, so that closing ours leaves the giver's alone. */
static int open_by_fd(struct sim_text *text, int given)
{
	struct ifreq request = {0};
	int fd;

	if (ioctl(given, TUNGETIFF, &request) || (request.ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI) ||
	    request.ifr_flags & IFF_VNET_HDR) {
		sim_text_fail(text, -EINVAL,
			      "tap,fd=%d: this is no descriptor of a TAP interface with IFF_NO_PI and "
			      "without IFF_VNET_HDR",
			      given);
		return -1;
	}
	fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK)) {
		sim_text_fail(text, -errno, "tap,fd=%d: %s", given, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

struct sim_wire_end *wire_tap_plug(struct sim_text *text)
{
	struct tap *t = calloc(1, sizeof(*t));
	uint64_t given = UINT64_MAX;

	if (!t)
		return NULL;
	t->fd = -1;
	t->base.ops = &tap_ops;
	t->base.waits = true; /* the interface has a queue of its own */
	sim_text_number(text, "fd", 0, INT32_MAX, &given);
	if (given != UINT64_MAX && text->arg[0])
		sim_text_fail(text, -EINVAL, "tap:%.60s: either a name or fd=, not both", text->arg);
	if (!text->err)
		t->fd = given != UINT64_MAX ? open_by_fd(text, (int)given) : open_by_name(text, text->arg);
	t->buffers = t->fd < 0 ? NULL : aligned_alloc(64, (size_t)TAP_BURST * TAP_STRIDE);
	if (!t->buffers) {
		tap_unplug(&t->base);
		return NULL;
	}
	return &t->base;
}

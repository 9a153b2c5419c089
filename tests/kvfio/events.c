// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a user is told unasked: that the bus saw an error of his device, and that the device is wanted back, until he closes it. Runs
 * the same on upstream and on kvfio. Somebody else makes the error when this says "ready", and unbinds the driver when it says "held".
 *
 *	events NODE_DIRECTORY GROUP DEVICE
 */

#define _GNU_SOURCE
#include <poll.h>
#include <sys/eventfd.h>

#include "vfio.h"

#define SOON_MS 60000

/* How often, at its first sign. */
static long told(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&event, 1, SOON_MS) != 1 || read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

static void say(const char *word)
{
	puts(word);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int error = eventfd(0, 0), request = eventfd(0, 0);
	struct vfio_names names;
	struct vfio v;

	if (argc != 4) {
		fprintf(stderr, "usage: events NODE_DIRECTORY GROUP DEVICE\n");
		return 2;
	}
	names = vfio_names(argv[1], argv[2], argv[3]);
	tap_is("open", vfio_open(&v, &names, VFIO_TYPE1v2_IOMMU), 0);
	tap_is("set_error", vfio_set_eventfd(v.device, VFIO_PCI_ERR_IRQ_INDEX, error), 0);
	tap_is("set_request", vfio_set_eventfd(v.device, VFIO_PCI_REQ_IRQ_INDEX, request), 0);
	say("ready");
	tap_is("error", told(error), 1);
	say("held");
	tap_is("request", told(request), 1);
	/* Every ten seconds, as long as he does not give it back. */
	tap_is("request_again", told(request), 1);
	vfio_close(&v);
	return tap_done();
}

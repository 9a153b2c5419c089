// SPDX-License-Identifier: BSD-2-Clause
/* UDP datagrams to an address, as fast as the kernel takes them, until killed. ADDRESS */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "program.h"

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[1000] = { 0 };

	if (argc != 2 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	expect(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "a socket towards %s", argv[1]);
	/* Those who forward, and those who look at it, come first. */
	(void)!nice(19);
	for (;;)
		if (send(fd, data, sizeof(data), 0) < 0)
			usleep(1000); /* a full queue, or no carrier: both pass */
}

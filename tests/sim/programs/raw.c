// SPDX-License-Identifier: BSD-2-Clause
/* Opens VFIO's container past the C library; "vireo-sim run" must see that before it runs. */
#include <fcntl.h>
#include <sys/syscall.h>

int main(void)
{
	static const char path[] = "/dev/vfio/vfio";
	long fd;

	__asm__ volatile("movl %1, %%eax\n\tsyscall"
			 : "=&a"(fd)
			 : "i"(SYS_openat), "D"((long)AT_FDCWD), "S"(path), "d"((long)O_RDWR)
			 : "rcx", "r11", "memory");
	return fd < 0;
}

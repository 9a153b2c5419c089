/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-2-Clause */
#ifndef KVFIO_UAPI_H
#define KVFIO_UAPI_H

/* What kvfio says beyond <linux/vfio.h>, which is its ABI in all else. */

/* Its own front: nodes and PCI driver. In the drop-in front they are /dev/vfio and vfio-pci. */
#define KVFIO_DIR		"/dev/kvfio"
#define KVFIO_CONTAINER		"/dev/kvfio/kvfio"
#define KVFIO_PCI_DRIVER	"kvfio-pci"

/*
 * For VFIO_CHECK_EXTENSION: KVFIO_VERSION when kvfio is behind the container, whatever its node is
 * called; 0 from upstream.
 */
#define KVFIO_EXTENSION		0x6b766669
#define KVFIO_VERSION		1

#endif
